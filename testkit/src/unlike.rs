//! A waker that no clone of its is equal to, as wakers are that carry memory of their own over a border.

#![expect(unsafe_code, reason = "only a raw waker can be unlike its clones")]

use std::task::{RawWaker, RawWakerVTable, Waker};

static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_boxed);

/// Does what `waker` does, and is unlike each of its clones.
pub fn unlike(waker: Waker) -> Waker {
    // SAFETY: the functions of the table keep to what wakers are: the data is a box of each one's own. A `Waker` may go anywhere.
    unsafe { Waker::from_raw(raw(waker)) }
}

fn raw(waker: Waker) -> RawWaker {
    RawWaker::new(Box::into_raw(Box::new(waker)).cast_const().cast(), &VTABLE)
}

unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: the data of a waker that lives is its box.
    raw(unsafe { &*data.cast::<Waker>() }.clone())
}

unsafe fn wake(data: *const ()) {
    // SAFETY: as above, and the waker goes.
    unsafe { Box::from_raw(data.cast_mut().cast::<Waker>()) }.wake();
}

unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: as above.
    unsafe { &*data.cast::<Waker>() }.wake_by_ref();
}

unsafe fn drop_boxed(data: *const ()) {
    // SAFETY: as above, and the waker goes.
    drop(unsafe { Box::from_raw(data.cast_mut().cast::<Waker>()) });
}
