//! What a group's future, its handles and its children share.

use super::{
    bound::Bound,
    lineage::Lineage,
    on_failure::Fate,
    roster::{Membership, Roster, Whom},
    settings::{Extras, Settings},
};
use crate::{caught::Payload, error::ChildError};
use evenkeel_executor::{
    CancelReason, CancelScope, Panic, TaskId, TaskRef, UnhandledKind,
    combinator::{Loose, Nest, NestEnd, WakerCell, end_grace, report_unhandled},
    current_task, try_current_task,
};
use std::{
    any::Any,
    cell::{Cell, OnceCell, RefCell},
    panic::Location,
    pin::Pin,
    task::Context,
};

/// The part of a group that does not depend on its error's type.
pub(super) struct GroupCore {
    /// The scope in which the body runs.
    pub(super) scope: CancelScope,
    limit: Option<usize>,
    /// The bound, once somebody has asked for a slot.
    bound: OnceCell<Box<Bound>>,
    pub(super) name: Option<Box<str>>,
    pub(super) location: &'static Location<'static>,
    pub(super) lineage: Lineage,
    /// Grace periods, and another rule for failures, if the group has them.
    extras: Option<Box<Extras>>,
    roster: RefCell<Roster>,
    has_ended: Cell<bool>,
    /// Why children and body are cancelled, if they are.
    cancelled: OnceCell<CancelReason>,
    /// Is what is in the background cancelled, and what comes there still? All others have ended then.
    background_ends: Cell<bool>,
    /// Is a child that is spawned now cancelled from birth, perhaps? The group has ended, is cancelled, or its background is.
    is_late: Cell<bool>,
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
    failed: Cell<usize>,
    /// The errors so far, a list of [`ChildError`]; `None` without any.
    errors: Cell<Option<Box<dyn Any>>>,
}

impl GroupCore {
    /// A core that is nobody's.
    #[inline]
    pub(super) fn new() -> GroupCore {
        GroupCore {
            scope: CancelScope::new(),
            limit: None,
            bound: OnceCell::new(),
            name: None,
            location: Location::caller(),
            lineage: Lineage::new(),
            extras: None,
            roster: RefCell::default(),
            has_ended: Cell::new(false),
            cancelled: OnceCell::new(),
            background_ends: Cell::new(false),
            is_late: Cell::new(false),
            cut_short: Cell::new(false),
            asked: OnceCell::new(),
            panic: Cell::new(None),
            waker: WakerCell::default(),
            host: Cell::new(None),
            failed: Cell::new(0),
            errors: Cell::new(None),
        }
    }

    /// The core is a group's.
    #[inline]
    pub(super) fn set_up(&mut self, settings: Settings, location: &'static Location<'static>) {
        if let Some(extras) = settings.extras() {
            self.extras = Some(extras);
        }
        (self.name, self.limit, self.location) = (settings.name, settings.limit, location);
    }

    /// Nobody is in the group: gives back what only a large one needs.
    pub(super) fn trim(&mut self) {
        self.roster.get_mut().trim();
    }

    /// The group has ended, and nobody has the core: it is as good as new then. `false`: it is not, as the group had what few have.
    #[inline]
    pub(super) fn renew(&mut self) -> bool {
        // Every part is named, so that none is forgotten.
        let GroupCore {
            scope,
            limit: _,
            bound,
            name,
            location: _,
            lineage,
            extras,
            roster,
            has_ended,
            cancelled,
            background_ends,
            is_late,
            // These come with a cancellation.
            cut_short: _,
            asked: _,
            panic: _,
            failed: _,
            errors: _,
            waker,
            host,
        } = self;
        if cancelled.get().is_some() || bound.get().is_some() || name.is_some() || extras.is_some() {
            return false;
        }
        Nest::renew(scope);
        (*lineage, *waker) = (Lineage::new(), WakerCell::default());
        roster.get_mut().renew();
        for flag in [has_ended, background_ends, is_late] {
            flag.set(false);
        }
        host.set(None);
        true
    }

    // ---- children

    /// A child is being spawned, and will have that task. Returns its key.
    #[inline]
    pub(super) fn enroll(&self, task: TaskRef, membership: Membership) -> u32 {
        self.roster.borrow_mut().add(task, membership)
    }

    /// A child was spawned. In a group that is cancelling it is cancelled from birth.
    #[inline]
    pub(super) fn spawned<T>(&self, task: Loose<T>, membership: Membership) -> Loose<T> {
        if self.is_late.get() { self.spawned_late(task, membership) } else { task }
    }

    #[cold]
    fn spawned_late<T>(&self, task: Loose<T>, membership: Membership) -> Loose<T> {
        let is_late = || membership == Membership::Background && self.background_ends.get();
        if self.is_cancelled() || self.has_ended() || is_late() {
            task.cancel(self.cancelled.get().cloned().unwrap_or(CancelReason::GroupEnded));
        }
        task
    }

