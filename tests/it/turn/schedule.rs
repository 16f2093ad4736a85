//! Schedules decide wherever the loop could go more than one way, and nowhere else.

use crate::kit::probe::{Record, ms, wait_for_wake};
use evenkeel::{
    Executor,
    host::ExecutorBuilder,
    sleep, sleep_until, spawn,
    testing::{Choice, Fifo, Schedule, Seeded, VirtualClock},
    yield_now,
};
use std::{cell::RefCell, collections::HashSet, rc::Rc, task::Waker, thread};

/// A program with choices of each kind; the order in which things happened.
fn program(builder: ExecutorBuilder) -> Vec<(&'static str, usize)> {
    let record = Record::new();
    let says = |what: &'static str, n: usize| {
        let record = record.clone();
        move || record.add((what, n))
    };
    let executor = builder.clock(VirtualClock::new()).build();
    let slots: Vec<_> = (0..4).map(|_| Rc::new(RefCell::new(None::<Waker>))).collect();
    for (n, slot) in slots.iter().enumerate() {
        let (slot, first, second) = (slot.clone(), says("started", n), says("woken", n));
        executor
            .spawn(async move {
                first();
                wait_for_wake(&slot).await;
                second();
            })
            .detach();
    }
    executor.run(async {
        while slots.iter().any(|slot| slot.borrow().is_none()) {
            yield_now().await;
        }
        let wakers: Vec<Waker> = slots.iter().map(|slot| slot.take().unwrap()).collect();
        thread::spawn(move || wakers.into_iter().for_each(Waker::wake)).join().unwrap();
        let until = evenkeel::Instant::now() + ms(5);
        let tasks: Vec<_> = (0..5)
            .map(|n| {
                let fired = says("fired", n);
                spawn(async move {
                    sleep_until(until).await;
                    fired();
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        sleep(ms(1)).await;
    });
    record.take()
}

#[test]
fn schedule_fifo_is_what_there_is_without_one() {
    let without = program(Executor::builder());
    assert_eq!(program(Executor::builder().schedule(Fifo)), without);
    let expected =
        [("started", 4), ("woken", 4), ("fired", 5)].into_iter().flat_map(|(what, n)| (0..n).map(move |n| (what, n)));
    assert_eq!(without, expected.collect::<Vec<_>>());
}

#[test]
fn schedule_the_same_seed_gives_the_same_run() {
    for seed in 0..20 {
        let first = program(Executor::builder().schedule(Seeded::new(seed)));
        assert_eq!(first, program(Executor::builder().schedule(Seeded::new(seed))));
    }
}

#[test]
fn schedule_different_seeds_give_different_runs_all_of_them_legal() {
    let mut runs = HashSet::new();
    for seed in 0..200 {
        let run = program(Executor::builder().schedule(Seeded::new(seed)));
        assert_eq!(run.len(), 13);
        let place = |what, n| run.iter().position(|&entry| entry == (what, n)).expect("everything happens once");
        for n in 0..4 {
            assert!(place("started", n) < place("woken", n), "seed {seed}");
            (0..5).for_each(|timer| assert!(place("started", n) < place("fired", timer), "seed {seed}"));
        }
        runs.insert(run);
    }
    assert!(runs.len() > 190, "{} different runs", runs.len());
}

#[test]
fn schedule_every_order_of_a_batch_can_happen() {
    let mut orders = HashSet::new();
    for seed in 0..200 {
        let record = Record::new();
        let executor = Executor::builder().schedule(Seeded::new(seed)).build();
        for n in 0..4 {
            let record = record.clone();
            executor.spawn(async move { record.add(n) }).detach();
        }
        executor.run_until_stalled();
        orders.insert(record.take());
    }
    assert_eq!(orders.len(), 24);
}

#[test]
fn schedule_a_batch_stays_a_batch_whoever_chooses() {
    /// Always the newest, which would starve the others if new ones were offered at once.
    struct Newest;
    impl Schedule for Newest {
        fn choose(&mut self, _: Choice, n: usize) -> usize {
            n - 1
        }
    }
    let record = Record::new();
    let executor = Executor::builder().schedule(Newest).build();
    for n in 0..3 {
        let record = record.clone();
        executor
            .spawn(async move {
                for turn in 0..3 {
                    record.add((turn, n));
                    yield_now().await;
                }
            })
            .detach();
    }
    executor.tick(evenkeel::host::Budget::polls(9));
    let turns: Vec<_> = record.take().into_iter().map(|(turn, _)| turn).collect();
    assert_eq!(turns, [0, 0, 0, 1, 1, 1, 2, 2, 2]);
}

#[test]
fn schedule_is_asked_for_what_there_is() {
    struct Notes(Record<(Choice, usize)>);
    impl Schedule for Notes {
        fn choose(&mut self, choice: Choice, n: usize) -> usize {
            self.0.add((choice, n));
            0
        }
    }
    let record = Record::new();
    program(Executor::builder().schedule(Notes(record.clone())));
    let asked = record.take();
    assert!(asked.iter().all(|&(_, n)| n >= 1));
    for (choice, most) in [(Choice::Ready, 9), (Choice::ForeignWake, 4), (Choice::Timer, 5)] {
        assert_eq!(asked.iter().filter(|asked| asked.0 == choice).map(|asked| asked.1).max(), Some(most), "{choice:?}");
    }
}

#[test]
fn schedule_a_panic_in_a_chosen_task_does_not_stop_the_others() {
    for seed in 0..50 {
        let record = Record::new();
        let executor = Executor::builder().schedule(Seeded::new(seed)).on_unhandled(|_| {}).build();
        for n in 0..5 {
            let record = record.clone();
            executor
                .spawn(async move {
                    assert!(n != 2, "the third");
                    yield_now().await;
                    record.add(n);
                })
                .detach();
        }
        while executor.run_until_stalled().readiness != evenkeel::host::Readiness::Finished {}
        let mut ran = record.take();
        ran.sort();
        assert_eq!(ran, [0, 1, 3, 4], "seed {seed}");
    }
}
