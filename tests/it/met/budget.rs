//! What is ready at once gives way after a while.

use crate::kit::{
    bomb::{Op, bomb},
    probe::{HandClock, Record, ms},
    stage::{counted, run_clean},
};
use evenkeel::{
    CancelScope, Executor, Handle, TaskGroup, as_completed,
    coop::{BUDGET, consume_budget, has_budget, try_consume_budget, unconstrained, with_budget},
    finally, gather, interval, map_concurrent, race, run, sleep, spawn,
    sync::{
        AdaptiveLimiter, Barrier, Condition, Event, Mutex, Notify, OnceCell, PriorityQueue, Queue, RateLimiter, RwLock,
        Semaphore, SetOnce, broadcast, oneshot, unbounded_channel, watch,
    },
    threads::remote,
    time::{Clock, MissedTick},
    timeout, yield_now,
};
use evenkeel_testkit::on_drop;
use futures::{FutureExt, StreamExt, executor::block_on, stream::FuturesUnordered};
use std::{
    cell::{Cell, RefCell},
    future::{pending, poll_fn},
    pin::pin,
    rc::Rc,
    task::Poll,
    time::Duration,
};

const TURNS: usize = 5;

/// How often `operation` ends within one turn, awaited again and again: in each of several turns.
async fn in_each_turn(operation: impl AsyncFn() + 'static) -> Vec<usize> {
    let ended = Rc::new(Cell::new(0));
    let count = ended.clone();
    let _busy = spawn(async move {
        loop {
            operation().await;
            count.set(count.get() + 1);
        }
    });
    let mut turns = Vec::new();
    yield_now().await;
    for _ in 0..TURNS {
        turns.push(ended.replace(0));
        yield_now().await;
    }
    turns
}

/// Each turn ends so many of the operation, which awaits `awaits` times; and one more, perhaps, that was granted at the end of the budget
/// before.
#[track_caller]
fn gives_way(name: &str, awaits: usize, operation: impl AsyncFn() + 'static) {
    let turns = run_clean(in_each_turn(operation));
    let each = BUDGET as usize / awaits;
    assert!(turns.iter().all(|&ended| ended == each || ended == each + 1), "{name}: {turns:?}");
}

#[test]
fn met_a1_loop_05_locks_and_permits_that_are_free_give_way() {
    let semaphore = Rc::new(Semaphore::new(1));
    let owned = semaphore.clone();
    gives_way("Semaphore::acquire", 1, async move || drop(semaphore.acquire().await));
    gives_way("Semaphore::acquire_owned", 1, async move || drop(owned.acquire_owned().await));
    let closed = Semaphore::new(1);
    closed.close();
    gives_way("Semaphore::acquire, closed", 1, async move || drop(closed.acquire().await));
    let mutex = Mutex::new(0);
    gives_way("Mutex::lock", 1, async move || *mutex.lock().await += 1);
    let (mutex, condition) = (Mutex::new(0), Condition::new());
    gives_way("Condition::wait_for, lock included", 2, async move || {
        let mut guard = mutex.lock().await;
        condition.wait_for(&mut guard, |_| true).await;
    });
    let lock = Rc::new(RwLock::new(0));
    let written = lock.clone();
    gives_way("RwLock::read", 1, async move || drop(lock.read().await));
    gives_way("RwLock::write", 1, async move || *written.write().await += 1);
    let limiter = RateLimiter::new(1_000_000, ms(1));
    gives_way("RateLimiter::acquire", 1, async move || limiter.acquire(1).await);
    let limiter = RateLimiter::new(1, ms(1));
    gives_way("RateLimiter::acquire, nothing", 1, async move || limiter.acquire(0).await);
    let limiter = AdaptiveLimiter::new(ms(1));
    gives_way("AdaptiveLimiter::acquire", 1, async move || drop(limiter.acquire().await));
}

