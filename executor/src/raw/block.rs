//! The block: one allocation that holds a task's header and its future, and later, in the same place, its output.

use super::pool::Size;
use alloc::boxed::Box;
use core::{
    cell::{Cell, UnsafeCell},
    mem::{ManuallyDrop, needs_drop, offset_of},
    ops::Deref,
    pin::Pin,
    ptr::{NonNull, drop_in_place},
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
    /// A byte of it.
    type Mark: Copy + Default;

    /// Calls `drop`, which drops a future whose output is there already. The panic of a destructor is not to leave this call.
    fn outlive(&self, mark: &Cell<Self::Mark>, drop: impl FnOnce());
}

/// How an output is looked at that is dropped unread.
pub(crate) trait Look<T> {
    /// Is there ever something to be seen?
    const SEES: bool;

    /// What there is to tell of an output that nobody has read. It may be foreign code.
    fn look(value: &T) -> Option<Box<str>>;
}

/// What every block begins with.
#[repr(C)]
pub(crate) struct Header<M: Meta> {
    vtable: &'static Vtable<M>,
    pub(crate) meta: M,
    pub(super) slot: u32,
    stage: Cell<Stage>,
    /// A handle can still reach this block.
    pub(super) handle: Cell<bool>,
    /// The executor is gone: the slot means nothing any more, the handle owns the block.
    pub(super) orphan: Cell<bool>,
    pub(crate) mark: Cell<M::Mark>,
}

impl<M: Meta> Header<M> {
    #[inline(always)]
    pub(crate) fn slot(&self) -> u32 {
        self.slot
    }

    #[inline(always)]
    pub(crate) fn stage(&self) -> Stage {
        self.stage.get()
    }

