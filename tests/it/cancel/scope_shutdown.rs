//! Clean-up at the end of an executor: `run`, `close`, `begin_close`, drop.

use crate::kit::{
    probe::{HandClock, HandPark, ms, on_drop},
    scopes::{Log, reporting, reporting_to},
};
use evenkeel::{
    CancelScope, Executor, JoinError, Task, finally,
    host::{Budget, Readiness, UnhandledKind},
    shield, sleep, spawn,
    testing::Seeded,
    timeout, yield_now,
};
use futures::stream::{FuturesUnordered, StreamExt};
use std::{
    cell::{Cell, RefCell},
    future::pending,
    rc::Rc,
    time::Duration,
};

fn cleaner(log: &Log, name: &'static str, time: u64) -> impl Future<Output = ()> + use<> {
    let log = log.clone();
    finally(pending::<()>(), async move |_: Option<&()>| log.clean(name, ms(time)).await)
}

fn hanging() -> impl Future<Output = ()> {
    finally(pending::<()>(), async |_: Option<&()>| pending::<()>().await)
}

#[test]
fn run_waits_for_all_clean_up_at_its_end() {
    let (log, reports) = (Log::new(), Log::new());
    let value = reporting_to(&reports).build();
    value.spawn(cleaner(&log, "older", 3)).detach();
    drop(value);
    assert_eq!(log.take(), ["older begins"][..0], "it never started");
    let value = reporting_to(&reports).run(async {
        spawn(cleaner(&log, "slow", 9)).detach();
        spawn(cleaner(&log, "quick", 1)).detach();
        yield_now().await;
        log.say("main ends");
        5
    });
    let expected = ["main ends", "slow begins", "quick begins", "quick ends", "slow ends"];
    assert_eq!((value, log.take(), reports.take()), (5, expected.map(String::from).to_vec(), vec![]));
}

#[test]
fn cancel_08_the_grace_period_of_runs_shutdown_is_kept_and_reported_by_name() {
    let (log, reports) = (Log::new(), Log::new());
    let value = reporting_to(&reports).shutdown_grace(ms(5)).run(async {
        let hangs = spawn(hanging()).named("hangs");
        hangs.detach();
        spawn(cleaner(&log, "quick", 4)).detach();
        spawn(pending::<()>()).named("no clean-up").detach();
        yield_now().await;
        5
    });
    assert_eq!(value, 5);
    assert_eq!(log.take(), ["quick begins", "quick ends"]);
    assert_eq!(reports.take(), ["hangs: grace exceeded"]);
}

#[test]
fn close_lists_by_name_what_did_not_stop_in_time() {
    let (executor, reports) = reporting();
    let log = Log::new();
    let mut hangs = executor.spawn(hanging()).named("hangs");
    let line = line!() - 1;
    executor.spawn(cleaner(&log, "quick", 4)).detach();
    executor.run_until_stalled();
    let report = executor.close(ms(5));
    let place = format!("spawned at {}:{line}", file!());
    let [stuck] = report.stuck() else { panic!("{report:?}") };
    assert!(stuck.contains("\"hangs\"") && stuck.contains(&place), "{stuck}");
    assert_eq!(log.take(), ["quick begins", "quick ends"]);
    assert_eq!(reports.take(), ["hangs: grace exceeded"]);
    assert!(matches!(hangs.take_result(), Some(Err(JoinError::Cancelled(_)))));
}

#[test]
fn close_without_grace_still_ends_what_has_no_clean_up_and_loses_no_result() {
    let (executor, reports) = reporting();
    let plain = executor.spawn(pending::<()>());
    let mut woken = executor.spawn(async { (yield_now().await, 5).1 });
    executor.tick(Budget::polls(2));
    let report = executor.close(Duration::ZERO);
    assert_eq!(report.stuck(), &[] as &[Box<str>]);
    assert!(plain.is_finished());
    assert_eq!(woken.take_result().unwrap().unwrap(), 5);
    assert_eq!(reports.take(), [""; 0]);
}

