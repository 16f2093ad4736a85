//! The count of what is left.

use std::{
    cell::Cell,
    future::poll_fn,
    task::{Context, Poll},
};

/// How many operations a poll of a task has. It is what tokio gives, too: with it, giving way costs about a hundredth of the cheapest
/// operations, and a poll of the dearest stays far below a millisecond.
pub const BUDGET: u32 = 128;

/// Who asks so often without a budget, within one poll of a task, does not give way at all: it is a loop that blocks inside that poll, as
/// another executor's `block_on`. It would ask for ever.
const VAIN: i32 = 1000;

/// What the count begins with where there is no limit.
const UNLIMITED: i32 = i32::MAX / 2;

thread_local! {
    /// What is left; below zero, how often it was asked for in vain.
    static LEFT: Cell<i32> = const { Cell::new(0) };
    static IS_LIMITED: Cell<bool> = const { Cell::new(false) };
}

/// Takes one operation of the current task's budget. `false` if there is none left: a future wakes the waker that it was polled with then,
/// and is pending. For futures that know what they can give before they give it; others are served by [`poll_within_budget`].
///
/// ```
/// use evenkeel::coop::{try_consume_budget, with_budget};
///
/// assert_eq!(with_budget(1, || [try_consume_budget(), try_consume_budget()]), [true, false]);
/// ```
#[inline(always)]
#[must_use = "without a budget the task gives way"]
pub fn try_consume_budget() -> bool {
    let left = LEFT.get() - 1;
    LEFT.set(left);
    left >= 0 || take_from_nothing()
}

#[cold]
fn take_from_nothing() -> bool {
    if !IS_LIMITED.get() {
        LEFT.set(UNLIMITED);
    } else if LEFT.get() <= -VAIN {
        LEFT.set(BUDGET as i32);
    } else {
        return false;
    }
    true
}

/// Takes back what [`try_consume_budget`] took.
#[inline(always)]
fn put_back() {
    LEFT.set(LEFT.get() + 1);
}

/// There is no budget: the task is polled again.
#[cold]
fn give_way(cx: &Context<'_>) {
    cx.waker().wake_by_ref();
}

/// Is there a budget left in this poll of the current task? Code that does much between two awaits may ask, and
/// [give way](consume_budget).
///
/// Always `true` outside an executor, and in [`unconstrained`](crate::unconstrained) code.
///
/// ```
/// use evenkeel::coop::{consume_budget, has_budget};
///
/// evenkeel::run(async {
///     let mut operations = 0;
///     while has_budget() {
///         consume_budget().await;
///         operations += 1;
///     }
///     assert_eq!(operations, 128);
/// });
/// assert!(has_budget());
/// ```
#[inline(always)]
pub fn has_budget() -> bool {
    LEFT.get() > 0 || is_without_limit()
}

#[cold]
fn is_without_limit() -> bool {
    !IS_LIMITED.get()
}

/// Takes one operation of the current task's budget, and gives way if there is none left: for loops that compute, or await what is not
/// evenkeel's.
///
/// Cancel-safe.
///
/// ```
/// use evenkeel::{coop::consume_budget, run, sleep, timeout};
/// use std::time::Duration;
///
/// async fn count() {
///     let mut n = 0_u64;
///     loop {
///         n = std::hint::black_box(n + 1);
///         consume_budget().await;
///     }
/// }
///
/// // Without it the time would be over, and nobody would notice.
/// assert!(run(timeout(Duration::from_millis(1), count())).is_err());
/// ```
pub async fn consume_budget() {
    poll_fn(|cx| poll_within_budget(cx, |_| Poll::Ready(()))).await;
}

/// Calls `poll`, which takes one operation of the current task's budget if it is ready. Without a budget it is not called: the
/// context's waker is woken, and the result is `Pending`. For futures of others that can be ready at once, again and again.
///
/// ```
/// use evenkeel::{coop::poll_within_budget, run, timeout};
/// use std::{cell::Cell, future::poll_fn, task::Poll, time::Duration};
///
/// /// A counter that is always ready.
/// async fn next(counter: &Cell<u64>) -> u64 {
///     poll_fn(|cx| poll_within_budget(cx, |_| Poll::Ready(counter.replace(counter.get() + 1)))).await
/// }
///
/// let counter = Cell::new(0);
/// let ended = run(timeout(Duration::from_millis(1), async { while next(&counter).await < u64::MAX {} }));
/// assert!(ended.is_err());
/// ```
#[inline(always)]
pub fn poll_within_budget<T>(cx: &mut Context<'_>, poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
    if !try_consume_budget() {
        give_way(cx);
        return Poll::Pending;
    }
    let polled = poll(cx);
    if polled.is_pending() {
        put_back();
    }
    polled
}

