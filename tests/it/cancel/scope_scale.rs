//! Cancellation at scale: what is linear, measured in polls.

use crate::kit::{
    probe::on_a_small_stack,
    scopes::{Boxed, Polls},
};
use evenkeel::{CancelScope, Executor, Task, finally, host::Readiness, shield, spawn, testing, timeout, yield_now};
use std::{
    cell::Cell,
    future::{Future, pending},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    thread,
    time::Duration,
};

/// Debug builds need more stack for each level.
const DEPTH: usize = if cfg!(debug_assertions) { 10_000 } else { 100_000 };
const TREE: usize = if cfg!(debug_assertions) { 100_000 } else { 1_000_000 };

fn on_a_large_stack(f: impl FnOnce() + Send + 'static) {
    thread::Builder::new().stack_size(4 << 30).spawn(f).unwrap().join().unwrap();
}

/// Counts the polls of all levels.
struct Level {
    body: Boxed<'static>,
    polls: Polls,
}

impl Future for Level {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let counted = self.polls.clone();
        let mut counted = std::pin::pin!(counted.of(|_, _| Poll::Ready(())));
        let _ = counted.as_mut().poll(cx);
        self.body.as_mut().poll(cx)
    }
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Scope,
    Timeout,
    Finally,
    Shield,
    Mixed,
}

const KINDS: [Kind; 5] = [Kind::Scope, Kind::Timeout, Kind::Finally, Kind::Shield, Kind::Mixed];

/// `DEPTH` levels of a kind around a future. Returns the polls of all levels together, and how often clean-up ran.
fn nest(kind: Kind, innermost: impl Future<Output = ()> + 'static) -> (Boxed<'static>, Polls, Rc<Cell<usize>>) {
    let (polls, cleaned) = (Polls::default(), Rc::new(Cell::new(0)));
    let mut body: Boxed<'static> = Box::pin(innermost);
    for level in 0..DEPTH {
        let kind = match kind {
            Kind::Mixed => KINDS[level % 3],
            kind => kind,
        };
        let count = cleaned.clone();
        body = match kind {
            Kind::Scope => Box::pin(async move { drop(CancelScope::new().run(body).await) }),
            Kind::Timeout => Box::pin(async move { timeout(Duration::from_secs(9), body).await.unwrap_or(()) }),
            Kind::Shield => Box::pin(shield(body)),
            _ => Box::pin(finally(body, async move |_: Option<&()>| count.set(count.get() + 1))),
        };
        body = Box::pin(Level { body, polls: polls.clone() });
    }
    (body, polls, cleaned)
}

fn points(kind: Kind) -> usize {
    match kind {
        Kind::Finally => DEPTH,
        Kind::Mixed => DEPTH / 3,
        _ => 0,
    }
}

/// At most so many polls for each level: the first, the delivery, and one that finds that nothing new was reached.
const FEW: usize = 4;

#[test]
fn nested_levels_are_cancelled_from_outside_in_linear_time() {
    on_a_large_stack(|| {
        for kind in KINDS {
            let (sender, receiver) = futures::channel::oneshot::channel::<()>();
            testing::run(async {
                let (body, polls, cleaned) = nest(kind, async { receiver.await.unwrap_or(()) });
                let scope = CancelScope::new();
                let inner = scope.clone();
                let task = spawn(async move { inner.run(body).await.is_err() });
                yield_now().await;
                scope.cancel("x");
                yield_now().await;
                // Shields let it finish.
                drop(sender);
                assert_eq!(task.await.unwrap(), !matches!(kind, Kind::Shield), "{kind:?}");
                assert!(polls.count() <= FEW * DEPTH, "{kind:?}: {} polls", polls.count());
                assert_eq!(cleaned.get(), points(kind), "{kind:?}");
            });
        }
    });
}

