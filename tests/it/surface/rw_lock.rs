//! Read-write locks: parts, upgradable readers, bounds.

use crate::kit::{
    bomb::{Op, bomb, defuse},
    hosts::{Hand, everywhere, now, pass},
    probe::{Drops, panic_of},
};
use evenkeel::sync::{
    MappedReadGuard, MappedWriteGuard, OwnedReadGuard, OwnedUpgradableReadGuard, OwnedWriteGuard, ReadGuard, RwLock,
    UpgradableReadGuard, WriteGuard,
};
use futures::future::{FutureExt, LocalBoxFuture};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRng, TestRunner},
};
use std::{
    cell::Cell,
    collections::{BTreeMap, VecDeque},
    fmt::Debug,
    rc::Rc,
    task::Poll,
};

// ---- as tokio's and async-lock's users know it

#[test]
fn rwlock_into_inner_drops_the_value_once_and_a_static_lock_needs_no_code() {
    thread_local! {
        static LOCK: RwLock<u8> = const { RwLock::new(1) };
    }
    LOCK.with(|lock| *lock.try_write().unwrap() += 1);
    LOCK.with(|lock| assert_eq!(*lock.try_read().unwrap(), 2));
    let drops = Drops::default();
    let value = RwLock::new(drops.guard()).into_inner();
    assert_eq!(drops.count(), 0);
    drop(value);
    assert_eq!(drops.count(), 1);
}

#[test]
fn rwlock_readers_share_and_a_writer_waits_for_all_of_them() {
    let lock = RwLock::new(100);
    let (one, two) = (now(lock.read()), now(lock.read()));
    let mut writer = Hand::waiting(lock.write());
    drop(one);
    assert!(!writer.is_woken());
    drop(two);
    *writer.ready() += 1;
    drop(writer);
    assert_eq!(*now(lock.read()), 101);
}

#[test]
fn rwlock_read_write_contention_counts_every_write() {
    let record = everywhere(|tasks, record| {
        let lock = Rc::new(RwLock::with_max_readers(0, 3));
        let done = Rc::new(Cell::new(0));
        for n in 0..20 {
            let (lock, done, record) = (lock.clone(), done.clone(), record.clone());
            tasks.spawn(async move {
                for _ in 0..5 {
                    if n % 2 == 0 {
                        let mut value = lock.write().await;
                        let before = *value;
                        pass().await;
                        *value = before + 1;
                    } else {
                        let value = lock.read().await;
                        let before = *value;
                        pass().await;
                        assert_eq!(*value, before);
                    }
                }
                done.set(done.get() + 1);
                if done.get() == 20 {
                    record.add(*lock.read().await);
                }
            });
        }
    });
    assert_eq!(record, [50]);
}

#[test]
fn rwlock_at_most_so_many_read_as_it_was_made_for() {
    let lock = RwLock::with_max_readers(1, 2);
    let upgradable = lock.try_upgradable_read().unwrap();
    let _reader = now(lock.read());
    let mut third = Hand::waiting(lock.read());
    assert!(lock.try_read().is_none());
    drop(upgradable);
    assert_eq!(*third.ready(), 1);
    assert!(panic_of(|| RwLock::with_max_readers(1, 0)).contains("Mutex"));
}

#[test]
fn rwlock_of_an_unsized_value_is_made_of_a_sized_one() {
    let lock = Rc::new(RwLock::new([1, 2, 3]));
    let slice: Rc<RwLock<[i32]>> = lock.clone();
    now(slice.write())[0] = 7;
    let last = OwnedReadGuard::map(now(slice.read_owned()), |slice| &slice[2]);
    assert_eq!((*last, now(lock.read())[0]), (3, 7));
    let shown: Box<RwLock<dyn Debug>> = Box::new(RwLock::new("text"));
    assert_eq!(format!("{shown:?}"), "RwLock { value: \"text\", waiting: 0 }");
    drop(now(now(shown.upgradable_read()).upgrade()));
}

