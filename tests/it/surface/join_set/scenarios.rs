//! What a set promises.

use super::{Set, after, run_heard};
use crate::kit::{
    groups::{Group, fail, value},
    probe::{Drops, Record, at, ms, on_drop, reason_of},
    stage::{run_clean, run_told},
};
use evenkeel::{
    CancelReason, Instant, JoinError, Supervisor, current_task, finally, group::JoinSet, sleep, spawn, timeout,
    yield_now,
};
use futures::StreamExt;
use std::{
    cell::{Cell, RefCell},
    future::pending,
    pin::pin,
    rc::Rc,
};

#[test]
fn group_21_outcomes_come_in_the_order_in_which_the_children_have_ended() {
    run_clean(Group::run(async |group| {
        let mut set = group.join_set();
        for n in [3, 1, 2] {
            set.spawn(after(n, n));
        }
        let mut seen = Vec::new();
        while let Some(n) = set.join_next().await {
            seen.push((n.unwrap(), Instant::now()));
        }
        assert_eq!(seen, [(1, at(1)), (2, at(2)), (3, at(3))]);
        Ok(())
    }))
    .unwrap();
}

#[test]
fn those_that_have_ended_in_one_turn_come_in_the_order_of_their_ends() {
    run_clean(Group::run(async |group| {
        let mut set = group.join_set();
        for n in 0..5 {
            set.spawn(after(1, n));
        }
        sleep(ms(2)).await;
        let mut seen = Vec::new();
        while let Some(n) = set.try_join_next() {
            seen.push(n.unwrap());
        }
        assert_eq!(seen, [0, 1, 2, 3, 4]);
        Ok(())
    }))
    .unwrap();
}

#[test]
fn a_set_grows_while_it_is_joined() {
    run_clean(Group::run(async |group| {
        let mut set = group.join_set();
        set.spawn(after(1, 1));
        let mut count = 0;
        while let Some(n) = set.join_next().await {
            count += 1;
            let n = n.unwrap();
            if n < 32 {
                set.spawn(after(1, 2 * n));
                set.spawn(after(1, 2 * n));
            }
        }
        assert_eq!((count, Instant::now()), (63, at(6)));
        Ok(())
    }))
    .unwrap();
}

#[test]
fn a_set_without_children_yields_none_at_once_and_works_later() {
    run_clean(Group::run(async |group| {
        let mut set: Set<u8> = group.join_set();
        assert!(set.is_empty() && set.join_next().await.is_none() && set.try_join_next().is_none());
        set.spawn(after(1, 7));
        assert_eq!((set.len(), set.try_join_next().is_none()), (1, true));
        assert_eq!(set.join_next().await.unwrap().unwrap(), 7);
        assert!(set.is_empty() && set.join_next().await.is_none());
        Ok(())
    }))
    .unwrap();
}

#[test]
fn the_length_counts_those_that_run_and_those_that_were_not_joined() {
    run_clean(Group::run(async |group| {
        let mut set = group.join_set();
        set.spawn(after(1, ()));
        set.spawn(after(5, ()));
        sleep(ms(2)).await;
        assert_eq!((set.len(), group.stats().children), (2, 1));
        set.join_next().await.unwrap().unwrap();
        assert_eq!(set.len(), 1);
        set.join_next().await.unwrap().unwrap();
        assert_eq!(set.len(), 0);
        Ok(())
    }))
    .unwrap();
}

#[test]
fn group_21_a_child_that_fails_or_panics_tells_its_set_and_cancels_nobody() {
    run_clean(Group::run(async |group| {
        let sibling = group.spawn(value(5, "sibling"));
        let mut set = group.join_set();
        set.spawn(async { Err::<u8, _>("an error is a value") });
        assert_eq!(set.join_next().await.unwrap().unwrap(), Err("an error is a value"));
        set.spawn(async { panic!("a panic is told") });
        let Some(Err(JoinError::Panicked(panic))) = set.join_next().await else { panic!("it panicked") };
        assert_eq!(panic.message(), "a panic is told");
        assert_eq!((group.is_cancelled(), group.stats().failed), (false, 0));
        assert_eq!(sibling.await, "sibling");
        Ok(())
    }))
    .unwrap();
}

