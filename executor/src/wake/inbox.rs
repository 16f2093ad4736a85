//! The inbox: where wake-ups arrive that were called on another thread, or while their executor was not the current one.
//!
//! # Why no wake-up is lost, and why the owner is signalled exactly once
//!
//! Everything that matters lies under one lock: the entries, and `armed`, which says that the owner is asleep (or that
//! its host waits for a call). The owner goes to sleep only through [`Inbox::arm`], which, in one critical section, finds
//! no entry and sets `armed`. So for every [`Inbox::wake`] there are two cases:
//!
//! 1. its critical section came before the owner's: the owner finds the entry and does not sleep;
//! 2. it came after: it finds `armed`, takes it (nobody else can take it again), and signals after it let the lock go.
//!
//! A callback that stays on its thread (`local`) has a flag of its own, `armed_local`, which is set and cleared with `armed` but taken
//! only by wake-ups on that thread: one from elsewhere, which it cannot hear, does not use its call up.
//!
//! A signal that is still on its way when the owner has woken for another reason is harmless: the owner looks into the
//! inbox after every return from its sleep, and sleeps again if there is nothing.
//!
//! `pending` lies outside the lock and is only a hint, so that a busy owner looks at one flag per turn and takes the lock
//! when there is something. It is set after the entry exists and before the lock is let go; if the owner reads an old
//! `false`, the entry waits for a later turn, at the latest for `arm`, which takes the lock.
//!
//! # Why it stays small
//!
//! At most one entry per slot: [`Entries`] remembers where a slot's entry is. Two generations of one slot can meet here only if one of
//! them is out of date; the entry then becomes "whoever is in this slot now", which wakes the one that is alive.
//!
//! An inbox is never freed. It outlives its executors (ids are recycled), so a waker needs no count to reach it safely.

use crate::{
    outcome::unhandled::report_panic,
    raw::number::Number,
    wake::{
        entries::Entries,
        local_callback::LocalKey,
        shim::{AtomicBool, Mutex, MutexGuard, Ordering},
        signalling::Signalling,
    },
};
use std::sync::{Arc, PoisonError};

/// What is called to end the owner's sleep: from any thread, without a lock held.
pub(crate) type Signal = Arc<dyn Fn() + Send + Sync>;

pub(crate) struct Inbox {
    pending: AtomicBool,
    state: Mutex<InboxState>,
}

struct InboxState {
    /// Set while there is an executor; without one there is nobody to wake.
    signal: Option<Signal>,
    /// The owner sleeps, or its host waits to be called.
    armed: bool,
    /// What is called besides, if the wake-up comes from the owner's own thread.
    local: Option<LocalKey>,
    /// `local` is to be called. A wake-up from another thread takes `armed` and leaves this, so that the next one from here calls.
    armed_local: bool,
    /// There is something to look at elsewhere.
    called: bool,
    wakes: Entries,
}

/// What the owner is to do after it asked to sleep.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Arm {
    /// Nothing has come: sleep. The next wake-up gives the signal.
    Sleep,
    /// Something has come meanwhile: do not sleep.
    Drain,
}

impl Inbox {
    pub(crate) fn new() -> Inbox {
        let state = InboxState {
            signal: None,
            armed: false,
            local: None,
            armed_local: false,
            called: false,
            wakes: Entries::default(),
        };
        Inbox { pending: AtomicBool::new(false), state: Mutex::new(state) }
    }

    pub(crate) fn open(&self, signal: Signal, local: Option<LocalKey>) {
        let mut state = self.lock();
        state.signal = Some(signal);
        state.local = local;
    }

    /// The owner, who is awake, waits for another signal from now on. Returns the one before, which may own things of the user's.
    ///
    /// A signal that is on its way is the old one's, for an entry that is there: the owner finds that before it sleeps again. A host that waits
    /// for a call stays armed, and the next wake-up calls the new one.
    pub(crate) fn change_signal(&self, signal: Signal) -> Option<Signal> {
        let mut state = self.lock();
        if state.signal.is_none() { Some(signal) } else { state.signal.replace(signal) }
    }

