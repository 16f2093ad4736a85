//! `scope`: a family whose body spawns children into it.

use super::{
    brood::{Brood, Closing},
    kin::Kin,
    orders::Orders,
    spawn::Scope,
};
use crate::{
    error::GroupError,
    explain::Explain,
    in_place::{Family, Roll},
};
use evenkeel_executor::combinator::{hand_over, shield_depth};
use pin_project_lite::pin_project;
use std::{
    fmt,
    panic::{Location, resume_unwind},
    pin::Pin,
    task::{Context, Poll},
};

/// Runs `body`, which may spawn children into the scope that it is given. Children may borrow whatever outlives the scope, without
/// `Rc` or `'static`. The scope ends after its body and every child have ended.
///
/// A scope is a failure boundary, as a task group is: the first failure (a child's `Err`, or the body's) cancels the other children,
/// newest first, and the body; all are awaited, and every failure is in the [`GroupError`]. A child that is cancelled on its own is
/// no failure.
///
/// Children live inside this future and are polled only while it is, each only when it was woken, and at most once per poll. So they
/// run in one task, and what blocks one of them blocks all. Children that should be tasks of their own belong into a task group.
///
/// What a child sets of its task's `TaskLocal`s is its own. What the body sets is the caller's, and is seen by
/// the children.
///
/// Always write `async |s| …`, not `|s| async move { … }`: only the first can lend its future what the closure captured. Where `?` leaves
/// the error open, say it in a child, `Ok::<_, AppError>(…)`, or for the whole: `let outcome: Result<_, GroupError<AppError>> = …`.
///
/// # Errors
///
/// A [`GroupError`] with every failure; also if the scope was [cancelled](Scope::cancel) before its body had a value.
///
/// # Cancellation
///
/// When the caller is cancelled, the body and all children are, and their clean-up is awaited. Errors that were there already, or come
/// from clean-up, are returned nevertheless. If this future is dropped in the middle, the children are dropped at once, the newest
/// first, and clean-up in them is skipped and reported to `on_unhandled`; so are the errors that were there.
///
/// # Panics
///
/// When polled outside an executor. If a child or the body panics, the others are cancelled and awaited, and the panic goes on; errors
/// that were there besides are reported to `on_unhandled`.
///
/// ```
/// use evenkeel::{run, scope, yield_now};
/// use std::cell::Cell;
///
/// let words = ["even", "keel"];
/// let total = Cell::new(0);
/// let first = run(scope(async |s| {
///     let lengths = words.each_ref().map(|word| {
///         let total = &total;
///         s.spawn(async move {
///             yield_now().await;
///             total.set(total.get() + word.len());
///             Ok::<_, String>(word.len())
///         })
///     });
///     let [first, _] = lengths;
///     Ok(first.await)
/// }));
/// assert_eq!((first.unwrap(), total.get()), (4, 8));
/// ```
#[track_caller]
pub fn scope<'env, Kind, T, E, B>(body: B) -> impl Future<Output = Result<T, GroupError<E>>>
where
    E: Explain<Kind>,
    B: for<'scope> AsyncFnOnce(Scope<'scope, 'env, E>) -> Result<T, E>,
{
    let location = Location::caller();
    hand_over(body, async move |body| {
        // The order matters: the last is dropped first, and the children with it. See `brood`.
        let brood = Brood::new();
        let orders = Orders::new();
        let scope = Scope::new(&orders, &brood, E::explain);
        // Before the body is called: that may spawn children already, and panic.
        let children = Closing::new(&brood);
        let body = body.take()(scope);
        let kin = Kin::new(&orders, children, body, location, E::explain);
        Running { orders: &orders, family: Family::with_roll(orders.roll(), kin) }.await
    })
}

pin_project! {
    /// The future of a scope: polls the family, and stops those who are to be stopped.
    struct Running<'a, T, E, B>
    where
        E: fmt::Debug,
        B: Future<Output = Result<T, E>>,
    {
        orders: &'a Orders,
        #[pin]
        family: Family<Kin<'a, T, E, B>, &'a Roll>,
    }
}

impl<T, E: fmt::Debug, B: Future<Output = Result<T, E>>> Future for Running<'_, T, E, B> {
    type Output = Result<T, GroupError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.as_mut().project().orders.set_depth(shield_depth());
        self.as_mut().cancel_some();
        self.as_mut().cancel_all();
        self.as_mut().poll_batch(cx);
        if self.as_mut().cancel_all() {
            // In this poll. Those without clean-up are stopped now.
            self.as_mut().poll_batch(cx);
        }
        self.finish(cx)
    }
}

impl<T, E: fmt::Debug, B: Future<Output = Result<T, E>>> Running<'_, T, E, B> {
    /// Polls the body and the children, those that were woken, each once.
    fn poll_batch(self: Pin<&mut Self>, cx: &Context<'_>) {
        let this = self.project();
        this.family.poll_whole_batch(cx, |_| this.orders.fail());
    }

    /// If the scope is ending early: cancels the children, newest first, and the body, once.
    #[inline]
    fn cancel_all(mut self: Pin<&mut Self>) -> bool {
        self.as_mut().project().orders.is_ending() && self.end_early()
    }

    #[cold]
    fn end_early(self: Pin<&mut Self>) -> bool {
        let mut this = self.project();
        let Some(reason) = this.orders.reason() else { return false };
        if !this.family.as_mut().begin_end() {
            return false;
        }
        for key in this.family.as_mut().keys() {
            this.family.as_mut().cancel_child(key, reason);
        }
        true
    }

    /// Cancels children that were to be cancelled alone.
    #[inline]
    fn cancel_some(mut self: Pin<&mut Self>) {
        if self.as_mut().project().orders.has_requests() {
            self.cancel_requested();
        }
    }

    #[cold]
    fn cancel_requested(self: Pin<&mut Self>) {
        let mut this = self.project();
        for (number, reason) in this.orders.take_requests() {
            if let Some(key) = this.family.as_mut().children().find(number) {
                this.family.as_mut().cancel_child(key, &reason);
            }
        }
    }

    /// What the scope yields, if there is nothing more to wait for.
    fn finish(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, GroupError<E>>> {
        let this = self.project();
        let mut family = this.family;
        if family.as_mut().is_alive() {
            return Poll::Pending;
        }
        let panic = family.as_mut().take_panic();
        let (value, mut errors) = family.as_mut().children().take_outcome();
        if let Some(payload) = panic {
            errors.report();
            resume_unwind(payload);
        }
        let asked = this.orders.asked().cloned();
        match (value, asked) {
            // The body's value does not count then, nor that this was cancelled too.
            _ if errors.is_empty() && family.has_no_outcome("a scope", cx) => Poll::Pending,
            (Some(value), _) if errors.is_empty() => Poll::Ready(Ok(value)),
            (None, None) if errors.is_empty() => Poll::Pending,
            (_, asked) => Poll::Ready(Err(GroupError::new(errors.claim(), asked))),
        }
    }
}
