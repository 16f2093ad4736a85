//! What is allocated, and given back. A counting allocator stands behind this binary; each test counts its own thread.

mod counting;

use counting::{BYTES, CALLS, LIVE};
use evenkeel_executor::{
    Budget, CancelReason, Clock, Executor, Instant, Readiness, Task, VirtualClock,
    combinator::{Stand, lodge},
    finally, run, shield, sleep, spawn, yield_now,
};
use evenkeel_testkit::my_waker;
use std::{
    cell::{Cell, RefCell},
    future::pending,
    hint::black_box,
    panic::resume_unwind,
    pin::Pin,
    rc::Rc,
    sync::mpsc,
    task::{Context, Waker},
    thread,
    time::Duration,
};

/// How many more allocations of this thread are live after `f` than before.
fn left_by(f: impl FnOnce()) -> isize {
    // What a process makes once: the registry's place for this executor, the thread's own data.
    drop(Executor::new());
    let before = LIVE.get();
    f();
    LIVE.get() - before
}

/// A detached task that leaves its waker and waits.
fn waiting(executor: &Executor) -> Waker {
    let slot = Rc::new(RefCell::new(None));
    let waker = slot.clone();
    executor
        .spawn(async move {
            let _memory = Box::new([1_u8; 100]);
            *waker.borrow_mut() = Some(my_waker().await);
            pending::<()>().await
        })
        .detach();
    executor.run_until_stalled();
    slot.take().unwrap()
}

#[test]
fn fault_03_nothing_is_left_when_a_waker_goes_before_its_executor() {
    let left = left_by(|| {
        let executor = Executor::new();
        drop(waiting(&executor));
        drop(executor);
    });
    assert_eq!(left, 0);
}

#[test]
fn fault_03_nothing_is_left_when_a_waker_stays_behind() {
    let mut kept = None;
    let left = left_by(|| {
        let executor = Executor::new();
        kept = Some(waiting(&executor));
    });
    assert_eq!(left, 0);
    kept.unwrap().wake();
}

#[test]
fn fault_03_nothing_is_left_when_a_waker_lies_on_another_thread() {
    let (send, receive) = mpsc::channel::<Waker>();
    let thread = thread::spawn(move || receive.into_iter().collect::<Vec<Waker>>());
    // The channel's own memory is there before.
    send.send(Waker::noop().clone()).unwrap();
    let left = left_by(|| {
        let executor = Executor::new();
        send.send(waiting(&executor)).unwrap();
    });
    assert_eq!(left, 0);
    drop(send);
    assert_eq!(thread.join().unwrap().len(), 2);
}

#[test]
fn fault_03_nothing_is_left_when_a_waker_lies_in_an_atomic_waker_or_in_its_own_future() {
    let cell = futures::task::AtomicWaker::new();
    let left = left_by(|| {
        let executor = Executor::new();
        cell.register(&waiting(&executor));
        executor
            .spawn(async {
                let _own = (my_waker().await, Box::new([1_u8; 100]));
                pending::<()>().await
            })
            .detach();
        executor.run_until_stalled();
    });
    assert_eq!(left, 0);
}

#[test]
fn fault_03_nothing_is_left_by_tasks_that_end_in_every_way() {
    let left = left_by(|| {
        let executor = Executor::builder().on_unhandled(|_| {}).clock(VirtualClock::new()).build();
        let tasks: Vec<_> = (0..8)
            .map(|n| {
                executor
                    .spawn(async move {
                        let text = format!("{n}");
                        match n {
                            0..=2 => {}
                            // Without the message, for which the harness takes memory.
                            3 => resume_unwind(Box::new(text)),
                            4 => sleep(Duration::from_millis(1)).await,
                            _ => pending().await,
                        }
                        text
                    })
                    .named(format!("task {n}"))
            })
            .collect();
        executor.run_until_stalled();
        for (n, mut task) in tasks.into_iter().enumerate() {
            match n {
                0 => drop(task.take_result()),
                1 | 6 => task.detach(),
                5 => task.cancel(format!("{n}")),
                7 => task.abort(),
                _ => {}
            }
        }
        executor.run_until_stalled();
        executor.spawner().spawn(async {}).unwrap().detach();
    });
    assert_eq!(left, 0);
}

