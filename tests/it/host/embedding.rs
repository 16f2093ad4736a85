//! A host drives the executor in slices, and knows after each what is left to do.

use crate::kit::{
    probe::{Drops, HandClock, Record, ms, my_waker, panic_of},
    stage::spawn_restless,
};
use evenkeel::{
    Executor,
    host::{Budget, Readiness},
    sleep, sleep_until, spawn,
    testing::VirtualClock,
    yield_now,
};
use std::{
    cell::{Cell, RefCell},
    future::{pending, poll_fn},
    rc::Rc,
    task::{Poll, Waker},
    thread,
    time::Duration,
};

#[test]
fn tick_01_polls_at_most_its_budget() {
    let executor = Executor::new();
    let counts: Vec<_> = (0..5).map(|_| spawn_restless(&executor)).collect();
    let polls = || counts.iter().map(|count| count.get()).collect::<Vec<_>>();
    assert_eq!(executor.tick(Budget::polls(3)).polled, 3);
    assert_eq!(polls(), [1, 1, 1, 0, 0]);
    assert_eq!(executor.tick(Budget::polls(4)).polled, 4);
    assert_eq!(polls(), [2, 2, 1, 1, 1]);
    let progress = executor.tick(Budget::polls(1000));
    assert_eq!((progress.polled, progress.readiness), (1000, Readiness::MoreReady));
    assert_eq!(executor.tick(Budget::polls(0)).polled, 0);
    let most = *polls().iter().max().unwrap();
    assert!(polls().iter().all(|&polls| most - polls <= 1), "{:?}", polls());
}

#[test]
fn tick_01_a_budget_of_time_ends_it() {
    let clock = HandClock::default();
    let executor = Executor::builder().clock(clock.clone()).build();
    let passing = clock.clone();
    let polls = Rc::new(Cell::new(0));
    let count = polls.clone();
    executor
        .spawn(poll_fn(move |cx| {
            passing.advance(ms(1));
            count.set(count.get() + 1);
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        }))
        .detach();
    let progress = executor.tick(ms(50));
    assert_eq!((progress.polled, polls.get()), (50, 50), "the clock is looked at after each of one task's polls");
    assert_eq!(executor.tick(Budget::time(ms(50)).and_polls(7)).polled, 7);
    assert_eq!(executor.tick(Duration::ZERO).readiness, Readiness::MoreReady);
}

#[test]
fn tick_01_a_budget_of_time_ends_it_though_a_virtual_clock_stands_still_meanwhile() {
    let executor = Executor::builder().clock(VirtualClock::new()).build();
    let mut polls = 0;
    executor
        .spawn(poll_fn(move |cx| {
            polls += 1;
            cx.waker().wake_by_ref();
            // Instead of hanging.
            if polls < 100_000 { Poll::Pending } else { Poll::Ready(()) }
        }))
        .detach();
    assert_eq!(executor.tick(ms(1)).readiness, Readiness::MoreReady);
}

#[test]
fn tick_01_a_tick_ends_when_there_is_nothing_to_do() {
    let executor = Executor::new();
    executor.spawn(yield_now()).detach();
    let progress = executor.tick(Duration::MAX);
    assert_eq!((progress.polled, progress.readiness), (2, Readiness::Finished));
    assert_eq!(executor.tick(Budget::polls(usize::MAX)).polled, 0);
}

#[test]
fn tick_02_wake_ups_and_timers_are_taken_in_every_tick_however_small() {
    let clock = VirtualClock::new();
    let executor = Executor::builder().clock(clock.clone()).build();
    let _busy = spawn_restless(&executor);
    let slot = Rc::new(RefCell::new(None::<Waker>));
    let woken = Record::new();
    let (waker, says) = (slot.clone(), woken.clone());
    executor
        .spawn(async move {
            crate::kit::probe::wait_for_wake(&waker).await;
            says.add("woken");
        })
        .detach();
    let says = woken.clone();
    executor
        .spawn(async move {
            sleep(ms(5)).await;
            says.add("slept");
        })
        .detach();
    (0..4).for_each(|_| _ = executor.tick(Budget::polls(1)));
    let waker = slot.take().unwrap();
    thread::spawn(move || waker.wake()).join().unwrap();
    clock.advance(ms(5));
    (0..4).for_each(|_| _ = executor.tick(Budget::polls(1)));
    assert_eq!(woken.take(), ["woken", "slept"]);
}

