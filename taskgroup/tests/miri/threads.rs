//! Wakers of children on other threads, above all while their executor or their set ends.

use crate::tools::{Drops, Error, all_ops, begin, leave_waker};
use evenkeel_executor::{Executor, run, yield_now};
use evenkeel_taskgroup::{gather, race, scope};
use std::{
    cell::RefCell,
    future::{pending, poll_fn},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::{Poll, Waker},
    thread,
};

/// Waits until another thread has opened it.
async fn wait(gate: &(AtomicBool, Mutex<Option<Waker>>)) {
    poll_fn(|cx| {
        *gate.1.lock().unwrap() = Some(cx.waker().clone());
        if gate.0.load(SeqCst) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

fn open(gate: &(AtomicBool, Mutex<Option<Waker>>)) {
    gate.0.store(true, SeqCst);
    let waker = gate.1.lock().unwrap().take();
    waker.into_iter().for_each(all_ops);
}

#[test]
fn fault_34_children_are_woken_by_other_threads_while_their_executor_sleeps() {
    let gates: [Arc<(AtomicBool, Mutex<Option<Waker>>)>; 3] = Default::default();
    let threads = gates.clone().map(|gate| thread::spawn(move || open(&gate)));
    run(async {
        gather((wait(&gates[0]), race((wait(&gates[1]), pending())), async {
            scope(async |s| {
                s.spawn(async {
                    wait(&gates[2]).await;
                    Ok::<_, Error>(())
                });
                Ok(())
            })
            .await
            .unwrap();
        }))
        .await;
    });
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn fault_01_children_are_woken_while_their_scope_is_dropped_and_their_executor_ends() {
    let (drops, wakers) = (Drops::default(), RefCell::new(Vec::new()));
    let executor = Executor::new();
    let threads: Vec<_> = executor.run(async {
        let text = String::from("borrowed");
        let mut half_way = Box::pin(scope(async |s| {
            for _ in 0..2 {
                s.spawn(async {
                    let _guard = drops.guard();
                    leave_waker(&wakers).await;
                    pending::<()>().await;
                    Ok::<_, Error>(text.len())
                });
            }
            pending::<Result<(), Error>>().await
        }));
        begin(&mut half_way).await;
        let threads = wakers.take().into_iter().map(|waker| thread::spawn(move || all_ops(waker))).collect();
        yield_now().await;
        drop(half_way);
        yield_now().await;
        threads
    });
    drop(executor);
    let next = Executor::new();
    next.run(gather([yield_now(), yield_now()]));
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(drops.count(), 2);
}

#[test]
fn fault_30_a_place_is_used_again_while_its_old_waker_is_elsewhere() {
    run(async {
        let wakers = RefCell::new(Vec::new());
        let child = async || leave_waker(&wakers).await;
        gather([child(), child()]).await;
        let old = wakers.take();
        let thread = thread::spawn(move || old.into_iter().for_each(all_ops));
        for _ in 0..3 {
            gather([yield_now(), yield_now()]).await;
        }
        thread.join().unwrap();
    });
}