#[test]
fn rwlock_debug_and_display_of_guards_are_the_values_own() {
    let lock = Rc::new(RwLock::new(String::from("a\n")));
    let shows = |guard: &dyn Fn() -> (String, String)| assert_eq!(guard(), ("\"a\\n\"".into(), "a\n".into()));
    macro_rules! shown {
        ($guard:expr) => {
            shows(&|| {
                let guard = $guard;
                (format!("{guard:?}"), format!("{guard}"))
            })
        };
    }
    shown!(lock.try_read().unwrap());
    shown!(lock.try_write().unwrap());
    shown!(lock.try_upgradable_read().unwrap());
    shown!(lock.try_read_owned().unwrap());
    shown!(lock.try_write_owned().unwrap());
    shown!(lock.try_upgradable_read_owned().unwrap());
    shown!(ReadGuard::map(lock.try_read().unwrap(), |text| text.as_str()));
    shown!(OwnedReadGuard::map(lock.try_read_owned().unwrap(), |text| text.as_str()));
    shown!(WriteGuard::map(lock.try_write().unwrap(), |text| text.as_mut_str()));
    shown!(OwnedWriteGuard::map(lock.try_write_owned().unwrap(), |text| text.as_mut_str()));
}

#[test]
fn rwlock_parts_are_read_and_written_and_the_lock_goes_with_them() {
    let lock = Rc::new(RwLock::new((vec![1, 2], "b")));
    let list = ReadGuard::map(lock.try_read().unwrap(), |pair| &pair.0);
    let list = MappedReadGuard::try_map(list, |list| list.get(7)).unwrap_err();
    let second = MappedReadGuard::map(list, |list| &list[1]);
    assert!(lock.try_write().is_none() && lock.try_read().is_some());
    assert_eq!(*second, 2);
    drop(second);
    let list = WriteGuard::map(lock.try_write().unwrap(), |pair| &mut pair.0);
    let mut list = MappedWriteGuard::try_map(list, |list| list.get_mut(7)).unwrap_err();
    list.push(3);
    let mut reader = Hand::waiting(lock.read());
    *MappedWriteGuard::map(list, |list| &mut list[0]) = 7;
    assert_eq!(reader.ready().0, [7, 2, 3]);
    drop(reader);
    let guard = OwnedWriteGuard::try_map(lock.try_write_owned().unwrap(), |pair| pair.0.get_mut(9)).unwrap_err();
    assert!(Rc::ptr_eq(guard.rw_lock(), &lock));
    let last = OwnedWriteGuard::try_map(guard, |pair| pair.0.last_mut()).unwrap();
    assert!(Rc::ptr_eq(last.rw_lock(), &lock) && lock.try_read().is_none());
}

#[test]
fn rwlock_a_writer_becomes_a_reader_of_a_part() {
    let lock = Rc::new(RwLock::new((1, 2)));
    let mut reader = Hand::new(lock.read());
    let part = {
        let mut writer = now(lock.write());
        assert!(reader.is_pending());
        writer.1 = 3;
        let writer = WriteGuard::try_downgrade_map(writer, |_| None::<&u8>).unwrap_err();
        assert!(!reader.is_woken());
        WriteGuard::try_downgrade_map(writer, |pair| Some(&pair.1)).unwrap()
    };
    assert_eq!((reader.ready().1, *part), (3, 3));
    assert!(lock.try_write().is_none());
    drop((part, reader));
    let writer = OwnedWriteGuard::try_downgrade_map(now(lock.write_owned()), |_| None::<&u8>).unwrap_err();
    let part = OwnedWriteGuard::downgrade_map(writer, |pair| &pair.0);
    assert_eq!((*part, lock.try_read().is_some(), lock.try_write().is_some()), (1, true, false));
}