#[test]
fn tick_03_the_states_say_what_is_left() {
    let clock = VirtualClock::new();
    let executor = Executor::builder().clock(clock.clone()).build();
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Finished);
    let slot = Rc::new(RefCell::new(None::<Waker>));
    let waker = slot.clone();
    let task = executor.spawn(async move {
        *waker.borrow_mut() = Some(my_waker().await);
        sleep(ms(20)).await;
        pending::<()>().await
    });
    assert_eq!(executor.tick(Budget::polls(0)).readiness, Readiness::MoreReady, "spawned, not polled");
    let progress = executor.run_until_stalled();
    assert_eq!((progress.readiness, progress.next_wait), (Readiness::Idle, Some(ms(20))));
    assert_eq!(progress.next_deadline, Some(crate::kit::probe::at(20)));
    assert_eq!((executor.next_deadline(), executor.next_wait()), (progress.next_deadline, progress.next_wait));
    clock.advance(ms(15));
    assert_eq!(executor.next_wait(), Some(ms(5)));
    let waker = slot.take().unwrap();
    // A wake-up between two ticks, from here and from elsewhere.
    waker.wake_by_ref();
    assert_eq!(executor.tick(Budget::polls(0)).readiness, Readiness::MoreReady);
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Idle);
    thread::spawn(move || waker.wake()).join().unwrap();
    assert_eq!(executor.tick(Budget::polls(0)).readiness, Readiness::MoreReady);
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Idle);
    clock.advance(ms(10));
    let progress = executor.run_until_stalled();
    assert_eq!((progress.readiness, progress.next_deadline), (Readiness::Idle, None));
    drop(task);
    assert_eq!(executor.tick(Budget::polls(0)).readiness, Readiness::MoreReady);
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Finished);
}

#[test]
fn fault_23_run_until_stalled_returns_though_a_task_wakes_itself_for_ever() {
    let executor = Executor::new();
    let polls = spawn_restless(&executor);
    let other = executor.spawn(async {});
    let progress = executor.run_until_stalled();
    assert_eq!(progress.readiness, Readiness::MoreReady);
    assert!(polls.get() <= 2 && other.is_finished());
}

#[test]
fn fault_23_run_until_stalled_goes_on_while_anything_else_is_ready() {
    let executor = Executor::new();
    let polls = spawn_restless(&executor);
    let depth = Rc::new(Cell::new(0));
    fn nest(depth: Rc<Cell<usize>>, left: usize) {
        depth.set(depth.get() + 1);
        if left > 0 {
            spawn(async move { nest(depth, left - 1) }).detach();
        }
    }
    let count = depth.clone();
    executor.spawn(async move { nest(count, 10) }).detach();
    assert_eq!(executor.run_until_stalled().readiness, Readiness::MoreReady);
    assert_eq!(depth.get(), 11);
    assert!(polls.get() <= 13);
}

/// Two tasks that pass a token to and fro by waking each other, `most` times.
fn token(executor: &Executor, most: usize) -> Rc<Cell<usize>> {
    let passes = Rc::new(Cell::new(0));
    let wakers: Rc<RefCell<[Option<Waker>; 2]>> = Rc::default();
    for side in 0..2 {
        let (passes, wakers) = (passes.clone(), wakers.clone());
        executor
            .spawn(poll_fn(move |cx| {
                wakers.borrow_mut()[side] = Some(cx.waker().clone());
                if passes.get() < most && passes.get() % 2 == side {
                    passes.set(passes.get() + 1);
                    let other = wakers.borrow_mut()[1 - side].take();
                    other.into_iter().for_each(Waker::wake);
                }
                if passes.get() >= most { Poll::Ready(()) } else { Poll::Pending }
            }))
            .detach();
    }
    passes
}

#[test]
fn fault_23_run_until_stalled_does_not_stop_while_tasks_wake_each_other() {
    let executor = Executor::new();
    let passes = token(&executor, 10);
    let progress = executor.run_until_stalled();
    assert_eq!((passes.get(), progress.readiness), (10, Readiness::Finished));
}

#[test]
fn fault_23_run_until_stalled_does_not_stop_when_a_timer_or_a_thread_wakes_what_was_just_polled() {
    let clock = HandClock::default();
    let executor = Executor::builder().clock(clock.clone()).build();
    let record = Record::new();
    let (says, also_says) = (record.clone(), record.clone());
    let late = clock.clone();
    executor
        .spawn(async move {
            // Its deadline passes while it is polled.
            let wait = sleep_until(crate::kit::probe::at(1));
            late.advance(ms(2));
            wait.await;
            says.add("timer");
        })
        .detach();
    executor
        .spawn(async move {
            let waker = my_waker().await;
            thread::spawn(move || waker.wake()).join().unwrap();
            let mut first = true;
            poll_fn(|_| if std::mem::take(&mut first) { Poll::Pending } else { Poll::Ready(()) }).await;
            also_says.add("thread");
        })
        .detach();
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Finished);
    assert_eq!(record.len(), 2);
}

