//! What the raw room does, for Miri: nodes that are entered, granted, refused, left and used again, and queues that go before those
//! who waited in them.

use evenkeel_coop::with_budget;
use evenkeel_sync::{Attempt, Condition, Event, Line, Mutex, Queue, Semaphore, Wait, WaitQueue, oneshot};
use std::{
    cell::Cell,
    collections::VecDeque,
    ops::Deref,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

/// Counts its calls.
#[derive(Default)]
struct Calls(AtomicUsize);

impl Wake for Calls {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Calls {
    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

fn poll<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

#[test]
fn nodes_are_used_again_whoever_leaves_first() {
    let calls = Arc::new(Calls::default());
    let waker = Waker::from(calls.clone());
    let semaphore = Semaphore::new(0);
    for round in 0..12 {
        let mut waits: Vec<_> = (0..6).map(|_| semaphore.acquire()).collect();
        assert!(waits.iter_mut().all(|wait| poll(wait, &waker).is_pending()));
        // The one in the middle, the first, the last.
        drop(waits.remove(2 + round % 3));
        drop(waits.remove(0));
        drop(waits.pop());
        semaphore.add_permits(2);
        assert_eq!(semaphore.waiting(), 1);
        // One passes its permit on, the other takes it.
        drop(waits.remove(0));
        assert_eq!(semaphore.waiting(), 0);
        for wait in &mut waits {
            let Poll::Ready(Ok(permit)) = poll(wait, &waker) else { panic!("it was handed a permit") };
            permit.forget();
        }
    }
    assert!(calls.count() >= 24);
}

#[test]
fn whoever_is_refused_has_his_item_back() {
    let waker = Waker::noop();
    let queue = Queue::new(1);
    queue.try_put(Box::new(0)).unwrap();
    let mut puts: Vec<_> = (1..5).map(|item| queue.put(Box::new(item))).collect();
    assert!(puts.iter_mut().all(|put| poll(put, waker).is_pending()));
    assert_eq!(queue.try_get(), Ok(Box::new(0)));
    queue.close();
    // The first one's item was let in.
    assert!(matches!(poll(&mut puts.remove(0), waker), Poll::Ready(Ok(()))));
    drop(puts.remove(1));
    for (put, item) in puts.iter_mut().zip([2, 4]) {
        assert!(matches!(poll(put, waker), Poll::Ready(Err(error)) if *error.0 == item));
    }
    assert_eq!(queue.try_get(), Ok(Box::new(1)));
}

#[test]
fn a_large_request_is_refused_out_of_the_middle_and_the_order_stays() {
    let waker = Waker::noop();
    let semaphore = Semaphore::new(3);
    let mut all = semaphore.try_acquire_many(3).unwrap();
    let mut waits: Vec<_> = [1, 3, 2, 3, 1].map(|count| semaphore.acquire_many(count)).into();
    assert!(waits.iter_mut().all(|wait| poll(wait, waker).is_pending()));
    all.split(1).unwrap().forget();
    drop(all);
    let got: Vec<Option<usize>> = waits
        .iter_mut()
        .map(|wait| match poll(wait, waker) {
            Poll::Ready(outcome) => Some(outcome.map_or(0, |permit| permit.count())),
            Poll::Pending => None,
        })
        .collect();
    assert_eq!(got, [Some(1), Some(0), Some(2), Some(0), Some(1)]);
}

#[test]
fn an_events_crowd_is_more_than_is_kept() {
    let waker = Waker::noop();
    let event = Event::new();
    for _ in 0..2 {
        let mut waits: Vec<_> = (0..300).map(|_| Box::pin(event.wait())).collect();
        assert!(waits.iter_mut().all(|wait| poll(wait, waker).is_pending()));
        event.set();
        event.clear();
        assert!(waits.iter_mut().all(|wait| poll(wait, waker).is_ready()));
    }
}

#[test]
fn who_is_notified_has_a_seat_in_the_locks_line() {
    let waker = Waker::noop();
    let (mutex, condition) = (Mutex::new(0), Condition::new());
    let wait = || {
        Box::pin(async {
            let mut guard = mutex.lock().await;
            condition.wait(&mut guard).await;
            *guard += 1;
        })
    };
    let mut waits: Vec<_> = (0..4).map(|_| wait()).collect();
    assert!(waits.iter_mut().all(|wait| poll(wait, waker).is_pending()));
    let guard = mutex.try_lock().unwrap();
    condition.notify_all();
    let mut last = mutex.lock();
    assert!(poll(&mut last, waker).is_pending());
    assert_eq!(mutex.waiting(), 5);
    drop(waits.remove(1));
    drop(guard);
    assert!(waits.iter_mut().all(|wait| poll(wait, waker).is_ready()));
    assert!(matches!(poll(&mut last, waker), Poll::Ready(guard) if *guard == 3));
}

/// A line whose waiters bring and get boxes.
struct Boxes(WaitQueue<Box<u32>, Box<u32>>);

struct Boxing;

impl Line for Boxing {
    type Owner = Boxes;
    type Request = Box<u32>;
    type Grant = Box<u32>;

    fn queue(boxes: &Boxes) -> &WaitQueue<Box<u32>, Box<u32>> {
        &boxes.0
    }

    fn attempt(_: &Boxes, request: Box<u32>) -> Attempt<Box<u32>, Box<u32>> {
        Attempt::Wait(request)
    }

    fn give_back(_: &Boxes, _: Box<u32>) {}
}

/// A pointer that leads elsewhere when it is told to.
struct Switch([Boxes; 2], Rc<Cell<usize>>);

impl Deref for Switch {
    type Target = Boxes;

    fn deref(&self) -> &Boxes {
        &self.0[self.1.get()]
    }
}

/// One who waits in the first of two queues, and the way to lead it to the second.
fn who_is_led_elsewhere() -> (Wait<Switch, Boxing>, Rc<Cell<usize>>) {
    let which = Rc::new(Cell::new(0));
    let boxes = [(); 2].map(|()| Boxes(WaitQueue::new("Boxes")));
    let mut wait = Wait::<Switch, Boxing>::new(Switch(boxes, which.clone()), Box::new(1));
    assert!(poll(&mut wait, Waker::noop()).is_pending());
    (wait, which)
}

#[test]
fn a_place_is_given_back_to_another_queue_than_it_was_from() {
    let (mut wait, which) = who_is_led_elsewhere();
    assert_eq!(wait.owner().0[0].0.grant(Box::new(2)), Ok(Box::new(1)));
    wait.owner().0[0].0.wake();
    which.set(1);
    assert_eq!(poll(&mut wait, Waker::noop()), Poll::Ready(Ok(Box::new(2))));
}

#[test]
fn a_place_is_left_with_another_queue_than_it_was_from() {
    let (wait, which) = who_is_led_elsewhere();
    assert_eq!(wait.owner().0[0].0.grant(Box::new(2)), Ok(Box::new(1)));
    // It is still among the calls.
    which.set(1);
    drop(wait);
}

#[test]
#[cfg_attr(miri, ignore = "what is forgotten leaks, which Miri is asked to overlook in a run of its own")]
fn a_queue_goes_before_those_who_were_forgotten_in_it() {
    let calls = Arc::new(Calls::default());
    let waker = Waker::from(calls.clone());
    {
        let boxes = Boxes(WaitQueue::new("Boxes"));
        let mut forgotten: Vec<_> = (0..4).map(|n| Wait::<&Boxes, Boxing>::new(&boxes, Box::new(n))).collect();
        assert!(forgotten.iter_mut().all(|wait| poll(wait, &waker).is_pending()));
        // One is among the calls, one is free again, two are in line.
        boxes.0.grant(Box::new(7)).unwrap();
        drop(forgotten.pop());
        forgotten.into_iter().for_each(std::mem::forget);
    }
    assert_eq!((calls.count(), Arc::strong_count(&calls)), (0, 2));
}

#[test]
fn what_lies_in_a_line_may_be_borrowed_from_what_goes_before_it() {
    let queue = Queue::new(1);
    let text = String::from("text");
    queue.try_put(&*text).unwrap();
    let mut put = queue.put(&*text);
    assert!(poll(&mut put, Waker::noop()).is_pending());
}

#[test]
fn the_second_end_of_a_oneshot_takes_the_value_with_it() {
    let calls = Arc::new(Calls::default());
    let waker = Waker::from(calls.clone());
    for _ in 0..3 {
        let (sender, mut receiver) = oneshot::channel();
        assert!(poll(&mut receiver, &waker).is_pending());
        sender.send(Box::new(1)).unwrap();
        assert_eq!(poll(&mut receiver, &waker), Poll::Ready(Ok(Box::new(1))));
        let (sender, receiver) = oneshot::channel();
        sender.send(Box::new(2)).unwrap();
        drop(receiver);
        let (sender, receiver) = oneshot::channel();
        drop(receiver);
        assert_eq!(sender.send(Box::new(3)), Err(Box::new(3)));
    }
    assert_eq!((calls.count(), Arc::strong_count(&calls)), (3, 2));
}

#[test]
fn oneshots_of_any_size_and_more_than_are_kept() {
    fn all<T: Copy + PartialEq + std::fmt::Debug>(value: T, count: usize) {
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..count).map(|_| oneshot::channel()).unzip();
        senders.into_iter().for_each(|sender| sender.send(value).unwrap());
        for mut receiver in receivers {
            assert_eq!(receiver.try_recv(), Ok(value));
        }
    }
    for _ in 0..2 {
        all((), 300);
        all([1_u8; 64], 3);
        all([1_u64; 20], 3);
        all([1_u64; 300], 3);
    }
    #[derive(Clone, Copy, PartialEq, Debug)]
    #[repr(align(64))]
    struct Wide(u8);
    all(Wide(7), 3);
    std::thread::spawn(|| all(1_u8, 3)).join().unwrap();
}

#[test]
#[cfg_attr(miri, ignore = "what is forgotten leaks, which Miri is asked to overlook in a run of its own")]
fn what_is_forgotten_in_a_line_may_have_borrowed_from_what_went_before_it() {
    let queue = Queue::new(1);
    let text = String::from("text");
    queue.try_put((&*text, String::new())).unwrap();
    let mut put = queue.put((&*text, String::from("dropped with the queue")));
    assert!(poll(&mut put, Waker::noop()).is_pending());
    std::mem::forget(put);
}

#[test]
fn a_place_in_line_is_left_with_another_queue_than_it_was_from() {
    let (wait, which) = who_is_led_elsewhere();
    which.set(1);
    drop(wait);
}

/// Counts its drops, and panics in them if it is to.
struct Counted<'a>(&'a Cell<usize>, bool);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
        assert!(!self.1, "a destructor");
    }
}

