//! A branch's poll, as far as the task's values are concerned: see [`layers`](crate::region::layers).

use crate::{
    outcome::{
        caught::caught,
        panic::Panic,
        unhandled::{UnhandledKind, report_unhandled as report},
    },
    region::locals::LocalValue,
    task::tasks::Tasks,
};

/// While it lives, what is set is the branch's. When it is dropped, as a panic goes by, what was set is dropped.
pub(crate) struct Layer<'a>(&'a Tasks);

/// Where branches are polled one after the other: if a panic comes out of one, it ends that one's layer as it goes by.
pub(crate) struct Base<'a> {
    tasks: &'a Tasks,
    depth: u32,
}

impl<'a> Layer<'a> {
    /// A branch's poll begins.
    #[inline]
    pub(crate) fn enter(tasks: &'a Tasks) -> Layer<'a> {
        tasks.here.layers.enter();
        Layer(tasks)
    }

    /// The layer of the branch whose poll was entered last.
    pub(crate) fn innermost(tasks: &'a Tasks) -> Layer<'a> {
        Layer(tasks)
    }

    /// The poll is over, in which nothing was set.
    #[inline]
    pub(crate) fn leave(self) {
        self.0.here.layers.leave();
        std::mem::forget(self);
    }

    /// Has the branch set anything, or were its values put there?
    pub(crate) fn covers(&self) -> bool {
        self.0.here.layers.covers()
    }

    /// Puts the values there that the branch has set before, and none are left here. In a task that has ended they are dropped.
    pub(crate) fn put(&self, values: &mut Vec<LocalValue>) {
        for value in values.drain(..) {
            let mut value = Some(value);
            self.0.set_local(&mut value);
            drop_values(value);
        }
    }

    /// The poll is over. What the branch has set goes to `values`.
    pub(crate) fn take(self, values: &mut Vec<LocalValue>) {
        self.take_off(values);
        self.leave();
    }

    fn take_off(&self, values: &mut Vec<LocalValue>) {
        while let Some(covered) = self.0.here.layers.uncover() {
            let mut value = covered.value;
            self.0.exchange_local(covered.key, &mut value);
            values.extend(value);
        }
    }
}

impl Drop for Layer<'_> {
    #[cold]
    #[inline(never)]
    fn drop(&mut self) {
        let mut values = Vec::new();
        self.take_off(&mut values);
        self.0.here.layers.leave();
        drop_values(values);
    }
}

impl<'a> Base<'a> {
    #[inline(always)]
    pub(crate) fn new(tasks: &'a Tasks) -> Base<'a> {
        Base { tasks, depth: tasks.here.layers.depth() }
    }

    /// No panic has come, unless it was caught where it is not to be.
    #[inline(always)]
    pub(crate) fn end(self) {
        if self.tasks.here.layers.depth() == self.depth {
            std::mem::forget(self);
        }
    }
}

impl Drop for Base<'_> {
    #[cold]
    #[inline(never)]
    fn drop(&mut self) {
        while self.tasks.here.layers.depth() > self.depth {
            drop(Layer(self.tasks));
        }
    }
}

/// Drops what a branch has set, one after the other. A destructor's panic is reported: what the branch has come to counts.
pub(crate) fn drop_values(values: impl IntoIterator<Item = LocalValue>) {
    for value in values {
        if let Err(payload) = caught(|| drop(value)) {
            report(UnhandledKind::DestructorPanicked(Panic::new(payload)));
        }
    }
}

impl Tasks {
    /// Sets one of the current task's values. What is not needed any more is in `value` then: the old one, or in a task that has ended the new
    /// one. `None` outside of tasks; otherwise, whether it covers what is there.
    pub(super) fn set_local(&self, value: &mut Option<LocalValue>) -> Option<bool> {
        let layers = &self.here.layers;
        let new = value.as_mut()?;
        let (key, depth) = (new.key, layers.depth());
        new.depth = depth;
        if new.inherited {
            self.set_inherits();
        }
        self.with_header(self.current(), |head| {
            if head.stage().is_end() {
                return false;
            }
            head.with_extras(|extras| {
                let covers = depth > 0 && !extras.locals.is_set_at(key, depth);
                extras.locals.exchange(key, value);
                if covers {
                    layers.cover(key, value.take());
                }
                covers
            })
        })
    }

    /// The current task gets `value` under that key, and `value` what the task had; either may be nothing. `false` outside of tasks, and in
    /// one that has ended and keeps nothing.
    pub(super) fn exchange_local(&self, key: usize, value: &mut Option<LocalValue>) -> bool {
        let exchanged = self.with_header(self.current(), |head| {
            let has_ended = head.stage().is_end();
            if !has_ended {
                head.with_extras(|extras| extras.locals.exchange(key, value));
            }
            !has_ended
        });
        exchanged == Some(true)
    }
}
