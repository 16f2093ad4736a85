//! What branches in place set of their task's values is their own.

use crate::kit::probe::{Record, ms, on_drop, panic_of};
use evenkeel::{
    CancelScope, Executor, TaskGroup, as_completed,
    combinator::{Branch, poll_branches},
    finally, first_ok, gather,
    host::UnhandledKind,
    map_concurrent, race, race_biased, run, scope, sleep, spawn,
    sync::Mutex,
    task::TaskLocal,
    testing, timeout, try_gather, yield_now,
};
use std::{
    convert::Infallible,
    future::{pending, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    rc::Rc,
    task::Poll,
};

static REQUEST: TaskLocal<u32> = TaskLocal::inherited();
static DEPTH: TaskLocal<u32> = TaskLocal::new();

/// What there is at first, and in the two polls after it was set to `id`.
async fn handle(id: u32) -> [Option<u32>; 3] {
    let first = REQUEST.get();
    REQUEST.set(id);
    yield_now().await;
    let second = REQUEST.get();
    yield_now().await;
    [first, second, REQUEST.get()]
}

fn seen(id: u32) -> [Option<u32>; 3] {
    [Some(7), Some(id), Some(id)]
}

/// What those see whose caller has set 7, when each sets its own.
async fn in_every_combinator() {
    assert_eq!(gather([1, 2].map(handle)).await, [seen(1), seen(2)]);
    assert_eq!(gather((handle(1), async { handle(2).await })).await, (seen(1), seen(2)));
    let ok = async |id| Ok::<_, Infallible>(handle(id).await);
    assert_eq!(try_gather([1, 2].map(ok)).await.unwrap(), [seen(1), seen(2)]);
    assert_eq!(first_ok([1, 1].map(ok)).await.unwrap(), seen(1));
    assert_eq!(race((async { REQUEST.scope(9, pending()).await }, handle(2))).await, seen(2));
    assert_eq!(map_concurrent([1, 2, 3], 2, handle).collect().await, [seen(1), seen(2), seen(3)]);
    let mut several = as_completed([1, 1].map(handle));
    assert_eq!((several.next().await, several.next().await), (Some(seen(1)), Some(seen(1))));
    let of_scope = scope(async |s| {
        let (one, two) = (s.spawn(ok(1)), s.spawn(ok(2)));
        Ok::<_, Infallible>([one.await, two.await])
    });
    assert_eq!(of_scope.await.unwrap(), [seen(1), seen(2)]);
    assert_eq!(REQUEST.get(), Some(7), "what they set is theirs");
}

#[test]
fn met_b4_collect_09_what_a_branch_sets_is_seen_by_no_other() {
    run(async {
        REQUEST.set(7);
        in_every_combinator().await;
        // A branch is such a caller, too.
        gather((in_every_combinator(), timeout(ms(9), in_every_combinator()))).await.1.unwrap();
        REQUEST.scope(7, in_every_combinator()).await;
    });
}

#[test]
fn met_b4_collect_09_a_key_that_a_branch_has_not_set_is_read_around_it() {
    run(async {
        let mut several = as_completed([1, 2].map(async |n| {
            for _ in 0..n {
                yield_now().await;
            }
            DEPTH.set(n);
            (REQUEST.get(), DEPTH.get())
        }));
        REQUEST.set(3);
        assert_eq!(several.next().await, Some((Some(3), Some(1))));
        REQUEST.set(4);
        DEPTH.set(5);
        assert_eq!(several.next().await, Some((Some(4), Some(2))), "it has set the one, but not the other");
        assert_eq!(DEPTH.get(), Some(5));
    });
}

#[test]
fn met_b4_collect_09_tasks_that_a_branch_spawns_inherit_from_it() {
    run(async {
        REQUEST.set(1);
        let branch = async |id| {
            REQUEST.set(id);
            DEPTH.set(id);
            let task = spawn(async {
                let before = (REQUEST.get(), DEPTH.get());
                // It is no branch itself: the next value takes the place of this one.
                REQUEST.set(30);
                let below = gather([async { REQUEST.set(40) }]).await.len();
                (before, below, REQUEST.get())
            });
            yield_now().await;
            (task.await.unwrap(), REQUEST.get())
        };
        let expected = |id| (((Some(id), None), 1, Some(30)), Some(id));
        assert_eq!(gather([2, 3].map(branch)).await, [expected(2), expected(3)]);
    });
}

#[test]
fn met_b4_collect_09_a_body_is_its_callers_own_code() {
    let body = async || {
        let in_scope = scope(async |s| {
            REQUEST.set(2);
            yield_now().await;
            let child = s.spawn(async { Ok(REQUEST.get()) });
            REQUEST.set(3);
            Ok::<_, Infallible>(child.await)
        });
        // The child is polled when the body waits.
        assert_eq!((in_scope.await.unwrap(), REQUEST.get()), (Some(3), Some(3)));
        let in_group = TaskGroup::<Infallible>::run(async |group| {
            REQUEST.set(4);
            let child = group.spawn(async { Ok(REQUEST.get()) });
            REQUEST.set(5);
            Ok(child.await)
        });
        assert_eq!((in_group.await.unwrap(), REQUEST.get()), (Some(4), Some(5)));
        map_concurrent([6], 1, async |n| n).for_each(async |n| REQUEST.set(n)).await;
        let guarded = finally(timeout(ms(9), async { DEPTH.set(REQUEST.get().unwrap()) }), async |_| REQUEST.set(8));
        guarded.await.unwrap();
        (REQUEST.get(), DEPTH.get())
    };
    run(async {
        REQUEST.set(1);
        assert_eq!(gather((body(), async { yield_now().await })).await.0, (Some(8), Some(6)), "the caller is a branch");
        assert_eq!((REQUEST.get(), DEPTH.get()), (Some(1), None));
        assert_eq!(body().await, (Some(8), Some(6)));
        assert_eq!((REQUEST.get(), DEPTH.get()), (Some(8), Some(6)));
    });
}

#[test]
fn met_b4_collect_09_clean_up_and_destructors_find_the_branchs_value() {
    let record = Record::new();
    let branch = async |id, clean_up: bool| {
        let _last = on_drop(|| record.add(("dropped", DEPTH.get())));
        DEPTH.set(id);
        let body = async {
            yield_now().await;
            if clean_up {
                finally(pending::<()>(), async |_: Option<&()>| {
                    yield_now().await;
                    record.add(("cleaned up", DEPTH.get()));
                })
                .await;
            }
            pending::<()>().await
        };
        body.await
    };
    let after_three = async || {
        for _ in 0..3 {
            yield_now().await;
        }
    };
    run(async {
        DEPTH.set(0);
        race((branch(1, true), branch(2, false), after_three())).await;
        assert_eq!(record.take(), [("dropped", Some(2)), ("cleaned up", Some(1)), ("dropped", Some(1))]);
        let around = CancelScope::new();
        let stop = async {
            after_three().await;
            around.cancel("enough");
        };
        assert!(gather((around.run(gather([branch(3, true), branch(4, false)])), stop)).await.0.is_err());
        assert_eq!(record.take(), [("dropped", Some(4)), ("cleaned up", Some(3)), ("dropped", Some(3))]);
        // Half-way, in the first poll and later; and one that is polled alone.
        for polls in 1..3 {
            let mut both = Box::pin(gather([branch(5, false), branch(6, false)]));
            let mut alone = Box::pin(Branch::new(branch(7, false)));
            for _ in 0..polls {
                assert!(futures::poll!(both.as_mut()).is_pending() && futures::poll!(alone.as_mut()).is_pending());
                yield_now().await;
            }
            drop((both, alone));
            assert_eq!(record.take(), [5, 6, 7].map(|id| ("dropped", Some(id))));
        }
        assert_eq!(DEPTH.get(), Some(0));
    });
}

#[test]
fn met_b4_collect_09_a_future_that_has_ended_is_dropped_where_its_value_is_seen() {
    let record = Record::new();
    run(async {
        let last = |id| {
            let guard = on_drop(|| record.add(DEPTH.get()));
            let mut polls = 0;
            poll_fn(move |cx| {
                let _ = &guard;
                DEPTH.set(id);
                polls += 1;
                if polls == id { Poll::Ready(DEPTH.get()) } else { Pin::new(&mut yield_now()).poll(cx).map(|()| None) }
            })
        };
        assert_eq!(gather([1, 2].map(last)).await, [Some(1), Some(2)]);
        assert_eq!((record.take(), DEPTH.get()), (vec![Some(1), Some(2)], None));
    });
}

#[test]
fn met_b4_collect_09_a_panic_takes_what_its_branch_has_set_along() {
    let record = Record::new();
    let executor = Executor::new();
    executor.run(async {
        DEPTH.set(0);
        for polls in 0..3 {
            let values = [(); 2].map(|()| Rc::new(on_drop(|| ())));
            static VALUE: TaskLocal<Rc<dyn std::any::Any>> = TaskLocal::new();
            let kept = values.clone().map(|value| Rc::downgrade(&value));
            let panics = async |_| {
                let [first, second] = values;
                VALUE.set(Rc::new(first));
                DEPTH.set(1);
                for _ in 0..polls {
                    yield_now().await;
                }
                VALUE.set(Rc::new(second));
                panic!("at depth {:?}", DEPTH.get())
            };
            let sibling = async {
                DEPTH.set(2);
                let cleaned = finally(pending::<()>(), async |_: Option<&()>| {
                    yield_now().await;
                    record.add(DEPTH.get());
                });
                cleaned.await
            };
            let both = AssertUnwindSafe(async { gather((sibling, panics(()))).await });
            let outcome = futures::FutureExt::catch_unwind(both).await;
            let text = *outcome.map(|_: ((), ())| ()).unwrap_err().downcast::<String>().unwrap();
            assert_eq!((text.as_str(), DEPTH.get()), ("at depth Some(1)", Some(0)));
            assert!(VALUE.with(|value| value.is_none()) && kept.iter().all(|value| value.upgrade().is_none()));
            assert_eq!(record.take(), [Some(2)]);
        }
    });
    // A branch that is polled by hand: what comes next stands where this one did.
    executor.run(async {
        DEPTH.set(0);
        let mut branch = pin!(Branch::new(async {
            DEPTH.set(1);
            panic!("by hand")
        }));
        poll_fn(|cx| {
            let polled = AssertUnwindSafe(|| branch.as_mut().poll(cx).map(|_: Result<(), _>| ()));
            Poll::Ready(panic_of(|| catch_unwind(polled).unwrap_or_else(|payload| std::panic::resume_unwind(payload))))
        })
        .await;
        assert_eq!(DEPTH.get(), Some(0));
        DEPTH.set(2);
        assert_eq!((gather([async { DEPTH.get() }]).await, DEPTH.get()), (vec![Some(2)], Some(2)));
    });
}

#[test]
fn met_b4_collect_09_a_values_destructor_that_panics_is_reported_and_may_do_anything() {
    struct Last(u32);
    impl Drop for Last {
        fn drop(&mut self) {
            DEPTH.set(self.0);
            panic!("value {}", self.0);
        }
    }
    static VALUE: TaskLocal<Rc<Last>> = TaskLocal::new();
    let record = Record::new();
    let said = record.clone();
    let executor = Executor::builder()
        .on_unhandled(move |unhandled| match unhandled.kind() {
            UnhandledKind::DestructorPanicked(panic) => said.add(panic.to_string()),
            other => panic!("{other:?}"),
        })
        .build();
    executor.run(async {
        let branch = async |id| {
            VALUE.set(Rc::new(Last(id)));
            yield_now().await;
            id
        };
        assert_eq!(gather([1, 2].map(branch)).await, [1, 2], "what they have come to counts");
        assert_eq!(race((branch(3), pending())).await, 3);
        // Two of one branch, and half-way.
        static ANOTHER: TaskLocal<Rc<Last>> = TaskLocal::new();
        let mut both = Box::pin(gather([async {
            VALUE.set(Rc::new(Last(5)));
            ANOTHER.set(Rc::new(Last(4)));
            pending::<()>().await
        }]));
        assert!(futures::poll!(both.as_mut()).is_pending());
        drop(both);
    });
    let mut reports = record.take();
    reports.sort();
    assert_eq!(reports.len(), 5, "{reports:?}");
    for (report, id) in reports.iter().zip(1..) {
        assert!(report.contains(&format!("value {id}")), "{report}");
    }
}

#[test]
fn met_b4_collect_09_a_branch_keeps_its_value_in_another_task() {
    let executor = Executor::new();
    let mut several = as_completed([1, 2].map(|id| Box::pin(handle(id))));
    executor.run(async {
        REQUEST.set(7);
        let mut next = Box::pin(several.next());
        assert!(futures::poll!(next.as_mut()).is_pending());
        assert_eq!(REQUEST.get(), Some(7));
    });
    executor.run(async {
        REQUEST.set(8);
        let mut both = [several.next().await.unwrap(), several.next().await.unwrap()];
        both.sort_unstable();
        assert_eq!((both, REQUEST.get()), ([seen(1), seen(2)], Some(8)));
    });
}

/// A future that sets a value, takes the lock, and waits for ever.
async fn sets_and_keeps(lock: &Mutex<()>) {
    REQUEST.set(1);
    let _kept = lock.lock().await;
    pending::<()>().await;
}

/// Needs the lock to clean up.
async fn cleans_up_with(lock: &Mutex<()>) {
    finally(pending::<()>(), async |_: Option<&()>| drop(lock.lock().await)).await;
}

/// To have set something is no reason to be left standing when the scope around is cancelled, whether that had a region by then or not.
#[test]
fn met_b4_a_branch_that_has_set_something_is_dropped_with_its_scope() {
    let lock = Mutex::new(());
    testing::run(async {
        let both = gather((sets_and_keeps(&lock), cleans_up_with(&lock)));
        assert!(timeout(ms(1), both).await.is_err());
        let both = gather((sets_and_keeps(&lock), cleans_up_with(&lock)));
        assert_eq!(race_biased((async { _ = both.await }, sleep(ms(1)))).await, ());
        let both = scope(async |s| {
            s.spawn(sets_and_keeps(&lock));
            s.spawn(cleans_up_with(&lock));
            Ok::<_, Infallible>(())
        });
        assert!(timeout(ms(1), both).await.is_err());
    });
    assert!(lock.try_lock().is_some());
}

/// What a borrowed future sets belongs to the branch that borrows it. A `TaskLocal::scope` goes with the future.
#[test]
fn met_b4_collect_09_what_a_borrowed_future_sets_is_the_borrowers() {
    run(async {
        REQUEST.set(0);
        let mut work = pin!(async {
            REQUEST.set(7);
            sleep(ms(5)).await;
            REQUEST.get()
        });
        race((async { _ = work.as_mut().await }, sleep(ms(1)))).await;
        assert_eq!(work.await, Some(0));
        let mut work = pin!(REQUEST.scope(7, async {
            sleep(ms(5)).await;
            REQUEST.get()
        }));
        race((async { _ = work.as_mut().await }, sleep(ms(1)))).await;
        assert_eq!(work.await, Some(7));
    });
}

/// What makes futures of items is the caller's own code.
#[test]
fn met_b4_collect_09_what_makes_futures_sets_the_callers_values() {
    run(async {
        let made = map_concurrent([1, 2], 2, |id| {
            REQUEST.set(id);
            async {
                yield_now().await;
                REQUEST.get()
            }
        });
        assert_eq!(made.collect().await, [Some(2), Some(2)]);
        assert_eq!(REQUEST.get(), Some(2));
    });
}

/// It is not to be caught there; but if it is, only that combinator's owner can tell.
#[test]
fn met_b4_a_panic_that_is_caught_too_early_leaves_no_layer_behind() {
    run(async {
        let mut branch = pin!(Branch::new(async {
            REQUEST.set(1);
            panic!("in a branch");
        }));
        poll_fn(|cx| {
            let caught = poll_branches(|siblings| {
                catch_unwind(AssertUnwindSafe(|| siblings.poll::<_>(branch.as_mut(), cx).map(|_: Result<(), _>| ())))
            });
            assert!(caught.is_err());
            Poll::Ready(())
        })
        .await;
        assert_eq!(REQUEST.get(), None);
        REQUEST.set(2);
        gather([async { REQUEST.set(3) }]).await;
        assert_eq!(REQUEST.get(), Some(2));
    });
}
