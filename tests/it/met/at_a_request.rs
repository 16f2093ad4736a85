//! What a request to cancel decides when it is made: whether code that waits had been woken. What comes later does not count, and code that
//! cancels itself is stopped where it awaits next.

use crate::kit::{
    groups::{Group, errors},
    probe::{Record, ms, my_waker, reason_of},
    scopes::{Boxed, Log, Polls, reporting},
};
use evenkeel::{
    CancelScope, Elapsed, Executor, TaskGroup, current_task, finally,
    group::JoinHandle,
    race, shield, sleep, spawn,
    sync::{Mutex, Queue},
    testing, timeout, yield_now,
};
use std::{
    cell::RefCell,
    future::{pending, poll_fn},
    rc::Rc,
    task::{Poll, Waker},
    time::Duration,
};

type Slot<T> = Rc<RefCell<Option<T>>>;
type Around = fn(Boxed<'static>) -> Boxed<'static>;

/// What code may lie in that is stopped with it.
const AROUND: [(&str, Around); 5] = [
    ("nothing", |body| body),
    ("timeout", |body| Box::pin(async { timeout(ms(1_000), body).await.unwrap() })),
    ("finally", |body| Box::pin(finally(body, async |_: Option<&()>| {}))),
    ("clean-up that waits", |body| Box::pin(finally(body, async |_: Option<&()>| sleep(ms(1)).await))),
    ("group", |body| {
        Box::pin(async {
            TaskGroup::run(async |_: Group| {
                body.await;
                Ok(())
            })
            .await
            .unwrap()
        })
    }),
];

/// A watcher joins a child and writes that down, and both are cancelled: spawned before the child or behind it, it is stopped.
#[test]
fn met_d2_cancel_16_the_order_of_spawning_does_not_matter() {
    for (name, around) in AROUND {
        for watcher_first in [false, true] {
            let (executor, log) = reporting();
            let says = log.clone();
            let outcome = executor.run(async move {
                let body = TaskGroup::run(async |group: Group| {
                    let child: Slot<_> = Slot::default();
                    let (watched, says) = (child.clone(), says.clone());
                    let watch = around(Box::pin(async move {
                        yield_now().await;
                        let mut watched: JoinHandle<()> = watched.take().unwrap();
                        says.show(watched.outcome().await.is_ok());
                    }));
                    if watcher_first {
                        group.spawn(watch);
                        child.replace(Some(group.spawn(sleep(ms(50)))));
                    } else {
                        child.replace(Some(group.spawn(sleep(ms(50)))));
                        group.spawn(watch);
                    }
                    Ok(())
                });
                timeout(ms(10), body).await.map(drop)
            });
            assert_eq!(outcome, Err(Elapsed));
            assert_eq!(log.take(), [""; 0], "{name}, {watcher_first}");
        }
    }
}

/// As above, but the watcher polls the child's handle itself, and the child is told to be cancelled before it or after.
#[test]
fn met_d2_a_join_that_ends_after_the_request_is_not_seen() {
    for (name, around) in AROUND {
        for other_first in [false, true] {
            let (executor, log) = reporting();
            let says = log.clone();
            executor.run(async move {
                let other = Rc::new(RefCell::new(spawn(pending::<()>())));
                let watched = other.clone();
                let watcher = spawn(around(Box::pin(async move {
                    let outcome = poll_fn(|cx| std::pin::Pin::new(&mut *watched.borrow_mut()).poll(cx)).await;
                    says.show(outcome);
                })));
                yield_now().await;
                if other_first {
                    other.borrow().cancel("too");
                    watcher.cancel("stop");
                } else {
                    watcher.cancel("stop");
                    other.borrow().cancel("too");
                }
                assert_eq!(reason_of(watcher.await), "stop".into());
            });
            assert_eq!(log.take(), [""; 0], "{name}, {other_first}");
        }
    }
}

/// A child fails while it holds a lock. Whoever was handed it by then has it; the others, who are cancelled, do not get it in turn.
#[test]
fn met_d2_a_lock_does_not_go_from_one_cancelled_sibling_to_the_next() {
    let log = Log::new();
    testing::run(async {
        let lock = Rc::new(Mutex::new(()));
        let outcome = Group::run(async |group| {
            let (held, too) = (lock.clone(), lock.clone());
            group.spawn(async move {
                let _guard = held.lock().await;
                sleep(ms(10)).await;
                Err::<(), _>("failed")
            });
            for n in 0..4 {
                let (lock, says) = (lock.clone(), log.clone());
                group.spawn(async move {
                    let _guard = lock.lock().await;
                    says.say(format!("{n} has the lock"));
                    sleep(ms(1)).await;
                    says.say("never");
                });
            }
            drop(too);
            Ok(())
        });
        assert_eq!(errors(outcome.await), ["failed"]);
        assert!(lock.try_lock().is_some(), "the lock is lost");
    });
    // It was woken before its sibling had failed, and a completed result is never lost.
    assert_eq!(log.take(), ["0 has the lock"]);
}

/// A failure in which no lock is let go before it is told: nobody gets it.
#[test]
fn met_d2_what_a_cancelled_task_lets_go_reaches_no_other_that_is_cancelled() {
    for (name, around) in AROUND {
        let (executor, log) = reporting();
        let says = log.clone();
        executor.run(async move {
            let queue = Rc::new(Queue::unbounded());
            let tasks: Vec<_> = (0..3)
                .map(|n| {
                    let (queue, says) = (queue.clone(), says.clone());
                    spawn(around(Box::pin(async move {
                        says.show((n, queue.get().await));
                    })))
                })
                .collect();
            yield_now().await;
            tasks.iter().for_each(|task| task.cancel("stop"));
            queue.try_put(7).unwrap();
            for task in tasks {
                assert!(task.await.is_err());
            }
            assert_eq!(queue.try_get(), Ok(7), "the item is lost");
        });
        assert_eq!(log.take(), [""; 0], "{name}");
    }
}

#[test]
fn met_d2_what_came_before_the_request_counts() {
    for (name, around) in AROUND {
        let (executor, log) = reporting();
        let says = log.clone();
        executor.run(async move {
            let queue = Rc::new(Queue::unbounded());
            let (its, too) = (queue.clone(), says.clone());
            let task = spawn(around(Box::pin(async move { too.show(its.get().await) })));
            yield_now().await;
            queue.try_put(7).unwrap();
            task.cancel("too late");
            says.show(task.await.is_ok());
            says.show(timeout(ms(10), sleep(ms(10))).await);
        });
        // Clean-up that waits holds the task beyond its poll, and then its value counts.
        assert_eq!(log.take(), ["Ok(7)", "true", "Ok(())"], "{name}");
    }
}

/// A value comes from a thread, and then the cancellation: neither was taken yet when the other came.
#[test]
fn met_d2_what_another_thread_sent_before_the_request_counts() {
    for by_handle in [false, true] {
        let executor = Executor::new();
        let waker: Slot<Waker> = Slot::default();
        let (its, handle) = (waker.clone(), executor.handle());
        let outcome = executor.run_outcome(async move {
            let mut polls = 0;
            let waits = async move {
                its.replace(Some(my_waker().await));
                poll_fn(|_| {
                    polls += 1;
                    if polls == 2 { Poll::Ready("value") } else { Poll::Pending }
                })
                .await
            };
            if by_handle {
                let other = spawn(async move {
                    let waker = waker.take().unwrap();
                    let thread = std::thread::spawn(move || {
                        waker.wake();
                        handle.cancel_main("too late").unwrap();
                    });
                    thread.join().unwrap();
                });
                other.detach();
                waits.await
            } else {
                let task = spawn(waits);
                yield_now().await;
                let waker = waker.take().unwrap();
                std::thread::spawn(move || waker.wake()).join().unwrap();
                task.cancel("too late");
                task.await.unwrap()
            }
        });
        assert_eq!(outcome.unwrap(), "value", "{by_handle}");
    }
}

#[test]
fn met_d2_clean_up_is_run_and_woken_though_nothing_else_is_polled() {
    let (executor, log) = reporting();
    let (says, polls) = (log.clone(), Polls::default());
    let count = polls.clone();
    executor.run(async move {
        let (out, queue) = (says.clone(), Rc::new(Queue::unbounded()));
        let items = queue.clone();
        let inner = async move {
            finally(count.pending(), async |_: Option<&()>| {
                out.show(items.get().await);
            })
            .await;
        };
        let too = says.clone();
        let task = spawn(finally(inner, async move |_: Option<&()>| too.clean("outer", ms(1)).await));
        yield_now().await;
        task.cancel("stop");
        yield_now().await;
        says.say("puts");
        queue.try_put(7).unwrap();
        assert!(task.await.is_err());
    });
    assert_eq!(polls.count(), 1);
    assert_eq!(log.take(), ["puts", "Ok(7)", "outer begins", "outer ends"]);
}

type Gives = fn() -> Boxed<'static>;

/// Every await that gives way and goes on.
const GIVES_WAY: [(&str, Gives); 4] = [
    ("sleep", || Box::pin(sleep(Duration::ZERO))),
    ("yield_now", || Box::pin(yield_now())),
    ("by hand", || {
        let mut polled = false;
        Box::pin(poll_fn(move |cx| {
            cx.waker().wake_by_ref();
            if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }
        }))
    }),
    ("a race of two", || Box::pin(async { race([yield_now(), yield_now()]).await })),
];

