//! Waiting for something that lies under a lock.

use std::{
    ops::DerefMut,
    task::{Context, Poll, Waker},
};

/// The state under its lock once `is_there` is true of it; otherwise the waker is in its `place`.
///
/// Cloning and dropping a waker is foreign code: it may do what is waited for, come back in, or panic. So it is done without the
/// lock; a new waker is put in place only if there is still reason to wait under the same lock; and one that turns out not to be
/// needed is dropped before anything is taken.
#[inline(always)]
pub(crate) fn poll_locked<S, G: DerefMut<Target = S>>(
    cx: &Context<'_>,
    lock: impl Fn() -> G,
    is_there: impl Fn(&mut S) -> bool,
    place: impl for<'s> Fn(&'s mut S) -> &'s mut Option<Waker>,
) -> Poll<G> {
    let mut state = lock();
    if is_there(&mut state) { Poll::Ready(state) } else { wait(state, cx, lock, is_there, place) }
}

#[inline(never)]
fn wait<S, G: DerefMut<Target = S>>(
    mut state: G,
    cx: &Context<'_>,
    lock: impl Fn() -> G,
    is_there: impl Fn(&mut S) -> bool,
    place: impl for<'s> Fn(&'s mut S) -> &'s mut Option<Waker>,
) -> Poll<G> {
    while !is_there(&mut state) {
        if place(&mut state).as_ref().is_some_and(|stored| stored.will_wake(cx.waker())) {
            return Poll::Pending;
        }
        drop(state);
        let newest = cx.waker().clone();
        state = lock();
        if !is_there(&mut state) {
            let old = place(&mut state).replace(newest);
            drop(state);
            drop(old);
            return Poll::Pending;
        }
        drop(state);
        drop(newest);
        state = lock();
    }
    Poll::Ready(state)
}
