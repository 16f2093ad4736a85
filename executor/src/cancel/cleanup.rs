//! Clean-up that awaits: `finally`, `finally_with`, `shield`.

use crate::{
    cancel::{
        point::{Cleaning, Guard, Point, Shield, resume},
        then::then,
    },
    raw::hand_over::hand_over,
};
use std::panic::Location;

/// Runs `body`, and then `cleanup` however the body has ended: with a value, which clean-up may look at, or by a
/// cancellation or a panic (`None`). Then it yields the value, or the panic goes on.
///
/// Clean-up may await. Once begun, it is stopped by nothing but a scope inside it, a grace period, or `abort`: what is
/// cancelled waits for it. In a cancelled scope the code behind a `finally` without a value is not resumed. If the first poll
/// already finds its scope cancelled, the body is polled once, clean-up runs, and the code is not resumed even with a value; so
/// a loop around a `finally` ends.
///
/// If foreign code drops this future in the middle, as `select!` does with branches that lose, clean-up cannot be awaited: it
/// is skipped, and that is reported to `on_unhandled`.
///
/// # Panics
///
/// When polled outside an executor. A panic of the body goes on after clean-up; one of clean-up's beats a cancellation. In a
/// cancelled scope both go on when the other clean-up in that scope is done.
///
/// ```
/// use evenkeel::{Elapsed, finally, run, sleep, timeout};
/// use std::{cell::Cell, time::Duration};
///
/// run(async {
///     let closed = Cell::new(false);
///     let work = finally(sleep(Duration::MAX), async |ended: Option<&()>| {
///         assert!(ended.is_none());
///         sleep(Duration::from_millis(1)).await; // say goodbye, wait for the answer
///         closed.set(true);
///     });
///     assert_eq!(timeout(Duration::from_millis(1), work).await, Err(Elapsed));
///     assert!(closed.get());
/// });
/// ```
#[track_caller]
pub fn finally<B, C>(body: B, cleanup: C) -> impl Future<Output = B::Output>
where
    B: Future,
    C: CleanUp<B::Output>,
{
    settle_by(Location::caller(), body, |value| {
        hand_over((cleanup, value), async |handed| {
            let (cleanup, value) = handed.take();
            cleanup(value.as_ref()).await;
            value
        })
    })
}

/// What [`finally`] cleans up with: an async closure that takes what the body has yielded, `None` if it was stopped.
///
/// ```
/// use evenkeel::{cancel::CleanUp, finally, run};
///
/// async fn logged<T>(body: impl Future<Output = T>, cleanup: impl CleanUp<T>) -> T {
///     finally(body, cleanup).await
/// }
/// assert_eq!(run(logged(async { 7 }, async |value: Option<&i32>| assert_eq!(value, Some(&7)))), 7);
/// ```
#[diagnostic::on_unimplemented(
    message = "`finally` cleans up with an async closure that takes an `Option<&{T}>`, not with `{Self}`",
    label = "not such a closure",
    note = "write `finally(body, async |value: Option<&{T}>| ..)`: `value` is what the body has yielded, `None` if it was stopped"
)]
pub trait CleanUp<T>: AsyncFnOnce(Option<&T>) {}

#[diagnostic::do_not_recommend]
impl<T, F: AsyncFnOnce(Option<&T>)> CleanUp<T> for F {}

/// The general form of [`finally`], for those who build such things: clean-up gets the body's value for good, and decides what
/// is returned. `None` means that the code which awaits this is not resumed, so it is for scopes that are cancelled.
///
/// Clean-up learns by [`cancel_requested`](crate::cancel_requested) that something around it was cancelled, and is woken for it.
///
/// # Panics
///
/// As [`finally`] does.
///
/// ```
/// use evenkeel::{Elapsed, combinator::settle, run, sleep, timeout};
/// use std::time::Duration;
///
/// // Half of an answer is better than none.
/// let answer = run(timeout(
///     Duration::from_millis(1),
///     settle(sleep(Duration::MAX), async |ended: Option<()>| match ended {
///         Some(()) => Some("all of it"),
///         None => Some("half of it"),
///     }),
/// ));
/// assert_eq!(answer, Ok("half of it"));
/// ```
#[track_caller]
pub fn settle<B, C, U>(body: B, cleanup: C) -> impl Future<Output = U>
where
    B: Future,
    C: AsyncFnOnce(Option<B::Output>) -> Option<U>,
{
    settle_at(Location::caller(), body, cleanup)
}