#[test]
fn met_d3_cancel_17_a_task_that_cancels_itself_is_stopped_where_it_awaits_next() {
    for (name, gives_way) in GIVES_WAY {
        for (around_name, around) in AROUND {
            let (executor, log) = reporting();
            let says = log.clone();
            executor.run(async move {
                let task = spawn(around(Box::pin(async move {
                    yield_now().await;
                    current_task().cancel("myself");
                    says.say("goes on");
                    gives_way().await;
                    says.say("never");
                })));
                assert_eq!(reason_of(task.await), "myself".into());
            });
            assert_eq!(log.take(), ["goes on"], "{name} in {around_name}");
        }
    }
}

#[test]
fn met_d3_a_scope_that_is_cancelled_by_its_own_code_is_stopped_there_too() {
    for (name, gives_way) in GIVES_WAY {
        for (around_name, around) in AROUND {
            let (executor, log) = reporting();
            let says = log.clone();
            executor.run(async move {
                let scope = CancelScope::new();
                let (handle, too) = (scope.clone(), says.clone());
                let body = around(Box::pin(async move {
                    yield_now().await;
                    handle.cancel("myself");
                    too.say("goes on");
                    gives_way().await;
                    too.say("never");
                }));
                assert!(scope.run(body).await.is_err());
                says.say("behind");
            });
            assert_eq!(log.take(), ["goes on", "behind"], "{name} in {around_name}");
        }
    }
}

