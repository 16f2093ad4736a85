//! Futures that keep their children in place, where it hurts: panics, cancellation and moves in the middle of a poll.

use crate::kit::{
    probe::{Drops, Record, Wakes, ms, my_waker, on_drop, panic_of, text_of},
    stage::{after, run_clean, run_watched, tidy},
};
use evenkeel::*;
use evenkeel_executor::combinator::{Batch, WakeSet};
use std::{
    cell::{Cell, RefCell},
    future::{Ready, pending, poll_fn, ready},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll, Waker},
};

type Error = &'static str;

/// Several futures that are all woken at once, in this order, and then do what `step` says.
fn woken_together<'a, T>(
    names: &'a [char],
    step: fn(char) -> Poll<T>,
) -> impl Iterator<Item = impl Future<Output = T>> + 'a
where
    T: 'a,
{
    let (open, wakers) = (Rc::new(Cell::new(false)), Rc::new(RefCell::new(Vec::<Waker>::new())));
    names.iter().map(move |name| {
        let (open, wakers) = (open.clone(), wakers.clone());
        poll_fn(move |cx| {
            if open.get() {
                return step(*name);
            }
            wakers.borrow_mut().push(cx.waker().clone());
            if wakers.borrow().len() == names.len() {
                open.set(true);
                wakers.take().into_iter().for_each(Waker::wake);
            }
            Poll::Pending
        })
    })
}

#[test]
fn a_race_with_a_panic_and_a_winner_in_one_poll_ends() {
    for names in [['p', 'w', 'l'], ['l', 'p', 'w'], ['w', 'p', 'l'], ['p', 'l', 'w']] {
        let all = woken_together(&names, |name| match name {
            'p' => panic!("thrown"),
            'w' => Poll::Ready('w'),
            _ => Poll::Pending,
        });
        let (ended, elapsed) = run_clean(async {
            let begin = Instant::now();
            (timeout(ms(1), caught(race_biased(all))).await, begin.elapsed())
        });
        // Whoever comes first decides; nobody waits for what lost, and is woken no more.
        let first = names.iter().find(|name| **name != 'l').unwrap();
        let expected = if *first == 'w' { Ok('w') } else { Err("thrown".to_owned()) };
        assert_eq!((ended, elapsed), (Ok(expected), ms(0)), "{names:?}");
    }
}

/// The future's output, or the text of its panic.
async fn caught<F: Future>(future: F) -> Result<F::Output, String> {
    let mut future = pin!(future);
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(polled) => polled.map(Ok),
        Err(payload) => Poll::Ready(Err(text_of(payload))),
    })
    .await
}

#[test]
fn a_gather_with_two_panics_in_one_poll_ends() {
    let all = woken_together(&['p', 'w', 'p', 'l'], |name| match name {
        'p' => panic!("thrown"),
        'w' => Poll::Ready('w'),
        _ => Poll::Pending,
    });
    let (panic, heard) = run_watched(async { caught(gather(all)).await.unwrap_err() });
    // The second one is dropped before it is polled again.
    assert_eq!((panic.as_str(), heard.len()), ("thrown", 0), "{heard:?}");
}

#[test]
fn code_behind_a_scope_is_not_resumed_when_a_child_is_cut_that_a_shield_waits_for() {
    let resumed = Cell::new(false);
    let record = Record::new();
    let (ended, heard) = run_watched(async {
        timeout(ms(1), async {
            let ended = scope(async |s| {
                s.spawn(async { tidy(&record, "child", 5, pending::<Result<(), Error>>()).await });
                let cut = s.spawn(pending::<Result<(), Error>>());
                shield(cut).await;
                Ok(())
            })
            .await;
            resumed.set(true);
            ended.map_err(|error| error.to_string())
        })
        .await
    });
    assert_eq!(ended, Err(Elapsed));
    assert!(!resumed.get(), "{heard:?}");
    assert_eq!(record.take(), ["child tidied"]);
}

