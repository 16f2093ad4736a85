//! Waits and places that are dropped at every point, and wakers that are hostile.

use crate::kit::{
    bomb::{Op, bomb, defuse, polled_in_wake},
    hosts::{Hand, now},
    probe::{Drops, Wakes},
};
use evenkeel::sync::{Closed, OwnedSendPermit, Sender, channel};
use futures::{FutureExt, future::LocalBoxFuture};
use std::{
    cell::{Cell, RefCell},
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    task::Poll,
};

fn caught<T>(f: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(f)).ok()
}

/// Calls `f` with every sequence of `length` numbers below `base`.
fn every_sequence(base: usize, length: usize, mut f: impl FnMut(&[usize])) -> usize {
    let count = base.pow(length as u32);
    let mut sequence = vec![0; length];
    for number in 0..count {
        let mut rest = number;
        for place in &mut sequence {
            *place = rest % base;
            rest /= base;
        }
        f(&sequence);
    }
    count
}

type Reserving = Hand<LocalBoxFuture<'static, Result<OwnedSendPermit<usize>, Closed>>>;

#[test]
fn every_order_of_reserve_send_receive_and_drop_loses_nothing() {
    // Two who reserve, one who sends, one who receives. 0, 1: poll a reserve; 2: use what it has; 3, 4: drop a reserve or its permit; 5: poll
    // the send; 6: drop it; 7: poll the receiver; 8: drop it.
    for capacity in 0..2 {
        let sequences = every_sequence(9, 5, |sequence| {
            let (sender, receiver) = channel(capacity);
            let mut reserves: [Option<Reserving>; 2] =
                [0; 2].map(|_| Some(Hand::new(sender.clone().reserve_owned().boxed_local())));
            let mut permits: [Option<OwnedSendPermit<usize>>; 2] = [None, None];
            let mut send = Some(Hand::new(sender.send(100)));
            let mut recv = Some(Hand::new(receiver.recv()));
            let (mut put, mut got, mut sent, mut polled) = (Vec::new(), Vec::new(), false, false);
            let mut next = 0;
            for &step in sequence {
                match step {
                    0 | 1 => {
                        if let Some(Poll::Ready(permit)) = reserves[step].as_mut().map(Hand::poll) {
                            permits[step] = Some(permit.unwrap());
                            reserves[step] = None;
                        }
                    }
                    2 => {
                        if let Some(permit) = permits.iter_mut().find_map(Option::take) {
                            drop(permit.send(next).unwrap());
                            put.push(next);
                            next += 1;
                        }
                    }
                    3 | 4 => drop((reserves[step - 3].take(), permits[step - 3].take())),
                    5 => {
                        if let Some(outcome) = send.as_mut().map(Hand::poll) {
                            polled = true;
                            sent |= outcome.is_ready();
                            send.take_if(|_| outcome.is_ready());
                        }
                    }
                    6 => {
                        // Let in, it has sent.
                        sent |= send.take().is_some_and(|hand| polled && hand.is_woken());
                    }
                    7 => {
                        if let Some(Poll::Ready(item)) = recv.as_mut().map(Hand::poll) {
                            got.extend(item);
                            recv = None;
                        }
                    }
                    _ => recv = None,
                }
            }
            // Whoever is woken has what it waited for.
            for (reserve, permit) in reserves.iter_mut().zip(&mut permits) {
                if let Some(hand) = reserve.as_mut().filter(|hand| hand.is_woken()) {
                    *permit = Some(hand.ready().unwrap());
                    *reserve = None;
                }
            }
            drop(permits);
            drop(reserves);
            if let Some(hand) = recv.as_mut().filter(|hand| hand.is_woken()) {
                got.extend(hand.ready());
            }
            drop(recv);
            sent |= send.take().is_some_and(|mut hand| polled && hand.poll().is_ready());
            got.extend(std::iter::from_fn(|| receiver.try_recv().ok()));
            if sent {
                put.push(100);
            }
            got.sort_unstable();
            assert_eq!(got, put, "{capacity} {sequence:?}");
            assert_eq!((sender.free_capacity(), sender.sender_count()), (Some(capacity), 1), "{capacity} {sequence:?}");
        });
        assert_eq!(sequences, 59_049);
    }
}

#[test]
fn a_place_that_was_given_and_not_seen_goes_to_the_next_whoever_that_is() {
    for many in [1, 2] {
        let (sender, receiver) = channel(2);
        let all = sender.try_reserve_many(2).unwrap();
        let first = Hand::waiting(sender.reserve_many(many));
        let mut second = Hand::waiting(sender.reserve_many(2));
        let mut third = Hand::waiting(sender.send(3));
        drop(all);
        assert!(first.is_woken() && !second.is_woken());
        drop(first);
        drop(second.ready().unwrap());
        third.ready().unwrap();
        assert_eq!((receiver.try_recv(), sender.free_capacity()), (Ok(3), Some(2)));
    }
}

