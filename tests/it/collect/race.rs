//! `race` and `first_ok`; and what asyncio does with `wait`.

use crate::kit::{
    probe::{Drops, Record, ms, panic_of},
    stage::{Lock, after, restless, run_clean, run_watched, tidy},
};
use evenkeel::{cancel::cancel_requested, *};
use std::{
    cell::{Cell, RefCell},
    future::{pending, poll_fn, ready},
    pin::pin,
    rc::Rc,
    task::Poll,
};

#[test]
fn collect_01_the_first_to_end_wins_and_the_losers_are_drained() {
    let record = Record::new();
    run_clean(async {
        let winner = race((
            tidy(&record, "slow", 5, pending::<&str>()),
            after(1, "quick"),
            tidy(&record, "middle", 2, after(9, "late")),
        ));
        record.add(winner.await.to_string());
        record.add(format!("{:?}", Instant::now().saturating_duration_since(Instant::from_origin(ms(0)))));
    });
    assert_eq!(record.take(), ["middle tidied", "slow tidied", "quick", "6ms"]);
}

#[test]
fn losers_without_clean_up_cost_no_turn() {
    run_clean(async {
        let mut race =
            pin!(race([Some(1), None].map(|value| poll_fn(move |_| value.map_or(Poll::Pending, Poll::Ready)))));
        assert_eq!(poll_fn(|cx| Poll::Ready(race.as_mut().poll(cx))).await, Poll::Ready(1));
    });
}

#[test]
fn collect_01_a_loser_learns_why() {
    let seen = Record::new();
    run_clean(race((finally(pending::<()>(), async |_: Option<&()>| seen.add(cancel_requested())), after(1, ()))));
    assert_eq!(seen.take(), [Some(CancelReason::RaceLost)]);
}

#[test]
fn those_behind_the_first_poll_s_winner_never_start() {
    let started = Cell::new(false);
    let drops = Drops::default();
    let guard = drops.guard();
    let loser = async {
        started.set(true);
        drop(guard);
        2
    };
    assert_eq!(run_clean(race_biased((ready(1), loser))), 1);
    assert_eq!((started.get(), drops.count()), (false, 1));
}

#[test]
#[should_panic(expected = "a race of no futures has no winner: check that the list is not empty, or use first_ok")]
fn a_race_of_nothing_panics_and_names_the_fix() {
    run_clean(race(Vec::<std::future::Ready<u8>>::new()));
}

#[test]
fn first_ok_yields_the_first_value_or_every_error_as_they_came() {
    run_clean(async {
        let answer = async |millis: u64, ok: bool| after(millis, if ok { Ok(millis) } else { Err(millis) }).await;
        assert_eq!(first_ok([answer(1, false), answer(3, true), answer(2, false)]).await.unwrap(), 3);
        let error = first_ok([answer(3, false), answer(1, false), answer(2, false)]).await.unwrap_err();
        assert_eq!(error.into_errors(), [1, 2, 3]);
        let none = first_ok(Vec::<std::future::Ready<Result<u8, u8>>>::new()).await.unwrap_err();
        assert!(none.children().is_empty() && !none.is_cancelled());
    });
}

#[test]
fn collect_03_a_panic_of_a_branch_goes_on_when_the_others_have_cleaned_up() {
    let record = Record::new();
    let broken = async {
        sleep(ms(1)).await;
        panic!("thrown off its horse")
    };
    let panic = panic_of(|| run_clean(race((tidy(&record, "other", 2, pending::<()>()), broken))));
    assert_eq!(panic, "thrown off its horse");
    // So does one in a loser's clean-up.
    let loser = finally(pending::<()>(), async |_: Option<&()>| panic!("cannot lose"));
    assert_eq!(panic_of(|| run_clean(race((loser, after(1, ()))))), "cannot lose");
    assert_eq!(record.take(), ["other tidied"]);
}

#[test]
fn a_completed_result_is_not_lost_when_the_caller_is_cancelled_while_losers_clean_up() {
    let record = Record::new();
    run_clean(async {
        let both = race((tidy(&record, "loser", 10, pending::<&str>()), after(1, "winner")));
        assert_eq!(timeout(ms(5), both).await, Ok("winner"));
    });
    assert_eq!(record.take(), ["loser tidied"]);
}

#[test]
fn a_cancelled_race_has_no_winner_and_drains_all() {
    let record = Record::new();
    run_clean(async {
        let both = race((tidy(&record, "one", 2, pending::<()>()), tidy(&record, "two", 1, pending::<()>())));
        assert_eq!(timeout(ms(5), both).await, Err(Elapsed));
        let never = race([pending::<()>()]);
        assert_eq!(timeout(ms(5), never).await, Err(Elapsed));
        let failing = first_ok([pending::<Result<(), ()>>()]);
        assert!(timeout(ms(5), failing).await.is_err());
    });
    assert_eq!(record.take(), ["two tidied", "one tidied"]);
}

#[test]
fn a_borrowed_future_that_loses_is_intact() {
    run_clean(async {
        let mut work = pin!(after(10, "done"));
        for _ in 0..3 {
            assert_eq!(race((work.as_mut(), after(3, "tick"))).await, "tick");
        }
        assert_eq!(race((work, after(3, "tick"))).await, "done");
    });
}

