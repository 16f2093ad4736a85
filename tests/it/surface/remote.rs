//! Channels from other threads: ends, counts, time limits.

use crate::kit::{
    bomb::{Op, bomb, defuse},
    gates::Alive,
    hosts::{Hand, now},
    probe::{Wakes, ms, panic_of},
};
use evenkeel::{
    Executor, Instant, run, sleep, spawn,
    sync::SendTimeout,
    testing::{self, VirtualClock},
    threads::remote::{self, Refused, SendError, TryRecvError},
    to_thread, yield_now,
};
use futures::StreamExt;
use std::{
    sync::{Arc, Barrier},
    task::{Context, Poll},
    thread,
    time::Duration,
};

#[test]
fn closed_waits_for_the_receivers_end() {
    let (sender, mut receiver) = remote::channel(1);
    sender.try_send(1).unwrap();
    let (mut closed, mut too) = (Hand::waiting(sender.closed()), Hand::waiting(sender.closed()));
    drop(Hand::waiting(sender.closed()));
    assert!(closed.is_pending() && !closed.is_woken());
    receiver.close();
    assert_eq!((closed.wakes(), too.wakes()), (1, 1));
    closed.ready();
    too.ready();
    assert_eq!((receiver.try_recv(), receiver.try_recv()), (Ok(1), Err(TryRecvError::Closed)));
    let (sender, receiver) = remote::channel::<u8>(1);
    let mut closed = Hand::waiting(sender.closed());
    drop(receiver);
    closed.ready();
    now(sender.closed());
}

#[test]
fn closed_wakes_a_loop_from_another_thread() {
    run(async {
        let (sender, receiver) = remote::channel::<u8>(1);
        let thread = thread::spawn(move || drop(receiver));
        sender.closed().await;
        assert!(sender.is_closed());
        thread.join().unwrap();
    });
}

#[test]
fn an_end_that_comes_while_a_waker_is_cloned_or_dropped_is_not_overlooked() {
    for op in [Op::Clone, Op::Drop] {
        let (sender, receiver) = remote::channel::<u8>(1);
        let receiver = std::cell::RefCell::new(Some(receiver));
        let waker = bomb(move |happened| {
            if happened == op {
                drop(receiver.take());
            }
        });
        let mut closed = Hand::new(sender.closed());
        let first = closed.poll_with(&waker);
        assert_eq!(first.is_ready(), op == Op::Clone);
        if first.is_pending() {
            // The older waker goes for this one, and with it the receiver: which wakes this one.
            let _ = closed.poll();
            assert!(closed.is_woken());
            closed.ready();
        }
        drop(closed);
        defuse();
    }
}

#[test]
fn wakers_that_panic_at_the_end_keep_nobody_waiting() {
    let (sender, mut receiver) = remote::channel(1);
    sender.try_send(1).unwrap();
    let waker = bomb(|op| assert!(op != Op::Wake, "bang"));
    let mut first = Hand::new(sender.closed());
    assert!(first.poll_with(&waker).is_pending());
    let mut second = Hand::waiting(sender.closed());
    let mut send = Hand::waiting(sender.send(2));
    receiver.close();
    assert!(second.is_woken() && send.is_woken());
    assert_eq!(send.ready(), Err(SendError(2, Refused::Closed)));
    first.ready();
    second.ready();
    defuse();
}