#[test]
fn code_behind_a_cancelled_scope_is_not_resumed_if_the_caller_is_cancelled_too() {
    let (resumed, record) = (Cell::new(false), Record::new());
    let ended = run_clean(timeout(ms(3), async {
        let ended = scope(async |s| {
            s.spawn(async { tidy(&record, "child", 5, pending::<Result<(), Error>>()).await });
            sleep(ms(1)).await;
            s.cancel("early");
            pending::<Result<(), Error>>().await
        })
        .await;
        resumed.set(true);
        ended.map_err(|error| error.to_string())
    }));
    assert_eq!((ended, resumed.get()), (Err(Elapsed), false));
    // As it is with a group.
    let group_resumed = Cell::new(false);
    let kept = record.clone();
    let ended = run_clean(timeout(ms(3), async {
        let ended = TaskGroup::<Error>::run(async |group| {
            let record = kept.clone();
            group.spawn(async move { tidy(&record, "child", 5, pending::<Result<(), Error>>()).await });
            sleep(ms(1)).await;
            group.cancel("early");
            pending::<Result<(), Error>>().await
        })
        .await;
        group_resumed.set(true);
        ended.map_err(|error| error.to_string())
    }));
    assert_eq!((ended, group_resumed.get()), (Err(Elapsed), false));
}

#[test]
fn a_child_cancels_the_scope_around_in_the_middle_of_a_poll() {
    for at in 0..4 {
        let record = Record::new();
        let drops = Drops::default();
        let around = CancelScope::new();
        run_clean(async {
            let all = (0..4).map(|n| {
                let (record, around, guard) = (&record, &around, drops.guard());
                async move {
                    let _guard = guard;
                    yield_now().await;
                    if n == at {
                        around.cancel("by a child");
                        pending::<()>().await;
                    }
                    if n % 2 == 0 {
                        tidy(record, &n.to_string(), n + 1, pending::<()>()).await;
                    }
                    pending::<()>().await;
                }
            });
            let ended = around.run(gather(all)).await;
            assert_eq!(ended, Err(Cancelled("by a child".into())));
            assert_eq!(drops.count(), 4);
        });
        let tidied: Vec<_> = [0, 2].into_iter().filter(|n| *n != at).map(|n| format!("{n} tidied")).collect();
        assert_eq!(record.take(), tidied);
    }
}

#[test]
fn a_group_in_a_gather_in_a_scope_in_a_race_is_drained_from_outside_and_from_inside() {
    let record = Record::new();
    let nest = async |loser: bool| {
        let kept = record.clone();
        race((
            async {
                scope(async |s| {
                    s.spawn(async {
                        gather((
                            async {
                                let failed = TaskGroup::<Error>::run(async |group| {
                                    let record = kept.clone();
                                    group.spawn(async move {
                                        tidy(&record, "task", 4, pending::<Result<(), Error>>()).await
                                    });
                                    pending::<Result<(), Error>>().await
                                });
                                failed.await.map_err(|_| "group")
                            },
                            tidy(&record, "branch", 2, pending::<()>()),
                            pending::<()>(),
                        ))
                        .await
                        .0
                    });
                    tidy(&record, "body", 1, pending::<Result<(), Error>>()).await
                })
                .await
                .is_ok()
            },
            async {
                match loser {
                    true => after(1, false).await,
                    false => pending().await,
                }
            },
        ))
        .await
    };
    run_clean(async {
        assert_eq!(timeout(ms(9), nest(true)).await, Ok(false));
        assert_eq!(record.take(), ["body tidied", "branch tidied", "task tidied"]);
        assert_eq!(timeout(ms(9), nest(false)).await, Err(Elapsed));
        assert_eq!(record.take(), ["body tidied", "branch tidied", "task tidied"]);
    });
}

