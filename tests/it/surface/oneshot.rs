//! Oneshot: ends that are polled and asked.

use crate::kit::{
    bomb::{Op, bomb, defuse},
    hosts::{Hand, now},
    probe::{Drops, Wakes},
};
use evenkeel::sync::{Closed, TryGetError, oneshot};
use std::{
    cell::Cell,
    future::poll_fn,
    rc::Rc,
    task::{Context, Poll},
};

/// What the receiver says of itself: closed, empty, terminated.
fn says<T>(receiver: &oneshot::Receiver<T>) -> [bool; 3] {
    [receiver.is_closed(), receiver.is_empty(), receiver.is_terminated()]
}

// ---- scenarios

#[test]
fn a_receiver_is_terminated_when_it_gave_its_value_and_not_before() {
    let (sender, mut receiver) = oneshot::channel();
    assert_eq!(says(&receiver), [false, true, false]);
    assert!(Hand::new(&mut receiver).is_pending());
    assert_eq!(says(&receiver), [false, true, false]);
    sender.send(1).unwrap();
    assert_eq!(says(&receiver), [true, false, false]);
    assert_eq!(now(&mut receiver), Ok(1));
    assert_eq!(says(&receiver), [true, true, true]);
}

#[test]
fn a_receiver_is_terminated_when_try_recv_took_its_value() {
    let (sender, mut receiver) = oneshot::channel();
    assert_eq!((receiver.try_recv(), says(&receiver)), (Err(TryGetError::Empty), [false, true, false]));
    sender.send(1).unwrap();
    assert_eq!((receiver.try_recv(), says(&receiver)), (Ok(1), [true, true, true]));
    assert_eq!(receiver.try_recv(), Err(TryGetError::Closed));
}

#[test]
fn a_receiver_whose_sender_went_is_terminated_when_it_was_told() {
    for by_try in [false, true] {
        let (sender, mut receiver) = oneshot::channel::<u8>();
        drop(sender);
        assert_eq!(says(&receiver), [true, true, false]);
        if by_try {
            assert_eq!(receiver.try_recv(), Err(TryGetError::Closed));
        } else {
            assert_eq!(now(&mut receiver), Err(Closed));
        }
        assert_eq!(says(&receiver), [true, true, true]);
    }
}

#[test]
fn a_receiver_that_was_closed_is_terminated_when_it_was_told() {
    let (sender, mut receiver) = oneshot::channel::<u8>();
    receiver.close();
    assert_eq!(says(&receiver), [true, true, false]);
    assert_eq!(now(&mut receiver), Err(Closed));
    assert_eq!(says(&receiver), [true, true, true]);
    receiver.close();
    assert_eq!((says(&receiver), sender.send(1)), ([true, true, true], Err(1)));
}

#[test]
fn a_receiver_that_is_polled_after_its_end_is_closed_again_and_again() {
    let (sender, mut receiver) = oneshot::channel();
    sender.send(1).unwrap();
    assert_eq!(now(&mut receiver), Ok(1));
    for _ in 0..3 {
        assert_eq!((now(&mut receiver), receiver.try_recv()), (Err(Closed), Err(TryGetError::Closed)));
    }
    assert!(receiver.is_terminated());
}

#[test]
fn a_value_that_was_sent_before_the_close_is_received_and_one_after_it_comes_back() {
    let (sender, mut receiver) = oneshot::channel();
    sender.send(1).unwrap();
    receiver.close();
    assert_eq!(says(&receiver), [true, false, false]);
    assert_eq!((receiver.try_recv(), says(&receiver)), (Ok(1), [true, true, true]));

    let (sender, mut receiver) = oneshot::channel();
    receiver.close();
    assert_eq!((sender.send(2), receiver.try_recv()), (Err(2), Err(TryGetError::Closed)));
}

