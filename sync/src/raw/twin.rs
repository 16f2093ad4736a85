//! What exactly two share, in memory that is used again.

use super::spares;
use core::{cell::Cell, ops::Deref, ptr::NonNull};

/// One of two handles of a value, which goes with the second one.
pub(crate) struct Twin<T>(NonNull<Shared<T>>);

struct Shared<T> {
    /// Is one of the two gone?
    is_lone: Cell<bool>,
    value: T,
}

impl<T> Twin<T> {
    /// Both handles. The value is made where it stays.
    #[inline(always)]
    pub(crate) fn pair(make: impl FnOnce() -> T) -> (Twin<T>, Twin<T>) {
        let shared = spares::take::<Shared<T>>();
        // SAFETY: it is memory for this type, and nobody else's.
        unsafe { shared.write(Shared { is_lone: Cell::new(false), value: make() }) };
        (Twin(shared), Twin(shared))
    }

    #[inline(always)]
    fn shared(&self) -> &Shared<T> {
        // SAFETY: it lives until the second handle is dropped, and nobody has a reference that is not shared.
        unsafe { self.0.as_ref() }
    }
}

impl<T> Deref for Twin<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.shared().value
    }
}

impl<T> Drop for Twin<T> {
    #[inline(always)]
    fn drop(&mut self) {
        if self.shared().is_lone.replace(true) {
            // SAFETY: the other handle is gone, and this one goes.
            unsafe { end(self.0) };
        }
    }
}

/// Drops the value, and gives its memory back also if that panics.
///
/// # Safety
///
/// No handle leads there any more.
#[inline(never)]
unsafe fn end<T>(shared: NonNull<Shared<T>>) {
    struct Memory<T>(NonNull<Shared<T>>);
    impl<T> Drop for Memory<T> {
        fn drop(&mut self) {
            // SAFETY: what was in it is gone.
            unsafe { spares::give(self.0) };
        }
    }
    let _memory = Memory(shared);
    // SAFETY: as the caller says.
    unsafe { shared.drop_in_place() };
}
