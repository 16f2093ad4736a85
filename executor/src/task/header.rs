//! What every task has in its block's header, and what few tasks have besides.

use crate::{
    outcome::{
        panic::Panic,
        reason::CancelReason,
        task_id::TaskId,
        task_state::TaskState,
        unhandled::{Unhandled, UnhandledKind},
    },
    raw::{
        block::{self, Stage},
        number::Number,
        tag::{Slotted, flag::*},
    },
    region::{locals::Locals, region::Region},
    task::joiner::Joiner,
};
use std::{borrow::Cow, cell::RefCell, mem::take, panic::Location, rc::Rc, task::Waker};

pub(crate) type Header = block::Header<Meta>;
/// A task's block that lives.
pub(crate) type Live = block::Live<Meta>;

/// What every task has: 16 bytes, and a [`Mark`], of the 48 that a header has on 64-bit targets.
pub(crate) struct Meta {
    pub(super) location: &'static Location<'static>,
    pub(super) parent: Number,
}

impl Meta {
    #[inline(always)]
    pub(super) fn new(location: &'static Location<'static>, parent: Number) -> Meta {
        Meta { location, parent }
    }
}

impl block::Meta for Meta {
    /// The word of a task's block has its joiner's number, or its extras.
    type Slot = Slotted<Extras>;
    type Mark = Mark;

    /// The value counts, so the panic is nobody's outcome. It is reported when the task is finished.
    #[inline(always)]
    fn outlive(task: &Header, drop: impl FnOnce()) {
        if let Err(panic) = Panic::catch(drop) {
            task.keep_late(panic);
        }
    }
}

/// A reason that carries no data (the others lie in the extras), and two bits: is anything in the extras but a reason and a joiner, and is
/// that a root region?
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Mark(u8);

impl Mark {
    const HAS_MORE: u8 = 1 << 6;
    const HAS_ROOT: u8 = 1 << 5;
    const REASON: u8 = Mark::HAS_ROOT - 1;

    #[inline(always)]
    pub(super) fn has_more_extras(self) -> bool {
        self.0 & Mark::HAS_MORE != 0
    }

    #[inline]
    fn with_more_extras(self) -> Mark {
        Mark(self.0 | Mark::HAS_MORE)
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
    /// Who keeps the task by an [`AbortHandle`](crate::AbortHandle) knows it by this.
    pub(super) mark: Option<Rc<()>>,
    /// The task is stopped hard because its clean-up has taken too long.
    pub(super) overdue: bool,
    /// The outcome of a task that panicked.
    pub(super) panic: Option<Panic>,
    /// A panic that came too late to be the outcome: a destructor's, after the value was there.
    pub(super) late: Option<Panic>,
    /// Whom to wake when the task has ended. Without extras that is the number in the block's word.
    joiner: Number,
    /// That, if it is foreign. There is no number then.
    foreign: Option<Waker>,
}

impl Extras {
    #[cold]
    #[inline(never)]
    fn clear(&mut self) {
        *self = Extras::default();
    }

    fn take_joiner(&mut self) -> Option<Joiner> {
        let number = take(&mut self.joiner);
        match self.foreign.take() {
            Some(waker) => Some(Joiner::Foreign(waker)),
            None => Joiner::of(number),
        }
    }
}

impl Header {
    /// Is anything in the extras but a reason and a joiner?
    #[inline(always)]
    pub(super) fn has_more_extras(&self) -> bool {
        self.mark.get().has_more_extras()
    }

    /// Calls `f` with the extras, which are made if need be. `f` runs no user code.
    pub(super) fn with_extras<R>(&self, f: impl FnOnce(&mut Extras) -> R) -> R {
        let result = self.with_few_extras(f);
        self.mark.set(self.mark.get().with_more_extras());
        result
    }

    /// [`with_extras`](Self::with_extras), for a change of the reason or the joiner only.
    #[inline]
    fn with_few_extras<R>(&self, f: impl FnOnce(&mut Extras) -> R) -> R {
        if !self.has_extras() {
            self.give_extras(Box::default());
        }
        let result = self.peek_extras(f);
        result.expect("there are extras, as nothing that runs in their use asks for them")
    }

