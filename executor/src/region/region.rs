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
//! every poll, from the outside inwards, at one compare per level. Every cancellation, of a region or of a task, moves the
//! thread's *epoch* on. What was found out in an older epoch may be wrong: who finds that, such as those inside a region that is
//! cancelled in the middle of its own poll, looks once at those around. Whoever asks from outside of a poll looks anew in any case.
//!
//! # Who waits for whom
//!
//! Who is at work on clean-up in a region, and whose waker brings its next poll, is known by its [`Members`]. A scope is a member of
//! the one around it for as long as it has members itself. Nothing is counted across regions: what wakes a member wakes, by the seats,
//! every region around it up to the one that decides.

use crate::{
    outcome::reason::CancelReason,
    raw::number::Number,
    region::{
        commons::Commons,
        epoch::{Epoch, epoch, new_epoch},
        held::Held,
        limit::Limit,
        locals::LocalValue,
        members::Members,
    },
    wake::wake::is_still,
};
use slab::Slab;
use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::BTreeMap,
    mem::ManuallyDrop,
    rc::{Rc, Weak},
    task::{Context, Poll, Waker},
};

/// What a region is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// A task's root scope.
    Root,
    /// A scope inside.
    Scope,
    /// What a clean-up point guards.
    Guarded,
    /// A shield, or a clean-up that has begun: a cancellation of anything around it does not get in.
    Shielded,
}

/// Whether code in a cancelled region had been woken when the cancellation was asked for. What had not has no result that could be lost:
/// it is stopped where it is suspended, and what comes later does not count. The head of [`cancel`](crate::cancel) argues it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stillness {
    /// It may have been woken. It is polled once more.
    Unknown,
    /// It had not, since the poll of it began in which it was cancelled. That poll goes on.
    Asked,
    /// It had not, and is not being polled: what waits in it is stopped without another poll.
    Still,
}

pub(crate) struct Region {
    pub(crate) kind: Cell<Kind>,
    /// The cancellation that was addressed to this region. The first one stays.
    pub(crate) reason: OnceCell<CancelReason>,
    pub(crate) place: RefCell<Place>,
    /// Was a region around this one cancelled, as seen in that epoch?
    pub(crate) outer: Cell<bool>,
    pub(crate) seen: Cell<Epoch>,
    /// The region's future is being polled now.
    pub(crate) polled: Cell<bool>,
    /// The members were told of a cancellation that came from around.
    pub(crate) told: Cell<bool>,
    /// The clean-up point whose region this is was polled after the cancellation.
    pub(crate) reached: Cell<bool>,
    /// What is around the clean-up point whose region this is was cancelled before its first poll, so its code is not resumed.
    pub(crate) late: Cell<bool>,
    /// Had something in the region been woken when it was cancelled?
    pub(crate) stillness: Cell<Stillness>,
    /// How often the region moved while clean-up was at work in it.
    pub(crate) moves: Cell<u8>,
    /// What the shield whose region this is waits for can never come.
    pub(crate) opened: Cell<bool>,
    /// The region's future has ended, or was dropped.
    pub(crate) over: Cell<bool>,
    pub(crate) inner: OnceCell<Box<Inner>>,
    pub(crate) limit: Limit,
}

/// The part of a region that few regions have.
#[derive(Default)]
pub(crate) struct Inner {
    /// Who cleans up in the region, or has somebody in it who does.
    pub(crate) members: Members,
    /// Who waits, elsewhere, for the cancellation of this very region; or inside, for its end, when it is cancelled.
    pub(crate) waiters: RefCell<Slab<Option<Waker>>>,
    /// Regions that are cancelled with this one and lie elsewhere, by the order in which they came.
    pub(crate) heirs: RefCell<BTreeMap<u64, Weak<Region>>>,
    /// How many came.
    pub(crate) heirs_made: Cell<u64>,
    /// The region whose heir this one is, and its key there.
    pub(crate) parent: RefCell<Option<(Rc<Region>, u64)>>,
    /// The region among whose waiters this one is, waiting for its end, and its key there.
    pub(crate) end_around: Cell<Option<(Rc<Region>, usize)>>,
    /// A panic in clean-up, which goes on when all clean-up in here is done.
    pub(crate) panic: Cell<Option<Held>>,
    /// What the branch whose region this is has set of the task's values, while it is not being polled.
    pub(crate) values: Cell<Vec<LocalValue>>,
}

/// Where a region was polled last.
pub(crate) struct Place {
    pub(crate) task: Number,
    /// The region around; `None` is the task's root scope.
    pub(crate) around: Option<Rc<Region>>,
    /// The region in which it is registered, and its key there.
    pub(crate) seat: Option<(Rc<Region>, usize)>,
}

impl Place {
    const NOWHERE: Place = Place { task: Number::NONE, around: None, seat: None };
}

