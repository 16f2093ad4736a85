//! Watch: changes that are marked, streams.

use crate::kit::{
    bomb::{Op, bomb, defuse},
    hosts::{Hand, everywhere, now, pass},
    probe::{Drops, Record, Wakes, on_drop, panic_of},
};
use crate::sync::model::check;
use evenkeel::sync::{Closed, watch};
use futures::StreamExt;
use proptest::prelude::*;
use std::{
    cell::RefCell,
    rc::Rc,
    task::{Context, Poll, Waker},
};

// ---- scenarios

#[test]
fn a_receiver_that_is_marked_changed_sees_the_value_once_more() {
    let (sender, mut one) = watch::channel("one");
    let (mut two, mut three) = (one.clone(), one.clone());
    one.mark_changed();
    one.mark_changed();
    assert!(one.has_changed() && !two.has_changed());
    assert_eq!(now(one.changed()), Ok(()));
    assert!(Hand::new(one.changed()).is_pending() && Hand::new(two.changed()).is_pending());

    three.mark_changed();
    assert_eq!(*three.borrow(), "one");
    assert!(three.has_changed());
    assert_eq!(*three.borrow_and_update(), "one");
    assert!(!three.has_changed());

    sender.send("two").unwrap();
    assert_eq!(*three.borrow_and_update(), "two");
    three.mark_changed();
    assert_eq!((three.has_changed(), *three.borrow_and_update()), (true, "two"));
}

#[test]
fn a_receiver_that_is_marked_unchanged_waits_for_the_next_value() {
    let (sender, mut receiver) = watch::channel(1);
    receiver.mark_changed();
    receiver.mark_unchanged();
    assert!(!receiver.has_changed() && Hand::new(receiver.changed()).is_pending());
    sender.send(2).unwrap();
    receiver.mark_unchanged();
    assert!(!receiver.has_changed() && Hand::new(receiver.changed()).is_pending());
    assert_eq!(*receiver.borrow_and_update(), 2);
}

#[test]
fn a_mark_stays_with_its_receiver_and_goes_to_its_clones() {
    let (sender, mut one) = watch::channel(1);
    let two = one.clone();
    one.mark_changed();
    let mut three = one.clone();
    assert!(one.has_changed() && !two.has_changed() && three.has_changed());
    drop(sender);
    assert_eq!(now(three.changed()), Ok(()), "what is marked is seen also after the end");
    assert_eq!(now(three.changed()), Err(Closed));
    three.mark_changed();
    assert_eq!(now(three.changed()), Ok(()));
}

#[test]
fn a_value_that_was_not_modified_wakes_nobody() {
    let (sender, mut receiver) = watch::channel(1);
    let mut waiter = Hand::waiting(receiver.changed());
    assert!(!sender.send_if_modified(|value| {
        *value = 9;
        false
    }));
    assert!(!waiter.is_woken() && waiter.is_pending());
    assert_eq!(*sender.borrow(), 1, "what was done to the copy is not seen");
    assert!(sender.send_if_modified(|value| {
        *value += 1;
        true
    }));
    assert!(waiter.is_woken());
    waiter.ready().unwrap();
    drop(waiter);
    assert_eq!(*receiver.borrow(), 2);
}

#[test]
fn a_change_that_panics_leaves_the_value_and_wakes_nobody() {
    let (sender, mut receiver) = watch::channel(String::from("old"));
    let waiter = Hand::waiting(receiver.changed());
    for is_modify in [true, false] {
        let text = panic_of(|| {
            if is_modify {
                sender.send_modify(|value| {
                    value.push('!');
                    panic!("bang");
                });
            } else {
                sender.send_if_modified(|value| {
                    value.push('!');
                    panic!("bang");
                });
            }
        });
        assert_eq!(text, "bang");
    }
    assert!(!waiter.is_woken());
    drop(waiter);
    assert_eq!((receiver.borrow().as_str(), receiver.has_changed()), ("old", false));
    sender.send_modify(|value| value.push('+'));
    assert_eq!(*receiver.borrow(), "old+");
}

