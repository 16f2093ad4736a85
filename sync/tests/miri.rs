//! What the raw room does, for Miri: nodes that are entered, granted, refused, left and used again, and queues that go before those
//! who waited in them.

use evenkeel_coop::with_budget;
use evenkeel_sync::{
    Attempt, Condition, Event, Line, MappedMutexGuard, MappedReadGuard, MappedWriteGuard, Mutex, MutexGuard,
    OwnedMappedMutexGuard, OwnedMappedReadGuard, OwnedMappedWriteGuard, OwnedMutexGuard, OwnedReadGuard,
    OwnedWriteGuard, Queue, ReadGuard, RwLock, Semaphore, Wait, WaitQueue, WriteGuard, oneshot,
};
use std::{
    cell::Cell,
    collections::VecDeque,
    fmt::Debug,
    mem::forget,
    ops::Deref,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
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

// ---- guarded values

/// A value with a part on the heap, one in place, and one in a `Cell`.
#[derive(Debug, Default)]
struct Value {
    texts: Vec<String>,
    number: u64,
    cell: Cell<u8>,
}

fn value() -> Value {
    Value { texts: vec!["a".to_owned(), "b".to_owned()], ..Value::default() }
}

#[test]
fn guarded_parts_are_written_through_and_read_by_the_next() {
    let mutex = Mutex::new(value());
    let texts = MutexGuard::map(mutex.try_lock().unwrap(), |value| &mut value.texts);
    let mut first = MappedMutexGuard::map(texts, |texts| &mut texts[0]);
    first.push('c');
    assert!(mutex.is_locked() && format!("{mutex:?}").contains("<locked>"));
    first.push('d');
    drop(first);
    let guard = MutexGuard::try_map(mutex.try_lock().unwrap(), |value| value.texts.get_mut(7)).unwrap_err();
    let cell = MutexGuard::map(guard, |value| value.cell.get_mut());
    let Err(mut cell) = MappedMutexGuard::try_map(cell, |_| None::<&mut u8>) else { panic!("there is none") };
    *cell += 1;
    drop(cell);
    let guard = mutex.try_lock().unwrap();
    assert_eq!((&*guard.texts[0], guard.cell.get()), ("acd", 1));
}

#[test]
fn guarded_parts_of_owned_guards_are_the_last_ones_to_keep_the_value() {
    let mutex = Rc::new(Mutex::new(value()));
    let guard = mutex.try_lock_owned().unwrap();
    drop(mutex);
    let texts = OwnedMutexGuard::map(guard, |value| &mut value.texts);
    let mut all = OwnedMappedMutexGuard::map(texts, |texts| texts.as_mut_slice());
    all[1].push('c');
    let lock = Rc::new(RwLock::new(value()));
    let (reader, other) = (lock.try_read_owned().unwrap(), lock.try_read_owned().unwrap());
    drop(lock);
    let text = OwnedMappedReadGuard::map(OwnedReadGuard::map(reader, |value| &value.texts), |texts| &texts[0]);
    let cell = OwnedReadGuard::map(other, |value| &value.cell);
    cell.set(2);
    let moved = Box::new((all, text));
    assert_eq!((&*moved.0[1], &**moved.1), ("bc", "a"));
    drop(cell);
    drop(moved);
    let lock = Rc::new(RwLock::new(value()));
    let number = OwnedWriteGuard::map(lock.try_write_owned().unwrap(), |value| &mut value.number);
    let Err(mut number) = OwnedMappedWriteGuard::try_map(number, |_| None::<&mut u64>) else { panic!("there is none") };
    drop(lock);
    *number += 1;
    assert_eq!(number.rw_lock().waiting(), 0);
}

#[test]
fn guarded_parts_may_lie_behind_what_a_part_leads_to() {
    let (mut text, other) = (String::from("text"), String::from("other"));
    let mutex = Mutex::new(text.as_mut_str());
    let lock = RwLock::new(());
    {
        // The part's type does not name what it was picked from any more.
        let part = MutexGuard::map(mutex.try_lock().unwrap(), |text| text);
        let mut part = MappedMutexGuard::map(part, |text| &mut text[..1]);
        part.make_ascii_uppercase();
        assert_eq!(&*part, "T");
        let other = &&*other;
        let part = ReadGuard::map(lock.try_read().unwrap(), |()| other);
        assert_eq!(&*MappedReadGuard::map(part, |other| &other[1..]), "ther");
    }
    let numbers = Rc::new(RwLock::new(Box::new([1, 2])));
    let part = OwnedReadGuard::map(numbers.try_read_owned().unwrap(), |numbers| &**numbers);
    assert_eq!(*OwnedMappedReadGuard::map(part, |numbers| &numbers[1]), 2);
    assert_eq!(text, "Text");
}

#[test]
fn guarded_values_without_a_size_are_the_same_values() {
    let number = Rc::new(Mutex::new(5_u16));
    let shown: Rc<Mutex<dyn Debug>> = number.clone();
    let guard = shown.try_lock_owned().unwrap();
    assert!(number.is_locked());
    assert_eq!(format!("{guard:?}"), "5");
    let lock = Rc::new(RwLock::new([1, 2, 3]));
    let slice: Rc<RwLock<[i32]>> = lock.clone();
    slice.try_write().unwrap()[1] = 7;
    let _reader = lock.try_read().unwrap();
    let last = OwnedReadGuard::map(slice.try_read_owned().unwrap(), |slice| &slice[1..]);
    assert_eq!(*last, [7, 3]);
}

#[test]
fn guarded_values_are_upgraded_and_downgraded_beside_readers() {
    let waker = Waker::from(Arc::new(Calls::default()));
    let lock = Rc::new(RwLock::new(value()));
    let upgradable = lock.try_upgradable_read_owned().unwrap();
    let reader = ReadGuard::map(lock.try_read().unwrap(), |value| &value.number);
    let reader = MappedReadGuard::try_map(reader, |_| None::<&u64>).unwrap_err();
    let mut upgrade = upgradable.upgrade();
    assert!(poll(&mut upgrade, &waker).is_pending());
    assert_eq!(*reader, 0);
    drop(reader);
    let Poll::Ready(mut writer) = poll(&mut upgrade, &waker) else { panic!("nobody reads any more") };
    writer.number = 1;
    let upgradable = writer.downgrade_to_upgradable();
    let reader = lock.try_read().unwrap();
    assert_eq!(upgradable.number + reader.number, 2);
    drop((reader, upgradable));
    let mut wait = lock.try_upgradable_read().unwrap().upgrade();
    let Poll::Ready(writer) = poll(&mut wait, &waker) else { panic!("nobody else reads") };
    let writer = WriteGuard::try_downgrade_map(writer, |value| value.texts.get(9)).unwrap_err();
    let text = WriteGuard::downgrade_map(writer, |value| &value.texts[0]);
    let reader = lock.try_read().unwrap();
    assert_eq!((&**text, reader.texts.len()), ("a", 2));
    drop((text, reader));
    let mut cell = MappedWriteGuard::map(WriteGuard::map(lock.try_write().unwrap(), |value| &mut value.cell), |cell| {
        cell.get_mut()
    });
    *cell = 3;
    drop(cell);
    assert_eq!(lock.try_write().unwrap().downgrade().cell.get(), 3);
}

#[test]
fn guarded_values_are_lent_while_a_condition_is_waited_for() {
    let waker = Waker::from(Arc::new(Calls::default()));
    let (mutex, changed) = (Mutex::new(value()), Condition::new());
    let mut guard = mutex.try_lock().unwrap();
    guard.number = 1;
    {
        let mut wait = pin!(changed.wait(&mut guard));
        assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        MutexGuard::map(mutex.try_lock().unwrap(), |value| &mut value.texts).clear();
        changed.notify_one();
        assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
    }
    assert_eq!((guard.texts.len(), guard.number), (0, 1));
    drop(guard);
    // One that lost its lock has nothing.
    let mut guard = mutex.try_lock().unwrap();
    assert!(pin!(changed.wait(&mut guard)).poll(&mut Context::from_waker(&waker)).is_pending());
    mutex.try_lock().unwrap().number = 2;
    drop(guard);
    assert_eq!(mutex.into_inner().number, 2);
}

#[test]
fn guarded_values_outlive_what_picks_a_part_and_panics() {
    let lock = Rc::new(RwLock::new(value()));
    let written = catch_unwind(AssertUnwindSafe(|| {
        drop(OwnedWriteGuard::map(lock.try_write_owned().unwrap(), |value: &mut Value| -> &mut u64 {
            value.number = 4;
            panic!("on purpose")
        }));
    }));
    assert!(written.is_err());
    let downgraded = catch_unwind(AssertUnwindSafe(|| {
        drop(WriteGuard::downgrade_map(lock.try_write().unwrap(), |_| -> &u64 { panic!("on purpose") }));
    }));
    assert!(downgraded.is_err());
    assert_eq!(lock.try_write().unwrap().number, 4);
}

/// Locks a mutex when it is woken, while the guard that is dropped is still on the stack.
struct Locking(Rc<Mutex<Value>>);

#[test]
fn guarded_values_are_taken_by_who_is_woken_while_the_guard_before_is_dropped() {
    thread_local! {
        static MUTEX: std::cell::OnceCell<Locking> = const { std::cell::OnceCell::new() };
    }
    struct Local;
    impl Wake for Local {
        fn wake(self: Arc<Self>) {
            MUTEX.with(|mutex| {
                let mutex = &mutex.get().unwrap().0;
                // It was handed over already; what may be had has no other reference to it.
                assert!(mutex.try_lock().is_none());
                assert!(format!("{mutex:?}").contains("<locked>"));
            });
        }
    }
    let mutex = MUTEX.with(|cell| cell.get_or_init(|| Locking(Rc::new(Mutex::new(value())))).0.clone());
    let waker = Waker::from(Arc::new(Local));
    let mut guard = mutex.try_lock_owned().unwrap();
    let mut next = mutex.lock_owned();
    assert!(poll(&mut next, &waker).is_pending());
    guard.number = 9;
    drop(guard);
    let Poll::Ready(guard) = poll(&mut next, &waker) else { panic!("it was handed over") };
    assert_eq!(guard.number, 9);
}

#[test]
#[ignore = "what is forgotten leaks"]
fn guarded_values_of_forgotten_guards_are_their_owners() {
    let mut mutex = Mutex::new(value());
    forget(MutexGuard::map(mutex.try_lock().unwrap(), |value| &mut value.texts));
    mutex.get_mut().texts.clear();
    assert!(mutex.is_locked());
    assert_eq!(mutex.into_inner().texts.len(), 0);
    let lock = Rc::new(RwLock::new(value()));
    forget(lock.try_read_owned());
    forget(lock.try_upgradable_read().unwrap().upgrade());
    assert!(lock.try_write_owned().is_none());
}
