//! What a schedule chooses, where there is one. It is the host's code: a panic there is the host's, not that of the task that was polled
//! last.

use crate::{
    core::Core,
    outcome::caught::{caught, forget_if_it_panics},
    schedule::Choice,
};
use std::panic::resume_unwind;

impl Core {
    pub(crate) fn choose_ready(&self, end: u32) {
        if self.schedule.is_none() {
            return;
        }
        let ready = self.tasks.ready();
        let left = end.wrapping_sub(ready.head()) as usize;
        ready.bring_forward(self.choose(Choice::Ready, left));
    }

    fn choose(&self, choice: Choice, n: usize) -> usize {
        let Some(schedule) = &self.schedule else { return 0 };
        self.tasks.clear_current();
        let chosen = schedule.borrow_mut().choose(choice, n);
        assert!(chosen < n, "a schedule chose {chosen} of {n}");
        chosen
    }

    /// A choice between wake-ups that lie in no queue at that moment: they are all delivered first, and if the schedule
    /// panics, the panic goes on at the end of the turn.
    pub(crate) fn choose_wake(&self, choice: Choice, n: usize) -> usize {
        caught(|| self.choose(choice, n)).unwrap_or_else(|payload| {
            match self.schedule_panic.take() {
                // The first one goes on. The other's payload may panic in its destructor.
                Some(first) => {
                    self.schedule_panic.set(Some(first));
                    forget_if_it_panics(payload);
                }
                None => self.schedule_panic.set(Some(payload)),
            }
            0
        })
    }

    pub(crate) fn resume_schedule_panic(&self) {
        if let Some(payload) = self.schedule_panic.take() {
            self.tasks.clear_current();
            resume_unwind(payload);
        }
    }
}
