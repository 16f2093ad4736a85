//! Semaphores: permits forgotten, limits lowered.

use crate::kit::{
    bomb::{Op, bomb, defuse},
    hosts::{Hand, everywhere, now, pass},
    probe::panic_of,
};
use evenkeel::sync::{AcquireError, OwnedPermit, Permit, Semaphore, TryAcquireError};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRng, TestRunner},
};
use std::{cell::RefCell, collections::VecDeque, rc::Rc, task::Poll};

fn counts(semaphore: &Semaphore) -> (usize, usize) {
    (semaphore.available_permits(), semaphore.total_permits())
}

// ---- as tokio's and async-lock's users know it

#[test]
fn semaphore_try_acquire_has_none_until_one_is_back() {
    let semaphore = Semaphore::new(1);
    let permit = semaphore.try_acquire().unwrap();
    assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
    drop(permit);
    assert!(semaphore.try_acquire().is_ok());
}

#[test]
fn semaphore_try_acquire_many_has_all_or_nothing() {
    let semaphore = Rc::new(Semaphore::new(42));
    {
        let most = semaphore.try_acquire_many(40).unwrap();
        assert!(semaphore.try_acquire_many_owned(11).is_err());
        let rest = semaphore.try_acquire_many_owned(2).unwrap();
        assert_eq!((most.count(), rest.count(), semaphore.available_permits()), (40, 2, 0));
    }
    assert_eq!(semaphore.try_acquire_many_owned(42).unwrap().count(), 42);
    assert_eq!(
        semaphore.try_acquire_many_owned(43).unwrap_err(),
        TryAcquireError::Never(AcquireError::TooMany { asked: 43, total: 42 })
    );
}

#[test]
fn semaphore_try_acquire_owned_does_not_overtake_who_waits() {
    let semaphore = Rc::new(Semaphore::new(3));
    let held = semaphore.try_acquire().unwrap();
    let mut many = Hand::waiting(semaphore.acquire_many(3));
    assert_eq!(semaphore.try_acquire_many_owned(1).unwrap_err(), TryAcquireError::NoPermits);
    assert_eq!(semaphore.try_acquire_many_owned(0).unwrap().count(), 0);
    drop(held);
    assert_eq!(many.ready().unwrap().count(), 3);
}

#[test]
fn semaphore_add_permits_serves_those_who_wait() {
    let record = everywhere(|tasks, record| {
        let semaphore = Rc::new(Semaphore::new(0));
        for n in 0..2 {
            let (semaphore, record) = (semaphore.clone(), record.clone());
            tasks.spawn(async move {
                semaphore.acquire().await.unwrap().forget();
                record.add((n, semaphore.total_permits()));
            });
        }
        tasks.spawn(async move {
            pass().await;
            semaphore.add_permits(1);
            pass().await;
            semaphore.add_permits(1);
        });
    });
    assert_eq!(record, [(0, 0), (1, 0)]);
}

#[test]
fn semaphore_a_forgotten_permit_does_not_come_back() {
    let semaphore = Rc::new(Semaphore::new(2));
    semaphore.try_acquire().unwrap().forget();
    assert_eq!(counts(&semaphore), (1, 1));
    semaphore.try_acquire_owned().unwrap().forget();
    assert_eq!(counts(&semaphore), (0, 0));
    assert!(semaphore.try_acquire().is_err());
}

#[test]
fn semaphore_forget_permits_takes_free_ones_and_says_how_many() {
    let semaphore = Semaphore::new(10);
    let held = semaphore.try_acquire_many(4).unwrap();
    assert_eq!((semaphore.forget_permits(0), counts(&semaphore)), (0, (6, 10)));
    assert_eq!((semaphore.forget_permits(5), counts(&semaphore)), (5, (1, 5)));
    assert_eq!((semaphore.forget_permits(5), counts(&semaphore)), (1, (0, 4)));
    assert_eq!(semaphore.forget_permits(usize::MAX), 0);
    drop(held);
    assert_eq!(counts(&semaphore), (4, 4));
    semaphore.add_permits(1);
    assert_eq!(counts(&semaphore), (5, 5));
}

