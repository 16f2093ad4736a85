//! A thread that sleeps until it is called.

use crate::wake::{
    linger::linger,
    shim::{AtomicU8, Ordering},
};
use std::{
    thread::{self, Thread},
    time::Duration,
};

/// Lets the thread on which it was made sleep until another calls. To call one that is awake takes no system call.
///
/// ```text
///           fall_asleep            call: the thread is unparked
///   awake ───────────────► asleep ───────┐
///    │ ▲                      │          ▼
///    │ └──────(wake_up)───────┴────── called
///    └────────────(call)─────────────────▲
/// ```
///
/// No call is lost: all change one word, one after the other. A call that comes before the thread falls asleep keeps it from that; one that
/// comes behind finds it asleep, and has it unparked, or finds that it has woken up for another reason, and keeps it from its next
/// sleep. What `wake_up` takes away was called before that, and who has woken up looks for what he was called for only then.
pub(crate) struct Sleeper {
    state: AtomicU8,
    thread: Thread,
}

const AWAKE: u8 = 0;
const ASLEEP: u8 = 1;
const CALLED: u8 = 2;

impl Sleeper {
    /// For this thread.
    pub(crate) fn new() -> Sleeper {
        Sleeper { state: AtomicU8::new(AWAKE), thread: thread::current() }
    }

    /// Waits awake for a moment. `None` if it was called; otherwise the time that was spent in vain.
    pub(crate) fn linger(&self) -> Option<Duration> {
        let in_vain = linger(|| self.is_called());
        if in_vain.is_none() {
            self.wake_up();
        }
        in_vain
    }

    /// Sleeps until it is called, at most for `max`. It may wake up without a reason.
    pub(crate) fn sleep(&self, max: Option<Duration>) {
        if self.fall_asleep() {
            match max {
                None => thread::park(),
                Some(max) => thread::park_timeout(max),
            }
        }
        self.wake_up();
    }

    /// Ends its sleep, or keeps it from the next one. From any thread.
    pub(crate) fn call(&self) {
        if self.is_to_be_unparked() {
            self.thread.unpark();
        }
    }

    fn is_called(&self) -> bool {
        self.state.load(Ordering::Acquire) == CALLED
    }

    /// `false` if it was called.
    fn fall_asleep(&self) -> bool {
        self.state.compare_exchange(AWAKE, ASLEEP, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn wake_up(&self) {
        self.state.swap(AWAKE, Ordering::AcqRel);
    }

    /// It is called from now on.
    fn is_to_be_unparked(&self) -> bool {
        self.state.swap(CALLED, Ordering::AcqRel) == ASLEEP
    }
}

/// `RUSTFLAGS="--cfg loom" cargo test -p evenkeel-executor --release --lib loom`
#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use crate::{
        raw::number::Number,
        wake::inbox::{Arm, Inbox},
    };
    use loom::{sync::Notify, thread};
    use std::sync::Arc;

    /// The owner lingers, and sleeps, until so many have woken a task of its.
    fn model(wakers: usize) {
        let mut model = loom::model::Builder::new();
        if wakers > 1 {
            // All of its interleavings take minutes; faults of this kind need fewer than three untimely switches.
            model.preemption_bound = Some(3);
        }
        model.check(move || {
            let inbox = loom::sync::Arc::new(Inbox::new());
            let sleeper = loom::sync::Arc::new(Sleeper::new());
            let token = loom::sync::Arc::new(Notify::new());
            let (its, unpark) = (sleeper.clone(), token.clone());
            let signal = move || {
                if its.is_to_be_unparked() {
                    unpark.notify();
                }
            };
            inbox.open(Arc::new(signal), None);
            let threads: Vec<_> = (0..wakers)
                .map(|slot| {
                    let inbox = inbox.clone();
                    thread::spawn(move || inbox.wake(Number(Number::first(1, 1).0 | slot)))
                })
                .collect();
            let (mut missing, mut got) = (wakers, Vec::new());
            while missing > 0 {
                inbox.drain(&mut got);
                missing -= got.drain(..).count();
                if missing > 0 && inbox.arm() == Arm::Sleep {
                    // A lost wake-up is a deadlock here, which loom reports.
                    if !sleeper.is_called() && sleeper.fall_asleep() {
                        token.wait();
                    }
                    sleeper.wake_up();
                    inbox.disarm();
                }
            }
            for thread in threads {
                thread.join().unwrap();
            }
            // The signal holds loom's objects that must not outlive the model.
            inbox.close();
        });
    }

    #[test]
    fn loom_fault_34_one_waker_and_a_thread_that_falls_asleep_lose_nothing() {
        model(1);
    }

    #[test]
    fn loom_fault_34_two_wakers_and_a_thread_that_falls_asleep_lose_nothing() {
        model(2);
    }
}
