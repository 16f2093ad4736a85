//! Sleeps: deadlines, resets.

use crate::kit::{
    bomb::{Op, bomb, defuse},
    probe::{Record, Wakes, at, ms, poll_with_noop},
    stage::run_watched,
};
use evenkeel::{
    Executor, Instant, Task, run, sleep, sleep_until, spawn,
    testing::{self, VirtualClock},
    time::Sleep,
    timeout, yield_now,
};
use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll},
    time::Duration,
};

/// A sleep that one task waits for and others reset.
#[derive(Clone)]
struct Shared {
    sleep: Rc<RefCell<Sleep>>,
    polls: Rc<Cell<usize>>,
}

impl Shared {
    fn new(sleep: Sleep) -> Shared {
        Shared { sleep: Rc::new(RefCell::new(sleep)), polls: Rc::default() }
    }

    fn reset(&self, deadline: Instant) {
        self.sleep.borrow_mut().reset(deadline);
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.polls.set(self.polls.get() + 1);
        Pin::new(&mut *self.sleep.borrow_mut()).poll(cx)
    }

    /// Waits for the end, and says when that was.
    async fn end(self) -> Instant {
        poll_fn(|cx| self.poll(cx)).await;
        Instant::now()
    }

    fn spawn(&self) -> Task<Instant> {
        spawn(self.clone().end())
    }
}

/// When a sleep ends that is reset to `to` at 5 ms, and how often it was polled for that.
fn end_of(sleep: Sleep, to: Instant) -> (Instant, usize) {
    testing::run(async {
        let shared = Shared::new(sleep);
        let task = shared.spawn();
        sleep_for(5).await;
        shared.reset(to);
        (task.await.unwrap(), shared.polls.get())
    })
}

async fn sleep_for(millis: u64) {
    sleep(ms(millis)).await;
}

#[test]
fn sleep_that_is_reset_wakes_who_waits_at_the_new_deadline_and_only_then() {
    for sleep in [sleep_until(at(10)), sleep(ms(10))] {
        assert_eq!(end_of(sleep, at(30)), (at(30), 2), "later: one poll to begin, and one at the end");
    }
    assert_eq!(end_of(sleep_until(at(1_000_000)), at(10)), (at(10), 2), "sooner");
    assert_eq!(end_of(sleep(Duration::from_secs(1 << 33)), at(10)), (at(10), 2), "from years ahead");
    assert_eq!(end_of(sleep_until(at(10)), at(10)), (at(10), 2), "to where it was");
}

#[test]
fn sleep_that_is_reset_to_the_past_is_over_at_once() {
    assert_eq!(end_of(sleep_until(at(10)), at(3)), (at(5), 2));
    assert_eq!(end_of(sleep_until(at(10)), at(5)), (at(5), 2));
}

#[test]
fn sleep_without_end_is_ended_by_a_reset() {
    for sleep in [sleep(Duration::MAX), sleep_until(Instant::NEVER)] {
        assert_eq!(end_of(sleep, at(10)), (at(10), 3), "it was woken to begin to count");
    }
}

#[test]
fn sleep_that_is_reset_to_never_waits_and_may_be_called_back() {
    testing::run(async {
        let shared = Shared::new(sleep_until(at(10)));
        let task = shared.spawn();
        sleep_for(5).await;
        shared.reset(Instant::NEVER);
        sleep_for(1_000).await;
        assert!(!task.is_finished() && !shared.sleep.borrow().is_elapsed());
        assert_eq!(shared.sleep.borrow().deadline(), Some(Instant::NEVER));
        shared.reset(at(2_000));
        assert_eq!((task.await.unwrap(), shared.polls.get()), (at(2_000), 2));
    });
}

#[test]
fn sleep_may_be_reset_before_it_is_polled() {
    testing::run(async {
        for mut sleep in [sleep(Duration::MAX), sleep(Duration::ZERO), sleep(ms(1)), sleep_until(at(1))] {
            let start = Instant::now();
            sleep.reset(start + ms(7));
            assert_eq!((sleep.deadline(), sleep.is_elapsed()), (Some(start + ms(7)), false));
            sleep.await;
            assert_eq!(start.elapsed(), ms(7));
        }
    });
}