#[test]
fn semaphore_permits_forgotten_while_others_wait_refuse_whose_wish_is_impossible_and_serve_the_rest() {
    let semaphore = Semaphore::new(5);
    let held = semaphore.try_acquire_many(3).unwrap();
    let mut five = Hand::waiting(semaphore.acquire_many(5));
    let mut four = Hand::waiting(semaphore.acquire_many(4));
    let mut one = Hand::waiting(semaphore.acquire());
    assert_eq!(semaphore.forget_permits(1), 1);
    assert!(five.is_woken() && !four.is_woken() && !one.is_woken());
    assert_eq!(five.ready().unwrap_err(), AcquireError::TooMany { asked: 5, total: 4 });
    // The free one is the first one's, who wants four: it may be forgotten, and then the last one's turn comes later.
    assert_eq!(semaphore.forget_permits(9), 1);
    assert_eq!(four.ready().unwrap_err(), AcquireError::TooMany { asked: 4, total: 3 });
    assert!(one.is_pending());
    drop(held);
    assert!(one.ready().is_ok());
}

#[test]
fn semaphore_a_growing_one_refuses_nobody_when_permits_are_forgotten() {
    let semaphore = Semaphore::growing(2);
    let mut many = Hand::waiting(semaphore.acquire_many(3));
    assert_eq!(semaphore.forget_permits(2), 2);
    semaphore.set_total_permits(1);
    assert!(many.is_pending());
    semaphore.set_total_permits(3);
    assert_eq!(many.ready().unwrap().count(), 3);
}

#[test]
fn semaphore_close_ends_waits_and_leaves_the_counts() {
    let semaphore = Rc::new(Semaphore::new(2));
    let held = semaphore.try_acquire_many_owned(2).unwrap();
    let mut waiter = Hand::waiting(semaphore.acquire_owned());
    semaphore.close();
    assert!(waiter.ready().is_err());
    let error = semaphore.try_acquire_many_owned(1).unwrap_err();
    assert_eq!(error, TryAcquireError::Never(AcquireError::Closed));
    semaphore.set_total_permits(1);
    drop(held);
    assert_eq!(counts(&semaphore), (1, 1));
    assert_eq!(semaphore.forget_permits(1), 1);
    assert!(now(semaphore.acquire()).is_err());
}

#[test]
fn semaphore_permits_split_and_merge_and_know_their_semaphore() {
    let (semaphore, other) = (Rc::new(Semaphore::new(5)), Semaphore::new(1));
    let mut three = semaphore.try_acquire_many(3).unwrap();
    assert!(std::ptr::eq(three.semaphore(), &*semaphore));
    let outlives: &Semaphore = three.semaphore();
    let one = three.split(1).unwrap();
    assert!(three.split(3).is_none());
    drop(three);
    assert_eq!(outlives.available_permits(), 4);
    let mut two = semaphore.try_acquire_many(1).unwrap();
    two.merge(one);
    assert_eq!(two.count(), 2);
    assert!(panic_of(|| two.merge(other.try_acquire().unwrap())).contains("two semaphores"));
    assert_eq!((other.available_permits(), semaphore.available_permits()), (1, 3), "a panic loses none");
}

#[test]
fn semaphore_stress_never_lets_in_more_than_there_are() {
    let record = everywhere(|tasks, record| {
        let semaphore = Rc::new(Semaphore::new(5));
        let inside = Rc::new(std::cell::Cell::new(0));
        for n in 0..60_usize {
            let (semaphore, inside, record) = (semaphore.clone(), inside.clone(), record.clone());
            tasks.spawn(async move {
                for round in 0..5 {
                    let _permit = semaphore.acquire_many(1 + (n + round) % 5).await.unwrap();
                    let count = 1 + (n + round) % 5;
                    inside.set(inside.get() + count);
                    if inside.get() > 5 {
                        record.add(inside.get());
                    }
                    pass().await;
                    inside.set(inside.get() - count);
                }
            });
        }
    });
    assert!(record.is_empty());
}

#[test]
fn semaphore_a_waiter_that_is_dropped_gives_its_permits_to_the_next() {
    let semaphore = Rc::new(Semaphore::new(3));
    let held = semaphore.try_acquire_many_owned(3).unwrap();
    let three = Hand::waiting(semaphore.acquire_many_owned(3));
    let mut two = Hand::waiting(semaphore.acquire_many_owned(2));
    let mut one = Hand::waiting(semaphore.acquire_owned());
    drop(held);
    assert!(three.is_woken() && !two.is_woken());
    drop(three);
    assert!(two.ready().is_ok() && one.ready().is_ok());
    assert_eq!(semaphore.available_permits(), 3);
}

// ---- limits that change

#[test]
fn semaphore_a_limit_lowered_with_permits_out_swallows_them_as_they_come_back() {
    let semaphore = Semaphore::new(5);
    let mut held = semaphore.try_acquire_many(4).unwrap();
    semaphore.set_total_permits(2);
    assert_eq!(counts(&semaphore), (0, 2));
    let mut waiter = Hand::waiting(semaphore.acquire_many(2));
    for free in [0, 0, 1] {
        drop(held.split(1));
        assert_eq!(counts(&semaphore), (free, 2));
        assert!(!waiter.is_woken());
    }
    drop(held);
    assert_eq!(waiter.ready().unwrap().count(), 2);
    assert_eq!(counts(&semaphore), (2, 2));
}