    /// Extras in which nothing is. They get the joiner.
    #[inline]
    fn give_extras(&self, extras: Box<Extras>) {
        self.set_extras(self.with_joiner(extras));
    }

    /// Extras with the joiner whose number is noted, if there is one. They are put into the place of the number next.
    #[inline]
    fn with_joiner(&self, mut extras: Box<Extras>) -> Box<Extras> {
        extras.joiner = self.noted();
        extras
    }

    /// The number of whom to wake when the task has ended, if he is ours.
    #[inline(always)]
    pub(super) fn joiner_number(&self) -> Number {
        if self.has_extras() { self.peek_extras(|extras| extras.joiner).unwrap_or_default() } else { self.noted() }
    }

    /// Keeps the number of whom to wake in the extras, if there are any, and no foreign waker is kept there.
    #[inline]
    pub(super) fn note_in_extras(&self, number: Number) -> bool {
        let noted = self.peek_extras(|extras| {
            let is_free = extras.foreign.is_none();
            if is_free {
                extras.joiner = number;
            }
            is_free
        });
        noted.unwrap_or(false)
    }

    /// Whom to wake when the task has ended, which is nobody then.
    pub(super) fn take_joiner(&self) -> Option<Joiner> {
        if self.has_extras() {
            return self.peek_extras(Extras::take_joiner).flatten();
        }
        let number = self.noted();
        self.note(Number::NONE);
        Joiner::of(number)
    }

    /// Keeps whom to wake, and returns who was kept before.
    pub(super) fn replace_joiner(&self, joiner: Joiner) -> Option<Joiner> {
        self.with_few_extras(|extras| {
            let before = extras.take_joiner();
            match joiner {
                Joiner::Ours(number) => extras.joiner = number,
                Joiner::Foreign(waker) => extras.foreign = Some(waker),
            }
            before
        })
    }

    /// A panic that came too late to be the outcome.
    #[cold]
    fn keep_late(&self, panic: Panic) {
        self.with_extras(|extras| extras.late = Some(panic));
    }

    /// How far the task is.
    pub(super) fn state(&self) -> TaskState {
        let flags = self.flags();
        match (self.stage(), flags & CLEANING != 0, flags & (CANCEL | ABORT) != 0) {
            (stage, ..) if stage.is_end() => TaskState::Ended,
            (Stage::Ending, ..) => TaskState::CleaningUp,
            (_, true, _) => TaskState::CleaningUp,
            (_, false, true) => TaskState::CancelRequested,
            _ => TaskState::Running,
        }
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
        let mut extras = self.take_extras().unwrap_or_else(|| self.with_joiner(spare.take()));
        extras.reason = Some(reason);
        self.set_extras(extras);
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
        self.peek_extras(|extras| extras.reason.take()).flatten()
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
        self.peek_extras(|extras| (take(&mut extras.locals), extras.root.take(), extras.late.take()))
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

    /// Gives back what lies idle beyond so many bytes.
    pub(super) fn trim(&self, kept: usize) {
        let kept = kept / size_of::<Extras>();
        // There is nothing in them: no destructor of anybody's runs.
        let mut spare = self.0.borrow_mut();
        spare.truncate(kept);
        spare.shrink_to(kept);
    }

    /// Gives a task extras, if it has none.
    pub(super) fn lend(&self, task: &Header) {
        if !task.has_extras() {
            task.give_extras(self.take());
        }
    }

    /// Takes the extras of a task that is freed.
    #[inline]
    pub(super) fn take_back(&self, task: &Header) {
        let Some(mut extras) = task.take_extras() else { return };
        if task.has_more_extras() || extras.reason.is_some() || extras.foreign.is_some() {
            extras.clear();
        }
        extras.joiner = Number::NONE;
        task.mark.set(task.mark.get().without_extras());
        let spare = &mut *self.0.borrow_mut();
        if spare.len() < Self::MOST {
            spare.push(extras);
        }
    }
}
