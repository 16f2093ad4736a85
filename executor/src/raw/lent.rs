//! What is lent to a thread: a reference that is there while a call lasts, for code that has no other way to it.

use core::{cell::Cell, ptr::NonNull};
use std::thread::LocalKey;

/// A thread's place for a reference that outlives no call. To be declared in a `thread_local!`, `const` and without a destructor: looking
/// at it is one plain read then, also at the very end of the thread's life.
pub(crate) struct Lent<T: ?Sized>(Cell<Option<NonNull<T>>>);

impl<T: ?Sized> Lent<T> {
    pub(crate) const fn none() -> Lent<T> {
        Lent(Cell::new(None))
    }
}

/// What threads may do with such a place.
pub(crate) trait OnThread<T: ?Sized> {
    /// Calls `f` with what is lent to this thread.
    fn look<R>(&'static self, f: impl FnOnce(Option<&T>) -> R) -> R;

    /// Calls `f`. Meanwhile `value` is lent to this thread; then what was before is it again.
    fn enter<R>(&'static self, value: &T, f: impl FnOnce() -> R) -> R;
}

impl<T: ?Sized + 'static> OnThread<T> for LocalKey<Lent<T>> {
    #[inline(always)]
    fn look<R>(&'static self, f: impl FnOnce(Option<&T>) -> R) -> R {
        let lent = self.with(|lent| lent.0.get());
        // SAFETY: the pointer was made by `enter` of a reference that outlives its call, and is taken out before that call returns or
        // unwinds. This runs while it is set, so within that call (or one inside it); what `f` gets cannot leave it, and `f` returns
        // before anything above it on the stack ends. The place is this thread's, so no other thread's calls matter.
        f(lent.map(|lent| unsafe { lent.as_ref() }))
    }

    fn enter<R>(&'static self, value: &T, f: impl FnOnce() -> R) -> R {
        struct Before<T: ?Sized + 'static>(&'static LocalKey<Lent<T>>, Option<NonNull<T>>);
        impl<T: ?Sized> Drop for Before<T> {
            fn drop(&mut self) {
                self.0.with(|lent| lent.0.set(self.1));
            }
        }
        let _before = Before(self, self.with(|lent| lent.0.replace(Some(NonNull::from(value)))));
        f()
    }
}
