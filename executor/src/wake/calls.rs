//! What other threads want of an executor: calls, and that its main future is cancelled.

use crate::{
    outcome::{
        call_error::ExecutorEnded,
        reason::CancelReason,
        unhandled::{Unhandled, Unhandler},
    },
    wake::{
        inbox::Inbox,
        shim::{AtomicBool, Mutex, MutexGuard, Ordering},
    },
};
use std::{
    collections::VecDeque,
    sync::{Arc, PoisonError},
    task::Wake,
    thread::{self, ThreadId},
};

/// What an executor shares with its handles.
///
/// What is put here is put before the inbox is told, and the loop takes it after it has emptied the inbox; so it is not lost.
pub(crate) struct Calls {
    inbox: &'static Inbox,
    /// The thread of the executor.
    owner: ThreadId,
    is_pending: AtomicBool,
    has_calls: AtomicBool,
    state: Mutex<Wanted>,
}

/// What the loop is to do for another thread.
pub(crate) enum Call {
    /// Call this function, which does not unwind.
    Run(Box<dyn FnOnce() + Send>),
    /// Tell the hook of this.
    Report(Unhandled),
}

#[derive(Default)]
struct Wanted {
    ended: bool,
    /// Nothing is done for other threads any more, but reports are taken.
    refuses_calls: bool,
    cancel_main: Option<CancelReason>,
    calls: VecDeque<Call>,
}

impl Calls {
    pub(crate) fn new(inbox: &'static Inbox) -> Calls {
        Calls {
            inbox,
            owner: thread::current().id(),
            is_pending: AtomicBool::new(false),
            has_calls: AtomicBool::new(false),
            state: Mutex::new(Wanted::default()),
        }
    }

    /// Is this the executor's thread?
    pub(crate) fn is_on_own_thread(&self) -> bool {
        self.owner == thread::current().id()
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.lock().ended
    }

    /// Is this the executor's thread, and has the executor not ended?
    pub(crate) fn lives_here(&self) -> bool {
        self.owner == thread::current().id() && !self.lock().ended
    }

    /// Leaves a call for the loop, which makes it when it drains its inbox. Returns it if the executor has ended.
    pub(crate) fn push(&self, call: Call) -> Result<(), Call> {
        {
            let mut state = self.lock();
            if state.ended || state.refuses_calls && matches!(call, Call::Run(_)) {
                return Err(call);
            }
            state.calls.push_back(call);
            self.has_calls.store(true, Ordering::Release);
        }
        // If the executor has ended meanwhile, the inbox may be another's already, which then looks once in vain.
        self.inbox.call();
        Ok(())
    }

    /// Reports what nobody is left to receive: to the executor's hook, or to stderr once that is gone.
    pub(crate) fn report(&self, unhandled: Unhandled) {
        if let Err(Call::Report(unhandled)) = self.push(Call::Report(unhandled)) {
            Unhandler::default().report(unhandled);
        }
    }

    /// The loop is to look again whether there is something to do.
    pub(crate) fn nudge(&self) {
        self.inbox.call();
    }

    /// Moves all calls into `into`, which must be empty, in the order in which they came.
    pub(crate) fn take_calls(&self, into: &mut VecDeque<Call>) {
        if self.has_calls.swap(false, Ordering::Acquire) {
            std::mem::swap(&mut self.lock().calls, into);
        }
    }

    /// Gives back the room that more than so many calls took.
    pub(crate) fn trim(&self, kept: usize) {
        self.lock().calls.shrink_to(kept);
    }

    /// Has the next turn look for calls, if there are any.
    pub(crate) fn leave_to_next_turn(&self) {
        if self.has_calls.load(Ordering::Acquire) {
            self.nudge();
        }
    }

    /// Leaves the calls for which there was no time to the next turn, before those that came meanwhile.
    #[cold]
    pub(crate) fn put_back(&self, left: &mut VecDeque<Call>) {
        if left.is_empty() {
            return;
        }
        {
            let mut state = self.lock();
            left.append(&mut state.calls);
            std::mem::swap(&mut state.calls, left);
            self.has_calls.store(true, Ordering::Release);
        }
        self.nudge();
    }