#[test]
fn a_change_may_use_the_channel_and_its_outcome_is_the_last() {
    let (sender, mut receiver) = watch::channel(1);
    let inside = sender.clone();
    assert!(sender.send_if_modified(|value| {
        inside.send_modify(|value| *value += 10);
        assert_eq!(*inside.borrow(), 11);
        assert!(inside.send_if_modified(|value| std::mem::replace(value, 50) == 11));
        assert_eq!((*value, *inside.subscribe().borrow()), (1, 50));
        *value += 1;
        true
    }));
    assert_eq!(*receiver.borrow_and_update(), 2);
    // One that sends nothing in the end leaves what was sent meanwhile.
    assert!(!sender.send_if_modified(|_| {
        inside.send(7).unwrap();
        false
    }));
    assert_eq!((receiver.has_changed(), *receiver.borrow()), (true, 7));
}

#[test]
fn a_clone_that_panics_leaves_the_value() {
    #[derive(Debug)]
    struct Fragile(u8);
    impl Clone for Fragile {
        fn clone(&self) -> Self {
            panic!("no copies of {}", self.0);
        }
    }
    let (sender, receiver) = watch::channel(Fragile(1));
    assert_eq!(panic_of(|| sender.send_if_modified(|_| true)), "no copies of 1");
    assert_eq!((receiver.borrow().0, receiver.has_changed()), (1, false));
    sender.send(Fragile(2)).unwrap();
    assert_eq!(receiver.borrow().0, 2);
}

#[test]
fn a_look_says_whether_its_value_was_new_to_the_receiver() {
    let (sender, mut receiver) = watch::channel("hello");
    sender.send("goodbye").unwrap();
    assert!(!sender.borrow().has_changed());
    drop(sender);
    assert!(receiver.borrow().has_changed());
    let seen = receiver.borrow_and_update();
    assert_eq!((*seen, seen.has_changed()), ("goodbye", true));
    assert!(!receiver.borrow().has_changed() && seen.has_changed());
    assert!(!now(receiver.wait_for(|_| true)).unwrap().has_changed());
    receiver.mark_changed();
    assert!(now(receiver.wait_for(|_| true)).unwrap().has_changed());
}

#[test]
fn a_sender_may_be_alone_at_first_and_again() {
    let sender = watch::Sender::<u8>::default();
    assert!(sender.is_closed());
    now(sender.closed());
    assert_eq!((sender.send(1), *sender.borrow()), (Err(1), 0));
    sender.send_modify(|value| *value = 2);
    let mut receiver = sender.subscribe();
    assert_eq!((*receiver.borrow(), receiver.has_changed(), sender.is_closed()), (2, false, false));
    sender.send(3).unwrap();
    assert_eq!(now(receiver.changed()), Ok(()));
    drop(receiver);
    assert_eq!(*watch::Sender::new(4).borrow(), 4);
}

#[test]
fn senders_and_receivers_are_counted_and_know_their_channel() {
    let (sender, receiver) = watch::channel(());
    let (other, alien) = watch::channel(());
    let (second, twin) = (sender.clone(), receiver.clone());
    assert_eq!((sender.sender_count(), sender.receiver_count()), (2, 2));
    assert!(sender.same_channel(&second) && !sender.same_channel(&other));
    assert!(receiver.same_channel(&twin) && receiver.same_channel(&second.subscribe()));
    assert!(!receiver.same_channel(&alien));
    drop((sender, twin));
    assert_eq!((second.sender_count(), second.receiver_count()), (1, 1));
}

#[test]
fn the_last_value_is_seen_by_who_waits_when_the_sender_goes() {
    let (sender, mut receiver) = watch::channel(1);
    let mut waiter = Hand::waiting(receiver.changed());
    sender.send(2).unwrap();
    drop(sender);
    assert_eq!(waiter.ready(), Ok(()));
    drop(waiter);
    assert_eq!((*receiver.borrow(), now(receiver.changed())), (2, Err(Closed)));
}

// ---- streams

#[test]
fn a_stream_of_changes_begins_with_the_first_that_was_not_seen() {
    let (sender, mut receiver) = watch::channel("hello");
    let mut items = Hand::new(receiver.items().into_future());
    assert!(items.is_pending());
    sender.send("good").unwrap();
    sender.send("bye").unwrap();
    assert_eq!(items.ready().0.as_deref(), Some(&"bye"));
    drop(items);
    assert!(!receiver.has_changed(), "what the stream gave was seen");

    sender.send("again").unwrap();
    assert_eq!(now(receiver.into_items().next()).as_deref(), Some(&"again"));
}