#[test]
fn begin_close_and_ticks_do_the_same_without_blocking() {
    let clock = HandClock::default();
    let (log, reports) = (Log::new(), Log::new());
    let executor = reporting_to(&reports).clock(clock.clone()).build();
    executor.spawn(cleaner(&log, "clean-up", 5)).detach();
    executor.run_until_stalled();
    executor.begin_close();
    let late = executor.spawn(async { unreachable!("cancelled from birth") as () });
    let mut progress = executor.run_until_stalled();
    while progress.readiness != Readiness::Idle {
        progress = executor.run_until_stalled();
    }
    assert_eq!((progress.next_wait, late.is_finished()), (Some(ms(5)), true));
    clock.set(ms(5));
    while executor.run_until_stalled().readiness != Readiness::Finished {}
    log.say("finished");
    assert_eq!(executor.close(Duration::ZERO).stuck().len(), 0);
    assert_eq!(log.take(), ["clean-up begins", "clean-up ends", "finished"]);
    assert_eq!(reports.take(), [""; 0]);
}

#[test]
fn begin_close_twice_and_during_clean_up_changes_nothing() {
    let (executor, reports) = reporting();
    let log = Log::new();
    let task = executor.spawn(cleaner(&log, "clean-up", 5));
    executor.run_until_stalled();
    task.cancel("x");
    executor.run_until_stalled();
    executor.begin_close();
    executor.begin_close();
    assert_eq!(executor.close(ms(50)).stuck().len(), 0);
    assert_eq!(log.take(), ["clean-up begins", "clean-up ends"]);
    assert_eq!(reports.take(), [""; 0]);
}

#[test]
fn clean_up_may_spawn_tasks_and_await_them_during_shutdown() {
    let (executor, reports) = reporting();
    let log = Log::new();
    let says = log.clone();
    executor
        .spawn(finally(pending::<()>(), async move |_: Option<&()>| {
            let helper = spawn(async {
                let inner = spawn(async { (sleep(ms(1)).await, 4).1 });
                inner.await.unwrap() + 1
            });
            says.show(helper.await.unwrap());
            // One that is let go is cancelled, as all are now.
            spawn(cleaner(&says, "let go", 1)).detach();
            let owned: Task<()> = spawn(cleaner(&says, "owned", 1));
            yield_now().await;
            drop(owned);
        }))
        .detach();
    executor.run_until_stalled();
    assert_eq!(executor.close(ms(50)).stuck().len(), 0);
    assert_eq!(log.take(), ["5", "owned begins", "owned ends"]);
    assert_eq!(reports.take(), [""; 0]);
}

#[test]
fn what_ordinary_code_spawns_during_shutdown_never_starts() {
    let (executor, _) = reporting();
    let log = Log::new();
    let says = log.clone();
    let outcome = Rc::new(RefCell::new(None));
    let slot = outcome.clone();
    executor
        .spawn(async move {
            shield(sleep(ms(1))).await;
            *slot.borrow_mut() = Some(spawn(async move { says.say("never") }));
        })
        .detach();
    executor.run_until_stalled();
    executor.close(ms(50));
    assert!(matches!(outcome.take().unwrap().take_result(), Some(Err(JoinError::Cancelled(_)))));
    assert_eq!(log.take(), [""; 0]);
}

#[test]
fn dropping_an_executor_begins_clean_up_and_reports_what_it_does_not_wait_for() {
    let (executor, reports) = reporting();
    let log = Log::new();
    executor.spawn(cleaner(&log, "slow", 5)).named("slow").detach();
    let says = log.clone();
    executor.spawn(finally(pending::<()>(), async move |_: Option<&()>| says.say("at once"))).detach();
    executor.run_until_stalled();
    drop(executor);
    assert_eq!(log.take(), ["slow begins", "at once"]);
    assert_eq!(reports.take(), ["slow: grace exceeded"]);
}

#[test]
fn dropping_an_executor_during_clean_up() {
    let (executor, reports) = reporting();
    let log = Log::new();
    let says = log.clone();
    let task = executor.spawn(async move {
        let _guard = on_drop(|| says.say("dropped"));
        cleaner(&says, "clean-up", 5).await
    });
    executor.run_until_stalled();
    task.cancel("x");
    executor.run_until_stalled();
    drop(executor);
    assert_eq!(log.take(), ["clean-up begins", "dropped"]);
    assert_eq!(reports.take(), ["grace exceeded"]);
    assert!(task.is_finished());
}

