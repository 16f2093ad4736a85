//! The ends: weak ones, counts, and what closes a channel.

use crate::kit::{
    bomb::{Op, bomb, defuse},
    hosts::{Hand, now},
    probe::on_drop,
};
use evenkeel::sync::{
    PutError, Queue, Receiver, Refused, Sender, WeakReceiver, WeakSender, channel, unbounded_channel,
};
use futures::FutureExt;
use std::{
    cell::{Cell, RefCell},
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
};

#[test]
fn closed_waits_for_the_last_receiver() {
    let (sender, receiver) = channel::<u8>(1);
    let other = receiver.clone();
    let mut closed = Hand::waiting(sender.closed());
    let mut too = Hand::waiting(sender.closed());
    drop(receiver);
    assert!(!closed.is_woken() && !sender.is_closed());
    drop(other);
    assert!(closed.is_woken() && too.is_woken() && sender.is_closed());
    closed.ready();
    too.ready();
    now(sender.closed());
}

#[test]
fn closed_ends_when_a_receiver_or_a_sender_closes() {
    for by_sender in [false, true] {
        let (sender, receiver) = channel(1);
        sender.try_send(1).unwrap();
        let mut closed = Hand::waiting(sender.closed());
        drop(Hand::waiting(sender.closed()));
        if by_sender {
            sender.close()
        } else {
            receiver.close()
        }
        closed.ready();
        assert!(receiver.is_closed());
        assert_eq!(sender.try_send(2), Err(PutError(2, Refused::Closed)));
        assert_eq!((now(receiver.recv()), now(receiver.recv())), (Some(1), None));
    }
}

#[test]
fn a_queue_tells_its_end_too() {
    let queue = Queue::new(2);
    queue.try_put(1).unwrap();
    let mut closed = Hand::waiting(queue.closed());
    assert_eq!((queue.free_capacity(), queue.is_full()), (Some(1), false));
    queue.close();
    closed.ready();
    assert_eq!(queue.try_get(), Ok(1));
    assert_eq!(Queue::<u8>::unbounded().free_capacity(), None);
}

#[test]
fn a_weak_sender_does_not_keep_the_channel_open() {
    let (sender, receiver) = channel(2);
    let weak = sender.downgrade();
    let strong = weak.upgrade().unwrap();
    drop(sender);
    strong.try_send(1).unwrap();
    assert!(!receiver.is_closed());
    drop(strong);
    assert!(weak.upgrade().is_none() && weak.clone().upgrade().is_none());
    assert_eq!((now(receiver.recv()), now(receiver.recv())), (Some(1), None));
}

#[test]
fn a_weak_sender_is_upgraded_in_a_channel_that_its_receiver_closed() {
    let (sender, receiver) = channel(1);
    let weak = sender.downgrade();
    receiver.close();
    assert!(weak.upgrade().unwrap().try_send(1).unwrap_err().is_closed());
    drop((sender, receiver));
    assert!(weak.upgrade().is_none());
}

#[test]
fn a_weak_receiver_does_not_keep_senders_sending() {
    let (sender, receiver) = channel::<u8>(1);
    let weak = receiver.downgrade();
    assert_eq!(weak.upgrade().map(|receiver| receiver.receiver_count()), Some(2));
    drop(receiver);
    assert!(weak.upgrade().is_none() && sender.is_closed());
    assert_eq!(weak.receiver_count(), 0);
}