#[test]
fn sleep_that_has_ended_begins_again_when_it_is_reset() {
    testing::run(async {
        let mut beat = sleep(ms(10));
        for n in 1..=4 {
            (&mut beat).await;
            assert_eq!((beat.deadline(), beat.is_elapsed()), (Some(at(10 * n)), true));
            // Late by 3 ms each time; but the next one counts from the deadline, so nothing adds up.
            sleep_for(3).await;
            beat.reset(beat.deadline().unwrap() + ms(10));
            assert!(!beat.is_elapsed() && poll_with_noop(&mut beat).is_pending());
        }
    });
}

#[test]
fn sleep_knows_its_deadline_once_it_counts() {
    testing::run(async {
        let mut sleep_a_while = sleep(ms(10));
        assert_eq!(sleep_a_while.deadline(), None, "from when?");
        assert!(poll_with_noop(&mut sleep_a_while).is_pending());
        yield_now().await;
        yield_now().await;
        assert_eq!((sleep_a_while.deadline(), sleep_a_while.is_elapsed()), (Some(at(10)), false));
        sleep_for(10).await;
        assert_eq!((sleep_a_while.deadline(), sleep_a_while.is_elapsed()), (Some(at(10)), true), "before it is polled");
        assert_eq!(sleep_until(at(3)).deadline(), Some(at(3)));
        assert!(!sleep_until(at(3)).is_elapsed(), "it has not begun");
        assert_eq!(sleep(Duration::MAX).deadline(), Some(Instant::NEVER));
        let mut gives_way = sleep(Duration::ZERO);
        assert!(poll_with_noop(&mut gives_way).is_pending() && gives_way.is_elapsed());
        assert_eq!(gives_way.deadline(), None);
    });
}

#[test]
fn sleep_that_is_reset_in_its_own_poll_goes_by_the_new_deadline() {
    for to in [2, 10, 40] {
        let (end, polls) = testing::run(async {
            let shared = Shared::new(sleep_until(at(10)));
            let polls = Cell::new(0);
            poll_fn(|cx| {
                polls.set(polls.get() + 1);
                let polled = shared.poll(cx);
                if polls.get() == 1 {
                    shared.reset(at(to));
                }
                polled
            })
            .await;
            (Instant::now(), polls.get())
        });
        assert_eq!((end, polls), (at(to), 2));
    }
}

#[test]
fn sleep_that_is_reset_by_a_sibling_at_its_deadline_goes_on() {
    let (end, polls) = testing::run(async {
        let shared = Shared::new(sleep_until(at(10)));
        let sibling = shared.clone();
        let _first = spawn(async move {
            sleep_until(at(10)).await;
            // Both were woken in this turn, and this one is polled first.
            assert!(sibling.sleep.borrow().is_elapsed());
            sibling.reset(at(20));
        });
        yield_now().await;
        let task = shared.spawn();
        (task.await.unwrap(), shared.polls.get())
    });
    assert_eq!((end, polls), (at(20), 3), "its wake-up at the old deadline found it waiting");
}

#[test]
fn sleep_may_be_reset_by_the_waker_of_another_timer() {
    testing::run(async {
        let shared = Shared::new(sleep_until(at(10)));
        let task = shared.spawn();
        let in_wake = shared.clone();
        let waker = bomb(move |op| {
            if matches!(op, Op::Wake | Op::WakeByRef) {
                in_wake.reset(at(30));
            }
        });
        let mut other = sleep_until(at(8));
        assert!(Pin::new(&mut other).poll(&mut Context::from_waker(&waker)).is_pending());
        assert_eq!((task.await.unwrap(), shared.polls.get()), (at(30), 2));
        defuse();
    });
}

