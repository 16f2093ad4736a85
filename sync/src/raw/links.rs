//! Links: what chains lie in, each closed to a ring by an anchor.

use core::{cell::Cell, ptr::NonNull};

/// The neighbours in a ring.
pub(super) struct Links {
    prev: Cell<NonNull<Links>>,
    next: Cell<NonNull<Links>>,
}

impl Links {
    /// Links that lead nowhere, before they are chained.
    pub(super) const fn loose() -> Links {
        Links { prev: Cell::new(NonNull::dangling()), next: Cell::new(NonNull::dangling()) }
    }

    /// Makes a ring of an anchor alone, which stays where it is.
    pub(super) fn close(&self) {
        self.prev.set(NonNull::from(self));
        self.next.set(NonNull::from(self));
    }

    #[inline(always)]
    pub(super) fn next(&self) -> NonNull<Links> {
        self.next.get()
    }

    pub(super) fn prev(&self) -> NonNull<Links> {
        self.prev.get()
    }

    /// Says what comes next in a chain that is no ring.
    #[inline(always)]
    pub(super) fn set_next(&self, next: NonNull<Links>) {
        self.next.set(next);
    }
}

/// Chains `new` behind all others of the ring of `anchor`.
///
/// # Safety
///
/// Both live, and so does whatever is in that ring. `new` is in no ring.
#[inline(always)]
pub(super) unsafe fn push(anchor: NonNull<Links>, new: NonNull<Links>) {
    // SAFETY: as the caller says; the last one is in the ring.
    unsafe {
        let last = anchor.as_ref().prev.get();
        new.as_ref().prev.set(last);
        new.as_ref().next.set(anchor);
        last.as_ref().next.set(new);
        anchor.as_ref().prev.set(new);
    }
}

/// Unchains `this`.
///
/// # Safety
///
/// It is in a ring, all of which lives.
#[inline(always)]
pub(super) unsafe fn unlink(this: NonNull<Links>) {
    // SAFETY: as the caller says; the neighbours are in that ring.
    unsafe {
        let (prev, next) = (this.as_ref().prev.get(), this.as_ref().next.get());
        prev.as_ref().next.set(next);
        next.as_ref().prev.set(prev);
    }
}
