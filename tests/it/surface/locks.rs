//! Mutexes: parts of a value, owned futures, unsized values.

use crate::kit::{
    bomb::{Op, bomb, defuse, polled_in_wake},
    hosts::{Hand, everywhere, now, pass},
    probe::{DropGuard, Drops, panic_of},
};
use evenkeel::sync::{
    Condition, MappedMutexGuard, MappedReadGuard, Mutex, MutexGuard, OwnedMappedMutexGuard, OwnedMutexGuard, ReadGuard,
    RwLock,
};
use std::{
    cell::{Cell, RefCell},
    fmt::{Debug, Display},
    rc::Rc,
};

// ---- as tokio's, async-lock's and std's users know it

#[test]
fn mutex_straight_execution_sees_what_was_written_before() {
    let mutex = Mutex::new(100);
    {
        let mut guard = now(mutex.lock());
        assert_eq!(*guard, 100);
        *guard = 99;
    }
    *now(mutex.lock()) -= 1;
    assert_eq!(*mutex.try_lock().unwrap(), 98);
}

#[test]
fn mutex_one_who_comes_later_waits_until_the_guard_is_dropped() {
    let mutex = Rc::new(Mutex::new(100));
    let first = mutex.try_lock_owned().unwrap();
    let mut second = Hand::waiting(mutex.lock_owned());
    assert!(!second.is_woken());
    drop(first);
    assert_eq!((second.wakes(), *second.ready()), (1, 100));
}

#[test]
fn mutex_a_wait_that_is_dropped_loses_no_lock_whether_woken_or_not() {
    for drop_before_unlock in [true, false] {
        let mutex = Mutex::new(1);
        let guard = mutex.try_lock().unwrap();
        let mut given_up = Some(Hand::waiting(mutex.lock()));
        let mut next = Hand::waiting(mutex.lock());
        if drop_before_unlock {
            given_up = None;
        }
        drop(guard);
        drop(given_up);
        assert_eq!(*next.ready(), 1);
        drop(next);
        assert!(mutex.try_lock().is_some());
    }
}

#[test]
fn mutex_try_lock_fails_while_locked_also_through_a_part() {
    let mutex = Mutex::new((0, 1));
    let part = MutexGuard::map(mutex.try_lock().unwrap(), |pair| &mut pair.1);
    assert!(mutex.try_lock().is_none() && mutex.is_locked());
    drop(part);
    assert!(mutex.try_lock().is_some());
}

#[test]
fn mutex_debug_and_display_of_guards_are_the_values_own() {
    let mutex = Rc::new(Mutex::new(String::from("s\n")));
    let guard = mutex.try_lock().unwrap();
    assert_eq!((format!("{guard:?}"), format!("{guard}")), ("\"s\\n\"".into(), "s\n".into()));
    assert_eq!(format!("{mutex:?}"), "Mutex { value: <locked>, waiting: 0 }");
    let part = MutexGuard::map(guard, |text| &mut text[..1]);
    assert_eq!((format!("{part:?}"), format!("{part}")), ("\"s\"".into(), "s".into()));
    drop(part);
    let owned = OwnedMutexGuard::map(mutex.try_lock_owned().unwrap(), |text| &mut text[1..]);
    assert_eq!((format!("{owned:?}"), format!("{owned:>3}")), ("\"\\n\"".into(), "  \n".into()));
}

#[test]
fn mutex_of_an_unsized_value_is_made_of_a_sized_one() {
    let numbers = Rc::new(Mutex::new([1, 2, 3]));
    let slice: Rc<Mutex<[i32]>> = numbers.clone();
    now(slice.lock())[1] = 7;
    assert_eq!(*now(numbers.lock()), [1, 7, 3]);
    let shown: Box<Mutex<dyn Display>> = Box::new(Mutex::new("text"));
    assert_eq!(shown.try_lock().unwrap().to_string(), "text");
    let debugged: Rc<Mutex<dyn Debug>> = Rc::new(Mutex::new(Some(1)));
    assert_eq!(format!("{debugged:?}"), "Mutex { value: Some(1), waiting: 0 }");
    // They are one lock, however it is seen.
    let held = numbers.try_lock_owned().unwrap();
    let mut waiter = Hand::waiting(slice.lock_owned());
    drop(held);
    assert_eq!(waiter.ready().len(), 3);
}