#[test]
fn a_scope_that_is_only_borrowed_by_a_timeout_goes_on() {
    run_clean(async {
        let mut lent = pin!(scope(async |s| {
            let slow = s.spawn(after(5, Ok::<_, Error>("slow")));
            s.spawn(after(2, Ok(())));
            Ok(slow.await)
        }));
        assert_eq!(timeout(ms(1), lent.as_mut()).await.map(drop), Err(Elapsed));
        assert_eq!(timeout(ms(0), lent.as_mut()).await.map(drop), Err(Elapsed));
        assert_eq!(lent.await.unwrap(), "slow");
        // Also when it had not begun.
        let mut lent = pin!(scope(async |s| Ok::<_, Error>(s.spawn(after(1, Ok(1))).await)));
        assert_eq!(timeout(ms(0), lent.as_mut()).await.map(drop), Err(Elapsed));
        assert_eq!(lent.await.unwrap(), 1);
    });
}

#[test]
fn a_borrowed_gather_or_stream_goes_on_too() {
    run_clean(async {
        let mut lent = pin!(gather([after(5, 5), after(2, 2)]));
        assert_eq!(timeout(ms(0), lent.as_mut()).await, Err(Elapsed));
        assert_eq!(timeout(ms(1), lent.as_mut()).await, Err(Elapsed));
        assert_eq!(timeout(ms(3), lent.as_mut()).await, Err(Elapsed));
        assert_eq!(lent.await, [5, 2]);
        let mut lent = pin!(race((after(5, 5), after(3, 3))));
        assert_eq!(timeout(ms(1), lent.as_mut()).await, Err(Elapsed));
        assert_eq!(lent.await, 3);
    });
}

trait Boxed: Future + Sized {
    fn boxed<'a>(self) -> Pin<Box<dyn Future<Output = Self::Output> + 'a>>
    where
        Self: 'a,
    {
        Box::pin(self)
    }
}
impl<F: Future> Boxed for F {}

#[test]
fn fault_43_a_set_that_follows_one_of_clean_up_wakes_its_owner() {
    run(async {
        // Those who clean up in the scope have wakers of their own, which are called besides the owner's.
        let scope = CancelScope::new();
        let handle = scope.clone();
        let body = finally(
            poll_fn(move |_| {
                handle.cancel("enough");
                Poll::<()>::Pending
            }),
            async |_| yield_now().await,
        );
        assert!(scope.run(body).await.is_err());
        // The seats are the same.
        let set = WakeSet::new();
        let key = set.insert();
        let (wakes, waker) = Wakes::new();
        let mut batch = set.begin(&waker);
        while batch.next().is_some() {}
        set.wake(key);
        assert_eq!(wakes.count(), 1);
    });
}

#[test]
fn a_batch_that_is_still_open_when_its_set_moves_and_its_number_is_given_to_another_set() {
    let (first, second) = (Executor::new(), Executor::new());
    let (set, other) = (WakeSet::new(), WakeSet::new());
    let keys_of = |batch: &mut Batch<'_>| {
        let mut keys = Vec::new();
        while let Some(woken) = batch.next() {
            keys.push(woken.key());
        }
        keys
    };
    (0..3).for_each(|key| assert_eq!(set.insert(), key));
    let mut open = first.run(async { set.begin(&my_waker().await) });
    assert_eq!(open.next().map(|woken| woken.key()), Some(0));
    second.run(async { assert_eq!(keys_of(&mut set.begin(&my_waker().await)), [0, 1, 2]) });
    first.run(async {
        (0..3).for_each(|key| assert_eq!(other.insert(), key));
        let (wakes, waker) = Wakes::new();
        assert_eq!(keys_of(&mut other.begin(&waker)), [0, 1, 2]);
        assert!(open.next().is_none(), "its children have left");
        other.insert();
        (0..4).for_each(|key| other.wake(key));
        assert_eq!(keys_of(&mut other.begin(&waker)), [3, 0, 1, 2]);
        assert_eq!(wakes.count(), 1);
    });
    drop(first);
    other.wake(1);
    other.remove(1);
    assert_eq!(other.insert(), 1);
    second.run(async { assert_eq!(keys_of(&mut other.begin(&my_waker().await)).len(), 4) });
}

