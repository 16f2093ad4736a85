//! What a panic drops, while it goes on: foreign code that panics there too would end the process, as two panics at a time do.

use crate::kit::{
    bomb::{Op, bomb, defuse},
    cases::all_cases,
    hosts::Hand,
    probe::{on_drop, panic_of},
};
use evenkeel_sync::{AdaptiveLimiter, Mutex, PriorityQueue, Semaphore, Timer, broadcast, oneshot, watch};
use std::{
    cell::Cell,
    cmp::Ordering,
    future::{Pending, pending},
    pin::Pin,
    rc::Rc,
    task::{Context, Waker},
    time::Duration,
};

/// A waker that panics whenever it is called.
fn panicking() -> Waker {
    bomb(|op| assert!(!matches!(op, Op::Wake | Op::WakeByRef), "waker"))
}

/// Panics, and drops that meanwhile.
fn falls_with<T>(what: T) {
    let text = panic_of(move || {
        let _what = what;
        panic!("the first")
    });
    assert_eq!(text, "the first");
}

thread_local! {
    /// The next comparison panics, or the next look at the time.
    static ARMED: Cell<bool> = const { Cell::new(false) };
}

fn goes_off() {
    assert!(!ARMED.take(), "foreign code");
}

#[derive(PartialEq, Eq)]
struct Touchy(u32);

impl PartialOrd for Touchy {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Touchy {
    fn cmp(&self, other: &Self) -> Ordering {
        goes_off();
        self.0.cmp(&other.0)
    }
}

#[test]
fn sync_04_an_item_that_a_panic_drops_goes_alone_if_its_comparison_panics_too() {
    let queue = PriorityQueue::new(1);
    let get = Hand::waiting(queue.get());
    queue.try_put(Touchy(0)).unwrap();
    queue.try_put(Touchy(1)).unwrap();
    let mut put = Hand::waiting(queue.put(Touchy(2)));
    assert!(get.is_woken());
    ARMED.set(true);
    falls_with(get);
    assert_eq!((ARMED.get(), queue.len(), queue.unfinished()), (false, 1, 1));
    assert_eq!(queue.try_get().map(|item| item.0), Ok(1));
    assert!(put.is_woken() && put.ready().is_ok());
}

#[test]
fn sync_04_an_item_goes_alone_if_a_wakers_destructor_panics_and_then_its_comparison_does() {
    let queue = Rc::new(PriorityQueue::new(2));
    let feed = queue.clone();
    let waker = bomb(move |op| match op {
        Op::Clone => {
            feed.try_put(Touchy(0)).unwrap();
            feed.try_put(Touchy(1)).unwrap();
            ARMED.set(true);
        }
        Op::Drop if ARMED.get() => panic!("the first"),
        _ => {}
    });
    let text = panic_of(|| Hand::new(queue.get()).poll_with(&waker));
    assert_eq!(text, "the first");
    assert_eq!((ARMED.get(), queue.len(), queue.unfinished()), (false, 1, 1));
    defuse();
}

struct Fragile;

impl Timer for Fragile {
    type Sleep = Pending<()>;

    fn now(&self) -> Duration {
        goes_off();
        Duration::ZERO
    }

