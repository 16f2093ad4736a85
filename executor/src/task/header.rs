//! What every task has in its block's header, and what few tasks have besides.

use crate::{
    outcome::{
        panic::Panic,
        reason::CancelReason,
        task_id::TaskId,
        unhandled::{Unhandled, UnhandledKind},
    },
    raw::{block, number::Number},
    region::{locals::Locals, region::Region},
    wake::waker_cell::WakerCell,
};
use std::{
    borrow::Cow,
    cell::{Cell, RefCell},
    panic::Location,
    rc::Rc,
};

pub(crate) type Header = block::Header<Meta>;
/// A task's block that lives.
pub(crate) type Live = block::Live<Meta>;

/// What every task has: 40 bytes, and a [`Mark`], of the 56 that a header has on 64-bit targets.
pub(crate) struct Meta {
    /// Whom to wake when the task has ended.
    pub(super) joiner: WakerCell,
    pub(super) location: &'static Location<'static>,
    pub(super) parent: Number,
    /// What few tasks have. The mark says whether there are any.
    extras: Cell<Option<Box<Extras>>>,
}

impl Meta {
    #[inline(always)]
    pub(super) fn new(location: &'static Location<'static>, parent: Number) -> Meta {
        Meta { joiner: WakerCell::default(), location, parent, extras: Cell::new(None) }
    }

    /// A panic that came too late to be the outcome.
    #[cold]
    pub(super) fn keep_late(&self, mark: &Cell<Mark>, panic: Panic) {
        let mut extras = self.extras.take().unwrap_or_default();
        extras.late = Some(panic);
        self.extras.set(Some(extras));
        mark.set(mark.get().with_more_extras());
    }

    /// Extras in which nothing is.
    #[inline]
    fn give_extras(&self, mark: &Cell<Mark>, extras: Box<Extras>) {
        self.extras.set(Some(extras));
        mark.set(mark.get().with_extras());
    }

    /// Calls `f` with the extras if there are any. `f` runs no user code.
    #[inline]
    fn peek_extras<R>(&self, f: impl FnOnce(&mut Extras) -> R) -> Option<R> {
        let mut extras = self.extras.take()?;
        let result = f(&mut extras);
        self.extras.set(Some(extras));
        Some(result)
    }
}

impl block::Meta for Meta {
    type Mark = Mark;

    /// The value counts, so the panic is nobody's outcome. It is reported when the task is finished.
    #[inline(always)]
    fn outlive(&self, mark: &Cell<Mark>, drop: impl FnOnce()) {
        if let Err(panic) = Panic::catch(drop) {
            self.keep_late(mark, panic);
        }
    }
}

/// A reason that carries no data (the others lie in the extras), and three bits: are there extras, is anything but a reason in them, and
/// is that a root region?
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Mark(u8);

impl Mark {
    const HAS_EXTRAS: u8 = 1 << 7;
    const HAS_MORE: u8 = 1 << 6;
    const HAS_ROOT: u8 = 1 << 5;
    const REASON: u8 = Mark::HAS_ROOT - 1;

    #[inline(always)]
    pub(super) fn has_extras(self) -> bool {
        self.0 & Mark::HAS_EXTRAS != 0
    }

    #[inline(always)]
    pub(super) fn has_more_extras(self) -> bool {
        self.0 & Mark::HAS_MORE != 0
    }

    #[inline]
    fn with_extras(self) -> Mark {
        Mark(self.0 | Mark::HAS_EXTRAS)
    }

    #[inline]
    fn with_more_extras(self) -> Mark {
        Mark(self.0 | Mark::HAS_EXTRAS | Mark::HAS_MORE)
    }

    #[inline]
    fn without_extras(self) -> Mark {
        Mark(self.0 & Mark::REASON)
    }
}