#[test]
fn rwlock_a_function_that_panics_while_it_picks_a_part_unlocks_and_loses_nothing() {
    let lock = Rc::new(RwLock::new((1, 2)));
    fn pick(_: &(i32, i32)) -> &i32 {
        panic!("on purpose")
    }
    fn pick_mut(pair: &mut (i32, i32)) -> &mut i32 {
        pair.0 += 1;
        panic!("on purpose")
    }
    let ways: [&dyn Fn(); 7] = [
        &|| drop(ReadGuard::map(lock.try_read().unwrap(), pick)),
        &|| drop(OwnedReadGuard::try_map(lock.try_read_owned().unwrap(), |pair| Some(pick(pair)))),
        &|| drop(WriteGuard::map(lock.try_write().unwrap(), pick_mut)),
        &|| drop(OwnedWriteGuard::try_map(lock.try_write_owned().unwrap(), |pair| Some(pick_mut(pair)))),
        &|| drop(WriteGuard::downgrade_map(lock.try_write().unwrap(), pick)),
        &|| drop(WriteGuard::try_downgrade_map(lock.try_write().unwrap(), |pair| Some(pick(pair)))),
        &|| drop(OwnedWriteGuard::downgrade_map(lock.try_write_owned().unwrap(), pick)),
    ];
    for way in ways {
        assert_eq!(panic_of(way), "on purpose");
        assert!(lock.try_write().is_some());
    }
    assert_eq!((lock.try_read().unwrap().0, Rc::strong_count(&lock)), (3, 1));
}

// ---- upgradable readers

#[test]
fn rwlock_an_upgradable_reader_stands_beside_readers_and_alone_among_its_kind() {
    let lock = RwLock::new(5);
    let before = lock.try_read().unwrap();
    let upgradable = now(lock.upgradable_read());
    let after = lock.try_read().unwrap();
    assert_eq!(*before + *upgradable + *after, 15);
    assert!(lock.try_upgradable_read().is_none() && lock.try_write().is_none());
    assert!(std::ptr::eq(upgradable.rw_lock(), &raw const lock));
    let mut second = Hand::waiting(lock.upgradable_read());
    drop(upgradable);
    assert_eq!(*second.ready(), 5);
}

#[test]
fn rwlock_upgrade_waits_for_readers_and_goes_before_writers_in_line() {
    let lock = Rc::new(RwLock::new(0));
    let (one, two) = (lock.try_read().unwrap(), lock.try_read().unwrap());
    let upgradable = lock.try_upgradable_read_owned().unwrap();
    let mut writer = Hand::waiting(lock.write());
    let mut upgrade = Hand::waiting(upgradable.upgrade());
    assert_eq!(lock.waiting(), 2);
    drop(one);
    assert!(!upgrade.is_woken());
    drop(two);
    assert!(upgrade.is_woken() && !writer.is_woken());
    let mut guard = upgrade.ready();
    *guard += 1;
    assert!(lock.try_read().is_none());
    drop(guard);
    drop(upgrade);
    assert_eq!(*writer.ready(), 1);
}

#[test]
fn rwlock_while_somebody_upgrades_no_new_reader_is_let_in() {
    let lock = RwLock::new(0);
    let reader = lock.try_read().unwrap();
    let mut upgrade = Hand::waiting(lock.try_upgradable_read().unwrap().upgrade());
    assert!(lock.try_read().is_none());
    let mut late = Hand::waiting(lock.read());
    drop(reader);
    let writer = upgrade.ready();
    assert!(!late.is_woken());
    let reader = writer.downgrade();
    assert_eq!(*late.ready() + *reader, 0);
}

#[test]
fn rwlock_try_upgrade_is_for_the_only_reader_and_gives_the_guard_back_otherwise() {
    let lock = Rc::new(RwLock::new(1));
    let upgradable = lock.try_upgradable_read_owned().unwrap();
    let reader = lock.try_read().unwrap();
    let upgradable = upgradable.try_upgrade().unwrap_err();
    assert_eq!(*upgradable, 1);
    drop(reader);
    // Whoever waits does not keep it from that.
    let writer = Hand::waiting(lock.write());
    let mut guard = upgradable.try_upgrade().unwrap();
    *guard = 2;
    assert!(lock.try_read().is_none() && !writer.is_woken());
    drop(guard);
    assert!(writer.is_woken());
}

#[test]
fn rwlock_an_upgradable_reader_that_becomes_a_plain_one_lets_the_next_one_of_its_kind_in() {
    let lock = Rc::new(RwLock::new(1));
    let upgradable = lock.try_upgradable_read_owned().unwrap();
    let mut next = Hand::waiting(lock.upgradable_read());
    let mut writer = Hand::waiting(lock.write());
    let reader = upgradable.downgrade();
    let next_one = next.ready();
    assert_eq!(*reader + *next_one, 2);
    drop((reader, next_one));
    drop(next);
    assert_eq!(*writer.ready(), 1);
}

