//! `gather` and `try_gather`. The facts and names in the tests are those of asyncio's `gather` and its tests.

use crate::kit::{
    probe::{Drops, Record, ms, panic_of},
    stage::{after, counted, restless, run_clean, run_watched, tidy},
};
use evenkeel::{task::Opaque, testing::VirtualClock, *};
use std::{
    cell::Cell,
    future::{Ready, pending, poll_fn, ready},
    pin::{Pin, pin},
    rc::Rc,
    task::Poll,
};

#[test]
fn fact_25_gather_of_nothing_is_ready_at_once() {
    run_clean(async {
        let none: Vec<Ready<u8>> = Vec::new();
        let mut gathered = pin!(gather(none));
        let polled = poll_fn(|cx| Poll::Ready(gathered.as_mut().poll(cx))).await;
        assert_eq!(polled, Poll::Ready(Vec::new()));
        assert!(try_gather(Vec::<Ready<Result<u8, u8>>>::new()).await.unwrap().is_empty());
    });
}

#[test]
fn fact_26_gather_success_outcomes_stand_in_the_order_of_the_futures() {
    run_clean(async {
        assert_eq!(gather([after(3, 'a'), after(1, 'b'), after(2, 'c')]).await, ['a', 'b', 'c']);
        assert_eq!(gather((after(2, 1), after(1, "two"), async { 3.0 })).await, (1, "two", 3.0));
        assert_eq!(gather((1..4).rev().map(|n| after(n, n))).await, [3, 2, 1]);
    });
}

#[test]
fn fact_27_nothing_starts_before_the_first_poll() {
    let started = Cell::new(false);
    drop(gather([async { started.set(true) }]));
    assert!(!started.get());
}

#[test]
fn fact_28_gather_one_exception_an_error_cancels_nobody_and_all_are_awaited() {
    run_clean(async {
        let begin = Instant::now();
        let outcomes = gather([after(1, Err("first")), after(5, Ok(5)), after(3, Err("second"))]).await;
        assert_eq!(outcomes, [Err("first"), Ok(5), Err("second")]);
        assert_eq!(begin.elapsed(), ms(5));
    });
}

#[test]
fn fact_28_gather_exception_marking_no_error_is_lost() {
    run_clean(async {
        let failed = try_gather([after(3, Err("late")), after(2, Ok(2)), after(1, Err("early"))]).await;
        assert_eq!(failed.unwrap_err().into_errors(), ["late", "early"]);
        let here = (file!(), line!() + 1);
        let failed = try_gather((async { Err::<u8, _>("one") }, async { Ok("x") })).await.unwrap_err();
        let location = failed.children()[0].location;
        assert_eq!((location.file(), location.line()), here);
    });
}

#[test]
fn fact_29_and_30_gather_one_cancellation_a_cancelled_child_is_a_value_and_the_others_go_on() {
    run_clean(async {
        let victim = CancelScope::new();
        let cancel = async {
            sleep(ms(1)).await;
            victim.cancel("not needed");
            Ok::<_, Cancelled>(0)
        };
        let outcomes = gather((victim.run(pending::<u8>()), cancel, after(3, Ok::<_, Cancelled>(3)))).await;
        assert_eq!(outcomes, (Err(Cancelled("not needed".into())), Ok(0), Ok(3)));
    });
}

#[test]
fn fact_31_gather_cancellation_broadcast_cancelling_the_caller_cancels_all_and_drains() {
    let record = Record::new();
    run_clean(async {
        let tidied = |name, millis| tidy(&record, name, millis, pending::<()>());
        let all = gather([tidied("slow", 5), tidied("quick", 1), tidied("middle", 3)]);
        assert_eq!(timeout(ms(10), all).await, Err(Elapsed));
        record.add(format!("after {:?}", Instant::now().saturating_duration_since(Instant::from_origin(ms(0)))));
    });
    assert_eq!(record.take(), ["quick tidied", "middle tidied", "slow tidied", "after 15ms"]);
}

#[test]
fn fact_31_cancel_gather_2_a_loop_around_gather_cannot_swallow_the_cancellation() {
    run_clean(async {
        let task = spawn(async {
            loop {
                gather([pending::<()>()]).await;
            }
        });
        yield_now().await;
        task.cancel("enough");
        assert!(matches!(task.await, Err::<(), _>(JoinError::Cancelled(_))));
    });
}

