//! The region: a part of a task's code that is stopped as a whole. Cancel scopes and clean-up points are regions.
//!
//! # The tree
//!
//! A region lies in the one in which its future was *last* polled, or directly in its task (whose root scope is two
//! flags in the task's slot, and gets a region of its own only when somebody has to register there). It knows the one
//! around it, but not those inside: what must be reached when it is cancelled *registers* with it as a member, by a
//! waker. Only what waits does, so that a timeout around a future without clean-up registers nothing.
//!
//! # What is known when
//!
//! `outer` says whether a region around this one is cancelled (up to the next that shields). It is looked at anew in
//! every poll, from the outside inwards, at one compare per level. If a region is cancelled in the middle of its own poll,
//! that moves the thread's *epoch* on; those inside it find then that what they know is old, and look at those around them
//! once. Whoever asks from outside of a poll looks anew in any case.
//!
//! # Who waits for whom
//!
//! A clean-up point *holds* the region around it from the moment at which it is polled after the cancellation until it is
//! done; a scope holds the one around it while anything in it does so. So `working` of a region tells whether clean-up is
//! at work anywhere in it, and changes only where the first begins and the last ends.

use super::here::{self, Epoch};
use crate::{
    cancel::{limit::Limit, reason::CancelReason},
    core::Core,
    join_error::Panic,
    number::Number,
    raw::{tasks::Tasks, waker::wake_number},
    unhandled::Cause,
};
use slab::Slab;
use std::{
    any::Any,
    cell::{Cell, OnceCell, RefCell},
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    task::Waker,
};

pub(crate) type Payload = Box<dyn Any + Send>;

/// What a region is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// A task's root scope, or a scope inside.
    Scope,
    /// What a clean-up point guards. It holds the region around it for as long as the point says.
    Guarded,
    /// A shield, or a clean-up that has begun: a cancellation of anything around it does not get in.
    Shielded,
}

pub(crate) struct Region {
    kind: Cell<Kind>,
    /// The cancellation that was addressed to this region. The first one stays.
    reason: OnceCell<CancelReason>,
    place: RefCell<Place>,
    /// Was a region around this one cancelled, as seen in that epoch?
    outer: Cell<bool>,
    seen: Cell<Epoch>,
    /// Its future is being polled now.
    polled: Cell<bool>,
    /// Members were told of a cancellation that came from around.
    told: Cell<bool>,
    /// A clean-up point: it was polled after the cancellation.
    reached: Cell<bool>,
    /// A clean-up point: what is around it was cancelled before its first poll, so its code is not resumed.
    late: Cell<bool>,
    /// A shield: what it waits for can never come.
    opened: Cell<bool>,
    /// Something in here is at work on clean-up, and the region around must wait for it.
    holds: Cell<bool>,
    /// How many members hold this region.
    working: Cell<usize>,
    inner: OnceCell<Box<Inner>>,
    pub(crate) limit: Limit,
}

/// Where a region was polled last.
struct Place {
    task: Number,
    /// The region around; `None` is the task's root scope.
    around: Option<Rc<Region>>,
    /// The region in which it is registered, and its key there.
    seat: Option<(Rc<Region>, usize)>,
}

impl Place {
    const NOWHERE: Place = Place { task: Number::NONE, around: None, seat: None };
}

/// What few regions have.
#[derive(Default)]
struct Inner {
    /// Whom to wake when this region is cancelled.
    members: RefCell<Slab<Option<Waker>>>,
    /// How many more polls the region gets though nothing came of the last.
    polls_left: Cell<Option<usize>>,
    /// A panic in clean-up, which goes on when all clean-up in here is done.
    panic: Cell<Option<Payload>>,
}

impl Region {
    #[inline]
    pub(crate) fn new(kind: Kind) -> Rc<Region> {
        let region = here::spare_region().unwrap_or_else(|| Rc::new(Region::fresh()));
        region.kind.set(kind);
        region
    }

    /// A task's root scope.
    pub(crate) fn root_of(task: Number) -> Rc<Region> {
        let region = Region::new(Kind::Scope);
        region.place.borrow_mut().task = task;
        region
    }

    #[inline]
    fn fresh() -> Region {
        Region {
            kind: Cell::new(Kind::Scope),
            reason: OnceCell::new(),
            place: RefCell::new(Place::NOWHERE),
            outer: Cell::new(false),
            seen: Cell::new(Epoch::default()),
            polled: Cell::new(false),
            told: Cell::new(false),
            reached: Cell::new(false),
            late: Cell::new(false),
            opened: Cell::new(false),
            holds: Cell::new(false),
            working: Cell::new(0),
            inner: OnceCell::new(),
            limit: Limit::new(),
        }
    }

