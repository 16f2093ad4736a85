//! Who keeps a future that is half-way asks nothing of its bytes: whether it is there is noted beside it.

use crate::tools::LendsItself;
use evenkeel_executor::{
    CancelScope, Executor, Handle, VirtualClock, combinator::Branch, finally, finally_with, run, shield, spawn,
    timeout, to_thread, yield_now,
};
use std::{pin::pin, time::Duration};

#[test]
fn fault_35_whatever_runs_a_future_asks_nothing_of_it_between_two_polls() {
    Executor::builder().clock(VirtualClock::new()).build().run(async {
        let hour = Duration::from_secs(3600);
        assert!(timeout(hour, LendsItself::new(4)).await.unwrap());
        assert!(CancelScope::new().run(LendsItself::new(4)).await.unwrap());
        assert!(Branch::new(LendsItself::new(4)).await.unwrap());
        assert!(spawn(LendsItself::new(4)).await.unwrap());
        assert!(shield(LendsItself::new(4)).await);
        assert!(
            finally(LendsItself::new(4), async |_: Option<&bool>| {
                LendsItself::new(2).await;
            })
            .await
        );
        assert!(finally_with(4, async |waits| LendsItself::new(*waits).await, async |_, _| ()).await);
    });
    assert!(run(LendsItself::new(4)));
}

#[test]
fn fault_35_whatever_stops_a_future_asks_nothing_of_it() {
    run(async {
        const LONG: usize = 1_000;
        let kinds: [fn() -> evenkeel_executor::Task<()>; 5] = [
            || {
                spawn(async {
                    let _ = timeout(Duration::from_secs(3600), LendsItself::new(LONG)).await;
                })
            },
            || {
                spawn(async {
                    let _ = CancelScope::new().run(LendsItself::new(LONG)).await;
                })
            },
            || {
                spawn(async {
                    let _ = Branch::new(LendsItself::new(LONG)).await;
                })
            },
            || {
                spawn(async {
                    shield(LendsItself::new(5)).await;
                })
            },
            || {
                spawn(async {
                    finally(LendsItself::new(LONG), async |_| {
                        LendsItself::new(2).await;
                    })
                    .await;
                })
            },
        ];
        for kind in kinds {
            for end in ["cancelled", "aborted", "dropped"] {
                let mut task = kind();
                yield_now().await;
                yield_now().await;
                match end {
                    "cancelled" => task.cancel("enough"),
                    "aborted" => task.abort(),
                    _ => {
                        drop(task);
                        continue;
                    }
                }
                // What a shield yields is not lost.
                let _ = task.outcome().await;
            }
        }

        // Cancelled from inside, and from the side, and dropped by who polls it.
        let mut branch = pin!(Branch::new(LendsItself::new(LONG)));
        assert!(futures::poll!(branch.as_mut()).is_pending());
        branch.as_mut().cancel("enough");
        assert!(branch.await.is_err());
        let mut scope = Box::pin(CancelScope::new().run(LendsItself::new(LONG)));
        assert!(futures::poll!(scope.as_mut()).is_pending());
        drop(scope);
    });
}

#[test]
fn fault_35_a_future_for_another_thread_is_asked_nothing() {
    run(async {
        let handle = Handle::current();
        let answer = to_thread(move || handle.block_on_from_thread(|| LendsItself::new(4))).await;
        assert!(answer.unwrap());
    });
}
