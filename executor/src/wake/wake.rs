//! What a wake-up does.

use crate::{
    raw::lent::OnThread,
    raw::{
        lent::Lent,
        number::Number,
        slots::Slots,
        waker::{self, Vtable, WakeByNumber},
    },
    wake::{
        call::{call, drop_waker},
        few::Few,
        registry,
        seats::Seats,
        set::Called,
    },
};
use std::{mem::ManuallyDrop, ptr, rc::Rc, task::Waker};

thread_local! {
    // `const` and without a destructor: one plain read, also at the very end of a thread's life.
    /// The slots of the executor whose code runs on this thread.
    pub(crate) static SLOTS: Lent<Slots> = const { Lent::none() };
    /// The seats of that executor: the children that live inside their owners' futures.
    pub(crate) static SEATS: Lent<Rc<Seats>> = const { Lent::none() };
}

/// Our wakers.
pub(crate) struct Ours;

static VTABLE: Vtable<Ours> = Vtable::new();

impl WakeByNumber for Ours {
    #[inline(always)]
    fn vtable() -> &'static Vtable<Ours> {
        &VTABLE
    }

    fn wake(word: *const ()) {
        wake_number(Number::of_word(word));
    }
}

/// The wakers of children that live in place. They do what ours do, but look for a child's seat first.
pub(crate) struct Childs;

static CHILDS: Vtable<Childs> = Vtable::new();

impl WakeByNumber for Childs {
    #[inline(always)]
    fn vtable() -> &'static Vtable<Childs> {
        &CHILDS
    }

    // It stands once in the program, for a waker's call and for `wake_any`.
    #[inline(never)]
    fn wake(word: *const ()) {
        let number = Number::of_word(word);
        match SEATS.look(|seats| seats?.queue(number, task_of)) {
            Some(Number::NONE) => {}
            Some(task) => wake_number(task),
            None => wake_unusual(number),
        }
    }
}

/// The waker of the child of that number. It owns nothing, so it need not be dropped.
#[inline(always)]
pub(crate) fn waker_of_child(number: Number) -> ManuallyDrop<Waker> {
    waker::waker::<Childs>(number)
}

/// The waker of the task of that number. It owns nothing, so it need not be dropped.
#[inline(always)]
pub(crate) fn waker(number: Number) -> ManuallyDrop<Waker> {
    waker::waker::<Ours>(number)
}

/// The number inside, if the waker is one of ours.
#[inline(always)]
pub(crate) fn number_of(waker: &Waker) -> Option<Number> {
    task_of(waker).or_else(|| waker::number_of::<Childs>(waker))
}

/// The number inside, if the waker is a task's.
#[inline(always)]
pub(crate) fn task_of(waker: &Waker) -> Option<Number> {
    waker::number_of::<Ours>(waker)
}

/// A clone of a waker that is one of ours, without a call.
#[inline(always)]
pub(crate) fn copy_of(newest: &Waker) -> Option<Waker> {
    let copy = match task_of(newest) {
        Some(task) => waker(task),
        None => waker_of_child(waker::number_of::<Childs>(newest)?),
    };
    Some(ManuallyDrop::into_inner(copy))
}

/// Wakes the task of that number, wherever its executor is.
///
/// On the thread where that executor is the current one: one thread-local read, one load of the block's address, a compare
/// with its number, one push. A child that lives in its owner's future is queued in its set, whose owner is woken then. Everything else goes
/// through the executor's inbox. On the executor's thread no foreign code runs, unless the owner of a set has a foreign waker;
/// from elsewhere it may call the executor's signal.
#[inline(always)]
pub(crate) fn wake_number(number: Number) {
    if !is_woken(number) {
        wake_unusual(number);
    }
}

/// [`wake_number`] where a child is as likely as a task.
pub(crate) fn wake_any(number: Number) {
    if !is_woken(number) {
        Childs::wake(ptr::without_provenance(number.0));
    }
}

