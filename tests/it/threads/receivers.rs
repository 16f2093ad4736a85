//! Other threads: where a receiver is at home, and wakers that do, while they are cloned or dropped, what is waited for.

use crate::kit::{
    bomb::{Op, bomb, defuse},
    gates::Alive,
    probe::{Wakes, panic_of},
};
use evenkeel::{
    Executor, Handle, run,
    threads::remote::{self, Refused, SendError},
    to_thread,
};
use futures::{FutureExt, StreamExt, executor::block_on, poll};
use std::{
    cell::{Cell, RefCell},
    fmt::{self, Write},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    rc::Rc,
    sync::mpsc,
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

type Ends = (remote::Sender<u32>, remote::Receiver<u32>);

/// Fills the channel, and blocks for room on this thread: is that refused?
fn is_refused_here(sender: &remote::Sender<u32>) {
    while sender.try_send(1).is_ok() {}
    assert_eq!(sender.send_blocking(2), Err(SendError(2, Refused::OwnThread)));
}

/// Moves the receiver to another thread, and blocks for room here before it is used there.
fn is_not_refused_after_a_move((sender, mut receiver): Ends) {
    while sender.try_send(1).is_ok() {}
    let (begin, begun) = mpsc::channel();
    let there = thread::spawn(move || {
        begun.recv().unwrap();
        run(async {
            let mut received = Vec::new();
            while let Some(item) = receiver.recv().await {
                received.push(item);
            }
            received
        })
    });
    let other = sender.clone();
    let mut send = Box::pin(other.send(2));
    assert!(send.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    begin.send(()).unwrap();
    sender.send_blocking(3).unwrap();
    block_on(send).unwrap();
    drop((sender, other));
    assert_eq!(there.join().unwrap(), [1, 2, 3]);
}

#[test]
fn threads_15_a_receiver_that_never_had_to_wait_is_known_to_be_here() {
    run(async {
        let (sender, mut receiver) = remote::channel(1);
        sender.send_blocking(1).unwrap();
        assert_eq!(receiver.recv().await, Some(1));
        is_refused_here(&sender);

        let (sender, mut receiver) = remote::channel(1);
        sender.send_blocking(1).unwrap();
        assert_eq!(receiver.try_recv(), Ok(1));
        is_refused_here(&sender);

        let (sender, mut receiver) = remote::channel(1);
        assert!(receiver.try_recv().is_err());
        is_refused_here(&sender);

        let (sender, mut receiver) = remote::channel(1);
        sender.send_blocking(1).unwrap();
        assert_eq!(receiver.next().await, Some(1));
        is_refused_here(&sender);
    });
}

#[test]
fn threads_15_a_receiver_is_at_home_where_its_executor_lives_also_between_its_turns() {
    let executor = Executor::new();
    let (sender, mut receiver) = remote::channel(1);
    sender.try_send(1).unwrap();
    let (sender, _receiver) = executor.run(async {
        assert_eq!(receiver.recv().await, Some(1));
        (sender, receiver)
    });
    is_refused_here(&sender);
    // Another executor on the same thread would block it as well.
    let other = Executor::new();
    let sender = other.run(async {
        is_refused_here(&sender);
        sender
    });
    is_refused_here(&sender);
}

#[test]
fn threads_15_a_receiver_that_has_moved_is_refused_nothing() {
    // It waited here.
    let (sender, mut receiver) = remote::channel(1);
    run(async {
        assert!(poll!(pin!(receiver.recv())).is_pending());
        sender.try_send(1).unwrap();
        assert_eq!(receiver.recv().await, Some(1));
    });
    is_not_refused_after_a_move((sender, receiver));

    // It never had to.
    let (sender, mut receiver) = remote::channel(1);
    sender.try_send(1).unwrap();
    assert_eq!(run(receiver.recv()), Some(1));
    is_not_refused_after_a_move((sender, receiver));

    // It was used in somebody else's executor, and outside of any; or never.
    let (sender, mut receiver) = remote::channel(1);
    let mut wait = Box::pin(receiver.recv());
    assert!(wait.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    sender.try_send(1).unwrap();
    assert_eq!(block_on(wait), Some(1));
    assert!(receiver.try_recv().is_err());
    is_not_refused_after_a_move((sender, receiver));
    is_not_refused_after_a_move(remote::channel(1));
}

#[test]
fn threads_15_a_receiver_in_somebody_elses_executor_is_at_home_while_it_waits() {
    let (sender, mut receiver) = remote::channel(1);
    let mut wait = Box::pin(receiver.recv());
    assert!(wait.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    is_refused_here(&sender);
    // It waits no more.
    drop(wait);
    assert_eq!(receiver.try_recv(), Ok(1));
    is_not_refused_after_a_move((sender, receiver));
}

#[test]
fn threads_15_a_job_may_block_for_room_that_its_own_loop_makes() {
    let received = run(async {
        let (sender, mut receiver) = remote::channel(1);
        sender.try_send(0).unwrap();
        assert_eq!(receiver.recv().await, Some(0));
        let job = to_thread(move || (1..100).for_each(|n| sender.send_blocking(n).unwrap()));
        futures::join!(job, receiver.by_ref().count()).1
    });
    assert_eq!(received, 99);
}

/// A waker that does `deed` once, when `op` happens.
fn once(op: Op, deed: impl FnOnce() + 'static) -> Waker {
    let deed = Cell::new(Some(deed));
    bomb(move |happened| {
        if happened == op {
            deed.take().into_iter().for_each(|deed| deed());
        }
    })
}

#[test]
fn fault_44_no_wake_up_is_lost_where_a_receivers_waker_sends_as_it_is_cloned_or_dropped() {
    for op in [Op::Clone, Op::Drop] {
        let (sender, mut receiver) = remote::channel(1);
        let waker = once(op, move || sender.try_send(7).unwrap());
        let (wakes, newer) = Wakes::new();
        let mut recv = pin!(receiver.recv());
        let mut polled = recv.as_mut().poll(&mut Context::from_waker(&waker));
        if op == Op::Drop {
            assert!(polled.is_pending());
            polled = recv.as_mut().poll(&mut Context::from_waker(&newer));
        }
        assert!(polled == Poll::Ready(Some(7)) || wakes.count() == 1, "{op:?}");
        defuse();
    }
}

#[test]
fn fault_44_no_room_is_missed_where_a_senders_waker_makes_it_as_it_is_cloned_or_dropped() {
    for (op, polls) in [(Op::Clone, 1), (Op::Clone, 2), (Op::Drop, 2)] {
        let (sender, receiver) = remote::channel(1);
        sender.try_send(1).unwrap();
        let receiver = Rc::new(RefCell::new(receiver));
        let inner = receiver.clone();
        let waker = once(op, move || assert_eq!(inner.borrow_mut().try_recv(), Ok(1)));
        let (wakes, other) = Wakes::new();
        let mut send = pin!(sender.send(2));
        let order = if op == Op::Clone && polls == 2 { [&other, &waker] } else { [&waker, &other] };
        let mut polled = Poll::Pending;
        for waker in &order[..polls] {
            polled = send.as_mut().poll(&mut Context::from_waker(waker));
        }
        assert!(polled == Poll::Ready(Ok(())) || wakes.count() == 1, "{op:?} {polls}");
        assert_eq!(receiver.borrow_mut().try_recv(), Ok(2));
        defuse();
    }
}

#[test]
fn fault_11_a_send_whose_waker_panics_stays_in_line_and_takes_its_item_with_it() {
    for op in [Op::Clone, Op::Drop] {
        let (sender, mut receiver) = remote::channel(1);
        sender.try_send(1).unwrap();
        let mut send = Box::pin(sender.send(2));
        let waker = once(op, || panic!("waker"));
        if op == Op::Drop {
            assert!(send.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            panic_of(|| send.as_mut().poll(&mut Context::from_waker(Waker::noop())));
        } else {
            assert!(send.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            panic_of(|| send.as_mut().poll(&mut Context::from_waker(&waker)));
        }
        assert!(send.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        drop(send);
        assert_eq!((receiver.try_recv(), receiver.try_recv().is_err()), (Ok(1), true));
        defuse();
    }
}

#[test]
fn fault_44_a_job_that_ends_while_a_waker_is_cloned_keeps_its_result() {
    run(async {
        let (done, ended) = mpsc::channel::<()>();
        let (go, gone) = mpsc::channel::<()>();
        let mut call = Box::pin(to_thread(move || {
            let _done = done;
            gone.recv().unwrap();
            7
        }));
        assert!(poll!(&mut call).is_pending());
        // Cloned, it waits for the job's end, so that it is not needed; dropped, it panics once.
        let panics = Cell::new(true);
        let waker = bomb(move |op| match op {
            Op::Clone => {
                let _ = go.send(());
                while ended.try_recv() != Err(mpsc::TryRecvError::Disconnected) {
                    thread::yield_now();
                }
                // Its result comes a moment later. Whether this sees it or not, it must not be lost.
                thread::sleep(std::time::Duration::from_millis(20));
            }
            Op::Drop => assert!(!panics.take(), "drop"),
            Op::Wake | Op::WakeByRef => {}
        });
        let polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            call.as_mut().poll(&mut Context::from_waker(&waker)).is_ready()
        }));
        assert_ne!(polled.ok(), Some(true));
        assert_eq!(call.await, 7);
        defuse();
    });
}

#[test]
fn fault_44_an_answer_that_comes_while_a_waker_is_cloned_is_not_lost() {
    let executor = Rc::new(Executor::new());
    let handle: Handle = executor.handle();
    let mut task = handle.spawn(|| async { 7 }).unwrap();
    let inner = executor.clone();
    let panics = Cell::new(true);
    let waker = bomb(move |op| match op {
        Op::Clone => drop(inner.run_until_stalled()),
        Op::Drop => assert!(!panics.take(), "drop"),
        Op::Wake | Op::WakeByRef => {}
    });
    let mut context = Context::from_waker(&waker);
    panic_of(|| task.poll_unpin(&mut context));
    assert!(matches!(task.poll_unpin(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(7))));
    defuse();
}

#[test]
fn fault_12_what_the_ends_of_a_channel_are_written_to_may_use_the_channel() {
    struct Sends(remote::Sender<u32>);
    impl Write for Sends {
        fn write_str(&mut self, _: &str) -> fmt::Result {
            self.0.try_send(1).map_err(|_| fmt::Error)
        }
    }

    let (done, ended) = mpsc::channel();
    thread::spawn(move || {
        let (sender, mut receiver) = remote::channel(usize::MAX);
        let mut sends = Sends(sender.clone());
        write!(sends, "{receiver:?} {sender:?}").unwrap();
        done.send(receiver.try_recv()).unwrap();
    });
    assert_eq!(ended.recv_timeout(Duration::from_secs(60)).expect("it stands still"), Ok(1));
}

/// Panics with its number when it is dropped.
struct Grenade(u32);

impl Drop for Grenade {
    fn drop(&mut self) {
        std::panic::panic_any(self.0);
    }
}

/// What is told of in this executor while `deed` panics, and the number with which it does.
fn number_and_reports(deed: impl FnOnce()) -> (u32, usize) {
    let reports = Rc::new(Cell::new(0));
    let told = reports.clone();
    let executor = Executor::builder().on_unhandled(move |_| told.set(told.get() + 1)).build();
    let panicked = executor.run(async { catch_unwind(AssertUnwindSafe(deed)) });
    (*panicked.unwrap_err().downcast::<u32>().unwrap(), reports.get())
}

#[test]
fn fault_10_items_that_panic_as_a_receiver_is_dropped_are_all_dropped_and_told_of() {
    for received in [0, 1] {
        let (sender, mut receiver) = remote::channel(usize::MAX);
        (0..4).for_each(|n| sender.try_send(Grenade(n)).unwrap());
        // The first one takes the others along.
        (0..received).for_each(|_| std::mem::forget(receiver.try_recv().unwrap()));
        sender.try_send(Grenade(4)).unwrap();
        assert_eq!(number_and_reports(|| drop(receiver)), (received, 4 - received as usize));
    }
    // A waker that panics is told of, too.
    let (_sender, mut receiver) = remote::channel::<u32>(1);
    let waker = once(Op::Drop, || panic!("waker"));
    assert!(receiver.poll_next_unpin(&mut Context::from_waker(&waker)).is_pending());
    drop(receiver);
    defuse();
}

#[test]
fn fault_10_an_item_and_its_wakers_that_panic_as_a_send_is_dropped_are_both_told_of() {
    let (sender, receiver) = remote::channel(1);
    std::mem::forget(sender.try_send(Grenade(0)));
    let waker = once(Op::Drop, || panic!("waker"));
    let mut send = Box::pin(sender.send(Grenade(1)));
    assert!(send.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    assert_eq!(number_and_reports(|| drop(send)), (1, 1));
    // Sends that are forgotten leave their items with the channel.
    for n in 2..5 {
        let mut send = Box::pin(sender.send(Grenade(n)));
        assert!(send.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        std::mem::forget(send);
    }
    assert_eq!(number_and_reports(|| drop(receiver)), (0, 0));
    assert_eq!(number_and_reports(|| drop(sender)), (2, 2));
    defuse();
}

#[test]
fn fault_11_a_remote_task_whose_waker_panics_as_it_is_dropped_is_cancelled() {
    let reports = Rc::new(Cell::new(0));
    let told = reports.clone();
    let executor = Executor::builder().on_unhandled(move |_| told.set(told.get() + 1)).build();
    let alive = Alive::default();
    let value = alive.value();
    let mut task = executor
        .handle()
        .spawn(move || async move {
            let _value = value;
            std::future::pending::<()>().await
        })
        .unwrap();
    executor.run_until_stalled();
    let waker = once(Op::Drop, || panic!("waker"));
    assert!(task.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
    drop(task);
    executor.run_until_stalled();
    assert_eq!((alive.count(), reports.get()), (0, 1));
    defuse();
}
