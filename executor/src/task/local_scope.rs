//! A task-local's value for a part of a task.

use crate::{
    outside::polled_outside,
    raw::{lent::OnThread, place::Place},
    region::locals::LocalValue,
    task::tasks::TASKS,
};
use pin_project_lite::pin_project;
use std::{
    pin::Pin,
    task::{Context, Poll},
};

pin_project! {
    /// A future that finds a value of its own under a key: the value is the task's for each of its polls, and for its destructor.
    pub(super) struct LocalScope<F> {
        // `None` while the task has it, and where it had none any more.
        value: Option<LocalValue>,
        key: usize,
        #[pin]
        future: Place<F>,
    }
    impl<F> PinnedDrop for LocalScope<F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            let _entered = Entered::new(*this.key, this.value);
            this.future.clear();
        }
    }
}

impl<F> LocalScope<F> {
    pub(super) fn new(value: LocalValue, future: F) -> LocalScope<F> {
        LocalScope { key: value.key, value: Some(value), future: Place::new(future) }
    }
}

impl<F: Future> Future for LocalScope<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let entered = Entered::new(*this.key, this.value);
        if !entered.is_in_task {
            polled_outside("TaskLocal::scope");
        }
        let Some(future) = this.future.as_mut().get() else {
            panic!("a TaskLocal::scope was polled after it had ended")
        };
        let polled = future.poll(cx);
        if polled.is_ready() {
            this.future.clear();
        }
        polled
    }
}

/// While it lives, the task that runs has the value of a scope, and the scope keeps the task's. Then they change places again, also when a
/// panic goes by: what was set meanwhile is the scope's.
struct Entered<'a> {
    key: usize,
    value: &'a mut Option<LocalValue>,
    is_in_task: bool,
}

impl<'a> Entered<'a> {
    fn new(key: usize, value: &'a mut Option<LocalValue>) -> Entered<'a> {
        let is_in_task = TASKS.look(|tasks| {
            let Some(tasks) = tasks else { return false };
            if let Some(value) = value {
                value.depth = tasks.here.layers.depth();
                if value.inherited {
                    tasks.set_inherits();
                }
            }
            tasks.exchange_local(key, value)
        });
        Entered { key, value, is_in_task }
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        if self.is_in_task {
            TASKS.look(|tasks| tasks.map(|tasks| tasks.exchange_local(self.key, self.value)));
        }
    }
}