#[test]
fn fault_03_nothing_is_left_by_handles_that_outlive_their_executor() {
    let left = left_by(|| {
        let executor = Executor::new();
        let ended = executor.spawn(async { vec![1_u8; 10] });
        let live = executor.spawn(pending::<Vec<u8>>()).named(String::from("kept"));
        executor.run_until_stalled();
        drop(executor);
        drop((ended, live));
    });
    assert_eq!(left, 0);
}

#[test]
fn memory_01_a_task_is_one_allocation_or_none_when_memory_is_recycled() {
    run(async {
        let calls = |count: usize| {
            let before = CALLS.get();
            (0..count).for_each(|_| spawn(async {}).detach());
            CALLS.get() - before
        };
        calls(64);
        yield_now().await;
        yield_now().await;
        assert_eq!(calls(64), 0);
        yield_now().await;
        // A wake-up, a join and a yield allocate nothing either.
        let task = spawn(async { 5 });
        let before = CALLS.get();
        assert_eq!(task.await.unwrap(), 5);
        (0..10).for_each(|_| drop(Waker::noop().clone()));
        yield_now().await;
        assert_eq!(CALLS.get() - before, 0);
    });
}

#[test]
fn memory_01_a_lodger_is_one_allocation_or_none_when_memory_is_recycled() {
    run(async {
        let allocated = async || {
            let before = CALLS.get();
            let (lodger, claim) = lodge(async { yield_now().await }, ());
            lodger.await;
            claim.take().unwrap();
            drop(claim);
            CALLS.get() - before
        };
        assert_eq!((allocated().await, allocated().await), (1, 0));
    });
}

#[test]
fn fault_03_nothing_is_left_by_lodgers_that_end_in_every_way() {
    let new = |wait: bool| {
        lodge(
            async move {
                let memory = Box::new([1_u8; 100]);
                if wait {
                    pending::<()>().await;
                }
                memory
            },
            Box::new("a note"),
        )
    };
    let left = left_by(|| {
        let mut kept = Vec::new();
        run(async {
            for wait in [true, false] {
                // Never polled: one half goes before the other.
                let (lodger, claim) = new(wait);
                drop(lodger);
                assert_eq!(claim.stand(), Stand::Dropped);
                let (lodger, claim) = new(wait);
                drop(claim);
                drop(lodger);
            }
            // Nobody claims the output; somebody does, and does not take it; or takes it.
            let (lodger, claim) = new(false);
            drop(claim);
            lodger.await;
            let (lodger, claim) = new(false);
            lodger.await;
            drop(claim);
            let (lodger, claim) = new(false);
            lodger.await;
            assert_eq!(claim.take().as_deref(), Some(&[1; 100]));
            assert_eq!((claim.stand(), claim.take()), (Stand::Taken, None));
            // The claim outlives the executor.
            let (lodger, claim) = new(false);
            lodger.await;
            kept.push(claim);
        });
    });
    assert_eq!(left, 0);
}

#[test]
#[cfg_attr(miri, ignore = "Miri's stack is not one piece")]
fn memory_01_a_large_main_future_lies_on_the_stack_a_few_times_only() {
    const LARGE: usize = 256 << 10;
    let measure = || {
        let here = |local: &u8| (&raw const *local).addr();
        let local = black_box(0);
        let above = here(&local);
        let below = run(async {
            let large = [1_u8; LARGE];
            yield_now().await;
            black_box(&large);
            let local = black_box(0);
            here(&local)
        });
        assert!(below < above, "a stack grows downwards");
        above - below
    };
    let depth = thread::Builder::new().stack_size(64 << 20).spawn(measure).unwrap().join().unwrap();
    assert!(depth < 8 * LARGE, "{depth} bytes for a future of {LARGE}");
}

