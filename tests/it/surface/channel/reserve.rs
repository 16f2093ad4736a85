//! Places that are reserved, as tokio's users know them.

use crate::kit::{
    hosts::{Hand, now},
    probe::{Drops, ms},
};
use evenkeel::{
    Instant,
    coop::BUDGET,
    sleep, spawn,
    sync::{Closed, PutError, Refused, SendTimeout, channel, unbounded_channel},
    testing, timeout, yield_now,
};
use std::{cell::Cell, rc::Rc, task::Poll};

#[test]
fn a_reserved_place_counts_as_if_its_item_were_there() {
    let (sender, receiver) = channel(2);
    let permit = now(sender.reserve()).unwrap();
    assert_eq!((sender.len(), sender.free_capacity(), sender.capacity()), (0, Some(1), Some(2)));
    sender.try_send(1).unwrap();
    assert!(sender.is_full() && receiver.is_full());
    assert_eq!(sender.try_send(2), Err(PutError(2, Refused::Full)));
    permit.send(3).unwrap();
    assert_eq!((receiver.try_recv(), receiver.try_recv()), (Ok(1), Ok(3)));
    assert_eq!(sender.free_capacity(), Some(2));
}

#[test]
fn a_permit_that_is_dropped_lets_the_next_in() {
    let (sender, receiver) = channel(1);
    let permit = sender.try_reserve().unwrap();
    let mut send = Hand::waiting(sender.send("after"));
    let mut later = Hand::waiting(sender.reserve());
    drop(permit);
    assert!(send.is_woken() && !later.is_woken());
    send.ready().unwrap();
    assert_eq!(receiver.try_recv(), Ok("after"));
    assert!(later.ready().is_ok());
}

#[test]
fn reserves_and_sends_stand_in_one_line() {
    let (sender, receiver) = channel(1);
    sender.try_send(0).unwrap();
    let mut reserve = Hand::waiting(sender.reserve());
    let mut send = Hand::waiting(sender.send(2));
    assert_eq!(receiver.try_recv(), Ok(0));
    assert!(reserve.is_woken() && !send.is_woken());
    assert_eq!(sender.try_reserve().unwrap_err(), Refused::Full);
    reserve.ready().unwrap().send(1).unwrap();
    assert_eq!(receiver.try_recv(), Ok(1));
    send.ready().unwrap();
    assert_eq!(receiver.try_recv(), Ok(2));
}

#[test]
fn an_item_that_a_receiver_waits_for_needs_no_place() {
    let (sender, receiver) = channel(1);
    let permit = sender.try_reserve().unwrap();
    let mut places = Hand::waiting(sender.reserve());
    let mut send = Hand::waiting(sender.send("second in line"));
    // It passes by who waits for a place, but no item.
    assert_eq!(receiver.try_recv(), Ok("second in line"));
    send.ready().unwrap();
    let mut recv = Hand::waiting(receiver.recv());
    sender.try_send("from hand to hand").unwrap();
    assert_eq!(recv.ready(), Some("from hand to hand"));
    assert!(!places.is_woken());
    permit.send("in its place").unwrap();
    assert!(places.is_pending());
    assert_eq!(receiver.try_recv(), Ok("in its place"));
    assert!(places.ready().is_ok());
}

#[test]
fn many_places_are_had_at_once_and_a_large_wish_is_not_starved() {
    let (sender, receiver) = channel(3);
    sender.try_send(0).unwrap();
    let mut many = Hand::waiting(sender.reserve_many(3));
    // Two places are free, and kept for the first in line.
    assert_eq!((sender.free_capacity(), sender.try_send(1)), (Some(0), Err(PutError(1, Refused::Full))));
    let mut small = Hand::waiting(sender.send(4));
    assert_eq!(receiver.try_recv(), Ok(0));
    let mut permits = many.ready().unwrap();
    assert_eq!((permits.len(), permits.size_hint()), (3, (3, Some(3))));
    permits.next().unwrap().send(1).unwrap();
    permits.next().unwrap().send(2).unwrap();
    assert!(small.is_pending());
    drop(permits);
    small.ready().unwrap();
    assert_eq!(now(receiver.recv_many(9)), Ok(vec![1, 2, 4]));
}

#[test]
fn who_wanted_many_places_and_leaves_gives_back_what_was_kept_for_it() {
    let (sender, receiver) = channel(3);
    sender.try_send(0).unwrap();
    let many = Hand::waiting(sender.reserve_many(3));
    let mut one = Hand::waiting(sender.send(1));
    let mut two = Hand::waiting(sender.reserve_many(2));
    drop(many);
    one.ready().unwrap();
    assert_eq!(sender.free_capacity(), Some(0));
    assert_eq!(receiver.try_recv(), Ok(0));
    assert_eq!(two.ready().unwrap().len(), 2);
    assert_eq!(sender.free_capacity(), Some(2));
}