#[test]
fn mutex_conditions_wait_for_unsized_values_too() {
    let record = everywhere(|tasks, record| {
        let shared: Rc<(Condition, Mutex<[u8; 2]>)> = Rc::new((Condition::new(), Mutex::new([0, 0])));
        let waiting = shared.clone();
        tasks.spawn(async move {
            let slice: &Mutex<[u8]> = &waiting.1;
            let mut guard = slice.lock().await;
            waiting.0.wait_for(&mut guard, |slice| slice[1] == 2).await;
            record.add(guard.to_vec());
        });
        tasks.spawn(async move {
            for n in 1..=2 {
                shared.1.lock().await[1] = n;
                shared.0.notify_all();
                pass().await;
            }
        });
    });
    assert_eq!(record, [[0, 2]]);
}

#[test]
fn mutex_get_mut_and_into_inner_need_no_lock() {
    let mut mutex = Mutex::from(vec![1]);
    mutex.get_mut().push(2);
    std::mem::forget(mutex.try_lock());
    assert!(mutex.is_locked(), "a leaked guard leaves it locked for ever");
    mutex.get_mut().push(3);
    assert_eq!(mutex.into_inner(), [1, 2, 3]);
    let boxed: &mut Mutex<[u8]> = &mut Mutex::new([1, 2]);
    boxed.get_mut().reverse();
    assert_eq!(*boxed.try_lock().unwrap(), [2, 1]);
    assert_eq!(Mutex::<u8>::default().into_inner(), 0);
}

#[test]
fn mutex_a_leaked_owned_guard_leaves_it_locked_and_nobody_panics() {
    let mutex = Rc::new(Mutex::new(1));
    std::mem::forget(mutex.try_lock_owned());
    assert!(mutex.try_lock().is_none() && mutex.try_lock_owned().is_none());
    let waiter = Hand::waiting(mutex.lock_owned());
    drop(waiter);
    assert_eq!(format!("{mutex:?}"), "Mutex { value: <locked>, waiting: 0 }");
}

#[test]
fn mutex_a_large_value_stays_where_it_is_under_an_owned_guard() {
    let mutex = Rc::new(Mutex::new([0_u8; 4096]));
    let place: *const u8 = mutex.try_lock().unwrap().as_ptr();
    let guard = mutex.try_lock_owned().unwrap();
    assert!(size_of_val(&guard) <= 4 * size_of::<usize>());
    let moved = Box::new(guard);
    assert_eq!(moved.as_ptr(), place);
    let part = OwnedMutexGuard::map(*moved, |bytes| &mut bytes[1]);
    assert_eq!(std::ptr::from_ref(&*part), place.wrapping_add(1));
}

#[test]
fn mutex_guards_know_their_mutex() {
    let mutex = Rc::new(Mutex::new((1, 2)));
    let outlives = mutex.try_lock().unwrap().mutex();
    assert!(std::ptr::eq(outlives, &*mutex));
    let owned = mutex.try_lock_owned().unwrap();
    assert!(Rc::ptr_eq(owned.mutex(), &mutex));
    assert!(Rc::ptr_eq(OwnedMutexGuard::map(owned, |pair| &mut pair.0).mutex(), &mutex));
}

// ---- parts

#[test]
fn mutex_a_part_of_a_part_is_written_and_the_lock_goes_with_the_last_one() {
    let mutex = Mutex::new((vec![String::from("a")], 0));
    let part = MutexGuard::map(mutex.try_lock().unwrap(), |pair| &mut pair.0);
    let mut part = MappedMutexGuard::map(part, |texts| &mut texts[0]);
    part.push('b');
    let mut waiter = Hand::waiting(mutex.lock());
    let part = MappedMutexGuard::map(part, |text| text.as_mut_str());
    assert!(!waiter.is_woken());
    drop(part);
    assert_eq!(waiter.ready().0, ["ab"]);
}

