//! What a group's future, its handles and its children share.

use super::{
    bound::Bound,
    grace::Grace,
    lineage::Lineage,
    roster::{Membership, Roster, Whom},
};
use crate::caught::Payload;
use evenkeel_executor::{
    CancelReason, CancelScope, Panic, TaskId, TaskRef, UnhandledKind,
    combinator::{WakerCell, end_grace, report_unhandled},
    current_task, try_current_task,
};
use std::{
    cell::{Cell, OnceCell, RefCell},
    panic::Location,
    rc::Rc,
    task::Context,
    time::Duration,
};

/// The part of a group that does not depend on its error's type.
pub(super) struct GroupCore {
    /// The scope in which the body runs.
    pub(super) scope: CancelScope,
    pub(super) bound: Bound,
    pub(super) name: Option<Box<str>>,
    pub(super) location: &'static Location<'static>,
    pub(super) lineage: Lineage,
    grace: Grace,
    /// The grace period of the background, which ends when all others have.
    background_grace: Grace,
    roster: RefCell<Roster>,
    has_ended: Cell<bool>,
    /// Why children and body are cancelled, if they are.
    cancelled: OnceCell<CancelReason>,
    /// Is what is in the background cancelled, and what comes there still? All others have ended then.
    background_ends: Cell<bool>,
    /// Something around the group was cancelled while there were children.
    cut_short: Cell<bool>,
    /// Why the group was cancelled, if it was by a call, and not by a failure.
    asked: OnceCell<CancelReason>,
    /// The first panic of the body or a child.
    panic: Cell<Option<Payload>>,
    /// Wakes the group's future, which waits for its children.
    pub(super) waker: WakerCell,
    /// The task in which the group's future was polled last.
    pub(super) host: Cell<Option<TaskRef>>,
    pub(super) failed: Cell<usize>,
}

impl GroupCore {
    /// Behind its pointer from the beginning, so that the group's future does not grow by it.
    pub(super) fn new(
        name: Option<Box<str>>,
        limit: Option<usize>,
        grace: Option<Duration>,
        location: &'static Location<'static>,
    ) -> Rc<GroupCore> {
        let scope = CancelScope::new();
        scope.set_grace(grace);
        Rc::new(GroupCore {
            scope,
            bound: Bound::new(limit),
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
            waker: WakerCell::default(),
            host: Cell::new(None),
            failed: Cell::new(0),
        })
    }

    // ---- children

    /// A child is about to be spawned.
    pub(super) fn enroll(&self, membership: Membership) -> usize {
        self.roster.borrow_mut().add(membership)
    }

    /// A child was spawned. In a group that is cancelling it is cancelled from birth.
    #[inline]
    pub(super) fn spawned(&self, key: usize, task: Option<TaskRef>, membership: Membership) {
        self.roster.borrow_mut().set_task(key, task);
        let is_late = || membership == Membership::Background && self.background_ends.get();
        if self.is_cancelled() || self.has_ended() || is_late() {
            let reason = self.cancelled.get().cloned().unwrap_or(CancelReason::GroupEnded);
            task.map(|task| task.cancel(reason));
        }
    }

    /// A child is about to end badly, which is told before its end: from now on the group does not cancel it any more.
    pub(super) fn leaves(&self, key: usize) {
        self.roster.borrow_mut().set_task(key, None);
    }

    /// A child has ended.
    pub(super) fn ended(&self, key: usize) {
        let (had_slot, is_time) = {
            let mut roster = self.roster.borrow_mut();
            let had_slot = roster.remove(key);
            (had_slot, roster.len() == roster.background())
        };
        if had_slot {
            self.bound.give_back();
        }
        if is_time {
            self.waker.wake();
        }
    }

    pub(super) fn children(&self) -> usize {
        self.roster.borrow().len()
    }

    pub(super) fn background(&self) -> usize {
        self.roster.borrow().background()
    }

