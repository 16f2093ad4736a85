//! Ways to tell others: notify, oneshot, watch and broadcast.

use crate::kit::{
    hosts::{Hand, everywhere, now},
    probe::{Drops, Record, panic_of},
};
use evenkeel::sync::{
    Closed, Notify, TryGetError,
    broadcast::{self, RecvError, TryRecvError},
    oneshot, watch,
};
use futures::StreamExt;
use std::rc::Rc;

#[test]
fn notify_one_is_for_the_first_or_for_the_next_to_come_and_is_stored_once() {
    let notify = Notify::new();
    let [one, two] = [0; 2].map(|_| Hand::waiting(notify.notified()));
    notify.notify_one();
    assert!(one.is_woken() && !two.is_woken());
    notify.notify_one();
    notify.notify_one();
    notify.notify_one();
    now(notify.notified());
    assert!(Hand::new(notify.notified()).is_pending());
}

#[test]
fn notify_waiters_is_for_all_who_came_before_and_for_nobody_else() {
    let notify = Notify::default();
    let mut waiting = Hand::waiting(notify.notified());
    let mut not_polled = Hand::new(notify.notified());
    notify.notify_waiters();
    waiting.ready();
    not_polled.ready();
    assert!(Hand::new(notify.notified()).is_pending());
}

#[test]
fn oneshot_value_before_and_after_the_wait_and_none() {
    let record = everywhere(|tasks, record: Record<Result<u8, Closed>>| {
        let (early, first) = oneshot::channel();
        early.send(1).unwrap();
        let (late, second) = oneshot::channel();
        let (never, third) = oneshot::channel();
        tasks.spawn(async move {
            record.add(first.await);
            record.add(second.await);
            record.add(third.await);
        });
        tasks.spawn(async move {
            late.send(2).unwrap();
            drop(never);
        });
    });
    assert_eq!(record, [Ok(1), Ok(2), Err(Closed)]);
}

#[test]
fn oneshot_sender_learns_that_nobody_wants_the_value() {
    let (sender, receiver) = oneshot::channel();
    assert!(!sender.is_closed());
    drop(receiver);
    assert!(sender.is_closed());
    assert_eq!(sender.send(1), Err(1));

    let (mut sender, mut receiver) = oneshot::channel::<u8>();
    assert_eq!(receiver.try_recv(), Err(TryGetError::Empty));
    let mut closed = Hand::waiting(sender.closed());
    receiver.close();
    assert!(closed.is_woken());
    closed.ready();
    drop(closed);
    assert_eq!(receiver.try_recv(), Err(TryGetError::Closed));
    assert_eq!(now(receiver), Err(Closed));
}

#[test]
fn oneshot_a_value_sent_before_close_is_received_and_one_that_nobody_takes_is_dropped_at_once() {
    let drops = Drops::default();
    let (sender, mut receiver) = oneshot::channel();
    assert!(sender.send(drops.guard()).is_ok());
    receiver.close();
    assert!(now(&mut receiver).is_ok());
    assert!(now(receiver).is_err());
    let (sender, receiver) = oneshot::channel();
    assert!(sender.send(drops.guard()).is_ok());
    drop(receiver);
    assert_eq!(drops.count(), 2);
}

#[test]
fn watch_changed_sees_the_newest_value_only() {
    let (sender, mut receiver) = watch::channel(0);
    assert!(Hand::new(receiver.changed()).is_pending(), "the first value was seen");
    sender.send(1).unwrap();
    sender.send(2).unwrap();
    assert!(receiver.has_changed());
    assert_eq!(now(receiver.changed()), Ok(()));
    assert_eq!(*receiver.borrow(), 2);
    assert!(Hand::new(receiver.changed()).is_pending());
    let mut waiting = Hand::new(receiver.changed());
    assert!(waiting.is_pending());
    sender.send_modify(|value| *value += 1);
    assert_eq!(waiting.ready(), Ok(()));
    drop(waiting);
    assert_eq!(*receiver.borrow_and_update(), 3);
}

#[test]
fn watch_a_change_that_a_dropped_wait_had_been_told_of_is_not_lost() {
    let (sender, mut receiver) = watch::channel(0);
    let waiting = Hand::waiting(receiver.changed());
    sender.send(1).unwrap();
    drop(waiting);
    assert_eq!(now(receiver.changed()), Ok(()));
}

#[test]
fn watch_a_look_at_the_value_does_not_hold_up_the_sender() {
    let (sender, receiver) = watch::channel(String::from("old"));
    let old = receiver.borrow();
    assert_eq!(*sender.send_replace("new".into()), "old");
    assert_eq!((old.as_str(), receiver.borrow().as_str()), ("old", "new"));
}