#[test]
fn a_hook_may_spawn_while_its_executor_is_dropped() {
    let spawner = Rc::new(RefCell::new(None::<evenkeel::task::Spawner>));
    let kept: Rc<RefCell<Vec<Task<()>>>> = Rc::default();
    let (slot, tasks) = (spawner.clone(), kept.clone());
    let hook = move |unhandled: &evenkeel::host::Unhandled| {
        assert!(matches!(unhandled.kind(), UnhandledKind::GraceExceeded));
        tasks.borrow_mut().extend(slot.borrow().as_ref().map(|spawner| spawner.spawn(pending()).unwrap()));
    };
    let executor = Executor::builder().on_unhandled(hook).build();
    *spawner.borrow_mut() = Some(executor.spawner());
    executor.spawn(pending::<()>()).detach();
    executor.spawn(hanging()).detach();
    executor.spawn(pending::<()>()).detach();
    executor.spawn(pending::<()>()).detach();
    executor.run_until_stalled();
    drop(executor);
    assert!(!kept.borrow().is_empty() && kept.borrow().iter().all(Task::is_finished));
}

#[test]
fn a_busy_clean_up_is_stopped_at_the_end_of_the_grace_period() {
    let clock = HandClock::default();
    let reports = Log::new();
    let passing = clock.clone();
    let executor = reporting_to(&reports).clock(clock.clone()).park(HandPark::passing(&clock)).build();
    executor
        .spawn(finally(pending::<()>(), async move |_: Option<&()>| {
            loop {
                passing.advance(ms(1));
                yield_now().await;
            }
        }))
        .detach();
    executor.run_until_stalled();
    assert_eq!(executor.close(ms(20)).stuck().len(), 1);
    assert_eq!(reports.take(), ["grace exceeded"]);
}

#[test]
fn the_main_future_cleans_up_when_it_is_cancelled_from_another_thread() {
    let log = Log::new();
    let executor = Executor::new();
    let handle = executor.handle();
    let other = std::thread::spawn(move || handle.cancel_main("from afar"));
    let outcome = executor.run_outcome(cleaner(&log, "main", 1));
    assert!(matches!(outcome, Err(JoinError::Cancelled(reason)) if reason == "from afar".into()));
    // It may have come before the first poll, and then nothing was begun.
    let got = log.take();
    assert!(got.is_empty() || got == ["main begins", "main ends"], "{got:?}");
    other.join().unwrap().unwrap();
}

#[test]
fn under_every_schedule_each_clean_up_that_was_begun_to_be_guarded_runs_exactly_once() {
    for seed in 0..200 {
        let (log, reports) = (Log::new(), Log::new());
        let guarded = Rc::new(Cell::new(0));
        let executor = reporting_to(&reports).schedule(Seeded::new(seed)).build();
        executor.run(async {
            let scope = CancelScope::new();
            let tasks: Vec<Task<()>> = (0..8)
                .map(|n: u64| {
                    let (log, guarded, scope) = (log.clone(), guarded.clone(), scope.clone());
                    spawn(async move {
                        let one = async |m: u64| {
                            guarded.set(guarded.get() + 1);
                            let body = async {
                                for _ in 0..m {
                                    yield_now().await
                                }
                            };
                            finally(body, async |_: Option<&()>| {
                                sleep(ms(m)).await;
                                log.say(format!("{n} {m}"));
                            })
                            .await;
                        };
                        let several = async {
                            let mut all: FuturesUnordered<_> = (0..4).map(|m| one(10 * n + m)).collect();
                            while all.next().await.is_some() {}
                        };
                        let ended = match n % 3 {
                            0 => timeout(ms(n), several).await.is_ok(),
                            1 if n == 1 => scope.run(several).await.is_ok(),
                            _ => (several.await, true).1,
                        };
                        shield(sleep(ms(u64::from(ended)))).await;
                    })
                })
                .collect();
            sleep(ms(seed % 4)).await;
            scope.cancel("scope");
            tasks[2].cancel("task");
            tasks[5].cancel("task");
            sleep(ms(seed % 3)).await;
            drop(tasks);
        });
        assert_eq!(executor.close(ms(100_000)).stuck().len(), 0);
        let mut cleaned = log.take();
        let skipped = reports.take();
        assert!(skipped.iter().all(|report| report == "clean-up skipped"), "{seed}: {skipped:?}");
        assert_eq!(cleaned.len() + skipped.len(), guarded.get(), "seed {seed}");
        cleaned.sort();
        let before = cleaned.len();
        cleaned.dedup();
        assert_eq!(cleaned.len(), before, "seed {seed}");
    }
}