#[test]
fn met_a1_loop_05_what_has_happened_gives_way() {
    let event = Event::new();
    event.set();
    gives_way("Event::wait", 1, async move || event.wait().await);
    let notify = Notify::new();
    gives_way("Notify::notified", 1, async move || {
        notify.notify_one();
        notify.notified().await;
    });
    let notify = Rc::new(Notify::new());
    gives_way("Notified::enable", 1, async move || {
        notify.notify_one();
        let mut notified = notify.notified_owned();
        assert!(notified.enable());
        notified.await;
    });
    let notify = Rc::new(Notify::new());
    gives_way("Notified::enable, notified afterwards", 1, async move || {
        let mut notified = notify.notified_owned();
        assert!(!notified.enable());
        notify.notify_one();
        notified.await;
    });
    let (set, cell) = (SetOnce::from(1), OnceCell::from(1));
    gives_way("SetOnce::wait", 1, async move || assert_eq!(*set.wait().await, 1));
    gives_way("OnceCell::wait", 1, async move || assert_eq!(*cell.wait().await, 1));
    let event = Rc::new(Event::new());
    event.set();
    gives_way("Event::wait_owned", 1, async move || event.wait_owned().await);
    let barrier = Barrier::new(1);
    gives_way("Barrier::wait", 1, async move || assert!(barrier.wait().await.is_ok()));
    let cell = OnceCell::from(1);
    gives_way("OnceCell::get_or_init", 1, async move || assert_eq!(*cell.get_or_init(async || 2).await, 1));
    let scope = CancelScope::new();
    scope.cancel("it was");
    let token = scope.token();
    gives_way("CancelToken::cancelled", 1, async move || drop(token.cancelled().await));
    let slept = run_clean(async {
        let mut sleep = Box::pin(sleep(Duration::ZERO));
        sleep.as_mut().await;
        RefCell::new(sleep)
    });
    gives_way("Sleep that is over", 1, async move || poll_fn(|cx| slept.borrow_mut().as_mut().poll(cx)).await);
}

#[test]
fn met_a1_loop_05_queues_and_channels_that_are_never_empty_nor_full_give_way() {
    let queue = Queue::new(1);
    gives_way("Queue, put and get", 2, async move || {
        queue.put(1).await.unwrap();
        queue.get().await.unwrap();
    });
    let queue = PriorityQueue::new(1);
    gives_way("PriorityQueue, put and get", 2, async move || {
        queue.put(1).await.unwrap();
        drop(queue.get_job().await.unwrap());
    });
    let queue = Queue::new(1);
    gives_way("Queue::items", 1, async move || {
        queue.try_put(1).unwrap();
        queue.items().next().await.unwrap();
    });
    let queue = Queue::new(1);
    gives_way("Queue::get_many", 1, async move || {
        queue.try_put(1).unwrap();
        queue.get_many(9).await.unwrap();
    });
    let queue = Queue::new(1);
    gives_way("Queue::get_many, none", 1, async move || {
        queue.try_put(1).unwrap_or_default();
        queue.get_many(0).await.unwrap();
    });
    let queue = Queue::<()>::new(1);
    gives_way("Queue::join", 1, async move || queue.join().await);
    let queue = Queue::new(1);
    queue.close();
    gives_way("Queue::put, closed", 1, async move || assert!(queue.put(1).await.is_err()));
    let (sender, receiver) = unbounded_channel();
    gives_way("channel", 1, async move || {
        sender.try_send(1).unwrap();
        receiver.recv().await.unwrap();
    });
    gives_way("oneshot", 1, async move || {
        let (sender, receiver) = oneshot::channel();
        sender.send(1).unwrap();
        assert_eq!(receiver.await, Ok(1));
    });
    gives_way("oneshot, closed", 1, async move || {
        let (sender, receiver) = oneshot::channel::<()>();
        drop(sender);
        assert!(receiver.await.is_err());
    });
    let (sender, receiver) = watch::channel(1);
    gives_way("watch::Receiver::changed", 1, async move || {
        sender.send(1).unwrap();
        let mut receiver = receiver.clone();
        receiver.changed().await.unwrap();
    });
    let (_sender, receiver) = watch::channel(1);
    gives_way("watch::Receiver::wait_for", 1, async move || drop(receiver.clone().wait_for(|_| true).await));
    let (_sender, receiver) = watch::channel(1);
    gives_way("watch::Receiver::items", 1, async move || {
        let mut receiver = receiver.clone();
        receiver.mark_changed();
        assert!(receiver.items().next().await.is_some());
    });
    let (sender, receiver) = watch::channel(1);
    let items = RefCell::new(receiver.into_items());
    gives_way("watch::Items::next, after one that was dropped", 1, async move || {
        assert!(items.borrow_mut().next().now_or_never().is_none());
        sender.send(1).unwrap();
        assert!(poll_fn(|cx| pin!(items.borrow_mut().next()).poll(cx)).await.is_some());
    });
    let (sender, receiver) = broadcast::channel(1);
    let items = RefCell::new(receiver.into_items());
    gives_way("broadcast::Items::next, after one that was dropped", 1, async move || {
        assert!(items.borrow_mut().next().now_or_never().is_none());
        sender.send(1).unwrap();
        assert!(poll_fn(|cx| pin!(items.borrow_mut().next()).poll(cx)).await.is_some());
    });
    let sender = broadcast::Sender::<u8>::new(1);
    gives_way("broadcast::Sender::closed", 1, async move || sender.closed().await);
    let (sender, receiver) = broadcast::channel(1);
    gives_way("broadcast::Receiver::items", 1, async move || {
        let mut receiver = receiver.resubscribe();
        sender.send(1).unwrap();
        assert!(receiver.items().next().await.is_some());
    });
    let (sender, receiver) = broadcast::channel(1);
    gives_way("broadcast", 1, async move || {
        let mut receiver = receiver.resubscribe();
        sender.send(1).unwrap();
        receiver.recv().await.unwrap();
    });
}