#[test]
fn both_ends_see_the_room_and_the_counts() {
    let (sender, mut receiver) = remote::channel(2);
    let seen = |sender: &remote::Sender<u8>, receiver: &remote::Receiver<u8>| {
        let here = (sender.len(), sender.free_capacity(), sender.capacity(), sender.is_full(), sender.is_empty());
        let there =
            (receiver.len(), receiver.free_capacity(), receiver.capacity(), receiver.is_full(), receiver.is_empty());
        assert_eq!(here, there);
        let counts = (sender.sender_count(), sender.weak_sender_count());
        assert_eq!(counts, (receiver.sender_count(), receiver.weak_sender_count()));
        (here, counts)
    };
    assert_eq!(seen(&sender, &receiver), ((0, Some(2), Some(2), false, true), (1, 0)));
    let others = (sender.clone(), sender.downgrade(), sender.downgrade());
    sender.try_send(1).unwrap();
    assert_eq!(seen(&sender, &receiver), ((1, Some(1), Some(2), false, false), (2, 2)));
    sender.try_send(2).unwrap();
    assert_eq!(seen(&sender, &receiver), ((2, Some(0), Some(2), true, false), (2, 2)));
    assert!(sender.same_channel(&others.0) && !sender.same_channel(&remote::channel(1).0));
    assert!(others.1.same_channel(&others.2) && !others.1.same_channel(&remote::channel(1).0.downgrade()));
    assert_eq!((others.1.sender_count(), others.1.weak_sender_count()), (2, 2));
    drop(others);
    assert!(!receiver.is_closed());
    receiver.close();
    assert!(receiver.is_closed());
    assert_eq!(seen(&sender, &receiver).1, (1, 0));
}

#[test]
fn without_a_bound_what_the_receiver_has_fetched_is_its_own() {
    let (sender, mut receiver) = remote::channel(usize::MAX);
    (0..3).for_each(|n| sender.try_send(n).unwrap());
    assert_eq!((sender.len(), sender.capacity(), sender.free_capacity(), sender.is_full()), (3, None, None, false));
    assert_eq!(receiver.try_recv(), Ok(0));
    assert_eq!((sender.is_empty(), receiver.len()), (true, 2));
    drop(sender);
    assert!(receiver.is_closed() && !receiver.is_empty());
    assert_eq!(now(receiver.collect::<Vec<_>>()), [1, 2]);
}

#[test]
fn a_weak_sender_does_not_keep_the_channel_open() {
    let (sender, mut receiver) = remote::channel(1);
    let weak = sender.downgrade();
    let strong = thread::spawn({
        let weak = weak.clone();
        move || weak.upgrade().unwrap()
    });
    let strong = strong.join().unwrap();
    drop(sender);
    strong.try_send(1).unwrap();
    drop(strong);
    assert!(weak.upgrade().is_none());
    assert_eq!((receiver.try_recv(), receiver.try_recv()), (Ok(1), Err(TryRecvError::Closed)));
    drop(receiver);
    assert!(weak.upgrade().is_none() && weak.sender_count() == 0);
}

#[test]
fn there_is_no_sender_left_in_the_last_ones_wake_up() {
    let (sender, mut receiver) = remote::channel::<u8>(1);
    let weak = sender.downgrade();
    let seen = std::rc::Rc::new(std::cell::Cell::new(None));
    let into = seen.clone();
    let waker = bomb(move |op| {
        if op == Op::Wake {
            into.set(Some(weak.upgrade().is_some()));
        }
    });
    assert!(receiver.poll_recv(&mut Context::from_waker(&waker)).is_pending());
    drop(sender);
    assert_eq!(seen.get(), Some(false));
    assert_eq!(now(receiver.recv()), None);
    defuse();
}

#[test]
fn threads_that_upgrade_and_drop_leave_the_channel_open_or_ended_but_not_between() {
    for _ in 0..50 {
        let (sender, mut receiver) = remote::channel(8);
        let start = Arc::new(Barrier::new(4));
        let threads: Vec<_> = (0..3)
            .map(|n| {
                let (weak, start) = (sender.downgrade(), start.clone());
                thread::spawn(move || {
                    start.wait();
                    weak.upgrade().is_some_and(|sender| sender.try_send(n).is_ok())
                })
            })
            .collect();
        start.wait();
        drop(sender);
        let sent = threads.into_iter().filter_map(|thread| thread.join().unwrap().then_some(())).count();
        let got = std::iter::from_fn(|| receiver.try_recv().ok()).count();
        assert_eq!((got, receiver.try_recv()), (sent, Err(TryRecvError::Closed)));
    }
}

