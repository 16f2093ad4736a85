//! Calls of `to_thread` whose callers go away.

use crate::kit::gates::{Alive, Gate, start_job};
use evenkeel::{
    CancelReason, Executor, JoinError, run, spawn,
    testing::{Schedule, Seeded},
    threads::{ThreadLimiter, to_thread_with},
    to_thread, yield_now,
};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

#[test]
fn asyncio_fact_77_cancelling_the_await_returns_at_once_and_the_result_is_dropped() {
    let (alive, gate) = (Alive::default(), Gate::default());
    run(async {
        let task = start_job(&gate, &alive).await;
        task.cancel("enough");
        let Err(JoinError::Cancelled(reason)) = task.await else { panic!("it was not cancelled") };
        assert_eq!(reason, CancelReason::from("enough"));
        assert_eq!(alive.count(), 1, "the job goes on");
        gate.open();
    });
    assert_eq!(alive.count(), 0);
}

#[test]
fn asyncio_fact_77_a_job_that_has_not_started_is_removed_and_dropped_here() {
    let gate = Gate::default();
    let here = std::thread::current().id();
    struct Local(std::thread::ThreadId);
    impl Drop for Local {
        fn drop(&mut self) {
            assert_eq!(std::thread::current().id(), self.0);
        }
    }
    Executor::builder().max_threads(1).run(async {
        let pass = gate.clone();
        let first = spawn(to_thread(move || pass.pass()));
        let local = Local(here);
        let second = spawn(to_thread(move || {
            let _local = &local;
            unreachable!("it was cancelled before it began")
        }));
        let third = spawn(to_thread(|| 3));
        yield_now().await;
        second.cancel("never mind");
        assert!(second.await.is_err());
        gate.open();
        first.await.unwrap();
        assert_eq!(third.await.unwrap(), 3);
    });
}

#[test]
fn threads_05_a_job_learns_that_its_caller_waits_no_more() {
    let (begun, stopped) = (Gate::default(), Gate::default());
    let (begins, tell) = (begun.clone(), stopped.clone());
    let endless = to_thread_with(move |job| {
        begins.open();
        while !job.is_cancelled() {
            std::thread::yield_now();
        }
        tell.open();
    });
    run(async {
        let task = spawn(endless);
        yield_now().await;
        begun.pass();
        task.cancel("enough");
        assert!(task.await.is_err());
        stopped.pass();
    });
}

#[test]
fn threads_05_a_job_whose_caller_has_its_result_was_not_cancelled() {
    let job = run(to_thread_with(|job| job));
    assert!(!job.is_cancelled());
}

#[test]
fn fault_32_callers_that_come_and_go_leave_nothing_behind() {
    let (gate, alive) = (Gate::default(), Alive::default());
    Executor::builder().max_threads(1).run(async {
        let (pass, begun) = (gate.clone(), Gate::default());
        let tell = begun.clone();
        let blocker = spawn(to_thread(move || {
            tell.open();
            pass.pass();
        }));
        yield_now().await;
        begun.pass();
        for limiter in [None, Some(ThreadLimiter::new(1))] {
            for round in 0..5_000 {
                let value = alive.value();
                let mut call = to_thread(move || drop(value));
                if let Some(limiter) = &limiter {
                    call = call.limited_by(limiter);
                }
                assert!(futures::poll!(&mut call).is_pending());
                drop(call);
                assert_eq!(alive.count(), 0, "{round}");
            }
            if let Some(limiter) = limiter {
                assert_eq!(limiter.available(), 1);
            }
        }
        gate.open();
        blocker.await.unwrap();
    });
}

/// Numbers that a seed repeats.
struct Dice(Seeded);

impl Dice {
    fn roll(&mut self, n: usize) -> usize {
        self.0.choose(evenkeel::testing::Choice::Ready, n)
    }
}

/// A thousand calls, each cancelled at a random point: before its first poll, while it waits, while it runs, when it is done.
fn storm(seed: u64, limited: bool) {
    let alive = Alive::default();
    let started = Arc::new(AtomicUsize::new(0));
    let mut dice = Dice(Seeded::new(seed));
    let (finished, cancelled) = Executor::builder().max_threads(4).run(async {
        let limiter = ThreadLimiter::new(2);
        let mut tasks: Vec<_> = (0..1_000)
            .map(|index| {
                let (value, result, started) = (alive.value(), alive.value(), started.clone());
                let call = to_thread_with(move |job| {
                    started.fetch_add(1, SeqCst);
                    let _value = value;
                    for _ in 0..index % 7 {
                        if job.is_cancelled() {
                            break;
                        }
                        std::thread::yield_now();
                    }
                    (index, result)
                });
                let call = if limited && index % 2 == 0 { call.limited_by(&limiter) } else { call };
                Some((index, spawn(call)))
            })
            .collect();
        let (mut finished, mut cancelled) = (0, 0);
        while !tasks.is_empty() {
            let chosen = dice.roll(tasks.len());
            match dice.roll(4) {
                0 => yield_now().await,
                1 => {
                    drop(tasks.swap_remove(chosen));
                    cancelled += 1;
                }
                2 => {
                    let Some((index, task)) = tasks.swap_remove(chosen) else { continue };
                    task.cancel("storm");
                    match task.await {
                        Ok((got, _value)) => {
                            assert_eq!(got, index);
                            finished += 1;
                        }
                        Err(JoinError::Cancelled(_)) => cancelled += 1,
                        Err(other) => panic!("{other}"),
                    }
                }
                _ => {
                    let Some((index, task)) = tasks.swap_remove(chosen) else { continue };
                    assert_eq!(task.await.unwrap().0, index, "nobody cancelled it");
                    finished += 1;
                }
            }
        }
        // Whatever became of the callers, the permits come back.
        crate::kit::gates::until(|| limiter.available() == 2);
        (finished, cancelled)
    });
    assert_eq!(finished + cancelled, 1_000);
    assert!(started.load(SeqCst) >= finished);
    assert_eq!(alive.count(), 0);
}

#[test]
fn threads_05_a_storm_of_cancellations_loses_nothing_and_leaks_nothing() {
    for seed in 0..20 {
        storm(seed, false);
    }
}

#[test]
fn threads_07_a_storm_of_cancellations_under_a_limiter_returns_every_permit() {
    for seed in 100..120 {
        storm(seed, true);
    }
}
