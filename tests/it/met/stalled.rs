//! Runs that can never go on.

use crate::kit::{
    gates::Gate,
    probe::{Drops, Record, at, ms, panic_of},
};
use evenkeel::{
    CancelReason, Executor, Instant, JoinError, finally, gather,
    host::{ExecutorBuilder, UnhandledKind},
    shield, sleep, spawn,
    sync::{Event, Mutex},
    testing::{self, VirtualClock},
    threads::remote,
    timeout, to_thread, yield_now,
};
use std::{future::pending, rc::Rc, thread, time::Duration};

/// On a clock that has no patience at all.
fn impatient() -> ExecutorBuilder {
    Executor::builder().clock(VirtualClock::new().patience(Duration::ZERO))
}

fn list_of<T: std::fmt::Debug>(outcome: Result<T, JoinError>) -> String {
    match outcome {
        Err(JoinError::Cancelled(CancelReason::Stalled(who))) => who.into(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn met_a5_time_15_two_tasks_that_wait_for_each_other_are_named() {
    let record = Record::new();
    let says = record.clone();
    let outcome = impatient().build().run_outcome(async {
        let (one, two) = (Rc::new(Mutex::new(())), Rc::new(Mutex::new(())));
        let both = |first: &Rc<Mutex<()>>, second: &Rc<Mutex<()>>| {
            let (first, second) = (first.clone(), second.clone());
            async move {
                let _first = first.lock().await;
                sleep(ms(1)).await;
                let _second = second.lock().await;
            }
        };
        let (left, right) = (spawn(both(&one, &two)).named("left"), spawn(both(&two, &one)).named("right"));
        finally(gather([left, right]), async move |_: Option<&_>| {
            sleep(ms(1)).await;
            says.add(Instant::now());
        })
        .await;
    });
    let who = list_of(outcome);
    let found: Vec<_> = ["a task (spawned at ", "a task named \"left\" (spawned at ", "a task named \"right\""]
        .iter()
        .map(|words| who.find(words))
        .collect();
    assert!(found.iter().all(Option::is_some) && found.is_sorted(), "{who}");
    // Clean-up was run, and time went on for it.
    assert_eq!(record.take(), [at(2)]);
}

#[test]
fn met_a5_time_15_a_run_panics_with_the_list_and_a_crowd_is_cut_short() {
    let message = panic_of(|| {
        impatient().run(async {
            let crowd: Vec<_> = (0..100).map(|_| spawn(pending::<()>())).collect();
            gather(crowd).await.len()
        })
    });
    assert!(message.starts_with("the main future was cancelled (nothing can go on any more; there wait "), "{message}");
    assert!(message.contains(", and 81 more)"), "{message}");
}

#[test]
fn met_a5_time_15_clean_up_that_waits_in_vain_is_stopped_hard_and_told_of() {
    let (record, drops) = (Record::new(), Drops::default());
    let (says, guard, other) = (record.clone(), drops.guard(), drops.guard());
    let executor = impatient().on_unhandled(move |unhandled| {
        says.add((matches!(unhandled.kind(), UnhandledKind::GraceExceeded), unhandled.name().map(str::to_owned)));
    });
    let message = panic_of(move || {
        executor.run(async move {
            spawn(async move {
                let _other = other;
                shield(pending::<()>()).await;
            })
            .named("keeper")
            .detach();
            let _guard = guard;
            shield(pending::<()>()).await;
        });
    });
    assert!(message.contains("nothing can go on any more"), "{message}");
    assert_eq!((drops.count(), record.take()), (2, vec![(true, None), (true, Some("keeper".to_owned()))]));
}

#[test]
fn met_a5_time_15_what_can_still_come_is_waited_for() {
    impatient().run(async {
        // A timer, a ready task, a job, and what a job does.
        sleep(Duration::from_secs(86_400)).await;
        yield_now().await;
        let gate = Gate::default();
        let pass = gate.clone();
        let opens = thread::spawn(move || gate.open());
        to_thread(move || pass.pass()).await;
        opens.join().unwrap();
        let (sender, mut receiver) = remote::channel(1);
        spawn(to_thread(move || sender.send_blocking(1).unwrap())).detach();
        assert_eq!(receiver.recv().await, Some(1));
    });
    // A thread of the program's own, for which the clock is held.
    let clock = VirtualClock::new().patience(Duration::ZERO);
    let got = Executor::builder().clock(clock.clone()).run(async move {
        let (sender, mut receiver) = remote::channel(1);
        let hold = clock.hold();
        let sends = thread::spawn(move || {
            thread::yield_now();
            sender.send_blocking(2).unwrap();
            drop(hold);
        });
        let got = receiver.recv().await;
        sends.join().unwrap();
        got
    });
    assert_eq!(got, Some(2));
    // And one that wakes within the patience.
    let got = Executor::builder().clock(VirtualClock::new().patience(Duration::from_secs(600))).run(async move {
        let (sender, mut receiver) = remote::channel(1);
        let sends = thread::spawn(move || sender.send_blocking(3).unwrap());
        let got = receiver.recv().await;
        sends.join().unwrap();
        got
    });
    assert_eq!(got, Some(3));
}

#[test]
fn met_a5_time_15_an_executor_can_be_used_again() {
    let executor = impatient().build();
    let event = Rc::new(Event::new());
    for _ in 0..3 {
        let never = event.clone();
        list_of(executor.run_outcome(async move { never.wait().await }));
    }
    assert!(executor.run(async { timeout(ms(5), pending::<()>()).await.is_err() }));
    assert!(executor.close(ms(1)).stuck().is_empty());
}

#[test]
fn met_a5_end_11_a_test_run_ends_also_with_clean_up_that_never_does() {
    let start = Instant::from_origin(Duration::ZERO);
    let value = testing::run(async move {
        let endless = async |_: Option<&()>| loop {
            sleep(Duration::from_secs(60)).await;
        };
        spawn(finally(pending::<()>(), endless)).detach();
        yield_now().await;
        start.elapsed()
    });
    assert_eq!(value, Duration::ZERO);
    // Nobody waits for time: there the whole grace goes by at once.
    testing::run(async {
        spawn(shield(pending::<()>())).detach();
        yield_now().await;
    });
}