#[test]
fn a_batch_broken_off_with_children_that_have_left_gives_their_places_back_once() {
    let (first, second) = (Executor::new(), Executor::new());
    let set = WakeSet::new();
    (0..4).for_each(|key| assert_eq!(set.insert(), key));
    let mut open = first.run(async { set.begin(&my_waker().await) });
    open.next();
    set.remove(1);
    second.run(async { _ = set.begin(&my_waker().await) });
    // Closed, with places in it of children that have left.
    first.run(async {
        let several: Vec<WakeSet> = (0..4).map(|_| WakeSet::new()).collect();
        for set in &several {
            (0..3).for_each(|key| assert_eq!(set.insert(), key));
            let mut batch = set.begin(Waker::noop());
            let mut wakers = Vec::new();
            while let Some(woken) = batch.next() {
                wakers.push(woken.waker().clone());
            }
            // No two children have the same number.
            for (key, waker) in wakers.iter().enumerate() {
                waker.wake_by_ref();
                let mut batch = set.begin(Waker::noop());
                assert_eq!(batch.next().map(|woken| woken.key()), Some(key));
                assert!(batch.next().is_none());
            }
        }
    });
}

#[test]
fn a_set_that_was_polled_without_children_gets_them_all_at_once() {
    run_clean(async {
        let set = WakeSet::new();
        let (wakes, waker) = Wakes::new();
        assert!(set.begin(&waker).next().is_none());
        set.insert_all(2);
        assert_eq!(wakes.count(), 1);
        let mut batch = set.begin(&waker);
        assert_eq!(
            [batch.next(), batch.next(), batch.next()].map(|woken| woken.map(|woken| woken.key())),
            [Some(0), Some(1), None]
        );
    });
}

#[test]
fn the_newest_of_two_wakers_is_woken_also_if_cloning_it_panics_once() {
    use crate::kit::bomb::{Op, bomb, defuse};
    run_clean(async {
        let set = WakeSet::new();
        set.insert();
        let (old, first) = Wakes::new();
        let (new, second) = Wakes::new();
        let mut batch = set.begin(&first);
        let child = batch.next().unwrap();
        let panics = bomb(|op| assert_ne!(op, Op::Clone, "cloned"));
        assert!(panic_of(|| _ = set.begin(&panics)).contains("cloned"));
        child.waker().wake_by_ref();
        _ = set.begin(&second);
        set.remove(0);
        assert_eq!(set.insert(), 0);
        assert_eq!(old.count(), 0);
        // For the new child. The old one's wake-up came when nobody was known.
        assert_eq!(new.count(), 1);
        defuse();
    });
}

#[test]
fn foreign_wakers_of_a_set_that_wake_its_children_lose_nothing() {
    use crate::kit::bomb::{bomb, defuse};
    run_clean(async {
        let set = Rc::new(WakeSet::new());
        (0..3).for_each(|key| assert_eq!(set.insert(), key));
        let children = Rc::new(RefCell::new(Vec::<Waker>::new()));
        let mut batch = set.begin(Waker::noop());
        while let Some(woken) = batch.next() {
            children.borrow_mut().push(woken.waker().clone());
        }
        let (inner_set, inner) = (set.clone(), children.clone());
        let depth = Cell::new(0);
        let wakers = [0, 1].map(|n| {
            let (set, children, depth) = (inner_set.clone(), inner.clone(), depth.clone());
            bomb(move |_| {
                if depth.replace(1) == 0 {
                    children.borrow().get(n).into_iter().for_each(Waker::wake_by_ref);
                    set.wake(2);
                    set.wake_owner();
                    depth.set(0);
                }
            })
        });
        for waker in wakers.iter().cycle().take(6) {
            let mut batch = set.begin(waker);
            let mut keys = Vec::new();
            while let Some(woken) = batch.next() {
                keys.push(woken.key());
            }
            keys.sort_unstable();
            keys.dedup();
            assert!(keys.contains(&2), "{keys:?}");
        }
        set.wake(1);
        defuse();
    });
}

