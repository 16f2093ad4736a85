//! Random programs against a simple model: semaphores, with waits that are cancelled at any time.
//!
//! `PROPTEST_CASES` raises the number of programs (512 for each test by default).

use crate::kit::hosts::Hand;
use evenkeel::sync::{AcquireError, OwnedPermit, Semaphore, TryAcquireError};
use futures::{FutureExt, future::LocalBoxFuture};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use std::{cell::Cell, collections::VecDeque, rc::Rc, task::Poll};

/// Runs `test` on so many programs, and says how many steps these had. Seeds are fixed, so that every run is the same.
pub(crate) fn check<S: Strategy>(name: &str, programs: S, test: impl Fn(S::Value) -> usize) {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(512);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let steps = Cell::new(0);
    let rng = proptest::test_runner::TestRng::deterministic_rng(config.rng_algorithm);
    let outcome = TestRunner::new_with_rng(config, rng).run(&programs, |program| {
        steps.set(steps.get() + test(program));
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    println!("{name}: {cases} programs, {} steps", steps.get());
}

// ---- semaphores

#[derive(Clone, Copy, Debug)]
enum Deed {
    Acquire(usize),
    TryAcquire(usize),
    Poll(usize),
    Cancel(usize),
    Release(usize),
    ReleasePart(usize),
    Forget(usize),
    Add(usize),
    Close,
}

fn deeds() -> impl Strategy<Value = (usize, bool, Vec<Deed>)> {
    let deed = prop_oneof![
        6 => (0..5_usize).prop_map(Deed::Acquire),
        2 => (0..5_usize).prop_map(Deed::TryAcquire),
        8 => any::<usize>().prop_map(Deed::Poll),
        5 => any::<usize>().prop_map(Deed::Cancel),
        6 => any::<usize>().prop_map(Deed::Release),
        2 => any::<usize>().prop_map(Deed::ReleasePart),
        1 => any::<usize>().prop_map(Deed::Forget),
        1 => (0..3_usize).prop_map(Deed::Add),
        1 => Just(Deed::Close),
    ];
    (0..5_usize, any::<bool>(), prop::collection::vec(deed, 1..80))
}

/// What a semaphore is to do, in the plainest way: a list of who stands where.
#[derive(Default)]
struct SemaphoreModel {
    free: usize,
    total: usize,
    growing: bool,
    closed: bool,
    line: VecDeque<(usize, usize)>,
    /// Outcomes that were decided and not seen yet, by waiter.
    decided: Vec<(usize, Result<usize, ()>)>,
}

impl SemaphoreModel {
    fn never(&self, weight: usize) -> bool {
        self.closed || (weight > self.total && weight > 1 && !self.growing)
    }

    fn begin(&mut self, id: usize, weight: usize) -> Option<Result<usize, ()>> {
        if self.never(weight) {
            return Some(Err(()));
        }
        if weight == 0 || (self.line.is_empty() && weight <= self.free) {
            self.free -= weight;
            return Some(Ok(weight));
        }
        self.line.push_back((id, weight));
        None
    }

    fn settle(&mut self) {
        let line = std::mem::take(&mut self.line);
        for (id, weight) in line {
            if self.never(weight) {
                self.decided.push((id, Err(())));
            } else if self.line.is_empty() && weight <= self.free {
                self.free -= weight;
                self.decided.push((id, Ok(weight)));
            } else {
                self.line.push_back((id, weight));
            }
        }
    }

    fn take_decided(&mut self, id: usize) -> Option<Result<usize, ()>> {
        let place = self.decided.iter().position(|(other, _)| *other == id)?;
        Some(self.decided.remove(place).1)
    }

    fn cancel(&mut self, id: usize) {
        self.line.retain(|(other, _)| *other != id);
        if let Some(Ok(weight)) = self.take_decided(id) {
            self.free += weight;
        }
        self.settle();
    }
}

type Acquiring = Hand<LocalBoxFuture<'static, Result<OwnedPermit, AcquireError>>>;

fn run_semaphore((permits, growing, program): (usize, bool, Vec<Deed>)) -> usize {
    let semaphore = Rc::new(if growing { Semaphore::growing(permits) } else { Semaphore::new(permits) });
    let mut model = SemaphoreModel { free: permits, total: permits, growing, ..Default::default() };
    let mut waiters: Vec<(usize, usize, bool, Acquiring)> = Vec::new();
    let mut held: Vec<OwnedPermit> = Vec::new();
    for (id, deed) in program.iter().enumerate() {
        match *deed {
            Deed::Acquire(weight) => {
                let semaphore = semaphore.clone();
                let future = async move { semaphore.acquire_many_owned(weight).await };
                waiters.push((id, weight, false, Hand::new(future.boxed_local())));
            }
            Deed::TryAcquire(weight) => {
                let mut expected = model.begin(id, weight);
                model.line.retain(|(other, _)| *other != id);
                match semaphore.try_acquire_many(weight) {
                    Ok(permit) => {
                        assert_eq!(expected.take(), Some(Ok(weight)));
                        drop(permit);
                        model.free += weight;
                        model.settle();
                    }
                    Err(TryAcquireError::NoPermits) => assert_eq!(expected, None),
                    Err(_) => assert_eq!(expected, Some(Err(()))),
                }
            }
            Deed::Poll(which) if !waiters.is_empty() => {
                let which = which % waiters.len();
                let (id, weight, begun, hand) = &mut waiters[which];
                let expected =
                    if std::mem::replace(begun, true) { model.take_decided(*id) } else { model.begin(*id, *weight) };
                match hand.poll() {
                    Poll::Pending => assert_eq!(expected, None),
                    Poll::Ready(outcome) => {
                        assert_eq!(expected, Some(outcome.as_ref().map(OwnedPermit::count).map_err(|_| ())));
                        held.extend(outcome.ok());
                        waiters.remove(which);
                    }
                }
            }
            Deed::Cancel(which) if !waiters.is_empty() => {
                let (id, ..) = waiters.remove(which % waiters.len());
                model.cancel(id);
            }
            Deed::Release(which) if !held.is_empty() => {
                let permit = held.remove(which % held.len());
                model.free += permit.count();
                drop(permit);
                model.settle();
            }
            Deed::ReleasePart(which) if !held.is_empty() => {
                let which = which % held.len();
                if let Some(part) = held[which].split(1) {
                    drop(part);
                    model.free += 1;
                    model.settle();
                }
            }
            Deed::Forget(which) if !held.is_empty() => {
                let permit = held.remove(which % held.len());
                model.total -= permit.count();
                permit.forget();
                model.settle();
            }
            Deed::Add(count) => {
                semaphore.add_permits(count);
                model.free += count;
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
        assert_eq!(semaphore.available_permits(), model.free);
        assert_eq!(semaphore.total_permits(), model.total);
        assert_eq!(semaphore.waiting(), model.line.len());
        let out: usize = held.iter().map(OwnedPermit::count).sum();
        let granted: usize = model.decided.iter().filter_map(|(_, outcome)| outcome.ok()).sum();
        assert_eq!(model.free + out + granted, model.total, "a permit was lost or made");
        for (id, _, _, hand) in &waiters {
            let decided = model.decided.iter().any(|(other, _)| other == id);
            assert!(!decided || hand.is_woken(), "waiter {id} was not woken");
        }
    }
    drop(waiters);
    drop(held);
    assert_eq!((semaphore.available_permits(), semaphore.waiting()), (model.total, 0));
    program.len()
}

#[test]
fn fault_16_semaphore_random_programs_agree_with_a_plain_model() {
    check("semaphore", deeds(), run_semaphore);
}
