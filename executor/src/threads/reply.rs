//! The answer to a call from another thread: one value that is waited for, blocking or not.

use crate::{
    outcome::{
        call_error::{CallError, ExecutorEnded},
        caught::{caught, forget_if_it_panics},
        flat::drop_flat,
        reason::CancelReason,
        task_id::TaskId,
        unhandled::UnhandledKind,
    },
    threads::{absence::Absence, limiter::Errand, locked_wait::poll_locked},
    wake::{calls::Calls, linger::linger},
};
use evenkeel_coop::poll_within_budget;
use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
};

/// What caller and loop share.
pub(crate) struct Reply<T> {
    /// The error in a value that nobody asks for.
    unread: fn(&T) -> Option<Box<str>>,
    state: Mutex<ReplyState<T>>,
    came: Condvar,
}

struct ReplyState<T> {
    outcome: Outcome<T>,
    waker: Option<Waker>,
    /// The pool's thread that blocks for it is not busy meanwhile.
    absence: Option<Arc<Absence>>,
    /// A thread sleeps until it comes.
    is_slept_for: bool,
    /// Nobody will ask for it.
    forgotten: bool,
    /// The caller wants the task to be cancelled.
    cancel: Option<CancelReason>,
    /// The task that works on it.
    task: Option<TaskId>,
}

enum Outcome<T> {
    Awaited,
    Here(Result<T, CallError>),
    Taken,
}

impl<T> Reply<T> {
    /// A reply that is awaited, with the end that answers. `unread` finds the error in a value that nobody asks for.
    pub(crate) fn new(unread: fn(&T) -> Option<Box<str>>) -> (Answer<T>, Arc<Reply<T>>) {
        let state = ReplyState {
            outcome: Outcome::Awaited,
            waker: None,
            absence: None,
            is_slept_for: false,
            forgotten: false,
            cancel: None,
            task: None,
        };
        let reply = Arc::new(Reply { unread, state: Mutex::new(state), came: Condvar::new() });
        (Answer { reply: Some(reply.clone()) }, reply)
    }

    // ---- the caller's side