#[test]
fn rwlock_a_writer_becomes_an_upgradable_reader_and_a_writer_again_and_nobody_writes_between() {
    let lock = RwLock::new(0);
    let mut guard = now(lock.write());
    *guard = 1;
    let mut reader = Hand::waiting(lock.read());
    let mut writer = Hand::waiting(lock.write());
    let upgradable = guard.downgrade_to_upgradable();
    assert!(reader.is_woken() && !writer.is_woken());
    let mut upgrade = Hand::waiting(upgradable.upgrade());
    drop(reader.ready());
    drop(reader);
    *upgrade.ready() += 1;
    drop(upgrade);
    assert_eq!(*writer.ready(), 2);
}

#[test]
fn rwlock_an_upgrade_that_is_dropped_ends_the_reading_at_every_point() {
    for owned in [false, true] {
        // 0: before its first poll, 1: while it waits, 2: when it is a writer and does not know yet.
        for point in 0..3 {
            let lock = Rc::new(RwLock::new(0));
            let reader = lock.try_read_owned().unwrap();
            let upgrading: LocalBoxFuture<'_, ()> = if owned {
                lock.try_upgradable_read_owned().unwrap().upgrade().map(drop).boxed_local()
            } else {
                lock.try_upgradable_read().unwrap().upgrade().map(drop).boxed_local()
            };
            let mut upgrade = Some(Hand::new(upgrading));
            if point > 0 {
                assert!(upgrade.as_mut().unwrap().is_pending());
            }
            let mut late = Hand::new(lock.read());
            let waits = late.is_pending();
            assert_eq!(waits, point > 0, "no reader comes in while somebody upgrades");
            if point < 2 {
                upgrade = None;
                assert_eq!(late.is_woken(), point == 1);
            }
            drop(reader);
            if let Some(upgrade) = upgrade.take() {
                assert!(upgrade.is_woken() && !late.is_woken());
                drop(upgrade);
                assert!(late.is_woken());
            }
            drop(late);
            assert!(lock.try_write().is_some(), "{owned} {point}");
            assert_eq!((Rc::strong_count(&lock), lock.waiting()), (1, 0));
        }
    }
}

#[test]
fn rwlock_two_who_read_and_then_write_do_not_wait_for_each_other() {
    let record = everywhere(|tasks, record| {
        let lock = Rc::new(RwLock::new(0));
        for n in 0..4 {
            let (writing, record) = (lock.clone(), record.clone());
            tasks.spawn(async move {
                let lock = writing;
                let seen = lock.upgradable_read().await;
                let value = *seen;
                pass().await;
                let mut writer = seen.upgrade().await;
                assert_eq!(*writer, value, "nobody has written in between");
                *writer += 1;
                record.add((n, *writer));
            });
            let lock = lock.clone();
            tasks.spawn(async move {
                let _reader = lock.read().await;
                pass().await;
            });
        }
    });
    assert_eq!(record, [(0, 1), (1, 2), (2, 3), (3, 4)]);
}

#[test]
fn rwlock_no_stream_of_readers_or_upgraders_starves_a_writer() {
    let record = everywhere(|tasks, record| {
        let lock = Rc::new(RwLock::new(0));
        for n in 0..3 {
            let lock = lock.clone();
            tasks.spawn(async move {
                for round in 0..30 {
                    if (n + round) % 3 == 0 {
                        let reader = lock.upgradable_read().await;
                        pass().await;
                        *reader.upgrade().await += 1;
                    } else {
                        let _reader = lock.read().await;
                        pass().await;
                    }
                }
            });
        }
        tasks.spawn(async move {
            pass().await;
            let mut rounds = 0;
            let mut writer = Hand::new(lock.write());
            let seen = std::future::poll_fn(|cx| {
                rounds += 1;
                writer.poll_with(cx.waker())
            })
            .await;
            record.add((*seen <= 3, rounds));
        });
    });
    assert_eq!(record, [(true, 2)], "it is woken once, when it writes; at most three others have written before");
}