#[test]
fn a_send_that_is_too_late_gives_its_item_back_and_leaves_the_line() {
    testing::run(async {
        let (sender, mut receiver) = remote::channel(1);
        sender.send(1).await.unwrap();
        assert_eq!(sender.send_until(2, sleep(ms(5))).await, Err(SendError(2, Refused::TooLate)));
        let late = sender.send_timeout(3, ms(5)).await.unwrap_err();
        assert!(late.is_too_late() && late.into_inner() == 3);
        assert_eq!((receiver.try_recv(), receiver.try_recv()), (Ok(1), Err(TryRecvError::Empty)));
        assert_eq!(sender.send_timeout(4, ms(0)).await, Ok(()));
        // Room that comes with the end is taken; a channel that ends with it is closed.
        let end = async { assert_eq!(receiver.try_recv(), Ok(4)) };
        assert_eq!(sender.send_until(5, end).await, Ok(()));
        let end = async { receiver.close() };
        assert_eq!(sender.send_until(6, end).await, Err(SendError(6, Refused::Closed)));
        assert_eq!(receiver.recv().await, Some(5));
    });
}

#[test]
fn an_item_of_a_send_that_is_dropped_with_its_end_is_dropped_once() {
    let alive = Alive::default();
    let (sender, receiver) = remote::channel(1);
    let item = || alive.value();
    assert!(sender.try_send(item()).is_ok());
    drop(Hand::new(sender.send_until(item(), std::future::pending())));
    drop(Hand::waiting(sender.send_until(item(), std::future::pending())));
    assert_eq!((sender.len(), alive.count()), (1, 1));
    drop((sender, receiver));
    assert_eq!(alive.count(), 0);
}

#[test]
fn a_thread_blocks_for_room_no_longer_than_it_was_told() {
    let (sender, mut receiver) = remote::channel(1);
    sender.try_send(1).unwrap();
    let other = sender.clone();
    let late = thread::spawn(move || other.send_blocking_timeout(2, Duration::from_millis(1)));
    assert_eq!(late.join().unwrap(), Err(SendError(2, Refused::TooLate)));
    // In time, and without end.
    for limit in [Duration::from_secs(60), Duration::MAX] {
        let other = sender.clone();
        let sent = thread::spawn(move || other.send_blocking_timeout(3, limit));
        while receiver.try_recv().is_err() {
            thread::yield_now();
        }
        assert_eq!(sent.join().unwrap(), Ok(()));
    }
    receiver.close();
    assert_eq!(sender.send_blocking_timeout(4, Duration::ZERO), Err(SendError(4, Refused::Closed)));
}

#[test]
fn a_thread_that_blocks_receives_all_and_then_the_end() {
    let (sender, mut receiver) = remote::channel(2);
    let thread = thread::spawn(move || (0..1000).for_each(|n| sender.send_blocking(n).unwrap()));
    for n in 0..1000 {
        assert_eq!(receiver.recv_blocking(), Some(n));
    }
    assert_eq!(receiver.recv_blocking(), None);
    thread.join().unwrap();
    assert_eq!(receiver.recv_blocking_timeout(Duration::MAX), Err(TryRecvError::Closed));
}

#[test]
fn a_thread_that_blocks_for_an_item_gives_up_in_time() {
    let (sender, mut receiver) = remote::channel(2);
    assert_eq!(receiver.recv_blocking_timeout(Duration::ZERO), Err(TryRecvError::Empty));
    assert_eq!(receiver.recv_blocking_timeout(Duration::from_millis(1)), Err(TryRecvError::Empty));
    sender.try_send(1).unwrap();
    assert_eq!(receiver.recv_blocking_timeout(Duration::ZERO), Ok(1));
}

#[test]
fn a_receiver_that_would_block_a_loop_panics_instead() {
    let said = panic_of(|| {
        run(async {
            let (_sender, mut receiver) = remote::channel::<u8>(1);
            receiver.recv_blocking()
        });
    });
    assert!(said.contains("recv().await there"), "{said}");
}