    /// A handle of the region goes. If nobody else has it, it can be used for another.
    #[inline]
    pub(super) fn recycle(last: &mut Rc<Region>) {
        if let Some(only) = Rc::get_mut(last) {
            *only = Region::fresh();
            here::keep_spare_region(last);
        }
    }

    fn inner(&self) -> &Inner {
        self.inner.get_or_init(Box::default)
    }

    fn members(&self) -> &RefCell<Slab<Option<Waker>>> {
        &self.inner().members
    }

    pub(crate) fn set_kind(&self, kind: Kind) {
        self.kind.set(kind);
    }

    // ---- cancelled

    /// The reason of the cancellation that was addressed to this very region.
    pub(crate) fn reason(&self) -> Option<&CancelReason> {
        self.reason.get()
    }

    /// Cancels the region and tells its members. `false` if it was cancelled before.
    pub(crate) fn cancel(&self, reason: CancelReason) -> bool {
        if self.reason.set(reason).is_err() {
            return false;
        }
        if self.polled.get() {
            here::new_epoch();
        }
        self.wake_members();
        true
    }

    /// Is code in this region to be stopped? Not if only something around a shield is cancelled.
    ///
    /// Between two polls it may not have seen the latest yet.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.reason.get().is_some() || (self.kind.get() != Kind::Shielded && self.is_outer_cancelled())
    }

    /// The same for those who ask from elsewhere.
    pub(crate) fn is_cancelled_now(&self) -> bool {
        self.reason.get().is_some() || (self.kind.get() != Kind::Shielded && self.look_around(false))
    }

    /// Why what is in this region will be stopped, if it will: the reason of the first cancelled region, from here outwards to
    /// the next shield. If this is a shield itself, past it.
    pub(super) fn requested(&self) -> Option<CancelReason> {
        if let Some(reason) = self.reason() {
            return Some(reason.clone());
        }
        if self.is_outer_cancelled() { self.requested_around() } else { None }
    }

    #[cold]
    fn requested_around(&self) -> Option<CancelReason> {
        let mut next = self.place.borrow().around.clone();
        let mut task = self.place.borrow().task;
        while let Some(region) = next {
            if let Some(reason) = region.reason() {
                return Some(reason.clone());
            }
            if region.kind.get() == Kind::Shielded {
                return None;
            }
            next = region.place.borrow().around.clone();
            task = region.place.borrow().task;
        }
        here::reason_of_task(task)
    }

    /// Marks the region as being polled, or not. Returns how it was before.
    pub(super) fn set_polled(&self, polled: bool) -> bool {
        self.polled.replace(polled)
    }

    /// Is a region around this one cancelled?
    #[inline]
    pub(crate) fn is_outer_cancelled(&self) -> bool {
        if self.seen.get() == here::epoch() { self.outer.get() } else { self.look_around(true) }
    }

    /// Something was cancelled since this region looked. It looks now, and so do those around it, iteratively and each
    /// at most once an epoch (if what they have seen in this one may be used).
    #[cold]
    fn look_around(&self, use_seen: bool) -> bool {
        let mut outdated: Vec<Rc<Region>> = Vec::new();
        let mut next = self.place.borrow().around.clone();
        let mut task = self.place.borrow().task;
        let outer = loop {
            let Some(region) = next else { break here::is_task_cancelled(task) };
            if region.reason.get().is_some() {
                break true;
            }
            if region.kind.get() == Kind::Shielded {
                break false;
            }
            if use_seen && region.seen.get() == here::epoch() {
                break region.outer.get();
            }
            next = region.place.borrow().around.clone();
            task = region.place.borrow().task;
            outdated.push(region);
        };
        for region in outdated {
            region.see(outer);
        }
        self.see(outer);
        outer
    }

    fn see(&self, outer: bool) {
        self.outer.set(outer);
        self.seen.set(here::epoch());
    }

    // ---- polled

    /// To be called when a poll begins: the region lies in what is polled now. `true` if that is cancelled.
    #[inline]
    pub(crate) fn arrive(self: &Rc<Self>, core: &Core) -> bool {
        let task = core.tasks.current();
        let is_here = {
            let place = self.place.borrow();
            place.task == task && core.tasks.here.is_nearest(place.around.as_ref())
        };
        if !is_here {
            self.move_to(Place { task, around: core.tasks.here.nearest(), seat: None });
        }
        let outer = core.tasks.is_cancelled_here();
        self.see(outer);
        if outer {
            self.tell_members();
        }
        outer
    }

    /// To be called for a region that is made in the middle of its scope's poll.
    pub(super) fn begin_in(&self, task: Number, around: Option<Rc<Region>>, outer: bool, seen: Epoch) {
        self.place.replace(Place { task, around, seat: None });
        self.outer.set(outer);
        self.seen.set(seen);
        self.polled.set(true);
    }

    #[inline]
    fn move_to(&self, place: Place) {
        self.leave();
        // Not only a place: the last handle of the region that was around may go with it.
        let old = self.place.replace(place);
        drop(old);
        self.told.set(false);
    }

    #[cold]
    fn tell_members(&self) {
        if !self.told.replace(true) && self.kind.get() != Kind::Shielded {
            self.wake_members();
        }
    }

    /// Registers the region with the one around it, with the newest waker.
    pub(crate) fn register(self: &Rc<Self>, core: &Core, newest: &Waker) {
        let seat = self.place.borrow().seat.as_ref().map(|(around, key)| (around.clone(), *key));
        if let Some((around, key)) = seat.or_else(|| self.take_seat(core)) {
            around.set_member(key, newest);
        }
    }

    /// `None`: it is polled outside of any task, by a waker that does more than wake. Nothing there can be cancelled.
    fn take_seat(&self, core: &Core) -> Option<(Rc<Region>, usize)> {
        // Here the frame of this region is gone, and the innermost is that of the scope around it.
        let around = core.tasks.region_here()?;
        self.place.borrow_mut().around = core.tasks.here.nearest();
        let key = around.new_member();
        self.place.borrow_mut().seat = Some((around.clone(), key));
        if self.holds.get() {
            around.change_working(1);
        }
        Some((around, key))
    }

    /// Not a part of the region around it any more.
    #[inline]
    pub(crate) fn leave(&self) {
        if self.place.borrow().seat.is_some() {
            self.leave_seat();
        }
    }

    fn leave_seat(&self) {
        let Some((around, key)) = self.place.borrow_mut().seat.take() else { return };
        if self.holds.get() {
            around.change_working(-1);
        }
        around.remove_member(key);
    }

    // ---- members

    pub(crate) fn has_members(&self) -> bool {
        self.inner.get().is_some_and(|inner| !inner.members.borrow().is_empty())
    }

    pub(crate) fn new_member(&self) -> usize {
        self.members().borrow_mut().insert(None)
    }

    /// Stores a member's newest waker. Clone and drop of wakers may be foreign code: nothing is borrowed meanwhile.
    pub(crate) fn set_member(&self, key: usize, newest: &Waker) {
        let stored = self.members().borrow_mut()[key].take();
        let (kept, old) = match stored {
            Some(stored) if stored.will_wake(newest) => (stored, None),
            stored => (newest.clone(), stored),
        };
        let older = self.members().borrow_mut().get_mut(key).and_then(|member| member.replace(kept));
        drop((old, older));
    }

    pub(crate) fn remove_member(&self, key: usize) {
        let waker = self.members().borrow_mut().try_remove(key);
        drop(waker);
    }

    /// Wakes all members. They register their wakers again when they are polled.
    pub(crate) fn wake_members(&self) {
        if !self.has_members() {
            return;
        }
        let wakers: Vec<Waker> =
            self.members().borrow_mut().iter_mut().filter_map(|(_, member)| member.take()).collect();
        for waker in wakers {
            wake(waker);
        }
    }

    // ---- clean-up

    /// A clean-up point is polled after the cancellation of what is around it: from now on it holds that, until it is
    /// done.
    pub(crate) fn reach(self: &Rc<Self>, core: &Core, waker: &Waker) {
        if !self.reached.replace(true) {
            core.tasks.here.count_reached();
            self.register(core, waker);
            self.set_holds(true);
        }
    }

    pub(crate) fn is_reached(&self) -> bool {
        self.reached.get()
    }

    pub(crate) fn set_late(&self, late: bool) {
        self.late.set(late);
    }

    pub(crate) fn is_late(&self) -> bool {
        self.late.get()
    }

    /// If it is a shield: it is to be given up.
    pub(super) fn open(&self) {
        self.opened.set(self.kind.get() == Kind::Shielded);
    }

    pub(super) fn is_opened(&self) -> bool {
        self.opened.get()
    }

    /// Nothing has come of the last poll. But a member was told of the cancellation and was not polled since, and the task was
    /// woken in that poll: a combinator may have stopped half-way, to go on next time, as `FuturesUnordered` does when several
    /// of its futures wake themselves. It gets one more poll for each member there was.
    #[cold]
    pub(crate) fn is_worth_another_poll(&self, tasks: &Tasks) -> bool {
        let Some(inner) = self.inner.get() else { return false };
        let members = inner.members.borrow();
        let left = inner.polls_left.get().unwrap_or(members.len());
        let is_worth = left > 0 && tasks.is_woken_here() && members.iter().any(|(_, waker)| waker.is_none());
        inner.polls_left.set(Some(left - usize::from(is_worth)));
        is_worth
    }

    /// Is clean-up at work anywhere in this region?
    pub(crate) fn is_working(&self) -> bool {
        self.working.get() > 0
    }

    /// The region's future has ended: nothing is around it any more.
    #[inline]
    pub(crate) fn end(&self) {
        if let Some(payload) = self.take_panic() {
            report(Cause::CleanupPanicked(Panic::new(payload)));
        }
        self.set_holds(false);
        self.leave();
        // Otherwise a handle that is kept would keep all regions that were once around it.
        let gone = self.place.replace(Place::NOWHERE);
        drop(gone);
    }

    fn set_holds(&self, holds: bool) {
        if self.holds.replace(holds) != holds {
            let seat = self.place.borrow().seat.as_ref().map(|(around, _)| around.clone());
            if let Some(around) = seat {
                around.change_working(if holds { 1 } else { -1 });
            }
        }
    }

    /// One more, or one less, in here is at work; scopes hand the change on where they begin or cease to hold.
    fn change_working(self: &Rc<Self>, by: isize) {
        let mut region = self.clone();
        loop {
            let working = region.working.get().wrapping_add_signed(by);
            region.working.set(working);
            let holds = working > 0;
            if !holds && !region.polled.get() && region.is_cancelled_now() {
                region.wake_owner();
            }
            if region.kind.get() != Kind::Scope || region.holds.replace(holds) == holds {
                return;
            }
            let Some(around) = region.place.borrow().seat.as_ref().map(|(around, _)| around.clone()) else { return };
            region = around;
        }
    }

    /// The last clean-up that was at work in here has left, or was dropped, while the region is not being polled: whoever
    /// waits for that must look.
    #[cold]
    fn wake_owner(&self) {
        let seat = self.place.borrow().seat.as_ref().map(|(around, key)| (around.clone(), *key));
        if let Some(waker) = seat.and_then(|(around, key)| around.members().borrow_mut().get_mut(key)?.take()) {
            wake(waker);
        }
        match self.limit.take_waker() {
            Some(waker) => wake(waker),
            // A task's root scope.
            None => wake_number(self.place.borrow().task),
        }
    }

    // ---- panics

    /// A panic in clean-up waits here until all other clean-up in this region is done. The first one goes on then; others
    /// are reported.
    pub(crate) fn stash(&self, payload: Payload) {
        let panic = &self.inner().panic;
        match panic.take() {
            None => panic.set(Some(payload)),
            first => {
                panic.set(first);
                report(Cause::CleanupPanicked(Panic::new(payload)));
            }
        }
    }

    #[inline]
    pub(crate) fn take_panic(&self) -> Option<Payload> {
        self.inner.get().and_then(|inner| inner.panic.take())
    }

    /// The region's future is dropped before it has ended.
    pub(crate) fn abandon(&self) {
        if let Some(payload) = self.take_panic() {
            let (around, task) = (self.place.borrow().around.clone(), self.place.borrow().task);
            let cancelled = self.is_outer_cancelled();
            match around.or_else(|| here::root_region_of(task)) {
                Some(around) if cancelled => around.stash(payload),
                _ => report(Cause::CleanupPanicked(Panic::new(payload))),
            }
        }
        self.end();
    }
}

/// Wakes a waker that may be anybody's. Its panic is reported.
pub(crate) fn wake(waker: Waker) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
        report(Cause::WakerPanicked(Panic::new(payload)));
    }
}

pub(super) use crate::unhandled::report_unhandled as report;
