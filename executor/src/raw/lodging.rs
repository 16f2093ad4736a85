//! A block without a slot, for a future that lies in another one's care: one keeps the future, and one the output.

use super::{
    block::{Block, Header, Live, Look, Meta},
    owned::{Owned, Owner},
    pool::{Pool, Size},
};
use core::{
    marker::PhantomData,
    ops::Deref,
    ptr::NonNull,
    task::{Context, Poll},
};

/// Moves a future into a block of memory from the pool, if there is one. It is gone before `'a` ends, or never touched again: that is how long
/// the half lives that keeps it.
#[inline]
pub(crate) fn lodge<'a, F: Future + 'a, M: Owner<Home = (), Slot = ()>, L: Look<F::Output>>(
    pool: Option<&Pool>,
    future: F,
    meta: M,
) -> (Half<'a, M>, Owned<F::Output, M>) {
    let size = &Block::<F, M>::SIZE;
    let memory = pool.and_then(|pool| pool.take(size)).unwrap_or_else(|| fresh(size));
    // SAFETY: the memory has this size, and nobody else has it. The block is made for this output type, its handle flag is set, and this is
    // the only handle.
    let owned = unsafe { Owned::new(Block::<F, M>::write::<L>(memory, future, meta, 0), &()) };
    (Half { live: owned.again_live(), of: PhantomData }, owned)
}

/// Fresh memory for a block. This does not unwind, as its calling convention says, so what is to lie there need not lie on the stack before.
#[cold]
extern "C" fn fresh(size: &Size) -> NonNull<u8> {
    size.alloc()
}

/// The half of a block without a slot that keeps the future. It is the only one, and whoever has it mutably is the only one who touches the
/// future. It has no destructor.
pub(crate) struct Half<'a, M: Meta> {
    live: Live<M>,
    of: PhantomData<&'a ()>,
}

impl<M: Meta> Deref for Half<'_, M> {
    type Target = Header<M>;

    #[inline(always)]
    fn deref(&self) -> &Header<M> {
        &self.live
    }
}

impl<M: Meta> Half<'_, M> {
    /// Polls the future, which is there.
    #[inline(always)]
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.live.poll_again(cx)
    }

    /// Drops the future, which is there. Its destructor's panic goes on; [`Half::end`] is next in any case.
    pub(crate) fn drop_future(&mut self) {
        self.live.drop_future();
    }

    /// The future is gone without an output.
    pub(crate) fn end(&mut self, panicked: bool) {
        self.live.end_without_value(panicked);
    }

    /// Drops the output, if it is there. Its destructor's panic goes on.
    pub(crate) fn drop_value(&mut self) {
        self.live.drop_value();
    }

    /// The future is gone. Without the other half, so is the output, and the block goes with this.
    #[inline]
    pub(crate) fn leave(self, pool: Option<&Pool>) {
        self.live.set_orphan();
        if !self.live.has_handle() {
            free(self.live, pool);
        }
    }
}

/// The half that keeps the output goes, which is gone or not there yet. If the other has gone before, the block goes with this.
#[inline]
pub(crate) fn let_go<T, M: Owner>(owned: Owned<T, M>, pool: Option<&Pool>) {
    let live = owned.release();
    if live.is_orphan() {
        free(live, pool);
    }
}

/// Frees a block that neither half has any more, and whose payload is gone.
#[inline]
fn free<M: Meta>(live: Live<M>, pool: Option<&Pool>) {
    let size = live.size();
    // SAFETY: neither half leads to the block any more. What is in the header is dropped, once, and the memory was taken with that size.
    unsafe {
        core::ptr::drop_in_place(live.0.as_ptr());
        match pool.filter(|_| size.is_recycled()) {
            Some(pool) => pool.give(live.0.cast(), size),
            None => size.free(live.0.cast()),
        }
    }
}