#[test]
fn a_place_that_comes_while_the_waker_is_cloned_is_not_overlooked() {
    let (sender, _receiver) = channel::<u8>(1);
    let permit = Rc::new(RefCell::new(Some(sender.clone().try_reserve_owned().unwrap())));
    let gone = permit.clone();
    let waker = bomb(move |op| {
        if op == Op::Clone {
            drop(gone.take());
        }
    });
    let mut reserve = Hand::new(sender.reserve());
    assert!(matches!(reserve.poll_with(&waker), Poll::Ready(Ok(_))));
    defuse();
}

#[test]
fn who_tries_while_a_waker_is_cloned_does_not_overtake() {
    let (sender, receiver) = channel(3);
    sender.try_send(0).unwrap();
    let trying = sender.clone();
    let seen = Rc::new(Cell::new(0));
    let full = seen.clone();
    let waker = bomb(move |op| {
        if op == Op::Clone {
            full.set(full.get() + usize::from(trying.try_send(9).is_err() && trying.try_reserve().is_err()));
        }
    });
    let mut many = Hand::new(sender.reserve_many(3));
    assert!(many.poll_with(&waker).is_pending());
    assert_eq!((seen.get(), receiver.try_recv()), (1, Ok(0)));
    assert_eq!(many.ready().unwrap().len(), 3);
    defuse();
}

#[test]
fn wakers_that_panic_lose_no_place() {
    for op in [Op::Wake, Op::Drop, Op::Clone] {
        let (sender, receiver) = channel(1);
        let armed = Rc::new(Cell::new(false));
        let fuse = armed.clone();
        let waker = bomb(move |happened| assert!(!(happened == op && fuse.get()), "bang"));
        let permit = sender.try_reserve().unwrap();
        let mut victim = Hand::new(sender.reserve());
        armed.set(op == Op::Clone);
        let polled = caught(|| victim.poll_with(&waker).is_pending());
        assert_eq!(polled, (op != Op::Clone).then_some(true));
        let mut last = Hand::waiting(sender.reserve());
        armed.set(op == Op::Wake);
        let dropped = caught(|| drop(permit));
        assert_eq!(dropped.is_none(), op == Op::Wake);
        armed.set(op == Op::Drop);
        let _ = caught(|| drop(victim));
        armed.set(false);
        let permit = last.ready().unwrap();
        let mut recv = Hand::waiting(receiver.recv());
        permit.send(1).unwrap();
        assert_eq!((recv.ready(), sender.free_capacity()), (Some(1), Some(1)), "{op:?}");
        defuse();
    }
}

#[test]
fn an_item_in_its_place_is_not_lost_by_wakers_that_panic() {
    // The receiver's waker panics, or the waker of the one who gets the place.
    for victim in 0..2 {
        let (sender, receiver) = channel(1);
        let waker = bomb(|op| assert!(op != Op::Wake, "bang"));
        let (_, calm) = Wakes::new();
        let permit = sender.try_reserve().unwrap();
        let mut recv = Hand::new(receiver.recv());
        assert!(recv.poll_with(if victim == 0 { &waker } else { &calm }).is_pending());
        let mut next = Hand::new(sender.reserve());
        assert!(next.poll_with(if victim == 1 { &waker } else { &calm }).is_pending());
        assert_eq!(caught(|| permit.send("kept").is_ok()), None);
        assert_eq!(recv.ready(), Some("kept"));
        next.ready().unwrap().send("next").unwrap();
        assert_eq!((receiver.try_recv(), sender.free_capacity()), (Ok("next"), Some(1)));
        defuse();
    }
}

#[test]
fn a_closed_channels_last_place_tells_all_whatever_panics() {
    let (sender, receiver) = channel::<u8>(2);
    let waker = bomb(|op| assert!(op != Op::Wake, "bang"));
    let permit = sender.try_reserve().unwrap();
    let mut first = Hand::new(receiver.recv());
    assert!(first.poll_with(&waker).is_pending());
    let mut second = Hand::waiting(receiver.recv());
    receiver.close();
    assert!(!second.is_woken());
    assert_eq!(caught(|| drop(permit)), None);
    assert!(second.is_woken());
    assert_eq!((first.ready(), second.ready()), (None, None));
    defuse();
}