#[test]
fn more_places_than_there_are_is_an_error_and_none_is_not() {
    let (sender, receiver) = channel::<u8>(2);
    assert_eq!(now(sender.reserve_many(3)).unwrap_err(), Refused::TooMany);
    assert_eq!(sender.try_reserve_many(3).unwrap_err(), Refused::TooMany);
    let _all = sender.try_reserve_many(2).unwrap();
    assert!(now(sender.reserve_many(0)).unwrap().next().is_none());
    receiver.close();
    assert_eq!(now(sender.reserve_many(0)).unwrap_err(), Refused::Closed);
    assert_eq!(sender.try_reserve_many(3).unwrap_err(), Refused::Closed);
}

#[test]
fn a_permit_that_owns_gives_the_sender_back() {
    let (sender, receiver) = channel(1);
    let permit = now(sender.reserve_owned()).unwrap();
    assert!(permit.sender().is_full());
    let sender = permit.send(1).unwrap();
    let PutError(sender, refused) = sender.try_reserve_owned().unwrap_err();
    assert_eq!((refused, receiver.try_recv()), (Refused::Full, Ok(1)));
    let sender = sender.try_reserve_owned().unwrap().release();
    assert_eq!((sender.free_capacity(), sender.sender_count()), (Some(1), 1));
    // The sender goes with a permit that is dropped, and the channel ends.
    drop(sender.try_reserve_owned().unwrap());
    assert_eq!(now(receiver.recv()), None);
}

#[test]
fn an_owned_reserve_that_is_dropped_in_line_drops_its_sender() {
    let (sender, receiver) = channel(1);
    sender.try_send(1).unwrap();
    let waiting = Hand::waiting(sender.reserve_owned());
    assert_eq!(receiver.sender_count(), 1);
    drop(waiting);
    assert_eq!((now(receiver.recv()), now(receiver.recv())), (Some(1), None));
}

#[test]
fn close_refuses_who_waits_and_waits_for_places_that_are_kept() {
    let (sender, receiver) = channel(1);
    let other = sender.clone();
    let permit = now(sender.reserve()).unwrap();
    let mut refused = Hand::waiting(other.reserve());
    receiver.close();
    assert!(refused.is_woken());
    assert_eq!(refused.ready().unwrap_err(), Closed);
    assert_eq!(other.try_send(0), Err(PutError(0, Refused::Closed)));
    let mut recv = Hand::waiting(receiver.recv());
    assert_eq!(receiver.try_recv(), Err(evenkeel::sync::TryGetError::Empty));
    permit.send(123).unwrap();
    assert!(recv.is_woken());
    assert_eq!((recv.ready(), now(receiver.recv())), (Some(123), None));
}

#[test]
fn a_closed_channel_ends_when_the_last_place_is_given_back() {
    for many in [false, true] {
        let (sender, receiver) = if many { unbounded_channel::<u8>() } else { channel(2) };
        let (one, two) = (sender.try_reserve().unwrap(), sender.try_reserve().unwrap());
        let mut waited = Hand::waiting(receiver.recv());
        receiver.close();
        let mut waits = Hand::waiting(receiver.recv());
        // Who waits for such an item is not handed one that is refused.
        assert!(sender.try_send(7).unwrap_err().is_closed());
        assert!(sender.force_send(7).unwrap_err().is_closed());
        drop(one);
        assert!(!waited.is_woken() && waited.is_pending());
        drop(two);
        assert_eq!((waited.ready(), waits.ready()), (None, None));
    }
}

#[test]
fn an_item_for_nobody_comes_back_from_its_place() {
    let drops = Drops::default();
    let (sender, receiver) = channel(2);
    let owned = sender.clone().try_reserve_owned().unwrap();
    let permit = sender.try_reserve().unwrap();
    drop(receiver);
    let error = permit.send(drops.guard()).unwrap_err();
    assert!(error.is_closed());
    assert_eq!(drops.count(), 0);
    let error = owned.send(drops.guard()).unwrap_err();
    drop((error, sender.try_reserve().unwrap_err()));
    assert_eq!(drops.count(), 1);
}

#[test]
fn without_a_bound_a_place_is_had_at_once() {
    let (sender, receiver) = unbounded_channel();
    let permits = now(sender.reserve_many(1000)).unwrap();
    assert_eq!((sender.free_capacity(), sender.is_full()), (None, false));
    for (n, permit) in permits.enumerate() {
        permit.send(n).unwrap();
    }
    assert_eq!(now(receiver.recv_many(2000)).unwrap().len(), 1000);
}