#[test]
fn fact_32_cancel_gather_1_when_all_have_ended_the_result_counts() {
    run_clean(async {
        let (open, opened) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(None)));
        let (gate, waker) = (open.clone(), opened.clone());
        let child = poll_fn(move |cx| {
            waker.set(Some(cx.waker().clone()));
            if gate.get() { Poll::Ready(7) } else { Poll::Pending }
        });
        let task = spawn(gather([child]));
        yield_now().await;
        open.set(true);
        opened.take().unwrap().wake();
        task.cancel("too late");
        assert_eq!(task.await.unwrap(), [7]);
    });
}

#[test]
fn fact_33_after_an_error_the_siblings_can_still_be_cancelled() {
    let drops = Drops::default();
    run_clean(async {
        let sibling = async {
            let _guard = drops.guard();
            pending::<Result<(), &str>>().await
        };
        let all = gather((after(1, Err::<(), _>("failed")), sibling));
        assert_eq!(timeout(ms(5), all).await, Err(Elapsed));
        assert_eq!(drops.count(), 1);
    });
}

#[test]
fn fact_34_all_may_end_in_the_first_poll() {
    run_clean(async {
        let mut all = pin!(gather([1, 2, 3].map(ready)));
        assert_eq!(poll_fn(|cx| Poll::Ready(all.as_mut().poll(cx))).await, Poll::Ready(vec![1, 2, 3]));
    });
}

#[test]
fn fact_47_shield_gather_and_gather_shield_let_what_is_shielded_finish() {
    let record = Record::new();
    run_clean(async {
        let save = async |name: &str| {
            sleep(ms(5)).await;
            record.add(format!("{name} saved"));
        };
        assert_eq!(
            timeout(ms(1), async { (shield(gather([save("a"), save("b")])).await, pending::<()>().await) }).await,
            Err(Elapsed)
        );
        assert_eq!(timeout(ms(1), gather((shield(save("c")), save("d")))).await, Err(Elapsed));
    });
    assert_eq!(record.take(), ["a saved", "b saved", "c saved"]);
}

#[test]
fn gather_takes_tuples_of_twelve_and_borrows() {
    let text = String::from("borrowed");
    let at = async |n: usize| text.as_bytes().get(n).copied();
    let g = run(gather((at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7), at(8), at(9), at(10), at(11))));
    assert_eq!((g.0, g.7, g.11), (Some(b'b'), Some(b'd'), None));
    let t = run(try_gather((
        async { Ok::<_, ()>(1) },
        async { Ok(2) },
        async { Ok(3) },
        async { Ok(4) },
        async { Ok(5) },
        async { Ok(6) },
        async { Ok(7) },
        async { Ok(8) },
        async { Ok(9) },
        async { Ok(10) },
        async { Ok(11) },
        async { Ok(&text) },
    )));
    assert_eq!(t.unwrap().11, "borrowed");
}

#[test]
fn collect_02_only_the_children_that_were_woken_are_polled() {
    run_clean(async {
        let polls: Vec<Rc<Cell<usize>>> = (0..100).map(|_| Rc::default()).collect();
        gather(polls.iter().enumerate().map(|(n, polls)| counted(polls, sleep(ms(n as u64 + 1))))).await;
        assert!(polls.iter().all(|polls| polls.get() == 2), "once to begin, once at its time");
    });
}

#[test]
fn fault_21_a_self_waking_child_hangs_neither_its_siblings_nor_the_executor() {
    // On the system's clock: a virtual one stands still while anything is ready.
    let ended = run(timeout(ms(1000), async {
        let timer = spawn(after(1, "on time"));
        let busy = CancelScope::new();
        let sibling = async {
            // A sibling, another task, and a timer are served meanwhile.
            assert_eq!(timer.await.unwrap(), "on time");
            busy.cancel("seen enough");
        };
        gather((busy.run(restless(usize::MAX)), sibling)).await.0
    }));
    assert_eq!(ended, Ok(Err(Cancelled("seen enough".into()))));
}

#[test]
fn collect_02_a_self_waking_child_is_polled_once_per_poll() {
    run_clean(async {
        let polls = Rc::new(Cell::new(0));
        let mut all = pin!(gather([counted(&polls, restless(10))]));
        for poll in 1..=10 {
            assert!(poll_fn(|cx| Poll::Ready(all.as_mut().poll(cx).is_pending())).await);
            assert_eq!(polls.get(), poll);
        }
        all.await;
    });
}

