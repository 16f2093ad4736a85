//! Groups among code that panics where one does not look for it, and among clocks.

use crate::kit::{
    groups::{Group, Outcome, fail, run_with_reports},
    probe::{Drops, HandClock, Record, at, ms, text_of},
};
use evenkeel::{
    Executor, Instant, Task, TaskGroup, finally,
    host::{Budget, Readiness},
    sleep,
    time::Clock,
    yield_now,
};
use futures::FutureExt;
use std::{
    cell::{Cell, RefCell},
    future::{Future, pending},
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    time::Duration,
};

/// The panic that goes on in the code that awaits a group, and what is reported besides.
fn panic_and_reports<T>(group: impl Future<Output = Outcome<T>>) -> (String, Vec<String>) {
    let (outcome, reports) = run_with_reports(AssertUnwindSafe(group).catch_unwind());
    (text_of(outcome.map(drop).expect_err("the panic goes on")), reports)
}

// ---- 6: a panic behind a child's end

#[test]
fn group_12_a_child_that_panics_gives_its_slot_back() {
    let drops = Drops::default();
    let guard = drops.guard();
    let ended = panic_and_reports(Group::builder().limit(1).run(async |group| {
        group.slot().await.spawn(async move {
            let _guard = guard;
            yield_now().await;
            panic!("by design")
        });
        let waits = group.clone();
        group.spawn(finally(pending::<()>(), async move |_: Option<&()>| {
            drop(waits.slot().await);
            while waits.stats().children > 1 {
                yield_now().await;
            }
        }));
        Ok(())
    }));
    assert_eq!((ended, drops.count()), (("by design".to_owned(), Vec::new()), 1));
}

/// Panics when it is dropped.
struct Bomb(&'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("{}", self.0);
    }
}

/// A sibling: what the body yields is for nobody if a child has failed.
#[test]
fn group_05_a_value_that_panics_as_it_is_dropped_takes_no_errors_with_it() {
    let ended = panic_and_reports(Group::run(async |group| {
        group.report("the error");
        Ok(Bomb("the value"))
    }));
    assert_eq!(ended, ("the value".to_owned(), vec!["error: the error".to_owned()]));
}

/// A sibling: a child is dropped, and what it owned panics.
#[test]
fn group_05_a_destructor_of_a_cancelled_child_is_the_groups_panic_before_the_childs_end() {
    let ended = panic_and_reports(Group::run(async |group| {
        let child = group.spawn(async {
            let _bomb = Bomb("the destructor");
            pending::<()>().await;
        });
        yield_now().await;
        child.cancel("no longer needed");
        pending::<()>().await;
        Ok(())
    }));
    assert_eq!(ended, ("the destructor".to_owned(), Vec::new()));
}

/// A clock that panics once when its fuse burns.
#[derive(Clone, Default)]
struct Fuse {
    clock: HandClock,
    burns: Rc<Cell<bool>>,
}

impl Clock for Fuse {
    fn now(&self) -> Instant {
        assert!(!self.burns.replace(false), "the clock");
        self.clock.now()
    }
}

/// Ticks until the task has ended; the host catches what its clock throws: how often that was.
fn tick_until<T>(executor: &Executor, task: &Task<T>, passing: impl Fn()) -> usize {
    let mut panics = 0;
    for _ in 0..100 {
        match catch_unwind(AssertUnwindSafe(|| executor.tick(Budget::polls(100)))) {
            Ok(progress) if progress.readiness == Readiness::Finished => break,
            Ok(_) => passing(),
            Err(payload) => {
                assert_eq!(text_of(payload), "the clock");
                panics += 1;
            }
        }
    }
    assert!(task.is_finished(), "the group has not ended");
    panics
}

