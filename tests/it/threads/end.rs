//! The end of an executor whose jobs still run, and of jobs whose executor is gone.

use crate::kit::{
    gates::{Alive, Gate, start_job, until, wait_for_no_threads_named},
    probe::ms,
};
use evenkeel::{
    Executor, Handle, Instant, finally,
    host::{Readiness, UnhandledKind},
    run, sleep, spawn,
    testing::VirtualClock,
    threads::{CallError, to_thread_with},
    to_thread, yield_now,
};
use std::{
    cell::{Cell, RefCell},
    future::pending,
    rc::Rc,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
        mpsc,
    },
    time::Duration,
};

#[test]
fn threads_08_run_waits_for_jobs_that_run_and_for_their_threads() {
    let (gate, alive) = (Gate::default(), Alive::default());
    Executor::builder().thread_name("ek-run").run(async {
        start_job(&gate, &alive).await.detach();
        let gate = gate.clone();
        std::thread::spawn(move || gate.open());
    });
    assert_eq!(alive.count(), 0);
    wait_for_no_threads_named("ek-run");
}

#[test]
fn threads_08_run_serves_the_handles_of_jobs_for_which_it_waits() {
    let outcome = Arc::new(Mutex::new(None));
    let note = outcome.clone();
    run(async move {
        let handle = Handle::current();
        let begun = Gate::default();
        let tell = begun.clone();
        spawn(to_thread_with(move |job| {
            tell.open();
            until(|| job.is_cancelled());
            let called = handle.call(|| 1).unwrap();
            let spawned = handle.block_on_from_thread(|| async { pending::<()>().await });
            *note.lock().unwrap() = Some((called, matches!(spawned, Err(CallError::Cancelled(_)))));
        }))
        .detach();
        yield_now().await;
        begun.pass();
    });
    assert_eq!(*outcome.lock().unwrap(), Some((1, true)));
}

#[test]
fn threads_03_cleanup_may_use_to_thread() {
    let cleaned = Arc::new(AtomicBool::new(false));
    let note = cleaned.clone();
    run(async move {
        spawn(finally(pending::<()>(), async move |_: Option<&()>| {
            to_thread(move || note.store(true, SeqCst)).await;
        }))
        .detach();
        yield_now().await;
    });
    assert!(cleaned.load(SeqCst));
}

#[test]
fn fault_32_a_shutdown_with_a_stuck_job_ends_in_time_and_names_it() {
    let (gate, alive) = (Gate::default(), Alive::default());
    let reports = Rc::new(RefCell::new(Vec::new()));
    let note = reports.clone();
    let builder = Executor::builder().on_unhandled(move |what| {
        assert!(matches!(what.kind(), UnhandledKind::JobLeft));
        note.borrow_mut().push(what.to_string());
    });
    builder.shutdown_grace(ms(1)).thread_name("ek-grace").run(async {
        start_job(&gate, &alive).await.detach();
    });
    let text = reports.take().concat();
    assert!(text.contains("gates.rs") && text.contains("still runs"), "{text}");
    assert_eq!(alive.count(), 1);
    gate.open();
    alive.wait_for_none();
    wait_for_no_threads_named("ek-grace");
}

#[test]
fn threads_08_close_lists_the_jobs_that_still_run() {
    let (gate, alive) = (Gate::default(), Alive::default());
    let executor = Executor::builder().on_unhandled(|_| {}).build();
    executor.run(async { start_job(&gate, &alive).await.detach() });
    let report = executor.close(ms(1));
    assert!(matches!(report.stuck(), [job] if job.contains("a job") && job.contains("gates.rs")), "{report:?}");
    gate.open();
    alive.wait_for_none();
}

#[test]
fn threads_08_a_host_that_closes_by_ticking_is_told_when_the_last_job_has_ended() {
    let (gate, alive) = (Gate::default(), Alive::default());
    let (tell, told) = mpsc::channel();
    let executor = Executor::builder().on_wake(move || tell.send(()).unwrap()).build();
    executor.run(async { start_job(&gate, &alive).await.detach() });
    executor.begin_close();
    let mut progress = executor.run_until_stalled();
    assert_eq!(progress.readiness, Readiness::Idle, "a job still runs");
    while told.try_recv().is_ok() {}
    gate.open();
    while progress.readiness != Readiness::Finished {
        told.recv_timeout(Duration::from_secs(60)).unwrap();
        progress = executor.run_until_stalled();
    }
    assert_eq!(alive.count(), 0);
    assert!(executor.close(Duration::ZERO).stuck().is_empty());
}

