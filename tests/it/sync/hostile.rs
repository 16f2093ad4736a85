//! Foreign code in the middle of a primitive: wakers and comparisons that panic or come back in, and timers that panic.

use crate::kit::{
    bomb::{Op, bomb, defuse},
    cases::all_cases,
    hosts::{Hand, now},
    probe::{Drops, Record, panic_of},
};
use evenkeel_sync::{AdaptiveLimiter, Barrier, Full, LifoQueue, PriorityQueue, Queue, RateLimiter, Timer, oneshot};
use std::{
    cell::{Cell, RefCell},
    cmp::Ordering,
    collections::VecDeque,
    future::{Pending, pending},
    rc::Rc,
    task::{Poll, Waker},
    time::Duration,
};

/// A waker whose wake-ups do what is in line for them.
fn scripted(deeds: impl IntoIterator<Item = Box<dyn FnOnce()>>) -> Waker {
    let deeds = RefCell::new(VecDeque::from_iter(deeds));
    bomb(move |op| {
        if matches!(op, Op::Wake | Op::WakeByRef) {
            let deed = deeds.borrow_mut().pop_front();
            deed.into_iter().for_each(|deed| deed());
        }
    })
}

/// A waker that panics whenever it is called.
fn panicking() -> Waker {
    bomb(|op| assert!(!matches!(op, Op::Wake | Op::WakeByRef), "waker"))
}

fn panics<T>(f: impl FnOnce() -> T) {
    panic_of(f);
}

// ---- comparisons that panic

thread_local! {
    /// How many comparisons go well before one panics.
    static FUSE: Cell<Option<usize>> = const { Cell::new(None) };
    /// Does every one panic from then on?
    static FOR_GOOD: Cell<bool> = const { Cell::new(false) };
}

/// Equal to everything, so that only the order of coming counts; the name tells which it is.
#[derive(Debug, Clone, Copy)]
struct Equal(&'static str);

impl PartialEq for Equal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Equal {}

impl PartialOrd for Equal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Equal {
    fn cmp(&self, _: &Self) -> Ordering {
        match FUSE.get() {
            Some(0) => {
                FUSE.set(if FOR_GOOD.get() { Some(0) } else { None });
                panic!("comparison");
            }
            left => FUSE.set(left.map(|left| left - 1)),
        }
        Ordering::Equal
    }
}

fn arm(comparisons: usize) {
    FUSE.set(Some(comparisons));
}

fn names(queue: &PriorityQueue<Equal>) -> Vec<&'static str> {
    std::iter::from_fn(|| queue.try_get().ok()).map(|item| item.0).collect()
}