macro_rules! plain_reasons {
    ($($reason:ident)*) => {
        /// The reasons that carry no data.
        #[derive(Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        pub(super) enum PlainReason {
            /// None yet, or one in the extras.
            Other,
            $($reason,)*
        }

        impl PlainReason {
            #[inline(always)]
            pub(super) fn of(reason: &CancelReason) -> PlainReason {
                match reason {
                    $(CancelReason::$reason => PlainReason::$reason,)*
                    _ => PlainReason::Other,
                }
            }
        }

        impl Mark {
            #[inline(always)]
            fn with_reason(self, reason: PlainReason) -> Mark {
                Mark(self.0 & !Mark::REASON | reason as u8)
            }

            #[inline]
            fn reason(self) -> Option<CancelReason> {
                match self.0 & Mark::REASON {
                    $(plain if plain == PlainReason::$reason as u8 => Some(CancelReason::$reason),)*
                    _ => None,
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
    pub(super) name: Option<Cow<'static, str>>,
    pub(super) locals: Locals,
    pub(super) reason: Option<CancelReason>,
    /// The root scope as a region, once a clean-up point or a scope that holds one is in the task.
    root: Option<Rc<Region>>,
    /// The task is stopped hard because its clean-up has taken too long.
    pub(super) overdue: bool,
    /// The outcome of a task that panicked.
    pub(super) panic: Option<Panic>,
    /// A panic that came too late to be the outcome: a destructor's, after the value was there.
    pub(super) late: Option<Panic>,
}

impl Extras {
    #[cold]
    #[inline(never)]
    fn clear(&mut self) {
        *self = Extras::default();
    }
}

impl Header {
    #[inline(always)]
    pub(super) fn has_extras(&self) -> bool {
        self.mark.get().has_extras()
    }

    /// Is anything in the extras but a reason?
    #[inline(always)]
    pub(super) fn has_more_extras(&self) -> bool {
        self.mark.get().has_more_extras()
    }

    /// Calls `f` with the extras, which are made if need be. `f` runs no user code.
    pub(super) fn with_extras<R>(&self, f: impl FnOnce(&mut Extras) -> R) -> R {
        if !self.has_extras() {
            self.meta.give_extras(&self.mark, Box::default());
        }
        let result = self.peek_extras(f);
        self.mark.set(self.mark.get().with_more_extras());
        result.expect("there are extras, as nothing that runs in their use asks for them")
    }

    /// Calls `f` with the extras if there are any. `f` runs no user code.
    pub(super) fn peek_extras<R>(&self, f: impl FnOnce(&mut Extras) -> R) -> Option<R> {
        self.meta.peek_extras(f)
    }

    pub(super) fn name(&self) -> Option<String> {
        self.peek_extras(|extras| extras.name.as_deref().map(str::to_owned)).flatten()
    }

    /// Notes a reason that carries no data.
    #[inline(always)]
    pub(super) fn set_reason(&self, reason: PlainReason) {
        self.mark.set(self.mark.get().with_reason(reason));
    }

    /// Notes a reason that carries data. If the task has no extras it gets some of those, if there are any.
    #[inline]
    pub(super) fn set_reason_with_data(&self, spare: &SpareExtras, reason: CancelReason) {
        let mut extras = self.meta.extras.take().unwrap_or_else(|| spare.take());
        extras.reason = Some(reason);
        self.meta.give_extras(&self.mark, extras);
    }

    pub(super) fn reason(&self) -> Option<CancelReason> {
        self.plain_reason().or_else(|| self.peek_extras(|extras| extras.reason.clone()).flatten())
    }

    /// The reason, if it carries no data.
    #[inline(always)]
    pub(super) fn plain_reason(&self) -> Option<CancelReason> {
        self.mark.get().reason()
    }

    /// A reason that carries data, which the header does not have any more afterwards.
    #[inline]
    pub(super) fn take_reason_with_data(&self) -> Option<CancelReason> {
        let mut extras = self.meta.extras.take()?;
        let reason = extras.reason.take();
        self.meta.give_extras(&self.mark, extras);
        reason
    }

    /// Has anything registered in the root scope?
    #[inline(always)]
    pub(super) fn has_root(&self) -> bool {
        self.mark.get().0 & Mark::HAS_ROOT != 0
    }

    /// The root scope's region, if anything has registered there.
    #[inline]
    pub(super) fn root(&self) -> Option<Rc<Region>> {
        if self.has_root() { self.peek_extras(|extras| extras.root.clone()).flatten() } else { None }
    }

    /// Something has registered in the root scope, which has a region now.
    pub(super) fn set_root(&self, root: Rc<Region>) {
        self.with_extras(|extras| extras.root = Some(root));
        self.mark.set(Mark(self.mark.get().0 | Mark::HAS_ROOT));
    }

    /// What ends together with the task: its locals, its root region, and a panic that came too late.
    pub(super) fn take_parts(&self) -> Option<(Locals, Option<Rc<Region>>, Option<Panic>)> {
        self.mark.set(Mark(self.mark.get().0 & !Mark::HAS_ROOT));
        self.peek_extras(|extras| (std::mem::take(&mut extras.locals), extras.root.take(), extras.late.take()))
    }

    /// A report about the task, whose number this is unless its executor is gone.
    pub(super) fn unhandled(&self, number: Option<Number>, kind: UnhandledKind) -> Unhandled {
        Unhandled::of(number.map(TaskId), self.name(), self.meta.location, kind)
    }
}

/// Extras that were used before. A cancellation with a text needs some, and cancelling is to be cheap.
#[derive(Default)]
#[expect(clippy::vec_box, reason = "the boxes themselves are what is used again")]
pub(super) struct SpareExtras(RefCell<Vec<Box<Extras>>>);

impl SpareExtras {
    /// A crowd of tasks may be cancelled in one turn; more than these are not kept.
    const MOST: usize = 1024;

    /// Extras in which nothing is: used ones, if there are any.
    #[inline]
    fn take(&self) -> Box<Extras> {
        let extras = self.0.borrow_mut().pop();
        extras.unwrap_or_default()
    }

    /// Gives a task extras, if it has none.
    pub(super) fn lend(&self, task: &Header) {
        if !task.has_extras() {
            task.meta.give_extras(&task.mark, self.take());
        }
    }

    /// Takes the extras of a task that is freed.
    #[inline]
    pub(super) fn take_back(&self, task: &Header) {
        let Some(mut extras) = task.meta.extras.take() else { return };
        if task.has_more_extras() || extras.reason.is_some() {
            extras.clear();
        }
        task.mark.set(task.mark.get().without_extras());
        let spare = &mut *self.0.borrow_mut();
        if spare.len() < Self::MOST {
            spare.push(extras);
        }
    }
}