#[test]
fn threads_08_an_executor_that_is_dropped_does_not_wait_for_its_jobs() {
    let (gate, alive) = (Gate::default(), Alive::default());
    let executor = Executor::builder().thread_name("ek-drop").build();
    executor.run(async { start_job(&gate, &alive).await.detach() });
    let waiting: Vec<_> =
        (0..50).map(|_| alive.value()).map(|value| executor.spawn(to_thread(move || value))).collect();
    executor.run_until_stalled();
    drop(executor);
    drop(waiting);
    assert!(alive.count() >= 1);
    gate.open();
    alive.wait_for_none();
    wait_for_no_threads_named("ek-drop");
}

#[test]
fn fault_32_jobs_that_outlive_their_executor_get_errors_from_its_handle() {
    let (gate, alive) = (Gate::default(), Alive::default());
    let (answer, answers) = mpsc::channel();
    let executor = Executor::builder().thread_name("ek-outlive").build();
    let handle = executor.handle();
    executor.run(async {
        for _ in 0..4 {
            let (pass, handle, answer, alive) = (gate.clone(), handle.clone(), answer.clone(), alive.clone());
            spawn(to_thread(move || {
                answer.send(true).unwrap();
                pass.pass();
                let (one, two, three) = (alive.value(), alive.value(), alive.value());
                let called = handle.call(move || drop(one)).unwrap_err();
                let spawned = handle.spawn(move || async move { drop(two) });
                let waited = handle.block_on_from_thread(move || async move { drop(three) }).unwrap_err();
                let ended = |error| matches!(error, CallError::Ended(_));
                answer.send(ended(called) && spawned.is_err() && ended(waited)).unwrap();
            }))
            .detach();
        }
        yield_now().await;
        for _ in 0..4 {
            assert!(answers.recv().unwrap());
        }
    });
    drop(executor);
    gate.open();
    for _ in 0..4 {
        assert!(answers.recv_timeout(Duration::from_secs(60)).unwrap());
    }
    wait_for_no_threads_named("ek-outlive");
    assert_eq!(alive.count(), 0);
    assert!(handle.cancel_main("too late").is_err());
}

#[test]
fn threads_08_executors_that_come_and_go_with_jobs_leave_no_threads_and_no_values() {
    let alive = Alive::default();
    for round in 0..100 {
        let executor = Executor::builder().thread_name("ek-many").max_threads(3).build();
        for _ in 0..20 {
            let value = alive.value();
            executor.spawn(to_thread(move || value)).detach();
        }
        for _ in 0..round % 5 {
            executor.run_until_stalled();
        }
        if round % 2 == 0 { drop(executor) } else { drop(executor.close(Duration::from_secs(60))) }
    }
    alive.wait_for_none();
    wait_for_no_threads_named("ek-many");
}

#[test]
fn threads_09_a_virtual_clock_does_not_jump_while_a_job_is_out() {
    let clock = VirtualClock::new();
    Executor::builder().clock(clock).max_threads(1).run(async {
        let (gate, alive) = (Gate::default(), Alive::default());
        let job = start_job(&gate, &alive).await;
        let queued = spawn(to_thread(|| ()));
        let begin = Instant::now();
        let hour = spawn(async move {
            sleep(Duration::from_secs(3600)).await;
            begin.elapsed()
        });
        let opener = gate.clone();
        // The loop has long gone to sleep when it is opened; that is a hope, but whatever comes first, the time must stand still.
        let thread = std::thread::spawn(move || {
            std::thread::sleep(ms(2));
            opener.open();
        });
        drop(job.await.unwrap());
        queued.await.unwrap();
        assert_eq!(begin.elapsed(), Duration::ZERO);
        assert!(!hour.is_finished());
        // Nothing is out any more.
        assert_eq!(hour.await.unwrap(), Duration::from_secs(3600));
        thread.join().unwrap();
    });
}

#[test]
fn threads_09_a_virtual_clock_goes_on_when_a_job_ends_that_nobody_awaits() {
    let (gate, alive) = (Gate::default(), Alive::default());
    let clock = VirtualClock::new();
    Executor::builder().clock(clock).run(async {
        drop(start_job(&gate, &alive).await);
        yield_now().await;
        let opener = gate.clone();
        std::thread::spawn(move || opener.open());
        // The job's end must wake the loop: the time that is to pass here is not to pass on the wall.
        sleep(Duration::from_secs(86_400)).await;
        assert_eq!(alive.count(), 0);
    });
}

