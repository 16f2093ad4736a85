//! How the tasks of an executor end with it.

use crate::task::tasks::{End, Tasks, drop_header, mode};
use crate::{
    outcome::{reason::CancelReason, unhandled::forget_if_it_panics},
    raw::{
        block::{Header, Stage},
        number::Number,
    },
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    ptr::NonNull,
};

/// Destructors may spawn tasks whose destructors spawn others, and so on. So many of those are stopped while an executor ends; what
/// comes then is never dropped, so that the end has one.
pub(crate) const PATIENCE: usize = 1 << 20;

impl Tasks {
    /// Every task that lives is in the queue, to be stopped. Those that destructors spawn meanwhile are stopped too, as long as there
    /// is patience.
    pub(crate) fn stop_what_is_ready(&self) {
        let begun = self.ready.nth(self.ready.len());
        while self.ready.head() != begun {
            self.step_and_recover();
        }
        while !self.ready.is_empty() && self.patience.get() > 0 {
            self.patience.set(self.patience.get() - 1);
            self.step_and_recover();
        }
    }

    /// What a step throws is its task's outcome. Nothing of the host's but its hook, which is caught, is called in it.
    pub(crate) fn step_and_recover(&self) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| self.step())) {
            self.recover(payload);
        }
    }

    /// The last sweep: the executor takes no more tasks, those that have not ended are stopped, and the blocks that handles still
    /// reach become theirs. Returns a number whose generation no task had. No task may be in the middle of a poll. It does not
    /// unwind.
    ///
    /// Foreign code runs in the first part only. It can still spawn by [`spawn`](crate::task::spawn::spawn) there; those tasks are cancelled from
    /// birth, and stopped without being polled. When the second part begins, nothing runs any more that could make one.
    pub(crate) fn seal(&self) -> Number {
        self.set_mode(mode::ENDED | mode::ENDING, true);
        self.for_each_occupant(|number, block| {
            self.current.set(number);
            forget_if_it_panics(catch_unwind(AssertUnwindSafe(|| self.stop_at_end(block))));
        });
        forget_if_it_panics(catch_unwind(AssertUnwindSafe(|| self.stop_what_is_ready())));
        self.clear_current();
        let beyond = self.table.beyond(self.seats.generation());
        self.ready.clear();
        self.for_each_occupant(|_, block| self.abandon(block));
        self.live.set(0);
        beyond
    }

    /// `f` may free the task, and make others.
    fn for_each_occupant(&self, f: impl Fn(Number, NonNull<Header>)) {
        for index in 0..self.table.len() {
            if let Some((number, block)) = self.table.occupant(index) {
                f(number, block);
            }
        }
    }

    /// Stops a task that has not ended. The first reason stays.
    fn stop_at_end(&self, block: NonNull<Header>) {
        // SAFETY: the caller found the block in an occupied slot just now.
        let head = unsafe { block.as_ref() };
        if head.stage.get() != Stage::Future {
            return;
        }
        if head.reason().is_none() {
            head.set_reason(CancelReason::Shutdown);
        }
        self.stop(block, End::Cancelled);
    }

    /// The slot is nobody's, and the block is its handle's, if it has one.
    fn abandon(&self, block: NonNull<Header>) {
        // SAFETY: the caller found the block in an occupied slot just now.
        let head = unsafe { block.as_ref() };
        self.table.vacate(head.slot);
        self.table.detach(head.slot);
        head.orphan.set(true);
        let has_ended = head.stage.get().is_end();
        if !has_ended {
            // Patience was over when a destructor spawned it. The future was never polled, and is not touched any more.
            head.stage.set(Stage::Cancelled);
        }
        if !head.handle.get() && has_ended {
            let size = &head.vtable.size;
            // SAFETY: the payload is gone, as the task has ended; no handle leads to the block, nor its slot any more.
            unsafe {
                drop_header(block);
                size.free(block.cast());
            }
        }
    }
}