#[test]
fn semaphore_a_limit_raised_serves_those_who_wait_in_order() {
    let semaphore = Semaphore::new(3);
    let _held = semaphore.try_acquire_many(3).unwrap();
    let mut two = Hand::waiting(semaphore.acquire_many(2));
    let mut one = Hand::waiting(semaphore.acquire());
    semaphore.set_total_permits(4);
    assert!(two.is_pending() && one.is_pending(), "the second one does not overtake");
    semaphore.set_total_permits(6);
    assert!(two.ready().is_ok() && one.ready().is_ok());
}

#[test]
fn semaphore_a_limit_lowered_refuses_whose_wish_is_impossible_and_not_who_wants_one() {
    let semaphore = Semaphore::new(3);
    let held = semaphore.try_acquire_many(3).unwrap();
    let mut three = Hand::waiting(semaphore.acquire_many(3));
    let mut one = Hand::waiting(semaphore.acquire());
    semaphore.set_total_permits(0);
    assert_eq!(three.ready().unwrap_err(), AcquireError::TooMany { asked: 3, total: 0 });
    assert!(one.is_pending(), "a semaphore of none is a gate");
    drop(held);
    assert_eq!(counts(&semaphore), (0, 0));
    assert!(one.is_pending());
    semaphore.set_total_permits(1);
    assert!(one.ready().is_ok());
}

#[test]
fn semaphore_a_limit_lowered_and_raised_again_before_they_come_back_is_as_if_nothing_was() {
    let semaphore = Semaphore::new(4);
    let held = semaphore.try_acquire_many(3).unwrap();
    semaphore.set_total_permits(1);
    semaphore.set_total_permits(4);
    // The free one is back, since three are out.
    assert_eq!(counts(&semaphore), (1, 4));
    semaphore.set_total_permits(1);
    semaphore.add_permits(1);
    assert_eq!(counts(&semaphore), (0, 2), "what is added is swallowed as well");
    drop(held);
    assert_eq!(counts(&semaphore), (2, 2));
}

#[test]
fn semaphore_a_permit_forgotten_above_the_limit_is_one_of_the_surplus() {
    let semaphore = Semaphore::new(5);
    let mut held = semaphore.try_acquire_many(5).unwrap();
    semaphore.set_total_permits(2);
    held.split(2).unwrap().forget();
    assert_eq!(counts(&semaphore), (0, 2));
    held.split(2).unwrap().forget();
    assert_eq!(counts(&semaphore), (0, 1), "one was surplus, the other one was not");
    assert_eq!(semaphore.forget_permits(1), 0);
    drop(held);
    assert_eq!(counts(&semaphore), (1, 1));
}

#[test]
fn semaphore_limits_go_from_nothing_to_all_that_a_number_can_say() {
    let semaphore = Semaphore::new(Semaphore::MAX_PERMITS);
    let all = semaphore.try_acquire_many(usize::MAX).unwrap();
    semaphore.set_total_permits(0);
    semaphore.set_total_permits(usize::MAX);
    semaphore.set_total_permits(7);
    drop(all);
    assert_eq!(counts(&semaphore), (7, 7));
    assert!(panic_of(|| semaphore.add_permits(usize::MAX)).contains("usize::MAX"));
    assert_eq!(counts(&semaphore), (7, 7));
}

// ---- hostile wakers

#[test]
fn semaphore_whoever_is_woken_by_a_limit_may_change_it_and_may_panic() {
    for panics in [false, true] {
        let semaphore = Rc::new(Semaphore::new(0));
        let changing = semaphore.clone();
        let waker = bomb(move |op| {
            if op == Op::Wake {
                changing.set_total_permits(0);
                changing.forget_permits(3);
                assert!(!panics, "on purpose");
            }
        });
        let mut first = Hand::new(semaphore.acquire_owned());
        assert!(first.poll_with(&waker).is_pending());
        let mut second = Hand::waiting(semaphore.acquire_owned());
        let raise = || semaphore.set_total_permits(2);
        if panics {
            assert_eq!(panic_of(raise), "on purpose");
        } else {
            raise();
        }
        // Both had theirs before anybody was woken, and these are the surplus now.
        assert_eq!(counts(&semaphore), (0, 0));
        let permits = (first.ready().unwrap(), second.ready().unwrap());
        drop(permits);
        assert_eq!(counts(&semaphore), (0, 0));
        semaphore.set_total_permits(1);
        assert_eq!(counts(&semaphore), (1, 1));
        defuse();
    }
}

