//! The blocks of one executor with their slots: made, taken out of the ready queue to be polled, and freed.

use super::{
    block::{Block, Header, Live, Look, Meta, free_memory},
    number::{MAX_SLOTS, Number},
    owned::{Owned, Owner},
    pool::{Pool, Size},
    slots::Slots,
    table::{Full, flag::*},
};
use core::{marker::PhantomData, ops::Deref, ptr::NonNull, task::Context};

/// All blocks that have this kind of metadata and belong to one executor.
pub(crate) struct Blocks<M: Meta> {
    pub(crate) slots: Slots,
    pool: Pool,
    _blocks: PhantomData<Live<M>>,
}

/// What is due for a slot that came out of the ready queue.
pub(crate) enum Turn<M: Meta> {
    /// To be polled; its flags are cleared.
    Poll(Due<M>, Number),
    /// Its flags say that there is more to it.
    Unusual(Live<M>, Number, usize),
}

/// A block whose future is to be polled once.
pub(crate) struct Due<M: Meta>(Live<M>);

/// A block that nothing leads to any more, to be freed.
pub(crate) struct Vacant<M: Meta>(Live<M>);

/// A slot and memory that no task has. Dropped, they are kept for the next task of that size.
struct Room<'a, M: Meta> {
    blocks: &'a Blocks<M>,
    memory: NonNull<u8>,
    slot: u32,
    size: &'static Size,
}

impl<M: Meta> Drop for Room<'_, M> {
    #[inline(always)]
    fn drop(&mut self) {
        let is_recycled = self.size.is_recycled();
        if !is_recycled {
            self.blocks.slots.table.detach(self.slot);
        }
        // SAFETY: the memory was taken from that pool with this size, and nothing else leads to it, so it can be given back.
        unsafe {
            match is_recycled {
                true => self.blocks.pool.give(self.memory, self.slot, self.size),
                false => self.size.free(self.memory),
            }
        }
    }
}

/// Room for a task whose number somebody was told. Dropped, the number names no task, now or later.
struct Told<'a, M: Meta>(Room<'a, M>);

impl<M: Meta> Drop for Told<'_, M> {
    #[cold]
    fn drop(&mut self) {
        self.0.blocks.slots.table.vacate(self.0.slot);
    }
}

impl<M: Owner> Blocks<M> {
    pub(crate) fn new(first: Number, limit: usize) -> Blocks<M> {
        Blocks { slots: Slots::new(first, limit), pool: Pool::new(), _blocks: PhantomData }
    }

    // ---- made