#[test]
fn the_panic_has_its_payload() {
    run_clean(Group::run(async |group| {
        let mut set: Set<()> = group.join_set();
        set.spawn(async { std::panic::panic_any(42_u64) });
        let Some(Err(JoinError::Panicked(panic))) = set.join_next().await else { panic!("it panicked") };
        assert_eq!(panic.into_payload().downcast_ref(), Some(&42_u64));
        Ok(())
    }))
    .unwrap();
}

#[test]
fn a_child_that_is_cancelled_is_told_with_its_reason_after_its_clean_up() {
    run_clean(Group::run(async |group| {
        let mut set: Set<()> = group.join_set();
        let child = set.spawn(finally(pending(), async |_: Option<&()>| sleep(ms(3)).await)).named("slow");
        yield_now().await;
        child.cancel("not needed");
        assert_eq!(reason_of(set.join_next().await.unwrap()), "not needed".into());
        assert_eq!(Instant::now(), at(3));
        assert!(child.is_finished() && !group.is_cancelled());
        Ok(())
    }))
    .unwrap();
}

#[test]
fn a_child_that_never_began_is_told_as_cancelled_too() {
    run_clean(Group::run(async |group| {
        let drops = Drops::default();
        let mut set: Set<()> = group.join_set();
        let guard = drops.guard();
        let child = set.spawn(async move {
            let _guard = guard;
            unreachable!("it was cancelled before it began");
        });
        child.cancel("at once");
        assert_eq!(reason_of(set.join_next().await.unwrap()), "at once".into());
        assert_eq!(drops.count(), 1);
        Ok(())
    }))
    .unwrap();
}

#[test]
fn cancel_all_stops_the_newest_first_and_all_are_told() {
    run_clean(Group::run(async |group| {
        let record = Record::new();
        let mut set: Set<()> = group.join_set();
        for n in 0..3 {
            let says = record.clone();
            set.spawn(async move {
                let _stopped = on_drop(|| says.add(n));
                pending().await
            });
        }
        set.spawn(async {});
        yield_now().await;
        set.cancel_all("enough");
        assert_eq!(set.len(), 4);
        set.join_next().await.unwrap().unwrap();
        while let Some(outcome) = set.join_next().await {
            assert_eq!(reason_of(outcome), "enough".into());
        }
        assert_eq!(record.take(), [2, 1, 0]);
        Ok(())
    }))
    .unwrap();
}

#[test]
fn abort_all_stops_without_clean_up() {
    let ((), heard) = run_heard(async {
        let outcome = Group::run(async |group| {
            let mut set: Set<()> = group.join_set();
            set.spawn(finally(pending(), async |_: Option<&()>| unreachable!("it is not to clean up")));
            yield_now().await;
            set.abort_all();
            assert_eq!(reason_of(set.join_next().await.unwrap()), CancelReason::Aborted);
            assert_eq!(Instant::now(), at(0));
            Ok(())
        });
        outcome.await.unwrap();
    });
    assert!(heard.is_empty(), "{heard:?}");
}

#[test]
fn shutdown_cancels_and_waits_and_reports_what_nobody_reads() {
    let ((), heard) = run_heard(async {
        let outcome = Group::run(async |group| {
            let mut set: Set<Result<(), &str>> = group.join_set();
            set.spawn(async { Err("disk full") });
            set.spawn(async { panic!("out of cheese") });
            set.spawn(async { Ok(()) });
            set.spawn(finally(pending(), async |_: Option<&_>| sleep(ms(3)).await));
            yield_now().await;
            set.shutdown("closing").await;
            assert_eq!((Instant::now(), set.len()), (at(3), 0));
            set.spawn(async { Ok(()) });
            assert!(set.join_next().await.unwrap().is_ok());
            Ok(())
        });
        outcome.await.unwrap();
    });
    assert_eq!(heard, ["error: \"disk full\"", "panic: out of cheese"]);
}