/// Queues the task of that number, if it is one of the current executor's and waits.
#[inline(always)]
fn is_woken(number: Number) -> bool {
    SLOTS.look(|slots| slots.is_some_and(|slots| slots.wake_waiting(number)))
}

/// Is that one of the current executor's tasks, which is not cancelled, and was no waker of it called since its latest poll began?
pub(crate) fn is_still(number: Number) -> bool {
    let has_come = || registry::inbox_of(number).is_some_and(|inbox| inbox.is_pending());
    SLOTS.look(|slots| slots.is_some_and(|slots| slots.is_still(number))) && !has_come()
}

/// No task of the current executor waits under this number.
#[cold]
#[inline(never)]
fn wake_unusual(number: Number) {
    if let Some(child) = wake_outwards(number) {
        wake_both(child);
    }
}

/// Wakes what has that number and those around it, one round for each, as sets lie inside each other. Where clean-up is at work
/// there may be two to call for a child: its number is handed out.
#[inline(always)]
fn wake_outwards(mut number: Number) -> Option<Number> {
    loop {
        match wake_here(number) {
            Called::Done => return None,
            Called::Elsewhere => {
                if let Some(inbox) = registry::inbox_of(number) {
                    inbox.wake(number);
                }
                return None;
            }
            Called::Owner(owner) => number = wake_waiting(owner)?,
            Called::Both(child) => return Some(child),
        }
    }
}

/// Wakes what has that number, if it is one of the current executor's: a child that lives inside a task, or a task that is queued already or
/// waits for its clean-up.
#[inline(always)]
fn wake_here(number: Number) -> Called {
    SEATS.look(|seats| seats?.wake(number)).unwrap_or_else(|| wake_task(number))
}

#[cold]
#[inline(never)]
fn wake_task(number: Number) -> Called {
    SLOTS.look(|slots| match slots.filter(|slots| number.executor() == slots.executor()) {
        Some(slots) => {
            slots.wake_unusual(number);
            Called::Done
        }
        None => Called::Elsewhere,
    })
}

/// Wakes the two of a child: the one is followed to its end before the other, and the stack does not grow with them.
#[cold]
#[inline(never)]
fn wake_both(child: Number) {
    let (mut left, mut both) = (Few::default(), Some(child));
    loop {
        let take = |child| SEATS.look(|seats| seats.map(|seats| seats.take_both(child)));
        let (owner, own) = both.and_then(take).unwrap_or_default();
        left.extend(owner);
        let Some(waker) = own.or_else(|| left.pop()) else { return };
        both = wake_waiting(waker).and_then(wake_outwards);
    }
}

/// Wakes a task that waits, or what is foreign; anything else has a number that is handed out.
#[inline(always)]
fn wake_waiting(waker: Waker) -> Option<Number> {
    let Some(number) = number_of(&waker) else {
        call(waker);
        return None;
    };
    (!is_woken(number)).then_some(number)
}

/// Drops wakers that may be anybody's. Their panics are reported.
#[inline]
pub(crate) fn drop_wakers([first, second]: [Option<Waker>; 2]) {
    let drop_one = |waker: Waker| {
        // Ours own nothing.
        if number_of(&waker).is_some() { std::mem::forget(waker) } else { drop_waker(waker) }
    };
    first.map(drop_one);
    second.map(drop_one);
}

/// Wakes the owner of a set. Nothing is borrowed meanwhile, as it may be foreign code, whose panic is reported.
pub(crate) fn wake_owner(owner: Waker) {
    match number_of(&owner) {
        Some(number) => wake_number(number),
        None => call(owner),
    }
}

/// Wakes the task that an entry of the current executor's inbox names, perhaps just by its slot.
pub(crate) fn wake_entry(entry: Number) {
    let occupant = |entry: Number| SEATS.look(|seats| seats?.occupant(entry.slot()));
    let named = match (entry.generation(), SLOTS.look(|slots| slots?.number_in(entry.slot()))) {
        (0, Some(task)) => Some(task),
        (0, None) => occupant(entry),
        _ => Some(entry),
    };
    named.into_iter().for_each(wake_number);
}