#[test]
fn threads_08_calls_that_are_cancelled_at_the_end_are_not_taken_for_jobs_that_are_stuck() {
    let alive = Alive::default();
    for round in 0..300 {
        let builder = Executor::builder().on_unhandled(|what| panic!("{what}")).thread_name("ek-crowd").max_threads(2);
        builder.run(async {
            for _ in 0..40 {
                let value = alive.value();
                spawn(to_thread(move || drop(value))).detach();
            }
            for _ in 0..round % 4 {
                yield_now().await;
            }
        });
        assert_eq!(alive.count(), 0);
    }
    wait_for_no_threads_named("ek-crowd");
}

#[test]
fn threads_04_an_await_that_outlives_run_starts_no_job_behind_its_back() {
    let alive = Alive::default();
    for round in 0..100 {
        let mut kept = Vec::new();
        let builder = Executor::builder().on_unhandled(|what| panic!("{what}")).thread_name("ek-kept").max_threads(1);
        builder.run(async {
            for _ in 0..3 {
                let value = alive.value();
                let mut call = to_thread(move || drop(value));
                assert!(futures::poll!(&mut call).is_pending());
                kept.push(call);
            }
            for _ in 0..round % 3 {
                yield_now().await;
            }
        });
        // Each has run, or was refused, and none is on its way.
        assert_eq!(alive.count(), 0, "{round}");
    }
    wait_for_no_threads_named("ek-kept");
}

/// Calls into the loop at the very end of its thread.
struct LastWords(Handle, mpsc::Sender<Result<(), CallError>>);

impl Drop for LastWords {
    fn drop(&mut self) {
        // Until `run` waits for this thread, as a rule; whenever it comes, there is to be an answer.
        std::thread::sleep(ms(20));
        let _ = self.1.send(self.0.call(|| ()));
    }
}

thread_local! {
    static LAST_WORDS: RefCell<Option<LastWords>> = const { RefCell::new(None) };
}

#[test]
fn threads_04_a_thread_that_calls_at_its_very_end_gets_an_answer_and_does_not_hang() {
    let (answer, answers) = mpsc::channel();
    run(async {
        let words = LastWords(Handle::current(), answer);
        to_thread(move || LAST_WORDS.set(Some(words))).await;
    });
    let last = answers.recv_timeout(Duration::from_secs(60)).unwrap();
    // It may still have been served, or have come too late.
    assert!(matches!(last, Ok(()) | Err(CallError::Ended(_))), "{last:?}");
}

/// Fails, instead of waiting for ever, if `f` does.
fn ends<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || tell.send(f()));
    told.recv_timeout(Duration::from_secs(60)).expect("it ends")
}

/// Asks an executor for something at the very end of its thread, when it is told to.
struct AsksAtTheEnd {
    is_here: Gate,
    go: Gate,
    asked: Gate,
    ask: Box<dyn FnOnce(&Gate) + Send>,
}

thread_local! {
    static ASKS: RefCell<Option<Asks>> = const { RefCell::new(None) };
}

struct Asks(Option<AsksAtTheEnd>);

impl Drop for Asks {
    fn drop(&mut self) {
        if let Some(end) = self.0.take() {
            end.is_here.open();
            end.go.pass();
            (end.ask)(&end.asked);
        }
    }
}

/// A thread of the pool's asks for that in the moment between the end of the grace period and the refusal of calls.
fn asked_between<T: Send + 'static>(ask: impl FnOnce(Handle, &Gate) -> T + Send + 'static) -> (usize, T) {
    ends(move || {
        let (answer, answers) = mpsc::channel();
        let (is_here, go, asked) = (Gate::default(), Gate::default(), Gate::default());
        let (start, wait) = (go.clone(), asked.clone());
        let hook = move |what: &evenkeel::host::Unhandled| {
            if matches!(what.kind(), UnhandledKind::GraceExceeded) {
                start.open();
                wait.pass();
            }
        };
        let executor = Executor::builder().thread_keep_alive(ms(0)).on_unhandled(hook).build();
        let handle = executor.handle();
        let end = AsksAtTheEnd {
            is_here: is_here.clone(),
            go,
            asked,
            ask: Box::new(move |asked| answer.send(ask(handle, asked)).unwrap()),
        };
        executor.run(async move { to_thread(move || ASKS.set(Some(Asks(Some(end))))).await });
        is_here.pass();
        // Its clean-up takes longer than there is time.
        executor.spawn(finally(pending::<()>(), async |_: Option<&()>| pending().await)).detach();
        executor.run_until_stalled();
        let report = executor.close(Duration::ZERO);
        (report.stuck().len(), answers.recv().unwrap())
    })
}

