//! Running a group: a nest. The body runs in its scope, and its rest waits for the children.

use super::{group_core::GroupCore, group_state::GroupState, roster::Whom, spare::keep};
use crate::{
    caught::{catch, report_destructor},
    error::GroupError,
    explain::Explains,
    unclaimed::{Unclaimed, report_errors},
};
use evenkeel_executor::{
    CancelReason, Panic, UnhandledKind,
    combinator::{Handed, Nest, NestEnd, hand_over, is_stopping_hard, report_unhandled},
};
use pin_project_lite::pin_project;
use std::{
    fmt,
    marker::PhantomData,
    panic::resume_unwind,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

/// What a group's failures do.
pub(super) trait Failures {
    /// Are there perhaps errors in a group that is not cancelled?
    const MAY_BE_KEPT: bool;
}

/// The first one cancels the group.
pub(super) struct Cancelling;

/// They may be kept, and the others go on.
pub(super) struct Alone;

impl Failures for Cancelling {
    const MAY_BE_KEPT: bool = false;
}

impl Failures for Alone {
    const MAY_BE_KEPT: bool = true;
}

/// Runs a group to its end.
#[inline]
pub(super) fn run_group<K, T, E, F, B>(
    core: Rc<GroupCore>,
    explains: Explains<E>,
    body: B,
) -> impl Future<Output = Result<T, GroupError<E>>>
where
    K: Failures,
    E: fmt::Debug + 'static,
    F: Future<Output = Result<T, E>>,
    B: FnOnce(GroupState<E>) -> F,
{
    hand_over((core, body), move |handed: Handed<'_, (Rc<GroupCore>, B)>| {
        let (core, body) = handed.take();
        let group = GroupState { core, explains };
        group.core.lineage.begin();
        let tether = Tether(group.clone());
        let nest = Nest::new(&group.core.scope, group.core.location, body(group.clone()));
        Running::<K, _, _, _> { nest, is_body: true, value: None, tether, failures: PhantomData }
    })
}

pin_project! {
    /// A group that runs.
    struct Running<K, T, E, F>
    where
        E: fmt::Debug,
        E: 'static,
    {
        // Dropped before the tether: the body goes before the children are cancelled.
        #[pin]
        nest: Nest<F>,
        is_body: bool,
        // The body's value, until all have ended.
        value: Option<T>,
        tether: Tether<E>,
        failures: PhantomData<fn(K)>,
    }
}

impl<K, T, E, F> Future for Running<K, T, E, F>
where
    K: Failures,
    E: fmt::Debug + 'static,
    F: Future<Output = Result<T, E>>,
{
    type Output = Result<T, GroupError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let (mut nest, group) = (this.nest, &this.tether.0);
        let core = &*group.core;
        // What is cancelled around reaches the children as soon as it is seen here.
        if let Some(reason) = nest.as_mut().arrive() {
            core.cancel_from_around(reason);
        }
        core.polled_here();
        if *this.is_body {
            let polled = core.lineage.inside(|| nest.as_mut().poll_body(cx));
            let end = match polled {
                Poll::Ready(end) => end,
                Poll::Pending => match core.is_cancelled().then(|| core.watch_body(nest.as_mut(), cx)).flatten() {
                    None => return Poll::Pending,
                    Some(end) => end,
                },
            };
            *this.is_body = false;
            *this.value = note(group, end);
        }
        let value = this.value;
        let rest = |cx: &mut Context<'_>| {
            wait_children(core, cx).map(|()| {
                core.end();
                outcome::<K, _, _>(group, value.take())
            })
        };
        nest.poll_rest(cx, rest)
            .map(|ended| ended.map_err(|(mut errors, asked)| GroupError::new(errors.claim(), asked)))
    }
}

/// The body has ended: the group learns it. Returns the value, if there is one.
fn note<T, E: fmt::Debug + 'static>(group: &GroupState<E>, end: NestEnd<Result<T, E>>) -> Option<T> {
    match end {
        NestEnd::Value(Ok(value)) => return Some(value),
        NestEnd::Value(Err(error)) => group.body_failed(error),
        NestEnd::Panicked(payload) => group.core.panicked(payload),
        NestEnd::Cancelled => {}
    }
    None
}

/// What a group yields: its body's value; or the errors that it has, and why it was cancelled by a call.
type Outcome<T, E> = Result<T, (Unclaimed<E>, Option<CancelReason>)>;

/// What a group yields when all have ended. `None`: it was cancelled from around. A group that is not cancelled has no panic, and no errors
/// either unless they may be kept.
#[inline]
fn outcome<K: Failures, T, E: fmt::Debug + 'static>(state: &GroupState<E>, value: Option<T>) -> Option<Outcome<T, E>> {
    if K::MAY_BE_KEPT || state.core.is_cancelled() { bad_outcome(state, value) } else { value.map(Ok) }
}

#[cold]
fn bad_outcome<T, E: fmt::Debug + 'static>(state: &GroupState<E>, mut value: Option<T>) -> Option<Outcome<T, E>> {
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
struct Tether<E: fmt::Debug + 'static>(GroupState<E>);

impl<E: fmt::Debug + 'static> Drop for Tether<E> {
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
        keep(&mut self.0.core);
    }
}

/// Waits until every child has ended. What is in the background is cancelled when only that is left.
#[inline]
fn wait_children(core: &GroupCore, cx: &mut Context<'_>) -> Poll<()> {
    let is_over = || core.children() == 0 || core.ends_background() && core.children() == 0;
    if is_over() { Poll::Ready(()) } else { wait_for_some(core, cx, is_over) }
}

#[cold]
fn wait_for_some(core: &GroupCore, cx: &mut Context<'_>, is_over: impl Fn() -> bool) -> Poll<()> {
    core.waker.keep(cx.waker());
    // The waker may have come too late for what its clone has done.
    if is_over() {
        return Poll::Ready(());
    }
    if core.is_cancelled() || core.ends_background() {
        core.watch_grace(cx);
    }
    Poll::Pending
}
