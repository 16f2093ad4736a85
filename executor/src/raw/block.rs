//! The block: one allocation that holds a task's header and its future, and later, in the same place, its output.

use super::{
    number::Number,
    pool::Size,
    tag::{Slotted, Tag, flag::VACANT},
};
use alloc::boxed::Box;
use core::{
    cell::Cell,
    mem::{ManuallyDrop, needs_drop, offset_of},
    ops::Deref,
    pin::Pin,
    ptr::{self, NonNull, drop_in_place},
    task::{Context, Poll},
};

/// What a block's payload is. In brackets is the function that takes the edge.
///
/// ```text
///            Due::poll, Live::poll_again                  Owned::take, Live::drop_value
///   Future ──────────────────────────────► Value ─────────────────────────────────────► Taken
///     │                                                                                   ▲
///     │ Live::drop_future        Live::end_without_value                                  │ Live::take_end
///     └─────────────────► Ending ───────────────────────► Cancelled | Panicked ───────────┘
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Stage {
    /// The future lives.
    Future,
    /// The future is being dropped, or was; the outcome is not decided yet.
    Ending,
    /// The output lies where the future was.
    Value,
    /// Nothing is there: the task was cancelled.
    Cancelled,
    /// Nothing is there: the task panicked.
    Panicked,
    /// The outcome was given away.
    Taken,
}

impl Stage {
    #[inline(always)]
    pub(crate) fn is_end(self) -> bool {
        !matches!(self, Stage::Future | Stage::Ending)
    }
}

/// What the owner of blocks writes into each header, and never touches when it is not asked to.
pub(crate) trait Meta: Sized + 'static {
    /// What a block has for its slot: a [`Slotted`], or nothing if it has no slot.
    type Slot;
    /// A byte of it.
    type Mark: Copy + Default;

    /// Calls `drop`, which drops a future whose output is there already. The panic of a destructor is not to leave this call.
    fn outlive(header: &Header<Self>, drop: impl FnOnce());
}

/// How an output is looked at that is dropped unread.
pub(crate) trait Look<T> {
    /// Is there ever something to be seen?
    const SEES: bool;

    /// What there is to tell of an output that nobody has read. It may be foreign code.
    fn look(value: &T) -> Option<Box<str>>;
}

/// What every block begins with. That of a block with a slot begins with a [`Tag`].
#[repr(C)]
pub(crate) struct Header<M: Meta> {
    slot: M::Slot,
    /// The flags of a [`Tag`]. Without a slot nobody reads them.
    flags: Cell<u8>,
    stage: Cell<Stage>,
    /// Flags of [`bit`].
    bits: Cell<u8>,
    pub(crate) mark: Cell<M::Mark>,
    vtable: &'static Vtable<M>,
    pub(crate) meta: M,
}

/// What is unusual about a block.
mod bit {
    /// No handle can reach it any more.
    pub(super) const LOOSE: u8 = 1 << 0;
    /// The executor is gone: the slot means nothing any more, the handle owns the block.
    pub(super) const ORPHAN: u8 = 1 << 1;
    /// The word is a box.
    pub(super) const BOXED: u8 = 1 << 2;
}

impl<M: Meta> Header<M> {
    #[inline(always)]
    pub(crate) fn stage(&self) -> Stage {
        self.stage.get()
    }

    #[inline(always)]
    fn has(&self, bit: u8) -> bool {
        self.bits.get() & bit != 0
    }

    #[inline(always)]
    fn set(&self, bit: u8) {
        self.bits.set(self.bits.get() | bit);
    }

    /// Can a handle still reach this block?
    #[inline(always)]
    pub(crate) fn has_handle(&self) -> bool {
        !self.has(bit::LOOSE)
    }

    /// No handle reaches the block from now on.
    #[inline(always)]
    pub(super) fn set_loose(&self) {
        self.set(bit::LOOSE);
    }

    /// Does the block belong to its handle, as the executor is gone?
    #[inline(always)]
    pub(crate) fn is_orphan(&self) -> bool {
        self.has(bit::ORPHAN)
    }

    #[inline(always)]
    pub(super) fn set_orphan(&self) {
        self.set(bit::ORPHAN);
    }

    /// Is it of any consequence that the output is dropped unread?
    #[inline]
    pub(crate) fn value_matters(&self) -> bool {
        self.vtable.value_matters
    }

