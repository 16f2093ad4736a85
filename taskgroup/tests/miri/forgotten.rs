//! What is forgotten half-way. Under Miri these need `-Zmiri-ignore-leaks`, and `-- --ignored forgotten`.

use crate::tools::{Error, all_ops, begin, is_pending, leave_waker, my_waker, on_drop, wait};
use evenkeel_executor::{Executor, combinator::WakeSet, run, yield_now};
use evenkeel_taskgroup::{as_completed, gather, scope};
use std::{
    cell::{Cell, RefCell},
    future::pending,
    mem,
    task::Waker,
    thread,
};

#[test]
#[cfg_attr(miri, ignore = "it leaks on purpose")]
fn fault_07_a_forgotten_scope_never_touches_what_its_children_borrowed() {
    let wakers = RefCell::new(Vec::<Waker>::new());
    let executor = Executor::new();
    {
        let text = Box::new(String::from("borrowed"));
        let gate = Cell::new(false);
        executor.run(async {
            let mut half_way = Box::pin(scope(async |s| {
                let handle = s.spawn(async {
                    let _at_the_end = on_drop(|| unreachable!("{text}"));
                    wait(&gate, &wakers).await;
                    Ok::<_, Error>(text.len())
                });
                Ok(handle.await)
            }));
            begin(&mut half_way).await;
            gate.set(true);
            mem::forget(half_way);
        });
    }
    // What was borrowed is gone.
    let wakers = wakers.take();
    wakers.iter().cloned().for_each(all_ops);
    let elsewhere = wakers.clone();
    thread::spawn(move || elsewhere.into_iter().for_each(all_ops)).join().unwrap();
    executor.run(async { yield_now().await });
    drop(executor);
    wakers.into_iter().for_each(all_ops);
}

#[test]
#[cfg_attr(miri, ignore = "it leaks on purpose")]
fn fault_07_a_forgotten_scope_is_woken_by_another_thread() {
    let wakers = RefCell::new(Vec::new());
    let thread = run(async {
        let text = String::from("borrowed");
        let mut half_way = Box::pin(scope(async |s| {
            s.spawn(async {
                leave_waker(&wakers).await;
                yield_now().await;
                Ok::<_, Error>(text.len())
            });
            pending::<Result<(), Error>>().await
        }));
        begin(&mut half_way).await;
        mem::forget(half_way);
        let wakers = wakers.take();
        thread::spawn(move || wakers.into_iter().for_each(all_ops))
    });
    thread.join().unwrap();
}

#[test]
#[cfg_attr(miri, ignore = "it leaks on purpose")]
fn forgotten_half_way_the_others_touch_nothing_either() {
    let wakers = RefCell::new(Vec::<Waker>::new());
    run(async {
        let (text, gate) = (String::from("borrowed"), Cell::new(false));
        let child = async || {
            let _at_the_end = on_drop(|| unreachable!("{text}"));
            wait(&gate, &wakers).await;
        };
        let mut all = Box::pin(gather([child(), child()]));
        assert!(is_pending(&mut all).await);
        mem::forget(all);
        let mut several = as_completed([child()]);
        assert!(is_pending(&mut Box::pin(several.next())).await);
        mem::forget(several);
    });
    wakers.take().into_iter().for_each(all_ops);
}

/// It has no destructor, and so nothing that could be missing.
#[test]
fn a_batch_that_is_left_leaves_the_rest_to_the_next_one() {
    let set = WakeSet::new();
    let wake = async || {
        let mut batch = set.begin(&my_waker().await);
        batch.next().map(|woken| woken.key())
    };
    run(async {
        let keys = [set.insert(), set.insert()];
        _ = set.begin(&my_waker().await);
        set.wake(keys[0]);
        assert_eq!(wake().await, Some(keys[0]));
        assert_eq!(wake().await, Some(keys[1]));
        assert_eq!(wake().await, None);
        set.remove(keys[0]);
        assert_eq!(set.insert(), keys[0]);
        assert_eq!(wake().await, Some(keys[0]));
    });
    // Elsewhere all begin anew.
    run(async { assert_eq!(wake().await, Some(0)) });
}
