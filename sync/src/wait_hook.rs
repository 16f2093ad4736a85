//! How an executor learns what its tasks wait for.

use std::cell::Cell;

/// What a future waits for that has just returned `Pending`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct WaitReason {
    /// The name of what is waited for, as `"Semaphore::acquire"`.
    pub what: &'static str,
    /// The address of the line: the same for all who wait in it, another for all others at the time. It is not to be
    /// followed.
    pub line: usize,
    /// How many stood before the waiter in line.
    pub ahead: usize,
}

/// The kind of function that [`set_wait_hook`] takes.
pub type WaitHook = fn(&WaitReason);

thread_local! {
    static HOOK: Cell<Option<WaitHook>> = const { Cell::new(None) };
}

/// Has `hook` called on this thread whenever a future of this crate has to wait, within its poll. Returns the hook that
/// was there before, so that executors can be nested.
///
/// An executor that wants to tell what a task waits for notes the reason of the last call within the task's poll, and
/// forgets it before the next poll. Without a hook the cost is one look at a thread-local in polls that have to wait, and
/// none in others.
///
/// Who waits for a [`Condition`](crate::Condition) and was notified is not polled before he has the lock, so the last reason that he gave is
/// still `Condition::wait`, though he stands in the line of the mutex.
///
/// Nothing is borrowed while the hook runs. A panic of the hook comes out of the poll.
///
/// ```
/// use evenkeel::sync::{Event, set_wait_hook};
/// use futures::FutureExt;
/// use std::cell::Cell;
///
/// thread_local!(static SEEN: Cell<&'static str> = const { Cell::new("") });
///
/// let before = set_wait_hook(Some(|reason| SEEN.set(reason.what)));
/// let event = Event::new();
/// assert!(event.wait().now_or_never().is_none());
/// assert_eq!(SEEN.get(), "Event::wait");
/// set_wait_hook(before);
/// ```
pub fn set_wait_hook(hook: Option<WaitHook>) -> Option<WaitHook> {
    HOOK.replace(hook)
}

/// The hook of this thread.
#[inline(always)]
pub(crate) fn hook() -> Option<WaitHook> {
    HOOK.get()
}

/// Tells the hook that somebody has to wait.
#[cold]
pub(crate) fn tell<T>(hook: WaitHook, what: &'static str, line: &T, ahead: usize) {
    hook(&WaitReason { what, line: std::ptr::from_ref(line).addr(), ahead });
}

/// Tells the hook, if there is one, that the only one who can wait there has to.
#[inline(always)]
pub(crate) fn waits<T>(what: &'static str, line: &T) {
    if let Some(hook) = hook() {
        tell(hook, what, line, 0);
    }
}