#[test]
fn met_a1_loop_05_what_has_come_from_elsewhere_gives_way() {
    let (sender, receiver) = remote::channel(1);
    let receiver = Rc::new(RefCell::new(receiver));
    gives_way("remote::channel, send and receive", 2, async move || {
        sender.send(1).await.unwrap();
        poll_fn(|cx| pin!(receiver.borrow_mut().recv()).poll(cx)).await.unwrap();
    });
    /// How many outcomes that are there are taken in a turn.
    fn taken<F: Future + 'static>(made: impl AsyncFnOnce() -> Vec<F>) -> Vec<usize> {
        run_clean(async {
            let made = RefCell::new(made().await);
            in_each_turn(async move || {
                let next = made.borrow_mut().pop();
                match next {
                    Some(next) => drop(next.await),
                    None => std::future::pending().await,
                }
            })
            .await
        })
    }
    const MADE: usize = BUDGET as usize * 2 + 1;
    let budgets = [BUDGET as usize, BUDGET as usize, 1, 0, 0];
    let tasks = taken(async || {
        let tasks = (0..MADE).map(|n| spawn(async move { n })).collect();
        yield_now().await;
        tasks
    });
    assert_eq!(tasks, budgets, "tasks that have ended");
    let remote_tasks = taken(async || {
        let handle = Handle::current();
        let tasks: Vec<_> = (0..MADE).map(|n| handle.spawn(move || async move { n }).unwrap()).collect();
        while !tasks.iter().all(|task| task.is_finished()) {
            yield_now().await;
        }
        tasks
    });
    assert_eq!(remote_tasks, budgets, "remote tasks that have ended");
}

#[test]
fn met_a1_loop_05_a_busy_thread_cannot_keep_a_receiver_from_giving_way() {
    let turns = run_clean(async {
        let (sender, mut receiver) = remote::channel(usize::MAX);
        for n in 0..BUDGET * 3 {
            sender.try_send(n).unwrap();
        }
        let received = Rc::new(Cell::new(0));
        let count = received.clone();
        let task = spawn(async move {
            while receiver.recv().await.is_some() {
                count.set(count.get() + 1);
            }
        });
        let mut turns = Vec::new();
        yield_now().await;
        for _ in 0..4 {
            turns.push(received.replace(0));
            yield_now().await;
        }
        drop(sender);
        task.await.unwrap();
        turns
    });
    assert_eq!(turns, [128, 128, 128, 0]);
}

/// A clock that goes on by a millisecond with each look.
#[derive(Clone, Default)]
struct Ticking(HandClock);

impl Clock for Ticking {
    fn now(&self) -> evenkeel::Instant {
        self.0.advance(ms(1));
        self.0.now()
    }
}

