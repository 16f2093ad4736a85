//! The lock of a mutex: whether somebody has it, and who is next.

use crate::{
    arrivals::{Arrival, Arrivals, Key, Ticket, Whose},
    calls::call_any,
    wait::{Attempt, Line, Wait},
    wait_queue::{WaitQueue, WaitStats},
};
use std::{
    cell::{Cell, OnceCell},
    rc::Rc,
};

/// A lock without a value.
///
/// # Implementation notes
///
/// ```text
///           attempt            ask            hand_over, to the next
///    Free ──────────► Held ──────────► Asked ◄───────┐
///     ▲ ▲ ◄────────── │                │ │ ▲ └───────┘
///     │ │    unlock   │                │ │ │
///     │ │             │     hand_over, │ │ │
///     │ └─────────────┼─── to nobody ──┘ │ │
///     │               │                  │ │
///     │               └─ enter_apart ──► Shared
///     └────────── remove_apart, the last ─┘
/// ```
///
/// While somebody waits for a condition with this lock, it is `Shared`. Then the [`Arrivals`] know whether it is free, since conditions may take
/// it for those whom they notify. Why nobody overtakes these, and none of them is forgotten:
///
/// * Who is notified while the lock is free has it on the spot: nobody is in line then, and nobody has arrived. Otherwise he arrives.
/// * Who wants the lock and does not get it puts the arrivals into line (`attempt_or_ask`) before he enters it himself. So whoever is in line was there
///   before those who have arrived, and these are before all who come later.
/// * `unlock` hands the lock to the first in line, or to the first who has arrived; it is free only where there is neither.
/// * Who has arrived and is polled all the same puts the arrivals into line, and waits on there. Who goes does so, too, and leaves the line,
///   or gives the lock back.
///
/// In the other states nobody can be notified: `Shared` ends with the last who is apart.
pub(crate) struct Lock {
    state: Cell<State>,
    queue: WaitQueue,
    /// What conditions share; there is one since the first was waited for.
    arrivals: OnceCell<Rc<Arrivals>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nobody has the lock, nobody waits.
    Free,
    /// Somebody has the lock, nobody waits.
    Held,
    /// Somebody has the lock, others wait or did.
    Asked,
    /// Somebody waits for a condition with this lock: the arrivals know whose it is.
    Shared,
}

impl Lock {
    pub(crate) const fn new(what: &'static str) -> Lock {
        Lock { state: Cell::new(State::Free), queue: WaitQueue::new(what), arrivals: OnceCell::new() }
    }

    pub(crate) fn is_locked(&self) -> bool {
        match self.state.get() {
            State::Free => false,
            State::Held | State::Asked => true,
            State::Shared => self.arrivals().whose() != Whose::Nobodys,
        }
    }

    pub(crate) fn waiting(&self) -> usize {
        self.take_in();
        self.queue.len()
    }

    pub(crate) fn stats(&self) -> WaitStats {
        self.take_in();
        self.queue.stats()
    }

    /// Takes the lock if it is free.
    #[inline]
    pub(crate) fn attempt(&self) -> bool {
        match self.state.get() {
            State::Free => {
                self.state.set(State::Held);
                true
            }
            State::Held | State::Asked => false,
            State::Shared => self.attempt_shared(),
        }
    }

    #[inline(never)]
    fn attempt_shared(&self) -> bool {
        self.arrivals().take_for(Whose::Held)
    }

    /// Takes the lock, or says that somebody is about to enter the line.
    #[inline]
    fn attempt_or_ask(&self) -> bool {
        match self.state.get() {
            State::Free => self.state.set(State::Held),
            State::Shared => return self.attempt_or_ask_shared(),
            _ => {
                self.state.set(State::Asked);
                return false;
            }
        }
        true
    }

    #[inline(never)]
    fn attempt_or_ask_shared(&self) -> bool {
        let is_taken = self.attempt_shared();
        if !is_taken {
            self.take_in();
        }
        is_taken
    }

    /// Gives the lock back: it goes to the next in line.
    #[inline]
    pub(crate) fn unlock(&self) {
        match self.state.get() {
            State::Held => self.state.set(State::Free),
            State::Shared => self.unlock_shared(),
            _ => self.hand_over(),
        }
    }

