//! Running a group: a clean-up point around a scope. The body runs in the scope, and the point waits for the children.

use super::{group_core::GroupCore, group_state::GroupState, roster::Whom};
use crate::{
    caught::{Payload, catch, report_destructor},
    error::GroupError,
    explain::Explains,
    unclaimed::{Unclaimed, report_errors},
};
use evenkeel_executor::{
    CancelReason, InScope, Panic, UnhandledKind, cancel_requested,
    combinator::{Place, hand_over, is_stopping_hard, report_unhandled, settle_at},
};
use pin_project_lite::pin_project;
use std::{
    fmt,
    panic::resume_unwind,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

/// Runs a group to its end.
pub(super) fn run_group<T, E, F>(
    core: Rc<GroupCore>,
    explains: Explains<E>,
    body: impl FnOnce(Rc<GroupState<E>>) -> F,
) -> impl Future<Output = Result<T, GroupError<E>>>
where
    E: fmt::Debug + 'static,
    F: Future<Output = Result<T, E>>,
{
    hand_over((core, body), async move |handed| {
        let (core, body) = handed.take();
        let state = Rc::new(GroupState::new(core, explains));
        state.core.lineage.begin();
        let tether = Tether(state.clone());
        let body = Body {
            core: state.core.clone(),
            inner: state.core.scope.run(CaughtBody { future: Place::new(body(state.clone())) }),
        };
        let ended = settle_at(state.core.location, body, async move |ended| {
            let value = note(&state, ended);
            WaitChildren(&state.core).await;
            state.core.end();
            outcome(&state, value)
        });
        let ended = ended.await;
        drop(tether);
        ended.map_err(|(mut errors, asked)| GroupError::new(errors.claim(), asked))
    })
}

/// How the body of a group has ended.
enum BodyEnd<T, E> {
    Value(T),
    Failed(E),
    /// The body has panicked, or clean-up in it.
    Panicked(Payload),
    /// The group has cancelled the body.
    Cancelled,
}

/// The body has ended, or something around the group is cancelled (`None`): the group learns it. Returns the value, if there is one.
fn note<T, E: fmt::Debug>(state: &GroupState<E>, ended: Option<BodyEnd<T, E>>) -> Option<T> {
    match ended {
        Some(BodyEnd::Value(value)) => return Some(value),
        Some(BodyEnd::Failed(error)) => state.body_failed(error),
        Some(BodyEnd::Panicked(payload)) => state.core.panicked(payload),
        Some(BodyEnd::Cancelled) => {}
        None => {
            let reason = cancel_requested().unwrap_or(CancelReason::SiblingFailed { task: None });
            state.core.cancel_from_around(reason);
        }
    }
    None
}

/// What a group yields: its body's value; or the errors that it has, and why it was cancelled by a call.
type Outcome<T, E> = Result<T, (Unclaimed<E>, Option<CancelReason>)>;

/// What a group yields when all have ended. `None`: it was cancelled from around.
fn outcome<T, E: fmt::Debug>(state: &GroupState<E>, mut value: Option<T>) -> Option<Outcome<T, E>> {
    let errors = state.take_errors();
    let mut panic = state.core.take_panic();
    if panic.is_some() || !errors.is_empty() || state.core.was_cut_short() {
        // The value is for nobody. A panic of its destructor is the body's, and takes no errors with it.
        match (catch(|| drop(value.take())), &panic) {
            (Ok(()), _) => {}
            (Err(payload), None) => panic = Some(payload),
            (Err(payload), Some(_)) => report_destructor(payload),
        }
    }
    if let Some(payload) = panic {
        report_errors(errors);
        resume_unwind(payload);
    }
    let asked = state.core.asked().cloned();
    match (value, asked) {
        (_, asked) if !errors.is_empty() => Some(Err((Unclaimed::new(errors), asked))),
        _ if state.core.was_cut_short() => None,
        (Some(value), _) => Some(Ok(value)),
        (None, Some(reason)) => Some(Err((Unclaimed::new(errors), Some(reason)))),
        (None, None) => None,
    }
}

/// Cancels the children if the group's future is dropped.
struct Tether<E: fmt::Debug>(Rc<GroupState<E>>);

impl<E: fmt::Debug> Drop for Tether<E> {
    fn drop(&mut self) {
        let core = &self.0.core;
        if !core.has_ended() {
            core.cancel_from_around(CancelReason::OwnerDropped);
            if is_stopping_hard() {
                core.stop_hard(Whom::Everybody);
            }
            core.end();
            report_errors(self.0.take_errors());
            if let Some(payload) = core.take_panic() {
                report_unhandled(UnhandledKind::TaskPanicked(Panic::new(payload)));
            }
        }
    }
}

pin_project! {
    /// The body in its scope. Something around that is cancelled reaches the children as soon as it is seen here.
    struct Body<F> {
        core: Rc<GroupCore>,
        #[pin]
        inner: InScope<CaughtBody<F>>,
    }
}

impl<T, E, F: Future<Output = Result<T, E>>> Future for Body<F> {
    type Output = BodyEnd<T, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<BodyEnd<T, E>> {
        let this = self.project();
        this.core.polled_here();
        if let Some(reason) = cancel_requested() {
            this.core.cancel_from_around(reason);
        }
        // What the scope lets go on: a panic in clean-up, or in a destructor.
        match catch(|| this.core.lineage.inside(|| this.inner.poll(cx))) {
            Ok(Poll::Ready(Ok(end))) => Poll::Ready(end),
            Ok(Poll::Ready(Err(_cancelled))) => Poll::Ready(BodyEnd::Cancelled),
            Err(payload) => Poll::Ready(BodyEnd::Panicked(payload)),
            Ok(Poll::Pending) => {
                if this.core.is_cancelled() {
                    this.core.watch_grace(cx);
                }
                Poll::Pending
            }
        }
    }
}

pin_project! {
    /// The body's future, whose panic is caught.
    struct CaughtBody<F> {
        #[pin]
        future: Place<F>,
    }
}

impl<T, E, F: Future<Output = Result<T, E>>> Future for CaughtBody<F> {
    type Output = BodyEnd<T, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<BodyEnd<T, E>> {
        let mut this = self.project();
        let future = this.future.as_mut().get().expect("a body is polled until it has ended");
        match catch(|| future.poll(cx)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(Ok(value))) => Poll::Ready(BodyEnd::Value(value)),
            Ok(Poll::Ready(Err(error))) => Poll::Ready(BodyEnd::Failed(error)),
            Err(payload) => {
                // Its destructors may panic too: the first panic counts.
                if let Err(second) = catch(|| this.future.as_mut().clear()) {
                    report_destructor(second);
                }
                Poll::Ready(BodyEnd::Panicked(payload))
            }
        }
    }
}

/// Waits until every child has ended.
struct WaitChildren<'a>(&'a GroupCore);

impl WaitChildren<'_> {
    /// Have all ended? What is in the background is cancelled when only that is left.
    fn is_over(&self) -> bool {
        self.0.ends_background();
        self.0.children() == 0
    }
}

impl Future for WaitChildren<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let core = self.0;
        core.polled_here();
        if let Some(reason) = cancel_requested() {
            core.cancel_from_around(reason);
        }
        if self.is_over() {
            return Poll::Ready(());
        }
        core.waker.keep(cx.waker());
        // The waker may have come too late for what its clone has done.
        if self.is_over() {
            return Poll::Ready(());
        }
        if core.is_cancelled() || core.ends_background() {
            core.watch_grace(cx);
        }
        Poll::Pending
    }
}
