//! Nobody is starved: a turn polls what was ready at its beginning, then looks at other threads and at the time.

use crate::kit::probe::{HandClock, Record, ms, my_waker, wait_for_wake};
use evenkeel::{Executor, run, sleep, spawn, yield_now};
use std::{
    cell::{Cell, RefCell},
    future::{pending, poll_fn},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
        mpsc,
    },
    task::{Poll, Waker},
    thread,
};

/// Wakes itself in every poll, for ever, and calls `f` before.
async fn restless(mut f: impl FnMut()) {
    poll_fn(|cx| {
        f();
        cx.waker().wake_by_ref();
        Poll::<()>::Pending
    })
    .await;
}

#[test]
fn fault_21_a_restless_task_starves_no_other_task() {
    let polls = Rc::new(Cell::new(0));
    let count = polls.clone();
    run(async {
        let _restless = spawn(restless(move || count.set(count.get() + 1)));
        let others: Vec<_> = (0..10)
            .map(|_| {
                spawn(async {
                    for _ in 0..100 {
                        yield_now().await;
                    }
                })
            })
            .collect();
        for other in others {
            other.await.unwrap();
        }
    });
    // One poll per turn: 100 yields take 101 turns, and `main` sees the last one's end a turn later.
    assert!((100..=104).contains(&polls.get()), "{} polls", polls.get());
}

#[test]
fn loop_03_timers_that_are_due_fire_in_every_turn_beside_a_restless_task() {
    let clock = HandClock::default();
    let executor = Executor::builder().clock(clock.clone()).build();
    let polls = Rc::new(Cell::new(0));
    let count = polls.clone();
    executor.run(async {
        // Each of its polls takes a millisecond.
        let _restless = spawn(restless(move || {
            count.set(count.get() + 1);
            clock.advance(ms(1));
        }));
        yield_now().await;
        let before = polls.get();
        sleep(ms(10)).await;
        assert!(polls.get() - before <= 12, "{} polls", polls.get() - before);
    });
}

#[test]
fn fault_21_a_restless_task_starves_no_wake_up_from_another_thread() {
    let (send, receive) = mpsc::channel::<Waker>();
    let woken = Arc::new(AtomicBool::new(false));
    let flag = woken.clone();
    let waking = thread::spawn(move || {
        let waker = receive.recv().unwrap();
        waker.wake();
        flag.store(true, SeqCst);
    });
    let polls_since = Rc::new(Cell::new(0));
    let count = polls_since.clone();
    run(async {
        let flag = woken.clone();
        let _restless = spawn(restless(move || count.set(count.get() + usize::from(flag.load(SeqCst)))));
        send.send(my_waker().await).unwrap();
        let mut first = true;
        poll_fn(|_| if std::mem::replace(&mut first, false) { Poll::Pending } else { Poll::Ready(()) }).await;
        assert!(polls_since.get() <= 2, "{} polls after the wake-up", polls_since.get());
    });
    waking.join().unwrap();
}

#[test]
fn fault_21_a_restless_task_does_not_starve_the_main_future() {
    let polls = Rc::new(Cell::new(0));
    let count = polls.clone();
    run(async {
        let _restless = spawn(restless(move || count.set(count.get() + 1)));
        for _ in 0..1000 {
            yield_now().await;
        }
    });
    assert!((999..=1001).contains(&polls.get()));
}

#[test]
fn fault_21_a_restless_main_future_does_not_starve_tasks() {
    let done = Rc::new(Cell::new(false));
    let set = done.clone();
    run(async {
        let _task = spawn(async move {
            for _ in 0..50 {
                yield_now().await;
            }
            set.set(true);
        });
        let mut turns = 0;
        while !done.get() {
            yield_now().await;
            turns += 1;
        }
        assert!(turns <= 52);
    });
}

