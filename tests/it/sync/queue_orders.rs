//! Queues of other orders and with other policies, and batches.

use crate::kit::hosts::{Hand, everywhere, now, pass};
use evenkeel::sync::{Full, LifoQueue, PriorityQueue, PutError, Queue, Refused};
use std::{cmp::Reverse, rc::Rc};

#[test]
fn fact_74_lifo_order_and_priority_order() {
    let lifo = LifoQueue::new(3);
    let priority = PriorityQueue::new(3);
    for n in [1, 3, 2] {
        lifo.try_put(n).unwrap();
        priority.try_put(n).unwrap();
    }
    assert!(lifo.is_full() && priority.is_full());
    assert_eq!(std::iter::from_fn(|| lifo.try_get().ok()).collect::<Vec<_>>(), [2, 3, 1]);
    assert_eq!(std::iter::from_fn(|| priority.try_get().ok()).collect::<Vec<_>>(), [1, 2, 3]);
}

/// Compares by its first field only.
#[derive(Debug, Clone, Copy)]
struct Ticket(u8, char);

impl PartialEq for Ticket {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl Eq for Ticket {}
impl PartialOrd for Ticket {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Ticket {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

#[test]
fn a_priority_queue_is_stable_also_for_items_that_come_back() {
    let queue = PriorityQueue::unbounded();
    let getter = Hand::waiting(queue.get());
    for ticket in [Ticket(1, 'a'), Ticket(1, 'b'), Ticket(0, 'z'), Ticket(1, 'c')] {
        queue.try_put(ticket).unwrap();
    }
    drop(getter);
    let order: String = std::iter::from_fn(|| queue.try_get().ok().map(|ticket| ticket.1)).collect();
    assert_eq!(order, "zabc");
    let highest_first = PriorityQueue::new(2);
    highest_first.try_put(Reverse(1)).unwrap();
    highest_first.try_put(Reverse(2)).unwrap();
    assert_eq!(highest_first.try_get(), Ok(Reverse(2)));
}

#[test]
fn a_lifo_queue_puts_items_back_where_they_were() {
    let queue = LifoQueue::unbounded();
    let mut getters: Vec<_> = (0..2).map(|_| Hand::waiting(queue.get())).collect();
    for n in 0..3 {
        queue.try_put(n).unwrap();
    }
    drop(getters.remove(0));
    drop(getters);
    assert_eq!(std::iter::from_fn(|| queue.try_get().ok()).collect::<Vec<_>>(), [2, 1, 0]);
}

#[test]
fn policies_reject_fails_at_once_and_drop_oldest_makes_room() {
    let rejecting = Queue::new(1).when_full(Full::Reject);
    now(rejecting.put(1)).unwrap();
    assert_eq!(now(rejecting.put(2)), Err(PutError(2, Refused::Full)));

    let newest = Queue::new(2).when_full(Full::DropOldest);
    for n in 0..5 {
        now(newest.put(n)).unwrap();
    }
    assert_eq!((newest.unfinished(), newest.len()), (2, 2));
    assert_eq!(newest.force_put(5), Ok(Some(3)));
    assert_eq!(newest.close_now(), [4, 5]);
    assert!(newest.force_put(6).unwrap_err().is_closed());

    let urgent = PriorityQueue::new(2).when_full(Full::DropOldest);
    for n in [5, 1, 3] {
        urgent.try_put(n).unwrap();
    }
    assert_eq!(urgent.close_now(), [1, 3], "the least urgent went");

    let nothing = Queue::new(0).when_full(Full::DropOldest);
    assert_eq!(now(nothing.put(1)), Err(PutError(1, Refused::Full)));
    assert!(nothing.force_put(1).unwrap_err().is_full());
    let mut getter = Hand::waiting(nothing.get());
    assert_eq!(nothing.force_put(2), Ok(None));
    assert_eq!(getter.ready(), Ok(2));
}

#[test]
fn get_many_takes_what_is_there_and_lets_putters_in() {
    let record = everywhere(|tasks, record| {
        let queue = Rc::new(Queue::new(2));
        let puts = queue.clone();
        tasks.spawn(async move {
            for n in 0..5 {
                puts.put(n).await.unwrap();
            }
            pass().await;
            puts.close();
        });
        tasks.spawn(async move {
            record.add(queue.get_many(0).await.unwrap());
            while let Ok(items) = queue.get_many(4).await {
                record.add(items);
            }
        });
    });
    assert_eq!(record, [vec![], vec![0, 1, 2], vec![3, 4]]);
}