/// Ready if there is a budget left; it takes nothing. Otherwise the context's waker is woken, and the result is `Pending`: for
/// combinators, whose children would be polled in vain.
///
/// ```
/// use evenkeel::coop::{consume_budget, poll_budget};
/// use std::{future::poll_fn, task::Poll};
///
/// let mut polls = 0;
/// evenkeel::run(async {
///     for _ in 0..128 {
///         consume_budget().await;
///     }
///     poll_fn(|cx| {
///         polls += 1;
///         poll_budget(cx)
///     })
///     .await;
/// });
/// assert_eq!(polls, 2);
/// ```
#[inline(always)]
pub fn poll_budget(cx: &Context<'_>) -> Poll<()> {
    if has_budget() { Poll::Ready(()) } else { poll_no_budget(cx) }
}

#[cold]
fn poll_no_budget(cx: &Context<'_>) -> Poll<()> {
    if try_consume_budget() {
        put_back();
        return Poll::Ready(());
    }
    give_way(cx);
    Poll::Pending
}

/// Keeps the count of the code around, and puts it back when it is dropped.
pub(crate) struct Before {
    left: i32,
    is_limited: bool,
}

impl Before {
    /// From now on there is no limit.
    pub(crate) fn without_limit() -> Before {
        Before::replace(UNLIMITED, false)
    }

    fn replace(left: i32, is_limited: bool) -> Before {
        Before { left: LEFT.replace(left), is_limited: IS_LIMITED.replace(is_limited) }
    }
}

impl Drop for Before {
    fn drop(&mut self) {
        LEFT.set(self.left);
        IS_LIMITED.set(self.is_limited);
    }
}

/// Calls `poll` with a budget of that many operations: for executors of others, around each poll of a task. Afterwards, also after a
/// panic, the budget is what it was before.
///
/// ```
/// use evenkeel::{coop::with_budget, sync::Semaphore};
/// use futures::FutureExt;
///
/// let semaphore = Semaphore::new(10);
/// with_budget(2, || {
///     assert!(semaphore.acquire().now_or_never().is_some());
///     assert!(semaphore.acquire().now_or_never().is_some());
///     assert!(semaphore.acquire().now_or_never().is_none(), "it would give way");
/// });
/// assert!(semaphore.acquire().now_or_never().is_some());
/// ```
pub fn with_budget<R>(operations: u32, poll: impl FnOnce() -> R) -> R {
    let _before = Before::replace(i32::try_from(operations).unwrap_or(i32::MAX), true);
    poll()
}

/// Calls `poll` with a whole budget, for a poll that is the last one for some code: what needs not wait is to be had in it. What it takes
/// is owed by the task's poll, which has none left from then on. For executors.
pub fn with_own_budget<R>(poll: impl FnOnce() -> R) -> R {
    struct Charge(i32);
    impl Drop for Charge {
        fn drop(&mut self) {
            let taken = (BUDGET as i32 - LEFT.get()).max(1);
            // Not so much that it would be taken for a loop that asks in vain.
            LEFT.set((self.0 - taken).max(-VAIN / 2));
        }
    }
    if !IS_LIMITED.get() {
        return poll();
    }
    let _charge = Charge(LEFT.replace(BUDGET as i32));
    poll()
}

/// Calls `poll` with what is left, or with [an own budget](with_own_budget) if nothing is: for code that is cancelled, and is not polled
/// again unless it cleans up.
#[inline(always)]
pub fn with_some_budget<R>(poll: impl FnOnce() -> R) -> R {
    if has_budget() { poll() } else { with_own_budget(poll) }
}

/// Has the task's poll taken a whole budget more than it had? What begins a last poll then waits for the next one.
#[cold]
pub fn is_in_debt() -> bool {
    IS_LIMITED.get() && LEFT.get() <= -(BUDGET as i32)
}

/// Calls `poll` without a limit, as in [`unconstrained`](crate::unconstrained) code. For executors.
pub fn without_budget<R>(poll: impl FnOnce() -> R) -> R {
    let _before = Before::without_limit();
    poll()
}

/// Begins a poll of a task: within [`with_budget`], there are [`BUDGET`] operations left from now on.
#[inline(always)]
pub fn renew_budget() {
    LEFT.set(BUDGET as i32);
}
