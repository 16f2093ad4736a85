//! A host's own code, its schedule, clock, park and hooks, may panic or misbehave. The executor stays usable, or is gone
//! in good order; handles and outcomes stay sound.

use crate::kit::probe::{Drops, HandPark, Record, ms, my_waker, panic_of};
use evenkeel::{
    Executor, Instant, Task,
    host::{Budget, Readiness},
    sleep,
    testing::{Choice, Schedule},
    time::Clock,
    yield_now,
};
use std::{
    cell::{Cell, RefCell},
    future::pending,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::Waker,
    thread,
};

/// A schedule that panics when it is asked for a choice of this kind.
struct Refuses(Rc<Cell<Option<Choice>>>);

impl Schedule for Refuses {
    fn choose(&mut self, choice: Choice, n: usize) -> usize {
        if self.0.get() == Some(choice) {
            self.0.set(None);
            panic!("the schedule");
        }
        n - 1
    }
}

/// A clock that panics when it is told to.
struct Broken(Rc<Cell<bool>>);

impl Clock for Broken {
    fn now(&self) -> Instant {
        assert!(!self.0.get(), "the clock");
        Instant::from_origin(ms(1))
    }
}

fn guarded(executor: &Executor, drops: &Drops) -> Task<()> {
    let guard = drops.guard();
    executor.spawn(async move {
        let _guard = guard;
        yield_now().await;
        pending::<()>().await
    })
}

#[test]
fn host_a_schedule_that_panics_in_a_tick_leaves_the_executor_usable() {
    let refuse = Rc::new(Cell::new(None));
    let executor = Executor::builder().schedule(Refuses(refuse.clone())).build();
    let drops = Drops::default();
    let tasks = [guarded(&executor, &drops), guarded(&executor, &drops)];
    refuse.set(Some(Choice::Ready));
    assert_eq!(panic_of(|| executor.run_until_stalled()), "the schedule");
    assert_eq!(executor.run_until_stalled().readiness, Readiness::MoreReady);
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Idle);
    assert_eq!(drops.count(), 0);
    drop(tasks);
    assert_eq!(executor.run(async { 1 }), 1);
    drop(executor);
    assert_eq!(drops.count(), 2);
}

#[test]
fn host_a_panic_in_the_loop_drops_the_main_future_before_run_is_left() {
    let refuse = Rc::new(Cell::new(None));
    let executor = Executor::builder().schedule(Refuses(refuse.clone())).build();
    let (drops, text) = (Drops::default(), String::from("borrowed"));
    let message = panic_of(|| {
        executor.run(async {
            let _guard = drops.guard();
            refuse.set(Some(Choice::Ready));
            yield_now().await;
            text.len()
        })
    });
    assert_eq!((message.as_str(), drops.count()), ("the schedule", 1));
    assert_eq!(executor.run(async { 1 }), 1);
}

#[test]
fn host_a_park_that_panics_leaves_the_executor_usable() {
    let drops = Drops::default();
    let mut calls = 0;
    let park = HandPark::new(move |_| {
        calls += 1;
        assert!(calls != 1, "the park");
    });
    let executor = Executor::builder().park(park).build();
    let message = panic_of(|| {
        executor.run(async {
            let _guard = drops.guard();
            pending::<()>().await
        })
    });
    assert_eq!((message.as_str(), drops.count()), ("the park", 1));
    executor.run(async { sleep(ms(1)).await });
}

#[test]
fn host_a_choice_that_does_not_exist_panics_with_a_message() {
    /// The first time.
    struct TooFar(bool);
    impl Schedule for TooFar {
        fn choose(&mut self, _: Choice, n: usize) -> usize {
            if std::mem::take(&mut self.0) { n } else { 0 }
        }
    }
    let executor = Executor::builder().schedule(TooFar(true)).build();
    let message = panic_of(|| executor.run(async {}));
    assert!(message.contains("chose 1 of 1"), "{message}");
    assert_eq!(executor.run(async { 1 }), 1);
}

#[test]
fn host_a_schedule_that_panics_over_a_foreign_wake_up_does_not_lose_it() {
    let refuse = Rc::new(Cell::new(None));
    let executor = Executor::builder().schedule(Refuses(refuse.clone())).build();
    let slot = Rc::new(RefCell::new(None::<Waker>));
    let waker = slot.clone();
    let task = executor.spawn(async move { crate::kit::probe::wait_for_wake(&waker).await });
    executor.run_until_stalled();
    slot.take().unwrap().wake();
    refuse.set(Some(Choice::ForeignWake));
    assert_eq!(panic_of(|| executor.run_until_stalled()), "the schedule");
    executor.run_until_stalled();
    executor.run_until_stalled();
    assert!(task.is_finished(), "the wake-up is gone");
}

#[test]
fn host_a_schedule_that_panics_over_timers_does_not_lose_them() {
    let refuse = Rc::new(Cell::new(None));
    let clock = crate::kit::probe::HandClock::default();
    let executor = Executor::builder().schedule(Refuses(refuse.clone())).clock(clock.clone()).build();
    let tasks = [executor.spawn(sleep(ms(1))), executor.spawn(sleep(ms(1)))];
    executor.run_until_stalled();
    clock.advance(ms(5));
    refuse.set(Some(Choice::Timer));
    assert_eq!(panic_of(|| executor.run_until_stalled()), "the schedule");
    executor.run_until_stalled();
    executor.run_until_stalled();
    assert!(tasks.iter().all(Task::is_finished), "the timers are gone");
}

