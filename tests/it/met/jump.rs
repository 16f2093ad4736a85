//! Virtual time, which jumps when it may.

use crate::kit::{
    gates::Gate,
    probe::{HandPark, Record, at, ms, poll_with_noop},
};
use evenkeel::{
    Executor, Instant,
    host::{Readiness, Unhandled, UnhandledKind},
    sleep, spawn,
    testing::VirtualClock,
    threads::remote,
    time::Clock,
    timeout, to_thread, yield_now,
};
use std::{
    cell::Cell,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

#[test]
fn met_a6_time_12_a_clock_that_is_held_stands_still_until_it_is_let_go() {
    for _ in 0..if cfg!(miri) { 2 } else { 100 } {
        let clock = VirtualClock::new();
        Executor::builder().clock(clock.clone()).run(async move {
            let (sender, mut answers) = remote::channel(1);
            let hold = clock.hold();
            let work = move || {
                for n in 0..3 {
                    thread::yield_now();
                    sender.send_blocking(n).unwrap();
                }
                drop(hold);
            };
            let worker = thread::spawn(work);
            let heartbeat = spawn(sleep(ms(1)));
            for n in 0..3 {
                assert_eq!(answers.recv().await, Some(n));
                assert_eq!(Instant::now(), at(0));
            }
            // And goes on by itself then.
            heartbeat.await.unwrap();
            assert_eq!(Instant::now(), at(1));
            worker.join().unwrap();
        });
    }
}

#[test]
fn met_a6_time_12_the_last_of_several_holds_counts() {
    let clock = VirtualClock::new();
    let executor = Executor::builder().clock(clock.clone()).build();
    let mut nap = executor.spawn(sleep(ms(5)));
    executor.run_until_stalled();
    let holds = [clock.hold(), clock.clone().hold()];
    for hold in holds {
        executor.park(Duration::ZERO);
        executor.run_until_stalled();
        assert_eq!(clock.now(), at(0));
        drop(hold);
    }
    // One park for the call of the last hold, and one for the jump.
    for _ in 0..2 {
        executor.park(Duration::MAX);
        executor.run_until_stalled();
    }
    assert_eq!((clock.now(), nap.take_result().is_some()), (at(5), true));
}

#[test]
fn met_a6_time_12_a_host_that_ticks_is_told_when_the_clock_is_let_go() {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    let clock = VirtualClock::new();
    let executor = Executor::builder().clock(clock.clone()).on_wake(move || _ = count.fetch_add(1, SeqCst)).build();
    executor.spawn(sleep(ms(5))).detach();
    let hold = clock.hold();
    executor.park(Duration::ZERO);
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Idle);
    executor.park(Duration::ZERO);
    let before = calls.load(SeqCst);
    drop(hold);
    assert_eq!(calls.load(SeqCst), before + 1);
}

#[test]
fn met_a6_time_12_a_grace_period_ends_though_the_clock_is_held_for_ever() {
    let clock = VirtualClock::new();
    let _hold = clock.hold();
    let executor = Executor::builder().clock(clock).on_unhandled(|_| ()).build();
    executor.spawn(evenkeel::shield(std::future::pending::<()>())).detach();
    executor.run_until_stalled();
    assert_eq!(executor.close(ms(1)).stuck().len(), 1);
}

#[test]
fn met_a6_time_13_who_began_to_sleep_before_the_time_is_moved_sleeps_through_it() {
    let clock = VirtualClock::new();
    let record = Record::new();
    let says = record.clone();
    Executor::builder().clock(clock.clone()).run(async move {
        let mut nap = sleep(ms(10));
        assert!(poll_with_noop(&mut nap).is_pending());
        clock.advance(ms(10));
        nap.await;
        says.add(Instant::now());
        // A timeout counts alike.
        let moved = clock.clone();
        let late = timeout(ms(10), async move {
            yield_now().await;
            moved.advance(ms(10));
            std::future::pending::<()>().await;
        });
        assert!(late.await.is_err());
        says.add(Instant::now());
        // Who begins behind it sleeps on.
        let moved = clock.clone();
        let before = spawn(async move { moved.advance(ms(3)) });
        sleep(ms(10)).await;
        before.await.unwrap();
        says.add(Instant::now());
    });
    assert_eq!(record.take(), [at(10), at(20), at(30)]);
}

/// Moves a virtual clock by a millisecond whenever it is asked.
struct Hurried(VirtualClock);

