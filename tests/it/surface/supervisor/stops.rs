//! No restarts any more.

use super::{Run, Words, plays, run_heard};
use crate::kit::{
    groups::{fail, value},
    probe::{Record, at, ms, on_drop, reason_of},
};
use evenkeel::{
    CancelScope, Executor, Instant, TaskGroup, finally, group::Restart, sleep, spawn, testing::VirtualClock, yield_now,
};
use std::{
    cell::{Cell, RefCell},
    future::pending,
    rc::Rc,
    time::Duration,
};

#[test]
fn a_wait_before_a_restart_ends_at_once_when_the_supervisor_is_cancelled() {
    let begins = Record::new();
    let (outcome, _) = run_heard(async {
        let supervised = Words::run(async |supervisor| {
            let hour = Duration::from_secs(3_600);
            let restart = Restart::always().backoff(hour, 1, hour);
            let child = supervisor.spawn_restarting(restart, plays(begins.clone(), vec![(1, Run::Fails)]));
            sleep(ms(2)).await;
            assert!(child.is_waiting());
            supervisor.cancel("enough");
            pending::<()>().await;
            Ok(())
        });
        let outcome = supervised.await;
        assert_eq!(Instant::now(), at(2));
        outcome
    });
    assert_eq!(outcome.unwrap_err().reason(), Some(&"enough".into()));
    assert_eq!(begins.take(), [0]);
}

#[test]
fn a_child_that_is_cancelled_alone_is_not_restarted() {
    let begins = Record::new();
    let (outcome, heard) = run_heard(Words::run(async |supervisor| {
        let mut runs = supervisor.spawn_restarting(Restart::always(), plays(begins.clone(), vec![(100, Run::Ends)]));
        let backoff = Restart::always().backoff(ms(50), 1, ms(50));
        let mut waits = supervisor.spawn_restarting(backoff, plays(begins.clone(), vec![(1, Run::Fails)]));
        sleep(ms(10)).await;
        runs.cancel("enough");
        assert!(waits.is_waiting() && !runs.is_waiting());
        waits.cancel("enough");
        assert_eq!(reason_of(runs.outcome().await), "enough".into());
        assert_eq!(reason_of(waits.outcome().await), "enough".into());
        assert!(!waits.is_waiting());
        sleep(ms(500)).await;
        Ok(())
    }));
    outcome.unwrap();
    assert_eq!((begins.take(), heard.len()), (vec![0, 0], 1));
}

#[test]
fn a_run_that_fails_in_clean_up_while_all_is_cancelled_is_not_followed_by_another() {
    let begins = Record::new();
    let (outcome, heard) = run_heard(async {
        let scope = CancelScope::new();
        let token = scope.token();
        let says = begins.clone();
        let supervised = scope.run(Words::run(async |supervisor| {
            let restart = Restart::always();
            supervisor
                .spawn_restarting(restart, async move || {
                    says.add("begins");
                    finally(pending::<Result<(), &str>>(), async |_: Option<&_>| {
                        sleep(ms(3)).await;
                        panic!("in clean-up");
                    })
                    .await
                })
                .named("child");
            pending::<()>().await;
            Ok(())
        }));
        let canceller = spawn(async move {
            sleep(ms(1)).await;
            token.cancel("from around");
        });
        let outcome = supervised.await;
        canceller.await.unwrap();
        assert_eq!(Instant::now(), at(4));
        outcome
    });
    assert!(outcome.is_err());
    assert_eq!((begins.take(), heard), (vec!["begins"], vec!["child panicked: in clean-up".to_owned()]));
}

/// It is woken in the turn in which it is cancelled, so that it is polled once more.
#[test]
fn a_wait_that_is_over_in_the_turn_of_the_cancellation_begins_no_run() {
    for wait in [0, 2] {
        let begins = Record::new();
        let (outcome, _) = run_heard(Words::run(async |supervisor| {
            let restart = Restart::always().backoff(ms(wait), 1, ms(wait)).unlimited();
            // Cancels everything in the turn of the last failure, or of the end of the wait.
            let inner = supervisor.clone();
            let says = begins.clone();
            let mut rounds = 0;
            supervisor.spawn_restarting(restart, async move || {
                says.add(());
                rounds += 1;
                if rounds == 2 {
                    inner.cancel("enough");
                }
                Err::<(), _>("it failed")
            });
            sleep(ms(wait * 3)).await;
            supervisor.cancel("too late");
            pending::<()>().await;
            Ok(())
        }));
        assert!(outcome.is_err());
        assert!(begins.len() <= 2, "{}", begins.len());
    }
}

#[test]
fn a_hook_that_cancels_the_supervisor_while_a_failure_is_told_ends_the_restarts() {
    let group: Rc<RefCell<Option<Words>>> = Rc::default();
    let (hook, begins) = (group.clone(), Record::new());
    let executor = Executor::builder().clock(VirtualClock::new()).on_unhandled(move |_| {
        if let Some(supervisor) = hook.borrow().as_ref() {
            supervisor.cancel("the hook");
        }
    });
    let outcome = executor.run(Words::run(async |supervisor| {
        *group.borrow_mut() = Some(supervisor.clone());
        supervisor.spawn_restarting(Restart::always(), plays(begins.clone(), vec![(1, Run::Fails)]));
        pending::<()>().await;
        Ok(())
    }));
    assert_eq!(outcome.unwrap_err().reason(), Some(&"the hook".into()));
    assert_eq!(begins.take(), [0]);
    group.take();
}