#[test]
fn host_a_schedule_that_panics_at_the_end_leaves_sound_handles() {
    let refuse = Rc::new(Cell::new(None));
    let executor = Executor::builder().schedule(Refuses(refuse.clone())).build();
    let drops = Drops::default();
    let guard = drops.guard();
    let mut ended = executor.spawn(async move { guard });
    let live = guarded(&executor, &drops);
    executor.run_until_stalled();
    refuse.set(Some(Choice::Ready));
    let _ = catch_unwind(AssertUnwindSafe(|| drop(executor)));
    assert!(live.id().is_none() && ended.id().is_none(), "their executor is gone");
    live.cancel("late");
    drop(live);
    drop(ended.take_result().unwrap().unwrap());
    assert_eq!(drops.count(), 2);
}

#[test]
fn host_a_clock_that_panics_at_the_end_leaves_sound_handles() {
    let broken = Rc::new(Cell::new(false));
    let executor = Executor::builder().clock(Broken(broken.clone())).build();
    let drops = Drops::default();
    let live = guarded(&executor, &drops);
    // A sleep that somebody keeps stays armed.
    let mut kept = sleep(ms(5));
    executor.run(async { assert!(crate::kit::probe::poll_with_noop(&mut kept).is_pending()) });
    broken.set(true);
    let _ = catch_unwind(AssertUnwindSafe(|| drop(executor)));
    assert!(live.id().is_none());
    drop((live, kept));
    assert_eq!(drops.count(), 1);
}

#[test]
fn host_an_on_wake_that_panics_while_a_task_of_another_executor_ends_spares_its_outcome() {
    let armed = Arc::new(AtomicBool::new(true));
    let fires = armed.clone();
    let one = Executor::builder().on_wake(move || assert!(!fires.load(SeqCst), "on_wake")).build();
    let reports = Record::new();
    let seen = reports.clone();
    let other = Executor::builder().on_unhandled(move |unhandled| seen.add(unhandled.to_string())).build();
    let drops = Drops::default();
    let (future, output) = (drops.guard(), drops.guard());
    let task = other.spawn(async move {
        let _future = future;
        yield_now().await;
        output
    });
    // Its joiner is a task of the first, which is idle and armed: the end calls `on_wake`.
    let mut joining = one.spawn(task);
    assert_eq!(one.run_until_stalled().readiness, Readiness::Idle);
    for _ in 0..3 {
        let _ = catch_unwind(AssertUnwindSafe(|| other.tick(Budget::polls(4))));
    }
    armed.store(false, SeqCst);
    one.run_until_stalled();
    one.run_until_stalled();
    let output = joining.take_result().expect("the wake-up came through").unwrap().unwrap();
    assert_eq!(drops.count(), 1);
    drop(output);
    assert_eq!(drops.count(), 2);
}

#[test]
fn host_an_on_wake_that_panics_does_not_break_spawning_and_dropping() {
    let armed = Arc::new(AtomicBool::new(false));
    let fires = armed.clone();
    let executor = Executor::builder().on_wake(move || assert!(!fires.load(SeqCst), "on_wake")).build();
    let drops = Drops::default();
    let task = guarded(&executor, &drops);
    let other = guarded(&executor, &drops);
    let idle = || while executor.run_until_stalled().readiness == Readiness::MoreReady {};
    idle();
    armed.store(true, SeqCst);
    let _ = catch_unwind(AssertUnwindSafe(|| drop(task)));
    idle();
    let _ = catch_unwind(AssertUnwindSafe(|| guarded(&executor, &drops).detach()));
    idle();
    armed.store(false, SeqCst);
    drop(other);
    drop(executor);
    assert_eq!(drops.count(), 3);
}

thread_local! {
    static HOST: RefCell<Option<Executor>> = const { RefCell::new(None) };
}

#[test]
fn host_an_on_unhandled_hook_may_drop_its_executor() {
    let calls = Rc::new(Cell::new(0));
    let (host, count): (Rc<RefCell<Option<Executor>>>, _) = (Rc::default(), calls.clone());
    let mine = host.clone();
    let executor = Executor::builder()
        .on_unhandled(move |_| {
            let executor = mine.take();
            drop(executor);
            count.set(count.get() + 1);
        })
        .build();
    let task = executor.spawn(async { panic!("unread") });
    executor.run_until_stalled();
    *host.borrow_mut() = Some(executor);
    // The report is made here, outside of the loop.
    drop(task);
    assert_eq!(calls.get(), 1);
}

#[test]
fn host_an_on_wake_callback_may_drop_its_executor() {
    let executor = Executor::builder().on_wake(|| drop(HOST.take())).build();
    let drops = Drops::default();
    let tasks = [guarded(&executor, &drops), guarded(&executor, &drops)];
    while executor.run_until_stalled().readiness == Readiness::MoreReady {}
    HOST.set(Some(executor));
    tasks[0].cancel("stop");
    assert_eq!(drops.count(), 2);
    drop(tasks);
}

#[test]
fn host_what_a_callback_spawns_is_no_tasks_child() {
    let found = Record::new();
    let seen = found.clone();
    let park = HandPark::new(move |_| seen.add(evenkeel::task::try_current_task()));
    let executor = Executor::builder().park(park).build();
    let slot = Rc::new(RefCell::new(None));
    let waker = slot.clone();
    let task = executor.spawn(async move {
        *waker.borrow_mut() = Some(my_waker().await);
        pending::<()>().await
    });
    executor.run_until_stalled();
    executor.park(ms(1));
    assert_eq!(found.take(), [None]);
    let waker = slot.take().unwrap();
    thread::spawn(move || waker.wake()).join().unwrap();
    drop(task);
}
