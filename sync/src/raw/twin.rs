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
    /// Both handles.
    #[inline(always)]
    pub(crate) fn pair(value: T) -> (Twin<T>, Twin<T>) {
        let shared = spares::take::<Shared<T>>();
        // SAFETY: it is memory for this type, and nobody else's.
        unsafe { shared.write(Shared { is_lone: Cell::new(false), value }) };
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
            // SAFETY: the other handle is gone, and this one goes. The value is moved out before its memory is another's, and dropped last:
            // that is foreign code.
            let _value = unsafe {
                let shared = self.0.read();
                spares::give::<Shared<T>>(self.0);
                shared
            };
        }
    }
}
