//! One step of the loop: a task is polled, or stopped.

use crate::{
    outcome::caught::{Payload, caught},
    raw::{
        block::Stage,
        blocks::{Due, Turn},
        number::Number,
        tag::flag::*,
    },
    region::{
        drive::{Verdict, decide},
        region::Stillness,
    },
    task::{
        finish::End,
        header::{Live, Meta},
        tasks::Tasks,
    },
    wake::wake::{wake_number, waker},
};
use evenkeel_coop::{has_budget, renew_budget};
use std::task::Context;

impl Tasks {
    /// Takes the oldest task from the ready queue and does what is due with it. Unwinds if the task's future panics:
    /// [`Tasks::recover`] must be called then.
    #[inline(always)]
    pub(crate) fn step(&self) {
        match self.blocks.dequeue() {
            Turn::Poll(due, number) => self.poll(due, number),
            Turn::Unusual(task, number, flags) => self.step_unusual(task, number, flags),
        }
    }

    /// [`Tasks::step`]; what it throws is its task's outcome. Nothing of the host's but its hook, which is caught, is called in it.
    pub(crate) fn step_and_recover(&self) {
        if let Err(payload) = caught(|| self.step()) {
            self.recover(payload);
        }
    }

    /// [`Tasks::step`]; `true` if the task woke itself meanwhile.
    pub(crate) fn step_is_restless(&self) -> bool {
        let slots = &self.blocks.slots;
        let slot = slots.ready.front();
        let before = slots.number_in(slot as usize);
        self.step();
        let flags = slots.flags_in(slot as usize).unwrap_or(DONE);
        let is_waiting_to_be_stopped = flags & (DONE | ABORT) != 0 || flags & (CANCEL | CLEANING) == CANCEL;
        // Who gives way for its budget has more to do, and may come to an end.
        let woke_itself = before == slots.number_in(slot as usize) && flags & QUEUED != 0 && has_budget();
        woke_itself && !is_waiting_to_be_stopped
    }

    /// The number of the oldest task that is ready. There must be one.
    pub(crate) fn next_to_poll(&self) -> Option<Number> {
        let slots = &self.blocks.slots;
        slots.number_in(slots.ready.front() as usize)
    }

    #[inline(always)]
    fn poll(&self, due: Due<Meta>, number: Number) {
        self.current.set(number);
        renew_budget();
        let waker = waker(number);
        if let Some(ended) = due.poll(&mut Context::from_waker(&waker)) {
            self.finish(ended);
        }
    }

    /// A task that is to be stopped, or has ended while it was queued.
    #[cold]
    fn step_unusual(&self, task: Live, number: Number, flags: u8) {
        if flags & DONE != 0 {
            // It was woken during its last poll, or stopped in it; nothing is left but to free it.
            return self.free_if_forgotten(task);
        }
        self.current.set(number);
        renew_budget();
        if flags & (ABORT | FRESH) != 0 || (!task.has_root() && flags & (WOKEN | CLEANING) == 0) {
            return self.stop_cancelled(task);
        }
        self.begin_delivery(task, number, flags);
    }

    /// The task was woken before it was cancelled, or something has registered in its root scope.
    #[inline(never)]
    fn begin_delivery(&self, task: Live, number: Number, flags: u8) {
        if let Some(root) = task.root().filter(|root| root.has_members()) {
            if flags & (WOKEN | CLEANING) == 0 {
                root.stillness.set(Stillness::Still);
            }
            // From now on it may wait. Without members it hardly ever has to, and a wake-up in its last poll is no concern.
            self.blocks.set_cleaning(&task);
        } else if flags & (WOKEN | CLEANING) == 0 {
            return self.stop(task, End::Cancelled);
        }
        self.deliver(task, number);
    }

    /// The task's root scope was cancelled: it is polled once more, and as often as its clean-up needs. Then it is stopped where it is
    /// suspended, unless a completed result was not lost.
    fn deliver(&self, task: Live, number: Number) {
        let waker = waker(number);
        let mut cx = Context::from_waker(&waker);
        let mut again = 0;
        loop {
            renew_budget();
            let reached = self.here.commons.reached();
            let poll = |cx: &mut Context<'_>| task.poll_again(cx);
            let polled = match task.root() {
                Some(root) => root.while_polled(|| root.poll_inside(&self.here.commons, &mut cx, poll)),
                None => poll(&mut cx),
            };
            if polled.is_ready() {
                return self.finish(task);
            }
            if task.flags() & ABORT != 0 {
                // In this poll; it is in the queue again.
                return;
            }
            let Some(root) = task.root() else { return self.stop(task, End::Cancelled) };
            match decide(&self.here.commons, &root, reached, again) {
                Verdict::Wait => {}
                Verdict::Again => {
                    again += 1;
                    continue;
                }
                Verdict::Stop => {
                    // The task has the last handle of its region then, and that can be used again.
                    drop(root);
                    return self.stop(task, End::Cancelled);
                }
            }
            let was_cleaning = self.blocks.set_cleaning(&task);
            root.wait(self, &waker, true);
            if !was_cleaning {
                // The clean-up was begun in this very poll, in which no wake-up has queued the task.
                wake_number(number);
            }
            return;
        }
    }

    /// Something below the loop panicked. If it was the future that was being polled, that is its task's outcome; if no
    /// task was being polled, it was a callback of the host's, and the panic goes on to the host.
    #[cold]
    pub(crate) fn recover(&self, payload: Payload) {
        match self.blocks.find(self.current.get()).filter(|task| task.stage() == Stage::Future) {
            Some(task) => self.stop(task, End::Panicked(payload)),
            None => std::panic::resume_unwind(payload),
        }
        self.clear_current();
    }
}
