//! What the tests of combinators play on: a virtual clock, and an ear for what goes to `on_unhandled`.

use crate::kit::probe::{Record, ms};
use evenkeel::{Executor, finally, host::Unhandled, sleep, testing::VirtualClock};
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

/// Runs `main` in virtual time. Returns its output, and what was reported as unhandled, in the words of `tell`.
pub(crate) fn run_told<F: Future>(main: F, tell: impl Fn(&Unhandled) -> String + 'static) -> (F::Output, Vec<String>) {
    let heard = Record::new();
    let ear = heard.clone();
    let ears = move |unhandled: &Unhandled| ear.add(tell(unhandled));
    let output = Executor::builder().clock(VirtualClock::new()).on_unhandled(ears).run(main);
    (output, heard.take())
}

/// Runs `main` in virtual time. Returns its output, and what was reported as unhandled, as it is printed.
pub(crate) fn run_watched<F: Future>(main: F) -> (F::Output, Vec<String>) {
    run_told(main, Unhandled::to_string)
}

/// Runs `main` in virtual time, and sees to it that nothing is reported.
pub(crate) fn run_clean<F: Future>(main: F) -> F::Output {
    let (output, heard) = run_watched(main);
    assert!(heard.is_empty(), "{heard:?}");
    output
}

/// Yields `value` after so many milliseconds.
pub(crate) async fn after<T>(millis: u64, value: T) -> T {
    sleep(ms(millis)).await;
    value
}

/// Runs `body`, and then clean-up that takes so many milliseconds and leaves a note.
pub(crate) async fn tidy<T>(record: &Record<String>, name: &str, millis: u64, body: impl Future<Output = T>) -> T {
    finally(body, async |_: Option<&T>| {
        sleep(ms(millis)).await;
        record.add(format!("{name} tidied"));
    })
    .await
}

/// Counts the polls of a future.
pub(crate) struct Counted<F> {
    future: Pin<Box<F>>,
    polls: Rc<Cell<usize>>,
}

pub(crate) fn counted<F: Future>(polls: &Rc<Cell<usize>>, future: F) -> Counted<F> {
    Counted { future: Box::pin(future), polls: polls.clone() }
}

impl<F: Future> Future for Counted<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.polls.set(self.polls.get() + 1);
        self.future.as_mut().poll(cx)
    }
}

/// Wakes itself in every poll, and ends after so many.
pub(crate) async fn restless(polls: usize) {
    for _ in 0..polls {
        evenkeel::yield_now().await;
    }
}

/// A task that wakes itself in every poll and counts them.
pub(crate) fn spawn_restless(executor: &Executor) -> Rc<Cell<usize>> {
    let polls = Rc::new(Cell::new(0));
    let count = polls.clone();
    executor
        .spawn(poll_fn(move |cx| {
            count.set(count.get() + 1);
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        }))
        .detach();
    polls
}

/// A fair lock that hands itself over: a waiter that nobody polls may hold it.
#[derive(Clone, Default)]
pub(crate) struct Lock(Rc<RefCell<Waiting>>);

#[derive(Default)]
struct Waiting {
    /// Who has it, or was granted it.
    holder: Option<usize>,
    queue: VecDeque<(usize, Waker)>,
    ids: usize,
}

/// Drops its place in the queue, or the lock.
pub(crate) struct Locked(Lock, usize);

impl Lock {
    pub(crate) async fn lock(&self) -> Locked {
        let place = {
            let mut waiting = self.0.borrow_mut();
            waiting.ids += 1;
            Locked(self.clone(), waiting.ids)
        };
        poll_fn(|cx| {
            let mut waiting = self.0.borrow_mut();
            if *waiting.holder.get_or_insert(place.1) == place.1 {
                return Poll::Ready(());
            }
            match waiting.queue.iter_mut().find(|(id, _)| *id == place.1) {
                Some((_, waker)) => waker.clone_from(cx.waker()),
                None => waiting.queue.push_back((place.1, cx.waker().clone())),
            }
            Poll::Pending
        })
        .await;
        place
    }

    pub(crate) async fn with<R>(&self, work: impl AsyncFnOnce() -> R) -> R {
        let _locked = self.lock().await;
        work().await
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        let mut waiting = self.0.0.borrow_mut();
        waiting.queue.retain(|(id, _)| *id != self.1);
        if waiting.holder == Some(self.1) {
            let next = waiting.queue.pop_front();
            waiting.holder = next.as_ref().map(|(id, _)| *id);
            drop(waiting);
            next.into_iter().for_each(|(_, waker)| waker.wake());
        }
    }
}