#[test]
fn who_is_lent_a_place_and_uses_it_in_the_wake_up_is_received_at_once() {
    let (sender, receiver) = channel(0);
    let sending = sender.clone();
    // Woken by the receiver's own poll, which has no place in line yet.
    polled_in_wake(async move {
        sending.reserve().await.unwrap().send("at once").unwrap();
    });
    assert_eq!(now(receiver.recv()), Some("at once"));
    // Somebody puts an item into the line instead, or gives the place back and lets the next one have it.
    let (one, two) = (sender.clone(), sender.clone());
    let sent = Rc::new(Cell::new(false));
    let is_sent = sent.clone();
    polled_in_wake(async move {
        let permit = one.reserve().await.unwrap();
        polled_in_wake(async move {
            two.send("from the line").await.unwrap();
            is_sent.set(true);
        });
        drop(permit);
    });
    assert_eq!((now(receiver.recv()), sent.get()), (Some("from the line"), true));
    defuse();
}

#[test]
fn a_receivers_end_in_the_wake_up_of_who_is_lent_a_place_is_seen() {
    let (sender, receiver) = channel::<u8>(0);
    let (sending, closing) = (sender.clone(), receiver.clone());
    polled_in_wake(async move {
        let permit = sending.reserve().await.unwrap();
        closing.close();
        drop(permit);
    });
    assert_eq!(now(receiver.recv()), None);
    defuse();
}

#[test]
fn wakers_that_come_back_in_find_nothing_half_done() {
    for capacity in [0, 1, 3] {
        for op in [Op::Clone, Op::Wake, Op::Drop] {
            let (sender, receiver) = channel::<u8>(capacity);
            let depth = Cell::new(0);
            let (s, r) = (sender.clone(), receiver.clone());
            let pokes = Rc::new(Cell::new(0));
            let counted = pokes.clone();
            let waker = bomb(move |happened| {
                if happened == op && depth.replace(1) == 0 {
                    drop(s.reserve().now_or_never());
                    drop(s.reserve_many(2).now_or_never());
                    drop(s.try_reserve());
                    let _ = s.closed().now_or_never();
                    let _ = r.recv().now_or_never();
                    drop(format!("{s:?} {r:?} {:?}", (s.free_capacity(), s.is_full(), s.len())));
                    counted.set(counted.get() + 1);
                    depth.set(0);
                }
            });
            let holder = sender.try_reserve_many(capacity);
            let mut reserve = Some(Hand::new(sender.reserve_many(1)));
            // With this waker, with another, and with this one again: the old ones are dropped.
            for n in 0..3 {
                let poll = |hand: &mut Hand<_>| if n == 1 { hand.poll() } else { hand.poll_with(&waker) }.is_ready();
                reserve.take_if(poll);
            }
            drop(holder);
            let mut recv = Hand::new(receiver.recv());
            let _ = recv.poll_with(&waker);
            drop(reserve);
            drop(recv);
            assert!(pokes.get() > 0, "{capacity} {op:?}");
            assert_eq!((sender.free_capacity(), sender.is_empty()), (Some(capacity), true), "{capacity} {op:?}");
            defuse();
        }
    }
}

/// An item whose destructor uses the channel.
struct Prying(Rc<RefCell<Option<Sender<Prying>>>>);

impl Drop for Prying {
    fn drop(&mut self) {
        if let Some(sender) = &*self.0.borrow() {
            drop((sender.try_reserve(), sender.len(), sender.free_capacity()));
        }
    }
}

#[test]
fn destructors_of_items_may_use_the_channel() {
    let way: Rc<RefCell<Option<Sender<Prying>>>> = Rc::default();
    let (sender, receiver) = channel(1);
    *way.borrow_mut() = Some(sender.clone());
    assert!(sender.try_send(Prying(way.clone())).is_ok());
    assert!(sender.send_until(Prying(way.clone()), async {}).now_or_never().unwrap().is_err());
    drop(Hand::waiting(sender.send(Prying(way.clone()))));
    let reserve = Hand::waiting(sender.reserve());
    assert!(matches!(sender.force_send(Prying(way.clone())), Ok(Some(_))));
    drop(reserve);
    drop(receiver);
    assert!(sender.try_send(Prying(way.clone())).is_err());
    drop(way.take());
}

#[test]
fn a_send_that_is_dropped_with_its_end_drops_its_item_once() {
    for point in 0..3 {
        let drops = Drops::default();
        let (sender, receiver) = channel(1);
        assert!(sender.try_send(drops.guard()).is_ok());
        let mut send = Hand::new(sender.send_until(drops.guard(), std::future::pending()));
        if point > 0 {
            assert!(send.is_pending());
        }
        if point > 1 {
            // Let in, it is sent.
            drop(receiver.try_recv());
        }
        drop(send);
        assert_eq!((sender.len(), drops.count()), (1, 1));
        drop((sender, receiver));
        assert_eq!(drops.count(), 2);
    }
}