#[test]
fn a_stream_of_a_receiver_that_is_marked_begins_with_the_value_as_it_is() {
    let (sender, mut receiver) = watch::channel(1);
    receiver.mark_changed();
    let mut items = receiver.into_items();
    assert_eq!(now(items.next()).as_deref(), Some(&1));
    assert!(Hand::new(items.next()).is_pending());
    drop(sender);
    assert!(now(items.next()).is_none());
    let receiver = items.into_receiver();
    assert_eq!((receiver.is_closed(), receiver.has_changed()), (true, false));
}

#[test]
fn a_stream_ends_after_the_last_value_and_again_whenever_it_is_asked() {
    let (sender, receiver) = watch::channel(1);
    let mut items = receiver.into_items();
    assert!(Hand::new(items.next()).is_pending());
    sender.send(2).unwrap();
    drop(sender);
    assert_eq!(now(items.next()).as_deref(), Some(&2));
    for _ in 0..3 {
        assert!(now(items.next()).is_none());
    }
}

#[test]
fn a_stream_gives_each_value_once_at_most_and_the_newest_everywhere() {
    let record = everywhere(|tasks, record: Record<(u8, u8)>| {
        let (sender, receiver) = watch::channel(0);
        for name in 0..2 {
            let (mut items, record) = (receiver.clone().into_items(), record.clone());
            tasks.spawn(async move {
                while let Some(value) = items.next().await {
                    record.add((name, *value));
                    assert!(value.has_changed());
                }
            });
        }
        tasks.spawn(async move {
            for n in 1..4 {
                sender.send(2 * n - 1).unwrap();
                sender.send(2 * n).unwrap();
                pass().await;
                pass().await;
            }
        });
    });
    assert_eq!(record, [(0, 2), (1, 2), (0, 4), (1, 4), (0, 6), (1, 6)]);
}

#[test]
fn a_value_that_a_dropped_stream_was_told_of_counts_as_not_seen() {
    let (sender, mut receiver) = watch::channel(1);
    let mut items = receiver.items();
    assert!(items.poll_next_unpin(&mut Context::from_waker(Waker::noop())).is_pending());
    sender.send(2).unwrap();
    drop(items);
    assert!(receiver.has_changed());
    assert_eq!(now(receiver.items().next()).as_deref(), Some(&2));
}

#[test]
fn a_next_that_is_dropped_leaves_the_line_and_a_poll_stays_in_it() {
    let (sender, mut receiver) = watch::channel(1);
    let mut owned = receiver.clone().into_items();
    let mut borrowed = receiver.items();
    let [(of_owned, owns), (of_borrowed, borrows), (of_poll, polls)] = [0; 3].map(|_| Wakes::new());
    assert!(Hand::new(owned.next()).poll_with(&owns).is_pending());
    assert!(Hand::new(borrowed.next()).poll_with(&borrows).is_pending());
    sender.send(2).unwrap();
    assert_eq!((of_owned.count(), of_borrowed.count()), (0, 0), "nobody wakes who has left");
    assert_eq!((now(owned.next()).as_deref(), now(borrowed.next()).as_deref()), (Some(&2), Some(&2)));

    assert!(owned.poll_next_unpin(&mut Context::from_waker(&polls)).is_pending());
    sender.send(3).unwrap();
    assert_eq!(of_poll.count(), 1);
    // A `next` may go on from the place that a poll has taken.
    assert!(borrowed.poll_next_unpin(&mut Context::from_waker(&polls)).is_ready());
    assert!(borrowed.poll_next_unpin(&mut Context::from_waker(&polls)).is_pending());
    assert!(Hand::new(borrowed.next()).poll_with(&borrows).is_pending());
    sender.send(4).unwrap();
    assert_eq!((of_poll.count(), of_borrowed.count()), (1, 0));
    assert_eq!((now(owned.next()).as_deref(), now(borrowed.next()).as_deref()), (Some(&4), Some(&4)));
}