    /// Blocks until the answer is here.
    #[track_caller]
    pub(crate) fn wait(&self) -> Result<T, CallError> {
        linger(|| self.is_here());
        let mut state = self.lock();
        loop {
            if let Some(outcome) = state.take() {
                return outcome;
            }
            state.is_slept_for = true;
            state = self.came.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// [`Reply::wait`] for what a task of that executor does: a pool's thread is not busy meanwhile.
    pub(crate) fn wait_for_task(self: &Arc<Self>, executor: &Calls) -> Result<T, CallError>
    where
        T: Send + 'static,
    {
        if let Some(absence) = Absence::for_task(executor) {
            let mut state = self.lock();
            if let Some(outcome) = state.take() {
                return outcome;
            }
            state.absence = Some(absence.clone());
            drop(state);
            absence.begin(Some(self.clone()));
        }
        self.wait()
    }

    /// The answer, if it is here.
    ///
    /// # Panics
    ///
    /// If it was given away before.
    #[track_caller]
    pub(crate) fn take(&self) -> Option<Result<T, CallError>> {
        self.lock().take()
    }

    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<T, CallError>> {
        poll_within_budget(cx, |cx| self.poll_answer(cx))
    }

    fn poll_answer(&self, cx: &Context<'_>) -> Poll<Result<T, CallError>> {
        let is_there = |state: &mut ReplyState<T>| !matches!(state.outcome, Outcome::Awaited);
        let mut state = ready!(poll_locked(cx, || self.lock(), is_there, |state| &mut state.waker));
        state.take().map_or(Poll::Pending, Poll::Ready)
    }

    pub(crate) fn is_here(&self) -> bool {
        !matches!(self.lock().outcome, Outcome::Awaited)
    }

    /// Nobody will ask for the answer. Returns it if it is here, and the waker that waits for it, if one does.
    pub(crate) fn forget(&self) -> (Option<Result<T, CallError>>, Option<Waker>) {
        let mut state = self.lock();
        state.forgotten = true;
        let outcome = std::mem::replace(&mut state.outcome, Outcome::Taken);
        let waker = state.waker.take();
        let outcome = match outcome {
            Outcome::Here(outcome) => Some(outcome),
            Outcome::Awaited => {
                state.outcome = Outcome::Awaited;
                None
            }
            Outcome::Taken => None,
        };
        drop(state);
        (outcome, waker)
    }

    /// Drops an answer that nobody asks for. What there is to tell of it goes to `report`: an error, a panic of the task's, or one of the
    /// value's destructor.
    pub(crate) fn drop_unread(&self, outcome: Result<T, CallError>, report: impl Fn(UnhandledKind))
    where
        T: 'static,
    {
        match outcome {
            Ok(value) => {
                if let Some(text) = (self.unread)(&value) {
                    report(UnhandledKind::Error(text));
                }
                // It may own another such handle.
                drop_flat(value, |panic| report(UnhandledKind::DestructorPanicked(panic)));
            }
            Err(CallError::Panicked(panic)) => report(UnhandledKind::TaskPanicked(panic)),
            Err(_) => {}
        }
    }

    /// Notes that the task is to be cancelled. The first reason stays.
    pub(crate) fn cancel(&self, reason: CancelReason) {
        self.lock().cancel.get_or_insert(reason);
    }

    // ---- the loop's side

    /// Why the task is to be cancelled, if it is.
    pub(crate) fn cancelled(&self) -> Option<CancelReason> {
        self.lock().cancel.clone()
    }

    pub(crate) fn set_task(&self, task: Option<TaskId>) {
        self.lock().task = task;
    }

    /// The task, if it has not ended.
    pub(crate) fn task(&self) -> Option<TaskId> {
        let state = self.lock();
        if matches!(state.outcome, Outcome::Awaited) { state.task } else { None }
    }

    fn lock(&self) -> MutexGuard<'_, ReplyState<T>> {
        // Nothing foreign runs in a critical section.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send + 'static> Errand for Reply<T> {
    fn task(&self) -> Option<TaskId> {
        Reply::task(self)
    }
}

impl<T> ReplyState<T> {
    #[track_caller]
    fn take(&mut self) -> Option<Result<T, CallError>> {
        match std::mem::replace(&mut self.outcome, Outcome::Taken) {
            Outcome::Here(outcome) => Some(outcome),
            Outcome::Awaited => {
                self.outcome = Outcome::Awaited;
                None
            }
            Outcome::Taken => panic!("the result was given away before: ask for it once"),
        }
    }
}

/// The end that answers. If it is dropped without, the answer is that the executor has ended.
pub(crate) struct Answer<T> {
    reply: Option<Arc<Reply<T>>>,
}

impl<T> Answer<T> {
    /// Gives the answer. Returns it if nobody is left to get it.
    pub(crate) fn send(mut self, outcome: Result<T, CallError>) -> Option<Result<T, CallError>> {
        self.send_once(outcome)
    }

    fn send_once(&mut self, outcome: Result<T, CallError>) -> Option<Result<T, CallError>> {
        let Some(reply) = self.reply.take() else { return Some(outcome) };
        let mut state = reply.lock();
        if state.forgotten {
            state.outcome = Outcome::Taken;
            return Some(outcome);
        }
        state.outcome = Outcome::Here(outcome);
        let (waker, absence, is_slept_for) = (state.waker.take(), state.absence.take(), state.is_slept_for);
        drop(state);
        absence.inspect(|absence| absence.end());
        if is_slept_for {
            reply.came.notify_all();
        }
        if let Some(waker) = waker {
            // It is another executor's, or some combinator's, and its panic is not the loop's.
            forget_if_it_panics(caught(|| waker.wake()));
        }
        None
    }

    pub(crate) fn reply(&self) -> Option<&Arc<Reply<T>>> {
        self.reply.as_ref()
    }
}

impl<T> Drop for Answer<T> {
    fn drop(&mut self) {
        if self.reply.is_some() {
            drop(self.send_once(Err(CallError::Ended(ExecutorEnded))));
        }
    }
}
