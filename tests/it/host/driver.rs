//! A driver that comes into being while its executor runs.

use crate::kit::probe::{HandClock, HandPark, Record, ms, my_waker, on_drop, wait_for_wake};
use evenkeel::{
    Executor, Instant,
    host::{AttachError, Budget, Park, Readiness, attach_driver, driver},
    run, sleep, spawn,
    testing::VirtualClock,
    yield_now,
};
use std::{
    cell::{Cell, RefCell},
    future::pending,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::Waker,
    thread,
    time::Duration,
};

/// What a driver shares with those who wait for it.
#[derive(Debug, PartialEq, Eq)]
struct Mine(u32);

#[test]
fn a_driver_is_parked_in_from_its_attachment_on() {
    let clock = HandClock::default();
    let passing = clock.clone();
    let park = HandPark::new(move |max| passing.advance(max.unwrap()));
    let asked = park.asked();
    Executor::builder().clock(clock).run(async {
        assert_eq!(driver::<Mine>(), None);
        attach_driver(Rc::new(Mine(7)), park).unwrap();
        sleep(ms(30)).await;
        sleep(ms(20)).await;
    });
    assert_eq!(asked.take(), [Some(ms(30)), Some(ms(20))]);
}

#[test]
fn a_driver_is_found_by_its_type_in_every_task_and_where_the_executor_is_entered() {
    let executor = Executor::new();
    {
        let _entered = executor.enter();
        attach_driver(Rc::new(Mine(7)), HandPark::new(|_| ())).unwrap();
        assert_eq!(driver::<Mine>().as_deref(), Some(&Mine(7)));
        assert_eq!(driver::<u32>(), None);
    }
    assert_eq!(driver::<Mine>(), None);
    executor.run(async {
        let first = driver::<Mine>().unwrap();
        let other = spawn(async { driver::<Mine>() }).await.unwrap().unwrap();
        assert!(Rc::ptr_eq(&first, &other));
        // Another executor has none.
        let inner = Executor::new();
        let task = inner.spawn(async { driver::<Mine>().is_none() });
        inner.run_until_stalled();
        assert!(task.await.unwrap());
    });
}

#[test]
fn a_driver_is_refused_outside_beside_another_and_beside_a_park_of_the_builders() {
    let attach = || attach_driver(Rc::new(Mine(0)), HandPark::new(|_| ()));
    assert_eq!(attach(), Err(AttachError::OutsideExecutor));
    run(async {
        attach_driver(Rc::new(()), HandPark::new(|_| thread::yield_now())).unwrap();
        assert_eq!(attach(), Err(AttachError::HasDriver));
        assert_eq!(driver::<Mine>(), None);
        assert!(driver::<()>().is_some());
    });
    Executor::builder().park(HandPark::new(|_| ())).run(async {
        assert_eq!(attach(), Err(AttachError::HasPark));
        assert!(driver::<Mine>().is_none());
    });
    for (error, word) in [
        (AttachError::OutsideExecutor, "evenkeel::run"),
        (AttachError::HasPark, "ExecutorBuilder::park"),
        (AttachError::HasDriver, "another driver"),
    ] {
        assert!(error.to_string().contains(word), "{error}");
    }
}

/// An executor that counts the calls of `on_wake`, and a driver's signals.
fn counting() -> (Executor, Arc<AtomicUsize>, Arc<AtomicUsize>, HandPark) {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    let on_wake = move || {
        count.fetch_add(1, SeqCst);
    };
    let park = HandPark::new(|_| ());
    let signals = park.signals();
    (Executor::builder().on_wake(on_wake).build(), calls, signals, park)
}

#[test]
fn on_wake_and_the_unparker_are_called_once_for_each_idle_period_after_the_attachment() {
    // Attached by a task, or by the host between two ticks, while the executor waits to be woken.
    for is_idle in [false, true] {
        let (executor, calls, signals, park) = counting();
        let slot = Rc::new(RefCell::new(None::<Waker>));
        let waits = slot.clone();
        let _task = executor.spawn(async move {
            loop {
                wait_for_wake(&waits).await;
            }
        });
        if is_idle {
            executor.run_until_stalled();
            let _entered = executor.enter();
            attach_driver(Rc::new(Mine(1)), park).unwrap();
        } else {
            executor.spawn(async { attach_driver(Rc::new(Mine(1)), park).unwrap() }).detach();
            executor.run_until_stalled();
        }
        let before = (calls.load(SeqCst), signals.load(SeqCst));
        for n in 1..=3 {
            let waker = slot.borrow().clone().unwrap();
            thread::spawn(move || (0..3).for_each(|_| waker.wake_by_ref())).join().unwrap();
            assert_eq!((calls.load(SeqCst), signals.load(SeqCst)), (before.0 + n, before.1 + n), "idle: {is_idle}");
            assert_eq!(executor.run_until_stalled().polled, 1);
        }
    }
}

