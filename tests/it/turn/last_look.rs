//! Nothing of the host's comes between the last look and the sleep; no wait lets more time pass than it was given.

use crate::kit::probe::{HandClock, HandPark, Record, at, ms, my_waker, wait_for_wake};
use evenkeel::{
    Executor, Instant, host::Readiness, interval, sleep, sleep_until, spawn, task::spawner, testing::VirtualClock,
    time::Clock, timeout, yield_now,
};
use std::{
    cell::{Cell, RefCell},
    future::pending,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::Waker,
    thread,
    time::Duration,
};

/// A clock that calls a function whenever it is asked, with the number of the question.
struct Nosy {
    time: HandClock,
    asked: Cell<usize>,
    each: Box<dyn Fn(usize)>,
}

impl Nosy {
    fn new(time: &HandClock, each: impl Fn(usize) + 'static) -> Nosy {
        Nosy { time: time.clone(), asked: Cell::new(0), each: Box::new(each) }
    }
}

impl Clock for Nosy {
    fn now(&self) -> Instant {
        self.asked.set(self.asked.get() + 1);
        (self.each)(self.asked.get());
        self.time.now()
    }
}

fn wake_from_elsewhere(slot: &RefCell<Option<Waker>>) -> bool {
    let waker = slot.take();
    let found = waker.is_some();
    waker.into_iter().for_each(|waker| thread::spawn(move || waker.wake()).join().unwrap());
    found
}

/// How a wake-up comes while the loop asks the clock, before it sleeps.
fn a_wake_up_that_comes_while_the_clock_is_asked(wake: impl Fn(&RefCell<Option<Waker>>) -> bool + 'static) {
    let time = HandClock::default();
    let slot = Rc::new(RefCell::new(None::<Waker>));
    let (waker, to_be_seen) = (slot.clone(), Rc::new(Cell::new(false)));
    let (seen, was_asked) = (to_be_seen.clone(), Cell::new(false));
    let clock = Nosy::new(&time, move |_| {
        // The second question of a turn is that of a loop that is about to sleep.
        if waker.borrow().is_some() && was_asked.replace(!was_asked.get()) && wake(&waker) {
            // Whatever the call left for this thread is gone, as when a clock waits for a channel.
            thread::park_timeout(Duration::ZERO);
            seen.set(true);
        }
    });
    let unseen = to_be_seen.clone();
    let late = time.clone();
    let park = HandPark::new(move |max| {
        assert!(!unseen.get(), "a wake-up is slept through");
        late.advance(max.unwrap());
    });
    Executor::builder().clock(clock).park(park).build().run(async move {
        let _long = spawn(sleep(Duration::from_secs(3600)));
        for _ in 0..4 {
            wait_for_wake(&slot).await;
            to_be_seen.set(false);
            yield_now().await;
        }
        assert!(time.now() < at(1000), "the timer was waited for");
    });
}

#[test]
fn fault_44_a_wake_up_from_elsewhere_while_the_clock_is_asked_is_not_slept_through() {
    a_wake_up_that_comes_while_the_clock_is_asked(wake_from_elsewhere);
}

#[test]
fn fault_44_a_wake_up_by_the_clock_itself_is_not_slept_through() {
    a_wake_up_that_comes_while_the_clock_is_asked(|slot| {
        let waker = slot.take();
        let found = waker.is_some();
        waker.into_iter().for_each(Waker::wake);
        found
    });
}

#[test]
fn fault_44_a_task_that_the_clock_spawns_is_not_slept_through() {
    let time = HandClock::default();
    let spawned = Rc::new(Cell::new(false));
    let (clock, set) = (time.clone(), spawned.clone());
    let clock = Nosy::new(&clock, move |question| {
        if question == 2 {
            let set = set.clone();
            spawner().spawn(async move { set.set(true) }).unwrap().detach();
        }
    });
    let (late, ran) = (time.clone(), spawned.clone());
    let park = HandPark::new(move |max| {
        assert!(ran.get(), "slept with a new task");
        late.advance(max.unwrap());
    });
    Executor::builder().clock(clock).park(park).build().run(async {
        sleep(ms(5)).await;
        sleep(ms(5)).await;
    });
    assert!(spawned.get());
}

#[test]
fn fault_44_a_real_thread_is_woken_though_its_clock_took_the_token() {
    let time = HandClock::default();
    let slot = Rc::new(RefCell::new(None::<Waker>));
    let waker = slot.clone();
    let clock = Nosy::new(&time, move |question| {
        if question % 2 == 0 && wake_from_elsewhere(&waker) {
            thread::park_timeout(Duration::ZERO);
        }
    });
    let begin = std::time::Instant::now();
    Executor::builder().clock(clock).build().run(async {
        let _long = spawn(async {
            loop {
                sleep(Duration::from_secs(20)).await;
            }
        });
        for _ in 0..3 {
            wait_for_wake(&slot).await;
        }
    });
    assert!(begin.elapsed() < Duration::from_secs(15), "it slept until the timer");
}

