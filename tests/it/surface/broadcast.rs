//! Broadcast: ends, lengths, weak senders, streams.

use crate::kit::{
    bomb::{Op, bomb, defuse},
    hosts::{Hand, everywhere, now, pass},
    probe::{Drops, Record, Wakes, on_drop, panic_of},
};
use crate::sync::model::check;
use evenkeel::sync::broadcast::{self, RecvError, TryRecvError};
use futures::StreamExt;
use proptest::prelude::*;
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::poll_fn,
    rc::Rc,
    task::{Context, Poll, Waker},
};

const EMPTY: Result<u8, TryRecvError> = Err(TryRecvError::Empty);

fn lagged<T>(n: u64) -> Result<T, TryRecvError> {
    Err(RecvError::Lagged(n).into())
}

fn closed<T>() -> Result<T, TryRecvError> {
    Err(RecvError::Closed.into())
}

// ---- scenarios: lengths and lags

#[test]
fn a_sender_counts_the_values_that_somebody_can_still_see() {
    let (sender, mut one) = broadcast::channel(4);
    let mut two = sender.subscribe();
    assert_eq!((sender.len(), sender.is_empty(), sender.capacity(), two.capacity()), (0, true, 4, 4));
    for n in 1..4 {
        sender.send(n).unwrap();
    }
    assert_eq!((sender.len(), sender.is_empty()), (3, false));
    assert_eq!((one.try_recv(), one.try_recv(), sender.len()), (Ok(1), Ok(2), 3));
    assert_eq!((two.try_recv(), sender.len()), (Ok(1), 2));
    for n in 4..7 {
        sender.send(n).unwrap();
    }
    assert_eq!(sender.len(), 4);
    drop((one, two));
    assert!(sender.is_empty());
}

#[test]
fn a_receiver_within_the_capacity_misses_nothing_and_the_capacity_is_exact() {
    let (sender, mut receiver) = broadcast::channel(3);
    for round in 0..3 {
        for n in 0..3 {
            sender.send(3 * round + n).unwrap();
        }
        for n in 0..3 {
            assert_eq!(receiver.try_recv(), Ok(3 * round + n));
        }
    }
    for n in 0..4 {
        sender.send(n).unwrap();
    }
    assert_eq!((receiver.len(), receiver.try_recv(), receiver.len()), (4, lagged(1), 3));
    assert_eq!(
        [receiver.try_recv(), receiver.try_recv(), receiver.try_recv(), receiver.try_recv()],
        [Ok(1), Ok(2), Ok(3), EMPTY]
    );
}

#[test]
fn a_receiver_that_lags_again_before_it_goes_on_is_told_of_both() {
    let (sender, mut receiver) = broadcast::channel(2);
    (0..4).for_each(|n| assert!(sender.send(n).is_ok()));
    assert_eq!(receiver.try_recv(), lagged(2));
    (4..7).for_each(|n| assert!(sender.send(n).is_ok()));
    assert_eq!((receiver.len(), receiver.try_recv()), (5, lagged(3)));
    assert_eq!([receiver.try_recv(), receiver.try_recv(), receiver.try_recv()], [Ok(5), Ok(6), EMPTY]);
}

#[test]
fn a_lag_is_each_receivers_own() {
    let (sender, mut fast) = broadcast::channel(1);
    let mut slow = sender.subscribe();
    for n in 0..3 {
        sender.send(n).unwrap();
        assert_eq!(fast.try_recv(), Ok(n));
    }
    assert_eq!([slow.try_recv(), slow.try_recv(), slow.try_recv()], [lagged(2), Ok(2), EMPTY]);
    assert_eq!(slow.resubscribe().try_recv(), EMPTY, "one that is made anew has nothing behind it");
}

#[test]
fn values_that_were_sent_outlive_their_senders_and_a_lag_comes_before_the_end() {
    let (sender, mut receiver) = broadcast::channel(2);
    let mut late = sender.subscribe();
    (0..3).for_each(|n| assert!(sender.send(n).is_ok()));
    assert!(!receiver.is_closed());
    drop(sender);
    assert!(receiver.is_closed() && !receiver.is_empty());
    for receiver in [&mut receiver, &mut late] {
        let all = [0; 5].map(|_| receiver.try_recv());
        assert_eq!(all, [lagged(1), Ok(1), Ok(2), closed(), closed()]);
    }
    assert_eq!(receiver.resubscribe().try_recv(), closed());
}