fn ticking() -> Executor {
    Executor::builder().clock(Ticking::default()).build()
}

async fn put_and_get_for_ever() {
    let queue = Queue::new(1);
    loop {
        queue.put(1).await.unwrap();
        queue.get().await.unwrap();
    }
}

#[test]
fn met_a1_loop_05_a_deadline_is_heard_by_code_that_never_waits() {
    let elapsed = ticking().run(timeout(ms(50), put_and_get_for_ever()));
    assert!(elapsed.is_err());
}

#[test]
fn met_a1_loop_05_a_heartbeat_beats_beside_code_that_never_waits() {
    let beats = ticking().run(async {
        let _busy = spawn(put_and_get_for_ever());
        let mut beats = Vec::new();
        let mut every = interval(ms(10));
        for _ in 0..5 {
            beats.push(every.tick().await);
        }
        let gaps = beats.windows(2).map(|pair| pair[1] - pair[0]);
        gaps.collect::<Vec<_>>()
    });
    assert_eq!(beats, [ms(10); 4]);
}

#[test]
fn met_a1_loop_05_a_tick_returns_from_code_that_never_waits() {
    let executor = Executor::new();
    executor.spawn(put_and_get_for_ever()).detach();
    let progress = executor.tick(evenkeel::host::Budget::polls(3));
    assert_eq!(progress.polled, 3);
    assert_eq!(executor.tick(ms(0)).polled, 1);
}

#[test]
fn met_a1_loop_05_a_request_to_cancel_is_heard_by_code_that_never_waits() {
    let reason = run(async {
        let task = spawn(put_and_get_for_ever());
        yield_now().await;
        task.cancel("enough");
        task.await
    });
    assert_eq!(crate::kit::probe::reason_of(reason).to_string(), "enough");
}

#[test]
fn met_a1_unconstrained_code_has_no_budget() {
    run(async {
        let others = Rc::new(Cell::new(0));
        let count = others.clone();
        let _other = spawn(async move {
            loop {
                count.set(count.get() + 1);
                yield_now().await;
            }
        });
        let semaphore = Semaphore::new(1);
        unconstrained(async {
            for _ in 0..10 * BUDGET {
                drop(semaphore.acquire().await);
                assert!(has_budget());
            }
        })
        .await;
        assert_eq!(others.get(), 0);
        for _ in 0..10 * BUDGET {
            drop(semaphore.acquire().await);
        }
        assert_eq!(others.get(), 9, "and what follows has what was left before");
    });
}

#[test]
fn met_a1_each_poll_of_a_task_has_a_budget_of_its_own() {
    async fn left() -> u32 {
        let mut left = 0;
        while has_budget() {
            consume_budget().await;
            left += 1;
        }
        left
    }
    let counts = run(async {
        let first = left().await;
        yield_now().await;
        let again = left().await;
        yield_now().await;
        let other = spawn(left()).await.unwrap();
        let inner = std::thread::spawn(|| run(left())).join().unwrap();
        [first, again, other, inner]
    });
    assert_eq!(counts, [BUDGET; 4]);
}

#[test]
fn met_a1_outside_an_executor_nothing_gives_way() {
    let semaphore = Semaphore::new(1);
    for _ in 0..100 * BUDGET {
        assert!(semaphore.acquire().now_or_never().is_some());
    }
    run(consume_budget());
    for _ in 0..100 * BUDGET {
        assert!(semaphore.acquire().now_or_never().is_some(), "also after one has run");
    }
}

#[test]
fn met_a1_another_executor_inside_a_task_leaves_its_budget_as_it_was() {
    run(async {
        for _ in 0..BUDGET - 1 {
            consume_budget().await;
        }
        let inner = Executor::new();
        inner
            .spawn(async {
                for _ in 0..10 {
                    consume_budget().await
                }
            })
            .detach();
        inner.run_until_stalled();
        assert!(has_budget());
        consume_budget().await;
        assert!(!has_budget());
    });
}