#[test]
fn a_job_that_blocks_for_its_loops_item_lets_the_clock_jump() {
    testing::run(async {
        let (sender, mut receiver) = remote::channel(1);
        let job = spawn(to_thread(move || (receiver.recv_blocking(), receiver.recv_blocking())));
        sleep(ms(1000)).await;
        sender.try_send(1).unwrap();
        sleep(ms(1000)).await;
        drop(sender);
        assert_eq!(job.await.unwrap(), (Some(1), None));
    });
}

#[test]
fn a_job_that_blocks_for_a_thread_outside_lets_the_clock_jump_unless_it_is_held() {
    for held in [false, true] {
        let clock = VirtualClock::new();
        Executor::builder().clock(clock.clone()).run(async move {
            let hold = held.then(|| clock.hold());
            let (sender, mut receiver) = remote::channel(1);
            let (go, may_go) = std::sync::mpsc::channel();
            let outside = thread::spawn(move || {
                may_go.recv().unwrap();
                sender.send_blocking(1).unwrap();
                drop(hold);
            });
            let start = Instant::now();
            let job = spawn(to_thread(move || receiver.recv_blocking()));
            let timer = spawn(sleep(ms(1000)));
            if held {
                go.send(()).unwrap();
                assert_eq!(job.await.unwrap(), Some(1));
                assert_eq!(start.elapsed(), Duration::ZERO);
                timer.await.unwrap();
            } else {
                // The job is at work, and time goes on.
                timer.await.unwrap();
                assert_eq!(start.elapsed(), ms(1000));
                go.send(()).unwrap();
                assert_eq!(job.await.unwrap(), Some(1));
            }
            outside.join().unwrap();
        });
    }
}

#[test]
fn recv_into_appends_as_many_as_there_are() {
    for capacity in [4, usize::MAX] {
        let (sender, mut receiver) = remote::channel(capacity);
        let mut buffer = vec![9];
        assert_eq!(now(receiver.recv_into(&mut buffer, 0)), 0);
        let mut waiting = Hand::new(receiver.recv_into(&mut buffer, 3));
        assert!(waiting.is_pending());
        (0..4).for_each(|n| sender.try_send(n).unwrap());
        assert_eq!(waiting.ready(), 3);
        drop(waiting);
        drop(sender);
        assert_eq!(now(receiver.recv_into(&mut buffer, 3)), 1);
        assert_eq!(now(receiver.recv_into(&mut buffer, 3)), 0);
        assert_eq!(buffer, [9, 0, 1, 2, 3]);
    }
}

#[test]
fn recv_into_makes_room_for_those_who_wait() {
    run(async {
        let (sender, mut receiver) = remote::channel(2);
        let tasks: Vec<_> = (0..6)
            .map(|n| {
                let sender = sender.clone();
                spawn(async move { sender.send(n).await.unwrap() })
            })
            .collect();
        drop(sender);
        yield_now().await;
        let mut buffer = Vec::new();
        assert_eq!(receiver.recv_into(&mut buffer, 100).await, 6);
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(buffer, [0, 1, 2, 3, 4, 5]);
    });
}

#[test]
fn a_receiver_is_polled_by_hand_and_wakes_the_newest_waker() {
    let (sender, mut receiver) = remote::channel(1);
    let ((old, old_waker), (new, new_waker)) = (Wakes::new(), Wakes::new());
    assert!(receiver.poll_recv(&mut Context::from_waker(&old_waker)).is_pending());
    assert!(receiver.poll_recv(&mut Context::from_waker(&new_waker)).is_pending());
    sender.try_send(1).unwrap();
    assert_eq!((old.count(), new.count()), (0, 1));
    assert_eq!(receiver.poll_recv(&mut Context::from_waker(&old_waker)), Poll::Ready(Some(1)));
}