// ---- hostile wakers

#[test]
fn rwlock_whoever_is_woken_may_use_the_lock_and_may_panic() {
    type Owner = Rc<RwLock<i32>>;
    // What wakes a reader in line.
    let ways: [fn(&Owner, OwnedWriteGuard<i32>); 5] = [
        |_, writer| drop(writer),
        |_, writer| drop(writer.downgrade()),
        |_, writer| drop(writer.downgrade_to_upgradable()),
        |_, writer| drop(OwnedWriteGuard::downgrade_map(writer, |value| value)),
        |_, writer| drop(OwnedWriteGuard::map(writer, |value| value)),
    ];
    for way in ways {
        for panics in [false, true] {
            let lock = Rc::new(RwLock::new(1));
            let inside = lock.clone();
            let waker = bomb(move |op| {
                if op == Op::Wake {
                    assert!(inside.try_write().is_none(), "the waiter reads already");
                    assert_eq!(*inside.try_read().unwrap(), 1);
                    assert!(!panics, "on purpose");
                }
            });
            let writer = lock.try_write_owned().unwrap();
            let mut reader = Hand::new(lock.read_owned());
            assert!(reader.poll_with(&waker).is_pending());
            if panics {
                assert_eq!(panic_of(|| way(&lock, writer)), "on purpose");
            } else {
                way(&lock, writer);
            }
            drop(reader.ready());
            drop(reader);
            assert!(lock.try_write().is_some());
            defuse();
        }
    }
}

#[test]
fn rwlock_an_upgrade_that_is_dropped_wakes_readers_who_may_panic() {
    for panics in [false, true] {
        let lock = Rc::new(RwLock::new(1));
        let held = lock.try_read_owned().unwrap();
        let upgrade = Hand::waiting(lock.try_upgradable_read_owned().unwrap().upgrade());
        let inside = lock.clone();
        let waker = bomb(move |op| {
            if op == Op::Wake {
                // A writer stands in line.
                assert!(inside.try_upgradable_read().is_none());
                assert!(!panics, "on purpose");
            }
        });
        let mut reader = Hand::new(lock.read_owned());
        assert!(reader.poll_with(&waker).is_pending());
        let mut writer = Hand::waiting(lock.write_owned());
        if panics {
            assert_eq!(panic_of(|| drop(upgrade)), "on purpose");
        } else {
            drop(upgrade);
        }
        drop(reader.ready());
        drop((held, reader));
        assert_eq!(*writer.ready(), 1);
        defuse();
    }
}

#[test]
fn rwlock_an_upgrade_whose_waker_is_cloned_by_foreign_code_is_not_overlooked() {
    let lock = Rc::new(RwLock::new(1));
    let held = Cell::new(lock.try_read_owned());
    let mut upgrade = Hand::new(lock.try_upgradable_read_owned().unwrap().upgrade());
    let held = Rc::new(held);
    let dropping = held.clone();
    let waker = bomb(move |op| {
        if op == Op::Clone {
            drop(dropping.take());
        }
    });
    assert!(matches!(upgrade.poll_with(&waker), Poll::Ready(guard) if *guard == 1));
    defuse();
}

// ---- against a model

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Read,
    Upgradable,
    Write,
}

#[derive(Clone, Copy, Debug)]
enum Deed {
    /// Somebody comes, and is not polled yet.
    Come(Kind),
    /// Somebody comes and is polled.
    Wait(Kind),
    Try(Kind),
    Poll(usize),
    Drop(usize),
    Release(usize),
    Upgrade(usize),
    TryUpgrade(usize),
    Downgrade(usize),
    ToUpgradable(usize),
}

enum Guard {
    Read(OwnedReadGuard<usize>),
    Upgradable(OwnedUpgradableReadGuard<usize>),
    Write(OwnedWriteGuard<usize>),
}

impl Guard {
    fn kind(&self) -> Kind {
        match self {
            Guard::Read(_) => Kind::Read,
            Guard::Upgradable(_) => Kind::Upgradable,
            Guard::Write(_) => Kind::Write,
        }
    }

