//! What a group's future, its handles and its children share.

use super::{bound::Slots, grace::Grace, lineage::Lineage, roster::Roster, task_group::report_errors};
use crate::error::{ChildError, Failure};
use evenkeel_executor::{
    CancelReason, CancelScope, Panic, TaskId, TaskRef, UnhandledKind,
    combinator::{end_grace, report_unhandled},
    current_task, try_current_task,
};
use std::{
    any::Any,
    cell::{Cell, OnceCell, RefCell},
    fmt,
    panic::{AssertUnwindSafe, Location, catch_unwind},
    rc::Rc,
    task::{Context, Waker},
    time::Duration,
};

pub(crate) type Payload = Box<dyn Any + Send>;

/// A group with its errors.
pub(crate) struct State<E> {
    pub(crate) core: Rc<Core>,
    errors: RefCell<Vec<ChildError<E>>>,
}

/// The part of a group that does not depend on its error's type.
pub(crate) struct Core {
    /// The body runs in it.
    pub(crate) scope: CancelScope,
    pub(crate) slots: Slots,
    pub(crate) name: Option<Box<str>>,
    pub(crate) location: &'static Location<'static>,
    pub(crate) lineage: Lineage,
    grace: Grace,
    /// That of the background, which ends when all others have.
    background_grace: Grace,
    roster: RefCell<Roster>,
    has_ended: Cell<bool>,
    /// Children and body are cancelled, for this reason.
    cancelled: OnceCell<CancelReason>,
    /// All others have ended: what is in the background is cancelled, and what comes there still.
    background_ends: Cell<bool>,
    /// Something around the group was cancelled while there were children.
    cut_short: Cell<bool>,
    /// The group was cancelled by a call, and not by a failure.
    asked: OnceCell<CancelReason>,
    /// The first panic.
    panic: Cell<Option<Payload>>,
    /// Wakes the group's future, which waits for its children.
    waker: Cell<Option<Waker>>,
    /// The task in which the group's future was polled last.
    host: Cell<Option<TaskRef>>,
    failed: Cell<usize>,
}

impl Core {
    pub(crate) fn new(
        name: Option<Box<str>>,
        limit: Option<usize>,
        grace: Option<Duration>,
        location: &'static Location<'static>,
    ) -> Core {
        let scope = CancelScope::new();
        scope.set_grace(grace);
        Core {
            scope,
            slots: Slots::new(limit),
            name,
            location,
            lineage: Lineage::new(),
            grace: Grace::new(grace),
            background_grace: Grace::new(grace),
            roster: RefCell::new(Roster::new()),
            has_ended: Cell::new(false),
            cancelled: OnceCell::new(),
            background_ends: Cell::new(false),
            cut_short: Cell::new(false),
            asked: OnceCell::new(),
            panic: Cell::new(None),
            waker: Cell::new(None),
            host: Cell::new(None),
            failed: Cell::new(0),
        }
    }

    // ---- children

    /// A child is about to be spawned.
    pub(crate) fn enroll(&self, is_background: bool, has_slot: bool) -> usize {
        self.roster.borrow_mut().add(is_background, has_slot)
    }

    /// It was spawned. In a group that is cancelling it is cancelled from birth.
    #[inline]
    pub(crate) fn spawned(&self, key: usize, task: Option<TaskRef>, is_background: bool) {
        self.roster.borrow_mut().set_task(key, task);
        if self.is_cancelled() || self.has_ended() || (is_background && self.background_ends.get()) {
            let reason = self.cancelled.get().cloned().unwrap_or(CancelReason::GroupEnded);
            task.map(|task| task.cancel(reason));
        }
    }

    /// It is about to end badly, which is told before its end: from now on the group does not cancel it any more.
    pub(crate) fn leaves(&self, key: usize) {
        self.roster.borrow_mut().set_task(key, None);
    }

    /// It has ended.
    pub(crate) fn ended(&self, key: usize) {
        let (had_slot, is_time) = {
            let mut roster = self.roster.borrow_mut();
            let had_slot = roster.remove(key);
            (had_slot, roster.len() == roster.background())
        };
        if had_slot {
            self.slots.give_back();
        }
        if is_time {
            self.wake();
        }
    }

    pub(crate) fn children(&self) -> usize {
        self.roster.borrow().len()
    }

