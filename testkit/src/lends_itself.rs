//! A future that keeps a `&mut` of its own field while it waits, and that field is where an `Option` around it would keep its note.

#![expect(unsafe_code, reason = "safe code can lend a value to itself only where the compiler hides its layout")]

use std::{
    marker::PhantomPinned,
    pin::Pin,
    task::{Context, Poll},
};

/// Wakes itself and waits so often. Yields whether it has waited an even number of times.
#[derive(Debug)]
pub struct LendsItself {
    lent: Option<&'static mut bool>,
    flag: bool,
    waits: usize,
    _pinned: PhantomPinned,
}

impl LendsItself {
    /// Waits so often.
    pub fn new(waits: usize) -> LendsItself {
        LendsItself { lent: None, flag: false, waits, _pinned: PhantomPinned }
    }
}

impl Future for LendsItself {
    type Output = bool;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<bool> {
        // SAFETY: nothing is moved out of it.
        let this = unsafe { self.get_unchecked_mut() };
        if this.lent.is_none() {
            let flag = &raw mut this.flag;
            // SAFETY: the field is pinned, lives as long as `lent` beside it, and is used through that alone.
            this.lent = Some(unsafe { &mut *flag });
        }
        let flag = this.lent.as_mut().expect("it was lent just now");
        **flag = !**flag;
        if this.waits == 0 {
            return Poll::Ready(**flag);
        }
        this.waits -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for LendsItself {
    fn drop(&mut self) {
        if let Some(flag) = self.lent.take() {
            *flag = !*flag;
        }
    }
}
