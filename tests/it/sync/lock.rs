//! asyncio's `Lock`, which is a `Mutex` here, fact by fact; and events.

use crate::kit::{
    hosts::{Hand, everywhere, now, pass},
    probe::{panic_of, poll_with_noop},
};
use evenkeel::sync::{Event, Mutex};
use std::{cell::Cell, pin::pin, rc::Rc};

#[test]
fn lock_acquire_waiters_get_it_one_per_release_in_order() {
    let record = everywhere(|tasks, record| {
        let lock = Rc::new(Mutex::new(()));
        let inside = Rc::new(Cell::new(0));
        for n in 0..4 {
            let (lock, inside, record) = (lock.clone(), inside.clone(), record.clone());
            tasks.spawn(async move {
                let _guard = lock.lock().await;
                inside.set(inside.get() + 1);
                record.add((n, inside.get()));
                pass().await;
                inside.set(inside.get() - 1);
            });
        }
    });
    assert_eq!(record, [(0, 1), (1, 1), (2, 1), (3, 1)]);
}

#[test]
fn lock_acquire_cancel_leaves_no_trace() {
    let lock = Mutex::new(());
    let held = lock.try_lock().unwrap();
    drop(Hand::waiting(lock.lock()));
    assert_eq!(lock.waiting(), 0);
    drop(held);
    assert!(!lock.is_locked());
}

#[test]
fn lock_cancel_race_release_and_cancel_of_the_first_serves_the_second() {
    let lock = Mutex::new(());
    let held = lock.try_lock().unwrap();
    let [one, mut two] = [0; 2].map(|_| Hand::waiting(lock.lock()));
    drop(held);
    drop(one);
    assert!(two.is_woken());
    drop(two.ready());
    assert!(!lock.is_locked());
}

#[test]
fn lock_cancel_release_race_admits_exactly_one() {
    for cancel_first in [true, false] {
        let lock = Mutex::new(());
        let held = lock.try_lock().unwrap();
        let [one, mut two, mut three] = [0; 3].map(|_| Hand::waiting(lock.lock()));
        if cancel_first {
            drop(one);
            drop(held);
        } else {
            drop(held);
            drop(one);
        }
        let guard = two.ready();
        assert!(three.is_pending());
        assert!(lock.try_lock().is_none());
        drop(guard);
        drop(three.ready());
    }
}

#[test]
fn lock_finished_waiter_cancelled_wakes_the_next() {
    // The waiter has the lock, is cancelled before it runs, and somebody came in between.
    let lock = Mutex::new(());
    let held = lock.try_lock().unwrap();
    let one = Hand::waiting(lock.lock());
    drop(held);
    let mut late = Hand::waiting(lock.lock());
    drop(one);
    assert!(late.is_woken());
    drop(late.ready());
}

#[test]
fn lock_release_no_waiters_and_context_manager_unlock() {
    let lock = Mutex::new(1);
    {
        let mut guard = now(lock.lock());
        *guard += 1;
        assert!(lock.is_locked() && guard.is_held());
        assert!(std::ptr::eq(guard.mutex(), &lock));
    }
    assert!(!lock.is_locked());
    assert_eq!(lock.into_inner(), 2);
}

#[test]
fn fact_64_nobody_barges_between_release_and_the_woken_waiter() {
    let lock = Mutex::new(());
    let held = lock.try_lock().unwrap();
    let mut waiter = Hand::waiting(lock.lock());
    drop(held);
    assert!(lock.is_locked(), "it is the waiter's already");
    assert!(lock.try_lock().is_none());
    let mut late = Hand::waiting(lock.lock());
    let guard = waiter.ready();
    assert!(late.is_pending());
    drop(guard);
    drop(late.ready());
}