/// A clock that can jump, and says that it cannot, after it has woken somebody.
struct Refusing(Rc<RefCell<Option<Waker>>>);

impl Clock for Refusing {
    fn now(&self) -> Instant {
        at(0)
    }

    fn jump_to(&self, _: Instant) -> bool {
        self.0.take().into_iter().for_each(Waker::wake);
        false
    }
}

#[test]
fn fault_44_a_wake_up_by_a_clock_that_does_not_jump_is_not_slept_through() {
    let slot = Rc::new(RefCell::new(None));
    let park = HandPark::new(|_| panic!("slept"));
    Executor::builder().clock(Refusing(slot.clone())).park(park).build().run(async {
        let _long = spawn(sleep(ms(5)));
        wait_for_wake(&slot).await;
    });
}

#[test]
fn fault_44_a_deadline_that_passes_while_the_clock_is_asked_is_not_slept_for() {
    let time = HandClock::default();
    let late = time.clone();
    let clock = Nosy::new(&time, move |question| late.advance(ms(if question > 1 { 20 } else { 0 })));
    Executor::builder().clock(clock).park(HandPark::new(|_| panic!("slept"))).build().run(sleep(ms(15)));
}

#[test]
fn fault_44_on_wake_is_called_for_what_comes_while_a_park_asks_the_clock() {
    let time = HandClock::default();
    let slot = Rc::new(RefCell::new(None::<Waker>));
    let (waker, in_park) = (slot.clone(), Rc::new(Cell::new(false)));
    let parks = in_park.clone();
    let clock = Nosy::new(&time, move |_| {
        if parks.get() {
            wake_from_elsewhere(&waker);
        }
    });
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    let on_wake = move || {
        count.fetch_add(1, SeqCst);
    };
    let executor = Executor::builder().clock(clock).on_wake(on_wake).park(HandPark::new(|_| panic!("slept"))).build();
    executor.spawn(sleep(Duration::from_secs(5))).detach();
    executor.spawn(async move { wait_for_wake(&slot).await }).detach();
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Idle);
    in_park.set(true);
    executor.park(ms(16));
    assert_eq!(calls.load(SeqCst), 1, "a host that waits for on_wake hears of it, once");
    executor.park(ms(16));
    assert_eq!(calls.load(SeqCst), 1);
}

#[test]
fn time_10_a_park_lets_no_more_virtual_time_pass_than_it_was_given() {
    let clock = VirtualClock::new();
    let executor = Executor::builder().clock(clock.clone()).build();
    executor.spawn(sleep(ms(40))).detach();
    executor.run_until_stalled();
    let mut times = Vec::new();
    for _ in 0..4 {
        executor.park(ms(16));
        times.push(clock.now());
        executor.tick(Duration::ZERO);
    }
    assert_eq!(times[..3], [at(16), at(32), at(40)], "as long as was said, or until the deadline");
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Finished);
}

#[test]
fn time_10_a_park_of_no_time_and_one_without_end_are_what_they_say() {
    let clock = VirtualClock::new();
    let executor = Executor::builder().clock(clock.clone()).build();
    executor.spawn(sleep(Duration::from_secs(1 << 33))).detach();
    executor.run_until_stalled();
    executor.park(Duration::ZERO);
    assert_eq!(clock.now(), at(0));
    executor.park(Duration::from_nanos(1));
    assert_eq!(clock.now(), Instant::from_origin(Duration::from_nanos(1)));
    executor.park(Duration::MAX);
    assert_eq!(clock.now(), Instant::from_origin(Duration::from_secs(1 << 33)));
    executor.park(Duration::MAX);
    assert_eq!(executor.run_until_stalled().polled, 1, "a timer that is due was not parked for");
    // At the far end of time nothing overflows.
    clock.advance(Duration::MAX);
    executor.spawn(sleep_until(Instant::NEVER)).detach();
    executor.run_until_stalled();
    executor.park(ms(1));
    assert_eq!((clock.now(), executor.next_deadline(), executor.next_wait()), (Instant::NEVER, None, None));
}

#[test]
fn time_10_a_clock_that_jumps_by_itself_is_asked_for_no_more_than_a_park_was_given() {
    struct Asked(HandClock, Record<Instant>);
    impl Clock for Asked {
        fn now(&self) -> Instant {
            self.0.now()
        }
        fn jump_to(&self, deadline: Instant) -> bool {
            self.1.add(deadline);
            self.0.set(deadline.since_origin());
            true
        }
    }
    let (time, asked) = (HandClock::default(), Record::new());
    let executor = Executor::builder().clock(Asked(time, asked.clone())).build();
    executor.spawn(sleep(ms(100))).detach();
    executor.run_until_stalled();
    executor.park(ms(30));
    executor.park(ms(80));
    assert_eq!(asked.take(), [at(30), at(100)]);
}