#[test]
fn fault_23_run_until_stalled_goes_on_until_a_task_that_stopped_itself_is_gone() {
    for abort in [false, true] {
        let executor = Executor::new();
        let drops = Drops::default();
        let guard = drops.guard();
        executor
            .spawn(async move {
                let _guard = guard;
                let me = evenkeel::current_task();
                assert!(if abort { me.abort() } else { me.cancel("myself") });
                pending::<()>().await
            })
            .detach();
        assert_eq!((executor.run_until_stalled().readiness, drops.count()), (Readiness::Finished, 1));
    }
}

#[test]
fn fault_23_run_until_stalled_does_not_take_a_new_task_for_the_one_that_had_its_slot() {
    let executor = Executor::new();
    let ran = Rc::new(Cell::new(false));
    executor.spawn(async {}).detach();
    let set = ran.clone();
    executor.spawn(async move { spawn(async move { set.set(true) }).detach() }).detach();
    let progress = executor.run_until_stalled();
    assert_eq!((ran.get(), progress.readiness), (true, Readiness::Finished));
}

#[test]
fn tick_04_a_tick_inside_a_task_of_the_same_executor_panics_and_names_both_places() {
    let executor = Rc::new(Executor::new());
    let messages = Record::new();
    let (own, says) = (executor.clone(), messages.clone());
    executor
        .spawn(async move {
            says.add(panic_of(|| own.tick(ms(1))));
            says.add(panic_of(|| own.run_until_stalled()));
            says.add(panic_of(|| own.park(ms(1))));
            says.add(panic_of(|| own.run(async {})));
            // It is still the current one.
            spawn(async {}).detach();
        })
        .detach();
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Finished);
    let messages = messages.take();
    assert_eq!(messages.len(), 4);
    for message in messages {
        assert_eq!(message.matches("embedding.rs:").count(), 2, "{message}");
    }
}

#[test]
fn tick_04_another_executors_tick_inside_a_task_works_and_restores_the_current_one() {
    let outer = Executor::new();
    let inner = Rc::new(Executor::new());
    let record = Record::new();
    let says = record.clone();
    let nested = inner.clone();
    outer
        .spawn(async move {
            let me = evenkeel::current_task();
            let (inside, outside) = (says.clone(), says.clone());
            let mut first = nested.spawn(async move {
                spawn(async move { inside.add("child of the inner one") }).detach();
                assert_ne!(evenkeel::current_task(), me);
                assert_eq!(me.name(), None, "it is not the current executor's");
                assert!(me.cancel("in reach"), "it is a task of this thread");
            });
            let task = nested.spawn(async { panic!("inside") });
            nested.run_until_stalled();
            assert!(first.take_result().unwrap().is_ok() && task.is_finished());
            assert_eq!(evenkeel::current_task(), me);
            assert_eq!(evenkeel::current_task().name().as_deref(), Some("outer"));
            spawn(async move { outside.add("child of the outer one") }).detach();
        })
        .named("outer")
        .detach();
    outer.run_until_stalled();
    assert_eq!(
        (outer.run_until_stalled().readiness, inner.run_until_stalled().readiness),
        (Readiness::Finished, Readiness::Finished)
    );
    assert_eq!(record.take(), ["child of the inner one", "child of the outer one"]);
}

#[test]
fn tick_05_park_waits_for_a_wake_up_or_the_time_given() {
    let executor = Executor::new();
    let slot = Rc::new(RefCell::new(None::<Waker>));
    let waker = slot.clone();
    let task = executor.spawn(async move { crate::kit::probe::wait_for_wake(&waker).await });
    executor.park(Duration::MAX);
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Idle, "it did not park: something was ready");
    executor.park(ms(1));
    let waker = slot.take().unwrap();
    let thread = thread::spawn(move || waker.wake());
    while !task.is_finished() {
        executor.park(Duration::MAX);
        executor.run_until_stalled();
    }
    thread.join().unwrap();
}

#[test]
fn tick_05_parking_lets_virtual_time_jump() {
    let clock = VirtualClock::new();
    let executor = Executor::builder().clock(clock.clone()).build();
    let task = executor.spawn(sleep(ms(10)));
    executor.run_until_stalled();
    executor.park(Duration::MAX);
    assert_eq!(evenkeel::time::Clock::now(&clock), crate::kit::probe::at(10));
    executor.run_until_stalled();
    executor.run_until_stalled();
    assert!(task.is_finished());
}

#[test]
fn tick_06_destructors_run_inside_ticks_only() {
    let drops = Drops::default();
    let executor = Executor::new();
    let tasks: Vec<_> = (0..3)
        .map(|_| {
            let guard = drops.guard();
            executor.spawn(async move {
                let _guard = guard;
                pending::<()>().await
            })
        })
        .collect();
    executor.run_until_stalled();
    tasks[0].cancel("stop");
    tasks[1].abort();
    drop(tasks);
    assert_eq!(drops.count(), 0);
    executor.tick(Budget::polls(2));
    assert_eq!(drops.count(), 2);
    executor.tick(Budget::polls(2));
    assert_eq!(drops.count(), 3);
}
