//! The blocks of one executor with their slots: made, taken out of the ready queue to be polled, and freed.

use super::{
    block::{Block, Header, Live, Look, Meta, free_memory},
    number::{MAX_SLOTS, Number},
    owned::{Owned, Owner},
    pool::{Pool, Size},
    slots::Slots,
    table::Full,
    tag::{Slotted, Tag, Tagged, flag::*},
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
    Unusual(Live<M>, Number, u8),
}

/// A block whose future is to be polled once.
pub(crate) struct Due<M: Meta>(Live<M>);

/// A block that no number leads to any more, to be freed.
pub(crate) struct Vacant<M: Meta>(Live<M>);

/// A vacant block that no task has. Dropped, it is kept for the next task of its size.
struct Room<'a, M: Meta> {
    blocks: &'a Blocks<M>,
    block: Tagged,
    size: &'static Size,
}

impl<M: Meta> Drop for Room<'_, M> {
    #[inline(always)]
    fn drop(&mut self) {
        let is_recycled = self.size.is_recycled();
        if !is_recycled {
            self.blocks.slots.table.detach(self.block.number());
        }
        // SAFETY: the memory was taken from that pool with this size, and nothing else leads to it, so it can be given back.
        unsafe {
            match is_recycled {
                true => self.blocks.pool.give(self.block.0.cast(), self.size),
                false => self.size.free(self.block.0.cast()),
            }
        }
    }
}

/// Room for a task whose number somebody was told. Dropped, the number names no task, now or later.
struct Told<'a, M: Meta>(Room<'a, M>);

impl<M: Meta> Drop for Told<'_, M> {
    #[cold]
    fn drop(&mut self) {
        self.0.block.vacate();
    }
}