/// [`settle`] in the name of another place in the source, for those who build functions of their own on it.
///
/// # Panics
///
/// As [`finally`] does.
pub fn settle_at<B, C, U>(location: &'static Location<'static>, body: B, cleanup: C) -> impl Future<Output = U>
where
    B: Future,
    C: AsyncFnOnce(Option<B::Output>) -> Option<U>,
{
    settle_by(location, body, |value| {
        hand_over((cleanup, value), async |handed| {
            let (cleanup, value) = handed.take();
            cleanup(value).await
        })
    })
}

/// [`settle`] with a clean-up that is a future of its own. `cleanup` makes it, and runs nothing of the user's.
fn settle_by<B: Future, U, F: Future<Output = Option<U>>>(
    location: &'static Location<'static>,
    body: B,
    cleanup: impl FnOnce(Option<B::Output>) -> F,
) -> impl Future<Output = U> {
    let point = Point::new(location);
    let guard = Guard::new(point.clone(), body);
    then(guard, move |ended| {
        let (value, panic) = ended.split();
        let cleaning = Cleaning::new(point.clone(), cleanup(value));
        then(cleaning, move |outcome| resume(point, outcome, panic))
    })
}

/// [`finally`] with a resource that both parts need: the body may change it, clean-up consumes it.
///
/// ```
/// use evenkeel::{finally_with, run};
///
/// struct Transaction(Vec<&'static str>);
///
/// let log = std::cell::RefCell::new(String::new());
/// let total = run(finally_with(
///     Transaction(Vec::new()),
///     async |transaction: &mut Transaction| {
///         transaction.0.push("debit");
///         transaction.0.push("credit");
///         Err::<u32, _>("no such account")
///     },
///     async |transaction: Transaction, ended: Option<&Result<u32, &str>>| {
///         if !matches!(ended, Some(Ok(_))) {
///             *log.borrow_mut() = format!("rolled back {}", transaction.0.join(", "));
///         }
///     },
/// ));
/// assert_eq!(total, Err("no such account"));
/// assert_eq!(log.into_inner(), "rolled back debit, credit");
/// ```
#[track_caller]
pub fn finally_with<R, T, B, C>(resource: R, body: B, cleanup: C) -> impl Future<Output = T>
where
    B: AsyncFnOnce(&mut R) -> T,
    C: AsyncFnOnce(R, Option<&T>),
{
    let point = Point::new(Location::caller());
    hand_over((point, resource, body, cleanup), async |handed| {
        let (point, resource, cleanup, ended) = {
            // The resource is dropped before what clean-up has captured.
            let (point, resource, body, cleanup) = handed.take();
            let mut resource = resource;
            let ended = Guard::new(point.clone(), hand_over(body, async |body| body.take()(&mut resource).await)).await;
            (point, resource, cleanup, ended)
        };
        let (value, panic) = ended.split();
        let cleanup = hand_over((cleanup, resource, value), async |handed| {
            let (cleanup, resource, value) = handed.take();
            cleanup(resource, value.as_ref()).await;
            value
        });
        let outcome = Cleaning::new(point.clone(), cleanup).await;
        resume(point, outcome, panic).await
    })
}

/// Lets `future` finish, also if its scope is cancelled meanwhile: what is cancelled waits for it. Its value is returned; the
/// code around it then runs to where it awaits next, and is stopped there.
///
/// If the first poll already finds its scope cancelled, it shields nothing; so `loop { shield(step()).await }` ends. To be
/// dropped by foreign code, in the middle, is reported as for [`finally`].
///
/// # Panics
///
/// When polled outside an executor, and when `future` does.
///
/// ```
/// use evenkeel::{Elapsed, run, shield, sleep, timeout};
/// use std::{cell::Cell, time::Duration};
///
/// run(async {
///     let written = Cell::new(false);
///     let work = async {
///         shield(async {
///             sleep(Duration::from_millis(2)).await;
///             written.set(true);
///         })
///         .await;
///         sleep(Duration::MAX).await;
///     };
///     assert_eq!(timeout(Duration::from_millis(1), work).await, Err(Elapsed));
///     assert!(written.get());
/// });
/// ```
#[track_caller]
pub fn shield<F: Future>(future: F) -> Shield<F> {
    Shield::new(future, Location::caller())
}