    /// From now on wake-ups are dropped, as the tasks that they name are gone. Returns the signal, which may own things of the
    /// user's.
    pub(crate) fn close(&self) -> Option<Signal> {
        let mut state = self.lock();
        state.armed = false;
        state.local = None;
        state.armed_local = false;
        state.called = false;
        state.wakes = Entries::default();
        self.pending.store(false, Ordering::Relaxed);
        state.signal.take()
    }

    /// Wakes the task of that number, from any thread.
    pub(crate) fn wake(&self, number: Number) {
        let mut state = self.lock();
        if state.signal.is_none() {
            return;
        }
        state.wakes.insert(number);
        self.pending.store(true, Ordering::Release);
        self.release_and_signal(state);
    }

    /// The owner is to look at what lies elsewhere, from any thread. What lies there was put there before.
    pub(crate) fn call(&self) {
        let mut state = self.lock();
        if state.signal.is_none() {
            return;
        }
        state.called = true;
        self.pending.store(true, Ordering::Release);
        self.release_and_signal(state);
    }

    /// Ends the owner's sleep though there is no entry: work was made ready on its own thread, between two ticks.
    pub(crate) fn poke(&self) {
        self.release_and_signal(self.lock());
    }

    fn release_and_signal(&self, mut state: MutexGuard<'_, InboxState>) {
        let signal = if std::mem::take(&mut state.armed) { state.signal.clone() } else { None };
        let is_heard = state.armed_local && state.local.is_some_and(LocalKey::is_here);
        state.armed_local &= !is_heard;
        let local = state.local.filter(|_| is_heard);
        drop(state);
        if signal.is_none() && local.is_none() {
            return;
        }
        let _signalling = Signalling::begin(self.address());
        if let Some(signal) = signal {
            signal();
            // The signal may have ended its executor, and be the last one.
            report_panic("the destructor of an on_wake callback", || drop(signal));
        }
        if let Some(local) = local {
            local.call();
        }
    }

    /// Is this thread inside a call of this inbox's signal?
    pub(crate) fn is_signalling_here(&self) -> bool {
        Signalling::is_here(self.address())
    }

    fn address(&self) -> usize {
        (&raw const *self).addr()
    }

    /// A hint that costs one plain load: is there something to drain?
    #[inline(always)]
    pub(crate) fn is_pending(&self) -> bool {
        self.pending.load(Ordering::Acquire)
    }

    /// Is there something here that may wake the task of that number? To be asked when [`Inbox::is_pending`] says that there is something.
    #[cold]
    pub(crate) fn may_wake(&self, task: Number) -> bool {
        self.lock().wakes.may_wake(task)
    }

    /// Moves all entries into `into`, which must be empty, in the order in which they came. Who drains is awake and needs no signal.
    pub(crate) fn drain(&self, into: &mut Vec<Number>) {
        debug_assert!(into.is_empty());
        let mut state = self.lock();
        self.pending.store(false, Ordering::Relaxed);
        state.called = false;
        state.armed = false;
        state.armed_local = false;
        state.wakes.take(into);
    }

    /// Gives back the room that wake-ups of more than so many tasks took.
    pub(crate) fn trim(&self, kept: usize) {
        self.lock().wakes.trim(kept);
    }

    /// The owner wants to sleep.
    pub(crate) fn arm(&self) -> Arm {
        let mut state = self.lock();
        if state.wakes.is_empty() && !state.called {
            state.armed = true;
            state.armed_local = state.local.is_some();
            Arm::Sleep
        } else {
            Arm::Drain
        }
    }

    /// The owner is awake again and needs no signal.
    pub(crate) fn disarm(&self) {
        let mut state = self.lock();
        state.armed = false;
        state.armed_local = false;
    }

