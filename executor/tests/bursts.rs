//! What a burst has taken comes back: within a long sleep, or a second of quiet with short ones, or of ticks.

mod counting;

use counting::{BYTES, CALLS};
use evenkeel_executor::{
    Budget, Executor, VirtualClock, combinator::WakeSet, interval, remote, run, sleep, spawn, yield_now,
};
use evenkeel_testkit::my_waker;
use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    pin::pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

const MANY: usize = 50_000;
const KIB: isize = 1024;
/// What may stay, of some megabytes.
const LITTLE: isize = 256 * KIB;

/// An executor on virtual time with a heartbeat of ten milliseconds, and what it holds.
struct Beating {
    executor: Executor,
    clock: VirtualClock,
    before: isize,
}

impl Beating {
    fn new() -> Beating {
        let clock = VirtualClock::new();
        let executor = Executor::builder().clock(clock.clone()).build();
        let beating = Beating { executor, clock, before: 0 };
        beating.executor.spawn(heartbeat()).detach();
        beating.quiet();
        Beating { before: BYTES.get(), ..beating }
    }

    /// Three seconds pass, in which the heart beats, and no sleep is a long one.
    fn quiet(&self) {
        for _ in 0..300 {
            self.executor.park(Duration::MAX);
            self.executor.run_until_stalled();
        }
    }

    /// The same, but the host ticks, and never parks.
    fn ticks(&self) {
        for _ in 0..300 {
            self.clock.advance(Duration::from_millis(10));
            self.executor.tick(Budget::polls(1000));
        }
    }

    fn held(&self) -> isize {
        BYTES.get() - self.before
    }
}

async fn heartbeat() {
    let mut beats = interval(Duration::from_millis(10));
    loop {
        beats.tick().await;
    }
}

/// What is held at the peak of a burst, when a heartbeat began there and all else has gone, and after quiet of either kind.
fn held_after(burst: impl Fn(&Executor) -> isize) {
    for ticks in [false, true] {
        let beating = Beating::new();
        let peak = burst(&beating.executor) - beating.before;
        assert!(peak > 4 * LITTLE, "{peak} bytes are no burst");
        if ticks {
            beating.ticks()
        } else {
            beating.quiet()
        }
        let kept = beating.held();
        assert!(kept <= LITTLE, "ticks {ticks}: {kept} bytes are kept of {peak}");
    }
}

#[test]
#[cfg_attr(miri, ignore = "too many for Miri")]
fn met_b6_memory_02_timers_give_back_what_a_burst_took_though_one_was_started_at_its_peak() {
    held_after(|executor| {
        let mut cx = Context::from_waker(Waker::noop());
        let mut crowd: Vec<_> =
            (0..MANY).map(|n| Box::pin(sleep(Duration::from_millis(500 + n as u64 % 300)))).collect();
        executor.run(async {
            crowd.iter_mut().for_each(|wait| assert!(wait.as_mut().poll(&mut cx).is_pending()));
        });
        executor.spawn(heartbeat()).detach();
        executor.run(yield_now());
        let peak = BYTES.get();
        drop(crowd);
        peak
    });
}

#[test]
#[cfg_attr(miri, ignore = "too many for Miri")]
fn met_b6_memory_02_calls_of_handles_give_back_what_a_flood_took() {
    held_after(|executor| {
        let handle = executor.handle();
        (0..MANY).for_each(|_| handle.spawn(|| async {}).unwrap().detach());
        let peak = BYTES.get();
        executor.run_until_stalled();
        peak
    });
}

/// A future that leaves its waker, and ends when it is polled again.
fn leave(wakers: Rc<RefCell<Vec<Waker>>>) -> impl Future<Output = ()> {
    let mut has_left = false;
    poll_fn(move |cx| {
        if std::mem::replace(&mut has_left, true) {
            return Poll::Ready(());
        }
        wakers.borrow_mut().push(cx.waker().clone());
        Poll::Pending
    })
}

#[test]
#[cfg_attr(miri, ignore = "too many for Miri")]
fn met_b6_memory_02_wake_ups_from_elsewhere_and_tasks_give_back_what_they_took() {
    held_after(|executor| {
        let wakers = Rc::new(RefCell::new(Vec::new()));
        (0..MANY).for_each(|_| executor.spawn(leave(wakers.clone())).detach());
        executor.run_until_stalled();
        // Nobody drives the executor: they go through the inbox.
        wakers.take().into_iter().for_each(Waker::wake);
        let peak = BYTES.get();
        executor.run_until_stalled();
        peak
    });
}

