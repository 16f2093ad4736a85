//! Readers and writers; cells that are filled once.

use crate::kit::hosts::{Hand, everywhere, now, pass};
use evenkeel::sync::{OnceCell, RwLock};
use std::{cell::Cell, rc::Rc};

#[test]
fn rwlock_many_readers_or_one_writer() {
    let lock = RwLock::new(1);
    let (one, two) = (now(lock.read()), now(lock.read()));
    assert_eq!(*one + *two, 2);
    assert!(lock.try_write().is_none());
    let mut writer = Hand::waiting(lock.write());
    drop(one);
    assert!(writer.is_pending());
    drop(two);
    let mut guard = writer.ready();
    assert!(lock.try_read().is_none() && lock.try_write().is_none());
    *guard = 5;
    drop(guard);
    drop(writer);
    assert_eq!(*lock.try_read().unwrap(), 5);
    assert_eq!(lock.into_inner(), 5);
}

#[test]
fn rwlock_is_fair_readers_behind_a_writer_wait_for_it() {
    let record = everywhere(|tasks, record| {
        let lock = Rc::new(RwLock::new(()));
        for (n, writes) in [false, false, true, false, false, true, false].into_iter().enumerate() {
            let (lock, record) = (lock.clone(), record.clone());
            tasks.spawn(async move {
                if writes {
                    let _guard = lock.write().await;
                    record.add(10 + n);
                    pass().await;
                } else {
                    let _guard = lock.read().await;
                    record.add(n);
                    pass().await;
                }
            });
        }
    });
    assert_eq!(record, [0, 1, 12, 3, 4, 15, 6]);
}

#[test]
fn rwlock_a_reader_does_not_overtake_a_waiting_writer() {
    let lock = RwLock::new(());
    let reader = now(lock.read());
    let writer = Hand::waiting(lock.write());
    assert!(lock.try_read().is_none());
    let mut late = Hand::waiting(lock.read());
    drop(writer);
    assert!(late.is_woken(), "the writer gave up: readers stand first");
    drop((late.ready(), reader));
    assert!(lock.try_write().is_some());
}

#[test]
fn rwlock_readers_that_stand_together_are_let_in_together() {
    let lock = RwLock::new(());
    let writer = now(lock.write());
    let mut readers = [0; 3].map(|_| Hand::waiting(lock.read()));
    let second = Hand::waiting(lock.write());
    let late = Hand::waiting(lock.read());
    drop(writer);
    assert!(readers.iter().all(Hand::is_woken) && !second.is_woken() && !late.is_woken());
    assert_eq!(lock.waiting(), 2);
    let guards: Vec<_> = readers.iter_mut().map(Hand::ready).collect();
    drop(guards);
    assert!(second.is_woken());
    drop(second);
    assert!(late.is_woken());
}

#[test]
fn rwlock_downgrade_lets_readers_in_and_writers_not() {
    let lock = Rc::new(RwLock::new(1));
    let mut guard = now(lock.write_owned());
    *guard += 1;
    let reader = Hand::waiting(lock.read());
    let writer = Hand::waiting(lock.write());
    let guard = guard.downgrade();
    assert!(reader.is_woken() && !writer.is_woken());
    assert_eq!(*guard, 2);
    drop((guard, reader));
    assert!(writer.is_woken());
}

#[test]
fn rwlock_owned_guards_move_into_tasks() {
    evenkeel::run(async {
        let lock = Rc::new(RwLock::new(String::from("a")));
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let guard = lock.try_read_owned().unwrap();
                evenkeel::spawn(async move {
                    pass().await;
                    guard.len()
                })
            })
            .collect();
        let mut writer = lock.write_owned().await;
        writer.push('b');
        for reader in readers {
            assert_eq!(reader.await.unwrap(), 1);
        }
        assert!(lock.try_write_owned().is_none());
        evenkeel::spawn(async move { writer.push('c') }).await.unwrap();
        assert_eq!(*lock.read_owned().await, "abc");
        assert_eq!(Rc::try_unwrap(lock).unwrap().into_inner(), "abc");
    });
}

#[test]
fn rwlock_is_locked_for_ever_by_a_forgotten_guard_but_for_its_owner() {
    let mut lock = RwLock::from(1);
    *lock.get_mut() = 2;
    assert_eq!(format!("{lock:?}"), "RwLock { value: 2, waiting: 0 }");
    std::mem::forget(lock.try_read());
    assert!(lock.try_write().is_none() && lock.try_read().is_some());
    *lock.get_mut() = 3;
    assert_eq!(lock.into_inner(), 3);
    let written = RwLock::<u8>::default();
    std::mem::forget(written.try_write());
    assert_eq!(format!("{written:?}"), "RwLock { value: <locked>, waiting: 0 }");
    assert_eq!(written.into_inner(), 0);
}

// ---- OnceCell

#[test]
fn once_cell_is_filled_once_and_all_get_that_value() {
    let record = everywhere(|tasks, record| {
        let cell = Rc::new(OnceCell::new());
        let calls = Rc::new(Cell::new(0));
        for n in 0..4 {
            let (cell, calls, record) = (cell.clone(), calls.clone(), record.clone());
            tasks.spawn(async move {
                let make = async || {
                    calls.set(calls.get() + 1);
                    pass().await;
                    n
                };
                let value = *cell.get_or_init(make).await;
                record.add((value, calls.get()));
            });
        }
    });
    assert_eq!(record, [(0, 1); 4]);
}

#[test]
fn once_cell_a_maker_that_fails_or_is_dropped_leaves_it_to_the_next() {
    let cell = OnceCell::new();
    let failed = now(cell.get_or_try_init(async || Err::<u8, _>("no")));
    assert_eq!(failed, Err("no"));
    let maker = Hand::waiting(cell.get_or_init(async || std::future::pending().await));
    let mut next = Hand::waiting(cell.get_or_init(async || 2));
    drop(maker);
    assert!(next.is_woken());
    assert_eq!(*next.ready(), 2);
    assert_eq!(now(cell.get_or_try_init(async || Err("never asked"))), Ok(&2));
}

#[test]
fn once_cell_set_while_somebody_makes_a_value_wins_and_wakes_the_others() {
    let cell = OnceCell::new();
    let mut maker = Hand::waiting(cell.get_or_init(async || {
        pass().await;
        1
    }));
    let mut waiting = Hand::waiting(cell.get_or_init(async || unreachable!()));
    assert_eq!((cell.set(7), cell.set(8)), (Ok(()), Err(8)));
    assert_eq!(*waiting.ready(), 7);
    assert_eq!(*maker.ready(), 7);
    assert_eq!((cell.get(), OnceCell::from(3).into_inner()), (Some(&7), Some(3)));
}