#[test]
fn a_clone_that_panics_is_that_receivers_loss_alone() {
    #[derive(Debug)]
    struct Fragile(Rc<Cell<bool>>);
    impl Clone for Fragile {
        fn clone(&self) -> Self {
            assert!(!self.0.get(), "no copies");
            Fragile(self.0.clone())
        }
    }
    let breaks = Rc::new(Cell::new(true));
    let (sender, mut one) = broadcast::channel(2);
    let mut two = sender.subscribe();
    sender.send(Fragile(breaks.clone())).unwrap();
    sender.send(Fragile(breaks.clone())).unwrap();
    assert_eq!(panic_of(|| one.try_recv()), "no copies");
    breaks.set(false);
    assert!(one.try_recv().is_ok() && two.try_recv().is_ok() && two.try_recv().is_ok());
    assert!(one.is_empty() && two.is_empty() && sender.is_empty());
}

// ---- scenarios: ends

#[test]
fn a_sender_is_told_when_the_last_receiver_goes() {
    let (sender, one) = broadcast::channel::<u8>(1);
    let two = sender.subscribe();
    let mut waiter = Hand::waiting(sender.closed());
    drop(one);
    assert!(!waiter.is_woken() && waiter.is_pending() && !sender.is_closed());
    drop(two);
    assert!(waiter.is_woken() && sender.is_closed());
    waiter.ready();
    now(sender.closed());
    assert_eq!(sender.send(1), Err(1));
}

#[test]
fn a_sender_that_was_told_goes_on_though_somebody_subscribed_and_then_waits_for_that_one() {
    let (sender, one) = broadcast::channel::<u8>(1);
    let mut waiter = Hand::waiting(sender.closed());
    drop(one);
    let two = sender.subscribe();
    waiter.ready();
    let mut again = Hand::waiting(sender.closed());
    drop(two);
    again.ready();
}

#[test]
fn a_sender_may_be_alone_at_first() {
    assert!(panic_of(|| broadcast::Sender::<u8>::new(0)).contains("at least one"));
    let sender = broadcast::Sender::new(1);
    now(sender.closed());
    assert_eq!((sender.send(1), sender.len(), sender.receiver_count()), (Err(1), 0, 0));
    let mut receiver = sender.subscribe();
    assert!(Hand::new(sender.closed()).is_pending());
    assert_eq!((sender.send(2), receiver.try_recv()), (Ok(1), Ok(2)));
}

#[test]
fn the_end_is_told_also_if_a_value_that_goes_with_the_last_receiver_panics() {
    type Bang = Rc<crate::kit::probe::OnDrop<fn()>>;
    let (sender, receiver) = broadcast::channel::<Bang>(1);
    let mut waiter = Hand::waiting(sender.closed());
    assert!(sender.send(Rc::new(on_drop(|| panic!("bang")))).is_ok());
    assert_eq!(panic_of(|| drop(receiver)), "bang");
    assert!(waiter.is_woken());
    waiter.ready();
}

#[test]
fn ends_are_counted_and_know_their_channel() {
    let (sender, receiver) = broadcast::channel::<u8>(1);
    let (other, alien) = broadcast::channel::<u8>(1);
    let (second, twin) = (sender.clone(), receiver.resubscribe());
    let weak = sender.downgrade();
    let weaker = weak.clone();
    assert_eq!((sender.sender_count(), sender.receiver_count(), sender.weak_sender_count()), (2, 2, 2));
    assert_eq!((receiver.sender_count(), receiver.receiver_count(), receiver.weak_sender_count()), (2, 2, 2));
    assert!(weak.same_channel(&weaker) && !weak.same_channel(&other.downgrade()));
    assert_eq!((weak.sender_count(), weak.weak_sender_count()), (2, 2));
    assert!(sender.same_channel(&second) && !sender.same_channel(&other));
    assert!(receiver.same_channel(&twin) && !receiver.same_channel(&alien));
    assert!(weak.upgrade().unwrap().same_channel(&sender));
    drop((weaker, twin, second));
    assert_eq!((sender.sender_count(), sender.receiver_count(), sender.weak_sender_count()), (1, 1, 1));
    drop((sender, receiver));
    assert_eq!((weak.sender_count(), weak.weak_sender_count()), (0, 0));
}