    #[inline(never)]
    fn hand_over(&self) {
        match self.queue.grant_unwoken(()) {
            Ok(((), waker)) => call_any(waker),
            Err(()) => self.state.set(State::Free),
        }
    }

    /// Who is in line was there before those who have arrived.
    #[inline(never)]
    fn unlock_shared(&self) {
        let arrivals = self.arrivals();
        if let Ok(((), waker)) = self.queue.grant_unwoken(()) {
            arrivals.set_whose(Whose::Held);
            call_any(waker);
        } else if let Some(Arrival { key, waker }) = arrivals.pop() {
            arrivals.set_whose(Whose::Handed(key));
            self.queue.count_passage();
            call_any(waker);
        } else {
            arrivals.set_whose(Whose::Nobodys);
        }
    }

    // ---- those who wait for conditions

    /// A place for somebody who has the lock, and will give it up until he is notified.
    #[inline]
    pub(crate) fn enter_apart(&self) -> Place<'_> {
        let arrivals = self.arrivals.get_or_init(Arrivals::new);
        if self.state.replace(State::Shared) != State::Shared {
            arrivals.set_whose(Whose::Held);
        }
        Place { lock: self, key: arrivals.enter_apart() }
    }

    /// Puts those into line who have arrived.
    fn take_in(&self) {
        if self.state.get() == State::Shared && !self.arrivals().is_empty() {
            self.take_in_arrivals();
        }
    }

    #[cold]
    fn take_in_arrivals(&self) {
        let mut count = 0;
        while let Some(Arrival { key, waker }) = self.arrivals().pop() {
            self.arrivals().seat(key, self.queue.enter((), waker));
            count += 1;
        }
        self.remove_apart(count);
    }

    /// So many are not apart any more. If nobody is, it is the state from now on that says whether the lock is free.
    #[inline]
    fn remove_apart(&self, count: usize) {
        let arrivals = self.arrivals();
        if arrivals.remove_apart(count) {
            self.state.set(if arrivals.whose() == Whose::Nobodys { State::Free } else { State::Asked });
        }
    }

    #[inline]
    fn arrivals(&self) -> &Rc<Arrivals> {
        self.arrivals.get().expect("a lock that is shared has arrivals")
    }
}

/// The place of somebody who does not stand in the lock's line before he is notified. If it is dropped it is given up, with all that its
/// owner was given meanwhile.
pub(crate) struct Place<'a> {
    lock: &'a Lock,
    key: Key,
}

impl<'a> Place<'a> {
    /// What a condition notifies the place's owner with.
    #[inline]
    pub(crate) fn ticket(&self) -> Ticket {
        Ticket::new(self.lock.arrivals().clone(), self.key)
    }

    /// Waits for the lock, for an owner who was notified. `None`: he has it.
    #[inline]
    pub(crate) fn into_wait(self) -> Option<Wait<&'a Lock, Locking>> {
        let Place { lock, key } = self;
        std::mem::forget(self);
        if take_handed(lock, key) {
            return None;
        }
        lock.take_in();
        let seat = lock.arrivals().leave(key).expect("who was notified and has no lock stands in line");
        Some(Wait::in_line(lock, seat))
    }
}

/// Takes the lock that was handed to one who is apart.
#[inline]
fn take_handed(lock: &Lock, key: Key) -> bool {
    let is_handed = lock.arrivals().whose() == Whose::Handed(key);
    if is_handed {
        lock.arrivals().set_whose(Whose::Held);
        lock.arrivals().leave(key);
        lock.remove_apart(1);
    }
    is_handed
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let Place { lock, key } = *self;
        if take_handed(lock, key) {
            return lock.unlock();
        }
        lock.take_in();
        match lock.arrivals().leave(key) {
            Some(seat) => drop(Wait::<_, Locking>::in_line(lock, seat)),
            None => lock.remove_apart(1),
        }
    }
}

/// The rules of the line for a lock.
pub(crate) struct Locking;

impl Line for Locking {
    type Owner = Lock;
    type Request = ();
    type Grant = ();

    #[inline]
    fn queue(lock: &Lock) -> &WaitQueue {
        &lock.queue
    }

    #[inline]
    fn attempt(lock: &Lock, _: ()) -> Attempt<(), ()> {
        if lock.attempt_or_ask() { Attempt::Granted(()) } else { Attempt::Wait(()) }
    }

    fn give_back(lock: &Lock, _: ()) {
        lock.unlock();
    }
}
