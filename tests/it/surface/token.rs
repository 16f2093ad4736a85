//! Tokens that stand alone: children, guards, runs.

use crate::kit::{
    bomb::{Op, bomb, defuse},
    probe::{Drops, Record, Wakes, at, ms, on_a_small_stack, panic_of},
    stage::{after, run_clean, run_watched},
};
use evenkeel::{
    CancelReason, CancelScope, Cancelled, Instant,
    cancel::{CancelToken, WaitCancelled},
    finally, race, run, shield, sleep, spawn, testing, timeout, yield_now,
};
use futures::FutureExt;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRng, TestRunner},
};
use std::{
    cell::{Cell, RefCell},
    future::{pending, ready},
    pin::Pin,
    rc::Rc,
    sync::{Arc, mpsc},
    task::{Context, Waker},
    thread,
};

fn why(text: &'static str) -> CancelReason {
    CancelReason::from(text)
}

/// Polls it once, with a waker that counts.
fn waiting(token: &CancelToken) -> (WaitCancelled, Arc<Wakes>) {
    let (wakes, waker) = Wakes::new();
    (polled_by(token, &waker), wakes)
}

fn polled_by(token: &CancelToken, waker: &Waker) -> WaitCancelled {
    let mut wait = token.cancelled();
    assert!(Pin::new(&mut wait).poll(&mut Context::from_waker(waker)).is_pending());
    wait
}

// ---- one token

#[test]
fn token_of_its_own_is_cancelled_once_for_all_its_clones() {
    for token in [CancelToken::new(), CancelToken::default()] {
        let clone = token.clone();
        assert!(!token.is_cancelled() && clone.reason().is_none());
        assert!(clone.cancel("first") && !token.cancel("second"));
        assert_eq!((token.is_cancelled(), token.reason()), (true, Some(why("first"))));
        assert_eq!(token.cancelled().now_or_never(), Some(why("first")), "without an executor, too");
    }
}

#[test]
fn token_wakes_all_who_wait_and_none_who_left() {
    let token = CancelToken::new();
    let (one, first) = waiting(&token);
    let (two, second) = waiting(&token);
    let (left, third) = waiting(&token.clone());
    drop(left);
    token.cancel("now");
    assert_eq!([first.count(), second.count(), third.count()], [1, 1, 0]);
    assert_eq!([one, two].map(FutureExt::now_or_never), [Some(why("now")), Some(why("now"))]);
}

#[test]
fn token_may_be_waited_for_when_all_handles_are_gone_by_nobody_but_who_waits() {
    let (wait, wakes) = waiting(&CancelToken::new());
    assert_eq!((wait.now_or_never(), wakes.count()), (None, 0), "nobody can cancel it any more");
}

// ---- children

#[test]
fn token_child_is_cancelled_with_its_parent_and_not_the_other_way() {
    let parent = CancelToken::new();
    let [one, two] = [parent.child_token(), parent.child_token()];
    let (wait, wakes) = waiting(&two);
    assert!(one.cancel("alone"));
    assert_eq!((parent.is_cancelled(), two.is_cancelled(), wakes.count()), (false, false, 0));
    assert!(parent.cancel("all"));
    assert_eq!([one.reason(), two.reason()], [Some(why("alone")), Some(why("all"))]);
    assert_eq!((wakes.count(), wait.now_or_never()), (1, Some(why("all"))));
}

#[test]
fn token_child_of_a_cancelled_one_is_born_cancelled() {
    let parent = CancelToken::new();
    parent.cancel("before");
    let child = parent.child_token();
    assert_eq!(child.reason(), Some(why("before")));
    assert_eq!(child.child_token().cancelled().now_or_never(), Some(why("before")));
}