    #[inline(always)]
    pub(super) fn size(&self) -> &'static Size {
        &self.vtable.size
    }
}

impl<E, M: Meta<Slot = Slotted<E>>> Header<M> {
    /// The table reads the flags of a block without its type.
    const IS_TAGGED: () = assert!(offset_of!(Header<M>, flags) == offset_of!(Tag, flags));

    #[inline(always)]
    pub(crate) fn number(&self) -> Number {
        self.slot.number.get()
    }

    #[inline(always)]
    pub(crate) fn flags(&self) -> u8 {
        self.flags.get()
    }

    #[inline(always)]
    pub(super) fn set_flags(&self, flags: u8) {
        self.flags.set(self.flags.get() | flags);
    }

    #[inline(always)]
    pub(super) fn reset_flags(&self, flags: u8) {
        self.flags.set(flags);
    }

    /// The block is vacant from now on, and has the number of its next task.
    #[inline(always)]
    pub(super) fn vacate(&self) {
        let () = Self::IS_TAGGED;
        self.slot.number.set(self.number().next_generation());
        self.flags.set(VACANT);
    }

    /// Is there a box of what few tasks have?
    #[inline(always)]
    pub(crate) fn has_extras(&self) -> bool {
        self.has(bit::BOXED)
    }

    /// Is there such a box, or no handle?
    #[inline(always)]
    pub(crate) fn has_extras_or_no_handle(&self) -> bool {
        self.has(bit::BOXED | bit::LOOSE)
    }

    /// The number that is noted, where there is no box, or [`Number::NONE`].
    #[inline(always)]
    pub(crate) fn noted(&self) -> Number {
        debug_assert!(!self.has_extras());
        Number(self.slot.word.get().addr())
    }

    /// Notes a number instead of the one before, where there is no box.
    #[inline(always)]
    pub(crate) fn note(&self, number: Number) {
        debug_assert!(!self.has_extras());
        if !self.has_extras() {
            self.slot.word.set(ptr::without_provenance_mut(number.0));
        }
    }

    /// Puts a box into the word instead of a number.
    pub(crate) fn set_extras(&self, extras: Box<E>) {
        drop(self.take_extras());
        self.slot.word.set(Box::into_raw(extras));
        self.set(bit::BOXED);
    }

    /// Takes the box out of the word, in which nothing is then.
    pub(crate) fn take_extras(&self) -> Option<Box<E>> {
        if !self.has_extras() {
            return None;
        }
        self.bits.set(self.bits.get() & !bit::BOXED);
        self.lift()
    }

    /// Calls `f` with the box if there is one. Meanwhile it is not in the word, and not found there.
    #[inline(always)]
    pub(crate) fn peek_extras<R>(&self, f: impl FnOnce(&mut E) -> R) -> Option<R> {
        if !self.has_extras() {
            return None;
        }
        let mut extras = self.lift()?;
        let result = f(&mut extras);
        self.slot.word.set(Box::into_raw(extras));
        Some(result)
    }

    /// The box out of the word of a block that is [`bit::BOXED`], unless somebody uses it now. The word is null then.
    #[inline(always)]
    fn lift(&self) -> Option<Box<E>> {
        let extras = NonNull::new(self.slot.word.replace(Slotted::NO_WORD))?;
        // SAFETY: where the flag is set, the word is null or came from a box, as nothing else is put there; and it is taken out once.
        Some(unsafe { Box::from_raw(extras.as_ptr()) })
    }
}

/// What can be done with a block whose type is forgotten.
struct Vtable<M: Meta> {
    /// Polls the future once. When it has ended its output lies in the block.
    ///
    /// # Safety
    ///
    /// The block's stage is `Future`, and nobody else polls it now. Unwinds if the future panics.
    poll: unsafe fn(NonNull<Header<M>>, &mut Context<'_>) -> Poll<()>,
    /// # Safety
    ///
    /// The block holds the future, which must not be touched again.
    drop_future: unsafe fn(NonNull<Header<M>>),
    /// # Safety
    ///
    /// The block holds the output, which must not be touched again.
    drop_value: unsafe fn(NonNull<Header<M>>),
    /// # Safety
    ///
    /// The block holds the output, which nobody touches meanwhile.
    look: unsafe fn(NonNull<Header<M>>) -> Option<Box<str>>,
    /// The output has a destructor, or is to be looked at.
    value_matters: bool,
    size: Size,
}

/// The memory of a block: large enough for its future, and for its output. Where one lies depends on nothing but its own type, so
/// that whoever knows the output's finds it without the future's.
#[repr(C)]
pub(super) union Block<F: Future, M: Meta> {
    _future: ManuallyDrop<Filled<F, M>>,
    _output: ManuallyDrop<Filled<F::Output, M>>,
}

/// A block in which a `T` lies.
#[repr(C)]
struct Filled<T, M: Meta> {
    _header: Header<M>,
    payload: T,
}

impl<F: Future, M: Meta> Block<F, M> {
    pub(super) const SIZE: Size = Size::of::<Self>();