#[test]
fn ends_are_counted_by_their_kind() {
    let (sender, receiver) = unbounded_channel::<u8>();
    let counts = |sender: &Sender<u8>, receiver: &Receiver<u8>| {
        let here =
            [sender.sender_count(), sender.receiver_count(), sender.weak_sender_count(), sender.weak_receiver_count()];
        let there = [
            receiver.sender_count(),
            receiver.receiver_count(),
            receiver.weak_sender_count(),
            receiver.weak_receiver_count(),
        ];
        assert_eq!(here, there);
        here
    };
    assert_eq!(counts(&sender, &receiver), [1, 1, 0, 0]);
    let more = (sender.clone(), receiver.clone(), receiver.clone(), sender.downgrade(), receiver.downgrade());
    let weak = (more.3.clone(), more.3.clone(), more.4.clone());
    assert_eq!(counts(&sender, &receiver), [2, 3, 3, 2]);
    assert_eq!((weak.0.sender_count(), weak.0.weak_sender_count()), (2, 3));
    assert_eq!((weak.2.receiver_count(), weak.2.weak_receiver_count()), (3, 2));
    let upgraded = weak.1.upgrade();
    assert_eq!(counts(&sender, &receiver), [3, 3, 3, 2]);
    drop((more, weak, upgraded));
    assert_eq!(counts(&sender, &receiver), [1, 1, 0, 0]);
    // A sink and a permit that own one are senders.
    let (sink, permit) = (sender.clone().into_sink(), sender.clone().try_reserve_owned().unwrap());
    assert_eq!(counts(&sender, &receiver), [3, 1, 0, 0]);
    drop((sink, permit));
    assert_eq!(counts(&sender, &receiver), [1, 1, 0, 0]);
}

#[test]
fn ends_of_one_channel_know_each_other() {
    let (sender, receiver) = channel::<u8>(1);
    let (other_sender, other_receiver) = channel::<u8>(1);
    assert!(sender.same_channel(&sender.clone()) && !sender.same_channel(&other_sender));
    assert!(receiver.same_channel(&receiver.clone()) && !receiver.same_channel(&other_receiver));
    let (weak, weak_receiver) = (sender.downgrade(), receiver.downgrade());
    assert!(weak.same_channel(&weak.clone()) && !weak.same_channel(&other_sender.downgrade()));
    assert!(weak_receiver.same_channel(&receiver.downgrade()));
    assert!(!weak_receiver.same_channel(&other_receiver.downgrade()));
}

#[test]
fn both_ends_see_the_same_room() {
    let (sender, receiver) = channel(2);
    let seen = |sender: &Sender<u8>, receiver: &Receiver<u8>| {
        let here = (sender.len(), sender.free_capacity(), sender.capacity(), sender.is_full(), sender.is_empty());
        let there =
            (receiver.len(), receiver.free_capacity(), receiver.capacity(), receiver.is_full(), receiver.is_empty());
        assert_eq!(here, there);
        here
    };
    assert_eq!(seen(&sender, &receiver), (0, Some(2), Some(2), false, true));
    sender.try_send(1).unwrap();
    let permit = sender.try_reserve().unwrap();
    assert_eq!(seen(&sender, &receiver), (1, Some(0), Some(2), true, false));
    drop(permit);
    assert_eq!(seen(&sender, &receiver), (1, Some(1), Some(2), false, false));
    let (sender, receiver) = unbounded_channel();
    sender.try_send(1).unwrap();
    assert_eq!(seen(&sender, &receiver), (1, None, None, false, false));
}

#[test]
fn a_forced_send_takes_the_oldest_item_back() {
    let (sender, receiver) = channel(2);
    for n in 0..2 {
        assert_eq!(sender.force_send(n), Ok(None));
    }
    assert_eq!(sender.force_send(2), Ok(Some(0)));
    assert_eq!(now(receiver.recv_many(9)), Ok(vec![1, 2]));
    // Where all room is reserved there is nothing to take back.
    let permits = sender.try_reserve_many(2).unwrap();
    assert_eq!(sender.force_send(3), Err(PutError(3, Refused::Full)));
    let mut recv = Hand::waiting(receiver.recv());
    assert_eq!(sender.force_send(4), Ok(None));
    assert_eq!(recv.ready(), Some(4));
    drop(permits);
}

#[test]
fn there_is_no_sender_left_in_the_last_ones_wake_up() {
    let (sender, receiver) = channel::<u8>(1);
    let weak = sender.downgrade();
    let seen = Rc::new(RefCell::new(Vec::new()));
    let into = seen.clone();
    let waker = bomb(move |op| {
        if matches!(op, Op::Wake | Op::WakeByRef) {
            into.borrow_mut().push(weak.upgrade().is_some());
        }
    });
    let mut recv = Hand::new(receiver.recv());
    assert!(recv.poll_with(&waker).is_pending());
    drop(sender);
    assert_eq!(*seen.borrow(), [false]);
    assert_eq!(recv.ready(), None);
    defuse();
}