#[test]
fn token_grandchildren_hear_of_every_ancestor() {
    for level in 0..4 {
        let mut line = vec![CancelToken::new()];
        for _ in 0..3 {
            line.push(line.last().unwrap().child_token());
        }
        let waits: Vec<_> = line.iter().map(waiting).collect();
        line[level].cancel("here");
        let heard: Vec<usize> = waits.iter().map(|(_, wakes)| wakes.count()).collect();
        assert_eq!(heard, [0, 1, 2, 3].map(|n| usize::from(n >= level)));
        assert!(line.iter().enumerate().all(|(n, token)| token.is_cancelled() == (n >= level)));
    }
}

#[test]
fn token_children_of_one_that_is_dropped_hear_of_its_ancestors() {
    for drop_at in 0..3 {
        let root = CancelToken::new();
        let one = root.child_token();
        let two = one.child_token();
        let leaf = two.child_token();
        let (wait, wakes) = waiting(&leaf);
        match drop_at {
            0 => drop((one, two)),
            1 => drop((two, one)),
            _ => drop(one),
        }
        assert!(!leaf.is_cancelled(), "a token that is dropped cancels nothing");
        root.cancel("from the top");
        assert_eq!((wakes.count(), wait.now_or_never()), (1, Some(why("from the top"))), "{drop_at}");
    }
}

#[test]
fn token_child_lives_on_when_its_parent_is_dropped() {
    let parent = CancelToken::new();
    let child = parent.child_token();
    let (wait, wakes) = waiting(&child);
    drop(parent);
    assert_eq!((child.is_cancelled(), wakes.count()), (false, 0));
    child.cancel("by itself");
    assert_eq!(wait.now_or_never(), Some(why("by itself")));
}

#[test]
fn token_child_of_a_scopes_is_cancelled_with_the_scope() {
    run_clean(async {
        let scope = CancelScope::new();
        let child = scope.token().child_token();
        let (wait, wakes) = waiting(&child);
        scope.cancel("the scope");
        assert_eq!((wakes.count(), wait.now_or_never()), (1, Some(why("the scope"))));

        // One that is dropped before its end.
        let scope = CancelScope::new();
        let child = scope.token().child_token();
        race((scope.run(pending::<()>()).map(drop), after(1, ()))).await;
        assert_eq!(child.reason(), Some(CancelReason::OwnerDropped));
    });
}

#[test]
fn token_child_of_a_scopes_counts_as_cancelled_when_what_is_around_is() {
    run_clean(async {
        let (outer, inner) = (CancelScope::new(), CancelScope::new());
        let grandchild = inner.token().child_token().child_token();
        let seen = grandchild.clone();
        let stop = outer.token();
        let work = outer.run(async {
            inner
                .run(shield(async {
                    yield_now().await;
                    assert!(!seen.is_cancelled());
                    stop.cancel("around");
                    assert!(seen.is_cancelled() && seen.reason().is_none());
                }))
                .await
                .unwrap();
            pending::<()>().await
        });
        assert_eq!(work.await, Err(Cancelled(why("around"))));
    });
}

#[test]
fn token_chain_of_children_is_dropped_on_a_small_stack() {
    on_a_small_stack(|| {
        let root = CancelToken::new();
        let mut line = vec![root.clone()];
        for _ in 0..50_000 {
            line.push(line.last().unwrap().child_token());
        }
        let leaf = line.last().unwrap().clone();
        // From the top, from the bottom, and none of them.
        let mut middle = line.split_off(25_000);
        while let Some(token) = middle.pop() {
            drop(token);
        }
        drop(line);
        root.cancel("deep");
        assert_eq!(leaf.reason(), Some(why("deep")));
        // A chain without a handle in between, whose last one goes.
        let mut token = CancelToken::new();
        for _ in 0..50_000 {
            token = token.child_token();
        }
        drop(token);
    });
}