#[test]
fn items_stay_in_order_while_their_slots_are_used_again_and_they_move_to_others() {
    let queue = Queue::unbounded();
    let mut model = VecDeque::new();
    let mut next = 0;
    // The ring is full now and then, wherever its first item lies.
    for (more, fewer) in [(3, 2), (4, 5), (7, 3), (9, 1), (0, 12), (20, 13), (30, 37)] {
        for _ in 0..more {
            queue.try_put(Box::new(next)).unwrap();
            model.push_back(next);
            next += 1;
        }
        assert_eq!(queue.len(), model.len());
        for _ in 0..fewer {
            assert_eq!(queue.try_get().ok().map(|item| *item), model.pop_front());
        }
    }
    assert!(queue.is_empty());
}

#[test]
fn a_queue_that_held_many_gives_their_slots_back_and_keeps_the_rest() {
    let queue = Queue::unbounded();
    for n in 0..2049 {
        queue.try_put(Box::new(n)).unwrap();
    }
    for n in 0..2048 {
        assert_eq!(*queue.try_get().unwrap(), n);
    }
    queue.try_put(Box::new(2049)).unwrap();
    assert_eq!(queue.close_now(), [Box::new(2048), Box::new(2049)]);
}

#[test]
fn what_comes_back_stands_where_it_was_whoever_leaves_first() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        // Items that nobody waits for are there as well, and some of them go first.
        for (stored, taken) in [(0, 0), (1, 1), (2, 0), (9, 1)] {
            let queue = Queue::unbounded();
            let mut gets: Vec<_> = (0..3).map(|_| Some(queue.get())).collect();
            assert!(gets.iter_mut().flatten().all(|get| poll(get, Waker::noop()).is_pending()));
            for n in 0..3 + stored {
                queue.try_put(Box::new(n)).unwrap();
            }
            for n in 0..taken {
                assert_eq!(*queue.try_get().unwrap(), 3 + n);
            }
            for which in order {
                gets[which] = None;
            }
            assert_eq!(queue.len(), 3 + stored - taken);
            queue.try_put(Box::new(3 + stored)).unwrap();
            let left: Vec<_> = std::iter::from_fn(|| queue.try_get().ok()).map(|item| *item).collect();
            let wanted: Vec<_> = (0..4 + stored).filter(|n| !(3..3 + taken).contains(n)).collect();
            assert_eq!(left, wanted, "{order:?}");
        }
    }
}

