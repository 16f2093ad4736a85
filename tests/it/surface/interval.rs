//! Intervals: resets, polls, streams, missed ticks.

use crate::kit::probe::{Wakes, at, ms, panic_of, poll_with_noop};
use evenkeel::{
    Executor, Instant, interval, sleep, spawn,
    testing::{self, VirtualClock},
    time::{Interval, MissedTick, interval_at},
    timeout, yield_now,
};
use futures::{FutureExt, Stream, StreamExt, poll};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRng, TestRunner},
};
use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

/// The next ticks: when each was due.
async fn ticks<const N: usize>(every: &mut Interval) -> [Instant; N] {
    let mut got = [Instant::NEVER; N];
    for tick in &mut got {
        *tick = every.tick().await;
    }
    got
}

fn poll_with(every: &mut Interval, waker: &std::task::Waker) -> Poll<Instant> {
    every.poll_tick(&mut Context::from_waker(waker))
}

/// An interval of 10 ms whose tick of 10 ms is waited for when somebody resets it, at 5 ms. The ticks that come, and the polls of the first.
fn after_reset(reset: fn(&mut Interval)) -> ([Instant; 2], usize) {
    testing::run(async {
        let every = Rc::new(RefCell::new(interval(ms(10))));
        every.borrow_mut().tick().now_or_never().unwrap();
        let polls = Rc::new(Cell::new(0));
        let (waits, count) = (every.clone(), polls.clone());
        let task = spawn(poll_fn(move |cx| {
            count.set(count.get() + 1);
            waits.borrow_mut().poll_tick(cx)
        }));
        sleep(ms(5)).await;
        reset(&mut every.borrow_mut());
        let first = task.await.unwrap();
        assert_eq!(first.max(at(5)), Instant::now(), "it was given when it was due");
        let second = poll_fn(|cx| every.borrow_mut().poll_tick(cx)).await;
        ([first, second], polls.get())
    })
}

#[test]
fn interval_whoever_waits_is_woken_by_the_tick_after_a_reset() {
    assert_eq!(after_reset(|_| ()), ([at(10), at(20)], 2));
    assert_eq!(after_reset(Interval::reset), ([at(15), at(25)], 2));
    assert_eq!(after_reset(Interval::reset_immediately), ([at(5), at(15)], 2));
    assert_eq!(after_reset(|every| every.reset_after(ms(3))), ([at(8), at(18)], 2));
    assert_eq!(after_reset(|every| every.reset_after(ms(300))), ([at(305), at(315)], 2));
    assert_eq!(after_reset(|every| every.reset_at(at(7))), ([at(7), at(17)], 2));
    assert_eq!(after_reset(|every| every.reset_at(at(1_000))), ([at(1_000), at(1_010)], 2));
}

#[test]
fn interval_reset_begins_a_new_grid() {
    testing::run(async {
        let mut every = interval(ms(10));
        assert_eq!(ticks(&mut every).await, [at(0), at(10)]);
        sleep(ms(3)).await;
        every.reset();
        assert_eq!(ticks(&mut every).await, [at(23), at(33)]);
    });
}

#[test]
fn interval_reset_immediately_ticks_now_and_then_every_period() {
    testing::run(async {
        let mut every = interval(ms(10));
        assert_eq!(ticks(&mut every).await, [at(0), at(10)]);
        sleep(ms(4)).await;
        every.reset_immediately();
        assert_eq!(every.tick().now_or_never(), Some(at(14)));
        assert_eq!(ticks(&mut every).await, [at(24), at(34)]);
    });
}

#[test]
fn interval_reset_after_waits_once_and_then_every_period() {
    testing::run(async {
        let mut every = interval(ms(10));
        every.tick().await;
        every.reset_after(ms(3));
        assert_eq!(ticks(&mut every).await, [at(3), at(13), at(23)]);
        assert_eq!(every.period(), ms(10));
    });
}

#[test]
fn interval_reset_at_gives_the_grid() {
    testing::run(async {
        let mut every = interval(ms(10));
        every.tick().await;
        every.reset_at(at(42));
        assert_eq!(ticks(&mut every).await, [at(42), at(52)]);
    });
}

