//! Groups at their edges: shields, clean-up, panics, foreign wakers, two executors.

use crate::kit::{
    groups::*,
    probe::{Record, at, ms, on_drop, panic_of},
    stage::run_clean,
};
use evenkeel::{group::JoinHandle, host::UnhandledKind, *};
use futures::FutureExt;
use std::{
    cell::{Cell, RefCell},
    future::pending,
    panic::AssertUnwindSafe,
    pin::{Pin, pin},
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
};

#[test]
fn group_edge_shielded_group_is_let_finish() {
    run_clean(async {
        let scope = CancelScope::new();
        let handle = scope.clone();
        let killer = spawn(async move {
            sleep(ms(2)).await;
            handle.cancel("stop");
        });
        let seen = Record::new();
        let out = scope
            .run(async {
                let v = shield(Group::run(async |group| {
                    let a = group.spawn(value(1, 1));
                    let b = group.spawn(value(5, 2));
                    group.spawn(value(4, 2));
                    sleep(ms(3)).await;
                    Ok(a.await + b.await)
                }))
                .await;
                seen.add(v.unwrap());
                pending::<()>().await
            })
            .await;
        killer.await.unwrap();
        assert_eq!(seen.take(), [3]);
        assert!(out.is_err());
    });
}

#[test]
fn group_edge_group_in_cleanup_of_cancelled_scope() {
    run_clean(async {
        let seen = Record::new();
        let out = timeout(
            ms(1),
            finally(pending::<()>(), async |_: Option<&()>| {
                let v = Group::run(async |group| {
                    let a = group.spawn(value(5, 2));
                    sleep(ms(3)).await;
                    Ok(a.await)
                })
                .await;
                seen.add(v);
            }),
        )
        .await;
        assert!(out.is_err());
        assert_eq!(seen.take().pop().unwrap().unwrap(), 2);
    });
}

#[test]
fn group_edge_body_that_completes_in_last_poll_without_children_keeps_value() {
    run_clean(async {
        let scope = CancelScope::new();
        let out = scope.run(async {
            Group::run(async |_group| {
                yield_now().await;
                Ok(7)
            })
            .await
        });
        let mut out = Box::pin(out);
        assert!(futures::poll!(&mut out).is_pending());
        scope.cancel("x");
        assert_eq!(out.await.expect("its value counts").unwrap(), 7);
    });
}

#[test]
fn group_edge_own_cancel_last_poll() {
    run_clean(async {
        let out = Group::run(async |group| {
            group.cancel("x");
            Ok(7)
        });
        assert_eq!(out.await.unwrap(), 7);
        let out = Group::run(async |group| {
            group.cancel("x");
            yield_now().await;
            Ok(7)
        });
        assert!(out.await.unwrap_err().is_cancelled(), "it is stopped where it awaits next");
    });
}

#[test]
fn group_edge_cleanup_panic_of_cancelled_child_resumes() {
    let (out, reports) = run_with_reports(async {
        AssertUnwindSafe(Group::run(async |group| {
            group.spawn(finally(pending::<Result<(), &str>>(), async |_: Option<&Result<(), &str>>| {
                sleep(ms(1)).await;
                panic!("in clean-up")
            }));
            group.spawn(fail(1, "error"));
            Ok(())
        }))
        .catch_unwind()
        .await
    });
    let payload = out.expect_err("the panic resumes");
    assert_eq!(crate::kit::probe::text_of(payload), "in clean-up");
    assert_eq!(reports, ["error: error"]);
}

#[test]
fn group_edge_body_cleanup_panic_with_child_error() {
    let (out, reports) = run_with_reports(async {
        AssertUnwindSafe(Group::run(async |group| {
            group.spawn(fail(1, "error"));
            finally(pending::<()>(), async |_: Option<&()>| {
                sleep(ms(1)).await;
                panic!("in clean-up")
            })
            .await;
            Ok(())
        }))
        .catch_unwind()
        .await
    });
    let payload = out.map(|_| ()).expect_err("the panic resumes");
    assert_eq!(crate::kit::probe::text_of(payload), "in clean-up");
    assert_eq!(reports, ["error: error"]);
}

