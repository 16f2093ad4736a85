//! Wakers on other threads, above all while their executor ends.

use crate::tools::{Drops, my_waker};
use evenkeel_executor::{
    CallError, Executor, Handle, Instant, ThreadLimiter, VirtualClock, run, sleep, spawn, to_thread, yield_now,
};
use std::{
    cell::{Cell, RefCell},
    future::{pending, poll_fn},
    rc::Rc,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Poll, Waker},
    thread,
    time::Duration,
};

fn waiting(executor: &Executor, drops: &Drops) -> Waker {
    let slot = Rc::new(RefCell::new(None));
    let (waker, guard) = (slot.clone(), drops.guard());
    executor
        .spawn(async move {
            let _guard = guard;
            *waker.borrow_mut() = Some(my_waker().await);
            pending::<()>().await
        })
        .detach();
    executor.run_until_stalled();
    slot.take().unwrap()
}

/// The four things that can be done to a waker.
fn all_ops(waker: Waker) {
    waker.wake_by_ref();
    let clone = waker.clone();
    drop(waker.clone());
    clone.wake();
    drop(waker);
}

#[test]
fn fault_01_two_threads_wake_clone_and_drop_while_the_executor_ends() {
    let drops = Drops::default();
    let executor = Executor::new();
    let wakers = [waiting(&executor, &drops), waiting(&executor, &drops)];
    let threads = wakers.map(|waker| thread::spawn(move || all_ops(waker)));
    drop(executor);
    assert_eq!(drops.count(), 2);
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn fault_01_the_same_with_an_armed_host_and_a_new_executor_right_behind() {
    let drops = Drops::default();
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    let owned = Arc::new(String::from("of the callback"));
    let executor = Executor::builder()
        .on_wake(move || {
            count.fetch_add(owned.len(), SeqCst);
        })
        .build();
    let wakers = [waiting(&executor, &drops), waiting(&executor, &drops)];
    let threads = wakers.map(|waker| thread::spawn(move || all_ops(waker)));
    executor.run_until_stalled();
    drop(executor);
    let next = Executor::new();
    let guard = waiting(&next, &drops);
    next.run_until_stalled();
    drop(next);
    for thread in threads {
        thread.join().unwrap();
    }
    all_ops(guard);
    assert_eq!(drops.count(), 3);
}

#[test]
fn fault_01_an_executor_ends_by_its_run_while_it_is_woken() {
    let drops = Drops::default();
    let slot = Arc::new(Mutex::new(None::<Waker>));
    let waker = slot.clone();
    let thread = thread::spawn(move || {
        for _ in 0..3 {
            let waker = waker.lock().unwrap().clone();
            waker.into_iter().for_each(all_ops);
            thread::yield_now();
        }
    });
    run(async {
        let guard = drops.guard();
        spawn(async move {
            let _guard = guard;
            *slot.lock().unwrap() = Some(my_waker().await);
            pending::<()>().await
        })
        .detach();
        yield_now().await;
        yield_now().await;
    });
    assert_eq!(drops.count(), 1);
    thread.join().unwrap();
}

#[test]
fn fault_34_a_ball_goes_to_and_fro_between_two_parked_executors() {
    struct Court {
        count: AtomicUsize,
        waiting: [Mutex<Option<Waker>>; 2],
    }
    async fn play(court: &Court, side: usize, most: usize) {
        poll_fn(|cx| {
            loop {
                let count = court.count.load(SeqCst);
                if count >= most {
                    return Poll::Ready(());
                }
                if count % 2 == side {
                    court.count.store(count + 1, SeqCst);
                    let other = court.waiting[1 - side].lock().unwrap().take();
                    other.into_iter().for_each(Waker::wake);
                    continue;
                }
                *court.waiting[side].lock().unwrap() = Some(cx.waker().clone());
                if court.count.load(SeqCst) == count {
                    return Poll::Pending;
                }
            }
        })
        .await;
    }
    let court = Arc::new(Court { count: AtomicUsize::new(0), waiting: Default::default() });
    let other = court.clone();
    let thread = thread::spawn(move || run(play(&other, 1, 12)));
    run(play(&court, 0, 12));
    thread.join().unwrap();
}

#[test]
fn fault_02_a_waker_outlives_its_thread() {
    let waker = thread::spawn(|| run(my_waker())).join().unwrap();
    all_ops(waker.clone());
    thread::spawn(move || all_ops(waker)).join().unwrap();
}

#[test]
fn fault_04_a_task_is_dropped_on_its_thread_though_its_last_waker_is_elsewhere() {
    let drops = Drops::default();
    let executor = Executor::new();
    let waker = waiting(&executor, &drops);
    let thread = thread::spawn(move || {
        waker.wake_by_ref();
        waker
    });
    executor.run_until_stalled();
    let waker = thread.join().unwrap();
    drop(executor);
    assert_eq!(drops.count(), 1);
    thread::spawn(move || drop(waker)).join().unwrap();
}

#[test]
fn many_generations_of_one_place_are_woken_from_another_thread() {
    let executor = Executor::new();
    let old: Vec<Waker> = (0..4).map(|_| executor.run(my_waker())).collect();
    let thread = thread::spawn(move || old.into_iter().for_each(all_ops));
    let task = executor.spawn(async { String::from("unharmed") });
    let value = executor.run(task).unwrap();
    assert_eq!(value, "unharmed");
    executor.run(async { yield_now().await });
    thread.join().unwrap();
}

#[test]
fn threads_08_jobs_that_run_wait_and_are_cancelled_while_their_executor_ends() {
    for ends_early in [false, true] {
        let executor = Executor::builder().max_threads(2).build();
        let handle = executor.handle();
        let results = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..3)
            .map(|_| {
                let (handle, results) = (handle.clone(), results.clone());
                executor.spawn(to_thread(move || {
                    // Back into the loop, with a future that stays there.
                    let answer = handle.block_on_from_thread(|| async {
                        let local = Rc::new(Cell::new(1));
                        yield_now().await;
                        local.get()
                    });
                    results.fetch_add(answer.unwrap_or(0), SeqCst);
                }))
            })
            .collect();
        executor.run_until_stalled();
        let mut tasks = tasks.into_iter();
        drop(tasks.next());
        if ends_early {
            drop(executor);
            drop(tasks);
            assert!(handle.call(|| ()).is_err());
        } else {
            executor.run(async {
                for task in tasks {
                    task.await.unwrap();
                }
            });
            assert!(executor.close(Duration::from_secs(60)).stuck().is_empty());
            assert!((2..=3).contains(&results.load(SeqCst)));
        }
    }
}