#[test]
fn a_weak_sender_keeps_nothing_open_and_is_a_sender_while_there_is_one() {
    let (sender, mut receiver) = broadcast::channel(1);
    let weak = sender.downgrade();
    let mut waiter = Hand::waiting(receiver.recv());
    let upgraded = weak.upgrade().unwrap();
    drop(sender);
    assert!(waiter.is_pending(), "the upgraded one is a sender");
    upgraded.send(1).unwrap();
    assert_eq!(waiter.ready(), Ok(1));
    drop(waiter);
    let mut waiter = Hand::waiting(receiver.recv());
    drop(upgraded);
    assert_eq!(waiter.ready(), Err(RecvError::Closed));
    assert!(weak.upgrade().is_none());
    drop(waiter);
    assert_eq!((receiver.is_closed(), receiver.sender_count()), (true, 0));
}

#[test]
fn a_weak_sender_is_not_upgraded_while_the_last_sender_goes() {
    let (sender, mut receiver) = broadcast::channel::<u8>(1);
    let (weak, outcome) = (sender.downgrade(), Rc::new(Cell::new(None)));
    let seen = outcome.clone();
    let waker = bomb(move |op| {
        if matches!(op, Op::Wake | Op::WakeByRef) {
            seen.set(Some(weak.upgrade().is_none()));
        }
    });
    let mut waiter = Hand::new(receiver.recv());
    assert!(waiter.poll_with(&waker).is_pending());
    drop(sender);
    assert_eq!(outcome.get(), Some(true));
    assert_eq!(waiter.ready(), Err(RecvError::Closed));
    defuse();
}

#[test]
fn a_weak_sender_that_is_upgraded_in_the_destructor_of_a_value_may_send() {
    type Value = Rc<crate::kit::probe::OnDrop<Box<dyn FnOnce()>>>;
    let home: Rc<RefCell<Option<broadcast::WeakSender<Value>>>> = Rc::default();
    let value = |sends: bool| -> Value {
        let home = home.clone();
        Rc::new(on_drop(Box::new(move || {
            let sender = home.borrow().as_ref().filter(|_| sends).and_then(|weak| weak.upgrade());
            sender.into_iter().for_each(|sender| drop(sender.send(Rc::new(on_drop(Box::new(|| ()))))));
        })))
    };
    let (sender, mut receiver) = broadcast::channel(1);
    *home.borrow_mut() = Some(sender.downgrade());
    assert!(sender.send(value(true)).is_ok());
    assert!(sender.send(value(false)).is_ok());
    // The first one's destructor has sent a third.
    assert_eq!(receiver.len(), 3);
    assert!(matches!(receiver.try_recv(), Err(TryRecvError::Recv(RecvError::Lagged(2)))));
    assert!(receiver.try_recv().is_ok() && receiver.try_recv().is_err());
    home.take();
}

// ---- streams and polls

#[test]
fn a_receiver_is_a_stream_of_values_and_of_what_was_missed() {
    let (sender, receiver) = broadcast::channel(2);
    let owned = sender.subscribe().into_items();
    (0..3).for_each(|n| assert!(sender.send(n).is_ok()));
    drop(sender);
    let wanted = [Err(RecvError::Lagged(1)), Ok(1), Ok(2)];
    assert_eq!(now(receiver.collect::<Vec<_>>()), wanted);
    assert_eq!(now(owned.collect::<Vec<_>>()), wanted);
}

