//! Scopes that end badly: dropped half-way, by panics of children and of destructors.

use crate::tools::{Drops, Error, all_ops, begin, error, is_pending, on_drop, panic_of, wait};
use evenkeel_executor::{CancelScope, Executor, finally, run, sleep, yield_now};
use evenkeel_taskgroup::{Scope, scope};
use std::{
    cell::{Cell, RefCell},
    future::{Ready, pending, poll_fn, ready},
    task::Poll,
    time::Duration,
};

#[test]
fn dropped_half_way_children_go_first_and_old_wakers_do_nothing() {
    let (gate, wakers, drops) = (Cell::new(false), RefCell::new(Vec::new()), Drops::default());
    run(async {
        let text = String::from("borrowed");
        let mut half_way = Box::pin(scope(async |s| {
            for _ in 0..2 {
                s.spawn(async {
                    let _guard = drops.guard();
                    let _last = on_drop(|| assert_eq!(text, "borrowed"));
                    wait(&gate, &wakers).await;
                    Ok::<_, Error>(())
                });
            }
            wait(&gate, &wakers).await;
            Ok(())
        }));
        begin(&mut half_way).await;
        drop(half_way);
        assert_eq!(drops.count(), 2);
        wakers.borrow_mut().drain(..).for_each(all_ops);
        yield_now().await;
    });
}

#[test]
fn fault_10_destructors_spawn_and_panic_while_the_scope_is_dropped() {
    let drops = Drops::default();
    let panic = panic_of(|| {
        run(async {
            let mut half_way = Box::pin(scope(async |s| {
                for n in 0..3 {
                    let guard = drops.guard();
                    let drops = &drops;
                    s.spawn(async move {
                        let _guard = guard;
                        let _last = on_drop(move || {
                            let late = drops.guard();
                            let handle = s.spawn(async move {
                                let _late = late;
                                Ok::<_, Error>(())
                            });
                            assert!(handle.is_finished() && !handle.cancel("too late") && !s.is_ending());
                            assert!(n == 0, "destructor {n}");
                        });
                        pending::<Result<(), Error>>().await
                    });
                }
                pending::<Result<(), Error>>().await
            }));
            begin(&mut half_way).await;
            drop(half_way);
        });
    });
    assert_eq!((panic.as_str(), drops.count()), ("destructor 2", 6));
}

#[test]
fn fault_10_a_destructor_spawns_and_panics_while_the_scope_goes_on() {
    let drops = Drops::default();
    let panic = panic_of(|| {
        run(scope(async |s| {
            let value = {
                let (drops, guard) = (&drops, drops.guard());
                let last = on_drop(move || {
                    let late = drops.guard();
                    s.spawn(async move {
                        let _late = late;
                        pending::<Result<(), Error>>().await
                    });
                    panic!("in the destructor");
                });
                let both = (guard, last);
                // Dropped with the future, which has ended.
                poll_fn(move |_| {
                    let _ = &both;
                    Poll::Ready(Ok::<_, Error>(String::from("a value")))
                })
            };
            let handle = s.spawn(value);
            s.spawn(pending::<Result<(), Error>>());
            Ok(handle.await)
        }))
    });
    assert_eq!((panic.as_str(), drops.count()), ("in the destructor", 2));
}

#[test]
fn fault_09_a_child_s_panic_goes_on_when_its_siblings_are_gone() {
    let drops = Drops::default();
    for who in 0..3 {
        let panic = panic_of(|| {
            run(scope(async |s| {
                for n in 1..3 {
                    let guard = drops.guard();
                    s.spawn(async move {
                        let _guard = guard;
                        yield_now().await;
                        assert_ne!(n, who, "child");
                        pending::<Result<(), Error>>().await
                    });
                }
                yield_now().await;
                yield_now().await;
                assert_ne!(who, 0, "body");
                pending::<Result<(), Error>>().await
            }))
        });
        assert!(panic.contains(if who == 0 { "body" } else { "child" }), "{panic}");
    }
    assert_eq!(drops.count(), 6);
}

/// Not an `async` function: it runs when the scope calls it, before there is a future.
fn spawns_and_panics<'scope>(s: Scope<'scope, '_, Error>) -> Ready<Result<(), Error>> {
    for _ in 0..2 {
        let last = on_drop(move || {
            s.cancel("by a destructor");
            s.spawn(ready(Ok(())));
        });
        s.spawn(async move {
            let _last = last;
            Ok(())
        })
        .cancel("at once");
    }
    panic!("before it has a future");
}

#[test]
fn a_body_that_panics_before_it_has_a_future_leaves_no_child_behind() {
    assert_eq!(panic_of(|| run(scope(spawns_and_panics))), "before it has a future");
}

#[test]
fn a_body_spawns_before_it_has_a_future() {
    fn body<'scope>(s: Scope<'scope, '_, Error>) -> Ready<Result<u8, Error>> {
        s.spawn(async move {
            yield_now().await;
            s.spawn(async { Err::<(), _>(error("of a grandchild")) });
            Ok(())
        });
        ready(Ok(1))
    }
    assert_eq!(run(scope(body)).unwrap_err().into_errors(), [error("of a grandchild")]);
}

#[test]
fn cancelled_from_outside_and_from_inside() {
    let drops = Drops::default();
    run(async {
        let around = CancelScope::new();
        let never = scope(async |s| {
            s.spawn(async {
                let _guard = drops.guard();
                // With clean-up, for which the others' places are freed before.
                finally(pending::<Result<(), Error>>(), async |_: Option<&_>| yield_now().await).await
            });
            s.spawn(async {
                let _guard = drops.guard();
                yield_now().await;
                around.cancel("from outside");
                pending::<Result<(), Error>>().await
            })
            .await;
            Ok(())
        });
        assert!(around.run(never).await.is_err());
        let ended = scope(async |s| {
            let mut lone = s.spawn(async {
                let _guard = drops.guard();
                sleep(Duration::MAX).await;
                Ok::<_, Error>(())
            });
            yield_now().await;
            yield_now().await;
            assert!(lone.cancel("alone"));
            assert!(lone.outcome().await.is_err());
            let drops = &drops;
            s.spawn(async move {
                let _guard = drops.guard();
                s.cancel("all");
                pending::<Result<(), Error>>().await
            });
            pending::<Result<(), Error>>().await
        });
        assert!(ended.await.unwrap_err().is_cancelled());
    });
    assert_eq!(drops.count(), 4);
}

#[test]
fn a_scope_moves_between_executors_with_its_children_half_way() {
    let (gate, wakers) = (Cell::new(false), RefCell::new(Vec::new()));
    let text = String::from("borrowed");
    let mut half_way = Box::pin(scope(async |s| {
        let handle = s.spawn(async {
            let inside = &text;
            wait(&gate, &wakers).await;
            yield_now().await;
            Ok::<_, Error>(inside.len())
        });
        Ok(handle.await)
    }));
    let first = Executor::new();
    first.run(begin(&mut half_way));
    let second = Executor::new();
    second.run(async { assert!(is_pending(&mut half_way).await) });
    drop(first);
    wakers.borrow_mut().drain(..).for_each(all_ops);
    gate.set(true);
    assert_eq!(second.run(half_way).unwrap(), 8);
}