impl Clock for Hurried {
    fn now(&self) -> Instant {
        self.0.advance(ms(1));
        self.0.now()
    }
}

#[test]
fn met_a6_time_13_a_clock_that_moves_a_virtual_one_when_it_is_asked_is_not_asked_without_end() {
    let clock = VirtualClock::new();
    let executor = Executor::builder().clock(Hurried(clock.clone())).park(HandPark::new(|_| ())).build();
    executor.run(async {
        sleep(ms(5)).await;
        clock.advance(ms(1));
    });
    assert!(clock.now() >= at(6));
}

#[test]
fn met_a6_time_13_another_executors_time_is_moved_without_harm_to_ones_own() {
    let (own, other) = (VirtualClock::new(), VirtualClock::new());
    Executor::builder().clock(own).run(async move {
        let nap = spawn(sleep(ms(5)));
        yield_now().await;
        let mut second = sleep(ms(5));
        assert!(poll_with_noop(&mut second).is_pending());
        other.advance(ms(1_000));
        nap.await.unwrap();
        second.await;
        assert_eq!(Instant::now(), at(5));
    });
}

/// An executor on virtual time, and what it reports; `then` is called at each report.
fn told(clock: VirtualClock, then: impl Fn() + 'static) -> (Executor, Record<String>) {
    let record = Record::new();
    let says = record.clone();
    let hook = move |what: &Unhandled| {
        assert!(matches!(what.kind(), UnhandledKind::TimeStands(_)));
        says.add(what.to_string());
        then();
    };
    (Executor::builder().clock(clock).on_unhandled(hook).build(), record)
}

#[test]
fn met_a6_time_14_a_job_that_keeps_time_from_passing_is_told_of_once() {
    let gate = Gate::default();
    let open = gate.clone();
    let (executor, record) = told(VirtualClock::new(), move || open.open());
    executor.run(async {
        let begun = Gate::default();
        let tell = begun.clone();
        let job = spawn(to_thread(move || {
            tell.open();
            gate.pass();
        }));
        yield_now().await;
        begun.pass();
        sleep(ms(1)).await;
        job.await.unwrap();
    });
    let told = record.take();
    assert_eq!(told.len(), 1, "{told:?}");
    let begin = "evenkeel: an executor has virtual time that stands still: a job is out (of the to_thread at ";
    assert!(told[0].starts_with(begin) && told[0].contains("jump.rs:"), "{told:?}");
}

#[test]
fn met_a6_time_14_so_is_a_clock_that_is_held() {
    let clock = VirtualClock::new();
    let hold = Cell::new(Some(clock.hold()));
    let (executor, record) = told(clock, move || drop(hold.take()));
    executor.run(sleep(ms(1)));
    let expected = "evenkeel: an executor has virtual time that stands still: it is held, and timers wait";
    assert_eq!(record.take(), [expected]);
}

#[test]
fn met_a6_time_14_a_yield_loop_that_waits_for_virtual_time_is_told_of_once() {
    let heard = Rc::new(Cell::new(false));
    let set = heard.clone();
    let (executor, record) = told(VirtualClock::new(), move || set.set(true));
    let begin = executor.run(async {
        let deadline = Instant::now() + ms(1);
        let looping = spawn(async move {
            while Instant::now() < deadline && !heard.get() {
                yield_now().await;
            }
            for _ in 0..200_000 {
                yield_now().await;
            }
            Instant::now()
        });
        looping.await.unwrap()
    });
    assert_eq!(begin, at(0));
    let told = record.take();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("tasks that wake themselves (a task (spawned at ") && told[0].contains("jump.rs:"),
        "{told:?}"
    );
}

#[test]
fn met_a6_time_14_yielding_while_the_clock_is_moved_or_something_else_happens_is_no_standstill() {
    let clock = VirtualClock::new();
    let (executor, record) = told(clock.clone(), || ());
    executor.run(async {
        for _ in 0..150_000 {
            clock.advance(Duration::from_nanos(1));
            yield_now().await;
        }
        for _ in 0..150_000 {
            spawn(async {}).detach();
            yield_now().await;
        }
        // Jobs have real time.
        let gate = Gate::default();
        let pass = gate.clone();
        let job = spawn(to_thread(move || pass.pass()));
        for _ in 0..150_000 {
            yield_now().await;
        }
        gate.open();
        job.await.unwrap();
    });
    assert_eq!(record.take(), [""; 0]);
}
