//! Threads that wait for the loop while the loop waits for threads.

use crate::kit::{
    gates::{Gate, Seen, threads_named, until, wait_for_no_threads_named},
    probe::{Record, panic_of},
};
use evenkeel::{
    Executor, Handle, Instant, gather, run, sleep, spawn,
    testing::VirtualClock,
    threads::{CallError, ThreadLimiter, remote},
    timeout, to_thread, yield_now,
};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
        mpsc,
    },
    thread,
    time::Duration,
};

const HOUR: Duration = Duration::from_secs(3600);

/// Runs on a pool of one thread.
fn run_on_one<T>(main: impl Future<Output = T>) -> T {
    Executor::builder().max_threads(1).run(main)
}

#[test]
fn met_a4_threads_16_a_job_that_waits_for_a_task_leaves_its_place_to_the_jobs_of_that_task() {
    let answer = run_on_one(async {
        let handle = Handle::current();
        to_thread(move || handle.block_on_from_thread(|| to_thread(|| 7)).unwrap()).await
    });
    assert_eq!(answer, 7);
}

#[test]
fn met_a4_threads_16_so_does_one_that_waits_for_a_task_that_it_spawned_before() {
    let answer = run_on_one(async {
        let handle = Handle::current();
        to_thread(move || {
            let mut task = handle.spawn(|| to_thread(|| 7)).unwrap();
            let begun = handle.call(|| ()).is_ok();
            (begun, task.wait().unwrap())
        })
        .await
    });
    assert_eq!(answer, (true, 7));
}

#[test]
fn met_a4_threads_16_so_does_one_that_waits_for_room_in_a_channel_of_its_loop() {
    let sum = run_on_one(async {
        let (sender, mut receiver) = remote::channel(1);
        // It is known now where the receiver lives.
        assert!(receiver.try_recv().is_err());
        let producer = spawn(to_thread(move || (1..=20).for_each(|n| sender.send_blocking(n).unwrap())));
        let mut sum = 0;
        while let Some(n) = receiver.recv().await {
            sum += to_thread(move || n).await;
        }
        producer.await.unwrap();
        sum
    });
    assert_eq!(sum, 210);
}

#[test]
fn met_a4_threads_16_also_if_the_receiver_was_never_used_yet() {
    let items = run_on_one(async {
        let (sender, mut receiver) = remote::channel(1);
        let producer = spawn(to_thread(move || (0..3).for_each(|n| sender.send_blocking(n).unwrap())));
        yield_now().await;
        to_thread(|| ()).await;
        let mut items = Vec::new();
        while let Some(n) = receiver.recv().await {
            items.push(n);
        }
        producer.await.unwrap();
        items
    });
    assert_eq!(items, [0, 1, 2]);
}

#[test]
fn met_a4_threads_16_sixty_four_jobs_that_all_wait_for_tasks_with_jobs_come_to_their_end() {
    for max in [1, 2, 6] {
        let sum = Executor::builder().max_threads(max).run(async {
            let jobs: Vec<_> = (0..64)
                .map(|n| {
                    let handle = Handle::current();
                    spawn(to_thread(move || handle.block_on_from_thread(move || to_thread(move || n)).unwrap()))
                })
                .collect();
            let mut sum = 0;
            for job in jobs {
                sum += job.await.unwrap();
            }
            sum
        });
        assert_eq!(sum, 64 * 63 / 2);
    }
}

fn down(handle: Handle, levels: u32) -> u32 {
    match levels {
        0 => 0,
        _ => {
            let next = handle.clone();
            1 + handle.block_on_from_thread(move || to_thread(move || down(next, levels - 1))).unwrap()
        }
    }
}

#[test]
fn met_a4_threads_16_from_thread_to_loop_to_thread_goes_to_any_depth() {
    let depth = run_on_one(async {
        let handle = Handle::current();
        to_thread(move || down(handle, 20)).await
    });
    assert_eq!(depth, 20);
}

#[test]
fn met_a4_threads_16_a_ring_of_two_executors_comes_round() {
    let (say, hear) = mpsc::channel();
    let (done, all_done) = mpsc::channel::<()>();
    let other = thread::spawn(move || {
        Executor::builder().max_threads(1).run(async {
            say.send(Handle::current()).unwrap();
            let _ = to_thread(move || all_done.recv()).await;
        })
    });
    let there = hear.recv().unwrap();
    let answer = run_on_one(async {
        let here = Handle::current();
        // A job here waits for a task there, which waits for a task here, which has a job here.
        to_thread(move || {
            let back = move || async move { here.spawn(|| to_thread(|| 7)).unwrap().await.unwrap() };
            there.block_on_from_thread(back).unwrap()
        })
        .await
    });
    drop(done);
    other.join().unwrap();
    assert_eq!(answer, 7);
}