#[test]
fn what_has_ended_panics_when_it_is_polled_again() {
    run_clean(async {
        let mut all = Box::pin(gather([ready(1)]));
        assert_eq!(poll_fn(|cx| Poll::Ready(all.as_mut().poll(cx))).await, Poll::Ready(vec![1]));
        let again = poll_fn(|cx| Poll::Ready(panic_of(|| all.as_mut().poll(cx)))).await;
        assert!(again.contains("when every child has one"), "{again}");
        let mut one = Box::pin(race([ready(1)]));
        assert_eq!(poll_fn(|cx| Poll::Ready(one.as_mut().poll(cx))).await, Poll::Ready(1));
        let again = poll_fn(|cx| Poll::Ready(panic_of(|| one.as_mut().poll(cx)))).await;
        assert!(again.contains("no winner"), "{again}");
    });
}

#[test]
fn destructors_of_losers_panic() {
    let (panic, heard) = run_watched(async {
        let loser = |n: u8| async move {
            let _last = on_drop(move || panic!("loser {n}"));
            pending::<u8>().await
        };
        caught(race([loser(1).boxed(), after(1, 0).boxed(), loser(2).boxed()])).await.unwrap_err()
    });
    assert_eq!((panic.as_str(), heard.len()), ("loser 1", 1), "{heard:?}");
}

#[test]
fn destructors_of_what_is_cut_panic() {
    let record = Record::new();
    let (panics, heard) = run_watched(async {
        let broken = |n: u8| async move {
            let _last = on_drop(move || panic!("cut {n}"));
            pending::<u8>().await
        };
        let all = || gather([broken(1).boxed(), tidy(&record, "branch", 5, pending()).boxed(), broken(2).boxed()]);
        let gathered = caught(timeout(ms(1), all())).await.map(drop).unwrap_err();
        // The same while the losers of a race are drained.
        let raced = caught(timeout(ms(2), race((async { all().await[0] }, after(1, 0))))).await.unwrap_err();
        let scoped = scope(async |s| {
            s.spawn(async { Ok::<_, Error>(broken(3).await) });
            s.spawn(async { tidy(&record, "child", 5, pending::<Result<(), Error>>()).await });
            s.spawn(async { Ok(broken(4).await) });
            pending::<Result<(), Error>>().await
        });
        let scoped = caught(timeout(ms(1), scoped)).await.map(drop).unwrap_err();
        [gathered, raced, scoped]
    });
    assert_eq!(panics, ["cut 1", "cut 1", "cut 4"]);
    assert_eq!((heard.len(), record.take().len()), (3, 3), "{heard:?}");
}

#[test]
fn a_body_that_panics_before_it_has_a_future_leaves_no_child_behind() {
    let drops = Drops::default();
    thread_local! {
        static DROPPED: Cell<usize> = const { Cell::new(0) };
    }
    fn body<'scope>(s: Scope<'scope, '_, Error>) -> Ready<Result<(), Error>> {
        let last = on_drop(move || {
            s.cancel("by a destructor");
            s.spawn(ready(Ok(())));
            DROPPED.set(DROPPED.get() + 1);
        });
        s.spawn(async move {
            let _last = last;
            Ok(())
        });
        panic!("before it has a future");
    }
    assert_eq!(panic_of(|| run_clean(scope(body))), "before it has a future");
    assert_eq!((DROPPED.get(), drops.count()), (1, 0));
}

#[test]
fn draining_many_children_takes_linear_time() {
    const COUNT: u64 = 10_000;
    let clean = |n: u64| finally(pending::<()>(), async move |_: Option<&()>| sleep(ms(n)).await);
    run_clean(timeout(ms(1), gather((0..COUNT).map(clean)))).unwrap_err();
    let ended = run_clean(timeout(
        ms(1),
        scope(async |s| {
            for n in 0..COUNT {
                s.spawn(async move {
                    clean(n).await;
                    Ok::<_, Error>(())
                });
            }
            pending::<Result<(), Error>>().await
        }),
    ));
    assert!(ended.is_err());
}