    /// A child is about to end badly, which is told before its end: from now on the group does not cancel it any more.
    pub(super) fn leaves(&self, key: u32) {
        self.roster.borrow_mut().leaves(key);
    }

    /// A child has ended.
    #[inline]
    pub(super) fn ended(&self, key: u32) {
        let (membership, is_time) = {
            let mut roster = self.roster.borrow_mut();
            let membership = roster.remove(key);
            (membership, roster.awaits_nobody())
        };
        if membership == Some(Membership::InSlot) {
            self.bound().give_back();
        }
        if is_time {
            self.waker.wake();
        }
    }

    /// The slots.
    pub(super) fn bound(&self) -> &Bound {
        self.bound.get_or_init(|| {
            let bound = Box::new(Bound::new(self.limit));
            if self.is_cancelled() || self.has_ended() {
                bound.open();
            }
            bound
        })
    }

    /// How many slots are taken, and how many wait for one.
    pub(super) fn slots(&self) -> (usize, usize) {
        self.bound.get().map_or((0, 0), |bound| (bound.used(), bound.waiting()))
    }

    /// Everybody gets a slot, from now on.
    fn open_bound(&self) {
        if let Some(bound) = self.bound.get() {
            bound.open();
        }
    }

    pub(super) fn children(&self) -> usize {
        self.roster.borrow().len()
    }

    /// Who has not ended, the oldest first.
    pub(super) fn list(&self) -> Vec<TaskRef> {
        self.roster.borrow().oldest_first()
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
            self.is_late.set(true);
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
            self.is_late.set(true);
            self.cancel_children(&reason);
        }
    }

    fn cancel_children(&self, reason: &CancelReason) {
        for task in self.newest_first(Whom::Everybody) {
            task.cancel(reason.clone());
        }
        self.open_bound();
        self.waker.wake();
    }

    /// Cancels what is in the background, once, if nothing else is left. `true` from then on.
    #[inline]
    pub(super) fn ends_background(&self) -> bool {
        if self.background_ends.get() || !self.roster.borrow().awaits_nobody() {
            return self.background_ends.get();
        }
        self.background_ends.set(true);
        self.is_late.set(true);
        if self.background() == 0 {
            return true;
        }
        for task in self.newest_first(Whom::Background) {
            task.cancel(CancelReason::GroupEnded);
        }
        true
    }

    /// The group's future is polled, and waits for what is to end: for so long as the grace period says.
    pub(super) fn watch_grace(&self, cx: &mut Context<'_>) {
        if let Some(whom) = self.overdue(cx) {
            self.stop_hard(whom);
        }
    }

    /// [`GroupCore::watch_grace`] while the body waits, which is cancelled. Its end, if the period is over.
    #[cold]
    pub(super) fn watch_body<F, T>(&self, nest: Pin<&mut Nest<F>>, cx: &mut Context<'_>) -> Option<NestEnd<T>> {
        let whom = self.overdue(cx)?;
        let end = nest.give_up();
        self.stop_hard(whom);
        end
    }

    /// Whose grace period is over, once.
    fn overdue(&self, cx: &mut Context<'_>) -> Option<Whom> {
        let graces = self.extras.as_ref()?.graces.as_ref()?;
        // A panic of the clock is the group's. Nothing else would bring another poll, so the second try is here.
        for _ in 0..2 {
            let (grace, whom) = match self.is_cancelled() {
                true => (&graces.all, Whom::Everybody),
                false => (&graces.background, Whom::Background),
            };
            match grace.ends(cx) {
                Ok(is_over) => return is_over.then_some(whom),
                Err(payload) => self.panicked(payload),
            }
        }
        None
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
        self.is_late.set(true);
        self.open_bound();
    }

    // ---- failed

    /// A child has failed, and the group has not ended: what becomes of that.
    pub(super) fn fate(&self) -> Fate {
        let policy = self.extras.as_ref().and_then(|extras| extras.policy.as_ref());
        policy.map_or(Fate::Cancels, |policy| policy.next_fate())
    }

    /// A failure is counted that the group does not keep.
    pub(super) fn count_failure(&self) {
        self.failed.set(self.failed.get() + 1);
    }

    /// Keeps an error of the group.
    pub(super) fn keep_error<E: 'static>(&self, error: ChildError<E>) {
        self.count_failure();
        self.keep_with_next(error);
    }

    /// Keeps an error that is one failure with the next.
    pub(super) fn keep_with_next<E: 'static>(&self, error: ChildError<E>) {
        let mut errors = self.take_errors();
        errors.push(error);
        self.errors.set(Some(Box::new(errors)));
    }

    /// The errors so far, which the group does not have any more.
    #[inline]
    pub(super) fn take_errors<E: 'static>(&self) -> Vec<ChildError<E>> {
        match self.errors.take() {
            None => Vec::new(),
            Some(errors) => errors.downcast().map(|errors| *errors).unwrap_or_default(),
        }
    }

    /// The body has panicked, or a child whose panic is the group's.
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

    #[inline]
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