    const fn vtable<L: Look<F::Output>>() -> Vtable<M> {
        Vtable {
            poll: Self::poll,
            drop_future: Self::drop_payload::<F>,
            drop_value: Self::drop_payload::<F::Output>,
            look: Self::look::<L>,
            value_matters: needs_drop::<F::Output>() || L::SEES,
            size: Self::SIZE,
        }
    }

    /// Moves header and future into memory. The block has a handle. `L` says how its output is looked at.
    ///
    /// # Safety
    ///
    /// `memory` was taken from a pool with [`Self::SIZE`] and is not in use. What the block has for its slot lies there already.
    #[inline(always)]
    pub(super) unsafe fn write<L: Look<F::Output>>(memory: NonNull<u8>, future: F, meta: M, flags: u8) -> Live<M> {
        let header = memory.cast::<Header<M>>().as_ptr();
        // SAFETY: the memory has this type's size and alignment, and is ours alone. The parts are written one by one so
        // that a large future is copied once.
        unsafe {
            (&raw mut (*header).flags).write(Cell::new(flags));
            (&raw mut (*header).stage).write(Cell::new(Stage::Future));
            (&raw mut (*header).bits).write(Cell::new(0));
            (&raw mut (*header).mark).write(Cell::new(M::Mark::default()));
            (&raw mut (*header).vtable).write(const { &Self::vtable::<L>() });
            (&raw mut (*header).meta).write(meta);
            payload::<F, M>(memory.cast()).write(future);
        }
        Live(memory.cast())
    }

    unsafe fn poll(header: NonNull<Header<M>>, cx: &mut Context<'_>) -> Poll<()> {
        // SAFETY: the caller says that the future is there and that this is its only use. It is never moved: it leaves
        // this place by being dropped in it.
        let future = unsafe { Pin::new_unchecked(&mut *payload::<F, M>(header)) };
        let Poll::Ready(value) = future.poll(cx) else { return Poll::Pending };
        // It is not freed before its task has ended.
        let live = Live(header);
        live.stage.set(Stage::Ending);
        if needs_drop::<F>() {
            // SAFETY: the future is there. The stage says that nobody will touch it again, also if its destructor panics. The
            // destructor may use the task's handle; that touches the header only, and frees nothing before the end.
            M::outlive(&live, || unsafe { Self::drop_payload::<F>(header) });
        }
        // SAFETY: the block is large enough and aligned for the output, and holds nothing but its header.
        unsafe { payload::<F::Output, M>(header).write(value) };
        live.stage.set(Stage::Value);
        Poll::Ready(())
    }

    unsafe fn look<L: Look<F::Output>>(header: NonNull<Header<M>>) -> Option<Box<str>> {
        // SAFETY: the caller says that the output is there, and that nobody touches it meanwhile.
        L::look(unsafe { &*payload::<F::Output, M>(header) })
    }

    unsafe fn drop_payload<T>(header: NonNull<Header<M>>) {
        // SAFETY: the caller says that a `T` is there, future or output, and is not touched again.
        unsafe { drop_in_place(payload::<T, M>(header)) }
    }
}

/// Where a `T` lies in a block that is made for one, as its future or its output.
#[inline(always)]
pub(super) fn payload<T, M: Meta>(header: NonNull<Header<M>>) -> *mut T {
    header.as_ptr().wrapping_byte_add(offset_of!(Filled<T, M>, payload)).cast()
}

/// A block that lives. Only this room makes one; it is not `Copy`, and what may free the block consumes it.
pub(crate) struct Live<M: Meta>(pub(super) NonNull<Header<M>>);

impl<M: Meta> Deref for Live<M> {
    type Target = Header<M>;