    pub(crate) fn cancel_main(&self, reason: CancelReason) -> Result<(), ExecutorEnded> {
        {
            let mut state = self.lock();
            if state.ended {
                return Err(ExecutorEnded);
            }
            state.cancel_main.get_or_insert(reason);
            self.is_pending.store(true, Ordering::Release);
        }
        // If the executor has ended meanwhile, the inbox may be another's already, which then looks once in vain.
        self.inbox.call();
        Ok(())
    }

    /// The cancellation of the main future that has come, if one has.
    pub(crate) fn take_cancel_main(&self) -> Option<CancelReason> {
        if self.is_pending.swap(false, Ordering::Acquire) { self.lock().cancel_main.take() } else { None }
    }

    /// From now on everything is refused but reports.
    pub(crate) fn refuse_calls(&self) {
        self.lock().refuses_calls = true;
    }

    /// From now on everything is refused. Returns the calls that were not done.
    pub(crate) fn end(&self) -> VecDeque<Call> {
        let mut state = self.lock();
        state.ended = true;
        std::mem::take(&mut state.calls)
    }

    fn lock(&self) -> MutexGuard<'_, Wanted> {
        // Nothing foreign runs in a critical section.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What makes the loop look again, for whoever knows wakers only.
impl Wake for Calls {
    fn wake(self: Arc<Self>) {
        self.nudge();
    }
}

/// `RUSTFLAGS="--cfg loom" cargo test -p evenkeel-executor --release --lib loom`
#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use crate::wake::inbox::Arm;
    use loom::{sync::Notify, thread};

    /// Calls come from `callers` threads while the owner goes to sleep, as the loop does it. Each is done once, in its thread's order.
    fn model(callers: usize, each: usize) {
        let mut model = loom::model::Builder::new();
        if callers > 1 {
            // All of its interleavings take minutes; faults of this kind need fewer than three untimely switches.
            model.preemption_bound = Some(3);
        }
        model.check(move || {
            let inbox: &'static Inbox = Box::leak(Box::new(Inbox::new()));
            let sleep = loom::sync::Arc::new(Notify::new());
            let signal = sleep.clone();
            inbox.open(Arc::new(move || signal.notify()), None);
            let ours = Arc::new(Calls::new(inbox));
            let done = Arc::new(std::sync::Mutex::new(Vec::new()));
            let threads: Vec<_> = (0..callers)
                .map(|caller| {
                    let (ours, done) = (ours.clone(), done.clone());
                    thread::spawn(move || {
                        for n in 0..each {
                            let done = done.clone();
                            let call = Call::Run(Box::new(move || done.lock().unwrap().push((caller, n))));
                            assert!(ours.push(call).is_ok());
                        }
                    })
                })
                .collect();
            let mut calls = VecDeque::new();
            while done.lock().unwrap().len() < callers * each {
                if inbox.is_pending() || inbox.arm() == Arm::Drain {
                    inbox.drain(&mut Vec::new());
                    ours.take_calls(&mut calls);
                    for call in calls.drain(..) {
                        let Call::Run(run) = call else { unreachable!() };
                        run();
                    }
                } else {
                    // A lost call is a deadlock here, which loom reports.
                    sleep.wait();
                    inbox.disarm();
                }
            }
            for thread in threads {
                thread.join().unwrap();
            }
            let done = done.lock().unwrap();
            for caller in 0..callers {
                assert!(done.iter().filter(|(by, _)| *by == caller).map(|(_, n)| *n).eq(0..each));
            }
            assert!(ours.end().is_empty());
            inbox.close();
        });
    }

    #[test]
    fn loom_fault_34_one_caller_and_a_sleeping_owner_lose_nothing() {
        model(1, 2);
    }

    #[test]
    fn loom_fault_34_two_callers_and_a_sleeping_owner_lose_nothing() {
        model(2, 1);
    }
}
