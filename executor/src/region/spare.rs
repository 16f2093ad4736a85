//! Regions that are used again, and what they have once something has registered with them.

use crate::{
    raw::lent::OnThread,
    raw::{lent::Lent, number::Number, pool::Pool},
    region::{
        members::Members,
        region::{Inner, Kind, Region},
    },
};
use std::{cell::RefCell, rc::Rc};

thread_local! {
    /// The spare regions of the executor whose code runs on this thread.
    pub(crate) static SPARE: Lent<Spare> = const { Lent::none() };
}

/// An executor's regions that nobody has.
pub(crate) struct Spare {
    regions: RefCell<Vec<Rc<Region>>>,
    #[expect(clippy::vec_box, reason = "the boxes themselves are what is used again")]
    inner: RefCell<Vec<Box<Inner>>>,
    /// Memory of futures that lie in another one's care.
    pub(crate) lodgings: Pool,
}

impl Spare {
    /// How many regions are kept: as many as a crowd of tasks may be waiting with a timeout each; 200 bytes each.
    const MOST_REGIONS: usize = 256;
    /// How many inner parts are kept, of regions that something has registered with; some hundred bytes each.
    const MOST_INNER: usize = 64;

    pub(crate) fn new() -> Spare {
        Spare { regions: RefCell::default(), inner: RefCell::default(), lodgings: Pool::new() }
    }

    /// Gives the memory of all spare regions back, and of lodgings beyond so many bytes for each size.
    pub(crate) fn trim(&self, bytes: usize) {
        self.lodgings.trim(bytes, None, |_| {});
        let spare = (self.regions.take(), self.inner.take());
        drop(spare);
    }
}

impl Region {
    /// A region that lies nowhere yet.
    #[inline]
    pub(crate) fn new(kind: Kind) -> Rc<Region> {
        let spare = SPARE.look(|spare| spare?.regions.borrow_mut().pop());
        let region = spare.unwrap_or_else(|| Rc::new(Region::fresh()));
        region.set_kind(kind);
        region
    }

    /// The region of a task's root scope.
    pub(crate) fn root_of(task: Number) -> Rc<Region> {
        let region = Region::new(Kind::Root);
        region.place.borrow_mut().task = task;
        region
    }

    /// Keeps a region for another use, if this is its last handle.
    #[inline]
    pub(crate) fn recycle(last: &mut Rc<Region>) {
        let Some(only) = Rc::get_mut(last) else { return };
        if let Some(inner) = only.inner.take() {
            Inner::recycle(inner);
        }
        // What goes may be foreign, and panic. Nothing leads to the region from there, and it is not kept then.
        *only = Region::fresh();
        SPARE.look(|spare| {
            let Some(spare) = spare else { return };
            let mut regions = spare.regions.borrow_mut();
            if regions.len() < Spare::MOST_REGIONS {
                regions.push(last.clone());
            }
        });
    }

    /// The region has ended, and becomes one that lies nowhere yet: the same one, if nobody else has it and it had no more than most have.
    #[inline]
    pub(crate) fn renew(ended: &mut Rc<Region>) {
        if let Some(only) = Rc::get_mut(ended) {
            if only.is_plain() {
                *only = Region::fresh();
                return;
            }
        }
        Region::recycle(&mut std::mem::replace(ended, Region::new(Kind::Scope)));
    }

    /// Was nothing of consequence done with the region, which has ended?
    fn is_plain(&mut self) -> bool {
        let is_untouched =
            self.reason.get().is_none() && self.inner.get().is_none() && self.limit.remote.get().is_none();
        let place = self.place.get_mut();
        is_untouched && place.around.is_none() && place.seat.is_none()
    }

    /// Has anybody else a handle of the scope, besides its future?
    #[inline]
    pub(crate) fn is_shared(self: &Rc<Self>) -> bool {
        Rc::strong_count(self) > 1 || self.limit.remote.get().is_some()
    }

    /// What the region has once something has registered with it.
    pub(crate) fn inner(&self) -> &Inner {
        self.inner.get_or_init(Inner::new)
    }
}

impl Inner {
    #[cold]
    fn new() -> Box<Inner> {
        SPARE.look(|spare| spare?.inner.borrow_mut().pop()).unwrap_or_default()
    }

    /// Keeps the inner part of a region that is gone for another one, if there is nothing in it.
    #[cold]
    fn recycle(mut inner: Box<Inner>) {
        let waiters = inner.waiters.get_mut();
        let has_waiters = !waiters.is_empty() || waiters.capacity() > Members::KEPT;
        waiters.clear();
        let is_idle = inner.end_around.get_mut().is_none()
            && inner.panic.get_mut().is_none()
            && inner.values.get_mut().is_empty();
        if !inner.members.reset() || !is_idle || has_waiters {
            return;
        }
        SPARE.look(|spare| {
            let Some(spare) = spare else { return };
            let mut kept = spare.inner.borrow_mut();
            if kept.len() < Spare::MOST_INNER {
                kept.push(inner);
            }
        });
    }
}