#[test]
fn interval_reset_to_the_past_has_missed_what_lies_between() {
    for (rule, then) in [
        (MissedTick::Skip, [at(20), at(60), at(70)]),
        (MissedTick::Burst, [at(20), at(30), at(40)]),
        (MissedTick::Delay, [at(20), at(65), at(75)]),
    ] {
        testing::run(async {
            let mut every = interval(ms(10)).missed_tick(rule);
            sleep(ms(55)).await;
            every.reset_at(at(20));
            assert_eq!(ticks(&mut every).await, then, "{rule:?}");
        });
    }
}

#[test]
fn interval_reset_to_never_does_not_tick_until_it_is_called_back() {
    testing::run(async {
        let mut every = interval(ms(10));
        for never in [Interval::reset_at as fn(&mut Interval, Instant), |every, _| every.reset_after(Duration::MAX)] {
            never(&mut every, Instant::NEVER);
            assert!(timeout(Duration::from_secs(1 << 20), every.tick()).await.is_err());
        }
        every.reset_immediately();
        let now = Instant::now();
        assert_eq!(ticks(&mut every).await, [now, now + ms(10)]);
    });
}

#[test]
fn interval_that_was_reset_before_its_first_tick_has_no_tick_at_once() {
    testing::run(async {
        let mut every = interval(ms(10));
        every.reset();
        assert_eq!(ticks(&mut every).await, [at(10), at(20)]);
        let mut every = interval_at(at(5), ms(10));
        every.reset_after(ms(1));
        assert_eq!(every.tick().await, at(21));
    });
}

#[test]
fn interval_that_is_reset_outside_counts_from_when_it_is_waited_for() {
    for (reset, first) in [
        (Interval::reset as fn(&mut Interval), 110),
        (Interval::reset_immediately, 100),
        (|every| every.reset_after(ms(3)), 103),
        (|every| every.reset_at(at(107)), 107),
    ] {
        let mut every = interval(ms(10));
        reset(&mut every);
        testing::run(async {
            sleep(ms(100)).await;
            assert_eq!(ticks(&mut every).await, [at(first), at(first + 10)]);
        });
    }
}

#[test]
fn interval_that_is_reset_outside_while_a_task_waits_calls_that_task() {
    for reset in [Interval::reset as fn(&mut Interval), |every| every.reset_at(at(10))] {
        let executor = Executor::builder().clock(VirtualClock::new()).build();
        let every = Rc::new(RefCell::new(interval_at(at(1_000), ms(10))));
        let waits = every.clone();
        let task = executor.spawn(poll_fn(move |cx| waits.borrow_mut().poll_tick(cx)));
        executor.run_until_stalled();
        reset(&mut every.borrow_mut());
        assert_eq!(executor.run(task).unwrap(), at(10));
    }
}

#[test]
fn interval_that_is_reset_where_another_clock_goes_counts_by_the_one_it_waits_by() {
    // The other clock is far ahead.
    let [one, other] = [(); 2].map(|()| Executor::builder().clock(VirtualClock::new()).build());
    other.run(sleep(ms(1_000)));
    let by_a_task = |every: &RefCell<Interval>| other.run(async { every.borrow_mut().reset() });
    let by_a_guard = |every: &RefCell<Interval>| {
        let _entered = other.enter();
        every.borrow_mut().reset();
    };
    let by_its_own = |every: &RefCell<Interval>| {
        let _entered = one.enter();
        every.borrow_mut().reset();
    };
    for reset in [&by_a_task as &dyn Fn(&RefCell<Interval>), &by_a_guard, &by_its_own] {
        let begun = one.run(async { Instant::now() });
        let every = Rc::new(RefCell::new(interval(ms(10))));
        let waits = every.clone();
        let task = one.spawn(async move {
            waits.borrow_mut().tick().now_or_never().unwrap();
            poll_fn(|cx| waits.borrow_mut().poll_tick(cx)).await
        });
        one.run_until_stalled();
        one.run(sleep(ms(5)));
        reset(&every);
        assert_eq!(one.run(task).unwrap(), begun + ms(15));
    }
}