/// What a task with clean-up takes from the allocator, when many like it were there before.
fn taken_by_cleanup<F: Future<Output = ()> + 'static>(future: impl Fn() -> F, end: impl Fn(&Task<()>)) -> usize {
    let executor = Executor::new();
    let stall = || while executor.run_until_stalled().readiness == Readiness::MoreReady {};
    let round = || {
        let before = CALLS.get();
        let mut task = executor.spawn(future());
        stall();
        end(&task);
        stall();
        assert!(task.take_result().unwrap().is_err());
        CALLS.get() - before
    };
    (0..8).for_each(|_| _ = round());
    round()
}

#[test]
fn memory_01_a_cancelled_task_leaves_its_region_to_the_next() {
    let cancel = |task: &Task<()>| task.cancel(CancelReason::Interrupted);
    let abort = |task: &Task<()>| task.abort();
    let has_had_it = || async {
        shield(yield_now()).await;
        pending().await
    };
    let has_it = || async {
        finally(pending::<()>(), async |_: Option<&()>| yield_now().await).await;
    };
    assert_eq!(taken_by_cleanup(has_had_it, cancel), taken_by_cleanup(has_had_it, abort));
    assert_eq!(taken_by_cleanup(has_it, cancel), taken_by_cleanup(has_it, abort));
}

#[test]
#[cfg_attr(miri, ignore = "too many for Miri")]
fn fault_31_memory_falls_after_a_burst_of_tasks() {
    const MANY: usize = 200_000;
    let executor = Executor::new();
    let idle = executor.spawn(pending::<()>());
    executor.run_until_stalled();
    let before = BYTES.get();
    for _ in 0..MANY {
        executor
            .spawn(async {
                let large = [1_u8; 200];
                yield_now().await;
                assert_eq!(large.len(), 200);
            })
            .detach();
    }
    let peak = BYTES.get() - before;
    while executor.run_until_stalled().readiness != Readiness::Idle {}
    executor.park(Duration::from_millis(150));
    let kept = BYTES.get() - before;
    // What stays is the table (two words a task), the queue (half a word), and what each size class may keep.
    assert!(kept <= MANY as isize * 32 + 512 * 1024, "{kept} of {peak} bytes");
    assert!(kept * 4 < peak, "{kept} of {peak} bytes");
    drop(idle);
}

#[test]
#[cfg_attr(miri, ignore = "too many for Miri")]
fn fault_31_sleeps_and_joins_that_are_given_up_leave_nothing() {
    let executor = Executor::builder().clock(VirtualClock::new()).build();
    let mut task = executor.spawn(pending::<()>());
    let mut cx = Context::from_waker(Waker::noop());
    executor.run_until_stalled();
    let round = |task: &mut evenkeel_executor::Task<()>, cx: &mut Context<'_>| {
        executor.run(async {
            for _ in 0..100_000 {
                let mut wait = sleep(Duration::from_secs(5));
                assert!(Pin::new(&mut wait).poll(cx).is_pending());
                assert!(Pin::new(&mut *task).poll(cx).is_pending());
            }
        });
    };
    round(&mut task, &mut cx);
    let before = BYTES.get();
    round(&mut task, &mut cx);
    assert!(BYTES.get() - before < 10_000, "{} bytes", BYTES.get() - before);
}

#[test]
#[cfg_attr(miri, ignore = "too many for Miri")]
fn fault_31_short_sleeps_that_are_given_up_a_turn_later_leave_nothing() {
    let executor = Executor::builder().clock(VirtualClock::new()).build();
    let round = || {
        executor.run(async {
            for _ in 0..10_000 {
                let mut wait = sleep(Duration::from_micros(300));
                assert!(Pin::new(&mut wait).poll(&mut Context::from_waker(Waker::noop())).is_pending());
                yield_now().await;
            }
        });
    };
    round();
    let before = BYTES.get();
    (0..5).for_each(|_| round());
    assert!(BYTES.get() - before < 10_000, "{} bytes", BYTES.get() - before);
}

