//! What the tests of the primitives run on: three executors, and a hand that polls.

use crate::kit::probe::{Record, Wakes};
use futures::{
    StreamExt,
    executor::{LocalPool, block_on},
    future::{AbortHandle, Abortable, LocalBoxFuture},
    stream::FuturesUnordered,
    task::LocalSpawnExt,
};
use std::{
    cell::RefCell,
    fmt::Debug,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

pub(crate) use evenkeel::yield_now as pass;

/// The tasks of a scenario, in the order in which they start.
#[derive(Default)]
pub(crate) struct Tasks(RefCell<Vec<LocalBoxFuture<'static, ()>>>);

impl Tasks {
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.0.borrow_mut().push(Box::pin(task));
    }

    /// A task that can be cancelled: it is dropped when its turn comes, without another poll.
    pub(crate) fn spawn_abortable(&self, task: impl Future<Output = ()> + 'static) -> AbortHandle {
        let (handle, registration) = AbortHandle::new_pair();
        let task = Abortable::new(task, registration);
        self.spawn(async {
            let _ = task.await;
        });
        handle
    }
}

/// Runs the scenario under evenkeel, under futures' `LocalPool`, and under `block_on`, and returns its record, which must be the
/// same under all of them. All tasks must end.
pub(crate) fn everywhere<T: PartialEq + Debug>(scenario: impl Fn(&Tasks, Record<T>)) -> Vec<T> {
    let hosts: [fn(Vec<LocalBoxFuture<'static, ()>>); 3] = [under_evenkeel, under_local_pool, under_block_on];
    let [ours, pool, block] = hosts.map(|host| {
        let (tasks, record) = (Tasks::default(), Record::new());
        scenario(&tasks, record.clone());
        host(tasks.0.take());
        record.take()
    });
    assert_eq!(ours, pool, "evenkeel (left) and LocalPool (right)");
    assert_eq!(ours, block, "evenkeel (left) and block_on (right)");
    ours
}

fn under_evenkeel(tasks: Vec<LocalBoxFuture<'static, ()>>) {
    evenkeel::run(async {
        let tasks: Vec<_> = tasks.into_iter().map(evenkeel::spawn).collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

fn under_local_pool(tasks: Vec<LocalBoxFuture<'static, ()>>) {
    let mut pool = LocalPool::new();
    for task in tasks {
        pool.spawner().spawn_local(task).unwrap();
    }
    pool.run();
}

fn under_block_on(tasks: Vec<LocalBoxFuture<'static, ()>>) {
    let all: FuturesUnordered<_> = tasks.into_iter().collect();
    block_on(all.for_each(|()| async {}));
}

/// A future that a test polls by hand, and whose wake-ups it counts.
pub(crate) struct Hand<F: Future> {
    future: Pin<Box<F>>,
    wakes: Arc<Wakes>,
    waker: Waker,
}

impl<F: Future> Hand<F> {
    pub(crate) fn new(future: F) -> Self {
        let (wakes, waker) = Wakes::new();
        Hand { future: Box::pin(future), wakes, waker }
    }

    /// A future that has been polled once, and waits.
    pub(crate) fn waiting(future: F) -> Self {
        let mut hand = Hand::new(future);
        assert!(hand.poll().is_pending(), "it was to wait");
        hand
    }

    pub(crate) fn poll(&mut self) -> Poll<F::Output> {
        self.future.as_mut().poll(&mut Context::from_waker(&self.waker))
    }

    pub(crate) fn poll_with(&mut self, waker: &Waker) -> Poll<F::Output> {
        self.future.as_mut().poll(&mut Context::from_waker(waker))
    }

    /// The output, which must be there.
    pub(crate) fn ready(&mut self) -> F::Output {
        match self.poll() {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("it still waits"),
        }
    }

    pub(crate) fn is_pending(&mut self) -> bool {
        self.poll().is_pending()
    }

    /// Does something else with the future.
    pub(crate) fn with<R>(&mut self, f: impl FnOnce(&mut F) -> R) -> R
    where
        F: Unpin,
    {
        f(&mut self.future)
    }

    pub(crate) fn wakes(&self) -> usize {
        self.wakes.count()
    }

    pub(crate) fn is_woken(&self) -> bool {
        self.wakes() > 0
    }
}

/// The output of a future that must not wait.
pub(crate) fn now<F: Future>(future: F) -> F::Output {
    Hand::new(future).ready()
}
