//! Where the code that runs now stands: the innermost region around it.

use super::region::Region;
use crate::{core::Core, number::Number, raw::enter};
use std::{
    cell::{Cell, Ref, RefCell},
    rc::Rc,
};

/// How often something was cancelled on this thread. What was found out about regions in an older epoch may be wrong.
pub(crate) type Epoch = u64;

thread_local! {
    static EPOCH: Cell<Epoch> = const { Cell::new(1) };
}

#[inline(always)]
pub(crate) fn epoch() -> Epoch {
    EPOCH.get()
}

pub(crate) fn new_epoch() {
    EPOCH.set(EPOCH.get() + 1);
}

/// Where an executor's running task stands.
#[derive(Default)]
pub(crate) struct Here {
    /// The innermost region; `None` is the task's root scope. It is `None` whenever the loop begins a poll, as every region
    /// takes itself out again, also when it unwinds.
    region: RefCell<Option<Rc<Region>>>,
    /// Counts the clean-up points that were polled for the first time after a cancellation.
    reached: Cell<u64>,
}

impl Here {
    /// Nothing else may be done with this while the result lives.
    pub(super) fn region(&self) -> Ref<'_, Option<Rc<Region>>> {
        self.region.borrow()
    }

    pub(crate) fn reached(&self) -> u64 {
        self.reached.get()
    }

    pub(super) fn count_reached(&self) {
        self.reached.set(self.reached.get() + 1);
    }

    /// Calls `poll` inside `region`.
    #[inline]
    pub(super) fn inside<R>(&self, region: &Rc<Region>, poll: impl FnOnce() -> R) -> R {
        struct Back<'a>(&'a Here, Option<Rc<Region>>);
        impl Drop for Back<'_> {
            fn drop(&mut self) {
                let region = self.0.region.replace(self.1.take());
                if let Some(region) = region {
                    region.set_polled(false);
                }
            }
        }
        region.set_polled(true);
        let _back = Back(self, self.region.replace(Some(region.clone())));
        poll()
    }
}

impl crate::raw::tasks::Tasks {
    /// Is the code that runs now in a cancelled region?
    #[inline]
    pub(crate) fn is_cancelled_here(&self) -> bool {
        match &*self.here.region() {
            Some(region) => region.is_cancelled(),
            None => self.is_cancelled(self.current()),
        }
    }

    /// The innermost region around the code that runs now.
    pub(super) fn region_here(&self) -> Option<Rc<Region>> {
        let here = self.here.region().clone();
        here.or_else(|| self.root_region())
    }
}

/// Was that task's root scope cancelled?
pub(super) fn is_task_cancelled(task: Number) -> bool {
    enter::with_current(|core| core.is_some_and(|core| core.tasks.is_cancelled(task)))
}

/// The root scope's region of a task that is running.
pub(super) fn root_region_of(task: Number) -> Option<Rc<Region>> {
    enter::with_current(|core| core.filter(|core| core.tasks.current() == task)?.tasks.root_region())
}

/// Calls `f` with the executor that polls now.
#[inline]
pub(super) fn polled_by<R>(what: &str, f: impl FnOnce(&Core) -> R) -> R {
    enter::with_current(|core| match core {
        Some(core) => f(core),
        None => no_executor(what),
    })
}

#[cold]
fn no_executor(what: &str) -> ! {
    panic!("{what} was polled outside an executor: await it in a future that evenkeel::run drives")
}
