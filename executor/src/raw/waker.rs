//! A waker that is a number: it owns nothing, and nothing is behind it.
//!
//! The data word of such a `RawWaker` holds a task's [`Number`] and is never followed. So there is nothing to count and nothing to
//! free: clone copies the word, drop does nothing, a waker may go to any thread and outlive everything.

use super::number::Number;
use core::{
    marker::PhantomData,
    mem::ManuallyDrop,
    ptr,
    task::{RawWaker, RawWakerVTable, Waker},
};

/// What wakes tasks by number.
pub(crate) trait WakeByNumber: Sized + 'static {
    /// The one vtable of these wakers, a static: it is what they are known by.
    fn vtable() -> &'static Vtable<Self>;

    /// Wakes the task whose [number](Number::of_word) the word is. Any thread calls this, with the word of any task that ever was.
    fn wake(word: *const ());
}

/// The vtable of the wakers of `W`.
pub(crate) struct Vtable<W>(RawWakerVTable, PhantomData<fn() -> W>);

impl<W: WakeByNumber> Vtable<W> {
    pub(crate) const fn new() -> Vtable<W> {
        Vtable(RawWakerVTable::new(clone::<W>, W::wake, W::wake, |_| {}), PhantomData)
    }
}

/// The waker of the task of that number. It owns nothing, so it need not be dropped.
#[inline(always)]
pub(crate) fn waker<W: WakeByNumber>(number: Number) -> ManuallyDrop<Waker> {
    // SAFETY: the contract of `RawWakerVTable` asks that the four functions be thread-safe, that `clone` gives a waker of the same
    // task, and that resources be managed. There are none: the functions, which only `Vtable::new` chooses, use the word as a number.
    ManuallyDrop::new(unsafe { Waker::new(ptr::without_provenance(number.0), &W::vtable().0) })
}

/// The number inside, if the waker is one of those.
#[inline(always)]
pub(crate) fn number_of<W: WakeByNumber>(waker: &Waker) -> Option<Number> {
    ptr::eq(waker.vtable(), &W::vtable().0).then(|| Number::of_word(waker.data()))
}

fn clone<W: WakeByNumber>(data: *const ()) -> RawWaker {
    RawWaker::new(data, &W::vtable().0)
}