impl Region {
    #[inline]
    pub(crate) fn fresh() -> Region {
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
            stillness: Cell::new(Stillness::Unknown),
            moves: Cell::new(0),
            opened: Cell::new(false),
            over: Cell::new(false),
            inner: OnceCell::new(),
            limit: Limit::new(),
        }
    }

    pub(crate) fn set_kind(&self, kind: Kind) {
        self.kind.set(kind);
    }

    // ---- cancelled

    /// The reason of the cancellation that was addressed to this very region.
    pub(crate) fn reason(&self) -> Option<&CancelReason> {
        self.reason.get()
    }

    /// Cancels the region, moves the epoch on, and tells the members. `false` if it was cancelled before.
    pub(crate) fn cancel(&self, reason: CancelReason) -> bool {
        if self.reason.set(reason).is_err() {
            return false;
        }
        self.note_stillness();
        let heirs = self.mark_heirs();
        new_epoch();
        self.tell();
        self.wake_waiters();
        heirs.tell();
        true
    }

    /// The region is being cancelled: notes whether something in it had been woken.
    #[inline]
    pub(crate) fn note_stillness(&self) {
        if self.polled.get() && is_still(self.place.borrow().task) {
            self.stillness.set(Stillness::Asked);
        }
    }

    /// Is what waits in the region, which is cancelled, to be stopped without another poll?
    pub(crate) fn is_still(&self) -> bool {
        self.stillness.get() == Stillness::Still
    }

    /// The region's poll is over, in which it was cancelled. Returns whether what waits in it is to be stopped without another.
    pub(crate) fn settle(&self) -> bool {
        if self.stillness.get() == Stillness::Asked {
            self.stillness.set(Stillness::Still);
        }
        self.is_still()
    }

    /// Is code in this region to be stopped? Not if only something around a shield is cancelled.
    ///
    /// Between two polls, what the region has seen may be out of date.
    #[inline]
    pub(crate) fn is_cancelled(&self) -> bool {
        self.reason.get().is_some() || (self.kind.get() != Kind::Shielded && self.is_outer_cancelled())
    }

    /// Is code in this region to be stopped, by the latest that is known? For those who ask from elsewhere than its poll.
    pub(crate) fn is_cancelled_now(&self) -> bool {
        self.reason.get().is_some() || (self.kind.get() != Kind::Shielded && self.look_around(false))
    }

    /// Why what is in this region will be stopped, if it will: the reason of the first cancelled region, from here outwards to
    /// the next shield. If this is a shield itself, past it.
    pub(crate) fn requested(&self) -> Option<CancelReason> {
        if let Some(reason) = self.reason() {
            return Some(reason.clone());
        }
        if self.is_outer_cancelled() { self.requested_around() } else { None }
    }

    /// The region around this one, as of its last poll. `None`: the root scope.
    pub(crate) fn around(&self) -> Option<Rc<Region>> {
        self.place.borrow().around.clone()
    }

    /// Marks the region as being polled, or not.
    pub(crate) fn set_polled(&self, polled: bool) {
        self.polled.set(polled);
    }

    /// Marks a root scope as being polled, while that is done. What leaves it then need not wake it: it is looked after at the end.
    pub(crate) fn while_polled<R>(&self, poll: impl FnOnce() -> R) -> R {
        struct Polled<'a>(&'a Region);
        impl Drop for Polled<'_> {
            fn drop(&mut self) {
                self.0.polled.set(false);
            }
        }
        self.polled.set(true);
        let _polled = Polled(self);
        poll()
    }

    /// Is a region around this one cancelled?
    #[inline]
    pub(crate) fn is_outer_cancelled(&self) -> bool {
        if self.seen.get() == epoch() { self.outer.get() } else { self.look_around(true) }
    }

    /// Notes whether a region around this one is cancelled, as seen in this epoch.
    #[inline]
    pub(crate) fn see(&self, outer: bool) {
        self.outer.set(outer);
        self.seen.set(epoch());
    }

    // ---- polled

    /// Puts a region in its place that is made in the middle of its scope's poll.
    pub(crate) fn begin_in(&self, task: Number, around: Option<Rc<Region>>, outer: bool, seen: Epoch) {
        self.place.replace(Place { task, around, seat: None });
        self.outer.set(outer);
        self.seen.set(seen);
        self.polled.set(true);
    }

    /// Moves the region: it is polled there now, and leaves where it was.
    #[inline]
    pub(crate) fn move_to(&self, place: Place) {
        self.reached.set(false);
        self.leave();
        // Not only a place: the last handle of the region that was around may go with it.
        let old = self.place.replace(place);
        drop(old);
    }

    /// Polls what is in the region, whose future was polled with the waker of `cx`. If clean-up is at work in it, or was, those members are
    /// called that were woken, and `poll` gets a waker that tells whether it is to be polled again.
    #[inline]
    pub(crate) fn poll_inside<T>(
        self: &Rc<Self>,
        commons: &Commons,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let begun = self.inner.get().and_then(|inner| self.begin(&inner.members, commons, cx.waker()));
        let waker = begun.or_else(|| self.seat(commons));
        poll(&mut Context::from_waker(waker.as_deref().unwrap_or(cx.waker())))
    }

    /// Calls `poll` with the waker that this region has in the one around it.
    #[inline]
    pub(crate) fn poll_by<T>(
        &self,
        commons: &Commons,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let waker = self.seat(commons);
        poll(&mut Context::from_waker(waker.as_deref().unwrap_or(cx.waker())))
    }

    /// Begins a poll for the members. Returns the waker for the body, if members have seats, or get them now.
    #[cold]
    pub(crate) fn begin(&self, members: &Members, commons: &Commons, given: &Waker) -> Option<ManuallyDrop<Waker>> {
        let is_cancelled = self.is_cancelled();
        if !members.are_seated() && (!is_cancelled || members.is_empty()) {
            return None;
        }
        let tell = is_cancelled && !self.told.replace(true);
        members.begin(&self.own_waker(commons, given), tell, commons)
    }

    // ---- members

    /// Is anybody registered in the region?
    pub(crate) fn has_members(&self) -> bool {
        self.inner.get().is_some_and(|inner| !inner.members.is_empty())
    }

    /// Calls all members: the region is cancelled.
    pub(crate) fn tell(&self) {
        if let Some(inner) = self.inner.get() {
            inner.members.tell();
        }
    }

    /// Does clean-up in the region bring its next poll? To be asked after a poll.
    pub(crate) fn is_at_work(&self) -> bool {
        self.inner.get().is_some_and(|inner| inner.members.are_at_work())
    }

    /// Finds out who of those at work in the region is out of reach. To be asked after a poll.
    pub(crate) fn probe(&self, commons: &Commons) {
        if let Some(inner) = self.inner.get() {
            inner.members.probe(commons);
        }
    }

    /// Lets go of the region's waker: what is in it is about to be dropped.
    pub(crate) fn unlink(&self) {
        if let Some(inner) = self.inner.get() {
            inner.members.unlink();
        }
    }

    /// Lets go of the members: what was in the region has ended. Who was a member and is not dropped lives on elsewhere.
    pub(crate) fn release(&self) {
        if let Some(inner) = self.inner.get() {
            inner.members.release();
        }
    }

    // ---- clean-up

    pub(crate) fn kind(&self) -> Kind {
        self.kind.get()
    }

    /// Has the clean-up point whose region this is waited where it is polled now, since before the cancellation? And is nothing in it to be
    /// reached? To be asked between [`Region::arrive`] and [`Region::reach`].
    pub(crate) fn has_waited(&self) -> bool {
        !self.reached.get() && self.place.borrow().seat.is_some() && !self.has_members()
    }

    /// Notes whether what is around was cancelled before the first poll.
    pub(crate) fn set_late(&self, late: bool) {
        self.late.set(late);
    }

    /// Was what is around cancelled before the first poll?
    pub(crate) fn is_late(&self) -> bool {
        self.late.get()
    }

    /// Notes that the region, if it is a shield, is to be given up.
    pub(crate) fn open(&self) {
        self.opened.set(self.kind.get() == Kind::Shielded);
    }

    /// Is the shield to be given up?
    pub(crate) fn is_opened(&self) -> bool {
        self.opened.get()
    }

    /// Ends the region, with its future: nothing is around it any more, and nothing in it.
    #[inline]
    pub(crate) fn end(&self) {
        self.over.set(true);
        let inner = self.inner.get();
        if let Some(inner) = inner {
            inner.members.release();
            drop(inner.panic.take());
        }
        self.leave();
        if let Some(inner) = inner {
            leave(inner.end_around.take());
            if self.kind.get() != Kind::Scope || self.reason().is_some() {
                self.wake_waiters();
            }
        }
        // Otherwise a handle that is kept would keep all regions that were once around it.
        let gone = self.place.replace(Place::NOWHERE);
        drop(gone);
    }

    // ---- values

    /// Keeps what the branch has set of the task's values, until its next poll.
    pub(crate) fn keep_values(&self, values: Vec<LocalValue>) {
        self.inner().values.set(values);
    }

    /// What the branch has set of the task's values.
    #[inline]
    pub(crate) fn take_values(&self) -> Vec<LocalValue> {
        self.inner.get().map(|inner| inner.values.take()).unwrap_or_default()
    }

    // ---- panics

    /// Keeps a panic in clean-up until all other clean-up in this region is done. The first one goes on then; others
    /// are reported, and so is one that comes too late.
    pub(crate) fn stash(&self, panic: Held) {
        if self.over.get() {
            return drop(panic);
        }
        let place = &self.inner().panic;
        let (first, second) = match place.take() {
            None => (panic, None),
            Some(first) => (first, Some(panic)),
        };
        place.set(Some(first));
        drop(second);
    }

    /// Takes the panic that waits here.
    #[inline]
    pub(crate) fn take_panic(&self) -> Option<Held> {
        self.inner.get().and_then(|inner| inner.panic.take())
    }
}

/// Takes a region off the list of those that wait for the end of another one: `noted` is that one, and the key there.
pub(crate) fn leave(noted: Option<(Rc<Region>, usize)>) {
    if let Some((region, key)) = noted {
        region.remove_waiter(key);
    }
}
