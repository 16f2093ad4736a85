//! The block: one allocation that holds a task's header and its future, and later, in the same place, its output.

use crate::raw::pool::Size;
use crate::{
    outcome::{join_error::Panic, reason::CancelReason},
    raw::number::Number,
    region::region::Region,
    task::local::Locals,
};
use std::{
    borrow::Cow,
    cell::{Cell, UnsafeCell},
    mem::{ManuallyDrop, needs_drop, offset_of},
    panic::{AssertUnwindSafe, Location, catch_unwind},
    pin::Pin,
    ptr::{NonNull, drop_in_place},
    rc::Rc,
    task::{Context, Poll, Waker},
};

/// What a block's payload is.
///
/// ```text
///            poll() = Ready                               take_value()
///   Future ───────────────────────► Value ──────────────────────────────► Taken
///     │                                                                     ▲
///     │ recover(), stop()                                 RawTask::take()   │
///     └────────► Ending ─────────► Cancelled | Panicked ────────────────────┘
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
    /// Nothing is there; the reason is in the header.
    Cancelled,
    /// Nothing is there; the panic is in the extras.
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

/// What every task has, 56 bytes on 64-bit targets.
#[repr(C)]
pub(crate) struct Header {
    pub(crate) vtable: &'static Vtable,
    /// Whom to wake when the task has ended.
    pub(crate) joiner: Cell<Option<Waker>>,
    pub(crate) location: &'static Location<'static>,
    pub(crate) parent: Number,
    /// What few tasks have.
    pub(crate) extras: Cell<Option<Box<Extras>>>,
    pub(crate) slot: u32,
    pub(crate) stage: Cell<Stage>,
    /// A handle can still reach this block.
    pub(crate) handle: Cell<bool>,
    /// The executor is gone: the slot means nothing any more, the handle owns the block.
    pub(crate) orphan: Cell<bool>,
    /// The reason of a cancellation that carries no data (the others lie in the extras).
    pub(crate) reason: Cell<PlainReason>,
}

/// A reason in one byte, if it carries no data.
macro_rules! plain_reasons {
    ($($reason:ident)*) => {
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub(crate) enum PlainReason {
            /// None yet, or one in the extras.
            Other,
            $($reason,)*
        }

        impl PlainReason {
            #[inline]
            fn of(reason: &CancelReason) -> PlainReason {
                match reason {
                    $(CancelReason::$reason => PlainReason::$reason,)*
                    _ => PlainReason::Other,
                }
            }

            #[inline]
            fn reason(self) -> Option<CancelReason> {
                match self {
                    PlainReason::Other => None,
                    $(PlainReason::$reason => Some(CancelReason::$reason),)*
                }
            }
        }
    };
}
plain_reasons! {
    ChildCancelled RaceLost GroupEnded NotReady DeadlineExceeded OwnerDropped Shutdown Interrupted Aborted
}

#[derive(Default)]
pub(crate) struct Extras {
    pub(crate) name: Option<Cow<'static, str>>,
    pub(crate) locals: Locals,
    pub(crate) reason: Option<CancelReason>,
    /// The root scope as a region, once a clean-up point or a scope that holds one is in the task.
    pub(crate) root: Option<Rc<Region>>,
    /// It is stopped hard because its clean-up has taken too long.
    pub(crate) overdue: bool,
    /// The outcome of a task that panicked.
    pub(crate) panic: Option<Panic>,
    /// A panic that came too late to be the outcome: a destructor's, after the value was there.
    pub(crate) late: Option<Panic>,
}

impl Header {
    #[inline(always)]
    pub(crate) fn has_extras(&self) -> bool {
        // SAFETY: the reference lives for this line, in which nobody else uses the cell.
        unsafe { (*self.extras.as_ptr()).is_some() }
    }

