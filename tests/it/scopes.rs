//! Cancel scopes and clean-up points: the rules of delivery, and the cases that break simple implementations.

use evenkeel::*;
use futures::stream::{FuturesUnordered, StreamExt};
use std::{cell::RefCell, future::pending, rc::Rc, time::Duration};

type Log = Rc<RefCell<Vec<String>>>;

fn log() -> Log {
    Rc::default()
}
fn note(log: &Log, text: impl Into<String>) {
    log.borrow_mut().push(text.into());
}

#[test]
fn basics() {
    let l = log();
    let l2 = l.clone();
    run(async {
        let scope = CancelScope::new();
        let s2 = scope.clone();
        let t = spawn(async move {
            yield_now().await;
            s2.cancel("x");
        });
        let r = scope
            .run(finally(pending::<()>(), async |e: Option<&()>| {
                note(&l2, format!("clean {e:?}"));
                yield_now().await;
                sleep(Duration::from_millis(1)).await;
                note(&l2, "cleaned");
            }))
            .await;
        note(&l2, format!("{r:?}"));
        t.await.unwrap();
    });
    println!("{:?}", l.borrow());
    assert_eq!(l.borrow().len(), 3);
}

#[test]
fn unordered() {
    let l = log();
    run(async {
        let r = timeout(Duration::from_millis(1), async {
            let mut fu = FuturesUnordered::new();
            for i in 0..3 {
                let l = l.clone();
                fu.push(async move {
                    finally(
                        async {
                            finally(pending::<()>(), async |_: Option<&()>| {
                                yield_now().await;
                                note(&l, format!("inner {i}"));
                            })
                            .await
                        },
                        async |_: Option<&()>| {
                            sleep(Duration::from_millis(1)).await;
                            note(&l, format!("outer {i}"));
                        },
                    )
                    .await;
                    note(&l, "never");
                });
            }
            while fu.next().await.is_some() {}
        })
        .await;
        note(&l, format!("{r:?}"));
    });
    assert_eq!(*l.borrow(), ["inner 0", "inner 1", "inner 2", "outer 0", "outer 1", "outer 2", "Err(Elapsed)"]);
}

#[test]
fn loops_end() {
    let l = log();
    run(async {
        let scope = CancelScope::new();
        let r = scope
            .run(async {
                let mut n = 0;
                loop {
                    shield(yield_now()).await;
                    n += 1;
                    if n == 3 {
                        scope.cancel("now");
                    }
                }
            })
            .await;
        note(&l, format!("{r:?}"));
        let scope = CancelScope::new();
        let r = scope
            .run(async {
                let mut n = 0;
                loop {
                    finally(async {}, async |_: Option<&()>| note(&l, "c")).await;
                    n += 1;
                    if n == 3 {
                        scope.cancel("now");
                    }
                }
            })
            .await;
        note(&l, format!("{r:?}"));
    });
    println!("{:?}", l.borrow());
    assert_eq!(l.borrow().iter().filter(|t| *t == "c").count(), 4);
}

#[test]
fn root_cleanup() {
    let l = log();
    run(async {
        let l2 = l.clone();
        let mut t = spawn(async move {
            finally(pending::<()>(), async |_: Option<&()>| {
                note(&l2, "begin");
                sleep(Duration::from_millis(2)).await;
                yield_now().await;
                note(&l2, "end");
            })
            .await
        });
        yield_now().await;
        t.cancel("a");
        assert_eq!(t.state(), TaskState::CancelRequested);
        yield_now().await;
        assert_eq!(t.state(), TaskState::CleaningUp);
        t.cancel("b");
        let r = t.outcome().await;
        note(&l, format!("{r:?}"));
    });
    assert_eq!(*l.borrow(), ["begin", "end", "Err(Cancelled(Requested(\"a\")))"]);
}

#[test]
fn panics_in_cleanup() {
    let l = log();
    run(async {
        let l2 = l.clone();
        let mut t = spawn(async move {
            futures::join!(
                finally(pending::<()>(), async |_: Option<&()>| {
                    yield_now().await;
                    panic!("one");
                }),
                finally(pending::<()>(), async |_: Option<&()>| {
                    sleep(Duration::from_millis(2)).await;
                    note(&l2, "other");
                })
            );
        });
        yield_now().await;
        t.cancel("a");
        let r = t.outcome().await;
        note(&l, format!("{r:?}"));
    });
    println!("{:?}", l.borrow());
    assert_eq!(l.borrow()[0], "other");
    assert!(l.borrow()[1].contains("one"));
}

#[test]
fn outermost_timeout_wins() {
    run(async {
        let r = timeout(Duration::from_millis(1), async {
            let r = timeout(Duration::from_millis(1), pending::<()>()).await;
            unreachable!("{r:?}");
        })
        .await;
        assert_eq!(r, Err(Elapsed));
        let r = timeout(Duration::ZERO, async { 1 }).await;
        assert_eq!(r, Ok(1));
        let r = timeout(Duration::ZERO, yield_now()).await;
        assert_eq!(r, Err(Elapsed));
    });
}

#[test]
fn deep() {
    std::thread::Builder::new()
        .stack_size(1 << 30)
        .spawn(|| {
            let n: usize = std::env::var("N").map_or(2000, |n| n.parse().unwrap());
            run(async {
                let outer = CancelScope::new();
                let mut fut: std::pin::Pin<Box<dyn Future<Output = ()>>> = Box::pin(pending::<()>());
                for i in 0..n {
                    let scope = CancelScope::new();
                    if i % 2 == 0 {
                        fut = Box::pin(async move {
                            let _ = scope.run(fut).await;
                        });
                    } else {
                        fut = Box::pin(finally(fut, async |_: Option<&()>| ()));
                    }
                }
                let s2 = outer.clone();
                let t = spawn(async move { s2.cancel("x") });
                let r = outer.run(fut).await;
                assert!(r.is_err());
                t.await.unwrap();
            });
        })
        .unwrap()
        .join()
        .unwrap();
}