#[test]
fn a_rendezvous_lends_a_place_for_each_receiver_that_waits() {
    let (sender, receiver) = channel(0);
    let mut one = Hand::waiting(sender.reserve());
    let mut two = Hand::waiting(sender.reserve());
    let mut recv = Hand::waiting(receiver.recv());
    assert!(one.is_woken() && !two.is_woken());
    let permit = one.ready().unwrap();
    assert_eq!(sender.try_reserve().unwrap_err(), Refused::Full);
    let mut second = Hand::waiting(receiver.recv());
    let other = two.ready().unwrap();
    permit.send(1).unwrap();
    assert_eq!(recv.ready(), Some(1));
    // Its receiver gets another item, and goes: the next one gets this.
    sender.try_send(2).unwrap();
    assert_eq!(second.ready(), Some(2));
    other.send(3).unwrap();
    assert_eq!((sender.len(), sender.free_capacity(), now(receiver.recv())), (1, Some(0), Some(3)));
    assert_eq!(now(sender.reserve_many(2)).unwrap_err(), Refused::TooMany);
}

#[test]
fn a_rendezvous_place_that_is_given_back_is_lent_again() {
    let (sender, receiver) = channel(0);
    let mut recv = Hand::waiting(receiver.recv());
    let permit = sender.try_reserve().unwrap();
    let mut next = Hand::waiting(sender.reserve());
    drop(permit);
    next.ready().unwrap().send("a").unwrap();
    assert_eq!(recv.ready(), Some("a"));
    // Who only tries to receive asks as well.
    let mut last = Hand::waiting(sender.reserve());
    assert!(receiver.try_recv().is_err());
    last.ready().unwrap().send("b").unwrap();
    assert_eq!(receiver.try_recv(), Ok("b"));
}

#[test]
fn a_place_that_is_forgotten_does_not_keep_receivers_waiting_when_all_senders_are_gone() {
    let (sender, receiver) = channel(1);
    std::mem::forget(sender.try_reserve().unwrap());
    assert!(sender.try_send(1).unwrap_err().is_full());
    let mut recv = Hand::waiting(receiver.recv());
    drop(sender);
    assert_eq!(recv.ready(), None);
}

#[test]
fn a_send_that_is_too_late_gives_its_item_back() {
    testing::run(async {
        let (sender, receiver) = channel(1);
        sender.send(1).await.unwrap();
        let start = Instant::now();
        assert_eq!(sender.send_until(2, sleep(ms(5))).await, Err(PutError(2, Refused::TooLate)));
        assert_eq!(start.elapsed(), ms(5));
        let late = sender.send_timeout(3, ms(5)).await.unwrap_err();
        assert!(late.is_too_late() && !late.is_full() && !late.is_closed());
        // It has left the line, and room that comes later is nobody's.
        assert_eq!((receiver.recv().await, sender.free_capacity()), (Some(1), Some(1)));
        assert_eq!(sender.send_timeout(4, ms(0)).await, Ok(()));
        receiver.close();
        assert_eq!(sender.send_until(5, std::future::ready(())).await, Err(PutError(5, Refused::Closed)));
    });
}

#[test]
fn a_send_that_got_room_in_the_poll_in_which_its_time_is_over_was_sent() {
    let (sender, receiver) = channel(1);
    sender.try_send(1).unwrap();
    let end = async {
        assert_eq!(receiver.try_recv(), Ok(1));
    };
    let mut send = Hand::new(async { sender.send_until(2, end).await });
    assert_eq!(send.poll(), Poll::Ready(Ok(())));
    assert_eq!(receiver.try_recv(), Ok(2));
    // And one whose channel was closed then is refused for that.
    sender.try_send(3).unwrap();
    let end = async { receiver.close() };
    assert_eq!(now(sender.send_until(4, end)), Err(PutError(4, Refused::Closed)));
}

#[test]
fn a_reserve_that_times_out_loses_no_item() {
    testing::run(async {
        let (sender, receiver) = channel(1);
        let mut unsent = (0..3).collect::<Vec<_>>();
        let consumer = spawn(async move {
            sleep(ms(25)).await;
            let mut got = Vec::new();
            while let Some(item) = receiver.recv().await {
                got.push(item);
            }
            got
        });
        let mut tries = 0;
        while !unsent.is_empty() {
            tries += 1;
            if let Ok(permit) = timeout(ms(10), sender.reserve()).await {
                permit.unwrap().send(unsent.remove(0)).unwrap();
            }
        }
        drop(sender);
        assert_eq!((consumer.await.unwrap(), tries), (vec![0, 1, 2], 5));
    });
}

#[test]
fn each_place_that_is_ready_takes_from_the_budget() {
    testing::run(async {
        let (sender, receiver) = channel::<u8>(1);
        let done = Rc::new(Cell::new(0));
        let counted = done.clone();
        let _task = spawn(async move {
            while !receiver.is_closed() {
                drop(sender.reserve().await.unwrap());
                counted.set(counted.get() + 1);
            }
        });
        for turn in 1..4 {
            yield_now().await;
            assert_eq!(done.get() / (BUDGET as usize * turn), 1, "{}", done.get());
        }
    });
}