#[test]
fn interval_polled_where_no_executor_runs_says_so_also_if_its_tick_is_due_or_one_is_entered() {
    let executor = Executor::builder().clock(VirtualClock::new()).build();
    for is_entered in [false, true] {
        let _entered = is_entered.then(|| executor.enter());
        for mut every in [interval(ms(10)), interval_at(at(0), ms(10)), interval_at(Instant::NEVER, ms(10))] {
            let message = panic_of(|| poll_with_noop(&mut every.next()));
            assert!(message.contains("an interval was polled outside an executor"), "{message}");
        }
    }
}

#[test]
fn interval_wakes_the_newest_of_those_that_polled_and_nobody_twice() {
    testing::run(async {
        let mut every = interval(ms(10));
        let [(old, first), (new, second)] = [Wakes::new(), Wakes::new()];
        assert_eq!(poll_with(&mut every, &first), Poll::Ready(at(0)));
        assert!(poll_with(&mut every, &first).is_pending() && poll_with(&mut every, &second).is_pending());
        sleep(ms(25)).await;
        assert_eq!((old.count(), new.count()), (0, 1));
        assert_eq!(poll_with(&mut every, &first), Poll::Ready(at(10)));
        assert!(poll_with(&mut every, &first).is_pending(), "the tick of 20 ms was left out");
        sleep(ms(5)).await;
        assert_eq!(poll_with(&mut every, &second), Poll::Ready(at(30)));
    });
}

#[test]
fn interval_poll_and_tick_are_the_same_wait() {
    testing::run(async {
        let mut every = interval(ms(10));
        every.tick().await;
        let (wakes, waker) = Wakes::new();
        assert!(poll_with(&mut every, &waker).is_pending());
        assert_eq!(every.tick().await, at(10));
        assert_eq!(wakes.count(), 0, "the tick was taken by the other, who came later");
    });
}

#[test]
fn interval_is_a_stream_of_its_ticks_without_end() {
    testing::run(async {
        let mut every = interval(ms(10));
        assert_eq!(every.size_hint(), (usize::MAX, None));
        assert_eq!((&mut every).take(3).collect::<Vec<_>>().await, [at(0), at(10), at(20)]);
        every.reset_after(ms(1));
        assert_eq!(every.next().await, Some(at(21)));
        let late: Vec<_> = every
            .by_ref()
            .then(|due| async move {
                sleep(ms(25)).await;
                due
            })
            .take(3)
            .collect()
            .await;
        assert_eq!(late, [at(31), at(41), at(61)], "the one of 51 ms was missed");
    });
}

#[test]
fn interval_changes_its_rule_while_it_runs() {
    testing::run(async {
        let mut every = interval(ms(10));
        assert_eq!(every.missed_tick_behavior(), MissedTick::Skip);
        every.set_missed_tick(MissedTick::Burst);
        assert_eq!(every.missed_tick_behavior(), MissedTick::Burst);
        every.tick().await;
        sleep(ms(35)).await;
        assert_eq!(ticks(&mut every).await, [at(10), at(20)]);
        every.set_missed_tick(MissedTick::Delay);
        assert_eq!(ticks(&mut every).await, [at(30), at(45)]);
        every.set_missed_tick(MissedTick::Skip);
        sleep(ms(25)).await;
        assert_eq!(ticks(&mut every).await, [at(55), at(75)]);
    });
}

#[test]
fn interval_that_is_behind_gives_way_to_others() {
    testing::run(async {
        let mut every = interval(Duration::from_nanos(1)).missed_tick(MissedTick::Burst);
        every.tick().await;
        sleep(ms(1)).await;
        let mut taken = 0;
        while poll!(every.next()).is_ready() {
            taken += 1;
        }
        assert_eq!(taken, 128, "a whole budget");
    });
}

#[test]
fn interval_reset_keeps_nothing_of_a_tick_that_was_due_and_not_taken() {
    testing::run(async {
        let mut every = interval(ms(10)).missed_tick(MissedTick::Burst);
        every.tick().await;
        sleep(ms(25)).await;
        every.reset();
        assert!(every.tick().now_or_never().is_none());
        assert_eq!(ticks(&mut every).await, [at(35), at(45)]);
    });
}