#[test]
fn join_all_yields_every_outcome() {
    run_clean(Group::run(async |group| {
        let set = group.join_set();
        set.spawn(after(2, 'b'));
        set.spawn(after(1, 'a'));
        set.spawn(async { panic!("x") });
        let outcomes: Vec<_> = set.join_all().await.into_iter().map(Result::ok).collect();
        assert_eq!(outcomes, [None, Some('a'), Some('b')]);
        Ok(())
    }))
    .unwrap();
}

#[test]
fn group_22_a_set_that_is_dropped_cancels_its_children_and_the_group_waits_for_them() {
    let (outcome, heard) = run_heard(async {
        let record = Record::new();
        let outcome = Group::run(async |group| {
            let set: Set<Result<(), &str>> = group.join_set();
            let says = record.clone();
            set.spawn(finally(pending(), async move |_: Option<&_>| {
                says.add(current_task().cancel_reason().unwrap());
                sleep(ms(4)).await;
            }));
            set.spawn(async { Err("unread") });
            set.spawn(async { panic!("unseen") });
            set.spawn(finally(pending(), async |_: Option<&_>| panic!("in clean-up")));
            sleep(ms(1)).await;
            drop(set);
            assert!(!group.is_cancelled());
            Ok(group.stats().children)
        });
        (outcome.await.unwrap(), Instant::now(), record.take())
    });
    assert_eq!(outcome, (2, at(5), vec![CancelReason::OwnerDropped]));
    assert_eq!(heard, ["error: \"unread\"", "panic: unseen", "panic: in clean-up"]);
}

/// Read by nobody as the set is dropped, as it shuts down, and after it is gone; by then some of the children have no task any more.
#[test]
fn group_22_what_nobody_reads_is_reported_with_its_own_childs_identity_name_and_place() {
    let line = line!() + 8;
    for how in ["dropped", "shut down", "late"] {
        let expected = Record::new();
        let expects = expected.clone();
        let main = async move {
            let joiner = Group::run(async move |group| {
                let mut set: Set<Result<(), &str>> = group.join_set();
                for (name, panics) in [("a", false), ("b", true)] {
                    let child = set.spawn(async move {
                        if how == "late" {
                            // It is woken in the turn in which it is cancelled, and ends in its last poll.
                            sleep(ms(1)).await;
                        }
                        if panics { panic!("it panicked") } else { Err("it failed") }
                    });
                    expects.add(format!("{:?} {name} {line}", child.named(name).id()));
                }
                sleep(ms(1)).await;
                if how == "shut down" {
                    set.shutdown("enough").await
                } else {
                    drop(set)
                }
                Ok(())
            });
            spawn(joiner).named("joiner").await.unwrap().unwrap();
        };
        let ((), heard) = run_told(main, |what| {
            format!("{:?} {} {}", what.id(), what.name().unwrap_or("?"), what.location().unwrap().line())
        });
        assert_eq!(heard, expected.take(), "{how}");
    }
}

#[test]
fn the_group_ends_after_a_sets_children_and_cancels_them_when_it_fails() {
    let (outcome, heard) = run_heard(async {
        let kept: Rc<RefCell<Option<Set<u8>>>> = Rc::default();
        let keeps = kept.clone();
        let outcome = Group::run(async move |group| {
            let set = group.join_set();
            set.spawn(finally(pending(), async |_: Option<&_>| sleep(ms(3)).await));
            set.spawn(after(1, 7));
            *keeps.borrow_mut() = Some(set);
            group.spawn(fail(2, "it failed"));
            Ok(())
        });
        let error = outcome.await.unwrap_err();
        assert_eq!((error.into_errors(), Instant::now()), (vec!["it failed"], at(5)));
        // The set outlives its group: what has ended can be joined, and what is spawned is cancelled from birth.
        let mut set = kept.take().unwrap();
        assert_eq!(set.join_next().await.unwrap().unwrap(), 7);
        assert!(matches!(reason_of(set.join_next().await.unwrap()), CancelReason::SiblingFailed { .. }));
        set.spawn(async { 8 });
        assert_eq!(set.len(), 1);
        set.join_next().await
    });
    assert!(matches!(reason_of(outcome.unwrap()), CancelReason::SiblingFailed { .. }));
    assert!(heard.is_empty(), "{heard:?}");
}

