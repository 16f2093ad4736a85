//! How many jobs run at once, in what order they start, and what becomes of threads without work.

use crate::kit::{
    gates::{Gate, Seen, threads_named, until, wait_for_no_threads_named},
    probe::{ms, panic_of},
};
use evenkeel::{Executor, run, spawn, threads::ThreadLimiter, timeout, to_thread, yield_now};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    time::Duration,
};

#[test]
fn asyncio_fact_76_there_are_at_most_32_threads_and_four_more_than_cores_by_default() {
    let most = std::thread::available_parallelism().map_or(1, Into::into).saturating_add(4).min(32);
    let (gate, seen) = (Gate::default(), Seen::default());
    run(async {
        let tasks: Vec<_> = (0..100)
            .map(|_| {
                let (gate, seen) = (gate.clone(), seen.clone());
                spawn(to_thread(move || {
                    seen.here();
                    gate.pass();
                }))
            })
            .collect();
        yield_now().await;
        until(|| seen.count() == most);
        gate.open();
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert_eq!(seen.count(), most);
}

/// Runs a crowd of calls, and returns the order in which they started and the threads that they had.
fn crowd(calls: usize, max: usize, name: &str) -> (Vec<usize>, usize) {
    let (order, seen, inside) = (Arc::new(Mutex::new(Vec::new())), Seen::default(), Arc::new(AtomicUsize::new(0)));
    let (note, see) = (order.clone(), seen.clone());
    Executor::builder().max_threads(max).thread_name(name).run(async move {
        let tasks: Vec<_> = (0..calls)
            .map(|index| {
                let (note, see, inside) = (note.clone(), see.clone(), inside.clone());
                spawn(to_thread(move || {
                    note.lock().unwrap().push(index);
                    see.here();
                    assert!(inside.fetch_add(1, SeqCst) < max);
                    std::thread::yield_now();
                    inside.fetch_sub(1, SeqCst);
                    index
                }))
            })
            .collect();
        for (index, task) in tasks.into_iter().enumerate() {
            assert_eq!(task.await.unwrap(), index);
        }
        assert!(threads_named(name).is_none_or(|threads| threads <= max));
    });
    // `run` has joined them, but the system may still list them for a moment.
    wait_for_no_threads_named(name);
    let order = order.lock().unwrap().clone();
    (order, seen.count())
}

#[test]
fn threads_06_a_thousand_calls_with_a_limit_of_one_start_in_order() {
    let (order, threads) = crowd(1_000, 1, "ek-one");
    assert_eq!(order, (0..1_000).collect::<Vec<_>>());
    assert_eq!(threads, 1);
}

#[test]
fn threads_06_a_thousand_calls_with_a_limit_of_four_have_four_threads_and_lose_none() {
    let (mut order, threads) = crowd(1_000, 4, "ek-four");
    assert!(threads <= 4, "{threads}");
    order.sort_unstable();
    assert_eq!(order, (0..1_000).collect::<Vec<_>>());
}

#[test]
fn threads_06_a_thousand_calls_with_a_limit_of_four_start_in_order() {
    const CALLS: usize = 1_000;
    let gates: Vec<Gate> = (0..CALLS).map(|_| Gate::default()).collect();
    let (tell, told) = mpsc::channel();
    Executor::builder().max_threads(4).run(async {
        let tasks: Vec<_> = (0..CALLS)
            .map(|index| {
                let (gate, tell) = (gates[index].clone(), tell.clone());
                spawn(to_thread(move || {
                    tell.send(index).unwrap();
                    gate.pass();
                }))
            })
            .collect();
        yield_now().await;
        let mut running: Vec<usize> = (0..4).map(|_| told.recv().unwrap()).collect();
        running.sort_unstable();
        assert_eq!(running, [0, 1, 2, 3]);
        for next in 4..CALLS {
            assert!(told.try_recv().is_err(), "four run, and no fifth");
            // One of the four ends, not always the oldest: the oldest that waits is next.
            gates[running.remove(next * 7 % 4)].open();
            assert_eq!(told.recv().unwrap(), next);
            running.push(next);
        }
        gates.iter().for_each(Gate::open);
        for task in tasks {
            task.await.unwrap();
        }
    });
}

#[test]
fn threads_07_a_limiters_permit_follows_the_job_and_not_the_await() {
    let limiter = ThreadLimiter::new(1);
    let (first, second) = (Gate::default(), Gate::default());
    let begun = Gate::default();
    run(async {
        let (pass, tell) = (first.clone(), begun.clone());
        let call = to_thread(move || {
            tell.open();
            pass.pass();
        });
        let limited = spawn(call.limited_by(&limiter));
        yield_now().await;
        begun.pass();
        drop(limited);
        yield_now().await;
        assert_eq!(limiter.available(), 0, "its job still runs");
        let tell = second.clone();
        let next = spawn(to_thread(move || tell.open()).limited_by(&limiter));
        // Others do not wait for the limiter.
        to_thread(|| ()).await;
        assert!(!next.is_finished());
        first.open();
        second.pass();
        next.await.unwrap();
        assert_eq!(limiter.available(), 1);
    });
}

#[test]
fn threads_07_a_limiter_serves_in_order_and_takes_no_thread_for_those_who_wait() {
    let limiter = ThreadLimiter::new(1);
    let gate = Gate::default();
    let order = Arc::new(Mutex::new(Vec::new()));
    Executor::builder().max_threads(2).run(async {
        let calls: Vec<_> = (0..50)
            .map(|index| {
                let (pass, order) = (gate.clone(), order.clone());
                let job = move || {
                    pass.pass();
                    order.lock().unwrap().push(index);
                };
                spawn(to_thread(job).limited_by(&limiter))
            })
            .collect();
        yield_now().await;
        // One thread waits at the gate. The other is free, though 49 wait.
        to_thread(|| ()).await;
        gate.open();
        for call in calls {
            call.await.unwrap();
        }
    });
    assert_eq!(*order.lock().unwrap(), (0..50).collect::<Vec<_>>());
    assert_eq!(limiter.available(), 1);
}

#[test]
fn threads_07_a_limiter_may_be_shared_by_executors_and_starts_threads_where_they_are_needed() {
    let limiter = ThreadLimiter::new(1);
    let gate = Gate::default();
    let (one, two) = (Executor::new(), Executor::new());
    let pass = gate.clone();
    let first = one.spawn(to_thread(move || pass.pass()).limited_by(&limiter));
    one.run_until_stalled();
    // Its executor has no thread yet; the other's will give it the permit, and start one.
    let second = two.spawn(to_thread(|| 2).limited_by(&limiter));
    two.run_until_stalled();
    gate.open();
    assert_eq!(two.run(second).unwrap(), 2);
    one.run(first).unwrap();
}

#[test]
fn threads_07_a_limiter_passes_over_those_who_went_away_and_over_executors_that_ended() {
    let limiter = ThreadLimiter::new(1);
    let gate = Gate::default();
    let pass = gate.clone();
    let executor = Executor::new();
    let first = executor.spawn(to_thread(move || pass.pass()).limited_by(&limiter));
    executor.run_until_stalled();
    let gone = Executor::new();
    gone.spawn(to_thread(|| unreachable!("its executor has ended")).limited_by(&limiter)).detach();
    gone.run_until_stalled();
    let mut outside = to_thread(|| unreachable!("its executor has ended")).limited_by(&limiter);
    gone.run(async { assert!(futures::poll!(&mut outside).is_pending()) });
    drop(gone);
    let cancelled = executor.spawn(to_thread(|| unreachable!("it was cancelled")).limited_by(&limiter));
    let last = executor.spawn(to_thread(|| 4).limited_by(&limiter));
    executor.run_until_stalled();
    drop(cancelled);
    executor.run_until_stalled();
    gate.open();
    assert_eq!(executor.run(last).unwrap(), 4);
    executor.run(first).unwrap();
    assert!(panic_of(|| executor.run(outside)).contains("has ended"));
    until(|| limiter.available() == 1);
}

#[test]
fn fault_32_threads_without_work_end() {
    let executor = Executor::builder().thread_name("ek-idle").thread_keep_alive(Duration::ZERO).build();
    executor.run(async {
        for _ in 0..3 {
            let tasks: Vec<_> = (0..4).map(|_| spawn(to_thread(|| ()))).collect();
            for task in tasks {
                task.await.unwrap();
            }
        }
    });
    wait_for_no_threads_named("ek-idle");
    // And come again.
    executor.run(to_thread(|| ()));
}

#[test]
fn fault_32_no_thread_is_started_without_a_job() {
    let executor = Executor::builder().thread_name("ek-none").build();
    executor.run(async { assert!(timeout(ms(0), std::future::pending::<()>()).await.is_err()) });
    drop(to_thread(|| ()));
    assert!(threads_named("ek-none").is_none_or(|count| count == 0));
}

#[test]
fn fault_32_a_call_without_any_thread_fails_and_says_why() {
    // No system has so much address space, so every start fails.
    let executor = Executor::builder().thread_stack_size(1 << 56).build();
    let text = panic_of(|| executor.run(to_thread(|| ())));
    assert!(text.contains("could not start a thread"), "{text}");
    let limiter = ThreadLimiter::new(1);
    for _ in 0..3 {
        let text = panic_of(|| executor.run(to_thread(|| ()).limited_by(&limiter)));
        assert!(text.contains("could not start a thread"), "{text}");
        assert_eq!(limiter.available(), 1);
    }
}

#[test]
fn threads_06_limits_of_zero_are_refused() {
    assert!(panic_of(|| ThreadLimiter::new(0)).contains("at least one"));
    assert!(panic_of(|| Executor::builder().max_threads(0)).contains("at least one"));
}