#[test]
fn token_crowd_of_children_is_cancelled_in_their_order() {
    for is_remote in [false, true] {
        let parent = CancelToken::new();
        let remote = is_remote.then(|| parent.remote());
        let cancel = || match &remote {
            Some(remote) => remote.cancel("all"),
            None => parent.cancel("all"),
        };
        cancel_a_crowd(&parent, cancel);
        // From here, where others could, too.
        let parent = CancelToken::new();
        let _remote = is_remote.then(|| parent.remote());
        cancel_a_crowd(&parent, || parent.cancel("all"));
    }
}

fn cancel_a_crowd(parent: &CancelToken, cancel: impl FnOnce() -> bool) {
    let order = Record::new();
    let children: Vec<_> = (0..100)
        .map(|n| {
            let (child, order) = (parent.child_token(), order.clone());
            let waker = bomb(move |op| {
                if matches!(op, Op::Wake | Op::WakeByRef) {
                    order.add(n);
                }
            });
            (polled_by(&child, &waker), child)
        })
        .collect();
    drop(children.iter().step_by(2).map(|(_, child)| child.clone()).collect::<Vec<_>>());
    assert!(cancel());
    // Where a canceller on another thread would wake them, and then this one, they are woken twice.
    let woken = order.take();
    let rounds: Vec<_> = woken.chunks(100).collect();
    assert!(matches!(rounds.len(), 1 | 2) && rounds.iter().all(|round| round.iter().copied().eq(0..100)), "{woken:?}");
    defuse();
}

// ---- hostile wakers

#[test]
fn token_wakers_find_all_children_cancelled_already() {
    let parent = CancelToken::new();
    let children: Rc<Vec<CancelToken>> = Rc::new((0..3).map(|_| parent.child_token().child_token()).collect());
    let calls = Rc::new(Cell::new(0));
    let (seen, count) = (children.clone(), calls.clone());
    let waker = bomb(move |op| {
        if matches!(op, Op::Wake | Op::WakeByRef) {
            assert!(seen.iter().all(|child| child.reason() == Some(why("all"))));
            count.set(count.get() + 1);
        }
    });
    let waits: Vec<_> = children.iter().chain([&parent]).map(|token| polled_by(token, &waker)).collect();
    parent.cancel("all");
    assert_eq!(calls.get(), 4);
    drop(waits);
    defuse();
}

#[test]
fn token_waker_that_panics_costs_no_other_its_wake_up() {
    let ((), heard) = run_watched(async {
        let parent = CancelToken::new();
        let [one, two] = [parent.child_token(), parent.child_token()];
        let waker = bomb(|op| assert!(!matches!(op, Op::Wake | Op::WakeByRef), "no"));
        let first = polled_by(&one, &waker);
        let (second, wakes) = waiting(&two);
        assert!(parent.cancel("all"));
        assert_eq!(wakes.count(), 1);
        assert_eq!([first, second].map(FutureExt::now_or_never), [Some(why("all")), Some(why("all"))]);
        defuse();
    });
    assert_eq!(heard.len(), 1, "{heard:?}");
}

#[test]
fn token_waker_may_make_and_drop_children_and_cancel_them() {
    let parent = CancelToken::new();
    let family: Rc<RefCell<Vec<CancelToken>>> = Rc::new(RefCell::new((0..5).map(|_| parent.child_token()).collect()));
    let born: Rc<RefCell<Vec<CancelToken>>> = Rc::default();
    let (own, all, new) = (parent.clone(), family.clone(), born.clone());
    let waker = bomb(move |op| {
        if matches!(op, Op::Wake | Op::WakeByRef) {
            let gone = all.borrow_mut().pop();
            drop(gone);
            assert!(!own.cancel("again"));
            new.borrow_mut().push(own.child_token());
        }
    });
    let waits: Vec<_> = family.borrow().iter().map(|token| polled_by(token, &waker)).collect();
    parent.cancel("all");
    assert_eq!((family.borrow().len(), born.borrow().len()), (0, 5));
    assert!(born.borrow().iter().all(|token| token.reason() == Some(why("all"))));
    drop(waits);
    defuse();
}