#[test]
fn mutex_a_part_that_is_not_there_gives_the_guard_back_with_what_was_written() {
    let mutex = Rc::new(Mutex::new(vec![1]));
    let tried = MutexGuard::try_map(mutex.try_lock().unwrap(), |list| {
        list.push(2);
        list.get_mut(5)
    });
    let guard = tried.unwrap_err();
    assert!(mutex.is_locked() && guard.is_held() && guard.len() == 2);
    drop(guard);
    let owned = OwnedMutexGuard::try_map(mutex.try_lock_owned().unwrap(), |list| list.get_mut(5)).unwrap_err();
    let part = OwnedMutexGuard::try_map(owned, |list| list.get_mut(1)).unwrap();
    let part = OwnedMappedMutexGuard::try_map(part, |_| None::<&mut ()>).unwrap_err();
    assert_eq!(*OwnedMappedMutexGuard::map(part, |number| number), 2);
    assert!(!mutex.is_locked());
}

type Counted = (DropGuard, i32);

fn picking<F: Fn(&mut Counted) -> &mut i32>(pick: F) -> F {
    pick
}

#[test]
fn mutex_a_function_that_panics_while_it_picks_a_part_unlocks_and_loses_nothing() {
    let drops = Drops::default();
    let mutex = Rc::new(Mutex::new((drops.guard(), 1)));
    let waiter = RefCell::new(None);
    let pick = picking(|pair| {
        pair.1 += 1;
        *waiter.borrow_mut() = Some(Hand::waiting(mutex.lock_owned()));
        panic!("on purpose")
    });
    let ways: [&dyn Fn(); 4] = [
        &|| drop(MutexGuard::map(mutex.try_lock().unwrap(), pick)),
        &|| drop(MutexGuard::try_map(mutex.try_lock().unwrap(), |pair| Some(pick(pair)))),
        &|| drop(OwnedMutexGuard::map(mutex.try_lock_owned().unwrap(), pick)),
        &|| drop(MappedMutexGuard::map(MutexGuard::map(mutex.try_lock().unwrap(), |pair| pair), pick)),
    ];
    for (way, written) in ways.into_iter().zip(2..) {
        assert_eq!(panic_of(way), "on purpose");
        let mut waiter = waiter.take().unwrap();
        assert!(mutex.is_locked(), "the lock is whose turn it is");
        assert_eq!((waiter.wakes(), waiter.ready().1), (1, written));
        drop(waiter);
        assert!(mutex.try_lock().is_some());
        assert_eq!((Rc::strong_count(&mutex), drops.count()), (1, 0));
    }
    drop(mutex);
    assert_eq!(drops.count(), 1);
}

#[test]
fn mutex_a_part_is_picked_while_the_mutex_is_used_from_inside() {
    let mutex = Rc::new(Mutex::new((1, 2)));
    let inside = mutex.clone();
    let waiter = RefCell::new(None);
    let part = OwnedMutexGuard::map(mutex.try_lock_owned().unwrap(), |pair| {
        assert!(inside.try_lock().is_none());
        *waiter.borrow_mut() = Some(Hand::waiting(inside.lock_owned()));
        assert_eq!(format!("{inside:?}"), "Mutex { value: <locked>, waiting: 1 }");
        &mut pair.0
    });
    drop(part);
    assert_eq!(*waiter.take().unwrap().ready(), (1, 2));
}