    fn lock(&self) -> MutexGuard<'_, InboxState> {
        // Nothing in a critical section can panic but an allocation that fails, and that aborts.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    fn open() -> (Inbox, Arc<AtomicUsize>) {
        let signals = Arc::new(AtomicUsize::new(0));
        let inbox = Inbox::new();
        let count = signals.clone();
        let signal = Arc::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
        });
        inbox.open(signal, None);
        (inbox, signals)
    }

    fn number(slot: usize, generation: usize) -> Number {
        Number(Number::first(1, generation).0 | slot)
    }

    #[test]
    fn fault_31_a_thousand_wakes_of_one_task_are_one_entry() {
        let (inbox, _) = open();
        for _ in 0..1000 {
            inbox.wake(number(7, 1));
            inbox.wake(number(3, 1));
        }
        let mut got = Vec::new();
        inbox.drain(&mut got);
        assert_eq!(got, [number(7, 1), number(3, 1)]);
        assert!(!inbox.is_pending());
    }

    #[test]
    fn two_generations_of_one_slot_wake_whoever_is_there() {
        let (inbox, _) = open();
        inbox.wake(number(7, 1));
        inbox.wake(number(7, 2));
        inbox.wake(number(7, 1));
        let mut got = Vec::new();
        inbox.drain(&mut got);
        assert_eq!(got, [number(7, 1).anyone()]);
    }

    #[test]
    fn the_owner_is_signalled_once_and_only_while_it_sleeps() {
        let (inbox, signals) = open();
        inbox.wake(number(1, 1));
        assert_eq!(signals.load(Ordering::Relaxed), 0, "nobody slept");
        assert_eq!(inbox.arm(), Arm::Drain);
        inbox.drain(&mut Vec::new());
        assert_eq!(inbox.arm(), Arm::Sleep);
        inbox.wake(number(1, 1));
        inbox.wake(number(2, 1));
        assert_eq!(signals.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_closed_inbox_takes_nothing() {
        let (inbox, signals) = open();
        assert_eq!(inbox.arm(), Arm::Sleep);
        inbox.close();
        inbox.wake(number(1, 1));
        assert!(!inbox.is_pending());
        assert_eq!(signals.load(Ordering::Relaxed), 0);
    }
}

/// `RUSTFLAGS="--cfg loom" cargo test -p evenkeel-executor --release --lib loom`
#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use loom::{sync::Notify, thread};

    /// The owner's side of the protocol, as the loop has it: drain; if there was nothing, arm, and sleep.
    fn collect(inbox: &Inbox, sleep: impl Fn(), mut missing: Vec<Number>) {
        let mut got = Vec::new();
        while !missing.is_empty() {
            if inbox.is_pending() {
                inbox.drain(&mut got);
                for number in got.drain(..) {
                    missing.retain(|n| n.slot() != number.slot());
                }
            } else if inbox.arm() == Arm::Sleep {
                // A lost wake-up is a deadlock here, which loom reports.
                sleep();
                inbox.disarm();
            } else {
                inbox.drain(&mut got);
                for number in got.drain(..) {
                    missing.retain(|n| n.slot() != number.slot());
                }
            }
        }
    }

    fn model(wakers: usize) {
        loom::model(move || {
            let inbox = loom::sync::Arc::new(Inbox::new());
            let sleep = loom::sync::Arc::new(Notify::new());
            let signal = sleep.clone();
            inbox.open(Arc::new(move || signal.notify()), None);
            let numbers: Vec<Number> = (0..wakers).map(|slot| Number(Number::first(1, 1).0 | slot)).collect();
            let threads: Vec<_> = numbers
                .iter()
                .map(|&number| {
                    let inbox = inbox.clone();
                    thread::spawn(move || inbox.wake(number))
                })
                .collect();
            collect(&inbox, || sleep.wait(), numbers);
            for thread in threads {
                thread.join().unwrap();
            }
            // The signal holds the loom object that must not outlive the model.
            inbox.close();
        });
    }

    #[test]
    fn loom_fault_34_one_waker_and_a_sleeping_owner_lose_nothing() {
        model(1);
    }

    #[test]
    fn loom_fault_34_two_wakers_and_a_sleeping_owner_lose_nothing() {
        model(2);
    }

    /// A host that ticks: it waits only for `on_wake`, and only after a tick that found nothing, and perhaps a park whose time is over at
    /// once. Wake-ups and calls come meanwhile.
    fn host(wakers: usize, callers: usize, parks: bool) {
        let mut model = loom::model::Builder::new();
        if wakers + callers > 1 {
            // All of its interleavings take minutes; faults of this kind need fewer than three untimely switches.
            model.preemption_bound = Some(3);
        }
        model.check(move || {
            let inbox = loom::sync::Arc::new(Inbox::new());
            let host = loom::sync::Arc::new(Notify::new());
            // Counted outside of loom, so that the count adds no interleavings.
            let signals = Arc::new(std::sync::atomic::AtomicUsize::new(0));
            let (on_wake, count) = (host.clone(), signals.clone());
            let signal = move || {
                count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                on_wake.notify();
            };
            inbox.open(Arc::new(signal), None);
            let called = loom::sync::Arc::new(AtomicBool::new(callers == 0));
            let mut missing: Vec<Number> = (0..wakers).map(|slot| Number(Number::first(1, 1).0 | slot)).collect();
            let mut threads: Vec<_> = missing
                .iter()
                .map(|&number| {
                    let inbox = inbox.clone();
                    thread::spawn(move || inbox.wake(number))
                })
                .collect();
            for _ in 0..callers {
                let (inbox, called) = (inbox.clone(), called.clone());
                threads.push(thread::spawn(move || {
                    called.store(true, Ordering::Release);
                    inbox.call();
                }));
            }
            let (mut idle, mut got, mut was_called) = (0, Vec::new(), false);
            while !missing.is_empty() || !was_called {
                // A tick.
                inbox.drain(&mut got);
                was_called |= called.load(Ordering::Acquire);
                got.drain(..).for_each(|number| missing.retain(|n| n.slot() != number.slot()));
                if inbox.arm() == Arm::Sleep {
                    idle += 1;
                    if parks {
                        // Before its sleep, and behind it. What it finds has called the host.
                        let _ = (inbox.arm(), inbox.arm());
                    }
                    if !missing.is_empty() || !was_called {
                        // A lost wake-up is a deadlock here, which loom reports.
                        host.wait();
                    }
                }
            }
            for thread in threads {
                thread.join().unwrap();
            }
            assert!(signals.load(std::sync::atomic::Ordering::SeqCst) <= idle, "called twice in one idle period");
            inbox.close();
        });
    }

    #[test]
    fn loom_embed_01_a_host_that_ticks_is_called_once_per_idle_period_and_loses_no_wake_up() {
        host(1, 0, false);
        host(2, 0, false);
    }

    #[test]
    fn loom_embed_01_a_host_that_parks_between_two_ticks_is_called_once_and_loses_no_wake_up() {
        host(1, 0, true);
        host(1, 1, true);
    }

    #[test]
    fn loom_embed_01_a_host_that_ticks_loses_neither_a_wake_up_nor_a_call() {
        host(0, 1, false);
        host(1, 1, false);
    }

    #[test]
    fn loom_fault_01_a_wake_up_may_meet_the_end_of_the_executor() {
        loom::model(|| {
            let inbox = loom::sync::Arc::new(Inbox::new());
            let sleep = loom::sync::Arc::new(Notify::new());
            let signal = sleep.clone();
            inbox.open(Arc::new(move || signal.notify()), None);
            let other = inbox.clone();
            let thread = thread::spawn(move || {
                other.wake(Number::first(1, 1));
                other.wake(Number::first(1, 1));
            });
            inbox.close();
            thread.join().unwrap();
            let mut got = Vec::new();
            inbox.drain(&mut got);
            // Either both came before the end and were thrown away, or after it and were not taken.
            assert!(got.is_empty());
        });
    }

    /// A counter whose every write is told once to whoever waits, as that of an eventfd is by an epoll that tells of changes.
    #[derive(Default)]
    struct Counter {
        state: Mutex<Writes>,
        written: loom::sync::Condvar,
    }

    #[derive(Default)]
    struct Writes {
        all: usize,
        told: usize,
    }

    impl Counter {
        fn write(&self) {
            self.state.lock().unwrap().all += 1;
            self.written.notify_one();
        }

        /// How many writes have ended this wait.
        fn wait(&self) -> usize {
            let mut state = self.state.lock().unwrap();
            while state.told == state.all {
                state = self.written.wait(state).unwrap();
            }
            let ended_by = state.all - state.told;
            state.told = state.all;
            ended_by
        }

        /// How many writes nobody was told of.
        fn untold(&self) -> usize {
            let state = self.state.lock().unwrap();
            state.all - state.told
        }
    }

    fn woken_from_threads(inbox: &loom::sync::Arc<Inbox>, wakers: usize) -> (Vec<Number>, Vec<thread::JoinHandle<()>>) {
        let numbers: Vec<Number> = (0..wakers).map(|slot| Number(Number::first(1, 1).0 | slot)).collect();
        let wake = |&number: &Number| {
            let inbox = inbox.clone();
            thread::spawn(move || inbox.wake(number))
        };
        let threads = numbers.iter().map(wake).collect();
        (numbers, threads)
    }

    #[test]
    fn loom_fault_34_wake_ups_end_a_park_in_a_driver_exactly_once() {
        for wakers in [1, 2] {
            let mut model = loom::model::Builder::new();
            // As above.
            model.preemption_bound = (wakers > 1).then_some(3);
            model.check(move || {
                let inbox = loom::sync::Arc::new(Inbox::new());
                let counter = loom::sync::Arc::new(Counter::default());
                let signal = counter.clone();
                inbox.open(Arc::new(move || signal.write()), None);
                let (numbers, threads) = woken_from_threads(&inbox, wakers);
                collect(&inbox, || assert_eq!(counter.wait(), 1, "one write for each park"), numbers);
                threads.into_iter().for_each(|thread| thread.join().unwrap());
                assert_eq!(counter.untold(), 0, "nobody wrote while nobody parked");
                inbox.close();
            });
        }
    }

    #[test]
    fn loom_fault_34_a_driver_that_is_attached_while_wake_ups_come_misses_none() {
        for wakers in [1, 2] {
            let mut model = loom::model::Builder::new();
            // As above.
            model.preemption_bound = (wakers > 1).then_some(3);
            model.check(move || {
                let inbox = loom::sync::Arc::new(Inbox::new());
                let [before, after] = [(); 2].map(|()| loom::sync::Arc::new(Counter::default()));
                inbox.open(Arc::new(move || before.write()), None);
                let (numbers, threads) = woken_from_threads(&inbox, wakers);
                let signal = after.clone();
                drop(inbox.change_signal(Arc::new(move || signal.write())));
                collect(&inbox, || _ = after.wait(), numbers);
                threads.into_iter().for_each(|thread| thread.join().unwrap());
                inbox.close();
            });
        }
    }

    #[test]
    fn loom_fault_34_a_host_that_waits_for_a_call_is_called_though_a_driver_is_attached_meanwhile() {
        loom::model(|| {
            let inbox = loom::sync::Arc::new(Inbox::new());
            let host = loom::sync::Arc::new(Counter::default());
            let signal = || {
                let host = host.clone();
                Arc::new(move || host.write())
            };
            inbox.open(signal(), None);
            assert_eq!(inbox.arm(), Arm::Sleep);
            let (numbers, threads) = woken_from_threads(&inbox, 1);
            drop(inbox.change_signal(signal()));
            // A call that does not come is a deadlock here, which loom reports.
            host.wait();
            let mut got = Vec::new();
            inbox.drain(&mut got);
            assert_eq!(got, numbers);
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            inbox.close();
        });
    }
}