#[test]
fn watch_ends_are_told_of_each_others_end() {
    let (sender, receiver) = watch::channel(0);
    let mut late = sender.subscribe();
    let second = sender.clone();
    let mut closed = Hand::waiting(second.closed());
    drop(sender);
    second.send(5).unwrap();
    let mut predicate = Hand::new(late.wait_for(|value| *value == 9));
    assert!(predicate.is_pending());
    drop(receiver);
    assert!(closed.is_pending());
    drop(closed);
    drop(second);
    assert_eq!(predicate.ready().unwrap_err(), Closed);
    drop(predicate);
    assert_eq!((*late.borrow(), late.is_closed()), (5, true));
    assert_eq!(now(late.changed()), Err(Closed));

    let (sender, receiver) = watch::channel(0);
    let mut closed = Hand::waiting(sender.closed());
    drop(receiver);
    closed.ready();
    assert_eq!((sender.send(1), sender.is_closed(), *sender.borrow()), (Err(1), true, 0));
    let mut again = sender.subscribe();
    sender.send(2).unwrap();
    assert_eq!(*now(again.wait_for(|value| *value == 2)).unwrap(), 2);
}

#[test]
fn broadcast_every_receiver_gets_every_value() {
    let record = everywhere(|tasks, record| {
        let (sender, first) = broadcast::channel(4);
        for (n, mut receiver) in [first, sender.subscribe(), sender.subscribe()].into_iter().enumerate() {
            let record = record.clone();
            tasks.spawn(async move {
                while let Ok(value) = receiver.recv().await {
                    record.add((n, value));
                }
            });
        }
        tasks.spawn(async move {
            assert_eq!(sender.send('a'), Ok(3));
            assert_eq!(sender.send('b'), Ok(3));
        });
    });
    assert_eq!(record, [(0, 'a'), (0, 'b'), (1, 'a'), (1, 'b'), (2, 'a'), (2, 'b')]);
}

#[test]
fn broadcast_a_slow_receiver_is_told_what_it_missed_and_holds_up_nobody() {
    let (sender, mut slow) = broadcast::channel(2);
    for n in 0..5 {
        sender.send(n).unwrap();
    }
    assert_eq!(slow.len(), 5);
    assert_eq!(now(slow.recv()), Err(RecvError::Lagged(3)));
    let mut late = sender.subscribe();
    assert_eq!((now(slow.recv()), slow.try_recv()), (Ok(3), Ok(4)));
    assert_eq!(late.try_recv(), Err(TryRecvError::Empty));
    drop(sender);
    assert_eq!(late.try_recv(), Err(RecvError::Closed.into()));
    assert_eq!(now(slow.recv()), Err(RecvError::Closed));
}

#[test]
fn broadcast_drops_a_value_that_all_have_seen_and_clones_for_all_but_the_last() {
    #[derive(Debug)]
    struct Counted(Rc<std::cell::Cell<u32>>);
    impl Clone for Counted {
        fn clone(&self) -> Self {
            self.0.set(self.0.get() + 1);
            Counted(self.0.clone())
        }
    }
    let clones = Rc::new(std::cell::Cell::new(0));
    let (sender, mut one) = broadcast::channel(8);
    let mut two = one.resubscribe();
    let unread = sender.subscribe();
    sender.send(Counted(clones.clone())).unwrap();
    sender.send(Counted(clones.clone())).unwrap();
    now(one.recv()).unwrap();
    now(two.recv()).unwrap();
    assert_eq!((clones.get(), Rc::strong_count(&clones)), (2, 3));
    drop(unread);
    assert_eq!(Rc::strong_count(&clones), 2, "the first was seen by all who are left");
    now(one.recv()).unwrap();
    now(two.recv()).unwrap();
    assert_eq!((clones.get(), Rc::strong_count(&clones)), (3, 1));
}

#[test]
fn broadcast_without_receivers_gives_the_value_back_and_streams_end() {
    assert!(panic_of(|| broadcast::channel::<()>(0)).contains("at least one"));
    let (sender, mut receiver) = broadcast::channel(1);
    sender.send(1).unwrap();
    sender.send(2).unwrap();
    let other = sender.clone();
    drop(sender);
    drop(other);
    assert_eq!(now(receiver.items().collect::<Vec<_>>()), [Err(RecvError::Lagged(1)), Ok(2)]);
    let (sender, receiver) = broadcast::channel(1);
    drop(receiver);
    assert_eq!((sender.send(1), sender.receiver_count()), (Err(1), 0));
}