// ---- random programs against a model

#[derive(Clone, Copy, Debug)]
enum Deed {
    Tick,
    /// Begins to wait, and leaves it at that.
    Poll,
    Pass(u64),
    Reset,
    Immediately,
    After(u64),
    At(u64),
    Rule(MissedTick),
}

fn deeds() -> impl Strategy<Value = (u64, u64, Vec<Deed>)> {
    let rules = prop_oneof![Just(MissedTick::Skip), Just(MissedTick::Burst), Just(MissedTick::Delay)];
    let deed = prop_oneof![
        6 => Just(Deed::Tick),
        4 => Just(Deed::Poll),
        5 => (0..40_u64).prop_map(Deed::Pass),
        1 => Just(Deed::Reset),
        1 => Just(Deed::Immediately),
        1 => (0..30_u64).prop_map(Deed::After),
        1 => (0..300_u64).prop_map(Deed::At),
        1 => rules.prop_map(Deed::Rule),
    ];
    (0..20_u64, 1..15_u64, prop::collection::vec(deed, 1..60))
}

/// In milliseconds.
struct Model {
    due: u64,
    period: u64,
    rule: MissedTick,
    /// Whoever polled waits for that.
    is_waited_for: bool,
}

impl Model {
    fn take(&mut self, now: u64) -> u64 {
        let due = self.due;
        self.is_waited_for = false;
        self.due = match self.rule {
            MissedTick::Burst => due + self.period,
            MissedTick::Delay => now.max(due) + self.period,
            // The first point of the grid that is yet to come.
            _ => (1..).map(|n| due + n * self.period).find(|next| *next > now).unwrap(),
        };
        due
    }
}

async fn follow((start, period, deeds): (u64, u64, Vec<Deed>)) {
    let mut every = interval_at(at(start), ms(period));
    let mut model = Model { due: start, period, rule: MissedTick::Skip, is_waited_for: false };
    let (wakes, waker) = Wakes::new();
    let mut expected = 0;
    for (n, deed) in deeds.iter().enumerate() {
        let now = Instant::now().since_origin().as_millis() as u64;
        match *deed {
            Deed::Tick => {
                model.is_waited_for = false;
                let at_least = now.max(model.due);
                assert_eq!(every.tick().await, at(model.take(at_least)), "{deeds:?} at {n}");
                assert_eq!(Instant::now(), at(at_least), "{deeds:?} at {n}");
            }
            Deed::Poll => {
                let polled = poll_with(&mut every, &waker);
                if model.due <= now {
                    assert_eq!(polled, Poll::Ready(at(model.take(now))), "{deeds:?} at {n}");
                } else {
                    assert!(polled.is_pending(), "{deeds:?} at {n}");
                    model.is_waited_for = true;
                }
            }
            Deed::Pass(time) => sleep(ms(time)).await,
            Deed::Reset => every.reset(),
            Deed::Immediately => every.reset_immediately(),
            Deed::After(wait) => every.reset_after(ms(wait)),
            Deed::At(time) => every.reset_at(at(time)),
            Deed::Rule(rule) => {
                every.set_missed_tick(rule);
                model.rule = rule;
            }
        }
        match *deed {
            Deed::Reset => model.due = now + period,
            Deed::Immediately => model.due = now,
            Deed::After(wait) => model.due = now + wait,
            Deed::At(time) => model.due = time,
            _ => {}
        }
        for _ in 0..3 {
            yield_now().await;
        }
        if model.is_waited_for && at(model.due) <= Instant::now() {
            model.is_waited_for = false;
            expected += 1;
        }
        assert_eq!(wakes.count(), expected, "{deeds:?} at {n}");
    }
}

#[test]
fn interval_does_what_its_model_does() {
    let config = Config { cases: 512, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(config.rng_algorithm);
    let outcome = TestRunner::new_with_rng(config, rng).run(&deeds(), |program| {
        testing::run(follow(program));
        Ok(())
    });
    outcome.unwrap();
}