#[test]
fn met_a4_threads_06_jobs_keep_their_order_when_a_thread_is_started_for_one_that_waits() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let note = |what: &'static str| {
        let order = order.clone();
        move || order.lock().unwrap().push(what)
    };
    run_on_one(async {
        let (handle, inner) = (Handle::current(), note("asked for last"));
        let (before, after) = (note("waits"), note("goes on"));
        let first = spawn(to_thread(move || {
            before();
            handle.block_on_from_thread(|| to_thread(inner)).unwrap();
            after();
        }));
        let others: Vec<_> = ["second", "third", "fourth"].map(|what| spawn(to_thread(note(what)))).into();
        first.await.unwrap();
        for other in others {
            other.await.unwrap();
        }
    });
    assert_eq!(*order.lock().unwrap(), ["waits", "second", "third", "fourth", "asked for last", "goes on"]);
}

#[test]
fn met_a4_threads_16_who_comes_back_goes_on_at_once_and_then_there_are_no_more_threads_than_before() {
    const NAME: &str = "ek-back";
    let seen = Seen::default();
    let executor = Executor::builder().max_threads(1).thread_name(NAME).build();
    executor.run(async {
        let (handle, gate, begun) = (Handle::current(), Gate::default(), Arc::new(AtomicBool::new(false)));
        let (pass, has_begun) = (gate.clone(), begun.clone());
        let first = spawn(to_thread(move || {
            let until_begun = async move || {
                while !has_begun.load(SeqCst) {
                    yield_now().await;
                }
            };
            handle.block_on_from_thread(until_begun).unwrap();
            // The one place is taken, and is not free before this has gone on.
            gate.open();
        }));
        let second = spawn(to_thread(move || {
            begun.store(true, SeqCst);
            pass.pass();
        }));
        first.await.unwrap();
        second.await.unwrap();
        for _ in 0..10 {
            let see = seen.clone();
            to_thread(move || see.here()).await;
        }
    });
    until(|| threads_named(NAME).is_none_or(|threads| threads <= 1));
    drop(executor);
    wait_for_no_threads_named(NAME);
}

#[test]
fn met_a4_threads_16_a_call_ends_by_itself_so_its_thread_counts_as_busy() {
    const NAME: &str = "ek-call";
    Executor::builder().max_threads(1).thread_name(NAME).run(async {
        let handle = Handle::current();
        let first = spawn(to_thread(move || {
            for _ in 0..10 {
                handle.call(|| assert!(threads_named(NAME).is_none_or(|threads| threads <= 1))).unwrap();
            }
        }));
        let second = spawn(to_thread(|| ()));
        to_thread(|| ()).await;
        first.await.unwrap();
        second.await.unwrap();
    });
}

fn is_knotted(outcome: &Result<(), CallError>) -> bool {
    matches!(outcome, Err(CallError::Panicked(panic)) if panic.message().contains("wait for its ThreadLimiter for ever"))
}

#[test]
fn met_a4_threads_17_a_task_that_waits_for_a_permit_of_the_job_that_waits_for_it_gets_an_error() {
    let one = ThreadLimiter::new(1);
    run(async {
        let (handle, same) = (Handle::current(), one.clone());
        let job = to_thread(move || {
            let task = async move || to_thread(|| ()).limited_by(&same).await;
            handle.block_on_from_thread(task)
        });
        assert!(is_knotted(&job.limited_by(&one).await));
        // The permit came back.
        to_thread(|| ()).limited_by(&one).await;
    });
    assert_eq!(one.available(), 1);
}

#[test]
fn met_a4_threads_17_also_if_the_job_begins_to_wait_when_the_task_does_already() {
    let one = ThreadLimiter::new(1);
    run(async {
        let (handle, same) = (Handle::current(), one.clone());
        let job = to_thread(move || {
            let permit = move || to_thread(|| ()).limited_by(&same);
            let both = move || async move { _ = gather((permit(), permit())).await };
            let mut task = handle.spawn(both).unwrap();
            // Two turns later it stands in the line.
            handle.block_on_from_thread(yield_now).unwrap();
            task.wait()
        });
        assert!(is_knotted(&job.limited_by(&one).await));
    });
    assert_eq!(one.available(), 1);
}