#[test]
fn what_comes_back_twice_stands_where_it_was() {
    let queue = Queue::unbounded();
    let mut gets: Vec<_> = (0..3).map(|_| queue.get()).collect();
    assert!(gets.iter_mut().all(|get| poll(get, Waker::noop()).is_pending()));
    for n in 0..3 {
        queue.try_put(Box::new(n)).unwrap();
    }
    drop(gets.remove(0));
    // The first item is handed out again, to one who does not look.
    let mut again = queue.get();
    assert!(with_budget(0, || poll(&mut again, Waker::noop())).is_pending());
    assert!(queue.is_empty());
    drop(gets);
    drop(again);
    assert_eq!(queue.close_now(), [Box::new(0), Box::new(1), Box::new(2)]);
}

#[test]
fn items_without_a_size_are_counted_and_dropped() {
    thread_local!(static DROPS: Cell<usize> = const { Cell::new(0) });
    struct Nothing;
    impl Drop for Nothing {
        fn drop(&mut self) {
            DROPS.set(DROPS.get() + 1);
        }
    }
    let queue = Queue::unbounded();
    for _ in 0..9 {
        queue.try_put(Nothing).ok().unwrap();
    }
    drop(queue.try_get());
    assert_eq!((queue.len(), DROPS.get()), (8, 1));
    drop(queue);
    assert_eq!(DROPS.get(), 9);
}

#[test]
fn a_queue_drops_what_is_left_once_also_if_a_destructor_panics() {
    let drops = Cell::new(0);
    let queue = Queue::unbounded();
    for n in 0..11 {
        if n > 5 {
            drop(queue.try_get());
        }
        queue.try_put(Counted(&drops, n == 7)).ok().unwrap();
    }
    assert_eq!((queue.len(), drops.get()), (6, 5));
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(queue)));
    assert_eq!(dropped.unwrap_err().downcast_ref(), Some(&"a destructor"));
    assert_eq!(drops.get(), 11);
}

#[test]
fn items_may_borrow_from_what_goes_before_their_queue() {
    let queue = Queue::unbounded();
    let text = String::from("text");
    queue.try_put((&*text, 1)).unwrap();
    queue.try_put((&text[1..], 2)).unwrap();
    assert_eq!(queue.try_get(), Ok(("text", 1)));
}