    /// Can a handle still reach this block?
    #[inline(always)]
    pub(crate) fn has_handle(&self) -> bool {
        self.handle.get()
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

/// What can be done with a block whose type is forgotten.
struct Vtable<M: Meta> {
    /// Polls the future once; `true` when it ended, its output then lies in its place.
    ///
    /// # Safety
    ///
    /// The block's stage is `Future`, and nobody else polls it now. Unwinds if the future panics.
    poll: unsafe fn(NonNull<Header<M>>, &mut Context<'_>) -> bool,
    /// # Safety
    ///
    /// The payload holds the future, which must not be touched again.
    drop_future: unsafe fn(NonNull<Header<M>>),
    /// # Safety
    ///
    /// The payload holds the output, which must not be touched again.
    drop_value: unsafe fn(NonNull<Header<M>>),
    /// # Safety
    ///
    /// The payload holds the output, which nobody touches meanwhile.
    look: unsafe fn(NonNull<Header<M>>) -> Option<Box<str>>,
    /// The output has a destructor, or is to be looked at.
    value_matters: bool,
    /// Where the payload lies, in bytes from the block's start.
    payload: usize,
    size: Size,
}

#[repr(C)]
pub(super) struct Block<F: Future, M: Meta> {
    header: Header<M>,
    payload: UnsafeCell<Payload<F>>,
}

#[repr(C)]
union Payload<F: Future> {
    future: ManuallyDrop<F>,
    value: ManuallyDrop<F::Output>,
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
            payload: offset_of!(Self, payload),
            size: Self::SIZE,
        }
    }

    /// Moves header and future into fresh memory. The block has a handle. `L` says how its output is looked at.
    ///
    /// # Safety
    ///
    /// `memory` was taken from a pool with [`Self::SIZE`] and is not in use.
    #[inline(always)]
    pub(super) unsafe fn write<L: Look<F::Output>>(memory: NonNull<u8>, future: F, meta: M, slot: u32) -> Live<M> {
        let header = Header {
            vtable: const { &Self::vtable::<L>() },
            meta,
            slot,
            stage: Cell::new(Stage::Future),
            handle: Cell::new(true),
            orphan: Cell::new(false),
            mark: Cell::new(M::Mark::default()),
        };
        let block = memory.cast::<Self>().as_ptr();
        // SAFETY: the memory has this type's size and alignment, and is ours alone. The parts are written one by one so
        // that a large future is copied once.
        unsafe {
            (&raw mut (*block).header).write(header);
            (&raw mut (*block).payload).cast::<F>().write(future);
        }
        Live(memory.cast())
    }

    /// Where the payload lies.
    ///
    /// # Safety
    ///
    /// `header` is that of a live `Block<F, M>`.
    #[inline(always)]
    unsafe fn payload(header: NonNull<Header<M>>) -> *mut Payload<F> {
        // SAFETY: a field's place inside a live block; `header` was made from a pointer to the whole block.
        unsafe { UnsafeCell::raw_get(&raw const (*header.cast::<Self>().as_ptr()).payload) }
    }

    unsafe fn poll(header: NonNull<Header<M>>, cx: &mut Context<'_>) -> bool {
        // SAFETY: the caller says that the future is there and that this is its only use. It is never moved: it leaves
        // this place by being dropped in it.
        let future = unsafe { Pin::new_unchecked(&mut *(*Self::payload(header)).future) };
        let Poll::Ready(value) = future.poll(cx) else { return false };
        // It is not freed before its task has ended.
        let live = Live(header);
        live.stage.set(Stage::Ending);
        if needs_drop::<F>() {
            // SAFETY: the future is there. The stage says that nobody will touch it again, also if its destructor panics. The
            // destructor may use the task's handle; that touches the header only, and frees nothing before the end.
            live.meta.outlive(&live.mark, || unsafe { Self::drop_payload::<F>(header) });
        }
        // SAFETY: the payload is large enough and aligned for the output, being a union with it, and is empty.
        unsafe { Self::payload(header).cast::<F::Output>().write(value) };
        live.stage.set(Stage::Value);
        true
    }

    unsafe fn look<L: Look<F::Output>>(header: NonNull<Header<M>>) -> Option<Box<str>> {
        // SAFETY: the caller says that the output is there, and that nobody touches it meanwhile.
        L::look(unsafe { &*Self::payload(header).cast::<F::Output>() })
    }

    unsafe fn drop_payload<T>(header: NonNull<Header<M>>) {
        // SAFETY: the caller says that a `T` is there, future or output, and is not touched again.
        unsafe { drop_in_place(Self::payload(header).cast::<T>()) }
    }
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
    /// Polls a future that is there, and that nobody polls now; `true` when it has ended.
    ///
    /// # Safety
    ///
    /// The stage is `Future`, and this is called by whoever takes slots out of the ready queue, who does one at a time.
    #[inline(always)]
    pub(super) unsafe fn poll(&self, cx: &mut Context<'_>) -> bool {
        debug_assert_eq!(self.stage(), Stage::Future);
        // SAFETY: the caller's promise.
        unsafe { (self.vtable.poll)(self.0, cx) }
    }

    /// Polls the future once more, in a turn in which nobody else does; `true` when it has ended.
    pub(crate) fn poll_again(&self, cx: &mut Context<'_>) -> bool {
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

    /// Moves the output out, if it is there.
    ///
    /// # Safety
    ///
    /// The output is a `T`.
    #[inline(always)]
    pub(super) unsafe fn take_value<T>(&self) -> Option<T> {
        if self.stage() != Stage::Value {
            return None;
        }
        self.stage.set(Stage::Taken);
        // SAFETY: the stage was `Value`: at this place lies the output, a `T` as the caller promises. The stage now says that it was
        // moved away.
        Some(unsafe { self.0.byte_add(self.vtable.payload).cast::<T>().read() })
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

/// Frees a block that has no slot any more, and whose payload is gone, or is a future that was never polled and is forgotten.
#[cold]
#[inline(never)]
pub(super) fn free_memory<M: Meta>(live: Live<M>) {
    let size = live.size();
    // SAFETY: callers own the block: neither a slot nor another handle leads to it. What is in the header is dropped, once.
    unsafe {
        drop_in_place(live.0.as_ptr());
        size.free(live.0.cast());
    }
}