    fn value(&self) -> usize {
        match self {
            Guard::Read(guard) => **guard,
            Guard::Upgradable(guard) => **guard,
            Guard::Write(guard) => **guard,
        }
    }
}

/// What a lock is to do, in the plainest way: who has it as what, who upgrades, and who stands where.
#[derive(Default)]
struct Model {
    most: usize,
    has: BTreeMap<usize, Kind>,
    upgrading: Option<usize>,
    line: VecDeque<(usize, Kind)>,
    /// Who was let in, or has become a writer, and has not run since.
    served: Vec<usize>,
}

impl Model {
    fn has(&self, kind: Kind) -> bool {
        self.has.values().any(|has| *has == kind)
    }

    fn is_let_in(&self, kind: Kind) -> bool {
        match kind {
            Kind::Write => self.has.is_empty(),
            _ if self.upgrading.is_some() || self.has(Kind::Write) || self.has.len() >= self.most => false,
            Kind::Read => true,
            Kind::Upgradable => !self.has(Kind::Upgradable),
        }
    }

    fn come(&mut self, id: usize, kind: Kind) -> bool {
        let is_let_in = self.line.is_empty() && self.is_let_in(kind);
        if is_let_in {
            self.has.insert(id, kind);
        } else {
            self.line.push_back((id, kind));
        }
        is_let_in
    }

    fn upgrade_now(&mut self, id: usize) -> bool {
        let is_last = self.has.len() == 1;
        if is_last {
            self.has.insert(id, Kind::Write);
        }
        is_last
    }

    fn upgrade(&mut self, id: usize) -> bool {
        let is_writer = self.upgrade_now(id);
        if !is_writer {
            self.upgrading = Some(id);
        }
        is_writer
    }

    fn settle(&mut self) {
        if let Some(id) = self.upgrading {
            if self.upgrade_now(id) {
                self.upgrading = None;
                self.served.push(id);
            }
        }
        while let Some((id, kind)) = self.line.front().copied().filter(|(_, kind)| self.is_let_in(*kind)) {
            self.line.pop_front();
            self.has.insert(id, kind);
            self.served.push(id);
        }
    }

    fn take_served(&mut self, id: usize) -> bool {
        let place = self.served.iter().position(|served| *served == id);
        place.map(|place| self.served.remove(place)).is_some()
    }

    /// Somebody goes, whatever he had or waited for.
    fn go(&mut self, id: usize) {
        self.has.remove(&id);
        self.line.retain(|(other, _)| *other != id);
        self.served.retain(|other| *other != id);
        self.upgrading = self.upgrading.filter(|other| *other != id);
        self.settle();
    }

    fn check(&self) {
        let (has, writes) = (self.has.len(), self.has(Kind::Write));
        assert!(!writes || has == 1);
        assert!(self.has.values().filter(|kind| **kind == Kind::Upgradable).count() <= 1);
    }
}

/// Who waits: his number, whether he was polled, what he becomes.
struct Waiter {
    id: usize,
    kind: Kind,
    upgrades: bool,
    has_begun: bool,
    hand: Hand<LocalBoxFuture<'static, Guard>>,
}

fn wait_for(lock: &Rc<RwLock<usize>>, id: usize, kind: Kind) -> Waiter {
    let future = match kind {
        Kind::Read => lock.read_owned().map(Guard::Read).boxed_local(),
        Kind::Upgradable => lock.upgradable_read_owned().map(Guard::Upgradable).boxed_local(),
        Kind::Write => lock.write_owned().map(Guard::Write).boxed_local(),
    };
    Waiter { id, kind, upgrades: false, has_begun: false, hand: Hand::new(future) }
}

struct Play {
    lock: Rc<RwLock<usize>>,
    model: Model,
    waiters: Vec<Waiter>,
    held: Vec<(usize, Guard)>,
    written: usize,
}

impl Play {
    fn poll(&mut self, which: usize) {
        let waiter = &mut self.waiters[which];
        let expected = match (std::mem::replace(&mut waiter.has_begun, true), waiter.upgrades) {
            (true, _) => self.model.take_served(waiter.id),
            (false, true) => self.model.upgrade(waiter.id),
            (false, false) => self.model.come(waiter.id, waiter.kind),
        };
        match waiter.hand.poll() {
            Poll::Pending => assert!(!expected),
            Poll::Ready(guard) => {
                assert!(expected);
                let id = self.waiters.remove(which).id;
                self.got(id, guard);
            }
        }
    }