// ---- guards

#[test]
fn token_guard_cancels_when_it_goes_and_not_when_it_is_disarmed() {
    let token = CancelToken::new();
    let guard = token.clone().drop_guard();
    assert!(!token.is_cancelled());
    assert!(!guard.token().is_cancelled());
    let back = guard.disarm();
    assert!(!token.is_cancelled() && !back.is_cancelled());
    drop(back.drop_guard());
    assert_eq!(token.reason(), Some(CancelReason::OwnerDropped));
    let asked = CancelToken::new();
    let guard = asked.clone().drop_guard();
    asked.cancel("before");
    drop(guard);
    assert_eq!(asked.reason(), Some(why("before")));
}

#[test]
fn token_guard_cancels_also_by_a_panic_and_with_a_future_that_is_dropped() {
    let token = CancelToken::new();
    let guard = token.clone().drop_guard();
    panic_of(move || {
        let _guard = guard;
        panic!("in the middle")
    });
    assert!(token.is_cancelled());
    run_clean(async {
        let token = CancelToken::new();
        let guarded = token.clone();
        let work = spawn(async move {
            let _guard = guarded.drop_guard();
            pending::<()>().await
        });
        yield_now().await;
        drop(work);
        assert_eq!(token.cancelled().await, CancelReason::OwnerDropped);
    });
}

#[test]
fn token_guard_of_a_parent_stops_the_children() {
    let parent = CancelToken::new();
    let child = parent.child_token();
    let guard = parent.drop_guard();
    drop(child.clone().drop_guard().disarm());
    assert!(!child.is_cancelled());
    drop(guard);
    assert_eq!(child.reason(), Some(CancelReason::OwnerDropped));
}

// ---- runs

#[test]
fn token_run_gives_the_value_or_none() {
    run_clean(async {
        let token = CancelToken::new();
        assert_eq!(token.run_until_cancelled(after(5, 7)).await, Some(7));
        let stop = token.clone();
        let _stopper = spawn(async move {
            sleep(ms(5)).await;
            stop.cancel("enough")
        });
        assert_eq!(token.run_until_cancelled(pending::<u8>()).await, None);
        assert_eq!(Instant::now(), at(10));
    });
}

#[test]
fn token_run_of_a_cancelled_one_does_not_start() {
    run_clean(async {
        let (token, drops) = (CancelToken::new(), Drops::default());
        token.cancel("before");
        let guard = drops.guard();
        let work = async move {
            let _guard = guard;
            unreachable!("it was started")
        };
        assert_eq!(token.run_until_cancelled(work).await, None::<()>);
        assert_eq!(drops.count(), 1);
    });
}

#[test]
fn token_run_of_a_cancelled_one_and_a_scope_that_was_cancelled_before_give_way_at_times() {
    run_clean(async {
        let token = CancelToken::new();
        token.cancel("before");
        let looping = spawn(async move {
            loop {
                assert_eq!(token.run_until_cancelled(pending::<()>()).await, None);
            }
        });
        let looping_too = spawn(async {
            loop {
                let scope = CancelScope::new();
                scope.cancel("before");
                assert!(scope.run(pending::<()>()).await.is_err());
            }
        });
        for _ in 0..3 {
            yield_now().await;
        }
        assert!(!looping.is_finished() && !looping_too.is_finished());
    });
}

#[test]
fn token_run_does_not_start_if_what_is_around_the_tokens_scope_is_cancelled() {
    testing::run(async {
        let (outer, inner) = (CancelScope::new(), CancelScope::new());
        let tokens = [inner.token(), inner.token().child_token(), inner.token().child_token().child_token()];
        let outside = outer.clone();
        let asker = spawn(async move {
            yield_now().await;
            outside.cancel("around");
            for token in &tokens {
                assert!(token.is_cancelled() && token.child_token().is_cancelled());
                let work = async { unreachable!("it was started") };
                assert_eq!(token.run_until_cancelled(work).await, None::<()>);
            }
        });
        let body = finally(inner.run(pending::<()>()), async |_: Option<&_>| sleep(ms(10)).await);
        assert!(outer.run(body).await.is_err());
        asker.await.unwrap();
    });
}