    pub(crate) fn background(&self) -> usize {
        self.roster.borrow().background()
    }

    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.roster.borrow().spawned(), self.failed.get())
    }

    // ---- cancelled

    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended.get()
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.get().is_some()
    }

    /// The reason given to [`TaskGroup::cancel`](crate::TaskGroup::cancel), or that of a child that took it upon itself.
    pub(crate) fn asked(&self) -> Option<&CancelReason> {
        self.asked.get()
    }

    /// Somebody wants the group to end.
    pub(crate) fn ask(&self, reason: CancelReason) {
        if !self.has_ended() && !self.is_cancelled() {
            let _ = self.asked.set(reason.clone());
            self.cancel(reason);
        }
    }

    /// Cancels the body and all children, the newest first.
    pub(crate) fn cancel(&self, reason: CancelReason) {
        if self.cancelled.set(reason.clone()).is_ok() {
            self.scope.cancel(reason.clone());
            self.cancel_children(&reason);
        }
    }

    pub(crate) fn was_cut_short(&self) -> bool {
        self.cut_short.get()
    }

    /// The same where something around the group does it with the body.
    pub(crate) fn cancel_from_around(&self, reason: CancelReason) {
        if self.children() > 0 {
            self.cut_short.set(true);
        }
        if self.cancelled.set(reason.clone()).is_ok() {
            self.cancel_children(&reason);
        }
    }

    fn cancel_children(&self, reason: &CancelReason) {
        for task in self.newest_first(|_| true) {
            task.cancel(reason.clone());
        }
        self.slots.open();
        self.wake();
    }

    /// Cancels what is in the background, once, if nothing else is left. `true` from then on.
    pub(crate) fn ends_background(&self) -> bool {
        if self.background_ends.get() || self.children() > self.background() {
            return self.background_ends.get();
        }
        self.background_ends.set(true);
        for task in self.newest_first(|is_background| is_background) {
            task.cancel(CancelReason::GroupEnded);
        }
        true
    }

    /// The group's future is polled, and waits for what is to end: for so long as the grace period says.
    pub(crate) fn watch_grace(&self, cx: &mut Context<'_>) {
        // A panic of the clock is the group's. Nothing else would bring another poll, so the second try is here.
        for _ in 0..2 {
            let everybody: fn(bool) -> bool = |_| true;
            let (grace, whom) = match self.is_cancelled() {
                true => (&self.grace, everybody),
                false => (&self.background_grace, (|is_background| is_background) as _),
            };
            match grace.ends(cx) {
                Ok(true) => return self.stop_hard(whom),
                Ok(false) => return,
                Err(payload) => self.panicked(payload),
            }
        }
    }

    /// The grace period of these is over.
    pub(crate) fn stop_hard(&self, whom: impl Fn(bool) -> bool) {
        self.newest_first(whom).into_iter().for_each(end_grace);
    }

    /// A copy: cancelling calls wakers, which may do anything.
    fn newest_first(&self, which: impl Fn(bool) -> bool) -> Vec<TaskRef> {
        self.roster.borrow().newest_first(which)
    }

    /// The group's future has ended, or is gone.
    pub(crate) fn end(&self) {
        self.has_ended.set(true);
        self.slots.open();
    }

    // ---- failed

    pub(crate) fn panicked(&self, payload: Payload) {
        match self.panic.take() {
            None if !self.has_ended() => {
                self.panic.set(Some(payload));
                self.cancel(CancelReason::SiblingFailed { task: current_id() });
            }
            first => {
                self.panic.set(first);
                report_unhandled(UnhandledKind::TaskPanicked(Panic::new(payload)));
            }
        }
    }

    pub(crate) fn take_panic(&self) -> Option<Payload> {
        self.panic.take()
    }

    // ---- waiting

    /// The group's future waits for its children. The clone may be foreign code, during which it cannot be woken: look at them
    /// again after this.
    pub(crate) fn keep_waker(&self, newest: &Waker) {
        let stored = self.waker.take();
        if stored.as_ref().is_some_and(|stored| stored.will_wake(newest)) {
            self.waker.set(stored);
        } else {
            let old = self.waker.replace(Some(newest.clone()));
            drop((stored, old));
        }
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.take() {
            wake(waker);
        }
    }

    pub(crate) fn polled_here(&self) {
        self.host.set(try_current_task());
    }

    /// Is the code that runs now this group's, or that of a group below? That of children is it also after the group's future is
    /// gone.
    pub(crate) fn is_inside(&self) -> bool {
        self.lineage.is_inside()
    }

    pub(crate) fn has_slot(&self, task: TaskRef) -> bool {
        self.roster.borrow().has_slot(task)
    }
}

impl<E> State<E> {
    pub(crate) fn new(core: Core) -> State<E> {
        State { core: Rc::new(core), errors: RefCell::new(Vec::new()) }
    }

    pub(crate) fn take_errors(&self) -> Vec<ChildError<E>> {
        self.errors.take()
    }
}

impl<E: fmt::Debug> State<E> {
    /// The code that runs now, a child's or the body's, has failed.
    pub(crate) fn failed(&self, error: Failure<E>, body: Option<&'static Location<'static>>) {
        let error = match (body, try_current_task()) {
            (None, Some(task)) if self.core.host.get() != Some(task) => {
                let location = task.location().unwrap_or(self.core.location);
                ChildError::new(error, task.name().map(Into::into), location)
            }
            (location, _) => ChildError::new(error, None, location.unwrap_or(self.core.location)),
        };
        if self.core.has_ended() {
            return report_errors(vec![error]);
        }
        self.core.failed.set(self.core.failed.get() + 1);
        self.errors.borrow_mut().push(error);
        let task = current_id().filter(|_| body.is_none());
        self.core.cancel(CancelReason::SiblingFailed { task });
    }
}

/// Wakes a waker that may be anybody's. Its panic is reported.
pub(crate) fn wake(waker: Waker) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
        report_unhandled(UnhandledKind::WakerPanicked(Panic::new(payload)));
    }
}

fn current_id() -> Option<TaskId> {
    try_current_task().map(|_| current_task().id())
}