#[test]
fn end_09_close_stops_what_its_last_look_has_spawned_before_it_joins_threads() {
    let outcome = asked_between(|handle, asked| {
        let task = handle.spawn(|| async { unreachable!("it never starts") });
        asked.open();
        task.map(|mut task| matches!(task.wait(), Err::<(), _>(CallError::Cancelled(_))))
    });
    assert!(matches!(outcome, (1, Ok(true))), "{outcome:?}");
}

#[test]
fn end_09_what_was_called_at_the_last_look_may_spawn_and_its_tasks_are_stopped_too() {
    let outcome = asked_between(|handle, asked| {
        let (outer, inner) = mpsc::channel();
        // The call spawns a task whose destructor spawns another: the thread waits until both are gone.
        let task = handle.spawn(move || {
            let last = crate::kit::probe::on_drop(move || spawn(async move { drop(outer) }).detach());
            async move { (last, pending::<()>().await).1 }
        });
        asked.open();
        (task.is_ok(), inner.recv() == Err::<(), _>(mpsc::RecvError))
    });
    assert_eq!(outcome, (1, (true, true)));
}

/// Closes an executor with a virtual clock while a job runs that ends only afterwards. Returns what was reported.
fn close_with_a_stuck_job(by_run: bool, also: impl AsyncFnOnce(&Gate) + Send + 'static) -> Vec<String> {
    ends(move || {
        let (gate, alive) = (Gate::default(), Alive::default());
        let reports = crate::kit::probe::Record::new();
        let note = reports.clone();
        let builder = Executor::builder()
            .clock(VirtualClock::new())
            .max_threads(1)
            .shutdown_grace(ms(50))
            .on_unhandled(move |what| note.add(what.to_string()));
        let main = async {
            start_job(&gate, &alive).await.detach();
            also(&gate).await;
        };
        if by_run {
            builder.run(main);
        } else {
            let executor = builder.build();
            executor.run(main);
            let report = executor.close(ms(50));
            assert!(report.stuck().iter().any(|stuck| stuck.contains("a job")), "{report:?}");
        }
        gate.open();
        alive.wait_for_none();
        reports.take()
    })
}

#[test]
fn end_10_a_grace_period_ends_on_a_virtual_clock_though_a_job_never_does() {
    for by_run in [false, true] {
        let reports = close_with_a_stuck_job(by_run, async |_| ());
        assert!(matches!(&reports[..], [job] if job.contains("still runs")), "{reports:?}");
    }
}

#[test]
fn end_10_a_grace_period_ends_though_clean_up_waits_for_a_stuck_job_or_for_time() {
    for by_run in [false, true] {
        let reports = close_with_a_stuck_job(by_run, async |_| {
            // The time of a job that is out is real, so the clock stands still.
            spawn(finally(pending::<()>(), async |_: Option<&()>| sleep(Duration::from_secs(3600)).await)).detach();
            spawn(finally(pending::<()>(), async |_: Option<&()>| to_thread(|| ()).await)).detach();
            yield_now().await;
        });
        assert_eq!(reports.iter().filter(|line| line.contains("was stopped hard")).count(), 2, "{reports:?}");
        assert_eq!(reports.iter().filter(|line| line.contains("still runs")).count(), 1, "{reports:?}");
    }
}

#[test]
fn end_10_a_grace_period_ends_though_clean_up_is_never_idle_while_a_job_is_out() {
    for by_run in [false, true] {
        let reports = close_with_a_stuck_job(by_run, async |_| {
            spawn(finally(pending::<()>(), async |_: Option<&()>| {
                loop {
                    yield_now().await
                }
            }))
            .detach();
            yield_now().await;
        });
        assert_eq!(reports.iter().filter(|line| line.contains("was stopped hard")).count(), 1, "{reports:?}");
    }
}