    #[inline(always)]
    fn deref(&self) -> &Header<M> {
        // SAFETY: the block lives: see the room's argument, "Who keeps a block".
        unsafe { self.0.as_ref() }
    }
}

impl<M: Meta> Live<M> {
    /// Polls a future that is there, and that nobody polls now.
    ///
    /// # Safety
    ///
    /// The stage is `Future`, and this is called by whoever takes slots out of the ready queue, who does one at a time.
    #[inline(always)]
    pub(super) unsafe fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        debug_assert_eq!(self.stage(), Stage::Future);
        // SAFETY: the caller's promise.
        unsafe { (self.vtable.poll)(self.0, cx) }
    }

    /// Polls the future once more, in a turn in which nobody else does.
    pub(crate) fn poll_again(&self, cx: &mut Context<'_>) -> Poll<()> {
        assert_eq!(self.stage(), Stage::Future, "what is polled has not ended");
        // SAFETY: the future is there. If the block has a slot, the loop does one at a time; if it has none, the caller has the one `Half` of
        // it mutably: see the room's argument, "Who polls" and "Who keeps a block".
        unsafe { self.poll(cx) }
    }

    /// Drops the future where it is. Its destructor's panic goes on; the future counts as gone before that begins.
    pub(crate) fn drop_future(&self) {
        assert_eq!(self.stage(), Stage::Future, "a future is dropped once");
        self.stage.set(Stage::Ending);
        // SAFETY: the stage was `Future`, and now says that nobody will touch it, also if its destructor panics.
        unsafe { (self.vtable.drop_future)(self.0) }
    }

    /// The future is gone, without an output.
    pub(crate) fn end_without_value(&self, panicked: bool) {
        debug_assert_eq!(self.stage(), Stage::Ending);
        self.stage.set(if panicked { Stage::Panicked } else { Stage::Cancelled });
    }

    /// How the task has ended, which nobody is told again. An output that matters is left to the caller, who looks at it and drops it next
    /// ([`Live::look`], [`Live::drop_value`]).
    pub(crate) fn take_end(&self) -> Stage {
        let stage = self.stage();
        if stage.is_end() && !(stage == Stage::Value && self.value_matters()) {
            self.stage.set(Stage::Taken);
        }
        stage
    }

    /// What there is to tell of the output, if it is there. The caller, and who is below on the stack, are the only ones who could take or
    /// drop it.
    pub(crate) fn look(&self) -> Option<Box<str>> {
        if self.stage() != Stage::Value {
            return None;
        }
        // SAFETY: the output is there. It is taken by way of the handle only, and dropped by whoever has that or, without one, by the
        // loop; that one has called this, and goes on when it returns.
        unsafe { (self.vtable.look)(self.0) }
    }

    /// Drops the output, if it is there. Its destructor's panic goes on; the output counts as gone before that begins.
    pub(crate) fn drop_value(&self) {
        if self.stage() == Stage::Value {
            self.stage.set(Stage::Taken);
            // SAFETY: the stage was `Value`, and now says that nobody will touch the output.
            unsafe { (self.vtable.drop_value)(self.0) }
        }
    }

    /// Is the output there? Then it is the caller's, who moves it out next.
    #[inline(always)]
    pub(super) fn take_value(&self) -> bool {
        let is_there = self.stage() == Stage::Value;
        if is_there {
            self.stage.set(Stage::Taken);
        }
        is_there
    }

    /// Tells whether the task has ended, in one load.
    pub(crate) fn is_ended(&self) -> IsEnded<'_> {
        IsEnded(&self.stage)
    }

    /// A future that is never touched again counts as cancelled.
    pub(super) fn count_as_cancelled(&self) {
        self.stage.set(Stage::Cancelled);
    }
}

/// Has the task of a block ended?
pub(crate) struct IsEnded<'a>(&'a Cell<Stage>);

impl IsEnded<'_> {
    #[inline(always)]
    pub(crate) fn get(&self) -> bool {
        self.0.get().is_end()
    }
}

/// Frees a block whose slot leads to it no more, and whose payload is gone, or is a future that was never polled and is forgotten.
#[cold]
#[inline(never)]
pub(super) fn free_memory<E, M: Meta<Slot = Slotted<E>>>(live: Live<M>) {
    let size = live.size();
    drop(live.take_extras());
    // SAFETY: callers own the block: neither a slot nor another handle leads to it. What is in the header is dropped, once.
    unsafe {
        drop_in_place(live.0.as_ptr());
        size.free(live.0.cast());
    }
}