fn filled(capacity: usize, names: &[&'static str]) -> PriorityQueue<Equal> {
    let queue = PriorityQueue::new(capacity);
    names.iter().for_each(|name| queue.try_put(Equal(name)).unwrap());
    queue
}

/// Everything that was put is done with, and the queue is as good as new.
fn is_whole(queue: &PriorityQueue<Equal>) {
    assert_eq!((queue.len(), queue.unfinished()), (0, 0));
    now(queue.join());
    let mut get = Hand::waiting(queue.get());
    now(queue.put(Equal("new"))).unwrap();
    assert!(get.is_woken());
    assert_eq!(get.ready().unwrap().0, "new");
    now(queue.join());
}

#[test]
fn sync_04_a_comparison_that_panics_leaves_the_counts_of_a_queue_right() {
    let queue = filled(10, &["a"]);
    arm(0);
    panics(|| queue.try_put(Equal("b")));
    assert_eq!((queue.len(), queue.unfinished()), (1, 1));
    assert_eq!(names(&queue), ["a"]);
    is_whole(&queue);
}

#[test]
fn sync_04_a_comparison_that_panics_as_a_putter_is_let_in_loses_its_item_alone() {
    let queue = filled(2, &["a", "b"]);
    let [mut c, mut d, mut e] = ["c", "d", "e"].map(|name| Hand::waiting(queue.put(Equal(name))));
    arm(0);
    panics(|| queue.try_get());
    // c is lost, and a is back where it was: there is no room for d.
    assert!(c.is_woken() && !d.is_woken() && !e.is_woken());
    assert!(c.ready().is_ok() && d.is_pending() && e.is_pending());
    assert_eq!((queue.len(), queue.unfinished(), queue.waiting_putters()), (2, 2, 2));
    assert_eq!(names(&queue), ["a", "b", "d", "e"]);
    assert!(d.ready().is_ok() && e.ready().is_ok());
    is_whole(&queue);
}

#[test]
fn sync_04_comparisons_that_always_panic_leave_nobody_in_vain() {
    let queue = filled(2, &["a", "b"]);
    let mut putters: Vec<_> = (0..1000).map(|_| Hand::waiting(queue.put(Equal("p")))).collect();
    FOR_GOOD.set(true);
    arm(0);
    panics(|| queue.try_get());
    FOR_GOOD.set(false);
    FUSE.set(None);
    assert!(putters.iter_mut().all(|putter| putter.is_woken() && putter.ready().is_ok()));
    assert_eq!((queue.len(), queue.unfinished()), (1, 1));
    assert_eq!(names(&queue), ["b"]);
    is_whole(&queue);
}

#[test]
fn sync_04_a_comparison_that_panics_in_place_of_an_old_item_leaves_that_there() {
    let queue = filled(2, &["a", "b"]).when_full(Full::DropOldest);
    type Put = fn(&PriorityQueue<Equal>);
    let puts: [Put; 2] = [
        |queue| {
            let _ = queue.try_put(Equal("c"));
        },
        |queue| {
            let _ = queue.force_put(Equal("d"));
        },
    ];
    for put in puts {
        arm(0);
        panics(|| put(&queue));
        assert_eq!((queue.len(), queue.unfinished()), (2, 2));
    }
    assert_eq!(names(&queue), ["a", "b"]);
    is_whole(&queue);
}

#[test]
fn sync_04_a_comparison_that_panics_as_an_item_comes_back_loses_it_and_ends_the_join() {
    let queue = filled(1, &[]);
    let mut get = Hand::waiting(queue.get());
    queue.try_put(Equal("a")).unwrap();
    queue.try_put(Equal("b")).unwrap();
    let mut c = Hand::waiting(queue.put(Equal("c")));
    arm(0);
    panics(|| get.with(|get| drop(std::mem::replace(get, queue.get()))));
    assert_eq!((queue.len(), queue.unfinished()), (1, 1));
    let job = queue.try_get_job().unwrap();
    assert!(c.is_woken() && c.ready().is_ok());
    let mut join = Hand::waiting(queue.join());
    assert_eq!(names(&queue), ["c"]);
    drop(job);
    assert!(join.is_woken());
    join.ready();
    is_whole(&queue);
}

// ---- items that come back

#[test]
fn sync_05_an_item_that_comes_back_has_its_own_number_in_every_order() {
    let stack = LifoQueue::new(3);
    (1..=3).for_each(|n| stack.try_put(n).unwrap());
    let mut put = Hand::new(stack.put(4));
    assert!(put.poll_with(&panicking()).is_pending());
    panics(|| stack.try_get());
    assert_eq!(std::iter::from_fn(|| stack.try_get().ok()).collect::<Vec<_>>(), [4, 3, 2, 1]);

    let queue = Queue::new(3);
    (1..=3).for_each(|n| queue.try_put(n).unwrap());
    let mut put = Hand::new(queue.put(4));
    assert!(put.poll_with(&panicking()).is_pending());
    panics(|| queue.try_get());
    assert_eq!(std::iter::from_fn(|| queue.try_get().ok()).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!((stack.unfinished(), queue.unfinished()), (0, 0));
    defuse();
}

#[test]
fn sync_05_two_items_that_come_back_at_once_are_both_there() {
    for capacity in [0, 2] {
        let queue = Rc::new(PriorityQueue::new(capacity));
        let names_of = ["a", "b", "c", "d"];
        names_of[..capacity].iter().for_each(|name| queue.try_put(Equal(name)).unwrap());
        let inner = queue.clone();
        let waker = scripted([
            Box::new(move || {
                let _ = inner.try_get();
            }) as Box<dyn FnOnce()>,
            Box::new(|| panic!("waker")),
        ]);
        let mut puts: Vec<_> = names_of[capacity..].iter().map(|name| Hand::new(queue.put(Equal(name)))).collect();
        assert!(puts.iter_mut().all(|put| put.poll_with(&waker).is_pending()));
        panics(|| queue.try_get());
        assert_eq!(queue.unfinished(), 4 - queue.waiting_putters());
        assert_eq!(names(&queue), names_of);
        assert_eq!((queue.len(), queue.unfinished()), (0, 0));
        now(queue.join());
        defuse();
    }
}

#[test]
fn sync_05_many_items_that_were_got_at_once_all_come_back() {
    let queue = Queue::new(3);
    (1..=3).for_each(|n| queue.try_put(n).unwrap());
    let mut puts = [4, 5].map(|n| Hand::new(queue.put(n)));
    assert!(puts[0].poll().is_pending() && puts[1].poll_with(&panicking()).is_pending());
    panics(|| now(queue.get_many(5)));
    assert_eq!(queue.unfinished(), queue.len());
    assert_eq!(now(queue.get_many(5)), Ok(vec![1, 2, 3, 4, 5]));
    now(queue.join());
    defuse();
}

#[test]
fn sync_05_the_last_item_is_not_lost_when_the_waker_of_a_join_panics() {
    for many in [false, true] {
        let queue = Queue::new(3);
        queue.try_put(1).unwrap();
        let mut join = Hand::new(queue.join());
        assert!(join.poll_with(&panicking()).is_pending());
        panics(|| if many { now(queue.get_many(2)).map(drop) } else { now(queue.get()).map(drop) });
        assert_eq!((queue.len(), queue.unfinished()), (1, 1));
        assert_eq!(queue.try_get(), Ok(1));
        now(queue.join());
    }
    defuse();
}

#[test]
fn sync_05_what_a_closed_queue_held_is_not_lost_when_a_waker_panics() {
    let queue = Queue::new(2);
    (1..=2).for_each(|n| queue.try_put(n).unwrap());
    let mut put = Hand::new(queue.put(3));
    assert!(put.poll_with(&panicking()).is_pending());
    panics(|| queue.close_now());
    assert_eq!(put.ready().unwrap_err().into_inner(), 3);
    assert_eq!(queue.close_now(), [1, 2]);
    now(queue.join());
    defuse();
}

#[test]
fn sync_05_what_a_channel_held_goes_with_its_receiver_when_a_waker_panics() {
    let drops = Drops::default();
    let (sender, receiver) = evenkeel::sync::channel(1);
    assert!(sender.try_send(drops.guard()).is_ok());
    let mut send = Hand::new(sender.send(drops.guard()));
    assert!(send.poll_with(&panicking()).is_pending());
    panics(|| drop(receiver));
    assert_eq!(drops.count(), 1);
    assert!(send.ready().is_err());
    assert_eq!(drops.count(), 2);
    defuse();
}

// ---- timers that panic

#[derive(Clone, Default)]
struct Fragile(Rc<Cell<bool>>);

impl Timer for Fragile {
    type Sleep = Pending<()>;

    fn now(&self) -> Duration {
        assert!(!self.0.take(), "timer");
        Duration::ZERO
    }

    fn sleep_until(&self, _: Duration) -> Pending<()> {
        pending()
    }
}

#[test]
fn sync_06_a_slot_comes_back_though_the_timer_panics() {
    for overloaded in [false, true] {
        let timer = Fragile::default();
        let limiter = AdaptiveLimiter::with_timer(Duration::from_secs(1), timer.clone()).limits(1, 1, 1);
        let slot = limiter.try_acquire().unwrap();
        let mut next = Hand::waiting(limiter.acquire());
        timer.0.set(true);
        panics(|| if overloaded { slot.overloaded() } else { drop(slot) });
        assert!(next.is_woken());
        timer.0.set(true);
        panics(|| next.poll());
        assert_eq!((limiter.in_flight(), limiter.waiting()), (0, 0));
        assert!(limiter.try_acquire().is_some());
    }
}

#[test]
fn sync_06_the_line_of_a_rate_limiter_goes_on_though_the_timer_panics() {
    let timer = Fragile::default();
    let limiter = RateLimiter::with_timer(1, Duration::from_secs(1), timer.clone());
    timer.0.set(true);
    panics(|| limiter.try_acquire(1));
    let mut first = Hand::new(limiter.acquire(1));
    timer.0.set(true);
    panics(|| first.poll());
    drop(first);
    assert_eq!(limiter.available(), 1);
    now(limiter.acquire(1));
}

// ---- wakers that panic

#[test]
fn sync_07_a_round_of_a_barrier_has_one_leader_though_a_waker_panics() {
    for victim in [0, 1] {
        let barrier = Barrier::new(3);
        let mut parties = [0, 1].map(|_| Hand::new(barrier.wait()));
        let waker = panicking();
        for (index, party) in parties.iter_mut().enumerate() {
            let polled = if index == victim { party.poll_with(&waker) } else { party.poll() };
            assert!(polled.is_pending());
        }
        panics(|| Hand::new(barrier.wait()).poll());
        assert_eq!(parties.map(|mut party| party.ready()), [Ok(true), Ok(false)]);
        // The next round is like any other.
        let mut parties = [0, 1].map(|_| Hand::waiting(barrier.wait()));
        assert_eq!(now(barrier.wait()), Ok(true));
        assert_eq!(parties.each_mut().map(Hand::ready), [Ok(false), Ok(false)]);
    }
    defuse();
}

#[test]
fn sync_07_a_round_of_a_barrier_has_one_leader_though_a_waker_polls_on_the_spot_and_panics() {
    let barrier: &'static Barrier = Box::leak(Box::new(Barrier::new(2)));
    let leaders = Record::new();
    let party = Rc::new(RefCell::new(Hand::new(barrier.wait())));
    let (again, seen) = (party.clone(), leaders.clone());
    let waker = bomb(move |op| {
        if op == Op::Wake {
            seen.add(again.borrow_mut().ready());
            panic!("waker");
        }
    });
    assert!(party.borrow_mut().poll_with(&waker).is_pending());
    panics(|| Hand::new(barrier.wait()).poll());
    assert_eq!(leaders.take(), [Ok(true)]);
    defuse();
}

// ---- wakers that do what is waited for

#[test]
fn fault_44_no_wake_up_is_lost_where_a_waker_serves_as_it_is_cloned_or_dropped() {
    for op in [Op::Clone, Op::Drop] {
        for case in all_cases() {
            // What is over before the waiter stands in line, and leaves nothing behind, is not for it.
            if op == Op::Clone && matches!(case.name, "event" | "barrier" | "condition" | "rendezvous, put") {
                continue;
            }
            let armed = Rc::new(Cell::new(false));
            let (fuse, serve) = (armed.clone(), case.serve.clone());
            let waker = bomb(move |happened| {
                if happened == op && fuse.take() {
                    serve();
                }
            });
            let mut waiter = Hand::new((case.wait)());
            // With the bomb, which is cloned; then with another, by which it is dropped.
            armed.set(op == Op::Clone);
            let mut polled = waiter.poll_with(&waker);
            if op == Op::Drop {
                assert!(polled.is_pending());
                armed.set(true);
                polled = waiter.poll();
            }
            let seen = polled.is_ready() || waiter.is_woken();
            assert!(seen, "{} {op:?}: it waits, and nobody wakes it", case.name);
            defuse();
        }
    }
}

#[test]
fn fault_11_a_waker_that_panics_as_it_is_cloned_leaves_the_one_before_in_place() {
    let (sender, receiver) = oneshot::channel();
    let mut receiver = Hand::waiting(receiver);
    let waker = bomb(|op| assert!(op != Op::Clone, "clone"));
    panics(|| receiver.poll_with(&waker));
    sender.send(1).unwrap();
    assert!(receiver.is_woken());
    assert_eq!(receiver.poll(), Poll::Ready(Ok(1)));
    defuse();
}
