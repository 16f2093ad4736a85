//! The channel from other threads to the loop.

use crate::kit::{
    gates::{Alive, until},
    probe::{Wakes, panic_of},
};
use evenkeel::{
    Executor, run, spawn,
    threads::remote::{self, Refused, SendError, TryRecvError},
    yield_now,
};
use futures::{FutureExt, StreamExt, poll};
use std::{
    sync::{Arc, Mutex},
    task::{Context, Poll},
    thread,
};

#[test]
fn threads_14_items_come_in_order_and_the_end_after_the_last() {
    run(async {
        let (sender, mut receiver) = remote::channel(3);
        let thread = thread::spawn(move || (0..1_000).for_each(|n| sender.send_blocking(n).unwrap()));
        for n in 0..1_000 {
            assert_eq!(receiver.recv().await, Some(n));
        }
        assert_eq!(receiver.recv().await, None);
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
        thread.join().unwrap();
    });
}

#[test]
fn threads_14_a_channel_holds_as_many_as_it_has_room_for() {
    let (sender, mut receiver) = remote::channel(2);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    sender.try_send(1).unwrap();
    sender.try_send(2).unwrap();
    let error = sender.try_send(3).unwrap_err();
    assert_eq!(error, SendError(3, Refused::Full));
    assert_eq!(error.to_string(), "the channel is full: await send(), or do without the item");
    assert_eq!(receiver.try_recv(), Ok(1));
    sender.try_send(3).unwrap();
    assert_eq!((receiver.try_recv(), receiver.try_recv()), (Ok(2), Ok(3)));
}

#[test]
fn threads_14_a_channel_without_a_bound_keeps_the_order_and_gives_everything_back() {
    let alive = Alive::default();
    let (sender, mut receiver) = remote::channel(usize::MAX);
    let send = |n: u32| sender.try_send((n, alive.value())).unwrap();
    (0..3).for_each(send);
    // The receiver takes all that are there; what comes then is behind them.
    assert_eq!(receiver.recv().now_or_never().flatten().map(|(n, _)| n), Some(0));
    (3..6).for_each(send);
    assert_eq!(format!("{receiver:?}"), "Receiver { items: 5, senders: 1 }");
    for n in 1..4 {
        assert_eq!(receiver.try_recv().map(|(n, _)| n), Ok(n));
    }
    // Closed, it still yields what was sent, and nothing of that is kept when it goes away.
    receiver.close();
    assert!(sender.try_send((6, alive.value())).unwrap_err().is_closed());
    assert_eq!(receiver.recv().now_or_never().flatten().map(|(n, _)| n), Some(4));
    assert_eq!(alive.count(), 1);
    drop(receiver);
    assert_eq!(alive.count(), 0);
}

#[test]
fn threads_14_senders_get_room_in_order_and_nobody_overtakes() {
    let (sender, mut receiver) = remote::channel(1);
    run(async {
        sender.try_send(0).unwrap();
        let (mut one, mut two, mut three) = (sender.send(1), sender.send(2), sender.send(3));
        assert!(poll!(&mut one).is_pending() && poll!(&mut two).is_pending() && poll!(&mut three).is_pending());
        assert_eq!(receiver.recv().await, Some(0));
        assert!(sender.try_send(4).unwrap_err().is_full(), "others wait");
        drop(two);
        assert_eq!(poll!(&mut one), Poll::Ready(Ok(())));
        assert_eq!(receiver.recv().await, Some(1));
        assert_eq!(receiver.recv().await, Some(3));
        assert_eq!(poll!(&mut three), Poll::Ready(Ok(())));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    });
}