    /// Makes the future of the task that has the number which `future` gets, in a block whose header gets what `meta` returns, and queues
    /// that. `taken` says how many slots are somebody else's. `L` says how its output is looked at that nobody reads.
    #[inline]
    pub(crate) fn admit<F: Future + 'static, L: Look<F::Output>>(
        &self,
        home: &M::Home,
        future: impl FnOnce(Number) -> F,
        meta: impl FnOnce() -> M,
        taken: impl Fn() -> usize,
    ) -> Result<Owned<F::Output, M>, Full> {
        // SAFETY: the future is `'static`.
        unsafe { self.admit_borrowing::<F, L>(home, future, meta, taken) }
    }

    /// [`Blocks::admit`] for a future that may borrow.
    ///
    /// # Safety
    ///
    /// Future and output are gone before anything that `F` borrows is.
    #[inline]
    pub(super) unsafe fn admit_borrowing<F: Future, L: Look<F::Output>>(
        &self,
        home: &M::Home,
        future: impl FnOnce(Number) -> F,
        meta: impl FnOnce() -> M,
        taken: impl Fn() -> usize,
    ) -> Result<Owned<F::Output, M>, Full> {
        let size = &Block::<F, M>::SIZE;
        let (memory, slot) = match self.pool.take(size) {
            Some(recycled) => recycled,
            None => self.fresh(size, taken())?,
        };
        // It is foreign code. What it spawns has other slots, and what it throws goes on.
        let told = Told(Room { blocks: self, memory, slot, size });
        let future = future(self.slots.table.number_of_next(slot));
        core::mem::forget(told);
        // SAFETY: the memory has this size, and nobody else has it. The block is made for this output type, its handle flag is set, and
        // this is the only handle.
        let owned = unsafe { Owned::new(Block::<F, M>::write::<L>(memory, future, meta(), slot), home) };
        self.slots.table.occupy(slot, QUEUED | WOKEN | FRESH);
        self.slots.ready.push(slot);
        Ok(owned)
    }

    /// A new block, with a slot.
    #[cold]
    fn fresh(&self, size: &Size, taken: usize) -> Result<(NonNull<u8>, u32), Full> {
        let attach = || self.slots.table.attach(MAX_SLOTS - taken, || size.alloc());
        let made = attach().or_else(|_| {
            // Slots may lie idle with recycled blocks of other sizes.
            self.trim_to(0, 0);
            attach()
        })?;
        self.slots.ready.reserve(self.slots.len());
        Ok(made)
    }

    // ---- found

    /// The block of the task with that very number.
    pub(crate) fn find(&self, number: Number) -> Option<Live<M>> {
        self.slots.table.find(number).map(|block| Live(block.cast()))
    }

    /// The number and block of the task in that slot.
    pub(crate) fn occupant(&self, slot: usize) -> Option<(Number, Live<M>)> {
        self.slots.table.occupant(slot).map(|(number, block)| (number, Live(block.cast())))
    }

    /// Takes the oldest slot out of the ready queue, which must not be empty. The one before is done with: nothing of it is being polled.
    #[inline(always)]
    pub(crate) fn dequeue(&self) -> Turn<M> {
        match self.slots.table.dequeue(self.slots.ready.pop() as usize) {
            Ok((block, number)) => Turn::Poll(Due(Live(block.cast())), number),
            Err(((block, number), flags)) => Turn::Unusual(Live(block.cast()), number, flags),
        }
    }

    // ---- freed

    /// Takes the slot of a block away if its task has ended, no handle is left, and it is not in the ready queue.
    #[inline(always)]
    pub(crate) fn vacate_if_forgotten(&self, live: Live<M>) -> Option<Vacant<M>> {
        if live.has_handle() || !self.slots.table.vacate_if_done(live.slot) {
            return None;
        }
        Some(Vacant(live))
    }

    /// Frees a block, or keeps it together with its slot for the next task of its size. What is in its header is not dropped if it is
    /// kept: its owner has taken it out.
    #[inline(always)]
    pub(crate) fn free(&self, vacant: Vacant<M>) {
        let Vacant(live) = vacant;
        let (slot, size) = (live.slot, live.size());
        if !size.is_recycled() {
            return self.free_alone(live);
        }
        // The payload is gone, and no handle and no number leads to the block any more.
        drop(Room { blocks: self, memory: live.0.cast(), slot, size });
    }

    #[cold]
    fn free_alone(&self, live: Live<M>) {
        self.slots.table.detach(live.slot);
        free_memory(live);
    }

    /// The executor ends: the slot is nobody's, and the block is its handle's, if it has one. A future that is still there was
    /// never polled: it is not touched any more, nor is its block freed then without a handle.
    pub(crate) fn abandon(&self, live: Live<M>) {
        self.slots.table.vacate(live.slot);
        self.slots.table.detach(live.slot);
        live.orphan.set(true);
        let has_ended = live.stage().is_end();
        if !has_ended {
            live.count_as_cancelled();
        } else if !live.has_handle() {
            free_memory(live);
        }
    }

    /// Frees what lies idle beyond so many bytes for each size of blocks, or belongs to a slot from `slots` on.
    pub(crate) fn trim_to(&self, bytes: usize, slots: usize) {
        let slots = if slots < self.slots.len() { slots } else { usize::MAX };
        self.pool.trim(bytes, slots, |slot| self.slots.table.detach(slot));
    }

    /// Takes the last slots away that have no blocks, beyond so many.
    pub(crate) fn trim_slots(&self, kept: usize) {
        if self.slots.table.trim(kept) {
            self.slots.ready.trim(self.slots.len());
        }
    }

    /// A number of this executor whose generation none of its tasks had, nor any child whose highest is given.
    pub(crate) fn beyond(&self, children: usize) -> Number {
        self.slots.table.beyond(children)
    }

    /// There is an outcome: the task of a block has ended.
    #[inline(always)]
    pub(crate) fn set_done(&self, live: &Live<M>) {
        debug_assert!(live.stage().is_end());
        self.slots.table.set_flags(live.slot, DONE);
    }

    /// Clean-up is at work in the task, which may wait although it is cancelled. Returns whether it was so before.
    pub(crate) fn set_cleaning(&self, live: &Live<M>) -> bool {
        self.slots.table.set_flags(live.slot, CLEANING) & CLEANING != 0
    }
}

impl<M: Meta> Due<M> {
    /// Polls the future. The block, when it has ended.
    #[inline(always)]
    pub(crate) fn poll(self, cx: &mut Context<'_>) -> Option<Live<M>> {
        // SAFETY: the slot was queued and is neither `DONE` nor to be stopped, so the stage is `Future`, and nobody else polls it: a
        // slot is in the queue once, and the one before it is done with.
        unsafe { self.0.poll(cx) }.then_some(self.0)
    }
}

impl<M: Meta> Deref for Vacant<M> {
    type Target = Header<M>;

    #[inline(always)]
    fn deref(&self) -> &Header<M> {
        &self.0
    }
}