#[test]
fn group_05_a_clock_that_panics_as_a_group_is_cancelled_leaves_nobody_uncancelled() {
    for grace in [None, Some(ms(5))] {
        for by_hand in [false, true] {
            let (fuse, record) = (Fuse::default(), Record::new());
            let executor = Executor::builder().clock(fuse.clone()).build();
            let (light, says) = (fuse.clone(), record.clone());
            let mut options = Group::builder();
            if let Some(grace) = grace {
                options = options.grace(grace);
            }
            let mut task = executor.spawn(options.run(async move |group| {
                group.spawn(finally(pending::<Result<(), _>>(), async move |_: Option<&_>| says.add("cleaned up")));
                let all = group.clone();
                group.spawn(async move {
                    yield_now().await;
                    light.burns.set(true);
                    if by_hand {
                        all.cancel("by hand");
                    }
                    Err::<(), _>("failed")
                });
                pending::<Result<(), _>>().await
            }));
            // Without a grace period a group has no need of the time.
            let panics = tick_until(&executor, &task, || ());
            assert!(panics <= usize::from(grace.is_some()), "{panics}");
            fuse.burns.set(false);
            assert_eq!(record.take(), ["cleaned up"]);
            let outcome = task.take_result().unwrap().unwrap();
            assert_eq!(outcome.unwrap_err().into_errors(), ["failed"]);
        }
    }
}

/// A clock that panics while the grace period runs does not make it endless.
#[test]
fn group_15_a_grace_period_ends_though_its_clock_has_panicked() {
    let fuse = Fuse::default();
    let executor = Executor::builder().clock(fuse.clone()).on_unhandled(|_| ()).build();
    let light = fuse.clone();
    let mut task = executor.spawn(Group::builder().grace(ms(100)).run(async move |group| {
        group.spawn(finally(pending::<Result<(), _>>(), async |_: Option<&_>| pending().await));
        yield_now().await;
        light.burns.set(true);
        Err::<(), _>("failed")
    }));
    assert_eq!(tick_until(&executor, &task, || fuse.clock.advance(ms(10))), 1);
    assert_eq!(fuse.clock.now(), at(100));
    let outcome = task.take_result().unwrap().unwrap();
    assert_eq!(outcome.unwrap_err().into_errors(), ["failed"]);
}

// ---- 17: one clock for a group's grace

/// An executor on a clock of its own, with a group whose child cleans up for `clean_up`; the group may be reached from outside.
struct Graced {
    executor: Executor,
    clock: HandClock,
    group: Option<TaskGroup<&'static str>>,
    task: Task<Outcome<()>>,
    reports: Record<String>,
    is_clean: Rc<Cell<bool>>,
}

impl Graced {
    fn new(origin: u64, grace: Duration, clean_up: Duration) -> Graced {
        let (clock, reports, is_clean) = (HandClock::default(), Record::new(), Rc::new(Cell::new(false)));
        clock.set(Duration::from_secs(origin));
        let (hears, outside) = (reports.clone(), Rc::new(RefCell::new(None)));
        let executor =
            Executor::builder().clock(clock.clone()).on_unhandled(move |what| hears.add(what.to_string())).build();
        let (cleans, gives) = (is_clean.clone(), outside.clone());
        let task = executor.spawn(Group::builder().grace(grace).run(async move |group| {
            *gives.borrow_mut() = Some(group.clone());
            group.spawn(finally(pending::<Result<(), _>>(), async move |_: Option<&_>| {
                sleep(clean_up).await;
                cleans.set(true);
            }));
            pending().await
        }));
        executor.run_until_stalled();
        let group = outside.take();
        Graced { executor, clock, group, task, reports, is_clean }
    }

    fn cancel(&mut self, by: &str) {
        let group = self.group.take().expect("cancelled once");
        match by {
            "the host" => group.cancel("by the host"),
            "its own task" => self.executor.run(async move { group.cancel("by a task") }),
            _ => {
                let clock = HandClock::default();
                clock.set(Duration::from_secs(500_000));
                Executor::builder().clock(clock).build().run(async move { group.cancel("by another executor") });
            }
        }
    }

    /// Lets time pass until the group has ended: how much that was.
    fn ends_after(&self) -> Duration {
        let mut passed = Duration::ZERO;
        loop {
            self.executor.run_until_stalled();
            if self.task.is_finished() {
                return passed;
            }
            assert!(passed < Duration::from_secs(1000), "it does not end");
            passed += ms(50);
            self.clock.advance(ms(50));
        }
    }
}