#[test]
fn met_a1_a_blocking_loop_inside_a_poll_goes_on_without_a_budget() {
    run(async {
        let semaphore = Semaphore::new(1);
        for _ in 0..3 * BUDGET {
            drop(block_on(semaphore.acquire()));
        }
        for _ in 0..3 {
            while has_budget() {
                consume_budget().await;
            }
            block_on(gather_of_ready());
        }
    });
}

async fn gather_of_ready() {
    gather((async {}, async {})).await;
}

#[test]
fn met_a1_a_permit_that_came_at_the_end_of_a_budget_is_its_owners_and_not_lost() {
    let semaphore = Semaphore::new(2);
    with_budget(0, || {
        let mut first = semaphore.acquire().boxed_local();
        assert!(first.as_mut().now_or_never().is_none());
        assert_eq!(semaphore.available_permits(), 1, "it was granted");
        assert_eq!(semaphore.waiting(), 0);
        let second = semaphore.acquire().boxed_local();
        drop(first);
        assert_eq!(semaphore.available_permits(), 2, "who leaves gives it back");
        drop(second);
    });
    let mut late = semaphore.acquire().boxed_local();
    with_budget(0, || assert!(late.as_mut().now_or_never().is_none()));
    let _held = semaphore.try_acquire().unwrap();
    assert!(semaphore.try_acquire().is_err());
    assert!(late.now_or_never().is_some_and(|permit| permit.is_ok()));
}

#[test]
fn met_a1_an_item_that_came_at_the_end_of_a_budget_keeps_its_place() {
    let queue = Queue::unbounded();
    queue.try_put(1).unwrap();
    queue.try_put(2).unwrap();
    let mut first = queue.get().boxed_local();
    with_budget(0, || assert!(first.as_mut().now_or_never().is_none()));
    assert_eq!(queue.get().now_or_never(), Some(Ok(2)));
    assert_eq!(first.now_or_never(), Some(Ok(1)));
    queue.try_put(3).unwrap();
    queue.try_put(4).unwrap();
    let mut dropped = queue.get().boxed_local();
    with_budget(0, || assert!(dropped.as_mut().now_or_never().is_none()));
    drop(dropped);
    assert_eq!(queue.get().now_or_never(), Some(Ok(3)), "it went back to the front");
}

#[test]
fn met_a1_a_value_that_came_at_the_end_of_a_budget_can_still_be_received() {
    let (sender, mut receiver) = oneshot::channel();
    sender.send(1).unwrap();
    with_budget(0, || assert!((&mut receiver).now_or_never().is_none()));
    assert_eq!(receiver.try_recv(), Ok(1));
}

#[test]
fn met_a1_combinators_poll_no_child_in_vain_when_the_budget_is_used_up() {
    let polls = Rc::new(Cell::new(0));
    let (children, own_polls) = (8 * BUDGET as usize, Rc::new(Cell::new(0)));
    run_clean(async {
        let event = Event::new();
        event.set();
        let children = (0..children).map(|_| counted(&polls, event.wait()));
        counted(&own_polls, gather(children)).await;
    });
    assert_eq!((polls.get(), own_polls.get()), (children, 8));
}

#[test]
fn met_a1_combinators_of_others_poll_few_children_in_vain() {
    let polls = Rc::new(Cell::new(0));
    let children = 8 * BUDGET as usize;
    run_clean(async {
        let event = Event::new();
        event.set();
        let all: FuturesUnordered<_> = (0..children).map(|_| counted(&polls, event.wait())).collect();
        assert_eq!(all.count().await, children);
    });
    // It gives up for a poll after two children that woke themselves.
    assert_eq!(polls.get(), children + 7 * 2);
}

#[test]
fn met_a1_clean_up_in_branches_begins_also_when_the_budget_is_used_up() {
    let record = Record::new();
    run_clean(async {
        let scope = CancelScope::new();
        let body = async {
            let branches = (0..3).map(|n| crate::kit::stage::tidy(&record, ["a", "b", "c"][n], 1, sleep(ms(1000))));
            let branches = gather(branches);
            let busy = async {
                yield_now().await;
                scope.cancel("enough");
                while try_consume_budget() {}
                std::future::pending::<()>().await;
            };
            gather((busy, branches)).await;
        };
        let _ = scope.run(body).await;
    });
    let mut tidied = record.take();
    tidied.sort();
    assert_eq!(tidied, ["a tidied", "b tidied", "c tidied"]);
}

