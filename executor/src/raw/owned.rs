//! A block's one handle: what is left when its task has ended, and takes the output.

use super::{
    block::{Live, Meta, Stage, free_memory, payload},
    tag::Slotted,
};
use core::{marker::PhantomData, mem::ManuallyDrop, ops::Deref, ptr::NonNull};

/// Whose blocks have handles.
pub(crate) trait Owner: Meta {
    /// What the blocks are part of.
    type Home;

    /// A handle is dropped.
    fn drop_handle<T>(owned: Owned<T, Self>);

    /// A loose handle is dropped.
    fn drop_loose<T>(owned: Owned<T, Self>);
}

/// The only handle of a block whose output is a `T`. It has no destructor: whoever owns it says what becomes of the block
/// ([`Owned::release`], [`Owned::part`]).
pub(crate) struct Owned<T, M: Owner> {
    live: Live<M>,
    /// Points at something only while the block is no orphan.
    home: NonNull<M::Home>,
    _output: PhantomData<T>,
}

impl<T, M: Owner> Deref for Owned<T, M> {
    type Target = Live<M>;

    #[inline(always)]
    fn deref(&self) -> &Live<M> {
        &self.live
    }
}

impl<T, M: Owner> Owned<T, M> {
    /// # Safety
    ///
    /// The block's output is a `T`, its handle flag is set, and there is no other handle.
    #[inline(always)]
    pub(super) unsafe fn new(live: Live<M>, home: &M::Home) -> Owned<T, M> {
        Owned { live, home: NonNull::from(home), _output: PhantomData }
    }

    /// What the block is part of; `None` when that is gone.
    #[inline(always)]
    pub(crate) fn home(&self) -> Option<&M::Home> {
        if self.live.is_orphan() {
            return None;
        }
        // SAFETY: see the room's argument, "Who keeps a home".
        Some(unsafe { self.home.as_ref() })
    }

    /// The output, if there is one that was not taken yet.
    #[inline(always)]
    pub(crate) fn take_value(&self) -> Option<T> {
        // SAFETY: the output is a `T`, as `new`'s caller promised. It is there, and the stage says now that it was moved away.
        self.live.take_value().then(|| unsafe { payload::<T, M>(self.live.0).read() })
    }

    /// Is neither the future there nor an output that was not taken?
    pub(super) fn is_payload_gone(&self) -> bool {
        !matches!(self.live.stage(), Stage::Future | Stage::Ending | Stage::Value)
    }

    /// The handle forgets what its output is, which is only dropped from then on.
    pub(crate) fn forget_output(self) -> Owned<(), M> {
        Owned { live: self.live, home: self.home, _output: PhantomData }
    }

    /// The block goes on without a handle.
    #[inline(always)]
    pub(crate) fn release(self) -> Live<M> {
        self.live.set_loose();
        self.live
    }

    /// The block, for the half that keeps the future: see [`lodging`](super::lodging).
    #[inline(always)]
    pub(super) fn again_live(&self) -> Live<M> {
        Live(self.live.0)
    }

    /// This handle once more. One of the two is not used again.
    #[inline(always)]
    fn again(&self) -> Owned<T, M> {
        Owned { live: Live(self.live.0), home: self.home, _output: PhantomData }
    }
}

impl<T, E, M: Owner<Slot = Slotted<E>>> Owned<T, M> {
    /// The handle is done with a block whose output is gone: `f` gets it, for [`Blocks::vacate_if_handle_goes`](super::blocks::Blocks), or
    /// it is freed if its executor is gone.
    #[inline(always)]
    pub(crate) fn part(self, f: impl FnOnce(&M::Home, Live<M>)) {
        let owned = self.again();
        match self.home() {
            Some(home) => f(home, owned.live),
            None => free_memory(owned.live),
        }
    }
}

/// A handle that is dropped in its owner's way ([`Owner::drop_handle`]).
pub(crate) struct Handle<T, M: Owner>(Owned<T, M>);

impl<T, M: Owner> Handle<T, M> {
    #[inline(always)]
    pub(crate) fn new(owned: Owned<T, M>) -> Handle<T, M> {
        Handle(owned)
    }

    /// The handle, which is not dropped then.
    #[inline(always)]
    pub(crate) fn into_owned(self) -> Owned<T, M> {
        ManuallyDrop::new(self).0.again()
    }
}

impl<T, M: Owner> Deref for Handle<T, M> {
    type Target = Owned<T, M>;

    #[inline(always)]
    fn deref(&self) -> &Owned<T, M> {
        &self.0
    }
}

impl<T, M: Owner> Drop for Handle<T, M> {
    #[inline]
    fn drop(&mut self) {
        M::drop_handle(self.0.again());
    }
}

/// A handle that is dropped in its owner's other way ([`Owner::drop_loose`]).
pub(crate) struct Loose<T, M: Owner>(Owned<T, M>);

impl<T, M: Owner> Loose<T, M> {
    #[inline(always)]
    pub(crate) fn new(owned: Owned<T, M>) -> Loose<T, M> {
        Loose(owned)
    }

    /// The handle, which is not dropped then.
    #[inline(always)]
    pub(crate) fn into_owned(self) -> Owned<T, M> {
        ManuallyDrop::new(self).0.again()
    }
}

impl<T, M: Owner> Deref for Loose<T, M> {
    type Target = Owned<T, M>;

    #[inline(always)]
    fn deref(&self) -> &Owned<T, M> {
        &self.0
    }
}

impl<T, M: Owner> Drop for Loose<T, M> {
    #[inline]
    fn drop(&mut self) {
        M::drop_loose(self.0.again());
    }
}