#[test]
fn there_is_no_receiver_left_in_the_last_ones_wake_up_nor_in_an_items_destructor() {
    type Way<T> = Rc<RefCell<Option<(WeakReceiver<T>, WeakSender<T>)>>>;
    let seen = Rc::new(RefCell::new(Vec::new()));
    let look = |name: &'static str, way: &Way<Box<dyn std::any::Any>>| {
        let (way, seen) = (way.clone(), seen.clone());
        move || {
            let borrowed = way.borrow();
            let (receiver, sender) = borrowed.as_ref().unwrap();
            seen.borrow_mut().push((name, receiver.upgrade().is_some(), sender.upgrade().is_some()));
        }
    };
    let way: Way<Box<dyn std::any::Any>> = Rc::default();
    let (sender, receiver) = channel::<Box<dyn std::any::Any>>(1);
    *way.borrow_mut() = Some((receiver.downgrade(), sender.downgrade()));
    assert!(sender.try_send(Box::new(on_drop(look("item", &way)))).is_ok());
    let woken = look("waker", &way);
    let waker = bomb(move |op| {
        if matches!(op, Op::Wake | Op::WakeByRef) {
            woken();
        }
    });
    let mut send = Hand::new(sender.send(Box::new(1)));
    assert!(send.poll_with(&waker).is_pending());
    drop(receiver);
    assert_eq!(*seen.borrow(), [("waker", false, true), ("item", false, true)]);
    assert!(send.ready().unwrap_err().is_closed());
    drop(send);
    drop(sender);
    drop(way.take());
    defuse();
}

/// An item that is a sender again when it is dropped, if there is one left.
struct Heir {
    way: WeakSender<Heir>,
    kept: Rc<RefCell<Option<Sender<Heir>>>>,
}

impl Drop for Heir {
    fn drop(&mut self) {
        *self.kept.borrow_mut() = self.way.upgrade();
    }
}

#[test]
fn a_sender_that_an_items_destructor_upgrades_in_time_keeps_the_channel_open() {
    let (sender, receiver) = channel(1);
    let kept = Rc::new(RefCell::new(None));
    let heir = |sender: &Sender<Heir>| Heir { way: sender.downgrade(), kept: kept.clone() };
    assert!(sender.try_send(heir(&sender)).is_ok());
    let waiting = Hand::waiting(sender.send(heir(&sender)));
    drop(waiting);
    drop(sender);
    let heir = kept.take().unwrap();
    assert!(!receiver.is_closed() && heir.sender_count() == 1);
    // The last one's item comes too late.
    drop(heir);
    drop(now(receiver.recv()).unwrap());
    assert!(kept.borrow().is_none() && now(receiver.recv()).is_none());
}

#[test]
fn wakers_that_panic_at_the_end_do_not_keep_others_waiting() {
    let (sender, receiver) = channel::<u8>(1);
    let armed = Rc::new(Cell::new(true));
    let fuse = armed.clone();
    let waker = bomb(move |op| assert!(!(op == Op::Wake && fuse.get()), "bang"));
    sender.try_send(1).unwrap();
    let mut closed: Vec<_> = (0..3).map(|_| Hand::new(sender.closed().boxed_local())).collect();
    let mut reserve = Hand::waiting(sender.reserve());
    for hand in &mut closed {
        assert!(hand.poll_with(&waker).is_pending());
    }
    let mut last = Hand::waiting(sender.closed());
    assert!(catch_unwind(AssertUnwindSafe(|| receiver.close())).is_err());
    armed.set(false);
    last.ready();
    assert!(reserve.is_woken() && reserve.ready().is_err());
    closed.iter_mut().for_each(Hand::ready);
    assert_eq!(receiver.try_recv(), Ok(1));
    defuse();
}

#[test]
fn closed_does_not_wait_for_what_is_on_its_way() {
    let (sender, receiver) = channel(2);
    sender.try_send(1).unwrap();
    let permit = sender.try_reserve().unwrap();
    let mut early = Hand::waiting(sender.closed());
    receiver.close();
    early.ready();
    now(sender.closed());
    permit.send(2).unwrap();
    assert_eq!((receiver.try_recv(), receiver.try_recv()), (Ok(1), Ok(2)));
}
