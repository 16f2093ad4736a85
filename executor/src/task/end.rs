//! How the tasks of an executor end with it.

use crate::{
    outcome::{
        caught::{caught, forget_if_it_panics},
        reason::CancelReason,
        task_state::TaskState,
        unhandled::UnhandledKind,
    },
    raw::{
        block::Stage,
        number::Number,
        tag::flag::{CANCEL, FRESH},
    },
    task::{
        finish::End,
        header::{Live, PlainReason},
        tasks::{Stop, Tasks, mode},
    },
};

impl Tasks {
    /// Every task is cancelled, and those that are spawned later are so from birth, unless clean-up spawns them.
    pub(crate) fn close(&self) {
        if self.is_closing() {
            return;
        }
        self.set_mode(mode::CLOSING, true);
        self.for_each(|_, task| self.request(&task, Stop::Cancel, CancelReason::Shutdown));
    }

    /// Every task that has not ended is to be dropped by the loop, and is reported. Returns their names.
    pub(crate) fn abort_all(&self) -> Vec<Box<str>> {
        self.set_mode(mode::ENDING, true);
        self.clear_current();
        let mut stuck = Vec::new();
        self.for_each(|number, task| {
            // A destructor has spawned it, just now: it has no clean-up, and the loop comes to it.
            let comes_at_once = task.flags() & (FRESH | CANCEL) == FRESH | CANCEL;
            if task.stage() != Stage::Future || comes_at_once {
                return;
            }
            let unhandled = task.unhandled(Some(number), UnhandledKind::GraceExceeded);
            task.with_extras(|extras| extras.overdue = true);
            // The hook may do anything, but not free a task that has not ended: that is for the loop, which waits for us.
            self.request(&task, Stop::Abort, CancelReason::Aborted);
            stuck.push(unhandled.task().into());
            self.unhandler.report(unhandled);
        });
        stuck
    }

    /// Those that have not ended, in words, for a line of text: the oldest places first, and not all of a crowd.
    pub(crate) fn who_lives(&self) -> String {
        const MOST: usize = 20;
        let (mut words, mut count) = (String::new(), 0);
        self.for_each(|number, task| {
            if task.stage() != Stage::Future {
                return;
            }
            count += 1;
            if count <= MOST {
                let cleans = task.state() == TaskState::CleaningUp;
                let comma = if count > 1 { ", " } else { "" };
                words += comma;
                words += &task.unhandled(Some(number), UnhandledKind::GraceExceeded).task();
                words += if cleans { ", cleaning up" } else { "" };
            }
        });
        if count > MOST {
            words += &format!(", and {} more", count - MOST);
        }
        words
    }

    /// Every task that lives is in the queue, to be stopped. Those that destructors spawn meanwhile are stopped too, as long as there
    /// is patience.
    pub(crate) fn stop_what_is_ready(&self) {
        let begun = self.ready().nth(self.ready().len());
        while self.ready().head() != begun {
            self.step_and_recover();
        }
        while !self.ready().is_empty() && self.patience.get() > 0 {
            self.patience.set(self.patience.get() - 1);
            self.step_and_recover();
        }
    }

    /// The last sweep: the executor takes no more tasks, those that have not ended are stopped, and the blocks that handles still
    /// reach become theirs. Returns a number whose generation no task had. No task may be in the middle of a poll. It does not
    /// unwind.
    ///
    /// Foreign code runs in the first part only. It can still spawn by [`spawn`](crate::spawn) there; those tasks are cancelled from
    /// birth, and stopped without being polled. When the second part begins, nothing runs any more that could make one.
    pub(crate) fn seal(&self) -> Number {
        self.set_mode(mode::ENDED | mode::ENDING, true);
        self.for_each(|number, task| {
            self.current.set(number);
            forget_if_it_panics(caught(|| self.stop_at_end(task)));
        });
        forget_if_it_panics(caught(|| self.stop_what_is_ready()));
        self.clear_current();
        let beyond = self.blocks.beyond(self.seats.generation());
        self.ready().clear();
        self.for_each(|_, task| self.blocks.abandon(task));
        self.live.set(0);
        beyond
    }

    /// `f` may free the task, and make others. Slots that are new then are left out, or each of those might make the next for ever.
    fn for_each(&self, mut f: impl FnMut(Number, Live)) {
        for slot in 0..self.blocks.slots.len() {
            if let Some((number, task)) = self.blocks.occupant(slot) {
                f(number, task);
            }
        }
    }

    /// Stops a task that has not ended. The first reason stays.
    fn stop_at_end(&self, task: Live) {
        if task.stage() != Stage::Future {
            return;
        }
        if task.reason().is_none() {
            task.set_reason(PlainReason::Shutdown);
        }
        self.stop(task, End::Cancelled);
    }
}
