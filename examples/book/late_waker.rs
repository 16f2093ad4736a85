//! A waker that outlives its task, its slot's next task, and its executor.

use evenkeel::{Executor, host::Readiness};
use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    rc::Rc,
    task::{Poll, Waker},
};

#[derive(Clone, Default)]
struct Record {
    polls: Rc<Cell<u32>>,
    waker: Rc<RefCell<Option<Waker>>>,
}

/// Leaves its waker in the record, and ends at its first poll or never.
async fn guest(record: Record, stays: bool) {
    poll_fn(|cx| {
        record.polls.set(record.polls.get() + 1);
        record.waker.replace(Some(cx.waker().clone()));
        if stays { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
}

fn main() {
    let executor = Executor::new();

    let first = Record::default();
    let task = executor.spawn(guest(first.clone(), false));
    let id = task.id().unwrap();
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Finished);
    drop(task);

    let second = Record::default();
    let task = executor.spawn(guest(second.clone(), true));
    println!("task {id} has ended, task {} has its place", task.id().unwrap());
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Idle);

    let late = first.waker.take().unwrap();
    late.wake_by_ref();
    executor.run_until_stalled();
    println!("polls after a wake-up that came too late: {}", second.polls.get());

    drop(executor);
    late.wake();
    println!("a wake-up after the executor's end does nothing");
}