#[test]
fn threads_11_a_remote_task_is_dropped_on_its_own_thread_whoever_ends_first() {
    let drops = Drops::default();
    for waits in [false, true] {
        let executor = Executor::new();
        let handle = executor.handle();
        let thread = thread::spawn(move || -> Result<(), CallError> {
            let mut task = handle.spawn(|| async { my_waker().await.wake() })?;
            if waits {
                task.wait()?;
            }
            Ok(())
        });
        let waker = waiting(&executor, &drops);
        executor.run_until_stalled();
        drop(executor);
        all_ops(waker);
        // Done, cancelled, or too late; but there is an answer.
        let _ = thread.join().unwrap();
    }
    assert_eq!(drops.count(), 2);
}

#[test]
fn threads_16_jobs_that_wait_for_tasks_with_jobs_leave_their_place_to_them() {
    let sum = Executor::builder().max_threads(1).run(async {
        let jobs = [1, 2].map(|n| {
            let handle = Handle::current();
            spawn(to_thread(move || handle.block_on_from_thread(move || to_thread(move || n)).unwrap()))
        });
        let mut sum = 0;
        for job in jobs {
            sum += job.await.unwrap();
        }
        sum
    });
    assert_eq!(sum, 3);
}

#[test]
fn threads_17_of_jobs_that_hold_the_permits_that_their_tasks_wait_for_one_gets_an_error() {
    let two = ThreadLimiter::new(2);
    let refused = run(async {
        let jobs = [(); 2].map(|()| {
            let (handle, same) = (Handle::current(), two.clone());
            let task = async move || to_thread(|| ()).limited_by(&same).await;
            spawn(to_thread(move || handle.block_on_from_thread(task)).limited_by(&two))
        });
        let mut refused = 0;
        for job in jobs {
            refused += usize::from(job.await.unwrap().is_err());
        }
        refused
    });
    assert!(refused <= 1);
    assert_eq!(two.available(), 2);
}

#[test]
fn threads_09_a_job_has_real_time_again_from_its_answer_on() {
    Executor::builder().clock(VirtualClock::new()).run(async {
        let (handle, start) = (Handle::current(), Instant::now());
        let _later = spawn(sleep(Duration::from_secs(9)));
        let job = to_thread(move || {
            handle.block_on_from_thread(|| sleep(Duration::from_secs(1))).unwrap();
            handle.call(Instant::now).unwrap()
        });
        assert_eq!(job.await.saturating_duration_since(start), Duration::from_secs(1));
    });
}