    /// Calls `f` with the extras, which are made if need be. `f` runs no user code.
    pub(crate) fn with_extras<R>(&self, f: impl FnOnce(&mut Extras) -> R) -> R {
        let mut extras = self.extras.take().unwrap_or_default();
        let result = f(&mut extras);
        self.extras.set(Some(extras));
        result
    }

    /// Calls `f` with the extras if there are any. `f` runs no user code.
    pub(crate) fn peek_extras<R>(&self, f: impl FnOnce(&mut Extras) -> R) -> Option<R> {
        let mut extras = self.extras.take()?;
        let result = f(&mut extras);
        self.extras.set(Some(extras));
        Some(result)
    }

    #[inline]
    pub(crate) fn set_reason(&self, reason: CancelReason) {
        match PlainReason::of(&reason) {
            PlainReason::Other => self.with_extras(|extras| extras.reason = Some(reason)),
            plain => self.reason.set(plain),
        }
    }

    pub(crate) fn reason(&self) -> Option<CancelReason> {
        self.reason.get().reason().or_else(|| self.peek_extras(|extras| extras.reason.clone()).flatten())
    }

    /// The reason, which the header may not have any more afterwards.
    #[inline]
    pub(crate) fn take_reason(&self) -> Option<CancelReason> {
        self.reason.get().reason().or_else(|| self.peek_extras(|extras| extras.reason.take()).flatten())
    }

    /// The root scope's region, if anything has registered there.
    #[inline]
    pub(crate) fn root(&self) -> Option<Rc<Region>> {
        // SAFETY: the reference lives for this line, in which nobody else uses the cell: a handle's clone is a count.
        unsafe { (*self.extras.as_ptr()).as_ref().and_then(|extras| extras.root.clone()) }
    }
}

/// Extras that were used before. A cancellation with a text needs some, and cancelling is to be cheap.
#[derive(Default)]
#[expect(clippy::vec_box, reason = "the boxes themselves are what is used again")]
pub(crate) struct SpareExtras(Cell<Vec<Box<Extras>>>);

impl SpareExtras {
    /// A crowd of tasks may be cancelled in one turn; more than these are not kept.
    const MOST: usize = 1024;

    /// Gives used extras to a task that has none, if there are any.
    pub(crate) fn lend(&self, task: &Header) {
        let mut spare = self.0.take();
        if !task.has_extras() {
            task.extras.set(spare.pop());
        }
        self.0.set(spare);
    }

    pub(crate) fn take_back(&self, task: &Header) {
        let Some(mut extras) = task.extras.take() else { return };
        *extras = Extras::default();
        let mut spare = self.0.take();
        if spare.len() < Self::MOST {
            spare.push(extras);
        }
        self.0.set(spare);
    }
}

/// What can be done with a block whose type is forgotten.
pub(crate) struct Vtable {
    /// Polls the future once; `true` when it ended, its output then lies in its place.
    ///
    /// # Safety
    ///
    /// The block's stage is `Future`, and nobody else polls it now. Unwinds if the future panics.
    pub(crate) poll: unsafe fn(NonNull<Header>, &mut Context<'_>) -> bool,
    /// # Safety
    ///
    /// The payload holds the future, which must not be touched again.
    pub(crate) drop_future: unsafe fn(NonNull<Header>),
    /// # Safety
    ///
    /// The payload holds the output, which must not be touched again.
    pub(crate) drop_value: unsafe fn(NonNull<Header>),
    pub(crate) value_needs_drop: bool,
    /// Where the payload lies, in bytes from the block's start.
    pub(crate) payload: usize,
    pub(crate) size: Size,
}

#[repr(C)]
pub(crate) struct Block<F: Future> {
    header: Header,
    payload: UnsafeCell<Payload<F>>,
}

#[repr(C)]
union Payload<F: Future> {
    future: ManuallyDrop<F>,
    value: ManuallyDrop<F::Output>,
}

impl<F: Future> Block<F> {
    pub(crate) const SIZE: Size = Size::of::<Self>();

