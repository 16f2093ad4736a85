//! Who is notified by a condition stands in the lock's line from then on.

use crate::kit::{
    hosts::{Hand, everywhere, now, pass},
    probe::Record,
};
use evenkeel::{
    coop::{BUDGET, with_budget},
    spawn,
    sync::{Condition, Mutex},
};
use std::{
    cell::Cell,
    collections::VecDeque,
    future::poll_fn,
    pin::pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

/// Waits for a change, and counts the polls.
async fn wait(mutex: &Mutex<()>, condition: &Condition, polls: &Cell<usize>) {
    let mut guard = mutex.lock().await;
    let mut wait = pin!(condition.wait(&mut guard));
    poll_fn(|cx| {
        polls.set(polls.get() + 1);
        wait.as_mut().poll(cx)
    })
    .await;
}

#[test]
fn met_c10_sync_01_nobody_overtakes_who_was_notified() {
    let (mutex, condition, polls) = (Mutex::new(()), Condition::new(), Cell::new(0));
    for is_held in [true, false] {
        let mut waiter = Hand::waiting(wait(&mutex, &condition, &polls));
        let held = is_held.then(|| now(mutex.lock()));
        condition.notify_one();
        assert_eq!(condition.waiting(), 0);
        // With the lock free it is handed over at once.
        assert_eq!(waiter.is_woken(), !is_held);
        let mut late = Hand::waiting(mutex.lock());
        assert!(mutex.try_lock().is_none(), "{is_held}");
        drop(held);
        assert!(mutex.try_lock().is_none(), "{is_held}");
        assert!(waiter.is_woken() && !late.is_woken(), "{is_held}");
        waiter.ready();
        assert!(late.is_woken());
        drop(late.ready());
        assert!(mutex.try_lock().is_some());
    }
}

#[test]
fn met_c10_a_notified_waiter_is_polled_once_when_it_has_the_lock() {
    let record = everywhere(|tasks, record| {
        let shared = Rc::new((Mutex::new(()), Condition::new(), Cell::new(0)));
        for _ in 0..5 {
            let shared = shared.clone();
            tasks.spawn(async move { wait(&shared.0, &shared.1, &shared.2).await });
        }
        tasks.spawn(async move {
            pass().await;
            let guard = shared.0.lock().await;
            shared.1.notify_all();
            pass().await;
            // None was polled since they began to wait.
            record.add(shared.2.get());
            drop(guard);
            for _ in 0..9 {
                pass().await;
            }
            record.add(shared.2.get());
        });
    });
    assert_eq!(record, [5, 10]);
}

#[test]
fn met_c10_the_line_is_one_whoever_came_first() {
    let order = Record::new();
    let (mutex, condition) = (Mutex::new(()), Condition::new());
    let waits = async |name: &'static str| {
        let mut guard = mutex.lock().await;
        condition.wait(&mut guard).await;
        order.add(name);
    };
    let locks = async |name: &'static str| {
        let _guard = mutex.lock().await;
        order.add(name);
    };
    let (mut one, mut two) = (Hand::waiting(waits("first waiter")), Hand::waiting(waits("second waiter")));
    let held = now(mutex.lock());
    let mut before = Hand::waiting(locks("before"));
    condition.notify_one();
    let mut between = Hand::waiting(locks("between"));
    condition.notify_one();
    let mut behind = Hand::waiting(locks("behind"));
    assert_eq!(mutex.waiting(), 5);
    drop(held);
    for hand in [&mut before as &mut dyn Ready, &mut one, &mut between, &mut two, &mut behind] {
        hand.is_next();
    }
    assert_eq!(order.take(), ["before", "first waiter", "between", "second waiter", "behind"]);
    assert!(!mutex.is_locked());
}

/// A hand whose future ends when it is polled next.
trait Ready {
    fn is_next(&mut self);
}

impl<F: Future<Output = ()>> Ready for Hand<F> {
    fn is_next(&mut self) {
        assert!(self.is_woken());
        self.ready();
    }
}

#[test]
fn met_c10_who_goes_leaves_the_line_and_passes_lock_and_notification_on() {
    let (mutex, condition, polls) = (Mutex::new(()), Condition::new(), Cell::new(0));
    // Dropped: with the lock; in its line, not polled since; in its line, and polled.
    for case in 0..3 {
        let mut one = Hand::waiting(wait(&mutex, &condition, &polls));
        let mut two = Hand::waiting(wait(&mutex, &condition, &polls));
        let held = (case > 0).then(|| now(mutex.lock()));
        condition.notify_one();
        if case == 2 {
            assert!(one.is_pending());
        }
        let mut late = Hand::waiting(mutex.lock());
        drop(one);
        drop(held);
        // The lock goes to who was in line, and the notification stands behind.
        assert!(late.is_woken() && !two.is_woken(), "{case}");
        drop(late.ready());
        two.ready();
        assert!(!mutex.is_locked() && condition.waiting() == 0 && mutex.waiting() == 0, "{case}");
    }
}

#[test]
fn met_c10_a_guard_that_was_given_up_is_locked_again_in_the_same_line() {
    let (mutex, condition) = (Mutex::new(5), Condition::new());
    let mut guard = now(mutex.lock());
    drop(Hand::waiting(condition.wait(&mut guard)));
    let mut other = mutex.try_lock().unwrap();
    *other += 1;
    {
        let mut relock = Hand::waiting(guard.relock());
        assert!(mutex.try_lock().is_none());
        drop(other);
        assert!(mutex.try_lock().is_none());
        relock.ready();
    }
    assert_eq!(*guard, 6);
    drop(guard);
    assert_eq!(mutex.stats().granted, 1);
    assert_eq!(mutex.into_inner(), 6);
}