#[test]
fn token_run_waits_for_clean_up_and_for_what_is_shielded() {
    run_clean(async {
        let token = CancelToken::new();
        let (stop, record) = (token.clone(), Record::new());
        let _stopper = spawn(async move {
            sleep(ms(5)).await;
            stop.cancel("enough")
        });
        // It borrows.
        let body = async {
            shield(sleep(ms(20))).await;
            pending::<()>().await
        };
        let work = finally(body, async |_: Option<&()>| {
            sleep(ms(10)).await;
            record.add(Instant::now());
        });
        assert_eq!(token.run_until_cancelled(work).await, None);
        assert_eq!((record.take(), Instant::now()), (vec![at(30)], at(30)));
    });
}

#[test]
fn token_run_that_is_ready_when_the_token_is_cancelled_gives_its_value() {
    run_clean(async {
        let (token, stop) = (CancelToken::new(), CancelToken::new());
        let both = token.clone();
        let _stopper = spawn(async move {
            sleep(ms(5)).await;
            // It was woken before the token is cancelled, and is polled once more.
            stop.cancel("now");
            both.cancel("enough");
        });
        assert_eq!(token.run_until_cancelled(ready(7)).await, Some(7));
        let at_once = token.run_until_cancelled(async {
            sleep(ms(5)).await;
            7
        });
        assert_eq!(at_once.await, Some(7), "both were due in one turn");
    });
}

#[test]
fn token_run_may_be_cancelled_from_inside_and_by_an_ancestor() {
    run_clean(async {
        let root = CancelToken::new();
        let token = root.child_token().child_token();
        let inside = token.clone();
        let outcome = token.run_until_cancelled(async {
            inside.cancel("I am tired");
            pending::<()>().await
        });
        assert_eq!(outcome.await, None);

        let token = root.child_token();
        let _stopper = spawn(async move {
            sleep(ms(5)).await;
            root.cancel("all")
        });
        let both = spawn({
            let token = token.clone();
            async move { token.run_until_cancelled(pending::<()>()).await }
        });
        assert_eq!(token.run_until_cancelled(pending::<()>()).await, None);
        assert_eq!(both.await.unwrap(), None);
    });
}

#[test]
fn token_run_is_a_future_of_its_own_that_may_be_dropped() {
    run_clean(async {
        let (token, drops) = (CancelToken::new(), Drops::default());
        let run = {
            let guard = drops.guard();
            token.clone().run_until_cancelled(async move {
                let _guard = guard;
                pending::<()>().await
            })
        };
        let task = spawn(run);
        yield_now().await;
        drop(task);
        yield_now().await;
        assert_eq!((drops.count(), token.is_cancelled()), (1, false), "what runs by a token does not cancel it");
        assert!(timeout(ms(1), token.run_until_cancelled(pending::<()>())).await.is_err());
        assert!(!token.is_cancelled());
    });
}

#[test]
fn token_run_in_a_cancelled_scope_returns_nothing() {
    testing::run(async {
        let (scope, token) = (CancelScope::new(), CancelToken::new());
        let both = (scope.clone(), token.clone());
        let _stopper = spawn(async move {
            both.1.cancel("the token");
            both.0.cancel("the scope");
        });
        let outcome = scope.run(async {
            token.run_until_cancelled(pending::<()>()).await;
            unreachable!("the code around is stopped, too")
        });
        assert_eq!(outcome.await, Err::<(), _>(Cancelled(why("the scope"))));
    });
}

// ---- other threads