const SOMEBODY: [&str; 3] = ["the host", "its own task", "another executor"];

#[test]
fn group_15_clean_up_has_its_grace_whoever_cancels_the_group() {
    for by in SOMEBODY {
        for origin in [0, 1_000_000] {
            let mut graced = Graced::new(origin, Duration::from_secs(10), Duration::from_secs(1));
            graced.cancel(by);
            assert_eq!(graced.ends_after(), Duration::from_secs(1), "{by}");
            assert!(graced.is_clean.get(), "{by}");
            assert_eq!(graced.reports.take(), Vec::<String>::new(), "{by}");
        }
    }
}

#[test]
fn group_15_clean_up_has_no_more_than_its_grace_whoever_cancels_the_group() {
    for by in SOMEBODY {
        for origin in [0, 1_000_000] {
            let mut graced = Graced::new(origin, ms(100), Duration::MAX);
            graced.cancel(by);
            assert_eq!(graced.ends_after(), ms(100), "{by}");
            assert_eq!((graced.is_clean.get(), graced.reports.len()), (false, 1), "{by}");
        }
    }
}

/// It is the group's own poll that begins to count.
#[test]
fn group_15_a_grace_counts_from_the_first_poll_of_the_group_that_sees_the_cancellation() {
    let mut graced = Graced::new(7, ms(100), Duration::MAX);
    graced.cancel("the host");
    graced.clock.advance(Duration::from_secs(60));
    assert_eq!(graced.ends_after(), ms(100));
}

/// The body's clean-up and the children's have one grace between them, not one each.
#[test]
fn group_15_body_and_children_have_one_grace_between_them() {
    let ((), reports) = run_with_reports(async {
        let outcome = Group::builder().grace(ms(100)).run(async |group| {
            group.spawn(finally(pending::<Result<(), _>>(), async |_: Option<&_>| pending().await)).named("child");
            group.spawn(fail(1, "failed"));
            finally(pending::<Outcome<()>>(), async |_: Option<&_>| sleep(ms(80)).await).await.map_err(|_| "")
        });
        let error = outcome.await.unwrap_err();
        assert_eq!((error.into_errors(), Instant::now()), (vec!["failed"], at(101)));
    });
    assert_eq!(reports, ["grace: child"]);
}

#[test]
fn group_15_the_grace_period_of_the_background_stops_nobody_else_and_leaves_the_groups_whole() {
    // A child that the background's clean-up has spawned: nobody has cancelled it.
    let (done, reports) = run_with_reports(async {
        let began = Instant::now();
        let outcome = TaskGroup::<String>::builder().grace(ms(5)).run(async |group| {
            let inner = group.clone();
            group.spawn_background(finally(pending(), async move |_: Option<&Result<(), String>>| {
                inner.spawn(async {
                    sleep(ms(50)).await;
                    Ok(())
                });
                sleep(ms(20)).await;
            }));
            sleep(ms(1)).await;
            Ok(1)
        });
        assert_eq!(outcome.await.ok(), Some(1));
        began.elapsed()
    });
    assert_eq!((done, reports.len()), (ms(51), 1), "{reports:?}");

    // The group is cancelled when the background's is over.
    let (done, reports) = run_with_reports(async {
        let began = Instant::now();
        let outcome = TaskGroup::<String>::builder().grace(ms(5)).run(async |group| {
            let inner = group.clone();
            group.spawn_background(finally(pending(), async move |_: Option<&Result<(), String>>| {
                let last = inner.clone();
                inner.spawn(async move {
                    sleep(ms(10)).await;
                    last.cancel("later");
                    finally(pending(), async |_: Option<&Result<(), String>>| sleep(ms(100_000)).await).await
                });
                pending::<()>().await;
            }));
            sleep(ms(1)).await;
            Ok(1)
        });
        drop(outcome.await);
        began.elapsed()
    });
    assert_eq!((done, reports.len()), (ms(16), 2), "{reports:?}");
}