// ---- foreign code

#[test]
fn a_value_whose_destructor_sends_finds_everything_in_order() {
    type Value = crate::kit::probe::OnDrop<Box<dyn FnOnce()>>;
    let home: Rc<RefCell<Option<watch::Sender<Value>>>> = Rc::default();
    let (drops, record) = (Drops::default(), Record::new());
    let value = |n: u8| -> Value {
        let (home, guard, record) = (home.clone(), drops.guard(), record.clone());
        on_drop(Box::new(move || {
            let _guard = guard;
            record.add(n);
            if n == 1 {
                let sender = home.borrow().clone();
                sender.into_iter().for_each(|sender| {
                    let _ = sender.send_replace(on_drop(Box::new(|| ())));
                });
            }
        }))
    };
    let (sender, mut receiver) = watch::channel(value(1));
    *home.borrow_mut() = Some(sender.clone());
    let mut waiter = Hand::waiting(receiver.changed());
    sender.send(value(2)).unwrap_or_else(|_| unreachable!());
    waiter.ready().unwrap();
    drop(waiter);
    assert_eq!((record.take(), drops.count(), receiver.has_changed()), (vec![1, 2], 2, false));
    home.take();
}

#[test]
fn wakers_that_panic_keep_no_stream_from_a_value() {
    let (sender, receiver) = watch::channel(1);
    let waker = bomb(|op| assert!(!matches!(op, Op::Wake | Op::WakeByRef), "bang"));
    let [mut first, mut bomber, mut last] = [0; 3].map(|_| receiver.clone().into_items());
    let poll = |items: &mut watch::OwnedItems<i32>, waker| {
        items.poll_next_unpin(&mut Context::from_waker(waker)).map(|item| item.map(|n| *n))
    };
    let noop = Waker::noop();
    assert!(poll(&mut first, noop).is_pending() && poll(&mut bomber, &waker).is_pending());
    assert!(poll(&mut last, noop).is_pending());
    assert_eq!(panic_of(|| sender.send(2)), "bang");
    for items in [&mut first, &mut bomber, &mut last] {
        assert_eq!(poll(items, noop), Poll::Ready(Some(2)));
    }
    defuse();
}

// ---- against a model

#[derive(Clone, Copy, Debug)]
enum Deed {
    Send,
    Modify(bool),
    ModifyInModify(bool),
    Subscribe,
    Clone(usize),
    Drop(usize),
    Look(usize),
    See(usize),
    MarkChanged(usize),
    MarkUnchanged(usize),
    Changed(usize),
    Next(usize),
    EndSender,
}

/// The receiver of a stream that is made anew.
fn receiver_of(seen: &mut Option<watch::OwnedItems<usize>>) -> watch::Receiver<usize> {
    seen.take().unwrap().into_receiver()
}