#[test]
fn a_wake_up_from_before_or_during_the_attachment_is_not_lost() {
    /// Wakes somebody while its unparker is asked for, which is in the middle of its attachment.
    struct Meanwhile(RefCell<Option<Waker>>, HandPark);
    impl Park for Meanwhile {
        fn park(&mut self, max: Option<Duration>) {
            self.1.park(max);
        }
        fn unparker(&self) -> Arc<dyn Fn() + Send + Sync> {
            let waker = self.0.take();
            thread::spawn(move || waker.into_iter().for_each(Waker::wake)).join().unwrap();
            self.1.unparker()
        }
    }
    for is_before in [true, false] {
        let slot = Rc::new(RefCell::new(None::<Waker>));
        let waits = slot.clone();
        let executor = Executor::new();
        let task = executor.spawn(async move { wait_for_wake(&waits).await });
        executor.run_until_stalled();
        let waker = slot.take();
        let _entered = executor.enter();
        let park = HandPark::new(|_| panic!("it parks, though a task was woken"));
        if is_before {
            thread::spawn(move || waker.unwrap().wake()).join().unwrap();
            attach_driver(Rc::new(Mine(1)), park).unwrap();
        } else {
            attach_driver(Rc::new(Mine(1)), Meanwhile(RefCell::new(waker), park)).unwrap();
        }
        executor.park(Duration::from_secs(3600));
        assert_eq!((executor.run_until_stalled().polled, task.is_finished()), (1, true));
    }
}

#[test]
fn wake_ups_of_other_threads_end_parks_of_the_driver() {
    /// Parks in a channel.
    struct Channel(std::sync::mpsc::Receiver<()>, std::sync::mpsc::Sender<()>);
    impl Park for Channel {
        fn park(&mut self, max: Option<Duration>) {
            let _ = self.0.recv_timeout(max.unwrap_or(Duration::from_secs(60)));
        }
        fn unparker(&self) -> Arc<dyn Fn() + Send + Sync> {
            let sender = self.1.clone();
            Arc::new(move || _ = sender.send(()))
        }
    }
    let begin = std::time::Instant::now();
    run(async {
        let waker = my_waker().await;
        let (sender, receiver) = std::sync::mpsc::channel();
        attach_driver(Rc::new(()), Channel(receiver, sender)).unwrap();
        // The waker is from before.
        thread::spawn(move || waker.wake());
        for n in 0..100 {
            assert_eq!(evenkeel::to_thread(move || n).await, n);
        }
    });
    assert!(begin.elapsed() < Duration::from_secs(30), "a wake-up was lost");
}

#[test]
fn fault_21_a_driver_that_was_attached_is_looked_at_under_load_too() {
    let slot = Rc::new(RefCell::new(None::<Waker>));
    let ready = slot.clone();
    let park = HandPark::looking(move |_| ready.take().into_iter().for_each(Waker::wake));
    let asked = park.asked();
    let polls = Rc::new(Cell::new(0));
    let count = polls.clone();
    Executor::builder().clock(HandClock::default()).run(async {
        // Long before it comes, the loop is busy.
        let busy = spawn(async move {
            loop {
                count.set(count.get() + 1);
                assert!(count.get() < 100_000, "it starves the driver");
                yield_now().await;
            }
        });
        for _ in 0..1_000 {
            yield_now().await;
        }
        attach_driver(Rc::new(()), park).unwrap();
        let mut counted = Vec::new();
        for _ in 0..4 {
            wait_for_wake(&slot).await;
            counted.push(polls.get());
        }
        busy.abort();
        let between: Vec<_> = counted.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(between.iter().all(|polls| (32..=64).contains(polls)), "{between:?}");
    });
    assert_eq!(asked.take(), [Some(Duration::ZERO); 4]);
}