#[test]
fn loop_01_tasks_are_polled_first_in_first_out() {
    let record = Record::new();
    let executor = Executor::new();
    for n in 0..5 {
        let record = record.clone();
        executor
            .spawn(async move {
                for turn in 0..2 {
                    record.add((turn, n));
                    yield_now().await;
                }
            })
            .detach();
    }
    executor.tick(evenkeel::host::Budget::polls(10));
    let expected: Vec<_> = (0..2).flat_map(|turn| (0..5).map(move |n| (turn, n))).collect();
    assert_eq!(record.take(), expected);
}

#[test]
fn loop_01_what_becomes_ready_in_a_turn_waits_for_the_next() {
    let record = Record::new();
    let say = |what: &'static str| {
        let record = record.clone();
        move || record.add(what)
    };
    let executor = Executor::new();
    let slot = Rc::new(RefCell::new(None::<Waker>));
    let waiting = slot.clone();
    let (first, second) = (say("sleeper asleep"), say("sleeper awake"));
    executor
        .spawn(async move {
            first();
            wait_for_wake(&waiting).await;
            second();
        })
        .detach();
    let (waking, child, third) = (say("waker"), say("child"), say("last of the first turn"));
    executor
        .spawn(async move {
            waking();
            slot.borrow().as_ref().unwrap().wake_by_ref();
            spawn(async move { child() }).detach();
        })
        .detach();
    executor.spawn(async move { third() }).detach();
    executor.tick(evenkeel::host::Budget::polls(3));
    assert_eq!(record.take(), ["sleeper asleep", "waker", "last of the first turn"]);
    executor.tick(evenkeel::host::Budget::polls(2));
    assert_eq!(record.take(), ["sleeper awake", "child"]);
}

#[test]
fn loop_01_a_spawning_task_that_never_ends_starves_nobody() {
    fn endless(count: Rc<Cell<usize>>) {
        count.set(count.get() + 1);
        spawn(async move { endless(count) }).detach();
    }
    let spawned = Rc::new(Cell::new(0));
    let count = spawned.clone();
    run(async {
        endless(count);
        for _ in 0..100 {
            yield_now().await;
        }
    });
    assert!((99..=102).contains(&spawned.get()), "{} tasks", spawned.get());
}

#[test]
fn loop_02_wake_ups_from_elsewhere_are_taken_in_the_order_in_which_they_came() {
    let record = Record::new();
    let executor = Executor::new();
    let slots: Vec<_> = (0..4).map(|_| Rc::new(RefCell::new(None::<Waker>))).collect();
    for (n, slot) in slots.iter().enumerate() {
        let (slot, record) = (slot.clone(), record.clone());
        executor
            .spawn(async move {
                wait_for_wake(&slot).await;
                record.add(n);
            })
            .detach();
    }
    executor.run_until_stalled();
    let wakers: Vec<Waker> = [2, 0, 3, 1].into_iter().map(|n| slots[n].borrow().clone().unwrap()).collect();
    thread::spawn(move || wakers.into_iter().for_each(Waker::wake)).join().unwrap();
    executor.run_until_stalled();
    assert_eq!(record.take(), [2, 0, 3, 1]);
}

#[test]
fn fault_22_tasks_that_are_cancelled_do_not_change_the_order_of_the_others() {
    let record = Record::new();
    run(async {
        let tasks: Vec<_> = (0..6)
            .map(|n| {
                let record = record.clone();
                spawn(async move {
                    yield_now().await;
                    record.add(n);
                })
            })
            .collect();
        tasks[1].cancel("one of them");
        tasks[4].abort();
        for task in tasks {
            let _ = task.await;
        }
    });
    assert_eq!(record.take(), [0, 2, 3, 5]);
}

#[test]
fn loop_01_a_panic_does_not_cost_the_rest_of_its_batch_their_poll() {
    let record = Record::new();
    let executor = Executor::builder().on_unhandled(|_| {}).build();
    for n in 0..4 {
        let record = record.clone();
        executor
            .spawn(async move {
                record.add(n);
                if n == 1 {
                    panic!("the second");
                }
                pending::<()>().await
            })
            .detach();
    }
    executor.run_until_stalled();
    assert_eq!(record.take(), [0, 1, 2, 3]);
}