#[test]
fn met_d3_so_is_the_body_of_a_group_and_a_child_that_cancel_the_group() {
    let log = Log::new();
    testing::run(async {
        for by_child in [false, true] {
            let outcome = Group::run(async |group| {
                let (all, says) = (group.clone(), log.clone());
                let code = async move {
                    all.cancel("enough");
                    yield_now().await;
                    says.say("never");
                };
                if by_child {
                    group.spawn(code);
                    pending::<()>().await;
                } else {
                    code.await;
                }
                Ok(())
            });
            assert!(outcome.await.unwrap_err().is_cancelled());
        }
    });
    assert_eq!(log.take(), [""; 0]);
}

/// What is ready is no suspension, and what a shield guards goes on.
#[test]
fn met_d3_what_does_not_suspend_goes_on_and_so_does_what_is_shielded() {
    let got = Record::new();
    testing::run(async {
        let scope = CancelScope::new();
        let body = async {
            shield(async {
                scope.cancel("myself");
                yield_now().await;
                got.add(1);
            })
            .await;
            got.add(std::future::ready(2).await);
            pending::<()>().await;
            got.add(3);
        };
        assert!(scope.run(body).await.is_err());
    });
    assert_eq!(got.take(), [1, 2]);
}

/// Another branch of the same poll was given something before the request: it is polled once more for that.
#[test]
fn met_d3_what_was_given_in_the_same_poll_before_counts() {
    testing::run(async {
        let scope = CancelScope::new();
        let (sender, receiver) = futures::channel::oneshot::channel();
        let body = async {
            let cancels = async {
                sender.send(5).unwrap();
                scope.cancel("myself");
            };
            futures::join!(receiver, cancels).0
        };
        assert_eq!(scope.run(body).await, Ok(Ok(5)));
        let (sender, receiver) = futures::channel::oneshot::channel();
        let task = spawn(async {
            let cancels = async {
                sender.send(5).unwrap();
                current_task().cancel("myself");
            };
            futures::join!(receiver, cancels).0
        });
        assert_eq!(task.await.unwrap(), Ok(5));
    });
}