#[test]
fn end_10_a_close_on_virtual_time_waits_for_clean_up_and_no_longer_than_its_grace() {
    for (takes, grace, stuck, end) in [(40, 100, 0, 40), (100, 40, 1, 40), (5, 0, 1, 0)] {
        let clock = VirtualClock::new();
        let executor = Executor::builder().clock(clock.clone()).on_unhandled(|_| {}).build();
        let clean = move |_: Option<&()>| sleep(ms(takes));
        executor.spawn(evenkeel::finally(pending::<()>(), clean)).detach();
        executor.run_until_stalled();
        let report = executor.close(ms(grace));
        assert_eq!((report.stuck().len(), clock.now()), (stuck, at(end)), "{takes} of {grace}");
    }
}

#[test]
fn fault_25_a_tick_ends_when_its_clock_steps_back() {
    let time = HandClock::default();
    time.set(Duration::from_secs(100));
    let executor = Executor::builder().clock(time.clone()).build();
    let back = time.clone();
    executor
        .spawn(async move {
            yield_now().await;
            back.set(Duration::ZERO);
            for _ in 0..100_000 {
                back.advance(Duration::from_nanos(1));
                yield_now().await;
            }
        })
        .detach();
    assert!(executor.tick(ms(4)).polled < 100, "a budget of time that never ends");
}

#[test]
fn time_11_an_interval_that_is_made_outside_of_its_executor_ticks_at_once_there() {
    let _ = Instant::now();
    let first_of = |executor: &Executor| {
        let mut every = interval(ms(10));
        // The system's clock goes on, and the executor's does not.
        thread::sleep(ms(2));
        executor.run(async move {
            let first = every.tick().await;
            assert_eq!(first, Instant::now());
            assert_eq!(every.tick().await, first + ms(10));
            Instant::now()
        })
    };
    let clock = VirtualClock::new();
    let executor = Executor::builder().clock(clock.clone()).build();
    assert_eq!(first_of(&executor), at(10));
    clock.advance(ms(500));
    assert_eq!(first_of(&executor), at(520));
}

#[test]
fn time_11_an_interval_that_another_executor_made_ticks_at_once() {
    let (one, other) = (VirtualClock::new(), VirtualClock::new());
    one.advance(Duration::from_secs(1000));
    let first = Executor::builder().clock(one).build();
    let second = Executor::builder().clock(other).build();
    let mut every = first.run(async { interval(ms(10)) });
    assert_eq!(second.run(async { every.tick().await }), at(0));
}

#[test]
fn time_11_an_interval_that_is_reset_outside_of_its_executor_counts_from_where_it_is_waited_for() {
    let _ = Instant::now();
    let executor = Executor::builder().clock(VirtualClock::new()).build();
    let mut every = interval(ms(10));
    executor.run(every.tick());
    thread::sleep(ms(2));
    every.reset();
    assert_eq!(executor.run(every.tick()), at(10));
    // Inside, from where it is reset.
    executor.run(async {
        every.reset();
        sleep(ms(3)).await;
        assert_eq!(every.tick().await, at(20));
    });
}

#[test]
fn time_11_what_waits_for_a_duration_counts_on_the_clock_that_polls_it() {
    let _ = Instant::now();
    let executor = Executor::builder().clock(VirtualClock::new()).build();
    let (nap, limited) = (sleep(ms(5)), timeout(ms(7), pending::<()>()));
    let deadline = evenkeel::cancel::Deadline::after(ms(9));
    let under = deadline.clone();
    let mut never = interval(Duration::MAX);
    never.reset();
    thread::sleep(ms(2));
    executor.run(async move {
        nap.await;
        assert_eq!(Instant::now(), at(5));
        limited.await.unwrap_err();
        assert_eq!(Instant::now(), at(12));
        under.run(pending::<()>()).await.unwrap_err();
        assert_eq!(Instant::now(), at(21));
        timeout(Duration::from_secs(1 << 30), never.tick()).await.unwrap_err();
    });
}

#[test]
fn time_06_a_tick_that_is_polled_outside_an_executor_says_so() {
    let mut every = interval(ms(1));
    let message = crate::kit::probe::panic_of(|| {
        let mut tick = Box::pin(every.tick());
        crate::kit::probe::poll_with_noop(&mut tick).is_ready()
    });
    assert!(message.contains("outside an executor"), "{message}");
    drop(my_waker());
}
