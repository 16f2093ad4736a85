//! What other threads may do to an executor, and when.

use crate::kit::probe::{Drops, my_waker};
use evenkeel::{Executor, host::Readiness, run, spawn, yield_now};
use std::{
    cell::{Cell, RefCell},
    future::{pending, poll_fn},
    rc::Rc,
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    task::{Poll, Waker},
    thread,
};

/// Does everything that can be done to a waker, again and again, until `stop`.
fn hammer(wakers: Vec<Waker>, stop: &AtomicBool) {
    while !stop.load(SeqCst) {
        for waker in &wakers {
            waker.wake_by_ref();
            let clone = waker.clone();
            drop(waker.clone());
            clone.wake();
        }
    }
}

/// A detached task that runs for ever, and its waker.
fn endless(executor: &Executor, drops: &Drops) -> Waker {
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

#[test]
fn fault_01_wake_ups_from_other_threads_may_meet_the_end_of_their_executor() {
    for _ in 0..200 {
        let drops = Drops::default();
        let executor = Executor::new();
        let wakers: Vec<Waker> = (0..3).map(|_| endless(&executor, &drops)).collect();
        let (start, stop) = (Arc::new(Barrier::new(2)), Arc::new(AtomicBool::new(false)));
        let (other_start, other_stop) = (start.clone(), stop.clone());
        let thread = thread::spawn(move || {
            other_start.wait();
            hammer(wakers, &other_stop);
        });
        start.wait();
        executor.run_until_stalled();
        drop(executor);
        // The id is in use again while the old wakers still come in.
        let next = Executor::new();
        next.run(async { yield_now().await });
        drop(next);
        stop.store(true, SeqCst);
        thread.join().unwrap();
        assert_eq!(drops.count(), 3);
    }
}

#[test]
fn fault_05_eight_threads_may_wake_one_executor_at_once() {
    const THREADS: usize = 8;
    const WAKES: usize = 2_000;
    let counters: Arc<Vec<AtomicUsize>> = Arc::new((0..THREADS).map(|_| AtomicUsize::new(0)).collect());
    run(async {
        let tasks: Vec<_> = (0..THREADS)
            .map(|n| {
                let counters = counters.clone();
                let mut thread = None;
                spawn(poll_fn(move |cx| {
                    let counters = &counters;
                    thread.get_or_insert_with(|| {
                        let (waker, counters) = (cx.waker().clone(), counters.clone());
                        thread::spawn(move || {
                            for _ in 0..WAKES {
                                counters[n].fetch_add(1, SeqCst);
                                let clone = waker.clone();
                                clone.wake();
                            }
                        })
                    });
                    // The last of its wake-ups, if no other, must find the full count.
                    if counters[n].load(SeqCst) == WAKES {
                        thread.take().unwrap().join().unwrap();
                        Poll::Ready(())
                    } else {
                        Poll::Pending
                    }
                }))
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

#[test]
fn fault_33_waking_never_waits_for_the_executor() {
    let drops = Drops::default();
    let executor = Executor::new();
    let wakers: Vec<Waker> = (0..10).map(|_| endless(&executor, &drops)).collect();
    // This thread stands still in `join`, so the executor takes nothing out.
    thread::spawn(move || {
        for _ in 0..100_000 {
            wakers.iter().for_each(Waker::wake_by_ref);
        }
    })
    .join()
    .unwrap();
    let progress = executor.run_until_stalled();
    assert_eq!((progress.polled, progress.readiness), (10, Readiness::Idle), "a million wake-ups are ten");
}

#[test]
fn fault_04_futures_and_outputs_stay_on_their_thread_whoever_drops_the_waker_last() {
    // The guards panic if they are dropped anywhere else.
    let drops = Drops::default();
    let (send, receive) = mpsc::channel::<Waker>();
    let thread = thread::spawn(move || {
        for waker in receive {
            waker.wake_by_ref();
            drop(waker);
        }
    });
    let executor = Executor::new();
    for n in 0..100 {
        let (guard, output, send) = (drops.guard(), drops.guard(), send.clone());
        let task = executor.spawn(async move {
            let _guard = guard;
            send.send(my_waker().await).unwrap();
            yield_now().await;
            output
        });
        executor.run_until_stalled();
        match n % 4 {
            0 => drop(task),
            1 => task.abort(),
            2 => task.detach(),
            _ => executor.run(async { drop(task.await.unwrap()) }),
        }
    }
    drop(executor);
    drop(send);
    thread.join().unwrap();
    assert_eq!(drops.count(), 200);
}

#[test]
fn a_parked_executor_is_woken_from_another_thread() {
    let (send, receive) = mpsc::channel::<Waker>();
    let thread = thread::spawn(move || receive.recv().unwrap().wake());
    let first = Cell::new(true);
    run(poll_fn(|cx| {
        if first.replace(false) {
            send.send(cx.waker().clone()).unwrap();
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }));
    thread.join().unwrap();
}

#[test]
fn a_thread_that_takes_the_park_token_for_itself_costs_no_wake_up() {
    let (send, receive) = mpsc::channel::<Waker>();
    let thread = thread::spawn(move || {
        for waker in receive {
            waker.wake();
        }
    });
    run(async {
        for _ in 0..100 {
            // The program uses the same token: it leaves one, or takes one that may have been the executor's.
            thread::current().unpark();
            let mut first = true;
            poll_fn(|cx| {
                if std::mem::replace(&mut first, false) {
                    send.send(cx.waker().clone()).unwrap();
                    thread::park_timeout(std::time::Duration::from_micros(10));
                    Poll::Pending
                } else {
                    Poll::Ready(())
                }
            })
            .await;
        }
    });
    drop(send);
    thread.join().unwrap();
}