    fn got(&mut self, id: usize, mut guard: Guard) {
        assert_eq!(guard.value(), self.written);
        if let Guard::Write(value) = &mut guard {
            **value += 1;
            self.written += 1;
        }
        self.held.push((id, guard));
    }

    /// Takes one of the guards of that kind.
    fn take(&mut self, which: usize, kind: Kind) -> Option<(usize, Guard)> {
        let places: Vec<usize> = (0..self.held.len()).filter(|place| self.held[*place].1.kind() == kind).collect();
        let place = *places.get(which.checked_rem(places.len())?)?;
        Some(self.held.remove(place))
    }

    fn play(&mut self, id: usize, deed: Deed) {
        match deed {
            Deed::Come(kind) => self.waiters.push(wait_for(&self.lock, id, kind)),
            Deed::Wait(kind) => {
                self.waiters.push(wait_for(&self.lock, id, kind));
                self.poll(self.waiters.len() - 1);
            }
            Deed::Try(kind) => {
                let expected = self.model.come(id, kind);
                self.model.line.retain(|(other, _)| *other != id);
                let got = match kind {
                    Kind::Read => self.lock.try_read_owned().map(Guard::Read),
                    Kind::Upgradable => self.lock.try_upgradable_read_owned().map(Guard::Upgradable),
                    Kind::Write => self.lock.try_write_owned().map(Guard::Write),
                };
                assert_eq!(got.is_some(), expected);
                got.into_iter().for_each(|guard| self.got(id, guard));
            }
            Deed::Poll(which) if !self.waiters.is_empty() => self.poll(which % self.waiters.len()),
            Deed::Drop(which) if !self.waiters.is_empty() => {
                let waiter = self.waiters.remove(which % self.waiters.len());
                self.model.go(waiter.id);
            }
            Deed::Release(which) if !self.held.is_empty() => {
                let (id, guard) = self.held.remove(which % self.held.len());
                drop(guard);
                self.model.go(id);
            }
            Deed::Upgrade(which) => {
                if let Some((id, Guard::Upgradable(guard))) = self.take(which, Kind::Upgradable) {
                    let hand = Hand::new(guard.upgrade().map(Guard::Write).boxed_local());
                    self.waiters.push(Waiter { id, kind: Kind::Write, upgrades: true, has_begun: false, hand });
                    self.poll(self.waiters.len() - 1);
                }
            }
            Deed::TryUpgrade(which) => {
                if let Some((id, Guard::Upgradable(guard))) = self.take(which, Kind::Upgradable) {
                    let expected = self.model.upgrade_now(id);
                    match guard.try_upgrade() {
                        Ok(guard) => {
                            assert!(expected);
                            self.got(id, Guard::Write(guard));
                        }
                        Err(guard) => {
                            assert!(!expected);
                            self.held.push((id, Guard::Upgradable(guard)));
                        }
                    }
                }
            }
            Deed::Downgrade(which) => {
                let kind = if which % 2 == 0 { Kind::Upgradable } else { Kind::Write };
                let Some((id, guard)) = self.take(which, kind) else { return };
                let guard = match guard {
                    Guard::Upgradable(guard) => guard.downgrade(),
                    Guard::Write(guard) => guard.downgrade(),
                    Guard::Read(_) => unreachable!(),
                };
                self.held.push((id, Guard::Read(guard)));
                self.model.has.insert(id, Kind::Read);
                self.model.settle();
            }
            Deed::ToUpgradable(which) => {
                if let Some((id, Guard::Write(guard))) = self.take(which, Kind::Write) {
                    self.held.push((id, Guard::Upgradable(guard.downgrade_to_upgradable())));
                    self.model.has.insert(id, Kind::Upgradable);
                    self.model.settle();
                }
            }
            _ => {}
        }
    }