/// Two conditions and one lock, and one condition with two locks.
#[test]
fn met_c10_conditions_and_locks_may_be_mixed() {
    let (locks, conditions, polls) =
        ([Mutex::new(()), Mutex::new(())], [Condition::new(), Condition::new()], Cell::new(0));
    let mut hands: Vec<_> = [(0, 0), (0, 1), (1, 0), (1, 1)]
        .into_iter()
        .map(|(lock, condition)| Hand::waiting(wait(&locks[lock], &conditions[condition], &polls)))
        .collect();
    let held = now(locks[0].lock());
    conditions.iter().for_each(Condition::notify_all);
    let woken: Vec<bool> = hands.iter().map(|hand| hand.is_woken()).collect();
    assert_eq!(woken, [false, false, true, false]);
    drop(held);
    for index in [0, 1, 2, 3] {
        assert!(hands[index].is_woken(), "{index}");
        hands[index].ready();
    }
    let mut last = pin!(locks[0].lock());
    let polled = now(poll_fn(|cx| Poll::Ready(last.as_mut().poll(cx).is_ready())));
    assert!(polled);
}

/// A lock that is free is no slower to give way because somebody waits for a condition.
#[test]
fn met_c10_loop_05_a_lock_gives_way_while_somebody_waits_for_a_condition() {
    let shared = Rc::new((Mutex::new(0), Condition::new()));
    let waiting = shared.clone();
    let turns = evenkeel::run(async move {
        let _waiter = spawn(async move {
            let mut guard = waiting.0.lock().await;
            waiting.1.wait(&mut guard).await;
        });
        pass().await;
        let busy = shared.clone();
        let _busy = spawn(async move {
            loop {
                *busy.0.lock().await += 1;
            }
        });
        for _ in 0..5 {
            pass().await;
        }
        // In the last turn of a budget the lock may be taken and not used yet.
        let count = *shared.0.lock().await;
        count / BUDGET
    });
    assert!((4..=5).contains(&turns), "{turns}");
}

/// What is forgotten stays where it is, and harms nobody else once the lock is gone.
#[test]
fn met_c10_a_wait_that_is_forgotten_outlives_its_lock() {
    let condition = Condition::new();
    let mutex = Mutex::new(1);
    let mut guard = now(mutex.lock());
    let mut wait = Box::pin(condition.wait(&mut guard));
    assert!(now(poll_fn(|cx| Poll::Ready(wait.as_mut().poll(cx).is_pending()))));
    std::mem::forget(wait);
    assert_eq!(*now(mutex.lock()), 1);
    drop(guard);
    assert_eq!(mutex.into_inner(), 1);
    condition.notify_all();
    assert_eq!(condition.waiting(), 0);

    // With the lock alive it is as with a lock that somebody was handed and forgot.
    let mutex = Mutex::new(1);
    let mut guard = now(mutex.lock());
    let mut wait = Box::pin(condition.wait(&mut guard));
    assert!(now(poll_fn(|cx| Poll::Ready(wait.as_mut().poll(cx).is_pending()))));
    std::mem::forget(wait);
    condition.notify_one();
    assert!(mutex.is_locked() && mutex.try_lock().is_none());
}

#[test]
fn met_c10_many_are_notified_and_each_has_the_lock_in_its_turn() {
    let order = Record::new();
    let (mutex, condition) = (Mutex::new(()), Condition::new());
    let waits = async |number: usize| {
        let mut guard = mutex.lock().await;
        condition.wait(&mut guard).await;
        order.add(number);
    };
    let mut hands: Vec<_> = (0..1000).map(|number| Hand::waiting(waits(number))).collect();
    let held = now(mutex.lock());
    condition.notify_all();
    drop(held);
    for hand in &mut hands {
        hand.is_next();
    }
    assert_eq!(order.take(), (0..1000).collect::<Vec<_>>());
    assert!(!mutex.is_locked());
}

/// A predicate may take something out. Once it was true there is nothing to wait for, also when the budget is used up.
#[test]
fn met_c10_what_a_predicate_has_taken_is_not_lost_for_want_of_a_budget() {
    let mutex = Mutex::new(VecDeque::from([1]));
    let condition = Condition::new();
    let mut guard = now(mutex.lock());
    let taken = Cell::new(None);
    let mut take = pin!(condition.wait_for(&mut guard, |items: &mut VecDeque<i32>| {
        taken.set(items.pop_front());
        taken.get().is_some()
    }));
    let mut poll = || take.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(with_budget(0, &mut poll).is_pending());
    assert_eq!(taken.get(), None, "nobody looks without a budget");
    assert!(with_budget(1, &mut poll).is_ready());
    assert_eq!(taken.get(), Some(1));
}

/// Who was notified stood in line, whoever looks, and whenever.
#[test]
fn met_c10_what_is_counted_does_not_depend_on_who_looks() {
    for looks in [false, true] {
        let (mutex, condition) = (Mutex::new(()), Condition::new());
        let mut guard = now(mutex.lock());
        let mut wait = pin!(condition.wait(&mut guard));
        let mut poll = || wait.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(poll().is_pending());
        let held = mutex.try_lock().unwrap();
        condition.notify_one();
        if looks {
            assert_eq!(mutex.waiting(), 1);
        }
        drop(held);
        assert!(poll().is_ready());
        let stats = mutex.stats();
        assert_eq!((stats.entered, stats.granted, stats.peak), (1, 1, 1), "with a look: {looks}");
        assert_eq!(mutex.waiting(), 0);
    }
}
