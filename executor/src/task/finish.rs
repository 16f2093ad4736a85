//! How a task ends: stopped, or with an outcome; and what becomes of that.

use crate::{
    outcome::{
        caught::{Payload, caught},
        panic::Panic,
        unhandled::{Unhandled, UnhandledKind},
    },
    raw::{block::Stage, blocks::Vacant, number::Number},
    region::{held::Held, region::Region},
    task::{
        header::{Header, Live, Meta, PlainReason},
        joiner::Joiner,
        tasks::Tasks,
    },
};

/// How a task ended that has no value.
pub(super) enum End {
    Cancelled,
    Panicked(Payload),
}

impl Tasks {
    /// Stops the task on this stack, if it has not ended. It is not being polled: the caller's frame would be above that.
    #[cold]
    pub(super) fn stop_now(&self, task: &Live) {
        if task.stage() == Stage::Future {
            task.set_reason(PlainReason::Aborted);
            if let Some(task) = self.blocks.find(task.number()) {
                self.stop(task, End::Cancelled);
            }
        }
    }

    /// Stops a task that was cancelled: straight on, if there is nothing in it but its future.
    #[inline]
    pub(super) fn stop_cancelled(&self, task: Live) {
        if task.has_more_extras() {
            return self.stop(task, End::Cancelled);
        }
        match caught(|| task.drop_future()) {
            Ok(()) if !task.has_more_extras() => {
                task.end_without_value(false);
                self.finish(task);
            }
            dropped => self.end_badly(task, End::Cancelled, dropped.err()),
        }
    }

    /// Drops the future where it is. Its destructor's panic is the task's outcome, unless there is a panic already.
    #[inline(never)]
    pub(super) fn stop(&self, task: Live, end: End) {
        if let Some(root) = task.root() {
            root.unlink();
        }
        let dropped = caught(|| task.drop_future());
        self.end_badly(task, end, dropped.err());
    }

    /// The future is gone, without an output, and perhaps with a panic.
    #[cold]
    #[inline(never)]
    fn end_badly(&self, task: Live, mut end: End, dropped: Option<Payload>) {
        // A panic in clean-up has waited for the rest of it.
        let stashed = task.root().and_then(|root| root.take_panic());
        for payload in stashed.into_iter().map(Held::into_payload).chain(dropped) {
            match end {
                End::Cancelled => end = End::Panicked(payload),
                End::Panicked(_) => self.report(&task, UnhandledKind::DestructorPanicked(Panic::new(payload))),
            }
        }
        if let End::Panicked(payload) = end {
            let panic = Panic::new(payload);
            task.with_extras(|extras| extras.panic = Some(panic));
            task.end_without_value(true);
        } else {
            task.end_without_value(false);
        }
        self.finish(task);
    }

    /// There is an outcome: tells whoever waits for it, or gets rid of it.
    #[inline(always)]
    pub(super) fn finish(&self, task: Live) {
        self.live.set(self.live.get() - 1);
        if task.has_extras_or_no_handle() {
            return self.finish_unusual(task);
        }
        self.blocks.set_done(&task);
        // From here on the block may be gone: whoever is woken may drop the handle.
        let joiner = task.noted();
        if joiner != Number::NONE && !self.blocks.slots.wake_waiting(joiner) {
            self.wake_joiner(Joiner::Ours(joiner));
        }
    }

    /// [`Tasks::finish`] for a task that has more than the number of whoever waits for it, or no handle.
    #[inline(never)]
    fn finish_unusual(&self, task: Live) {
        if task.has_more_extras() {
            self.finish_extras(&task);
        }
        self.blocks.set_done(&task);
        if !task.has_handle() {
            return self.let_go(task);
        }
        // From here on the block may be gone: the waker may be one that drops the handle.
        if self.blocks.slots.wake_waiting(task.joiner_number()) {
            return;
        }
        if let Some(joiner) = task.take_joiner() {
            self.wake_joiner(joiner);
        }
    }

    /// Drops the task-locals, and reports what came too late for the outcome.
    #[cold]
    fn finish_extras(&self, head: &Header) {
        let Some((locals, mut root, late)) = head.take_parts() else { return };
        if let Some(panic) = root.as_ref().and_then(|root| root.take_panic()) {
            self.report(head, UnhandledKind::CleanupPanicked(Panic::new(panic.into_payload())));
        }
        // The region may own wakers of points that have moved away.
        let end = || {
            if let Some(root) = &mut root {
                root.end();
                Region::recycle(root);
            }
            drop(root);
        };
        if let Err(panic) = Panic::catch(end) {
            self.report(head, UnhandledKind::DestructorPanicked(panic));
        }
        // One by one: where a list is dropped, a second panic would end the process.
        for value in locals {
            if let Err(panic) = Panic::catch(|| drop(value)) {
                self.report(head, UnhandledKind::DestructorPanicked(panic));
            }
        }
        if let Some(panic) = late {
            self.report(head, UnhandledKind::DestructorPanicked(panic));
        }
    }

    /// Wakes one who is not ours, and may do anything, also panic; or one of ours that is not waiting here.
    #[cold]
    #[inline(never)]
    fn wake_joiner(&self, joiner: Joiner) {
        if let Err(panic) = Panic::catch(|| joiner.wake()) {
            self.unhandler.report(Unhandled::new(UnhandledKind::WakerPanicked(panic)));
        }
    }

    /// The task has ended and nobody has a handle: its outcome is dropped or reported, and the task is freed.
    #[inline(never)]
    fn let_go(&self, task: Live) {
        if let Some(joiner) = task.take_joiner() {
            // Its handle was dropped in the middle of the end, by the destructor of a task-local.
            if let Err(panic) = Panic::catch(|| drop(joiner)) {
                self.report(&task, UnhandledKind::WakerPanicked(panic));
            }
        }
        match task.take_end() {
            Stage::Value if task.value_matters() => {
                if let Some(text) = task.look() {
                    self.report(&task, UnhandledKind::Error(text));
                }
                if let Err(panic) = Panic::catch(|| task.drop_value()) {
                    self.report(&task, UnhandledKind::DestructorPanicked(panic));
                }
            }
            Stage::Panicked => {
                if let Some(panic) = task.peek_extras(|extras| extras.panic.take()).flatten() {
                    self.report(&task, UnhandledKind::TaskPanicked(panic));
                }
            }
            _ => {}
        }
        self.free_if_forgotten(task);
    }

    /// Frees block and slot if the task has ended, no handle is left, and the slot is not in the ready queue.
    #[inline(always)]
    pub(super) fn free_if_forgotten(&self, task: Live) {
        if let Some(vacant) = self.blocks.vacate_if_forgotten(task) {
            self.free(vacant);
        }
    }

    /// [`Tasks::free_if_forgotten`] for a handle that is done with its task, and goes.
    #[inline(always)]
    pub(super) fn free_without_handle(&self, task: Live) {
        if let Some(vacant) = self.blocks.vacate_if_handle_goes(task) {
            self.free(vacant);
        }
    }

    #[inline(always)]
    fn free(&self, vacant: Vacant<Meta>) {
        if vacant.has_extras() {
            return self.free_with_extras(vacant);
        }
        self.blocks.free(vacant);
    }

    #[cold]
    #[inline(never)]
    fn free_with_extras(&self, vacant: Vacant<Meta>) {
        self.spare.take_back(&vacant);
        self.blocks.free(vacant);
    }
}