#[test]
fn collect_03_a_panic_of_a_child_goes_on_when_the_others_have_cleaned_up() {
    let record = Record::new();
    let panic = panic_of(|| {
        run_clean(async {
            gather((
                tidy(&record, "first", 3, pending::<()>()),
                async {
                    sleep(ms(1)).await;
                    panic!("out of ink")
                },
                tidy(&record, "last", 1, pending::<()>()),
            ))
            .await
        })
    });
    assert_eq!(panic, "out of ink");
    assert_eq!(record.take(), ["last tidied", "first tidied"]);
}

#[test]
fn a_second_panic_is_reported() {
    let ((), heard) = run_watched(async {
        let task = spawn(gather((
            async { panic!("the first") },
            finally(pending::<()>(), async |_: Option<&()>| panic!("the second")),
        )));
        let JoinError::Panicked(panic) = task.await.unwrap_err() else { unreachable!() };
        assert_eq!(panic.message(), "the first");
    });
    // The second child never started: what was cancelled before its first poll does not.
    assert_eq!(heard.len(), 0);
    let ((), heard) = run_watched(async {
        let task = spawn(gather((finally(pending::<()>(), async |_: Option<&()>| panic!("the second")), async {
            panic!("the first")
        })));
        let JoinError::Panicked(panic) = task.await.unwrap_err() else { unreachable!() };
        assert_eq!(panic.message(), "the first");
    });
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert!(heard[0].ends_with("the second"));
}

#[test]
fn collect_05_a_gather_that_is_dropped_half_way_reports_the_clean_up_that_it_skips() {
    let record = Record::new();
    let ((), heard) = run_watched(async {
        let mut all = Box::pin(gather([tidy(&record, "never", 1, pending::<()>())]));
        poll_fn(|cx| Poll::Ready(all.as_mut().poll(cx).is_pending())).await;
        drop(all);
    });
    assert_eq!(heard.len(), 1);
    assert!(heard[0].contains("its clean-up was skipped"), "{heard:?}");
    assert_eq!(record.len(), 0);
}

#[test]
fn gather_runs_in_foreign_combinators() {
    use futures::{StreamExt, stream::FuturesUnordered};
    run_clean(async {
        let mut several: FuturesUnordered<_> = (0..50).map(|n| gather([after(n % 7, n), after(n % 3, n)])).collect();
        let mut sum = 0;
        while let Some(pair) = several.next().await {
            assert_eq!(pair[0], pair[1]);
            sum += pair[0];
        }
        assert_eq!(sum, 49 * 50 / 2);
        let (one, two) = futures::join!(gather([after(2, 1)]), gather((restless(3), after(1, 2))));
        assert_eq!((one[0], two.1), (1, 2));
    });
}

#[test]
fn a_gather_moves_between_tasks_and_executors() {
    type Gathered = Pin<Box<dyn Future<Output = Vec<u8>>>>;
    let mut all: Gathered = Box::pin(gather([after(5, 1_u8), after(0, 2)]));
    let first = Executor::builder().clock(VirtualClock::new()).build();
    all = first.run(async move {
        let task = spawn(async move {
            assert!(poll_fn(|cx| Poll::Ready(all.as_mut().poll(cx).is_pending())).await);
            Opaque(all)
        });
        let mut all = task.await.unwrap().0;
        assert!(poll_fn(|cx| Poll::Ready(all.as_mut().poll(cx).is_pending())).await);
        all
    });
    assert_eq!(run_clean(all), [1, 2]);
    drop(first);
}

#[test]
fn fault_15_a_gather_of_a_hundred_thousand_is_dropped_and_run_on_a_small_stack() {
    crate::kit::probe::on_a_small_stack(|| {
        run(async {
            assert_eq!(gather((0..100_000).map(|n| async move { (yield_now().await, n).1 })).await.len(), 100_000);
            let mut all = Box::pin(gather((0..100_000).map(|_| pending::<()>())));
            poll_fn(|cx| Poll::Ready(all.as_mut().poll(cx).is_pending())).await;
        });
    });
}

#[test]
#[should_panic(expected = "polled outside an executor: await it in a future that evenkeel::run drives")]
fn gather_outside_an_executor_names_the_fix() {
    let _ = crate::kit::probe::poll_with_noop(&mut Box::pin(gather([pending::<()>()])));
}