#[test]
fn random_programs_of_changes_and_marks_agree_with_the_model() {
    let who = || any::<usize>();
    let deed = prop_oneof![
        4 => Just(Deed::Send),
        2 => any::<bool>().prop_map(Deed::Modify),
        1 => any::<bool>().prop_map(Deed::ModifyInModify),
        3 => Just(Deed::Subscribe),
        2 => who().prop_map(Deed::Clone),
        1 => who().prop_map(Deed::Drop),
        2 => who().prop_map(Deed::Look),
        2 => who().prop_map(Deed::See),
        2 => who().prop_map(Deed::MarkChanged),
        2 => who().prop_map(Deed::MarkUnchanged),
        4 => who().prop_map(Deed::Changed),
        6 => who().prop_map(Deed::Next),
        1 => Just(Deed::EndSender),
    ];
    check("watch", prop::collection::vec(deed, 1..80), |program| {
        let mut sender = Some(watch::Sender::new(0));
        let (mut value, mut number) = (0, 0);
        // Each receiver, as a stream, and whether there is something that it has not seen.
        let mut all: Vec<(Option<watch::OwnedItems<usize>>, bool)> = Vec::new();
        for deed in &program {
            number += 1;
            let is_open = sender.is_some();
            let at = |n: usize, count: usize| n % count.max(1);
            match *deed {
                Deed::Send | Deed::Modify(_) | Deed::ModifyInModify(_) | Deed::Subscribe if !is_open => {}
                Deed::Send => {
                    let sent = sender.as_ref().unwrap().send(number);
                    assert_eq!(sent, if all.is_empty() { Err(number) } else { Ok(()) });
                    if sent.is_ok() {
                        value = number;
                        all.iter_mut().for_each(|(_, unseen)| *unseen = true);
                    }
                }
                Deed::Modify(is_sent) => {
                    let is_so = sender.as_ref().unwrap().send_if_modified(|now| {
                        assert_eq!(std::mem::replace(now, number), value);
                        is_sent
                    });
                    assert_eq!(is_so, is_sent);
                    if is_sent {
                        value = number;
                        all.iter_mut().for_each(|(_, unseen)| *unseen = true);
                    }
                }
                Deed::ModifyInModify(is_sent) => {
                    let sender = sender.as_ref().unwrap();
                    sender.send_if_modified(|now| {
                        *now += 1000;
                        sender.send_modify(|now| *now += 1);
                        is_sent
                    });
                    value += if is_sent { 1000 } else { 1 };
                    all.iter_mut().for_each(|(_, unseen)| *unseen = true);
                }
                Deed::Subscribe => all.push((Some(sender.as_ref().unwrap().subscribe().into_items()), false)),
                Deed::EndSender => sender = None,
                _ if all.is_empty() => {}
                Deed::Clone(n) => {
                    let n = at(n, all.len());
                    let receiver = receiver_of(&mut all[n].0);
                    let pair = (Some(receiver.clone().into_items()), all[n].1);
                    all[n].0 = Some(receiver.into_items());
                    all.push(pair);
                }
                Deed::Drop(n) => drop(all.swap_remove(at(n, all.len()))),
                Deed::Next(n) => {
                    // Some keep their place in line from one of these to the next, and some leave it.
                    let n = at(n, all.len());
                    let (items, unseen) = &mut all[n];
                    let items = items.as_mut().unwrap();
                    let polled = if number % 2 == 0 {
                        items.poll_next_unpin(&mut Context::from_waker(Waker::noop()))
                    } else {
                        Hand::new(items.next()).poll()
                    };
                    let polled = polled.map(|item| item.map(|item| *item));
                    let wanted = match (*unseen, is_open) {
                        (true, _) => Poll::Ready(Some(value)),
                        (false, true) => Poll::Pending,
                        (false, false) => Poll::Ready(None),
                    };
                    assert_eq!(polled, wanted);
                    *unseen = false;
                }
                Deed::Look(n) | Deed::See(n) | Deed::MarkChanged(n) | Deed::MarkUnchanged(n) | Deed::Changed(n) => {
                    let n = at(n, all.len());
                    let (items, unseen) = &mut all[n];
                    let mut receiver = receiver_of(items);
                    assert_eq!((receiver.has_changed(), receiver.is_closed()), (*unseen, !is_open));
                    match deed {
                        Deed::Look(_) => {
                            let look = receiver.borrow();
                            assert_eq!((*look, look.has_changed()), (value, *unseen));
                        }
                        Deed::See(_) => {
                            let look = receiver.borrow_and_update();
                            assert_eq!((*look, look.has_changed()), (value, *unseen));
                            *unseen = false;
                        }
                        Deed::MarkChanged(_) => {
                            receiver.mark_changed();
                            *unseen = true;
                        }
                        Deed::MarkUnchanged(_) => {
                            receiver.mark_unchanged();
                            *unseen = false;
                        }
                        _ => {
                            let polled = Hand::new(receiver.changed()).poll();
                            let wanted = match (*unseen, is_open) {
                                (true, _) => Poll::Ready(Ok(())),
                                (false, true) => Poll::Pending,
                                (false, false) => Poll::Ready(Err(Closed)),
                            };
                            assert_eq!(polled, wanted);
                            *unseen = false;
                        }
                    }
                    *items = Some(receiver.into_items());
                }
            }
            if let Some(sender) = &sender {
                assert_eq!((*sender.borrow(), sender.receiver_count()), (value, all.len()));
            }
        }
        program.len()
    });
}