#[test]
fn met_a4_threads_17_where_all_holders_wait_for_tasks_that_wait_one_gets_the_error_and_the_others_go_on() {
    let three = ThreadLimiter::new(3);
    let outcomes = run(async {
        let jobs: Vec<_> = (0..3)
            .map(|_| {
                let (handle, same) = (Handle::current(), three.clone());
                let task = async move || to_thread(|| ()).limited_by(&same).await;
                spawn(to_thread(move || handle.block_on_from_thread(task)).limited_by(&three))
            })
            .collect();
        let mut outcomes = Vec::new();
        for job in jobs {
            outcomes.push(job.await.unwrap());
        }
        outcomes
    });
    // With luck one came to its end before the others began; never are two refused where one was enough.
    assert!(outcomes.iter().filter(|outcome| is_knotted(outcome)).count() <= 1, "{outcomes:?}");
    assert!(outcomes.iter().all(|outcome| outcome.is_ok() || is_knotted(outcome)), "{outcomes:?}");
    assert_eq!(three.available(), 3);
}

#[test]
fn met_a4_threads_17_also_if_the_task_runs_in_a_loop_inside_of_the_job() {
    let one = ThreadLimiter::new(1);
    let text = run(async {
        let same = one.clone();
        to_thread(move || panic_of(|| run(to_thread(|| ()).limited_by(&same)))).limited_by(&one).await
    });
    assert!(text.contains("wait for its ThreadLimiter for ever"), "{text}");
    assert_eq!(one.available(), 1);
}

#[test]
fn met_a4_threads_17_who_waits_for_others_than_the_holder_of_the_permit_waits_in_peace() {
    let one = ThreadLimiter::new(1);
    run(async {
        let (handle, gate) = (Handle::current(), Gate::default());
        let pass = gate.clone();
        let job = spawn(
            to_thread(move || handle.block_on_from_thread(move || to_thread(move || pass.pass()))).limited_by(&one),
        );
        yield_now().await;
        let other = spawn(to_thread(|| 7).limited_by(&one));
        // The job waits, and the other one stands in line.
        for _ in 0..10 {
            to_thread(|| ()).await;
        }
        gate.open();
        job.await.unwrap().unwrap();
        assert_eq!(other.await.unwrap(), 7);
    });
}

#[test]
fn met_a4_threads_17_a_task_that_gives_up_frees_the_permit_as_ever() {
    let two = ThreadLimiter::new(2);
    run(async {
        let (handle, same, gate) = (Handle::current(), two.clone(), Gate::default());
        let pass = gate.clone();
        let other = spawn(to_thread(move || pass.pass()).limited_by(&two));
        yield_now().await;
        let job = to_thread(move || {
            let patient =
                async move || timeout(Duration::from_millis(1), to_thread(|| ()).limited_by(&same)).await.is_err();
            handle.block_on_from_thread(patient)
        });
        assert!(job.limited_by(&two).await.unwrap(), "one permit is held by a job that works: it may come back");
        gate.open();
        other.await.unwrap();
    });
    assert_eq!(two.available(), 2);
}

#[test]
fn met_a4_threads_09_virtual_time_jumps_for_a_task_that_a_job_waits_for() {
    let clock = VirtualClock::new();
    Executor::builder().clock(clock).max_threads(1).run(async {
        let (handle, start) = (Handle::current(), Instant::now());
        to_thread(move || handle.block_on_from_thread(|| sleep(HOUR)).unwrap()).await;
        assert_eq!(start.elapsed(), HOUR);
    });
}

#[test]
fn met_a4_threads_09_and_stands_still_again_from_the_answer_on() {
    for _ in 0..if cfg!(miri) { 2 } else { 200 } {
        let clock = VirtualClock::new();
        let record = Record::new();
        let says = record.clone();
        Executor::builder().clock(clock).run(async move {
            let (handle, start) = (Handle::current(), Instant::now());
            let heartbeat = spawn(async {
                loop {
                    sleep(HOUR / 4).await;
                }
            });
            let job = to_thread(move || {
                handle.block_on_from_thread(|| sleep(HOUR)).unwrap();
                thread::yield_now();
                handle.call(Instant::now).unwrap()
            });
            says.add(job.await.saturating_duration_since(start));
            heartbeat.cancel("done");
        });
        assert_eq!(record.take(), [HOUR]);
    }
}