#[test]
fn nested_levels_are_cancelled_from_the_innermost_code_in_linear_time() {
    on_a_large_stack(|| {
        for kind in KINDS {
            testing::run(async {
                let (scope, innermost) = (CancelScope::new(), Polls::default());
                let own = scope.clone();
                let code = innermost.of(move |n, cx| {
                    own.cancel("x");
                    cx.waker().wake_by_ref();
                    if n == 3 { Poll::Ready(()) } else { Poll::Pending }
                });
                let (body, polls, cleaned) = nest(kind, code);
                assert_eq!(scope.run(body).await.is_err(), !matches!(kind, Kind::Shield), "{kind:?}");
                assert!(polls.count() <= FEW * DEPTH, "{kind:?}: {} polls", polls.count());
                assert!(innermost.count() <= 3);
                assert_eq!(cleaned.get(), points(kind), "{kind:?}");
            });
        }
    });
}

#[test]
fn nested_levels_in_a_task_are_cancelled_with_it_in_linear_time() {
    on_a_large_stack(|| {
        for kind in [Kind::Scope, Kind::Timeout, Kind::Finally, Kind::Mixed] {
            testing::run(async {
                let (body, polls, cleaned) = nest(kind, pending());
                let task = spawn(body);
                yield_now().await;
                task.cancel("x");
                assert!(task.await.is_err());
                assert!(polls.count() <= FEW * DEPTH, "{kind:?}: {} polls", polls.count());
                assert_eq!(cleaned.get(), points(kind), "{kind:?}");
            });
        }
    });
}

#[test]
fn nested_levels_are_dropped() {
    on_a_large_stack(|| {
        for kind in KINDS {
            let skipped = Rc::new(Cell::new(0));
            let count = skipped.clone();
            let executor = Executor::builder().on_unhandled(move |_| count.set(count.get() + 1)).build();
            executor.run(async {
                let (mut body, polls, cleaned) = nest(kind, pending());
                assert!(futures::poll!(&mut body).is_pending());
                drop(body);
                assert_eq!((polls.count(), cleaned.get()), (DEPTH, 0));
            });
            let shields = if matches!(kind, Kind::Shield) { DEPTH } else { points(kind) };
            assert_eq!(skipped.get(), shields, "{kind:?}");
        }
    });
}

/// A tree of tasks, each of which owns the handles of its children and counts its own drop.
fn plant(spawned: &Rc<Cell<usize>>, dropped: &Rc<Cell<usize>>, own: usize, children: usize) -> Task<()> {
    struct Leaf(Rc<Cell<usize>>);
    impl Drop for Leaf {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    spawned.set(spawned.get() + 1);
    let (spawned, dropped) = (spawned.clone(), dropped.clone());
    spawn(async move {
        let _leaf = Leaf(dropped.clone());
        let first = own * children + 1;
        let _owned: Vec<Task<()>> = (first..first + children)
            .take_while(|child| *child < TREE)
            .map(|child| plant(&spawned, &dropped, child, children))
            .collect();
        pending::<()>().await
    })
}

#[test]
fn a_tree_of_tasks_is_cancelled_on_a_small_stack_and_each_dropped_once() {
    for children in [1, 2, 10] {
        on_a_small_stack(move || {
            let executor = Executor::new();
            let (spawned, dropped) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
            let root = executor.run(async { plant(&spawned, &dropped, 0, children) });
            while spawned.get() < TREE {
                executor.run_until_stalled();
            }
            executor.run_until_stalled();
            root.cancel("all of it");
            let mut polled = 0;
            loop {
                let progress = executor.run_until_stalled();
                polled += progress.polled;
                if progress.readiness == Readiness::Finished {
                    break;
                }
            }
            assert_eq!((dropped.get(), polled), (TREE, TREE));
            assert!(root.is_finished());
        });
    }
}

#[test]
fn a_crowd_of_points_in_one_scope_is_cleaned_up_in_linear_time() {
    const CROWD: usize = 10_000;
    let polls = Polls::default();
    let cleaned = Cell::new(0);
    testing::run(async {
        let scope = CancelScope::new();
        let body = futures::future::join_all((0..CROWD).map(|_| {
            finally(polls.pending(), async |_: Option<&()>| {
                yield_now().await;
                cleaned.set(cleaned.get() + 1);
            })
        }));
        assert!(futures::join!(scope.run(body), async { scope.cancel("x") }).0.is_err());
    });
    assert_eq!((cleaned.get(), polls.count()), (CROWD, 2 * CROWD));
}