    fn sleep_until(&self, _: Duration) -> Pending<()> {
        pending()
    }
}

#[test]
fn sync_06_a_slot_that_a_panic_drops_comes_back_though_the_timer_panics_too() {
    let limiter = AdaptiveLimiter::with_timer(Duration::from_secs(1), Fragile).limits(1, 1, 1);
    for end in [drop, |slot| evenkeel_sync::LimiterSlot::overloaded(slot)] {
        let slot = limiter.try_acquire().unwrap();
        let mut next = Hand::waiting(limiter.acquire());
        ARMED.set(true);
        falls_with(on_drop(move || end(slot)));
        assert!(!ARMED.get() && next.is_woken());
        drop(next.ready());
    }
}

#[test]
fn fault_11_what_a_panic_drops_wakes_others_whose_wakers_panic() {
    for case in all_cases().into_iter().filter(|case| case.at_once || case.room == 1) {
        let wakers: Vec<_> = (0..case.room).map(|_| panicking()).collect();
        let mut waiters: Vec<_> = (0..case.room).map(|_| Hand::new((case.wait)())).collect();
        for (waiter, waker) in waiters.iter_mut().zip(&wakers) {
            assert!(waiter.poll_with(waker).is_pending());
        }
        let serve = on_drop(|| (case.serve)());
        let text = panic_of(move || {
            let _serve = serve;
            panic!("the first")
        });
        assert_eq!(text, "the first", "{}", case.name);
        assert!(waiters.iter_mut().all(|waiter| waiter.poll().is_ready()), "{}", case.name);
        defuse();
    }
}

#[test]
fn fault_11_guards_that_a_panic_drops_are_handed_on_though_wakers_panic() {
    let (semaphore, mutex) = (Semaphore::new(1), Mutex::new(0));
    let (permit, lock) = (semaphore.try_acquire().unwrap(), mutex.try_lock().unwrap());
    let mut acquire = Hand::new(semaphore.acquire());
    let mut locking = Hand::new(mutex.lock());
    let waker = panicking();
    assert!(acquire.poll_with(&waker).is_pending() && locking.poll_with(&waker).is_pending());
    assert_eq!(
        panic_of(move || {
            let _held = (permit, lock);
            panic!("the holder")
        }),
        "the holder"
    );
    assert!(acquire.poll().is_ready() && locking.poll().is_ready());
    defuse();
}

/// A value whose destructor panics once it is armed.
#[derive(Clone)]
struct Old(u8);

impl Drop for Old {
    fn drop(&mut self) {
        goes_off();
    }
}

#[test]
fn fault_11_an_old_value_of_a_watch_goes_alone_though_a_waker_panics_too() {
    type Send = fn(&watch::Sender<Old>);
    let sends: [(&str, Send); 4] = [
        ("foreign code", |sender| drop(sender.send(Old(2)))),
        ("foreign code", |sender| sender.send_modify(|value| value.0 = 2)),
        ("foreign code", |sender| {
            sender.send_if_modified(|value| {
                value.0 = 2;
                true
            });
        }),
        ("waker", |sender| drop(sender.send_replace(Old(2)))),
    ];
    for (first, send) in sends {
        let (sender, mut receiver) = watch::channel(Old(1));
        let mut other = receiver.clone();
        let mut waiter = Hand::new(receiver.changed());
        let mut last = Hand::new(other.changed());
        assert!(waiter.poll_with(&panicking()).is_pending() && last.is_pending());
        ARMED.set(true);
        assert_eq!(panic_of(|| send(&sender)), first);
        assert!(!ARMED.get() && last.is_woken() && last.ready().is_ok() && waiter.ready().is_ok());
        assert_eq!(sender.borrow().0, 2);
        defuse();
    }
}

#[test]
fn fault_11_the_oldest_value_of_a_broadcast_goes_alone_though_a_waker_panics_too() {
    let (sender, mut receiver) = broadcast::channel(1);
    let (mut other, lags) = (sender.subscribe(), sender.subscribe());
    assert!(sender.send(Old(1)).is_ok());
    drop((receiver.try_recv().unwrap(), other.try_recv().unwrap()));
    let mut waiter = Hand::new(receiver.recv());
    let mut last = Hand::new(other.recv());
    assert!(waiter.poll_with(&panicking()).is_pending() && last.is_pending());
    ARMED.set(true);
    assert_eq!(panic_of(|| drop(sender.send(Old(2)))), "foreign code");
    assert!(!ARMED.get() && last.is_woken() && lags.len() == 2);
    assert!([waiter.ready(), last.ready()].iter().all(|value| value.as_ref().is_ok_and(|value| value.0 == 2)));
    defuse();
}

#[test]
fn fault_11_a_waker_of_a_oneshot_goes_alone_though_the_other_ends_panics_too() {
    let touchy = || {
        bomb(|op| {
            if op == Op::Drop {
                goes_off()
            }
        })
    };
    for sender_goes in [false, true] {
        let (mut sender, mut receiver) = oneshot::channel::<u8>();
        let (of_sender, of_receiver) = if sender_goes { (touchy(), panicking()) } else { (panicking(), touchy()) };
        assert!(sender.poll_closed(&mut Context::from_waker(&of_sender)).is_pending());
        assert!(Pin::new(&mut receiver).poll(&mut Context::from_waker(&of_receiver)).is_pending());
        ARMED.set(true);
        if sender_goes {
            assert_eq!(panic_of(|| drop(sender)), "foreign code");
            assert!(Hand::new(receiver).ready().is_err());
        } else {
            assert_eq!(panic_of(|| drop(receiver)), "foreign code");
            assert!(sender.is_closed());
        }
        assert!(!ARMED.get());
        defuse();
    }
}