#[test]
fn token_remote_cancels_the_children_too() {
    // Children that are there when the form for other threads is made, and such as come later.
    for comes_first in [true, false] {
        run(async {
            let parent = CancelToken::new();
            let early = comes_first.then(|| parent.child_token().child_token());
            let begun = early.as_ref().map(waiting);
            let remote = parent.remote();
            let child = early.unwrap_or_else(|| parent.child_token().child_token());
            let heard = child.remote();
            let (done, when) = mpsc::channel::<()>();
            let killer = thread::spawn(move || {
                when.recv().unwrap();
                assert!(!heard.is_cancelled());
                remote.cancel("from a thread");
                heard.reason()
            });
            let waiter = child.clone();
            let task = spawn(async move { waiter.run_until_cancelled(pending::<()>()).await });
            let second = spawn(child.cancelled());
            yield_now().await;
            done.send(()).unwrap();
            assert_eq!(killer.join().unwrap(), Some(why("from a thread")), "seen there at once");
            assert_eq!(child.reason(), Some(why("from a thread")));
            assert_eq!((task.await.unwrap(), second.await.unwrap()), (None, why("from a thread")));
            assert!(begun.is_none_or(|(wait, _)| wait.now_or_never() == Some(why("from a thread"))));
        });
    }
}

#[test]
fn token_remote_of_a_child_cancels_the_child_alone() {
    run(async {
        let parent = CancelToken::new();
        let _part = parent.remote();
        let [one, two] = [parent.child_token(), parent.child_token()];
        let remote = one.remote();
        thread::spawn(move || remote.cancel("one")).join().unwrap();
        assert_eq!((one.reason(), two.is_cancelled(), parent.is_cancelled()), (Some(why("one")), false, false));
        parent.cancel("all");
        assert_eq!([one.remote().reason(), two.remote().reason()], [Some(why("one")), Some(why("all"))]);
    });
}

#[test]
fn token_reasons_stay_who_was_first_on_whatever_thread() {
    let parent = CancelToken::new();
    let child = parent.child_token();
    let (far_parent, far_child) = (parent.remote(), child.remote());
    far_child.cancel("the child, far away");
    assert!(parent.cancel("all, here"));
    assert_eq!(child.reason(), Some(why("the child, far away")), "the lock decides");
    assert_eq!((far_parent.reason(), far_child.reason()), (parent.reason(), child.reason()));
    assert_eq!(child.child_token().reason(), Some(why("the child, far away")));
}

#[test]
fn token_remote_of_cancelled_children_keeps_their_reasons() {
    let parent = CancelToken::new();
    let child = parent.child_token();
    let grandchild = child.child_token();
    grandchild.cancel("grandchild");
    child.cancel("child");
    parent.cancel("parent");
    let far = [parent.remote(), child.remote(), grandchild.remote()];
    assert_eq!(far.map(|remote| remote.reason()), ["parent", "child", "grandchild"].map(|text| Some(why(text))));
}

// ---- random trees against a model

#[derive(Clone, Copy, Debug)]
enum Deed {
    Child(usize),
    Clone(usize),
    Drop(usize),
    Wait(usize),
    Leave(usize),
    Cancel(usize),
    /// The form for other threads, which is kept.
    Remote(usize),
    CancelRemote(usize),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let any = any::<usize>;
    let deed = prop_oneof![
        8 => any().prop_map(Deed::Child),
        2 => any().prop_map(Deed::Clone),
        5 => any().prop_map(Deed::Drop),
        5 => any().prop_map(Deed::Wait),
        2 => any().prop_map(Deed::Leave),
        2 => any().prop_map(Deed::Cancel),
        1 => any().prop_map(Deed::Remote),
        1 => any().prop_map(Deed::CancelRemote),
    ];
    prop::collection::vec(deed, 1..60)
}

/// What a token is to be: its parent, and why it was cancelled.
#[derive(Default)]
struct Model(Vec<(Option<usize>, Option<usize>)>);