#[test]
fn group_edge_first_panic_is_childs_not_bodys_destructor() {
    let (out, reports) = run_with_reports(async {
        AssertUnwindSafe(Group::run(async |group| {
            group.spawn(async {
                sleep(ms(1)).await;
                if true {
                    panic!("first")
                }
            });
            let _b = on_drop(|| panic!("second"));
            pending::<()>().await;
            Ok(())
        }))
        .catch_unwind()
        .await
    });
    assert_eq!(crate::kit::probe::text_of(out.map(|_: Outcome<()>| ()).unwrap_err()), "first");
    assert_eq!(reports, ["panic: second"]);
}

#[test]
fn group_edge_errors_of_dropped_group_are_reported() {
    let ((), reports) = run_with_reports(async {
        let mut group = Box::pin(Group::run(async |group| {
            group.spawn(fail(1, "lost?"));
            group.spawn(stop_slowly(Record::new(), "slow", 100));
            Ok(())
        }));
        assert!(futures::poll!(&mut group).is_pending());
        sleep(ms(2)).await;
        drop(group);
    });
    assert!(reports.iter().any(|r| r.contains("lost?")), "{reports:?}");
}

#[test]
fn group_edge_grace_counts_from_cancellation() {
    let ((), reports) = run_with_reports(async {
        let out = Group::builder()
            .grace(ms(10))
            .run(async |group| {
                group.spawn(stop_slowly(Record::new(), "child", 15)).named("child");
                group.spawn(fail(1, "x"));
                let _ = stop_slowly(Record::new(), "body", 8).await;
                Ok(())
            })
            .await;
        assert_eq!(errors(out), ["x"]);
        assert_eq!(Instant::now(), at(11));
    });
    assert_eq!(reports, ["grace: child"]);
}

#[test]
fn group_edge_background_in_cleanup_of_background() {
    let (out, _) = run_with_reports(timeout(ms(1000), async {
        Group::run(async |group| {
            let g = group.clone();
            group.spawn_background(finally(pending(), async move |_: Option<&Result<(), &str>>| {
                sleep(ms(1)).await;
                g.spawn_background(pending());
            }));
            Ok(())
        })
        .await
    }));
    out.expect("the group ends").unwrap();
}

struct BadWaker;
impl Wake for BadWaker {
    fn wake(self: Arc<Self>) {
        panic!("waker");
    }
}

/// polls with bad waker too, and with own every ms.
async fn poll_badly<F: Future>(fut: F) -> F::Output {
    let mut fut = pin!(fut);
    let waker = Waker::from(Arc::new(BadWaker));
    loop {
        if let Poll::Ready(v) = fut.as_mut().poll(&mut Context::from_waker(&waker)) {
            return v;
        }
        sleep(ms(1)).await;
    }
}

#[test]
fn group_edge_panicking_waker_loses_no_error() {
    let (out, _) = run_with_reports(poll_badly(Group::run(async |group| {
        group.spawn(fail(3, "error"));
        Ok(())
    })));
    assert_eq!(errors(out), ["error"]);
}

#[test]
fn group_edge_panicking_slot_waker() {
    let (out, _) = run_with_reports(async {
        Group::builder()
            .limit(1)
            .run(async |group| {
                let first = group.slot().await.spawn(value(2, 5));
                let slot = poll_badly(group.slot()).await;
                slot.spawn(value(1, 1));
                Ok(first.await)
            })
            .await
    });
    assert_eq!(out.unwrap(), 5);
}

#[test]
fn group_edge_waiters_that_leave_behind_a_waiting_one_are_forgotten() {
    run_clean(async {
        Group::builder()
            .limit(1)
            .run(async |group| {
                let (wakes, waker) = crate::kit::probe::Wakes::new();
                let _slot = group.slot().await;
                let mut front = Box::pin(group.slot());
                assert!(futures::poll!(&mut front).is_pending());
                for _ in 0..1000 {
                    let mut w = group.slot();
                    assert!(Pin::new(&mut w).poll(&mut Context::from_waker(&waker)).is_pending());
                }
                // each waker kept is a clone of the Arc
                assert!(Arc::strong_count(&wakes) <= 3, "{}", Arc::strong_count(&wakes));
                Ok(())
            })
            .await
            .unwrap();
    });
}