#[test]
fn a_driver_goes_with_its_executor_behind_all_tasks() {
    struct Last(Record<&'static str>, &'static str);
    impl Drop for Last {
        fn drop(&mut self) {
            self.0.add(self.1);
        }
    }
    struct LastPark(#[expect(dead_code, reason = "it is dropped")] Last);
    impl Park for LastPark {
        fn park(&mut self, _: Option<Duration>) {
            thread::yield_now();
        }
        fn unparker(&self) -> Arc<dyn Fn() + Send + Sync> {
            Arc::new(|| ())
        }
    }
    let record = Record::new();
    let executor = Executor::new();
    executor.run(async {
        let task = record.clone();
        spawn(async move {
            // In a task's destructor it is there still.
            let _guard = on_drop(move || task.add(if driver::<Last>().is_some() { "task" } else { "task without" }));
            pending::<()>().await
        })
        .detach();
        attach_driver(Rc::new(Last(record.clone(), "driver")), LastPark(Last(record.clone(), "park"))).unwrap();
        yield_now().await;
    });
    assert_eq!(record.len(), 0);
    drop(executor);
    let mut dropped = record.take();
    assert_eq!(dropped.remove(0), "task");
    dropped.sort();
    assert_eq!(dropped, ["driver", "park"]);
}

#[test]
fn a_driver_may_be_attached_while_its_executor_ends() {
    let dropped = Rc::new(());
    let executor = Executor::new();
    let attached = Rc::new(Cell::new(None));
    let (outcome, given) = (attached.clone(), dropped.clone());
    executor
        .spawn(async move {
            let _guard = on_drop(move || outcome.set(Some(attach_driver(given, HandPark::new(|_| ())).is_ok())));
            pending::<()>().await
        })
        .detach();
    executor.run_until_stalled();
    drop(executor);
    assert!(attached.get().is_some());
    assert_eq!(Rc::strong_count(&dropped), 1, "it went with the executor");
}

/// Notes for how long its host may wait.
struct Waits(Record<Option<Duration>>);

impl Park for Waits {
    fn park(&mut self, _: Option<Duration>) {}

    fn host_waits(&mut self, max: Option<Duration>) {
        self.0.add(max);
    }

    fn unparker(&self) -> Arc<dyn Fn() + Send + Sync> {
        Arc::new(|| ())
    }
}

#[test]
fn each_tick_that_ends_tells_the_driver_for_how_long_the_host_may_wait() {
    let clock = HandClock::default();
    for is_builders in [false, true] {
        let told = Record::new();
        let builder = Executor::builder().clock(clock.clone());
        let executor = match is_builders {
            true => builder.park(Waits(told.clone())).build(),
            false => {
                let executor = builder.build();
                let _entered = executor.enter();
                attach_driver(Rc::new(()), Waits(told.clone())).unwrap();
                drop(_entered);
                executor
            }
        };
        assert_eq!(executor.run_until_stalled().readiness, Readiness::Finished);
        assert_eq!(told.take(), [None]);
        let task = executor.spawn(sleep(ms(20)));
        let other = executor.spawn(sleep(ms(50)));
        assert_eq!(executor.tick(Budget::polls(1)).readiness, Readiness::MoreReady);
        assert_eq!(told.take(), [Some(Duration::ZERO)]);
        assert_eq!(executor.tick(Budget::polls(10)).readiness, Readiness::Idle);
        assert_eq!(told.take(), [Some(ms(20))]);
        clock.advance(ms(5));
        executor.run_until_stalled();
        assert_eq!(told.take(), [Some(ms(15))]);
        clock.advance(ms(15));
        executor.run_until_stalled();
        assert_eq!((told.take(), task.is_finished()), (vec![Some(ms(30))], true));
        drop(other);
        executor.run_until_stalled();
        assert_eq!(told.take(), [None]);
        executor.run(async { yield_now().await });
        assert_eq!(told.take(), [Some(Duration::ZERO)], "a tick is to find out what is left");
    }
}

#[test]
fn what_has_come_to_a_driver_comes_before_what_a_virtual_clock_jumps_to() {
    let slot = Rc::new(RefCell::new(None::<Waker>));
    let ready = slot.clone();
    let park = HandPark::looking(move |max| {
        assert_eq!(max, Some(Duration::ZERO), "it is not to wait");
        ready.take().into_iter().for_each(Waker::wake);
    });
    let record = Record::new();
    Executor::builder().clock(VirtualClock::new()).run(async {
        attach_driver(Rc::new(()), park).unwrap();
        let says = record.clone();
        let sleeps = spawn(async move {
            sleep(ms(10)).await;
            says.add(("slept", Instant::now()));
        });
        for _ in 0..3 {
            wait_for_wake(&slot).await;
            record.add(("event", Instant::now()));
        }
        sleeps.await.unwrap();
    });
    let events: Vec<_> = record
        .take()
        .into_iter()
        .map(|(what, at)| (what, at.saturating_duration_since(Instant::from_origin(ms(0)))))
        .collect();
    assert_eq!(events, [("event", ms(0)), ("event", ms(0)), ("event", ms(0)), ("slept", ms(10))]);
}