#[test]
#[cfg_attr(miri, ignore = "too many for Miri")]
fn met_b6_a_waker_from_before_the_quiet_wakes_nobody_after_it() {
    let beating = Beating::new();
    let executor = &beating.executor;
    let wakers = Rc::new(RefCell::new(Vec::new()));
    (0..MANY).for_each(|_| executor.spawn(leave(wakers.clone())).detach());
    executor.run_until_stalled();
    let early = wakers.take();
    early.iter().for_each(Waker::wake_by_ref);
    executor.run_until_stalled();
    beating.quiet();
    (0..MANY).for_each(|_| executor.spawn(leave(wakers.clone())).detach());
    executor.run_until_stalled();
    early.into_iter().for_each(Waker::wake);
    assert_eq!(executor.run_until_stalled().polled, 0);
    wakers.take().into_iter().for_each(Waker::wake);
    assert_eq!(executor.run_until_stalled().polled, MANY);
}

/// Sets of two children each, which have begun.
async fn sets(count: usize) -> Vec<WakeSet> {
    let waker = my_waker().await;
    let begin = |_| {
        let set = WakeSet::new();
        set.insert_all(2);
        _ = set.begin(&waker);
        set
    };
    (0..count).map(begin).collect()
}

#[test]
#[cfg_attr(miri, ignore = "too many for Miri")]
fn met_b6_memory_02_children_in_place_give_back_what_they_took() {
    held_after(|executor| {
        let all = executor.run(sets(MANY));
        let peak = BYTES.get();
        drop(all);
        peak
    });
}

#[test]
#[cfg_attr(miri, ignore = "too many for Miri")]
fn met_b6_the_waker_of_a_child_from_before_the_quiet_wakes_nobody_after_it() {
    let beating = Beating::new();
    let woken = |set: &WakeSet, waker: &Waker| {
        let mut batch = set.begin(waker);
        std::iter::from_fn(|| batch.next().map(|woken| woken.waker().clone())).collect::<Vec<_>>()
    };
    let round = || {
        let all = beating.executor.run(sets(MANY / 10));
        let wakers = beating.executor.run(async {
            let waker = my_waker().await;
            all.iter().flat_map(|set| woken(set, &waker)).collect::<Vec<_>>()
        });
        (all, wakers)
    };
    let (all, early) = round();
    assert_eq!(early.len(), MANY / 5);
    drop(all);
    beating.quiet();
    let (all, late) = round();
    early.into_iter().for_each(Waker::wake);
    let count = |all: &[WakeSet]| {
        beating.executor.run(async {
            let waker = my_waker().await;
            all.iter().map(|set| woken(set, &waker).len()).sum::<usize>()
        })
    };
    assert_eq!(count(&all), 0);
    late.into_iter().for_each(Waker::wake);
    assert_eq!(count(&all), MANY / 5);
}

#[test]
#[cfg_attr(miri, ignore = "too many for Miri")]
fn met_b6_memory_02_a_steady_load_allocates_once_a_second_and_not_in_each_round() {
    const ROUNDS: usize = 500;
    let beating = Beating::new();
    let round = || {
        let before = CALLS.get();
        beating.executor.run(async {
            for n in 0..3000 {
                spawn(sleep(Duration::from_micros(n % 900))).detach();
            }
            sleep(Duration::from_millis(10)).await;
        });
        CALLS.get() - before
    };
    (0..10).for_each(|_| _ = round());
    let allocating = (0..ROUNDS).filter(|_| round() > 20).count();
    // Five seconds pass. What went back comes again in the round after, and buckets of timers perhaps in the next one.
    assert!((1..=20).contains(&allocating), "{allocating} rounds of {ROUNDS}");
}

#[test]
#[cfg_attr(miri, ignore = "too many for Miri")]
fn met_b6_memory_02_a_remote_channel_gives_back_what_a_burst_took() {
    for capacity in [usize::MAX, MANY] {
        for awaited in [true, false] {
            let (sender, mut receiver) = remote::channel(capacity);
            let before = BYTES.get();
            (0..MANY).for_each(|n| sender.try_send([n; 4]).unwrap());
            let peak = BYTES.get() - before;
            run(async {
                for n in 0..MANY {
                    assert_eq!(receiver.recv().await, Some([n; 4]));
                }
                if awaited {
                    let mut next = pin!(receiver.recv());
                    assert!(poll_fn(|cx| Poll::Ready(next.as_mut().poll(cx))).await.is_pending());
                } else {
                    assert!(receiver.try_recv().is_err());
                }
            });
            let kept = BYTES.get() - before;
            assert!(kept <= 4 * KIB && peak > 1024 * KIB, "{kept} bytes are kept of {peak}");
            sender.try_send([7; 4]).unwrap();
            assert_eq!(receiver.try_recv().unwrap(), [7; 4]);
        }
    }
}