/// An executor on a virtual clock (or the system's) whose only task cleans up like that. Returns what stands in the report, and the time.
fn close_after(clean_up: impl AsyncFnOnce() + 'static, grace: Duration, on_system_clock: bool) -> (usize, Duration) {
    let clock = VirtualClock::new();
    let mut builder = Executor::builder().on_unhandled(|_| {});
    if !on_system_clock {
        builder = builder.clock(clock.clone());
    }
    let executor = builder.build();
    executor.spawn(finally(pending::<()>(), async move |_: Option<&()>| clean_up().await)).detach();
    executor.run_until_stalled();
    let report = executor.close(grace);
    (report.stuck().len(), evenkeel::time::Clock::now(&clock).since_origin())
}

#[test]
fn end_10_clean_up_that_ends_at_the_very_end_of_its_grace_is_not_stuck() {
    let second = Duration::from_secs(1);
    assert_eq!(close_after(async move || sleep(second).await, second, false), (0, second));
    // It need not be the first thing that happens then.
    let in_steps = async move || {
        let child = spawn(async move { sleep(second).await });
        child.await.unwrap();
        yield_now().await;
        sleep(Duration::ZERO).await;
    };
    assert_eq!(close_after(in_steps, second, false), (0, second));
    assert_eq!(close_after(async || yield_now().await, Duration::ZERO, false), (0, Duration::ZERO));
    let longer = async move || sleep(second + Duration::from_nanos(1)).await;
    assert_eq!(close_after(longer, second, false), (1, second));
}

#[test]
fn end_10_a_grace_period_ends_though_each_turn_panics() {
    const MANY: u64 = 100;
    let clock = VirtualClock::new();
    let executor = Executor::builder().clock(clock.clone()).on_unhandled(|_| {}).build();
    let panicked = Rc::new(Cell::new(0));
    for turns in 0..MANY {
        let (clock, panicked) = (clock.clone(), panicked.clone());
        let clean_up = async move |_: Option<&()>| {
            for _ in 0..turns {
                yield_now().await;
            }
            clock.advance(ms(1));
            panicked.set(panicked.get() + 1);
            panic!("in a turn of its own");
        };
        executor.spawn(finally(pending::<()>(), clean_up)).detach();
    }
    executor.run_until_stalled();
    let stuck = executor.close(ms(20)).stuck().len() as u64;
    // One more turn is for those who were ready when the time came.
    assert!((20..=21).contains(&panicked.get()), "{} panicked", panicked.get());
    assert_eq!(stuck, MANY - panicked.get());
}

#[test]
fn end_10_a_grace_period_ends_though_clean_up_never_rests_and_the_clock_stands_still() {
    let stuck = ends(|| {
        let clean_up = async || {
            loop {
                yield_now().await
            }
        };
        close_after(clean_up, ms(20), false)
    });
    assert_eq!(stuck, (1, Duration::ZERO));
}

#[test]
fn end_10_without_a_job_a_grace_period_on_a_virtual_clock_takes_no_time_of_the_wall() {
    let clock = VirtualClock::new();
    let executor = Executor::builder().clock(clock.clone()).on_unhandled(|_| {}).build();
    let half = Duration::from_secs(43_200);
    executor.spawn(finally(pending::<()>(), async move |_: Option<&()>| sleep(half).await)).detach();
    executor.spawn(finally(pending::<()>(), async move |_: Option<&()>| sleep(half * 4).await)).detach();
    executor.run_until_stalled();
    let report = executor.close(half * 2);
    assert_eq!(report.stuck().len(), 1);
    assert_eq!(evenkeel::time::Clock::now(&clock), Instant::from_origin(half * 2));
}

#[test]
fn fault_45_a_job_that_is_refused_at_the_end_of_its_executor_gives_its_permit_back() {
    let (gate, alive, limiter) = (Gate::default(), Alive::default(), evenkeel::threads::ThreadLimiter::new(1));
    let executor = Executor::builder().max_threads(1).build();
    let (value, mut kept) = (alive.value(), None);
    executor.run(async {
        start_job(&gate, &alive).await.detach();
        // It has the permit, and waits for the thread.
        let mut call = to_thread(move || drop(value)).limited_by(&limiter);
        assert!(futures::poll!(&mut call).is_pending());
        kept = Some(call);
    });
    assert_eq!(limiter.available(), 0);
    drop(executor);
    assert_eq!(limiter.available(), 1);
    run(async { to_thread(|| ()).limited_by(&limiter).await });
    gate.open();
    alive.wait_for_none();
    drop(kept);
}