impl<E, M: Owner<Slot = Slotted<E>>> Blocks<M> {
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
        let memory = match self.pool.take(size) {
            Some(recycled) => recycled,
            None => self.fresh(size, taken())?,
        };
        // It is foreign code. What it spawns has other slots, and what it throws goes on.
        let told = Told(Room { blocks: self, block: Tagged(memory.cast()), size });
        let future = future(told.0.block.number());
        core::mem::forget(told);
        // SAFETY: the memory has this size, and nobody else has it. The block is made for this output type, its handle flag is set, and
        // this is the only handle.
        let owned =
            unsafe { Owned::new(Block::<F, M>::write::<L>(memory, future, meta(), QUEUED | WOKEN | FRESH), home) };
        owned.note(Number::NONE);
        self.slots.ready.push(owned.number().slot() as u32);
        Ok(owned)
    }

    /// A new block, with a slot.
    #[cold]
    fn fresh(&self, size: &Size, taken: usize) -> Result<NonNull<u8>, Full> {
        let attach = || self.slots.table.attach(MAX_SLOTS - taken, |number| Tag::alloc(size, number));
        let made = attach().or_else(|_| {
            // Slots may lie idle with recycled blocks of other sizes.
            self.trim_to(0, 0);
            attach()
        })?;
        self.slots.ready.reserve(self.slots.len());
        Ok(made.0.cast())
    }

    // ---- found

    /// The block of the task with that very number.
    pub(crate) fn find(&self, number: Number) -> Option<Live<M>> {
        self.slots.table.find(number).map(|block| Live(block.0.cast()))
    }

    /// The number and block of the task in that slot.
    pub(crate) fn occupant(&self, slot: usize) -> Option<(Number, Live<M>)> {
        self.slots.table.occupant(slot).map(|(number, block)| (number, Live(block.0.cast())))
    }

    /// Takes the oldest slot out of the ready queue, which must not be empty. The one before is done with: nothing of it is being polled.
    #[inline(always)]
    pub(crate) fn dequeue(&self) -> Turn<M> {
        let live: Live<M> = Live(self.slots.table.queued(self.slots.ready.pop()).0.cast());
        let (flags, number) = (live.flags(), live.number());
        if flags & UNUSUAL == 0 {
            live.reset_flags(0);
            return Turn::Poll(Due(live), number);
        }
        // `CANCEL` and `ABORT` stay: a handle's second request finds that it is not the first.
        live.reset_flags(flags & (UNUSUAL | CLEANING));
        Turn::Unusual(live, number, flags)
    }

    /// Sets flags, and puts the slot into the ready queue unless it is there. Returns whether it was.
    pub(crate) fn set_flags_and_queue(&self, header: &Header<M>, flags: u8) -> bool {
        let was_queued = header.flags() & QUEUED != 0;
        header.set_flags(flags | QUEUED);
        if !was_queued {
            self.slots.ready.push(header.number().slot() as u32);
        }
        was_queued
    }

    // ---- freed

    /// Takes the slot of a block away if its task has ended, no handle is left, and it is not in the ready queue.
    #[inline(always)]
    pub(crate) fn vacate_if_forgotten(&self, live: Live<M>) -> Option<Vacant<M>> {
        if live.has_handle() { None } else { self.vacate_if_handle_goes(live) }
    }

    /// [`Blocks::vacate_if_forgotten`] for a handle that is done with its block, and goes.
    #[inline(always)]
    pub(crate) fn vacate_if_handle_goes(&self, live: Live<M>) -> Option<Vacant<M>> {
        if live.flags() & (DONE | QUEUED) != DONE {
            live.set_loose();
            return None;
        }
        live.vacate();
        Some(Vacant(live))
    }

    /// Frees a block, or keeps it together with its slot for the next task of its size. What is in its header is not dropped if it is
    /// kept: its owner has taken it out.
    #[inline(always)]
    pub(crate) fn free(&self, vacant: Vacant<M>) {
        let Vacant(live) = vacant;
        let size = live.size();
        if !size.is_recycled() {
            return self.free_alone(live);
        }
        // The payload is gone, and no handle and no number leads to the block any more.
        drop(Room { blocks: self, block: Tagged(live.0.cast()), size });
    }

    #[cold]
    #[inline(never)]
    fn free_alone(&self, live: Live<M>) {
        self.slots.table.detach(live.number());
        free_memory(live);
    }

    /// The executor ends: the slot is nobody's, and the block is its handle's, if it has one. A future that is still there was
    /// never polled: it is not touched any more, nor is its block freed then without a handle.
    pub(crate) fn abandon(&self, live: Live<M>) {
        live.vacate();
        self.slots.table.detach(live.number());
        live.set_orphan();
        let has_ended = live.stage().is_end();
        if !has_ended {
            live.count_as_cancelled();
        } else if !live.has_handle() {
            free_memory(live);
        }
    }

    /// Frees what lies idle beyond so many bytes for each size of blocks, or belongs to a slot from `slots` on.
    pub(crate) fn trim_to(&self, bytes: usize, slots: usize) {
        // Its header may never have been written.
        let number = |block: NonNull<u8>| Tagged(block.cast()).number();
        let is_far = |block| number(block).slot() >= slots;
        let idle: Option<&dyn Fn(NonNull<u8>) -> bool> = if slots < self.slots.len() { Some(&is_far) } else { None };
        self.pool.trim(bytes, idle, |block| self.slots.table.detach(number(block)));
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
        live.set_flags(DONE);
    }

    /// Clean-up is at work in the task, which may wait although it is cancelled. Returns whether it was so before.
    pub(crate) fn set_cleaning(&self, live: &Live<M>) -> bool {
        let was_so = live.flags() & CLEANING != 0;
        live.set_flags(CLEANING);
        was_so
    }
}

impl<M: Meta> Due<M> {
    /// Polls the future. The block, when it has ended.
    #[inline(always)]
    pub(crate) fn poll(self, cx: &mut Context<'_>) -> Option<Live<M>> {
        // SAFETY: the slot was queued and is neither `DONE` nor to be stopped, so the stage is `Future`, and nobody else polls it: a
        // slot is in the queue once, and the one before it is done with.
        unsafe { self.0.poll(cx) }.is_ready().then_some(self.0)
    }
}

impl<M: Meta> Deref for Vacant<M> {
    type Target = Header<M>;

    #[inline(always)]
    fn deref(&self) -> &Header<M> {
        &self.0
    }
}
