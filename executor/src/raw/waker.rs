//! The waker: a number in a pointer's clothes.
//!
//! The data word of our `RawWaker` holds a task's [`Number`] and is never followed. So there is nothing to count and
//! nothing to free: clone copies the word, drop does nothing, a waker may go to any thread and outlive everything.

use crate::raw::current as enter;
use crate::{
    raw::number::Number,
    wake::{few::Few, foreign::wake_foreign, registry, seats::Called},
};
use std::{
    mem::ManuallyDrop,
    ptr,
    task::{RawWaker, RawWakerVTable, Waker},
};

static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake, drop_nothing);

/// The waker of the task of that number. It owns nothing, so it need not be dropped.
#[inline(always)]
pub(crate) fn waker(number: Number) -> ManuallyDrop<Waker> {
    // SAFETY: the contract of `RawWakerVTable` asks that the four functions be thread-safe, that `clone` gives a waker
    // of the same task, and that resources be managed. There are none: the functions use the word as a number only.
    ManuallyDrop::new(unsafe { Waker::new(word(number), &VTABLE) })
}

/// The number inside, if the waker is one of ours.
#[inline(always)]
pub(crate) fn number_of(waker: &Waker) -> Option<Number> {
    ptr::eq(waker.vtable(), &VTABLE).then(|| Number(waker.data().addr()))
}

/// Wakes the task of that number, wherever its executor is.
///
/// On the thread where that executor is the current one: one thread-local read, one compare with the slot's tag, one
/// push. A child that lives in its owner's future is queued in its set, whose owner is woken then. Everything else goes
/// through the executor's inbox. On the executor's thread no foreign code runs, unless the owner of a set has a foreign waker;
/// from elsewhere it may call the executor's signal.
#[inline(always)]
pub(crate) fn wake_number(number: Number) {
    if !enter::with_current(|core| core.is_some_and(|core| core.tasks.wake_waiting(number))) {
        wake_unusual(number);
    }
}

/// No task of the current executor waits under this number.
#[cold]
fn wake_unusual(number: Number) {
    if let Some(seat) = wake_outwards(number) {
        wake_both(seat);
    }
}

/// Wakes what has that number and those around it, one round for each, as sets lie inside each other. Where clean-up is at work
/// there may be two to call for a child: its seat is handed out.
#[inline(always)]
fn wake_outwards(mut number: Number) -> Option<u32> {
    loop {
        match enter::with_current(|core| core.map_or(Called::Elsewhere, |core| core.tasks.wake_unusual(number))) {
            Called::Done => return None,
            Called::Elsewhere => {
                if let Some(inbox) = registry::inbox_of(number) {
                    inbox.wake(number);
                }
                return None;
            }
            Called::Owner(owner) => number = wake_waiting(owner)?,
            Called::Both(seat) => return Some(seat),
        }
    }
}

/// The one is followed to its end before the other, and the stack does not grow with them.
#[cold]
#[inline(never)]
fn wake_both(seat: u32) {
    let (mut left, mut both) = (Few::default(), Some(seat));
    loop {
        let take = |seat| enter::with_current(|core| core.map(|core| core.tasks.seats.take_both(seat)));
        let (owner, own) = both.and_then(take).unwrap_or_default();
        left.extend(owner);
        let Some(waker) = own.or_else(|| left.pop()) else { return };
        both = wake_waiting(waker).and_then(wake_outwards);
    }
}

/// Wakes a task that waits, or what is foreign; anything else has a number that is handed out.
#[inline(always)]
fn wake_waiting(waker: Waker) -> Option<Number> {
    let Some(number) = number_of(&waker) else {
        wake_foreign(waker);
        return None;
    };
    let is_woken = enter::with_current(|core| core.is_some_and(|core| core.tasks.wake_waiting(number)));
    (!is_woken).then_some(number)
}

/// Wakes the owner of a set. Nothing is borrowed meanwhile, as it may be foreign code, whose panic is reported.
pub(crate) fn wake_owner(owner: Waker) {
    match number_of(&owner) {
        Some(number) => wake_number(number),
        None => wake_foreign(owner),
    }
}

fn word(number: Number) -> *const () {
    ptr::without_provenance(number.0)
}

unsafe fn clone(data: *const ()) -> RawWaker {
    RawWaker::new(data, &VTABLE)
}

unsafe fn wake(data: *const ()) {
    wake_number(Number(data.addr()));
}

unsafe fn drop_nothing(_: *const ()) {}