#[test]
fn a_sleeping_child_is_stopped_when_its_handle_is_cancelled_from_a_sibling_s_destructor() {
    run_clean(async {
        let ended = scope(async |s| {
            let victim = Rc::new(s.spawn(pending::<Result<(), Error>>()));
            let killer = victim.clone();
            s.spawn(async move {
                let _last = on_drop(move || assert!(killer.cancel("by a destructor")));
                sleep(ms(1)).await;
                Ok(())
            });
            Ok(())
        });
        assert!(timeout(ms(9), ended).await.unwrap().is_ok());
    });
}

#[test]
fn wake_ups_of_children_between_polls_reach_the_owner_that_polled_last() {
    run_clean(async {
        let slot = Rc::new(RefCell::new(None::<Waker>));
        let child = {
            let slot = slot.clone();
            poll_fn(move |cx: &mut Context<'_>| {
                *slot.borrow_mut() = Some(cx.waker().clone());
                Poll::<()>::Pending
            })
        };
        let mut all = Box::pin(gather([child]));
        let (one, first) = Wakes::new();
        let (two, second) = Wakes::new();
        assert!(all.as_mut().poll(&mut Context::from_waker(&first)).is_pending());
        assert!(all.as_mut().poll(&mut Context::from_waker(&second)).is_pending());
        slot.borrow().as_ref().unwrap().wake_by_ref();
        slot.borrow().as_ref().unwrap().wake_by_ref();
        assert_eq!((one.count(), two.count()), (0, 1));
        assert!(all.as_mut().poll(&mut Context::from_waker(&first)).is_pending());
        slot.take().unwrap().wake();
        assert_eq!((one.count(), two.count()), (1, 1));
    });
}

#[test]
fn grace_that_runs_out_stops_children_that_are_still_cleaning_up() {
    let (ended, heard) = run_watched(async {
        let around = CancelScope::new();
        around.set_grace(ms(3));
        let all = gather((0..3).map(|_| finally(pending::<()>(), async |_: Option<&()>| pending().await)));
        let canceller = async {
            sleep(ms(1)).await;
            around.cancel("enough");
        };
        futures::join!(around.run(all), canceller).0.map(drop)
    });
    assert_eq!((ended, heard.len()), (Err(Cancelled("enough".into())), 1), "{heard:?}");
}

/// One with clean-up and one without.
async fn tidy_or_not(is_tidy: bool, millis: u64) -> u64 {
    if is_tidy {
        finally(after(millis, millis), async |_: Option<&u64>| sleep(ms(1)).await).await
    } else {
        after(millis, millis).await
    }
}

#[test]
fn what_was_only_borrowed_by_cancelled_code_goes_on_with_what_is_left() {
    run_clean(async {
        let mut all = as_completed([tidy_or_not(true, 5), tidy_or_not(false, 9)]);
        assert_eq!(timeout(ms(1), all.next()).await, Err(Elapsed));
        assert_eq!((all.next().await, all.is_empty()), (None, true));

        let mut mapped =
            map_concurrent([(false, 1), (true, 5), (false, 2), (false, 2)], 3, async |(is_tidy, millis)| {
                tidy_or_not(is_tidy, millis).await
            });
        // The second is stopped, and the fourth never begins, as `next` leaves none half-way.
        assert_eq!(timeout(ms(3), mapped.next()).await, Ok(Some(1)));
        assert_eq!((mapped.next().await, mapped.next().await), (Some(2), None));

        // Nobody cleaned up, so nothing was stopped.
        let mut gathered = pin!(gather([tidy_or_not(false, 5), tidy_or_not(false, 9)]));
        assert_eq!(timeout(ms(1), gathered.as_mut()).await, Err(Elapsed));
        assert_eq!(gathered.await, [5, 9]);
    });
}

#[test]
#[should_panic(expected = "awaited again after a scope around it had been cancelled")]
fn a_gather_that_was_stopped_in_part_has_no_outcome_and_says_so() {
    run_clean(async {
        let mut gathered = pin!(gather([tidy_or_not(true, 5), tidy_or_not(false, 9)]));
        assert_eq!(timeout(ms(1), gathered.as_mut()).await, Err(Elapsed));
        gathered.await;
    });
}