#[test]
fn met_a1_children_of_a_group_have_budgets_of_their_own() {
    let done = run_clean(async {
        TaskGroup::<()>::run(async |group| {
            let event = Rc::new(Event::new());
            event.set();
            let mut handles = Vec::new();
            for _ in 0..3 * BUDGET {
                let event = event.clone();
                handles.push(group.spawn(async move { event.wait().await }));
            }
            let mut done = 0;
            for handle in handles {
                handle.await;
                done += 1;
            }
            Ok(done)
        })
        .await
    });
    assert_eq!(done.unwrap(), 3 * BUDGET);
}

#[test]
fn met_a1_a_race_is_decided_in_the_next_poll_if_there_is_no_budget() {
    let winner = run_clean(async {
        while has_budget() {
            consume_budget().await;
        }
        race((async { 1 }, async { 1 })).await
    });
    assert_eq!(winner, 1);
}

/// A lone child is polled whenever its owner is, and gives way itself if it needs to.
#[test]
fn met_a1_a_whole_without_a_budget_is_not_woken_for_a_lone_child_that_nobody_woke() {
    let polls = run_clean(async {
        let polls = Cell::new(0);
        let mut gathered = pin!(gather([pending::<()>()]));
        let owner = poll_fn(|cx| {
            polls.set(polls.get() + 1);
            assert!(polls.get() < 9, "it wakes itself in each poll");
            if polls.get() == 1 {
                cx.waker().wake_by_ref();
            } else {
                while has_budget() {
                    let _ = try_consume_budget();
                }
            }
            gathered.as_mut().poll(cx).map(drop)
        });
        assert!(timeout(ms(1), owner).await.is_err());
        polls.get()
    });
    assert_eq!(polls, 3, "two, and the last one at the deadline");
}

#[test]
fn met_a1_a_lone_child_gets_no_budget_that_its_task_has_not() {
    let (taken, polls) = run_clean(async {
        let (taken, polls) = (Cell::new(0), Cell::new(0));
        let child = poll_fn(|cx| {
            polls.set(polls.get() + 1);
            while try_consume_budget() {
                taken.set(taken.get() + 1);
            }
            if polls.get() < TURNS {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(())
        });
        let mut gathered = pin!(gather([child]));
        poll_fn(|cx| {
            while try_consume_budget() {}
            gathered.as_mut().poll(cx).map(drop)
        })
        .await;
        (taken.get(), polls.get())
    });
    assert_eq!((taken, polls), (0, TURNS));
}

#[test]
fn met_a1_a_deadline_takes_nothing_from_code_that_finds_the_budget_used_up() {
    let counts = run_clean(async {
        let queue = Queue::unbounded();
        let lock = Mutex::new(());
        for n in 0..10 * BUDGET {
            queue.try_put(n).unwrap();
        }
        // Two awaits, neither of which has to wait, in each of scopes that have no time at all.
        let take = async || {
            let _guard = lock.lock().await;
            queue.get().await.unwrap()
        };
        let mut taken = 0;
        while !queue.is_empty() {
            assert_eq!(timeout(Duration::ZERO, take()).await, Ok(taken));
            taken += 1;
        }
        let nested = timeout(Duration::ZERO, timeout(ms(5), queue.get()));
        (taken, nested.await.is_err())
    });
    assert_eq!(counts, (10 * BUDGET, true));
}

#[test]
fn met_a1_loop_05_scopes_without_time_give_way() {
    let queue = Queue::new(1);
    let turns = run_clean(in_each_turn(async move || {
        queue.try_put(1).unwrap();
        assert_eq!(timeout(Duration::ZERO, queue.get()).await, Ok(Ok(1)));
    }));
    assert!(turns.iter().all(|&ended| ended.abs_diff(2 * BUDGET as usize) <= 1), "{turns:?}");
}

#[test]
fn met_a1_loop_05_ticks_that_are_overdue_give_way() {
    let clock = HandClock::default();
    let late = clock.clone();
    let turns = Executor::builder().clock(clock).build().run(async move {
        let every = RefCell::new(interval(ms(1)).missed_tick(MissedTick::Burst));
        yield_now().await;
        poll_fn(|cx| pin!(every.borrow_mut().tick()).poll(cx)).await;
        late.advance(ms(10_000));
        let tick = async move || {
            poll_fn(|cx| pin!(every.borrow_mut().tick()).poll(cx)).await;
        };
        in_each_turn(tick).await
    });
    assert_eq!(turns, [BUDGET as usize; TURNS]);
}

#[test]
fn met_a1_cancelled_code_gives_what_is_there_though_the_budget_is_used_up() {
    let lost = Rc::new(Cell::new(0));
    run_clean(async {
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..3 * BUDGET).map(|_| oneshot::channel()).unzip();
        let count = lost.clone();
        let note = move |receiver| {
            let lost = count.clone();
            finally(receiver, async move |value: Option<&_>| lost.set(lost.get() + u32::from(value.is_none())))
        };
        let task = spawn(async move { gather(receivers.into_iter().map(note)).await.len() });
        yield_now().await;
        yield_now().await;
        senders.into_iter().for_each(|sender| sender.send(()).unwrap());
        task.cancel("enough");
        assert_eq!(task.await.unwrap(), 3 * BUDGET as usize);
    });
    assert_eq!(lost.get(), 0);
    let many = run_clean(async {
        let event = Event::new();
        event.set();
        timeout(Duration::ZERO, gather((0..3 * BUDGET).map(|_| event.wait()))).await.map(|all| all.len())
    });
    assert_eq!(many, Ok(3 * BUDGET as usize));
}