    fn check(&self) {
        self.model.check();
        let waiting = self.model.line.len() + usize::from(self.model.upgrading.is_some());
        assert_eq!(self.lock.waiting(), waiting);
        for (id, guard) in &self.held {
            assert_eq!(self.model.has.get(id), Some(&guard.kind()));
            assert_eq!(guard.value(), self.written);
        }
        for waiter in &self.waiters {
            assert!(!self.model.served.contains(&waiter.id) || waiter.hand.is_woken(), "{} was not woken", waiter.id);
        }
    }
}

fn run_program(most: usize, program: &[Deed]) {
    let lock = Rc::new(RwLock::with_max_readers(0, most));
    let model = Model { most, ..Model::default() };
    let mut play = Play { lock, model, waiters: Vec::new(), held: Vec::new(), written: 0 };
    for (id, deed) in program.iter().enumerate() {
        play.play(id, *deed);
        play.check();
    }
    // Everybody who is left has his turn, if turns end.
    let mut rounds = 0;
    while !play.waiters.is_empty() {
        rounds += 1;
        assert!(rounds <= 100, "somebody waits for ever");
        for which in (0..play.waiters.len()).rev() {
            play.poll(which);
        }
        for (id, guard) in std::mem::take(&mut play.held) {
            drop(guard);
            play.model.go(id);
        }
    }
    drop(play.held);
    assert_eq!(*play.lock.try_write().unwrap(), play.written);
    assert_eq!((play.lock.waiting(), Rc::strong_count(&play.lock)), (0, 1));
}

#[test]
fn rwlock_random_programs_with_upgradable_readers_agree_with_a_plain_model() {
    let kind = prop_oneof![4 => Just(Kind::Read), 3 => Just(Kind::Upgradable), 2 => Just(Kind::Write)];
    let deed = prop_oneof![
        2 => kind.clone().prop_map(Deed::Come),
        6 => kind.clone().prop_map(Deed::Wait),
        2 => kind.prop_map(Deed::Try),
        6 => any::<usize>().prop_map(Deed::Poll),
        3 => any::<usize>().prop_map(Deed::Drop),
        6 => any::<usize>().prop_map(Deed::Release),
        4 => any::<usize>().prop_map(Deed::Upgrade),
        1 => any::<usize>().prop_map(Deed::TryUpgrade),
        2 => any::<usize>().prop_map(Deed::Downgrade),
        2 => any::<usize>().prop_map(Deed::ToUpgradable),
    ];
    let programs = (prop_oneof![3 => Just(usize::MAX), 1 => 1..4_usize], prop::collection::vec(deed, 1..80));
    let config = Config { cases: 1024, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(config.rng_algorithm);
    let outcome = TestRunner::new_with_rng(config, rng).run(&programs, |(most, program)| {
        run_program(most, &program);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

#[test]
fn rwlock_every_short_program_with_upgradable_readers_agrees_with_a_plain_model() {
    const DEEDS: [Deed; 9] = [
        Deed::Wait(Kind::Read),
        Deed::Wait(Kind::Upgradable),
        Deed::Wait(Kind::Write),
        Deed::Poll(0),
        Deed::Drop(0),
        Deed::Drop(1),
        Deed::Release(0),
        Deed::Upgrade(0),
        Deed::ToUpgradable(0),
    ];
    for (beginning, length) in [(&[Deed::Wait(Kind::Upgradable), Deed::Wait(Kind::Read)][..], 5), (&[], 4)] {
        for number in 0..DEEDS.len().pow(length) {
            let program = (0..length).map(|place| DEEDS[number / DEEDS.len().pow(place) % DEEDS.len()]);
            run_program(usize::MAX, &[beginning, &program.collect::<Vec<_>>()].concat());
        }
    }
}

#[test]
fn rwlock_borrowed_guards_of_upgradable_readers_do_what_owned_ones_do() {
    let lock = RwLock::new(1);
    let upgradable: UpgradableReadGuard<'_, i32> = now(lock.upgradable_read());
    let mut writer = now(upgradable.upgrade());
    *writer = 2;
    let upgradable = writer.downgrade_to_upgradable();
    let reader = upgradable.downgrade();
    assert_eq!((*reader, lock.try_upgradable_read().is_some()), (2, true));
}