#[test]
fn streams_of_all_receivers_give_the_same_everywhere() {
    let record = everywhere(|tasks, record: Record<(u8, Result<u8, RecvError>)>| {
        let (sender, first) = broadcast::channel(2);
        for (name, receiver) in [first, sender.subscribe()].into_iter().enumerate() {
            let (mut items, record) = (receiver.into_items(), record.clone());
            tasks.spawn(async move {
                while let Some(item) = items.next().await {
                    record.add((name as u8, item));
                }
                assert_eq!(items.next().await, None);
            });
        }
        tasks.spawn(async move {
            for n in 0..3 {
                sender.send(n).unwrap();
            }
            pass().await;
            sender.send(9).unwrap();
        });
    });
    let one = [Err(RecvError::Lagged(1)), Ok(1), Ok(2), Ok(9)];
    for name in 0..2 {
        let own: Vec<_> = record.iter().filter(|(who, _)| *who == name).map(|(_, item)| *item).collect();
        assert_eq!(own, one);
    }
}

#[test]
fn a_poll_keeps_its_place_and_other_ways_to_receive_may_come_between() {
    let (sender, mut receiver) = broadcast::channel(4);
    let mut cx = Context::from_waker(Waker::noop());
    assert!(receiver.poll_recv(&mut cx).is_pending());
    sender.send(1).unwrap();
    assert_eq!(now(receiver.recv()), Ok(1));
    // The place was let through by what is gone by now.
    assert!(receiver.poll_recv(&mut cx).is_pending());
    sender.send(2).unwrap();
    sender.send(3).unwrap();
    assert_eq!(receiver.try_recv(), Ok(2));
    assert_eq!(receiver.poll_recv(&mut cx), Poll::Ready(Ok(3)));
    assert!(receiver.poll_recv(&mut cx).is_pending());
    drop(sender);
    assert_eq!(receiver.try_recv(), closed());
    for _ in 0..2 {
        assert_eq!(receiver.poll_recv(&mut cx), Poll::Ready(Err(RecvError::Closed)));
    }
}

#[test]
fn a_poll_wakes_the_last_task_that_polled() {
    let (sender, mut receiver) = broadcast::channel(1);
    let (old, old_waker) = Wakes::new();
    let (new, new_waker) = Wakes::new();
    for waker in [&old_waker, &new_waker, &new_waker] {
        assert!(receiver.poll_recv(&mut Context::from_waker(waker)).is_pending());
    }
    sender.send(1).unwrap();
    assert_eq!((old.count(), new.count()), (0, 1));
    assert_eq!(now(poll_fn(|cx| receiver.poll_recv(cx))), Ok(1));
}

#[test]
fn a_stream_that_is_dropped_leaves_the_line_and_its_values_with_the_receiver() {
    let (sender, mut receiver) = broadcast::channel(2);
    let (wakes, waker) = Wakes::new();
    let mut items = receiver.items();
    assert!(items.poll_next_unpin(&mut Context::from_waker(&waker)).is_pending());
    drop(items);
    sender.send(1).unwrap();
    assert_eq!(wakes.count(), 0);
    let mut items = receiver.into_items();
    assert_eq!(now(items.next()), Some(Ok(1)));
    assert!(items.poll_next_unpin(&mut Context::from_waker(&waker)).is_pending());
    let mut receiver = items.into_receiver();
    sender.send(2).unwrap();
    assert_eq!((wakes.count(), receiver.try_recv()), (0, Ok(2)));
}

#[test]
fn a_next_that_is_dropped_leaves_the_line_and_a_poll_stays_in_it() {
    let (sender, mut receiver) = broadcast::channel(2);
    let mut owned = sender.subscribe().into_items();
    let mut borrowed = receiver.items();
    let [(of_owned, owns), (of_borrowed, borrows), (of_poll, polls)] = [0; 3].map(|_| Wakes::new());
    assert!(Hand::new(owned.next()).poll_with(&owns).is_pending());
    assert!(Hand::new(borrowed.next()).poll_with(&borrows).is_pending());
    sender.send(1).unwrap();
    assert_eq!((of_owned.count(), of_borrowed.count()), (0, 0), "nobody wakes who has left");
    assert_eq!((now(owned.next()), now(borrowed.next())), (Some(Ok(1)), Some(Ok(1))));

    for stream in [&mut owned as &mut (dyn futures::Stream<Item = _> + Unpin), &mut borrowed] {
        assert!(stream.poll_next_unpin(&mut Context::from_waker(&polls)).is_pending());
    }
    // A `next` may go on from the place that a poll has taken.
    assert!(Hand::new(borrowed.next()).poll_with(&borrows).is_pending());
    sender.send(2).unwrap();
    assert_eq!((of_poll.count(), of_borrowed.count()), (1, 0));
    assert_eq!((now(owned.next()), now(borrowed.next())), (Some(Ok(2)), Some(Ok(2))));
}