impl Model {
    fn child_of(&mut self, parent: Option<usize>) -> usize {
        let reason = parent.and_then(|parent| self.0[parent].1);
        self.0.push((parent, reason));
        self.0.len() - 1
    }

    fn cancel(&mut self, token: usize, reason: usize) -> bool {
        if self.0[token].1.is_some() {
            return false;
        }
        self.0[token].1 = Some(reason);
        for child in 0..self.0.len() {
            if self.0[child].0 == Some(token) {
                self.cancel(child, reason);
            }
        }
        true
    }
}

fn follow(deeds: &[Deed]) {
    let mut model = Model::default();
    let mut tokens = vec![(model.child_of(None), CancelToken::new())];
    let (mut waits, mut remotes) = (Vec::new(), Vec::new());
    let text = |number: usize| CancelReason::from(number.to_string());
    for (n, deed) in deeds.iter().enumerate() {
        match *deed {
            Deed::Child(of) | Deed::Clone(of) if !tokens.is_empty() => {
                let (number, token) = &tokens[of % tokens.len()];
                let new = match deed {
                    Deed::Child(_) => (model.child_of(Some(*number)), token.child_token()),
                    _ => (*number, token.clone()),
                };
                tokens.push(new);
            }
            Deed::Drop(which) if !tokens.is_empty() => drop(tokens.swap_remove(which % tokens.len())),
            Deed::Wait(on) if !tokens.is_empty() => {
                let (number, token) = &tokens[on % tokens.len()];
                if model.0[*number].1.is_none() {
                    let (wakes, waker) = Wakes::new();
                    waits.push((*number, polled_by(token, &waker), wakes, waker));
                }
            }
            Deed::Leave(which) if !waits.is_empty() => drop(waits.swap_remove(which % waits.len())),
            Deed::Cancel(which) if !tokens.is_empty() => {
                let (number, token) = &tokens[which % tokens.len()];
                assert_eq!(token.cancel(n.to_string()), model.cancel(*number, n), "{deeds:?} at {n}");
            }
            Deed::Remote(of) if !tokens.is_empty() => {
                let (number, token) = &tokens[of % tokens.len()];
                remotes.push((*number, token.remote()));
            }
            Deed::CancelRemote(which) if !remotes.is_empty() => {
                let (number, remote) = &remotes[which % remotes.len()];
                assert_eq!(remote.cancel(n.to_string()), model.cancel(*number, n), "{deeds:?} at {n}");
            }
            _ => {}
        }
        for (number, remote) in &remotes {
            assert_eq!(remote.reason(), model.0[*number].1.map(text), "{deeds:?} at {n}");
        }
        for (number, wait, wakes, waker) in &mut waits {
            let is_cancelled = model.0[*number].1.is_some();
            assert!(wakes.count() > 0 || !is_cancelled, "{deeds:?} at {n}");
            if !is_cancelled && wakes.count() > 0 {
                // It is to make itself known to other threads.
                assert!(matches!(deed, Deed::Remote(_)), "{deeds:?} at {n}");
                (*wakes, *waker) = Wakes::new();
                assert!(Pin::new(wait).poll(&mut Context::from_waker(waker)).is_pending());
            }
        }
        for (number, token) in &tokens {
            let reason = model.0[*number].1.map(text);
            assert_eq!((token.is_cancelled(), token.reason()), (reason.is_some(), reason), "{deeds:?} at {n}");
        }
    }
    for (number, wait, ..) in waits {
        assert_eq!(wait.now_or_never(), model.0[number].1.map(text), "{deeds:?}");
    }
}

#[test]
fn token_trees_do_what_their_model_does() {
    let config = Config { cases: 2_000, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(config.rng_algorithm);
    let outcome = TestRunner::new_with_rng(config, rng).run(&deeds(), |program| {
        follow(&program);
        Ok(())
    });
    outcome.unwrap();
}