#[test]
fn mutex_a_guard_that_lost_its_lock_shows_that_and_has_no_parts() {
    let (mutex, changed) = (Mutex::new(5), Condition::new());
    let lost = || {
        let mut guard = mutex.try_lock().unwrap();
        drop(Hand::waiting(changed.wait(&mut guard)));
        guard
    };
    let guard = lost();
    assert_eq!((format!("{guard:?}"), format!("{guard}")), ("<unlocked>".into(), "<unlocked>".into()));
    assert!(panic_of(|| drop(MutexGuard::map(guard, |number| number))).contains("relock"));
    assert!(panic_of(|| drop(MutexGuard::try_map(lost(), |number| Some(number)))).contains("relock"));
    let mut guard = lost();
    now(guard.relock());
    assert_eq!((format!("{guard:?}"), *MutexGuard::map(guard, |number| number)), ("5".into(), 5));
}

#[test]
fn mutex_whoever_is_woken_by_a_part_that_is_dropped_may_use_the_mutex_and_may_panic() {
    for panics in [false, true] {
        let mutex = Rc::new(Mutex::new((1, 2)));
        let woken = Rc::new(Cell::new(0));
        let (inside, count) = (mutex.clone(), woken.clone());
        let waker = bomb(move |op| {
            if op == Op::Wake {
                count.set(count.get() + 1);
                assert!(inside.try_lock().is_none(), "it is the waiter's already");
                assert!(!panics, "on purpose");
            }
        });
        let part = OwnedMutexGuard::map(mutex.try_lock_owned().unwrap(), |pair| &mut pair.1);
        let mut waiter = Hand::new(mutex.lock_owned());
        assert!(waiter.poll_with(&waker).is_pending());
        if panics {
            assert_eq!(panic_of(|| drop(part)), "on purpose");
        } else {
            drop(part);
        }
        assert_eq!((woken.get(), waiter.ready().1), (1, 2));
        drop(waiter);
        defuse();
        assert_eq!(Rc::strong_count(&mutex), 1);
    }
}

#[test]
fn mutex_whoever_is_polled_in_the_wake_up_itself_has_the_value_at_once() {
    let mutex = Rc::new(Mutex::new((1, 2)));
    let lock = Rc::new(RwLock::new(1));
    let (part, reader) = (OwnedMutexGuard::map(mutex.try_lock_owned().unwrap(), |pair| &mut pair.1), lock.try_read());
    let (locked, written) = (mutex.lock_owned(), lock.write_owned());
    let seen = Rc::new(Cell::new(0));
    let (first, second) = (seen.clone(), seen.clone());
    polled_in_wake(async move { first.set(first.get() + locked.await.1) });
    polled_in_wake(async move {
        let mut value = written.await;
        *value += 1;
        second.set(second.get() + 10 * *value);
    });
    drop(part);
    assert_eq!(seen.get(), 2, "he had it while the guard before was still on its way out");
    drop(reader);
    assert_eq!((seen.get(), *lock.try_read().unwrap()), (22, 2));
    defuse();
}

#[test]
fn mutex_the_last_share_goes_with_an_owned_part_and_drops_the_value() {
    let drops = Drops::default();
    let mutex = Rc::new(Mutex::new((drops.guard(), 1)));
    let part = OwnedMutexGuard::map(mutex.try_lock_owned().unwrap(), |pair| &mut pair.1);
    drop(mutex);
    assert_eq!((*part, drops.count()), (1, 0));
    drop(part);
    assert_eq!(drops.count(), 1);
}

#[test]
fn mutex_guards_of_borrowed_values_take_one_for_no_other() {
    // A value that borrows lives no shorter than the guards, and is of one lifetime: this compiles.
    let text = String::from("longer");
    let mutex = Rc::new(Mutex::new(vec![text.as_str()]));
    let mut part = MutexGuard::map(mutex.try_lock().unwrap(), |texts| &mut texts[0]);
    *part = &text[1..];
    // Of a part that borrows, what it borrows is a part, too.
    let part = MappedMutexGuard::map(part, |text| text);
    drop(part);
    assert_eq!(*mutex.try_lock_owned().unwrap(), ["onger"]);
    let lock = RwLock::new(vec![text.as_str()]);
    let part = ReadGuard::map(lock.try_read().unwrap(), |texts| &texts[0]);
    let part = MappedReadGuard::map(part, |text| *text);
    assert_eq!(&*part, "longer");
}