// ---- wakers that do harm

#[test]
fn wakers_that_send_and_panic_lose_no_value() {
    for op in [Op::Clone, Op::Drop, Op::Wake] {
        let (sender, mut receiver) = broadcast::channel(8);
        let mut plain = sender.subscribe();
        let (sends, left) = (sender.clone(), Rc::new(Cell::new(1)));
        let fuse = left.clone();
        let waker = bomb(move |happened| {
            if (happened == op || (op == Op::Wake && happened == Op::WakeByRef)) && fuse.get() > 0 {
                fuse.set(fuse.get() - 1);
                sends.send(10).unwrap();
                panic!("bang");
            }
        });
        let mut received = Vec::new();
        for n in 0..6 {
            // A second waker takes the first one's place, which is dropped.
            let polls = if op == Op::Drop { 2 } else { 1 };
            for waker in [&waker, Waker::noop()].into_iter().take(polls) {
                let polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    receiver.poll_recv(&mut Context::from_waker(waker))
                }));
                received.extend(polled.into_iter().filter_map(|polled| match polled {
                    Poll::Ready(value) => Some(value.unwrap()),
                    Poll::Pending => None,
                }));
            }
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| sender.send(n)));
        }
        assert_eq!(left.get(), 0, "{op:?}");
        received.extend(std::iter::from_fn(|| receiver.try_recv().ok()));
        let all: Vec<usize> = std::iter::from_fn(|| plain.try_recv().ok()).collect();
        assert_eq!((received, all.len()), (all.clone(), 7), "{op:?}");
        defuse();
    }
}

// ---- against a model

#[derive(Clone, Copy, Debug)]
enum Deed {
    Send,
    Subscribe,
    Resubscribe(usize),
    Drop(usize),
    TryRecv(usize),
    Poll(usize),
    Recv(usize),
    Clone,
    DropSender,
    Downgrade,
    Upgrade,
    DropWeak,
    WaitForEnd,
}

/// A receiver of the model: what it has not seen, and how many of these are gone.
struct Reader {
    unseen: VecDeque<u32>,
    missed: u64,
}

impl Reader {
    fn next(&mut self, is_open: bool) -> Option<Result<u32, RecvError>> {
        if self.missed > 0 {
            return Some(Err(RecvError::Lagged(std::mem::take(&mut self.missed))));
        }
        match self.unseen.pop_front() {
            Some(value) => Some(Ok(value)),
            None => (!is_open).then_some(Err(RecvError::Closed)),
        }
    }
}