    pub(super) fn counts(&self) -> (usize, usize) {
        (self.roster.borrow().spawned(), self.failed.get())
    }

    // ---- cancelled

    pub(super) fn has_ended(&self) -> bool {
        self.has_ended.get()
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.get().is_some()
    }

    /// The reason given to [`TaskGroup::cancel`](crate::TaskGroup::cancel), or that of a child that took it upon itself.
    pub(super) fn asked(&self) -> Option<&CancelReason> {
        self.asked.get()
    }

    /// Somebody wants the group to end.
    pub(super) fn ask(&self, reason: CancelReason) {
        if !self.has_ended() && !self.is_cancelled() {
            let _ = self.asked.set(reason.clone());
            self.cancel(reason);
        }
    }

    /// Cancels the body and all children, the newest first.
    pub(super) fn cancel(&self, reason: CancelReason) {
        if self.cancelled.set(reason.clone()).is_ok() {
            self.scope.cancel(reason.clone());
            self.cancel_children(&reason);
        }
    }

    pub(super) fn was_cut_short(&self) -> bool {
        self.cut_short.get()
    }

    /// Cancels all children, where something around the group cancels the body.
    pub(super) fn cancel_from_around(&self, reason: CancelReason) {
        if self.children() > 0 {
            self.cut_short.set(true);
        }
        if self.cancelled.set(reason.clone()).is_ok() {
            self.cancel_children(&reason);
        }
    }

    fn cancel_children(&self, reason: &CancelReason) {
        for task in self.newest_first(Whom::Everybody) {
            task.cancel(reason.clone());
        }
        self.bound.open();
        self.waker.wake();
    }

    /// Cancels what is in the background, once, if nothing else is left. `true` from then on.
    pub(super) fn ends_background(&self) -> bool {
        if self.background_ends.get() || self.children() > self.background() {
            return self.background_ends.get();
        }
        self.background_ends.set(true);
        for task in self.newest_first(Whom::Background) {
            task.cancel(CancelReason::GroupEnded);
        }
        true
    }

    /// The group's future is polled, and waits for what is to end: for so long as the grace period says.
    pub(super) fn watch_grace(&self, cx: &mut Context<'_>) {
        // A panic of the clock is the group's. Nothing else would bring another poll, so the second try is here.
        for _ in 0..2 {
            let (grace, whom) = match self.is_cancelled() {
                true => (&self.grace, Whom::Everybody),
                false => (&self.background_grace, Whom::Background),
            };
            match grace.ends(cx) {
                Ok(true) => return self.stop_hard(whom),
                Ok(false) => return,
                Err(payload) => self.panicked(payload),
            }
        }
    }

    /// Stops those hard whose grace period is over.
    pub(super) fn stop_hard(&self, whom: Whom) {
        self.newest_first(whom).into_iter().for_each(end_grace);
    }

    /// Some of the children, in a copy: cancelling calls wakers, which may do anything.
    fn newest_first(&self, whom: Whom) -> Vec<TaskRef> {
        self.roster.borrow().newest_first(whom)
    }

    /// The group's future has ended, or is gone.
    pub(super) fn end(&self) {
        self.has_ended.set(true);
        self.bound.open();
    }

    // ---- failed

    pub(super) fn panicked(&self, payload: Payload) {
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

    pub(super) fn take_panic(&self) -> Option<Payload> {
        self.panic.take()
    }

    // ---- waiting

    pub(super) fn polled_here(&self) {
        self.host.set(try_current_task());
    }

    /// Is the code that runs now this group's, or that of a group below? That of children is it also after the group's future is
    /// gone.
    pub(super) fn is_inside(&self) -> bool {
        self.lineage.is_inside()
    }

    pub(super) fn has_slot(&self, task: TaskRef) -> bool {
        self.roster.borrow().has_slot(task)
    }
}

pub(super) fn current_id() -> Option<TaskId> {
    try_current_task().map(|_| current_task().id())
}