#[test]
fn a_background_child_is_restarted_until_the_others_have_ended() {
    let begins = Record::new();
    let (outcome, _) = run_heard(async {
        let outcome = Words::run(async |supervisor| {
            let restart = Restart::always().in_background();
            supervisor.spawn_restarting(restart, plays(begins.clone(), vec![(4, Run::Ends)]));
            sleep(ms(10)).await;
            assert_eq!(supervisor.stats().background, 1);
            Ok(())
        });
        outcome.await.unwrap();
        Instant::now()
    });
    assert_eq!((outcome, begins.take()), (at(10), vec![0, 4, 8]));
}

#[test]
fn a_restarting_child_in_a_slot_has_it_through_all_runs() {
    let begins = Record::new();
    let (outcome, _) = run_heard(Words::builder().limit(1).run(async |supervisor| {
        let restart = Restart::on_failure().backoff(ms(5), 1, ms(5));
        let runs = vec![(1, Run::Fails), (1, Run::Ends)];
        supervisor.slot().await.spawn_restarting(restart, plays(begins.clone(), runs));
        assert!(supervisor.try_slot().is_none());
        supervisor.slot().await.spawn(async { Ok(()) });
        assert_eq!(Instant::now(), at(7));
        Ok(())
    }));
    outcome.unwrap();
}

#[test]
fn the_end_of_the_executor_ends_the_restarts() {
    let begins = Record::new();
    let says = begins.clone();
    let executor = Executor::builder().clock(VirtualClock::new()).on_unhandled(|_| {}).build();
    executor.run(async move {
        spawn(Words::run(async move |supervisor| {
            supervisor.spawn_restarting(Restart::always(), plays(says, vec![(1, Run::Fails)]));
            pending::<()>().await;
            Ok(())
        }))
        .detach();
        sleep(ms(2)).await;
    });
    drop(executor);
    assert_eq!(begins.take(), [0, 1]);
}

/// At every moment, also those at which it ends, begins or wakes itself: nothing begins after the cancellation, and all that has begun is
/// cleaned up.
#[test]
fn group_19_cancelled_at_any_time_nothing_begins_any_more_and_nothing_is_left() {
    #[derive(Clone, Copy, Debug)]
    enum How {
        Child,
        Abort,
        Supervisor,
        Around,
        Dropped,
    }
    for how in [How::Child, How::Abort, How::Supervisor, How::Around, How::Dropped] {
        for stop in 0..24 {
            for turns in 0..4 {
                let (begun, gone, late) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
                let stopped = Rc::new(Cell::new(false));
                let (begins, goes, comes_late, is_stopped) =
                    (begun.clone(), gone.clone(), late.clone(), stopped.clone());
                let ((), _) = run_heard(async move {
                    let scope = CancelScope::new();
                    let token = scope.token();
                    let handles: Rc<RefCell<Option<_>>> = Rc::default();
                    let keeps = handles.clone();
                    let runs = scope.run(Words::run(async move |supervisor| {
                        let restart = Restart::always().backoff(ms(2), 1, ms(2)).unlimited();
                        let child = supervisor.spawn_restarting(restart, async move || {
                            begins.set(begins.get() + 1);
                            comes_late.set(comes_late.get() + usize::from(is_stopped.get()));
                            let _gone = on_drop(|| goes.set(goes.get() + 1));
                            finally(sleep(ms(3)), async |_: Option<&()>| sleep(ms(1)).await).await;
                            Err::<(), _>("it failed")
                        });
                        keeps.replace(Some((supervisor.clone(), child)));
                        pending::<()>().await;
                        Ok(())
                    }));
                    let task = spawn(runs);
                    sleep(ms(stop)).await;
                    for _ in 0..turns {
                        yield_now().await;
                    }
                    let (supervisor, child) = match handles.take() {
                        Some(handles) => handles,
                        // Nothing has begun.
                        None => {
                            stopped.set(true);
                            return drop(task);
                        }
                    };
                    match how {
                        How::Child => child.cancel("enough"),
                        How::Abort => child.abort(),
                        How::Supervisor => supervisor.cancel("enough"),
                        How::Around => {
                            token.cancel("enough");
                            // The children learn it in the next turn, when the supervisor's future does.
                            yield_now().await;
                        }
                        How::Dropped => {
                            drop(task);
                            yield_now().await;
                            stopped.set(true);
                            return;
                        }
                    }
                    stopped.set(true);
                    sleep(ms(20)).await;
                    assert!(child.is_finished() && !child.is_waiting());
                    supervisor.cancel("the end");
                    let _ = task.await;
                });
                assert_eq!((begun.get() - gone.get(), late.get()), (0, 0), "{how:?} at {stop} ms and {turns} turns");
            }
        }
    }
}

/// It was woken in the turn in which it is cancelled: its last poll finishes it, and counts as any task's does.
#[test]
fn a_run_that_ends_in_its_last_poll_is_the_childs_end() {
    let (outcome, heard) = run_heard(Words::run(async |supervisor| {
        let mut child = supervisor.spawn_restarting(Restart::always(), async || value(1, 7).await);
        sleep(ms(1)).await;
        child.cancel("enough");
        Ok((child.outcome().await.unwrap(), child.restarts()))
    }));
    assert_eq!((outcome.unwrap(), heard.len()), ((7, 0), 0));
}

#[test]
fn a_run_that_fails_in_its_last_poll_is_the_groups_failure_and_no_limit_was_reached() {
    for most in [0, 3] {
        let (outcome, heard) = run_heard(TaskGroup::<&str>::run(async |group| {
            let restart = Restart::always().limit(most, ms(1_000));
            group.spawn_restarting(restart, async || fail(1, "the last").await);
            sleep(ms(1)).await;
            group.cancel("enough");
            pending::<()>().await;
            Ok(())
        }));
        let error = outcome.unwrap_err();
        assert_eq!((error.children().len(), error.first(), heard.len()), (1, Some(&"the last"), 0), "{error}");
        assert_eq!(error.reason(), Some(&"enough".into()));
    }
}