#[test]
fn a_wait_that_is_dropped_leaves_the_outcome_in_the_set() {
    run_clean(Group::run(async |group| {
        let mut set = group.join_set();
        set.spawn(after(2, 7));
        assert!(timeout(ms(1), set.join_next()).await.is_err());
        {
            let mut wait = pin!(set.join_next());
            assert!(futures::poll!(&mut wait).is_pending());
            sleep(ms(2)).await;
        }
        assert_eq!(set.join_next().await.unwrap().unwrap(), 7);
        Ok(())
    }))
    .unwrap();
}

#[test]
fn slots_bound_a_sets_fan_out() {
    run_clean(async {
        let most = Rc::new(Cell::new(0));
        let outcome = Group::builder().limit(3).run(async |group| {
            let mut set = group.join_set();
            for n in 0..9 {
                group.slot().await.spawn_into(&set, after(n % 3, n));
                most.set(most.get().max(group.stats().children));
                assert_eq!(group.stats().slots_used, group.stats().children);
            }
            let mut sum = 0;
            while let Some(n) = set.join_next().await {
                sum += n.unwrap();
            }
            Ok(sum)
        });
        assert_eq!((outcome.await.unwrap(), most.get()), (36, 3));
    });
}

#[test]
fn a_slot_of_another_group_is_refused_and_given_back() {
    run_clean(async {
        let outcome = Group::builder().limit(1).run(async |outer| {
            let set: Set<()> = Group::run(async |inner| Ok(inner.join_set())).await.unwrap();
            let slot = outer.slot().await;
            let text = evenkeel_testkit::panic_of(|| drop(slot.spawn_into(&set, async {})));
            assert!(text.contains("a slot of one group and a join set of another"), "{text}");
            assert!(outer.try_slot().is_some() && set.is_empty());
            Ok(())
        });
        outcome.await.unwrap();
    });
}

#[test]
fn a_set_is_a_stream() {
    run_clean(Group::run(async |group| {
        let mut set = group.join_set();
        for n in [2, 1] {
            set.spawn(after(n, n));
        }
        let seen: Vec<_> = set.by_ref().map(Result::unwrap).collect().await;
        assert_eq!(seen, [1, 2]);
        set.spawn(async { 3 });
        assert_eq!(set.next().await.unwrap().unwrap(), 3);
        assert!(set.next().await.is_none());
        Ok(())
    }))
    .unwrap();
}

#[test]
fn ids_name_the_children() {
    run_clean(Group::run(async |group| {
        let mut set = group.join_set();
        let slow = set.spawn(after(2, ())).id().unwrap();
        let quick = set.spawn(async { panic!("x") }).id().unwrap();
        let (first, outcome) = set.join_next_with_id().await.unwrap();
        assert!(outcome.is_err() && first == quick);
        sleep(ms(2)).await;
        assert_eq!(set.try_join_next_with_id().unwrap().0, slow);
        Ok(())
    }))
    .unwrap();
}

#[test]
fn in_a_supervisor_a_sets_children_fail_to_the_set_too() {
    run_clean(Supervisor::<&str>::run(async |supervisor| {
        let mut set: JoinSet<Result<(), &str>, &str> = supervisor.join_set();
        set.spawn(async { Err("mine") });
        set.spawn(async { panic!("mine, too") });
        assert_eq!(set.join_next().await.unwrap().unwrap(), Err("mine"));
        assert!(set.join_next().await.unwrap().is_err());
        Ok(supervisor.stats().failed)
    }))
    .map(|failed| assert_eq!(failed, 0))
    .unwrap();
}

#[test]
fn a_thousand_that_are_ready_give_way_to_others() {
    run_clean(Group::run(async |group| {
        let mut set = group.join_set();
        for n in 0..1_000 {
            set.spawn(async move { n });
        }
        sleep(ms(1)).await;
        let turns = Rc::new(Cell::new(0));
        let count = turns.clone();
        let other = spawn(async move {
            loop {
                yield_now().await;
                count.set(count.get() + 1);
            }
        });
        while let Some(n) = set.join_next().await {
            n.unwrap();
        }
        drop(other);
        assert!(turns.get() > 1, "{}", turns.get());
        Ok(())
    }))
    .unwrap();
}
