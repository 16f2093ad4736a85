//! The future of a child's task.

use super::group_state::GroupState;
use crate::{
    caught::{Payload, catch},
    error::{Failure, GroupError},
    output::ChildOutput,
};
use evenkeel_executor::{
    CancelReason,
    combinator::{Place, take_cleanup_panic},
};
use pin_project_lite::pin_project;
use std::{
    fmt,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll},
};

/// What is left of a child for its handle: its value, or why there is none.
pub(super) type ChildEnd<T> = Result<T, Box<BadEnd>>;

/// Why a child that was not stopped has no value.
pub(super) enum BadEnd {
    /// The child has failed, and the group has the error.
    Failed,
    /// A group below was cancelled, and nothing failed in it.
    Cancelled(CancelReason),
    /// The child has panicked, and the group has the panic. This is its message.
    Panicked(String),
}

/// How a child's output is understood.
pub(super) trait Understand<R, E> {
    type Value;
    /// What there is instead of a value. The failure is made of it when it is one: until then nobody carries that about.
    type Fault;
    fn outcome(output: R) -> Result<Self::Value, Self::Fault>;
    fn failure(fault: Self::Fault) -> Failure<E>;
}

/// What the user's children yield.
pub(super) struct Plain;

impl<R: ChildOutput<E>, E> Understand<R, E> for Plain {
    type Value = R::Value;
    type Fault = E;

    #[inline]
    fn outcome(output: R) -> Result<R::Value, E> {
        output.into_result()
    }

    fn failure(error: E) -> Failure<E> {
        Failure::One(error)
    }
}

/// What a group below yields.
pub(super) struct Nested;

impl<T, E> Understand<Result<T, GroupError<E>>, E> for Nested {
    type Value = T;
    type Fault = GroupError<E>;

    fn outcome(output: Result<T, GroupError<E>>) -> Result<T, GroupError<E>> {
        output
    }

    fn failure(errors: GroupError<E>) -> Failure<E> {
        Failure::Group(errors)
    }
}

/// What a child yields that has judged its own end.
pub(super) struct Judged;

impl<T, E> Understand<Result<T, Failure<E>>, E> for Judged {
    type Value = T;
    type Fault = Failure<E>;

    fn outcome(output: Result<T, Failure<E>>) -> Result<T, Failure<E>> {
        output
    }

    fn failure(failure: Failure<E>) -> Failure<E> {
        failure
    }
}

pin_project! {
    /// Runs a child's future, and tells the group how it has ended: also when it is dropped, and then after its destructor.
    ///
    /// The end itself is told last, after a failure or a panic: from then on the group's future may end. Whatever may panic before
    /// it is the user's code, and is caught.
    pub(super) struct Child<F, E, U>
    where
        E: fmt::Debug,
        E: 'static,
    {
        group: GroupState<E>,
        key: u32,
        #[pin]
        future: Place<F>,
        understand: PhantomData<fn(U)>,
    }
    impl<F, E, U> PinnedDrop for Child<F, E, U>
    where
        E: fmt::Debug,
        E: 'static,
    {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.future.as_mut().is_taken() {
                drop_early(this.group, *this.key, this.future);
            }
        }
    }
}

impl<F, E: fmt::Debug + 'static, U> Child<F, E, U> {
    pub(super) fn new(group: GroupState<E>, key: u32, future: F) -> Child<F, E, U> {
        Child { group, key, future: Place::new(future), understand: PhantomData }
    }
}

impl<F: Future, E: fmt::Debug + 'static, U: Understand<F::Output, E>> Future for Child<F, E, U> {
    type Output = ChildEnd<U::Value>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let future = this.future.as_mut().get().expect("a child is polled until it has ended");
        let core = &this.group.core;
        let polled = match catch(|| core.lineage.inside(|| future.poll(cx).map(U::outcome))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(Ok(value))) => {
                // What the future still owns goes before its end is told.
                let Err(payload) = catch(|| this.future.as_mut().clear()) else {
                    core.ended(*this.key);
                    return Poll::Ready(Ok(value));
                };
                return Poll::Ready(end_badly(this.group, *this.key, Ok(Ok(value)), Some(payload)));
            }
            Ok(Poll::Ready(Err(fault))) => Ok(Err(U::failure(fault))),
            Err(payload) => Err(payload),
        };
        let dropped = catch(|| this.future.as_mut().clear());
        Poll::Ready(end_badly(this.group, *this.key, polled, dropped.err()))
    }
}

/// Drops the future of a child that has not ended.
#[cold]
fn drop_early<F, E: fmt::Debug + 'static>(group: &GroupState<E>, key: u32, mut future: Pin<&mut Place<F>>) {
    let dropped = catch(|| future.as_mut().clear());
    let core = &group.core;
    core.leaves(key);
    for payload in take_cleanup_panic().into_iter().chain(dropped.err()) {
        group.child_panicked(payload);
    }
    core.ended(key);
}

/// A child has failed, or there was a panic in it.
#[cold]
fn end_badly<T, E: fmt::Debug + 'static>(
    group: &GroupState<E>,
    key: u32,
    polled: Result<Result<T, Failure<E>>, Payload>,
    dropped: Option<Payload>,
) -> ChildEnd<T> {
    let core = &group.core;
    core.leaves(key);
    let end = match polled {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(Failure::Group(group))) if group.children().is_empty() => {
            Err(Box::new(BadEnd::Cancelled(group.reason().cloned().unwrap_or(CancelReason::Aborted))))
        }
        Ok(Err(failure)) => {
            group.failed(failure);
            Err(Box::new(BadEnd::Failed))
        }
        Err(payload) => {
            let message = message(&payload);
            group.child_panicked(payload);
            Err(Box::new(BadEnd::Panicked(message)))
        }
    };
    if let Some(payload) = dropped {
        group.child_panicked(payload);
    }
    core.ended(key);
    end
}

fn message(payload: &Payload) -> String {
    let text = payload.downcast_ref::<&'static str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "(a payload that is not text)".into())
}