// ---- against a model

#[derive(Clone, Copy, Debug)]
enum Deed {
    Acquire(usize),
    TryAcquire(usize),
    Poll(usize),
    Drop(usize),
    Release(usize),
    ReleasePart(usize),
    Forget(usize),
    ForgetFree(usize),
    SetTotal(usize),
    Add(usize),
    Close,
}

fn deeds() -> impl Strategy<Value = (usize, bool, Vec<Deed>)> {
    let deed = prop_oneof![
        6 => (0..5_usize).prop_map(Deed::Acquire),
        2 => (0..5_usize).prop_map(Deed::TryAcquire),
        8 => any::<usize>().prop_map(Deed::Poll),
        4 => any::<usize>().prop_map(Deed::Drop),
        6 => any::<usize>().prop_map(Deed::Release),
        2 => any::<usize>().prop_map(Deed::ReleasePart),
        1 => any::<usize>().prop_map(Deed::Forget),
        2 => (0..4_usize).prop_map(Deed::ForgetFree),
        4 => (0..7_usize).prop_map(Deed::SetTotal),
        1 => (0..3_usize).prop_map(Deed::Add),
        1 => Just(Deed::Close),
    ];
    (0..5_usize, any::<bool>(), prop::collection::vec(deed, 1..80))
}

/// What a semaphore is to do, in the plainest way: how many there are to be, how many are out, and who stands where.
#[derive(Default)]
struct Model {
    total: usize,
    out: usize,
    growing: bool,
    closed: bool,
    line: VecDeque<(usize, usize)>,
    /// Outcomes that were decided and not seen yet, by waiter.
    decided: Vec<(usize, Option<usize>)>,
}

impl Model {
    fn free(&self) -> usize {
        self.total.saturating_sub(self.out)
    }

    fn is_impossible(&self, weight: usize) -> bool {
        self.closed || (weight > self.total && weight > 1 && !self.growing)
    }

    fn begin(&mut self, id: usize, weight: usize) -> Option<Option<usize>> {
        if self.is_impossible(weight) {
            return Some(None);
        }
        if weight == 0 || (self.line.is_empty() && weight <= self.free()) {
            self.out += weight;
            return Some(Some(weight));
        }
        self.line.push_back((id, weight));
        None
    }

    fn settle(&mut self) {
        for (id, weight) in std::mem::take(&mut self.line) {
            if self.is_impossible(weight) {
                self.decided.push((id, None));
            } else if self.line.is_empty() && weight <= self.free() {
                self.out += weight;
                self.decided.push((id, Some(weight)));
            } else {
                self.line.push_back((id, weight));
            }
        }
    }

    fn take_decided(&mut self, id: usize) -> Option<Option<usize>> {
        let place = self.decided.iter().position(|(other, _)| *other == id)?;
        Some(self.decided.remove(place).1)
    }

    /// Permits that come back and are not the surplus, or that are not to come back.
    fn forget(&mut self, count: usize) {
        let surplus = self.out.saturating_sub(self.total);
        self.out -= count;
        self.total -= count.saturating_sub(surplus);
    }
}

