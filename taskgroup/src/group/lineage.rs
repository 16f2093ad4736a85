//! In which group's code are we, and which groups lie around that?

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    mem::ManuallyDrop,
};

thread_local! {
    /// How many groups there were in this thread.
    static COUNT: Cell<u64> = const { Cell::new(0) };
    /// The group whose code, its body or a child, is being polled; 0 for none.
    static INSIDE: Cell<u64> = const { Cell::new(0) };
    /// For groups that lie in another: where. It has no destructor, so that it is there to the very end of its thread; when it is
    /// empty it holds no memory.
    static AROUND: RefCell<ManuallyDrop<BTreeMap<u64, Site>>> = const { RefCell::new(ManuallyDrop::new(BTreeMap::new())) };
}

/// Where a group lies. It is known for as long as there is the group, or one below it: a child may outlive its group's future, and
/// the groups that this lay in.
struct Site {
    around: u64,
    /// How many groups lie in this one.
    below: usize,
    is_gone: bool,
}

/// A group is gone, and with it the sites that only it has kept.
fn forget(sites: &mut BTreeMap<u64, Site>, mut group: u64) {
    if let Some(site) = sites.get_mut(&group) {
        site.is_gone = true;
    }
    while let Some(site) = sites.get(&group).filter(|site| site.is_gone && site.below == 0) {
        let around = site.around;
        sites.remove(&group);
        if let Some(site) = sites.get_mut(&around) {
            site.below -= 1;
        }
        group = around;
    }
}

/// A group's place among others. It is asked for only when something is amiss, so what is kept for it costs a child no more than
/// two numbers that are written.
pub(super) struct Lineage {
    /// The group's number among all groups in this thread.
    id: u64,
    /// Has the group an entry in [`AROUND`]?
    is_below: Cell<bool>,
}

impl Lineage {
    pub(super) fn new() -> Lineage {
        let id = COUNT.get() + 1;
        COUNT.set(id);
        Lineage { id, is_below: Cell::new(false) }
    }

    /// The group begins to run: it lies in the one whose code runs now.
    pub(super) fn begin(&self) {
        let around = INSIDE.get();
        if around == 0 {
            return;
        }
        AROUND.with_borrow_mut(|sites| {
            sites.insert(self.id, Site { around, below: 0, is_gone: false });
            if let Some(site) = sites.get_mut(&around) {
                site.below += 1;
            }
        });
        self.is_below.set(true);
    }

    /// Calls `poll`, which runs code of this group: its body, or a child.
    #[inline]
    pub(super) fn inside<R>(&self, poll: impl FnOnce() -> R) -> R {
        struct Back(u64);
        impl Drop for Back {
            #[inline]
            fn drop(&mut self) {
                INSIDE.set(self.0);
            }
        }
        let _back = Back(INSIDE.replace(self.id));
        poll()
    }

    /// Is the code that runs now this group's, or that of a group below?
    pub(super) fn is_inside(&self) -> bool {
        let mut group = INSIDE.get();
        while group != self.id && group != 0 {
            group = AROUND.with_borrow(|sites| sites.get(&group).map_or(0, |site| site.around));
        }
        group != 0
    }
}

impl Drop for Lineage {
    fn drop(&mut self) {
        if self.is_below.get() {
            AROUND.with_borrow_mut(|sites| {
                forget(sites, self.id);
                if sites.is_empty() {
                    **sites = BTreeMap::new();
                }
            });
        }
    }
}
