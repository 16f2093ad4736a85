//! What a schedule chooses, where there is one. It is the host's code: a panic there is the host's, not that of the task that was polled
//! last.

use crate::{core::Core, outcome::caught::caught, schedule::Choice};
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
        // Borrowed if it is a schedule's own code that asks.
        let Ok(mut schedule) = schedule.try_borrow_mut() else { return 0 };
        let chosen = schedule.choose(choice, n);
        assert!(chosen < n, "a schedule chose {chosen} of {n}");
        chosen
    }

    /// A choice between wake-ups that lie in no queue at that moment: they are all delivered first, and if the schedule
    /// panics, the panic goes on at the end of the turn.
    pub(crate) fn choose_wake(&self, choice: Choice, n: usize) -> usize {
        caught(|| self.choose(choice, n)).unwrap_or_else(|payload| {
            let mut panics = self.schedule_panics.take();
            panics.keep_or_forget(payload);
            self.schedule_panics.set(panics);
            0
        })
    }

    pub(crate) fn resume_schedule_panic(&self) {
        let panics = self.schedule_panics.take();
        if panics.has_one() {
            self.tasks.clear_current();
            panics.go_on();
        }
    }
}