#[test]
fn a_sender_is_polled_for_the_receivers_end_by_one_task_after_another() {
    let (mut sender, receiver) = oneshot::channel::<u8>();
    let (old, old_waker) = Wakes::new();
    let (new, new_waker) = Wakes::new();
    for waker in [&old_waker, &old_waker, &new_waker] {
        assert!(sender.poll_closed(&mut Context::from_waker(waker)).is_pending());
    }
    drop(receiver);
    assert_eq!((old.count(), new.count()), (0, 1));
    for _ in 0..2 {
        assert!(sender.poll_closed(&mut Context::from_waker(&old_waker)).is_ready());
    }
    assert_eq!(sender.send(1), Err(1));
}

#[test]
fn a_receiver_is_polled_by_one_task_after_another() {
    let (sender, mut receiver) = oneshot::channel();
    let mut first = Hand::new(&mut receiver);
    let (new, new_waker) = Wakes::new();
    assert!(first.is_pending());
    assert!(first.poll_with(&new_waker).is_pending());
    sender.send(1).unwrap();
    assert_eq!((first.wakes(), new.count(), first.ready()), (0, 1, Ok(1)));
}

#[test]
fn wakers_go_with_the_ends_that_keep_them() {
    let drops = Drops::default();
    let waker = || {
        struct Kept(#[allow(dead_code, reason = "it is dropped")] std::sync::Mutex<usize>);
        impl std::task::Wake for Kept {
            fn wake(self: std::sync::Arc<Self>) {}
        }
        std::sync::Arc::new(Kept(std::sync::Mutex::new(0)))
    };
    let (kept, closed) = (waker(), waker());
    let (mut sender, mut receiver) = oneshot::channel::<crate::kit::probe::DropGuard>();
    let receivers = kept.clone().into();
    let senders = closed.clone().into();
    assert!(std::pin::Pin::new(&mut receiver).poll(&mut Context::from_waker(&receivers)).is_pending());
    assert!(sender.poll_closed(&mut Context::from_waker(&senders)).is_pending());
    drop((receivers, senders));
    assert_eq!((std::sync::Arc::strong_count(&kept), std::sync::Arc::strong_count(&closed)), (2, 2));
    assert!(sender.send(drops.guard()).is_ok());
    assert_eq!((std::sync::Arc::strong_count(&kept), std::sync::Arc::strong_count(&closed)), (1, 1));
    drop(receiver);
    assert_eq!(drops.count(), 1);
}

#[test]
fn a_value_that_is_only_asked_about_stays_where_it_is() {
    let drops = Drops::default();
    let (sender, receiver) = oneshot::channel();
    assert!(sender.send(drops.guard()).is_ok());
    for _ in 0..3 {
        assert_eq!(says(&receiver), [true, false, false]);
    }
    assert_eq!(drops.count(), 0);
    drop(receiver);
    assert_eq!(drops.count(), 1);
}

// ---- budget and wakers

#[test]
fn an_outcome_that_has_to_wait_for_the_next_poll_is_not_given_yet() {
    evenkeel::run(async {
        for is_sent in [true, false] {
            let (sender, receiver) = oneshot::channel();
            if is_sent {
                sender.send(1).unwrap()
            } else {
                drop(sender)
            }
            let mut receiver = Some(receiver);
            let mut gave_way = false;
            poll_fn(|cx| {
                // The rest of the poll's budget goes first.
                while !gave_way && evenkeel::coop::try_consume_budget() {}
                let left = receiver.as_mut().unwrap();
                let polled = std::pin::Pin::new(&mut *left).poll(cx);
                assert_eq!(left.is_terminated(), polled.is_ready());
                assert_eq!(left.is_empty(), polled.is_ready() || !is_sent);
                gave_way = true;
                polled.map(|outcome| assert_eq!(outcome.is_ok(), is_sent))
            })
            .await;
        }
    });
}

#[test]
fn a_receiver_that_is_terminated_stays_so_though_the_budget_is_used_up() {
    evenkeel::run(async {
        for by_try in [false, true] {
            let (sender, mut receiver) = oneshot::channel::<u8>();
            drop(sender);
            if by_try {
                assert_eq!(receiver.try_recv(), Err(TryGetError::Closed));
            } else {
                assert_eq!((&mut receiver).await, Err(Closed));
            }
            while evenkeel::coop::try_consume_budget() {}
            assert!(Hand::new(&mut receiver).is_pending() && receiver.is_terminated());
            evenkeel::yield_now().await;
            assert_eq!(((&mut receiver).await, receiver.is_terminated()), (Err(Closed), true));
        }
    });
}

#[test]
fn a_receiver_is_told_also_if_the_sender_goes_while_its_waker_is_cloned() {
    for sends in [false, true] {
        let (sender, mut receiver) = oneshot::channel::<u8>();
        let sender = Rc::new(Cell::new(Some(sender)));
        let waker = bomb(move |op| {
            if op == Op::Clone {
                let sender = sender.take().filter(|_| sends);
                sender.into_iter().for_each(|sender| sender.send(1).unwrap());
            }
        });
        let polled = Hand::new(&mut receiver).poll_with(&waker);
        assert_eq!(polled, Poll::Ready(if sends { Ok(1) } else { Err(Closed) }));
        assert_eq!(says(&receiver), [true, true, true]);
        defuse();
    }
}

#[test]
fn a_waker_that_closes_while_it_is_cloned_is_not_overlooked() {
    let (mut sender, receiver) = oneshot::channel::<u8>();
    let receiver = Rc::new(Cell::new(Some(receiver)));
    let waker = bomb(move |op| {
        if op == Op::Clone {
            drop(receiver.take());
        }
    });
    assert_eq!(sender.poll_closed(&mut Context::from_waker(&waker)), Poll::Ready(()));
    defuse();
}

/// The plainest state: what was sent, what was told.
#[test]
fn every_order_of_send_close_poll_and_try_agrees_with_a_plain_state() {
    // 0: poll, 1: try, 2: send, 3: drop the sender, 4: close, 5: the sender looks.
    const LENGTH: u32 = 6;
    for number in 0..6_usize.pow(LENGTH) {
        let (sender, mut receiver) = oneshot::channel();
        let mut sender = Some(sender);
        let (mut value, mut closed, mut ended) = (None, false, false);
        let mut rest = number;
        for _ in 0..LENGTH {
            match rest % 6 {
                step @ (0 | 1) => {
                    let is_over = sender.is_none() || closed;
                    let wanted = value.take().map_or_else(|| is_over.then_some(Err(Closed)), |value| Some(Ok(value)));
                    ended |= wanted.is_some();
                    if step == 0 {
                        let polled = Hand::new(&mut receiver).poll();
                        assert_eq!(polled, wanted.map_or(Poll::Pending, Poll::Ready));
                    } else {
                        let wanted = wanted.map_or(Err(TryGetError::Empty), |it| it.map_err(|_| TryGetError::Closed));
                        assert_eq!(receiver.try_recv(), wanted);
                    }
                }
                2 => {
                    if let Some(sender) = sender.take() {
                        assert_eq!(sender.send(1), if closed { Err(1) } else { Ok(()) });
                        value = (!closed).then_some(1);
                    }
                }
                3 => sender = None,
                4 => {
                    receiver.close();
                    closed = true;
                }
                _ => {
                    if let Some(sender) = &mut sender {
                        assert_eq!((sender.is_closed(), now_closed(sender)), (closed, closed));
                    }
                }
            }
            // Whoever has sent is gone as well.
            assert_eq!(says(&receiver), [sender.is_none() || closed, value.is_none(), ended], "{number}");
            rest /= 6;
        }
    }
}

fn now_closed<T>(sender: &mut oneshot::Sender<T>) -> bool {
    sender.poll_closed(&mut Context::from_waker(std::task::Waker::noop())).is_ready()
}