#[test]
fn a_self_waking_branch_hangs_nobody() {
    assert_eq!(run(race((async { (restless(usize::MAX).await, "never").1 }, after(2, "won")))), "won");
}

#[test]
fn the_futurelock_deadlock_does_not_occur() {
    run_clean(async {
        let lock = Lock::default();
        let holder = lock.lock().await;
        let background = spawn(async move {
            sleep(ms(5)).await;
            drop(holder);
        });
        let both = race((async { drop(lock.lock().await) }, after(1, ())));
        both.await;
        // The loser waited for the lock. It is gone now, and cannot be granted it.
        drop(lock.lock().await);
        background.await.unwrap();

        // Work that is to go on while it loses is a task: somebody polls it.
        let holder = lock.lock().await;
        let waiting = lock.clone();
        let mut work = spawn(async move { drop(waiting.lock().await) });
        let timer = spawn(async move {
            sleep(ms(5)).await;
            drop(holder);
        });
        race((async { work.outcome().await.unwrap() }, after(1, ()))).await;
        drop(lock.lock().await);
        work.await.unwrap();
        timer.await.unwrap();
    });
}

// ---- what asyncio's `wait` does

#[test]
fn fact_48_wait_first_completed_is_a_race_of_handles_that_leaves_the_others_running() {
    run_clean(async {
        let (mut quick, mut slow) = (spawn(after(1, "quick")), spawn(after(5, "slow")));
        assert_eq!(race([quick.outcome(), slow.outcome()]).await.unwrap(), "quick");
        assert!(!slow.is_finished());
        assert_eq!(slow.await.unwrap(), "slow");
    });
}

#[test]
fn fact_48_wait_all_is_a_gather_of_handles_and_errors_do_not_leave_it() {
    run_clean(async {
        let tasks: Vec<_> = [3, 1, 2].map(|n| spawn(async move { assert_ne!(after(n, n).await, 1, "one") })).into();
        let begin = Instant::now();
        let outcomes = gather(tasks).await;
        assert_eq!(outcomes.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
        assert_eq!(begin.elapsed(), ms(3));
    });
}

#[test]
fn fact_48_wait_with_timeout_cancels_no_task_and_tells_which_are_done() {
    run_clean(async {
        let mut tasks = [1, 9].map(|n| spawn(after(n, n)));
        let all = gather(tasks.each_mut().map(|task| async {
            while !task.is_finished() {
                sleep(ms(1)).await
            }
        }));
        assert_eq!(timeout(ms(3), all).await, Err(Elapsed));
        assert_eq!(tasks.each_ref().map(Task::is_finished), [true, false]);
        assert_eq!(gather(tasks).await.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [1, 9]);
    });
}

#[test]
fn fact_48_wait_first_exception_is_a_race_for_the_first_error() {
    run_clean(async {
        let mut several = as_completed([after(1, Ok(1)), after(2, Err("failed")), after(9, Ok(9))]);
        let begin = Instant::now();
        while let Some(Ok(_)) = several.next().await {}
        assert_eq!((begin.elapsed(), several.len()), (ms(2), 1));
        several.cancel().await;
    });
}

#[test]
fn yield_wait_does_not_shield_cancel_cancelling_who_waits_leaves_the_tasks_running() {
    run_clean(async {
        let work = Rc::new(RefCell::new(Some(spawn(after(5, "kept")))));
        let borrowed = work.clone();
        let waiter = spawn(async move {
            let mut task = borrowed.take().unwrap();
            finally(gather([task.outcome()]), async |_: Option<&_>| ()).await;
        });
        drop(waiter);
        yield_now().await;
        // The waiter never started: its task was not taken.
        let mut task = work.take().unwrap();
        assert_eq!(timeout(ms(1), gather([task.outcome()])).await.map(drop), Err(Elapsed));
        assert_eq!(task.await.unwrap(), "kept");
    });
}

#[test]
fn collect_05_a_race_that_is_dropped_half_way_reports_the_clean_up_that_it_skips() {
    let record = Record::new();
    let ((), heard) = run_watched(async {
        let mut both = Box::pin(race([tidy(&record, "never", 1, pending::<()>())]));
        poll_fn(|cx| Poll::Ready(both.as_mut().poll(cx).is_pending())).await;
    });
    assert_eq!((heard.len(), record.len()), (1, 0));
}

#[test]
fn what_a_loser_could_have_had_by_then_is_not_lost() {
    run_clean(async {
        // Both tasks end in one turn.
        let (mut a, mut b) = (spawn(after(3, 'a')), spawn(after(3, 'b')));
        assert_eq!(race([a.outcome(), b.outcome()]).await.unwrap(), 'a');
        assert_eq!(b.await.unwrap(), 'b');

        // Both queues get an item in one turn.
        let queues = [sync::Queue::unbounded(), sync::Queue::unbounded()];
        let put = async {
            sleep(ms(1)).await;
            queues.iter().for_each(|queue| queue.try_put(()).unwrap());
        };
        gather((put, race(queues.each_ref().map(|queue| queue.get())))).await.1.unwrap();
        assert_eq!(queues.map(|queue| queue.len()), [0, 1]);

        let mut work = pin!(after(3, "work"));
        assert_eq!(race_biased((after(3, "tick"), work.as_mut())).await, "tick");
        assert_eq!(work.await, "work");
    });
}