#[test]
#[cfg_attr(miri, ignore = "too many for Miri")]
fn fault_31_executors_that_come_and_go_leave_nothing() {
    let round = || {
        for _ in 0..5_000 {
            let executor = Executor::new();
            executor.spawn(async {}).detach();
            executor.tick(Budget::polls(1));
        }
    };
    round();
    let before = LIVE.get();
    round();
    assert_eq!(LIVE.get() - before, 0);
}

/// How a crowd of sleeps ends.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Crowd {
    Fires,
    /// All are given up.
    Leaves,
    /// All but one in a thousand are given up, and those wait long.
    LeavesSome,
}

/// Virtual time that can be kept from jumping.
struct Stoppable(VirtualClock, Rc<Cell<bool>>);

impl Clock for Stoppable {
    fn now(&self) -> Instant {
        self.0.now()
    }

    fn jump_to(&self, deadline: Instant) -> bool {
        !self.1.get() && self.0.jump_to(deadline)
    }
}

/// Crowds of sleeps, one after the other, while a long one is armed. Returns what they hold after the first and after the last, and what is
/// held after some quiet.
fn crowds(how: Crowd, durations: impl Fn(usize, u64) -> Duration) -> (isize, isize, isize) {
    const CROWD: usize = 8_000;
    const ROUNDS: u64 = 130;
    let stands = Rc::new(Cell::new(false));
    let executor = Executor::builder().clock(Stoppable(VirtualClock::new(), stands.clone())).build();
    let long = executor.spawn(sleep(Duration::from_secs(1 << 32)));
    executor.run_until_stalled();
    let before = BYTES.get();
    let mut cx = Context::from_waker(Waker::noop());
    let (mut first, mut last, mut patient) = (0, 0, Vec::new());
    for round in 0..ROUNDS {
        executor.run(async {
            let mut crowd: Vec<_> = (0..CROWD).map(|n| sleep(durations(n, round))).collect();
            crowd.iter_mut().for_each(|wait| assert!(Pin::new(wait).poll(&mut cx).is_pending()));
            if how == Crowd::Fires {
                sleep(Duration::from_millis(300)).await;
                assert!(crowd.iter_mut().all(|wait| Pin::new(wait).poll(&mut cx).is_ready()));
            }
            yield_now().await;
            let keep = |n: usize| how == Crowd::LeavesSome && n % 1000 == 0;
            patient.extend(crowd.drain(..).enumerate().filter_map(|(n, wait)| keep(n).then_some(wait)));
            // The next one comes to another bucket.
            sleep(Duration::from_millis(67)).await;
        });
        last = BYTES.get() - before;
        if round == 0 {
            first = last;
        }
    }
    stands.set(true);
    executor.park(Duration::from_millis(150));
    let quiet = BYTES.get() - before;
    drop((long, patient));
    (first, last, quiet)
}

#[test]
#[cfg_attr(miri, ignore = "too many for Miri")]
fn fault_31_memory_of_timers_is_that_of_the_largest_crowd_however_many_came() {
    const KIB: isize = 1024;
    for how in [Crowd::Fires, Crowd::Leaves, Crowd::LeavesSome] {
        let together = |_, _| Duration::from_millis(90);
        let spread = |n: usize, _| Duration::from_micros(10 * n as u64 % 200_000);
        let farther_each_time = |_, round: u64| Duration::from_millis(90 << (round % 24));
        let (first, last, quiet) = match how {
            Crowd::Fires => crowds(how, together),
            Crowd::Leaves => crowds(how, farther_each_time),
            Crowd::LeavesSome => crowds(how, |_, round| Duration::from_secs(1 << (round % 30))),
        };
        assert!(last <= 2 * first + 512 * KIB, "{how:?}: {first} bytes after one crowd, {last} after the last");
        assert!(quiet <= 400 * KIB || how == Crowd::LeavesSome, "{how:?}: {quiet} bytes after some quiet");
        if how != Crowd::LeavesSome {
            let (first, last, _) = crowds(how, spread);
            assert!(
                last <= 2 * first + 512 * KIB,
                "{how:?}, spread: {first} bytes after one crowd, {last} after the last"
            );
        }
    }
}