#[test]
fn threads_14_a_receiver_that_goes_away_gives_items_back_to_those_who_wait() {
    let alive = Alive::default();
    let (sender, receiver) = remote::channel(1);
    sender.try_send(alive.value()).unwrap();
    let blocked: Vec<_> = (0..3)
        .map(|_| {
            let (sender, value) = (sender.clone(), alive.value());
            thread::spawn(move || sender.send_blocking(value).unwrap_err().is_closed())
        })
        .collect();
    let (wakes, waker) = Wakes::new();
    let mut waiting = sender.send(alive.value());
    assert!(waiting.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
    drop(receiver);
    assert_eq!(wakes.count(), 1);
    assert!(waiting.now_or_never().unwrap().is_err());
    assert!(blocked.into_iter().all(|thread| thread.join().unwrap()));
    assert!(sender.is_closed());
    assert_eq!(alive.count(), 0);
}

#[test]
fn threads_14_a_closed_receiver_still_gets_what_was_sent() {
    let (sender, mut receiver) = remote::channel(4);
    sender.try_send(1).unwrap();
    receiver.close();
    assert!(sender.try_send(2).unwrap_err().is_closed());
    assert_eq!(run(receiver.recv()), Some(1));
    assert_eq!(run(receiver.recv()), None);
}

#[test]
fn threads_15_blocking_on_the_receivers_own_thread_is_an_error() {
    run(async {
        let (sender, mut receiver) = remote::channel(1);
        assert!(poll!(&mut Box::pin(receiver.recv())).is_pending());
        sender.send_blocking(1).unwrap();
        assert_eq!(sender.send_blocking(2), Err(SendError(2, Refused::OwnThread)));
        assert_eq!(receiver.recv().await, Some(1));
    });
}

#[test]
fn threads_14_a_receiver_is_a_stream() {
    let (sender, receiver) = remote::channel(8);
    let thread = thread::spawn(move || (0..100).for_each(|n| sender.send_blocking(n).unwrap()));
    assert_eq!(run(receiver.collect::<Vec<_>>()), (0..100).collect::<Vec<_>>());
    thread.join().unwrap();
}

#[test]
fn threads_14_many_senders_on_threads_and_executors_lose_nothing() {
    const EACH: usize = 2_000;
    for capacity in [1, 2, 100] {
        let (sender, mut receiver) = remote::channel(capacity);
        let threads: Vec<_> = (0..4)
            .map(|from| {
                let sender = sender.clone();
                thread::spawn(move || match from % 2 {
                    0 => (0..EACH).for_each(|n| sender.send_blocking((from, n)).unwrap()),
                    _ => run(async {
                        for n in 0..EACH {
                            sender.send((from, n)).await.unwrap();
                            if n % 64 == 0 {
                                yield_now().await;
                            }
                        }
                    }),
                })
            })
            .collect();
        drop(sender);
        let mut next = [0; 4];
        run(async {
            while let Some((from, n)) = receiver.recv().await {
                assert_eq!(n, next[from], "each sender's items stay in order");
                next[from] += 1;
            }
        });
        assert_eq!(next, [EACH; 4]);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

#[test]
fn threads_14_senders_that_give_up_take_their_items_with_them() {
    let alive = Alive::default();
    let (sender, mut receiver) = remote::channel(1);
    run(async {
        for round in 0..500 {
            let (sender, value) = (sender.clone(), alive.value());
            let task = spawn(async move { sender.send(value).await });
            yield_now().await;
            if round % 3 == 0 {
                task.cancel("never mind");
            } else {
                task.detach();
            }
            if round % 2 == 0 {
                drop(receiver.try_recv());
            }
        }
    });
    while receiver.try_recv().is_ok() {}
    drop((sender, receiver));
    assert_eq!(alive.count(), 0);
}

#[test]
fn threads_14_a_waiting_receiver_is_woken_once_per_wait() {
    let (sender, mut receiver) = remote::channel(100);
    let (wakes, waker) = Wakes::new();
    {
        let mut wait = Box::pin(receiver.recv());
        assert!(wait.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
        (0..100).for_each(|n| sender.try_send(n).unwrap());
        assert_eq!(wakes.count(), 1);
    }
    // The wait was dropped: nothing is lost with it.
    assert_eq!(receiver.try_recv(), Ok(0));
}

#[test]
fn threads_14_items_are_dropped_without_a_lock() {
    /// On its drop it uses the channel that it lies in.
    struct Nosy(Arc<Mutex<Option<remote::Sender<Nosy>>>>);
    impl Drop for Nosy {
        fn drop(&mut self) {
            if let Some(sender) = self.0.lock().unwrap().take() {
                assert!(sender.is_closed());
                assert!(sender.try_send(Nosy(Arc::default())).is_err());
            }
        }
    }
    let (sender, receiver) = remote::channel(2);
    sender.try_send(Nosy(Arc::new(Mutex::new(Some(sender.clone()))))).unwrap();
    drop(receiver);
}

#[test]
fn threads_14_a_channel_wakes_a_parked_executor() {
    let (sender, mut receiver) = remote::channel(1);
    let parked = thread::spawn(move || Executor::new().run(async move { receiver.recv().await }));
    until(|| !sender.is_closed());
    sender.send_blocking(9).unwrap();
    assert_eq!(parked.join().unwrap(), Some(9));
}

#[test]
fn threads_14_a_channel_without_room_is_refused() {
    assert!(panic_of(|| remote::channel::<u8>(0)).contains("room for at least one"));
}
