//! What a region asks of the tasks: whether the task in which it lies is cancelled, and why. Its executor need not be the current one.

use crate::{
    outcome::reason::CancelReason,
    raw::lent::OnThread,
    raw::number::Number,
    region::{
        epoch::epoch,
        region::{Kind, Region},
    },
    task::tasks::{TASKS, of},
};
use std::rc::Rc;

impl Region {
    #[cold]
    pub(crate) fn requested_around(&self) -> Option<CancelReason> {
        let mut next = self.place.borrow().around.clone();
        let mut task = self.place.borrow().task;
        while let Some(region) = next {
            if let Some(reason) = region.reason() {
                return Some(reason.clone());
            }
            if region.kind.get() == Kind::Shielded {
                return None;
            }
            next = region.place.borrow().around.clone();
            task = region.place.borrow().task;
        }
        of(task)?.tasks().reason_of(task)
    }

    /// Something was cancelled since this region looked. It looks now, and so do those around it, iteratively and each
    /// at most once an epoch (if what they have seen in this one may be used).
    #[cold]
    pub(crate) fn look_around(&self, use_seen: bool) -> bool {
        let mut outdated: Vec<Rc<Region>> = Vec::new();
        let mut next = self.place.borrow().around.clone();
        let mut task = self.place.borrow().task;
        let outer = loop {
            let Some(region) = next else { break of(task).is_some_and(|whole| whole.tasks().is_cancelled(task)) };
            if region.reason.get().is_some() {
                break true;
            }
            if region.kind.get() == Kind::Shielded {
                break false;
            }
            if use_seen && region.seen.get() == epoch() {
                break region.outer.get();
            }
            next = region.place.borrow().around.clone();
            task = region.place.borrow().task;
            outdated.push(region);
        };
        for region in outdated {
            region.see(outer);
        }
        self.see(outer);
        outer
    }

    /// The region's future is dropped before it has ended.
    pub(crate) fn abandon(&self) {
        if let Some(panic) = self.take_panic() {
            let (around, task) = (self.place.borrow().around.clone(), self.place.borrow().task);
            if self.is_outer_cancelled() {
                if let Some(around) = around.or_else(|| root_region_of(task)) {
                    around.stash(panic);
                }
            }
        }
        self.end();
    }
}

/// The root scope's region of a task that is running.
fn root_region_of(task: Number) -> Option<Rc<Region>> {
    TASKS.look(|tasks| tasks.filter(|tasks| tasks.current() == task)?.root_region())
}