#[test]
fn owned_guards_move_into_tasks_and_bring_the_value_back() {
    evenkeel::run(async {
        let lock = Rc::new(Mutex::new(String::from("a")));
        let mut guard = lock.lock_owned().await;
        assert!(lock.try_lock_owned().is_none() && lock.try_lock().is_none());
        let waiter = {
            let lock = lock.clone();
            evenkeel::spawn(async move { lock.lock().await.push('c') })
        };
        evenkeel::spawn(async move {
            pass().await;
            guard.push('b');
            assert_eq!(guard.mutex().waiting(), 1);
        })
        .await
        .unwrap();
        waiter.await.unwrap();
        assert_eq!(*lock.try_lock_owned().unwrap(), "abc");
        assert_eq!(Rc::try_unwrap(lock).unwrap().into_inner(), "abc");
    });
}

#[test]
fn a_panic_unlocks_and_leaves_the_value() {
    for owned in [false, true] {
        let lock = Rc::new(Mutex::new(1));
        let text = panic_of(|| {
            if owned {
                *lock.try_lock_owned().unwrap() = 2;
                let _guard = lock.try_lock_owned().unwrap();
                panic!("inside");
            }
            let mut guard = lock.try_lock().unwrap();
            *guard = 2;
            panic!("inside");
        });
        assert_eq!((text.as_str(), *lock.try_lock().unwrap()), ("inside", 2));
    }
}

#[test]
fn a_mutex_says_what_became_of_a_forgotten_guard() {
    let lock = Rc::new(Mutex::new(5));
    std::mem::forget(lock.try_lock_owned().unwrap());
    assert!(lock.is_locked());
    let twice = Mutex::from(3);
    std::mem::forget(twice.try_lock());
    assert_eq!(twice.into_inner(), 3, "a borrowed guard leaves the value where it is");
    assert_eq!(format!("{:?}", Mutex::new(7)), "Mutex { value: 7, waiting: 0 }");
    let locked = Mutex::<u8>::default();
    let _guard = locked.try_lock();
    assert_eq!(format!("{locked:?}"), "Mutex { value: <locked>, waiting: 0 }");
}

// ---- events

#[test]
fn event_wait_set_wakes_all_and_one_that_has_not_begun_passes_first() {
    let record = everywhere(|tasks, record| {
        let event = Rc::new(Event::new());
        let wait = |name: &'static str| {
            let (event, record) = (event.clone(), record.clone());
            async move {
                event.wait().await;
                record.add(name);
            }
        };
        tasks.spawn(wait("one"));
        tasks.spawn(wait("two"));
        let setting = event.clone();
        tasks.spawn(async move { setting.set() });
        tasks.spawn(wait("late"));
    });
    assert_eq!(record, ["late", "one", "two"]);
}

#[test]
fn event_wait_on_set_does_not_suspend() {
    let event = Event::new();
    event.set();
    assert!(poll_with_noop(&mut pin!(event.wait())).is_ready());
    assert_eq!(event.stats().entered, 0);
}

#[test]
fn event_wait_cancel_removes_the_waiter() {
    let event = Event::new();
    let waiter = Hand::waiting(event.wait());
    assert_eq!(event.waiting(), 1);
    drop(waiter);
    assert_eq!(event.waiting(), 0);
}

#[test]
fn event_clear_makes_later_ones_wait() {
    let event = Event::default();
    assert!(!event.is_set());
    event.set();
    assert!(event.is_set());
    event.clear();
    assert!(!event.is_set());
    assert!(Hand::new(event.wait()).is_pending());
}

#[test]
fn fact_65_event_clear_with_waiters_set_and_clear_still_wakes_those_who_waited() {
    let event = Event::new();
    let mut waiters = [0; 3].map(|_| Hand::waiting(event.wait()));
    event.set();
    event.clear();
    assert!(!event.is_set());
    let mut late = Hand::waiting(event.wait());
    for waiter in &mut waiters {
        assert_eq!(waiter.wakes(), 1);
        waiter.ready();
    }
    assert!(late.is_pending() && !late.is_woken());
}