fn run_program((permits, growing, program): (usize, bool, Vec<Deed>)) {
    let semaphore = Rc::new(if growing { Semaphore::growing(permits) } else { Semaphore::new(permits) });
    let mut model = Model { total: permits, growing, ..Model::default() };
    let mut waiters = Vec::new();
    let mut held: Vec<OwnedPermit> = Vec::new();
    for (id, deed) in program.into_iter().enumerate() {
        match deed {
            Deed::Acquire(weight) => {
                waiters.push((id, weight, false, Hand::new(semaphore.acquire_many_owned(weight))));
            }
            Deed::TryAcquire(weight) => {
                let expected = model.begin(id, weight);
                model.line.retain(|(other, _)| *other != id);
                let got = semaphore.try_acquire_many_owned(weight);
                match (&got, expected) {
                    (Ok(permit), Some(Some(count))) => assert_eq!(permit.count(), count),
                    (Err(TryAcquireError::NoPermits), None) | (Err(TryAcquireError::Never(_)), Some(None)) => {}
                    _ => panic!("{got:?} and not {expected:?}"),
                }
                held.extend(got.ok());
            }
            Deed::Poll(which) if !waiters.is_empty() => {
                let which = which % waiters.len();
                let (id, weight, has_begun, hand) = &mut waiters[which];
                let expected = if std::mem::replace(has_begun, true) {
                    model.take_decided(*id)
                } else {
                    model.begin(*id, *weight)
                };
                match hand.poll() {
                    Poll::Pending => assert_eq!(expected, None),
                    Poll::Ready(outcome) => {
                        assert_eq!(expected, Some(outcome.as_ref().ok().map(OwnedPermit::count)));
                        held.extend(outcome.ok());
                        drop(waiters.remove(which));
                    }
                }
            }
            Deed::Drop(which) if !waiters.is_empty() => {
                let (id, ..) = waiters.remove(which % waiters.len());
                model.line.retain(|(other, _)| *other != id);
                if let Some(Some(weight)) = model.take_decided(id) {
                    model.out -= weight;
                }
                model.settle();
            }
            Deed::Release(which) if !held.is_empty() => {
                let permit = held.remove(which % held.len());
                model.out -= permit.count();
                drop(permit);
                model.settle();
            }
            Deed::ReleasePart(which) if !held.is_empty() => {
                let which = which % held.len();
                if let Some(part) = held[which].split(1) {
                    drop(part);
                    model.out -= 1;
                    model.settle();
                }
            }
            Deed::Forget(which) if !held.is_empty() => {
                let permit = held.remove(which % held.len());
                model.forget(permit.count());
                permit.forget();
                model.settle();
            }
            Deed::ForgetFree(count) => {
                let count = count.min(model.free());
                assert_eq!(semaphore.forget_permits(count), count);
                model.total -= count;
                model.settle();
            }
            Deed::SetTotal(total) => {
                semaphore.set_total_permits(total);
                model.total = total;
                model.settle();
            }
            Deed::Add(count) => {
                semaphore.add_permits(count);
                model.total += count;
                model.settle();
            }
            Deed::Close => {
                semaphore.close();
                model.closed = true;
                model.settle();
            }
            _ => {}
        }
        assert_eq!(counts(&semaphore), (model.free(), model.total));
        assert_eq!(semaphore.waiting(), model.line.len());
        let granted: usize = model.decided.iter().filter_map(|(_, outcome)| *outcome).sum();
        assert_eq!(held.iter().map(OwnedPermit::count).sum::<usize>() + granted, model.out);
        for (id, _, _, hand) in &waiters {
            let is_decided = model.decided.iter().any(|(other, _)| other == id);
            assert!(!is_decided || hand.is_woken(), "waiter {id} was not woken");
        }
    }
    drop(waiters);
    drop(held);
    assert_eq!((counts(&semaphore), semaphore.waiting()), ((model.total, model.total), 0));
}

#[test]
fn semaphore_random_programs_with_limits_that_change_agree_with_a_plain_model() {
    let config = Config { cases: 1024, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(config.rng_algorithm);
    let outcome = TestRunner::new_with_rng(config, rng).run(&deeds(), |program| {
        run_program(program);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

#[test]
fn semaphore_every_order_of_limits_releases_polls_and_drops_conserves_the_permits() {
    const DEEDS: [fn(&Semaphore, &mut Vec<Permit<'_>>); 4] = [
        |_, held| drop(held.pop()),
        |semaphore, _| semaphore.set_total_permits(1),
        |semaphore, _| semaphore.set_total_permits(3),
        |semaphore, _| assert!(semaphore.forget_permits(1) <= 1),
    ];
    // Two of two are out; the waiters want 2 and 1. 0..=3: the deeds, 4 and 5: poll a waiter, 6 and 7: drop it.
    for number in 0..8_usize.pow(5) {
        let sequence = [0, 1, 2, 3, 4].map(|place| number / 8_usize.pow(place) % 8);
        let semaphore = Semaphore::new(2);
        let mut held = vec![semaphore.try_acquire().unwrap(), semaphore.try_acquire().unwrap()];
        let waiters = RefCell::new([2, 1].map(|weight| Some(Hand::new(semaphore.acquire_many(weight)))));
        for step in sequence {
            match step {
                4 | 5 => {
                    let waiter = &mut waiters.borrow_mut()[step - 4];
                    if let Some(Poll::Ready(outcome)) = waiter.as_mut().map(Hand::poll) {
                        held.extend(outcome.ok());
                        *waiter = None;
                    }
                }
                6 | 7 => drop(waiters.borrow_mut()[step - 6].take()),
                deed => DEEDS[deed](&semaphore, &mut held),
            }
            let out: usize = held.iter().map(Permit::count).sum();
            let (free, total) = counts(&semaphore);
            assert!(free + out <= total.max(out), "{sequence:?}");
        }
        held.clear();
        waiters.take();
        let (free, total) = counts(&semaphore);
        assert_eq!((free, semaphore.waiting()), (total, 0), "{sequence:?}");
    }
}
