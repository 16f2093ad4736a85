//! `scope`, as long as it goes well.

use crate::tools::{Drops, Error, all_ops, error, leave_waker};
use evenkeel_executor::{finally, run, yield_now};
use evenkeel_taskgroup::{ScopedHandle, scope};
use std::{
    cell::{Cell, RefCell},
    future::pending,
    task::Waker,
};

#[test]
fn children_borrow_shared_and_exclusively_across_awaits() {
    let words = [String::from("even"), String::from("keel")];
    let (mut log, mut count) = (Vec::new(), Box::new(0));
    let lengths = run(scope(async |s| {
        let [one, two] = words.each_ref().map(|word| {
            s.spawn(async move {
                let own = [word.len(), 1];
                let inside = &own;
                yield_now().await;
                Ok::<_, Error>((inside[0], word))
            })
        });
        s.spawn(async {
            for n in 0..3 {
                log.push(n.to_string());
                *count += 1;
                yield_now().await;
            }
            Ok(())
        });
        Ok((one.await, two.await))
    }));
    let ((one, even), (two, _)) = lengths.unwrap();
    assert_eq!((one, two, even.as_str()), (4, 4, "even"));
    assert_eq!((log.len(), *count), (3, 3));
}

/// Borrows from itself: it must not move, wherever its owner keeps it meanwhile.
async fn walks_along_itself(n: usize) -> usize {
    let mut row = [n - 1; 4];
    for at in &mut row {
        yield_now().await;
        *at += 1;
    }
    row.iter().sum()
}

#[test]
fn children_that_borrow_from_themselves_are_taken_out_and_put_back() {
    let sums = run(scope(async |s| {
        let mut sums = Vec::new();
        for n in 1..6 {
            sums.push(s.spawn(async move { Ok::<_, Error>(walks_along_itself(n).await) }));
            // The row of children grows while some are half-way.
            yield_now().await;
        }
        let mut all = 0;
        for sum in sums {
            all += sum.await;
        }
        Ok(all)
    }));
    assert_eq!(sums.unwrap(), 60);
}

#[test]
fn places_are_used_again_and_old_wakers_do_nothing() {
    let drops = Drops::default();
    let old = RefCell::new(Vec::<Waker>::new());
    run(scope(async |s| {
        for n in 1..6 {
            s.spawn(async {
                let _guard = drops.guard();
                leave_waker(&old).await;
                yield_now().await;
                Ok::<_, Error>(())
            })
            .await;
            assert_eq!(drops.count(), n);
            let stale: Vec<Waker> = old.borrow().clone();
            stale.into_iter().for_each(all_ops);
        }
        Ok(())
    }))
    .unwrap();
    old.take().into_iter().for_each(all_ops);
}

#[test]
fn scopes_nest_and_errors_that_borrow_come_out() {
    async fn fail(text: &str) -> Result<(), &str> {
        yield_now().await;
        Err(text)
    }
    let text = &String::from("of the caller");
    let failed = run(scope(async |outer| {
        let inner = outer.spawn(async move {
            let failed = scope(async |s| {
                s.spawn(fail(text));
                s.spawn(async move {
                    outer.spawn(async { Ok::<_, Error>(()) });
                    pending::<()>().await
                }) as ScopedHandle<'_, ()>;
                Ok(())
            });
            Ok(failed.await.unwrap_err().into_errors().concat())
        });
        Ok(inner.await)
    }));
    assert_eq!(failed.unwrap(), "of the caller");
}

#[test]
fn children_spawn_siblings_and_hold_handles() {
    let seen = Cell::new(0);
    let failed = run(scope(async |s| {
        let seen = &seen;
        s.spawn(async move {
            let mut below = s.spawn(async move {
                let below = s.spawn(async move {
                    seen.set(seen.get() + 1);
                    yield_now().await;
                    Ok(String::from("the bottom"))
                });
                let text = below.await;
                seen.set(seen.get() + 1);
                Err::<(), _>(error(&text))
            });
            // The outcome, and not the value: nobody is stopped for it before it has the answer.
            let outcome = finally(pending::<()>(), async |_: Option<&()>| assert!(below.outcome().await.is_err()));
            outcome.await;
            Ok(())
        });
        pending::<Result<(), Error>>().await
    }));
    assert_eq!((failed.unwrap_err().into_errors(), seen.get()), (vec![error("the bottom")], 2));
}
