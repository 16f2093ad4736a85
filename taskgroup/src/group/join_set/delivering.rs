//! The future of a child whose outcome is its set's.

use super::endings::{Ending, Endings};
use crate::caught::{catch, report_destructor};
use evenkeel_executor::{
    CancelReason, JoinError, Panic, TaskId,
    combinator::{Place, take_cleanup_panic},
    try_current_task,
};
use pin_project_lite::pin_project;
use std::{
    panic::Location,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

pin_project! {
    /// Runs a child's future, and tells its set how that has ended, when it is gone: also when this is dropped.
    ///
    /// It does not panic: whatever may panic is the user's code, and is caught.
    pub(super) struct Delivering<F, T> {
        endings: Rc<Endings<T>>,
        key: u32,
        id: TaskId,
        location: &'static Location<'static>,
        #[pin]
        future: Place<F>,
    }
    impl<F, T> PinnedDrop for Delivering<F, T> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if !this.future.as_mut().is_taken() {
                return;
            }
            let dropped = catch(|| this.future.as_mut().clear());
            let mut panics = take_cleanup_panic().into_iter().chain(dropped.err());
            let error = match panics.next() {
                Some(payload) => JoinError::Panicked(Panic::new(payload)),
                None => JoinError::Cancelled(reason()),
            };
            panics.for_each(report_destructor);
            this.endings.add(*this.key, ending(*this.id, this.location, Err(error)));
        }
    }
}

/// How the child that runs now has ended.
fn ending<T>(id: TaskId, location: &'static Location<'static>, outcome: Result<T, JoinError>) -> Ending<T> {
    Ending { id, name: id.task_ref().name(), location, outcome }
}

/// Why the task whose future is being dropped was cancelled.
fn reason() -> CancelReason {
    try_current_task().and_then(|task| task.cancel_reason()).unwrap_or(CancelReason::OwnerDropped)
}

impl<F, T> Delivering<F, T> {
    pub(super) fn new(
        endings: Rc<Endings<T>>,
        key: u32,
        id: TaskId,
        location: &'static Location<'static>,
        future: F,
    ) -> Delivering<F, T> {
        Delivering { endings, key, id, location, future: Place::new(future) }
    }
}

impl<F: Future> Future for Delivering<F, F::Output> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let future = this.future.as_mut().get().expect("a child is polled until it has ended");
        let outcome = match catch(|| future.poll(cx)) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(value)) => Ok(value),
            Err(payload) => Err(JoinError::Panicked(Panic::new(payload))),
        };
        if let Err(payload) = catch(|| this.future.as_mut().clear()) {
            report_destructor(payload);
        }
        this.endings.add(*this.key, ending(*this.id, this.location, outcome));
        Poll::Ready(())
    }
}