    const VTABLE: Vtable = Vtable {
        poll: Self::poll,
        drop_future: Self::drop_future,
        drop_value: Self::drop_value,
        value_needs_drop: needs_drop::<F::Output>(),
        payload: offset_of!(Self, payload),
        size: Self::SIZE,
    };

    /// Moves header and future into fresh memory.
    ///
    /// # Safety
    ///
    /// `memory` was taken from a pool with [`Self::SIZE`] and is not in use.
    #[inline(always)]
    pub(crate) unsafe fn write(
        memory: NonNull<u8>,
        future: F,
        location: &'static Location<'static>,
        parent: Number,
        slot: u32,
    ) -> NonNull<Header> {
        let header = Header {
            vtable: &Self::VTABLE,
            joiner: Cell::new(None),
            location,
            parent,
            extras: Cell::new(None),
            slot,
            stage: Cell::new(Stage::Future),
            handle: Cell::new(true),
            orphan: Cell::new(false),
            reason: Cell::new(PlainReason::Other),
        };
        let block = memory.cast::<Self>().as_ptr();
        // SAFETY: the memory has this type's size and alignment, and is ours alone. The parts are written one by one so
        // that a large future is copied once.
        unsafe {
            (&raw mut (*block).header).write(header);
            (&raw mut (*block).payload).cast::<F>().write(future);
        }
        memory.cast()
    }

    /// # Safety
    ///
    /// `header` is that of a live `Block<F>`.
    #[inline(always)]
    unsafe fn payload(header: NonNull<Header>) -> *mut Payload<F> {
        // SAFETY: a field's place inside a live block; `header` was made from a pointer to the whole block.
        unsafe { UnsafeCell::raw_get(&raw const (*header.cast::<Self>().as_ptr()).payload) }
    }

    unsafe fn poll(header: NonNull<Header>, cx: &mut Context<'_>) -> bool {
        // SAFETY: the caller says that the future is there and that this is its only use. It is never moved: it leaves
        // this place by being dropped in it.
        let future = unsafe { Pin::new_unchecked(&mut *(*Self::payload(header)).future) };
        match future.poll(cx) {
            Poll::Pending => false,
            Poll::Ready(value) => {
                // SAFETY: `future` is not used any more, and the block lives: it is not freed before its task has ended.
                unsafe { Self::finish(header, value) };
                true
            }
        }
    }

    /// Puts the output where the future was.
    ///
    /// # Safety
    ///
    /// The payload holds the future, and nothing refers to it.
    #[inline(always)]
    unsafe fn finish(header: NonNull<Header>, value: F::Output) {
        // SAFETY: the block lives; only the header is referred to here.
        let head = unsafe { header.as_ref() };
        head.stage.set(Stage::Ending);
        if needs_drop::<F>() {
            // SAFETY: the stage says that nobody will touch the future again, also if its destructor panics. The
            // destructor may use the task's handle; that touches the header only, and frees nothing before the end.
            let dropped = catch_unwind(AssertUnwindSafe(|| unsafe { Self::drop_future(header) }));
            if let Err(payload) = dropped {
                // The value counts, so the panic is nobody's outcome. It is reported when the task is finished.
                head.with_extras(|extras| extras.late = Some(Panic::new(payload)));
            }
        }
        // SAFETY: the payload is large enough and aligned for the output, being a union with it, and is empty.
        unsafe { Self::payload(header).cast::<F::Output>().write(value) };
        head.stage.set(Stage::Value);
    }

    unsafe fn drop_future(header: NonNull<Header>) {
        // SAFETY: the caller says that the future is there and is not touched again.
        unsafe { drop_in_place(Self::payload(header).cast::<F>()) }
    }

    unsafe fn drop_value(header: NonNull<Header>) {
        // SAFETY: the caller says that the output is there and is not touched again.
        unsafe { drop_in_place(Self::payload(header).cast::<F::Output>()) }
    }
}
