//! A future that is borrowed, and not polled any more: what is out of reach in it holds nobody up.

use crate::kit::probe::{at, ms};
use evenkeel::{
    CancelScope, Executor, Task, finally,
    host::{Readiness, UnhandledKind},
    race, scope, shield, sleep,
    testing::VirtualClock,
    time::Clock,
    timeout,
};
use evenkeel_sync::oneshot;
use futures::{
    FutureExt, StreamExt,
    future::{join, select},
    stream::FuturesUnordered,
};
use std::{
    cell::{Cell, RefCell},
    future::{Future, pending, poll_fn, ready},
    pin::{Pin, pin},
    rc::Rc,
    task::{Poll, Waker},
};

type Borrowed = Pin<Box<dyn Future<Output = ()>>>;

/// An executor whose time a test moves, and how many points it has reported as skipped.
struct Host {
    executor: Executor,
    clock: VirtualClock,
    skipped: Rc<Cell<usize>>,
}

impl Host {
    fn new() -> Host {
        let (clock, skipped) = (VirtualClock::new(), Rc::new(Cell::new(0)));
        let count = skipped.clone();
        let builder = Executor::builder().clock(clock.clone()).on_unhandled(move |unhandled| {
            assert!(matches!(unhandled.kind(), UnhandledKind::CleanupSkipped(_)), "{unhandled}");
            count.set(count.get() + 1);
        });
        Host { executor: builder.build(), clock, skipped }
    }

    /// Runs until that time, and all that is ready then.
    fn go_on(&self, until: u64) {
        for _ in 0..100 {
            if self.executor.run_until_stalled().readiness != Readiness::MoreReady {
                if self.clock.now() >= at(until) {
                    return;
                }
                self.clock.jump_to(self.executor.next_deadline().unwrap_or(at(until)).min(at(until)));
            }
        }
        panic!("it never rests");
    }

    /// Borrows that until 2 ms, and then waits for something else; cancelled at 1 ms.
    fn leaves(&self, mut borrowed: Borrowed) -> Task<()> {
        let task = self.executor.spawn(async move {
            select(borrowed.as_mut(), pin!(sleep(ms(2)))).await;
            pending::<()>().await;
            drop(borrowed);
        });
        self.go_on(1);
        task.cancel("enough");
        task
    }
}

#[test]
fn cleanup_04_clean_up_that_awaits_one_that_is_out_of_reach_is_out_of_reach_too() {
    let of_one_scope: Borrowed = Box::pin(async {
        let outcome = scope(async |s| {
            let child = s.spawn(async {
                finally(ready(()), async |_: Option<&()>| sleep(ms(3)).await).await;
                Ok::<(), String>(())
            });
            shield(child).await;
            Ok(())
        });
        outcome.await.unwrap();
    });
    let of_anybody: Borrowed = Box::pin(async {
        let (done, told) = oneshot::channel();
        let waits = shield(async {
            let _ = told.await;
        });
        let tells = finally(ready(()), async |_: Option<&()>| {
            sleep(ms(3)).await;
            let _ = done.send(());
        });
        join(waits, tells).await;
    });
    for borrowed in [of_one_scope, of_anybody] {
        let host = Host::new();
        let mut task = host.leaves(borrowed);
        host.go_on(2);
        assert!(task.take_result().is_none(), "clean-up may go on in it");
        host.go_on(3);
        assert!(task.take_result().is_some_and(|outcome| outcome.is_err()));
        assert_eq!(host.skipped.get(), 2);
    }
}

#[test]
fn cleanup_04_clean_up_that_is_polled_goes_on_beside_some_that_is_out_of_reach() {
    let host = Host::new();
    let saved = Rc::new(Cell::new(false));
    let (save, left) = (saved.clone(), async {
        finally(ready(()), async |_: Option<&()>| sleep(ms(3)).await).await;
    });
    let task = host.executor.spawn(async move {
        let mut left = Box::pin(left);
        let goes_on = shield(async move {
            sleep(ms(9)).await;
            save.set(true);
        });
        let leaves = async {
            select(left.as_mut(), pin!(sleep(ms(2)))).await;
            pending::<()>().await;
        };
        join(goes_on, leaves).await;
    });
    host.go_on(1);
    task.cancel("enough");
    host.go_on(9);
    drop(task);
    assert_eq!((saved.get(), host.skipped.get()), (true, 1));
}