struct TakesSlot;
thread_local! { static GROUP: RefCell<Option<Group>> = const { RefCell::new(None) }; static CALLS: Cell<usize> = const { Cell::new(0) }; }
impl Wake for TakesSlot {
    fn wake(self: Arc<Self>) {}
}
impl Drop for TakesSlot {
    fn drop(&mut self) {
        CALLS.set(CALLS.get() + 1);
        let group = GROUP.with(|g| g.borrow().clone());
        if let Some(group) = group {
            drop(group.try_slot());
            let _ = group.stats();
        }
    }
}

#[test]
fn group_edge_reentrant_waker_drop() {
    run_clean(async {
        Group::builder()
            .limit(1)
            .run(async |group| {
                GROUP.with(|g| *g.borrow_mut() = Some(group.clone()));
                let _slot = group.slot().await;
                let mut a = Box::pin(group.slot());
                let mut b = Box::pin(group.slot());
                let mut c = Box::pin(group.slot());
                for w in [&mut a, &mut b, &mut c] {
                    let waker = Waker::from(Arc::new(TakesSlot));
                    assert!(w.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
                }
                drop(b);
                drop(a);
                drop(c);
                GROUP.with(|g| g.borrow_mut().take());
                assert_eq!(CALLS.get(), 3);
                Ok(())
            })
            .await
            .unwrap();
    });
}

#[test]
fn group_edge_grandchild_whose_spawner_has_ended_is_inside() {
    run_clean(async {
        let out = Group::run(async |group| {
            let victim = group.spawn(stuck(Record::new(), "victim"));
            victim.cancel("alone");
            group.spawn_group(async move |inner| {
                let innermost = inner.clone();
                inner.spawn(async move {
                    innermost.spawn(async move {
                        sleep(ms(5)).await;
                        victim.await;
                    });
                });
                Ok(())
            });
            Ok(())
        })
        .await;
        // The group was cancelled for it; its body had a value by then.
        assert!(out.is_ok());
    });
}

#[test]
fn group_edge_awaited_beside_the_group_in_its_task() {
    let (out, _) = run_with_reports(timeout(ms(1000), async {
        let slot = RefCell::new(None);
        let (g, _) = futures::join!(
            Group::run(async |group| {
                *slot.borrow_mut() = Some(group.spawn(fail(2, "x")));
                Ok(())
            }),
            async {
                sleep(ms(1)).await;
                let h: JoinHandle<()> = slot.take().unwrap();
                AssertUnwindSafe(h).catch_unwind().await.is_err()
            }
        );
        g
    }));
    assert!(out.is_ok(), "hangs");
}

#[test]
fn group_edge_start_from_outside_not_ready() {
    let (out, _) = run_with_reports(timeout(ms(1000), async {
        let (tx, rx) = futures::channel::oneshot::channel::<Group>();
        let outside = spawn(async move {
            let group = rx.await.unwrap();
            group.start::<u8, Result<(), _>, _>(async |_ready| Ok(())).await.0
        });
        let _ = Group::run(async |group| {
            let _ = tx.send(group.clone());
            group.spawn(value(5, ()));
            sleep(ms(10)).await;
            Ok(())
        })
        .await;
        outside.await.map_err(|e| e.to_string())
    }));
    assert!(out.is_ok(), "hangs");
}

#[test]
fn group_edge_report_from_body_has_groups_location() {
    run_clean(async {
        let out = spawn(async {
            let line = line!() + 1;
            let out = Group::run(async |group| {
                group.report("r");
                Ok(())
            })
            .await;
            (out, line)
        })
        .named("host")
        .await
        .unwrap();
        let e = out.0.unwrap_err();
        let c = &e.children()[0];
        assert_eq!((c.name.as_deref(), c.location.line()), (None, out.1));
    });
}

#[test]
fn group_edge_a_destructors_panic_goes_on_where_the_group_is_awaited() {
    let (out, _) = run_with_reports(async {
        AssertUnwindSafe(async {
            let seen = Record::new();
            let r = AssertUnwindSafe(Group::run(async |group| {
                let mut c = group.spawn(async {
                    let _b = on_drop(|| panic!("dtor"));
                    pending::<()>().await
                });
                yield_now().await;
                c.cancel("alone");
                shield(async { seen.add(c.outcome().await.map_err(|e| e.to_string())) }).await;
                Ok(())
            }))
            .catch_unwind()
            .await;
            (seen.take(), r.map(|_| ()).map_err(crate::kit::probe::text_of))
        })
        .await
    });
    assert_eq!(out.1, Err("dtor".into()));
    // The panic is the group's; its handle says why the child was stopped.
    assert_eq!(out.0, [Err("the task was cancelled: alone".to_owned())]);
}

#[test]
fn group_edge_deep_nesting_of_errors() {
    fn nest(depth: usize) -> Pin<Box<dyn Future<Output = Outcome<()>>>> {
        Box::pin(Group::run(async move |group| {
            if depth == 0 {
                return Err("bottom");
            }
            group.spawn_group(async move |inner| {
                fn go(group: Group, depth: usize) {
                    if depth == 0 {
                        group.report("bottom");
                        return;
                    }
                    group.spawn_group(async move |inner: Group| {
                        go(inner, depth - 1);
                        Ok(())
                    });
                }
                go(inner, depth);
                Ok(())
            });
            Ok(())
        }))
    }
    crate::kit::probe::on_a_small_stack(|| {
        run_clean(async {
            let e = nest(20_000).await.unwrap_err();
            assert_eq!(e.first(), Some(&"bottom"));
            drop(e);
        });
    });
}

#[test]
fn group_edge_max_tasks() {
    let executor = Executor::builder().max_tasks(2).build();
    let message = panic_of(|| {
        executor.run(async {
            Group::run(async |group| {
                group.spawn(value(0, ()));
                group.spawn(value(0, ()));
                Ok(())
            })
            .await
        })
    });
    assert!(message.contains("has 2 tasks"), "{message}");
}

/// A child that finds no room gives its slot to the next who waits, once.
#[test]
fn group_edge_no_room_gives_the_slot_back() {
    let executor = Executor::builder().max_tasks(2).build();
    executor.run(async {
        let other = spawn(pending::<()>());
        let ended = Group::builder().limit(1).run(async |group| {
            for _ in 0..2 {
                let slot = group.try_slot().expect("it was given back");
                let message = panic_of(|| slot.spawn(value(0, ())));
                assert!(message.contains("has 2 tasks"), "{message}");
                assert_eq!((group.stats().slots_used, group.stats().children), (0, 0));
            }
            drop(other);
            yield_now().await;
            group.slot().await.spawn(value(1, ())).await;
            assert_eq!(group.stats().slots_used, 0);
            Ok(())
        });
        assert!(ended.await.is_ok());
    });
}

/// A group finds nothing of those before it, whatever became of them.
#[test]
fn group_edge_each_group_begins_anew() {
    /// A group that leaves its core for the next one, and finds nothing in it.
    async fn plain(round: usize) {
        let plain = Group::run(async |group| {
            let stats = group.stats();
            assert_eq!((stats.spawned, stats.failed, stats.children, stats.slots_used), (0, 0, 0, 0), "{round}");
            assert!(!group.is_cancelled() && !format!("{group:?}").contains("named"));
            let slots: Vec<_> = (0..3).map(|_| group.try_slot().expect("there is no limit")).collect();
            drop(slots);
            let children: Vec<_> = (0..=round).map(|n| group.spawn(value(0, n))).collect();
            for (n, child) in children.into_iter().enumerate() {
                assert_eq!(child.await, n);
            }
            Ok(())
        });
        assert!(plain.await.is_ok());
    }
    run_clean(async {
        for round in 0..4 {
            plain(round).await;
            plain(round).await;
            let named = Group::builder().name("named").limit(1).grace(ms(5)).run(async |group| {
                group.slot().await.spawn(value(0, 1)).await;
                Ok(group.clone())
            });
            let kept = named.await.unwrap();
            plain(round).await;
            let failed = Group::run(async |group| {
                group.spawn(async { Err::<(), _>("no") });
                pending::<()>().await;
                Ok(())
            });
            assert_eq!(failed.await.unwrap_err().children().len(), 1, "its own, and it has them");
            plain(round).await;
            let ended = Record::new();
            let note = ended.clone();
            let background = Group::run(async |group| {
                group.spawn_background(async move {
                    let _note = on_drop(move || note.add(0));
                    pending::<Result<(), _>>().await
                });
                yield_now().await;
                Ok(())
            });
            assert!(background.await.is_ok());
            assert_eq!(ended.take().len(), 1, "what is in the background goes");
            assert_eq!((kept.stats().spawned, kept.is_cancelled()), (1, false), "what somebody has is nobody else's");
            kept.cancel("too late");
        }
    });
}

/// Those that are cancelled are so newest first, also where children have taken the places of others.
#[test]
fn group_edge_newest_first_among_places_that_were_used_before() {
    run_clean(async {
        let seen = Record::new();
        let ended = Group::run(async |group| {
            for _ in 0..2 {
                let first = group.spawn(value(0, ()));
                let second = group.spawn(value(0, ()));
                first.await;
                second.await;
            }
            for n in 0..4 {
                let note = seen.clone();
                group.spawn(async move {
                    let _note = on_drop(move || note.add(n));
                    pending::<()>().await;
                    Ok(())
                });
            }
            yield_now().await;
            group.cancel("enough");
            Ok(())
        });
        let _ = ended.await;
        assert_eq!(seen.take(), [3, 2, 1, 0]);
    });
}

/// Handles whose outcome was taken keep nothing of their children.
#[test]
fn group_edge_spent_handles_take_no_place() {
    let executor = Executor::builder().max_tasks(10).build();
    executor.run(async {
        let kept = Group::run(async |group| {
            let mut kept = Vec::new();
            for n in 0..50 {
                let mut child = group.spawn(value(0, n));
                match n % 3 {
                    0 => assert_eq!((&mut child).await, n),
                    1 => assert_eq!(child.outcome().await.unwrap(), n),
                    _ => {
                        child.cancel("not needed");
                        assert!(child.outcome().await.is_err());
                    }
                }
                assert!(child.is_finished() && child.id().is_none() && child.take_result().is_none());
                child.cancel("too late");
                child.abort();
                assert!(format!("{child:?}").contains("None"));
                kept.push(child.named("spent"));
            }
            Ok(kept)
        });
        assert_eq!(kept.await.unwrap().len(), 50);
    });
}

#[test]
fn group_edge_stop_hard_reaches_nested() {
    let ((), reports) = run_with_reports(async {
        let out = Group::builder()
            .grace(ms(10))
            .run(async |group| {
                group
                    .spawn_group(async |inner| {
                        inner.spawn(stop_slowly(Record::new(), "deep", 1000)).named("deep");
                        Ok(())
                    })
                    .named("middle");
                group.spawn(fail(1, "x"));
                Ok(())
            })
            .await;
        assert_eq!(errors(out), ["x"]);
        assert_eq!(Instant::now(), at(11));
        sleep(ms(5)).await;
    });
    assert!(reports.contains(&"grace: deep".to_owned()), "{reports:?}");
}

#[test]
fn group_edge_drop_location() {
    let seen = Record::new();
    let says = seen.clone();
    let executor = Executor::builder()
        .on_unhandled(move |u| {
            if let UnhandledKind::CleanupSkipped(at) = u.kind() {
                says.add(at.file().to_owned())
            }
        })
        .build();
    executor.run(async {
        let mut g = Box::pin(Group::run(async |group| {
            group.spawn(pending::<()>());
            pending::<()>().await;
            Ok(())
        }));
        assert!(futures::poll!(&mut g).is_pending());
        drop(g);
    });
    assert_eq!(seen.take(), [file!()]);
}

#[test]
fn group_edge_two_executors() {
    let (one, two) = (Executor::new(), Executor::new());
    let slot: Rc<RefCell<Option<Group>>> = Rc::default();
    let give = slot.clone();
    let t = one.spawn(async move {
        Group::run(async |group| {
            *give.borrow_mut() = Some(group.clone());
            pending::<()>().await;
            Ok(())
        })
        .await
    });
    one.run_until_stalled();
    let g = slot.take().unwrap();
    let g2 = g.clone();
    let mut f = two.spawn(async move {
        g2.spawn(pending::<()>());
    });
    two.run_until_stalled();
    f.take_result().unwrap().unwrap();
    one.run_until_stalled();
    g.cancel("enough");
    for _ in 0..3 {
        one.run_until_stalled();
        two.run_until_stalled();
    }
    assert!(t.is_finished());
}