fn run(capacity: usize, program: &[Deed]) {
    let (sender, receiver) = broadcast::channel(capacity);
    let mut senders = vec![sender];
    let mut weak = Vec::new();
    let mut all = vec![(receiver, Reader { unseen: VecDeque::new(), missed: 0 })];
    let new_reader = || Reader { unseen: VecDeque::new(), missed: 0 };
    let mut number = 0;
    for deed in program {
        number += 1;
        let is_open = !senders.is_empty();
        match *deed {
            Deed::Send | Deed::Subscribe | Deed::Clone | Deed::DropSender | Deed::Downgrade | Deed::WaitForEnd
                if !is_open => {}
            Deed::Send => {
                let sent = senders[0].send(number);
                assert_eq!(sent, if all.is_empty() { Err(number) } else { Ok(all.len()) });
                for (_, reader) in &mut all {
                    reader.unseen.push_back(number);
                    if reader.unseen.len() > capacity {
                        reader.unseen.pop_front();
                        reader.missed += 1;
                    }
                }
            }
            Deed::Subscribe => all.push((senders[0].subscribe(), new_reader())),
            Deed::Clone => senders.push(senders[0].clone()),
            Deed::DropSender => drop(senders.pop()),
            Deed::Downgrade => weak.push(senders[0].downgrade()),
            Deed::Upgrade => {
                if let Some(weak) = weak.last() {
                    let upgraded = weak.upgrade();
                    assert_eq!(upgraded.is_some(), is_open);
                    senders.extend(upgraded);
                }
            }
            Deed::DropWeak => drop(weak.pop()),
            Deed::WaitForEnd => assert_eq!(Hand::new(senders[0].closed()).is_pending(), !all.is_empty()),
            _ if all.is_empty() => {}
            Deed::Resubscribe(n) => all.push((all[n % all.len()].0.resubscribe(), new_reader())),
            Deed::Drop(n) => drop(all.swap_remove(n % all.len())),
            Deed::TryRecv(n) | Deed::Poll(n) | Deed::Recv(n) => {
                let n = n % all.len();
                let (receiver, reader) = &mut all[n];
                let wanted = reader.next(is_open);
                let received = match deed {
                    Deed::TryRecv(_) => match receiver.try_recv() {
                        Ok(value) => Some(Ok(value)),
                        Err(TryRecvError::Recv(error)) => Some(Err(error)),
                        Err(_) => None,
                    },
                    Deed::Poll(_) => match receiver.poll_recv(&mut Context::from_waker(Waker::noop())) {
                        Poll::Ready(received) => Some(received),
                        Poll::Pending => None,
                    },
                    _ => match Hand::new(receiver.recv()).poll() {
                        Poll::Ready(received) => Some(received),
                        Poll::Pending => None,
                    },
                };
                assert_eq!(received, wanted, "{deed:?}");
            }
        }
        for (receiver, reader) in &all {
            assert_eq!(receiver.len() as u64, reader.unseen.len() as u64 + reader.missed);
            assert_eq!((receiver.is_closed(), receiver.sender_count()), (senders.is_empty(), senders.len()));
        }
        if let Some(sender) = senders.first() {
            let kept = all.iter().map(|(_, reader)| reader.unseen.len()).max().unwrap_or(0);
            assert_eq!(
                (sender.len(), sender.receiver_count(), sender.weak_sender_count()),
                (kept, all.len(), weak.len())
            );
        }
    }
}

#[test]
fn random_programs_of_all_ends_agree_with_the_model() {
    let who = || any::<usize>();
    let deed = prop_oneof![
        8 => Just(Deed::Send),
        2 => Just(Deed::Subscribe),
        1 => who().prop_map(Deed::Resubscribe),
        2 => who().prop_map(Deed::Drop),
        4 => who().prop_map(Deed::TryRecv),
        6 => who().prop_map(Deed::Poll),
        4 => who().prop_map(Deed::Recv),
        1 => Just(Deed::Clone),
        1 => Just(Deed::DropSender),
        1 => Just(Deed::Downgrade),
        1 => Just(Deed::Upgrade),
        1 => Just(Deed::DropWeak),
        1 => Just(Deed::WaitForEnd),
    ];
    check("broadcast", (1..5_usize, prop::collection::vec(deed, 1..100)), |(capacity, program)| {
        run(capacity, &program);
        program.len()
    });
}

#[test]
fn every_short_program_of_one_place_agrees_with_the_model() {
    const LENGTH: u32 = 5;
    let deeds = [
        Deed::Send,
        Deed::Subscribe,
        Deed::Drop(0),
        Deed::TryRecv(0),
        Deed::Poll(0),
        Deed::Poll(1),
        Deed::DropSender,
        Deed::Downgrade,
        Deed::Upgrade,
    ];
    for number in 0..deeds.len().pow(LENGTH) {
        let mut rest = number;
        let program: Vec<Deed> = (0..LENGTH)
            .map(|_| {
                let deed = deeds[rest % deeds.len()];
                rest /= deeds.len();
                deed
            })
            .collect();
        run(1, &program);
    }
}

#[test]
fn a_value_of_a_dropped_receiver_goes_when_nobody_else_is_to_see_it() {
    let drops = Drops::default();
    let (sender, one) = broadcast::channel(4);
    let two = sender.subscribe();
    assert!(sender.send(Rc::new(drops.guard())).is_ok());
    drop(one);
    assert_eq!((drops.count(), sender.len()), (0, 1));
    drop(two);
    assert_eq!((drops.count(), sender.len()), (1, 0));
}