#[test]
fn cleanup_04_clean_up_that_gets_out_of_reach_later_is_noticed_then() {
    for until in 2..6 {
        let host = Host::new();
        let (done, told) = oneshot::channel();
        let mut task = host.executor.spawn(async move {
            let mut tells = Box::pin(finally(pending::<()>(), async move |_: Option<&()>| {
                sleep(ms(2)).await;
                let _ = done.send(());
            }));
            let mut waits = Box::pin(shield(async {
                let _ = told.await;
            }));
            let tells = async {
                select(tells.as_mut(), pin!(sleep(ms(2)))).await;
                pending::<()>().await;
            };
            // It still is polled when the other one is found out of reach.
            let waits = async {
                select(waits.as_mut(), pin!(sleep(ms(until)))).await;
                pending::<()>().await;
            };
            join(tells, waits).await;
        });
        host.go_on(1);
        task.cancel("enough");
        host.go_on(until.max(3));
        assert!(task.take_result().is_some_and(|outcome| outcome.is_err()), "{until}");
        assert_eq!(host.skipped.get(), 2, "{until}");
    }
}

#[test]
fn cleanup_04_clean_up_that_wakes_one_out_of_reach_in_each_poll_does_not_keep_the_loop_busy() {
    let host = Host::new();
    let (kept, polls) = (Rc::new(RefCell::new(None::<Waker>)), Rc::new(Cell::new(0)));
    let (keeps, wakes, counts) = (kept.clone(), kept.clone(), polls.clone());
    let mut task = host.executor.spawn(async move {
        let mut left = Box::pin(finally(pending::<()>(), async move |_: Option<&()>| {
            poll_fn(|cx| {
                *keeps.borrow_mut() = Some(cx.waker().clone());
                Poll::<()>::Pending
            })
            .await;
        }));
        let leaves = async move {
            select(left.as_mut(), pin!(sleep(ms(3)))).await;
            pending::<()>().await;
            drop(left);
        };
        let works = finally(pending::<()>(), async move |_: Option<&()>| {
            let mut end = pin!(sleep(ms(10)));
            poll_fn(|cx| {
                counts.set(counts.get() + 1);
                wakes.borrow().iter().for_each(Waker::wake_by_ref);
                end.as_mut().poll(cx)
            })
            .await;
        });
        let all: [Borrowed; 2] = [Box::pin(leaves), Box::pin(works)];
        all.into_iter().collect::<FuturesUnordered<_>>().collect::<Vec<()>>().await;
    });
    host.go_on(1);
    task.cancel("enough");
    host.go_on(6);
    kept.borrow().as_ref().expect("it was kept").wake_by_ref();
    host.go_on(20);
    assert!(task.take_result().is_some_and(|outcome| outcome.is_err()));
    assert!(polls.get() < 30, "{} polls", polls.get());
    assert_eq!(host.skipped.get(), 1);
}

#[test]
fn cleanup_04_clean_up_that_lies_deeper_is_noticed_too_when_it_is_out_of_reach() {
    for kind in 0..5 {
        let host = Host::new();
        let (done, told) = oneshot::channel();
        let mut task = host.executor.spawn(async move {
            let mut tells = Box::pin(finally(pending::<()>(), async move |_: Option<&()>| {
                sleep(ms(2)).await;
                let _ = done.send(());
            }));
            let leaves = async {
                select(tells.as_mut(), pin!(sleep(ms(2)))).await;
                pending::<()>().await;
            };
            let waits: Borrowed = Box::pin(async {
                let mut waits = Box::pin(shield(async {
                    let _ = told.await;
                }));
                select(waits.as_mut(), pin!(sleep(ms(2)))).await;
                pending::<()>().await;
                drop(waits);
            });
            let deeper: Borrowed = match kind {
                0 => waits,
                1 => Box::pin(CancelScope::new().run(waits).map(drop)),
                2 => Box::pin(finally(waits, async |_: Option<&()>| ())),
                3 => Box::pin(race([waits])),
                _ => Box::pin(timeout(ms(50), waits).map(drop)),
            };
            join(leaves, deeper).await;
        });
        host.go_on(1);
        task.cancel("enough");
        host.go_on(3);
        assert!(task.take_result().is_some_and(|outcome| outcome.is_err()), "{kind}");
        assert_eq!(host.skipped.get(), 2, "{kind}");
    }
}