#[test]
fn sleep_that_is_reset_is_the_youngest_of_those_with_its_deadline() {
    let order = Record::new();
    testing::run(async {
        let shared: Vec<_> = (0..4).map(|_| Shared::new(sleep_until(at(10)))).collect();
        let tasks = shared.iter().enumerate().map(|(n, shared)| {
            let (shared, order) = (shared.clone(), order.clone());
            spawn(async move {
                shared.end().await;
                order.add(n);
            })
        });
        let tasks: Vec<_> = tasks.collect();
        yield_now().await;
        shared[2].reset(at(10));
        shared[0].reset(at(10));
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert_eq!(order.take(), [1, 3, 2, 0]);
}

#[test]
fn sleep_that_is_reset_outside_its_executor_tells_the_host() {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    let executor =
        Executor::builder().clock(VirtualClock::new()).on_wake(move || _ = count.fetch_add(1, SeqCst)).build();
    let shared = Shared::new(sleep_until(at(1_000)));
    let mut task = executor.spawn(shared.clone().end());
    executor.run_until_stalled();
    let before = calls.load(SeqCst);
    shared.reset(at(10));
    assert_eq!(calls.load(SeqCst), before + 1, "or the host would sleep on");
    assert_eq!(executor.run_until_stalled().next_deadline, Some(at(10)));
    executor.park(Duration::MAX);
    executor.run_until_stalled();
    assert_eq!(task.take_result().unwrap().unwrap(), at(10));
}

#[test]
fn sleep_of_one_executor_may_be_reset_in_a_task_of_another() {
    let [one, other] = [(); 2].map(|()| Executor::builder().clock(VirtualClock::new()).build());
    for sleep in [sleep_until(at(1_000)), sleep(Duration::MAX)] {
        let shared = Shared::new(sleep);
        let task = one.spawn(shared.clone().end());
        one.run_until_stalled();
        other.run(async { shared.reset(at(10)) });
        assert_eq!(one.run(task).unwrap(), at(10));
        assert_eq!(shared.polls.get(), 3);
    }
}

#[test]
fn sleep_whose_executor_is_gone_may_be_reset_and_awaited_elsewhere() {
    let shared = Shared::new(sleep_until(at(1_000)));
    let executor = Executor::builder().clock(VirtualClock::new()).build();
    let waits = shared.clone();
    executor.spawn(async move { waits.end().await }).detach();
    executor.run_until_stalled();
    drop(executor);
    shared.reset(at(10));
    assert_eq!(testing::run(shared.end()), at(10));
}

#[test]
fn sleep_whose_waker_panics_is_reset_all_the_same() {
    let ((), heard) = run_watched(async {
        let waker = bomb(|op| assert!(!matches!(op, Op::Wake | Op::WakeByRef), "no"));
        let mut sleep = sleep(Duration::MAX);
        assert!(Pin::new(&mut sleep).poll(&mut Context::from_waker(&waker)).is_pending());
        sleep.reset(at(10));
        assert_eq!(sleep.deadline(), Some(at(10)));
        sleep.await;
        assert_eq!(Instant::now(), at(10));
        defuse();
    });
    assert_eq!(heard.len(), 1, "{heard:?}");
}

#[test]
fn sleep_that_is_reset_again_and_again_wakes_once() {
    testing::run(async {
        let shared = Shared::new(sleep_until(at(10)));
        let task = shared.spawn();
        for n in 0..10_000 {
            shared.reset(at(n % 100 + 20));
            if n % 50 == 0 {
                yield_now().await;
            }
        }
        shared.reset(at(15));
        assert_eq!((task.await.unwrap(), shared.polls.get()), (at(15), 2));
    });
}

#[test]
fn sleep_in_a_timeout_is_awaited_by_reference_and_reset_between_tries() {
    testing::run(async {
        // The usual loop around a select: one timer for the whole, and the work in pieces.
        let mut idle = sleep(ms(50));
        let mut pieces = 0;
        loop {
            match timeout(ms(20), &mut idle).await {
                Ok(()) => break,
                Err(_) if pieces < 5 => {
                    pieces += 1;
                    idle.reset(Instant::now() + ms(50));
                }
                Err(_) => {}
            }
        }
        assert_eq!((pieces, Instant::now()), (5, at(150)));
    });
}

#[test]
fn sleep_on_the_system_clock_is_reset_sooner_while_the_loop_would_sleep_for_long() {
    let start = std::time::Instant::now();
    run(async {
        let shared = Shared::new(sleep(Duration::from_secs(3_600)));
        let task = shared.spawn();
        sleep(ms(1)).await;
        shared.reset(Instant::now() + ms(1));
        task.await.unwrap();
    });
    assert!(start.elapsed() < Duration::from_secs(600));
}

// ---- every short program, against a model

#[derive(Clone, Copy, Debug)]
enum Deed {
    Poll,
    Reset(Duration),
    Advance,
}

const DEEDS: [Deed; 6] = [
    Deed::Poll,
    Deed::Reset(Duration::ZERO),
    Deed::Reset(Duration::from_millis(5)),
    Deed::Reset(Duration::from_millis(15)),
    Deed::Reset(Duration::MAX),
    Deed::Advance,
];

/// What a sleep is to be. `None` is a deadline that is not known yet: 10 ms from the first poll.
#[derive(Clone, Copy, Debug)]
enum Model {
    New(Option<Instant>),
    Waits(Instant),
    /// Without a timer: a reset calls whoever polled it.
    WaitsForEver,
    Over(Instant),
}

impl Model {
    fn poll(&mut self, now: Instant) -> Poll<()> {
        match *self {
            Model::New(Some(Instant::NEVER)) | Model::WaitsForEver => *self = Model::WaitsForEver,
            Model::New(deadline) => *self = Model::Waits(deadline.unwrap_or(now + ms(10))),
            Model::Waits(_) => {}
            Model::Over(_) => return Poll::Ready(()),
        }
        Poll::Pending
    }

    /// Resets it. Returns whether that wakes.
    fn reset(&mut self, deadline: Instant) -> bool {
        let wakes = matches!(self, Model::WaitsForEver);
        *self = if let Model::Waits(_) = self { Model::Waits(deadline) } else { Model::New(Some(deadline)) };
        wakes
    }

    /// Some time has passed. Returns whether that wakes.
    fn pass(&mut self, now: Instant) -> bool {
        match *self {
            Model::Waits(deadline) if deadline <= now => {
                *self = Model::Over(deadline);
                true
            }
            _ => false,
        }
    }

    fn deadline(self) -> Option<Instant> {
        match self {
            Model::New(deadline) => deadline,
            Model::Waits(deadline) | Model::Over(deadline) => Some(deadline),
            Model::WaitsForEver => Some(Instant::NEVER),
        }
    }
}

async fn try_all(make: fn() -> (Sleep, Model), deeds: &[Deed]) {
    let (mut sleep, mut model) = make();
    let (wakes, waker) = Wakes::new();
    let mut expected = 0;
    for (n, deed) in deeds.iter().enumerate() {
        let now = Instant::now();
        match *deed {
            Deed::Poll => {
                let polled = Pin::new(&mut sleep).poll(&mut Context::from_waker(&waker));
                assert_eq!(polled, model.poll(now), "{deeds:?} at {n}: {model:?}");
            }
            Deed::Reset(wait) => {
                sleep.reset(now + wait);
                expected += usize::from(model.reset(now + wait));
            }
            Deed::Advance => sleep_for(10).await,
        }
        for _ in 0..3 {
            yield_now().await;
        }
        expected += usize::from(model.pass(Instant::now()));
        assert_eq!(wakes.count(), expected, "{deeds:?} at {n}: {model:?}");
        assert_eq!(sleep.deadline(), model.deadline(), "{deeds:?} at {n}: {model:?}");
        assert_eq!(sleep.is_elapsed(), matches!(model, Model::Over(_)), "{deeds:?} at {n}: {model:?}");
    }
}

#[test]
fn sleep_does_what_its_model_does_in_every_program_of_five_deeds() {
    let makes: [fn() -> (Sleep, Model); 3] = [
        || (sleep(Duration::MAX), Model::New(Some(Instant::NEVER))),
        || (sleep(ms(10)), Model::New(None)),
        || (sleep_until(Instant::now() + ms(10)), Model::New(Some(Instant::now() + ms(10)))),
    ];
    testing::run(async {
        for make in makes {
            for number in 0..DEEDS.len().pow(5) {
                let deeds: Vec<Deed> = (0..5).map(|n| DEEDS[number / DEEDS.len().pow(n) % DEEDS.len()]).collect();
                try_all(make, &deeds).await;
            }
        }
    });
}