#[test]
fn met_a1_tick_07_a_long_errand_is_run_to_its_end() {
    let executor = Executor::new();
    let done = Rc::new(Cell::new(0));
    let count = done.clone();
    executor
        .spawn(async move {
            let semaphore = Semaphore::new(1);
            for _ in 0..10 * BUDGET {
                drop(semaphore.acquire().await);
                count.set(count.get() + 1);
            }
        })
        .detach();
    let progress = executor.run_until_stalled();
    assert_eq!((done.get(), progress.readiness), (10 * BUDGET, evenkeel::host::Readiness::Finished));
}

#[test]
fn met_a1_a_deadline_is_heard_behind_a_sibling_that_takes_all() {
    let busy = async {
        loop {
            consume_budget().await;
        }
    };
    let deadline = timeout(ms(50), std::future::pending::<()>());
    let ended = ticking().run(async { futures::future::select(pin!(busy), pin!(deadline)).await.factor_first().0 });
    let _: Result<(), evenkeel::Elapsed> = ended;
}

#[test]
fn met_a1_loop_05_outputs_of_collectors_give_way() {
    let outputs = Rc::new(Cell::new(0));
    let count = outputs.clone();
    let elapsed = ticking().run(timeout(ms(50), async move {
        let endless = map_concurrent(futures::stream::iter(0..), 4, async |n: u64| n);
        endless.for_each(async |_| count.set(count.get() + 1)).await;
    }));
    assert!(elapsed.is_err() && outputs.get() > 0);
    let elapsed = ticking().run(timeout(ms(50), async {
        let mut all = as_completed([std::future::ready(())]);
        while all.next().await.is_some() {
            all.push(std::future::ready(()));
        }
    }));
    assert!(elapsed.is_err());
}

/// A waker that panics when the budget makes somebody give way: it is not taken for a panic of the child that was polled last.
#[test]
fn met_a1_a_waker_that_panics_as_somebody_gives_way_costs_no_child() {
    let drops = Rc::new(Cell::new(0));
    run(async {
        let event = Event::new();
        event.set();
        let kept = drops.clone();
        let waits = async {
            let _note = on_drop(move || kept.set(kept.get() + 1));
            std::future::pending::<()>().await;
        };
        let busy = async { while try_consume_budget() {} };
        let mut all = pin!(gather((waits, busy, event.wait())));
        let waker = bomb(|operation| assert!(!matches!(operation, Op::Wake | Op::WakeByRef), "a waker"));
        let polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            all.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_pending()
        }));
        assert!(polled.is_err());
        assert_eq!(drops.get(), 0);
    });
}
