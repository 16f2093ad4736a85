//! The queue under all of them, as others use it: statistics, memory, the hook for executors.

use crate::kit::{
    bomb::{Op, bomb, defuse},
    cases::all_cases,
    hosts::{Hand, now},
    probe::{Drops, Record, on_a_small_stack},
};
use evenkeel::sync::{
    Attempt, Line, Mutex, Queue, Semaphore, Wait, WaitQueue, WaitReason, WaitStats, oneshot, set_wait_hook,
};
use std::{cell::RefCell, rc::Rc};

/// A bench with seats: a waiter brings its name, and is given the number of its seat.
struct Bench {
    free: RefCell<Vec<u32>>,
    queue: WaitQueue<&'static str, u32>,
}

struct Sitting;

impl Line for Sitting {
    type Owner = Bench;
    type Request = &'static str;
    type Grant = u32;

    fn queue(bench: &Bench) -> &WaitQueue<&'static str, u32> {
        &bench.queue
    }

    fn attempt(bench: &Bench, name: &'static str) -> Attempt<&'static str, u32> {
        if !bench.queue.is_empty() {
            return Attempt::Wait(name);
        }
        bench.free.borrow_mut().pop().map_or(Attempt::Wait(name), Attempt::Granted)
    }

    fn serve(bench: &Bench) {
        while !bench.queue.is_empty() {
            let Some(seat) = bench.free.borrow_mut().pop() else { return };
            let _ = bench.queue.grant(seat);
        }
    }

    fn give_back(bench: &Bench, seat: u32) {
        bench.free.borrow_mut().push(seat);
        Sitting::serve(bench);
        bench.queue.wake();
    }
}

#[test]
fn wait_queue_serves_a_primitive_of_ones_own() {
    let bench = Rc::new(Bench { free: RefCell::new(vec![2, 1]), queue: WaitQueue::new("Bench::sit") });
    let sit = |name| Hand::new(Wait::<Rc<Bench>, Sitting>::new(bench.clone(), name));
    assert_eq!((sit("a").ready(), sit("b").ready()), (Ok(1), Ok(2)));
    let [mut c, mut d, mut e] = ["c", "d", "e"].map(sit);
    assert!(c.is_pending() && d.is_pending() && e.is_pending());
    assert_eq!((bench.queue.len(), bench.queue.front()), (3, Some("c")));
    Sitting::give_back(&bench, 2);
    assert!(c.is_woken() && !d.is_woken());
    drop(c);
    assert!(d.is_woken());
    assert_eq!(d.ready(), Ok(2));
    assert_eq!((bench.queue.refuse_all(), e.wakes()), (1, 0));
    bench.queue.wake();
    assert_eq!((e.wakes(), e.ready()), (1, Err("e")));
    let stats = bench.queue.stats();
    assert_eq!((stats.entered, stats.granted, stats.refused, stats.left, stats.peak), (3, 2, 1, 0, 3));
    assert_eq!(bench.queue.grant(9), Err(9));
}

#[test]
fn wait_queue_shows_what_it_is() {
    let queue = WaitQueue::<(), ()>::new("thing");
    assert_eq!((queue.what(), queue.stats(), queue.is_empty()), ("thing", WaitStats::default(), true));
    assert!(format!("{queue:?}").contains("thing"));
    let semaphore = Semaphore::new(0);
    let mut future = Hand::new(semaphore.acquire());
    assert!(future.is_pending());
    assert_eq!(
        format!("{semaphore:?}"),
        "Semaphore { available_permits: 0, total_permits: 0, waiting: 1, is_closed: false }"
    );
    assert_eq!(Queue::<u8>::new(0).getter_stats(), WaitStats::default());
}

#[test]
fn a_wait_that_is_polled_after_its_end_says_so() {
    let bench = Bench { free: RefCell::new(vec![1]), queue: WaitQueue::new("Bench::sit") };
    let mut wait = Hand::new(Wait::<&Bench, Sitting>::new(&bench, "a"));
    assert!(!wait.with(|wait| wait.has_begun()));
    assert_eq!(wait.ready(), Ok(1));
    assert!(crate::kit::probe::panic_of(|| wait.poll()).contains("after it gave its output"));
}

thread_local!(static REASONS: RefCell<Vec<WaitReason>> = const { RefCell::new(Vec::new()) });

#[test]
fn the_wait_hook_tells_what_is_waited_for_at_every_primitive() {
    let before = set_wait_hook(Some(|reason| REASONS.with_borrow_mut(|reasons| reasons.push(*reason))));
    assert!(before.is_none());
    for case in all_cases() {
        REASONS.take();
        let mut waiters: Vec<_> = (0..case.room).map(|_| Hand::waiting((case.wait)())).collect();
        let reasons = REASONS.take();
        assert_eq!(reasons.len(), case.room, "{}", case.name);
        assert!(!reasons[0].what.is_empty());
        for (ahead, reason) in reasons.iter().enumerate() {
            assert_eq!((reason.what, reason.line, reason.ahead), (reasons[0].what, reasons[0].line, ahead));
        }
        // Also if it is polled in vain, with the place that it has then.
        drop(waiters.remove(0));
        if let Some(second) = waiters.first_mut() {
            assert!(second.is_pending());
            assert_eq!(REASONS.take()[0].ahead, 0, "{}", case.name);
        }
    }
    assert!(set_wait_hook(None).is_some());
    let mutex = Mutex::new(());
    let _guard = mutex.try_lock();
    assert!(Hand::new(mutex.lock()).is_pending());
    assert!(REASONS.take().is_empty());
}

#[test]
fn fault_31_a_crowd_of_waiters_leaves_no_memory_behind() {
    let semaphore = Semaphore::new(0);
    let kept = |semaphore: &Semaphore| semaphore.waiting();
    let mut crowd: Vec<_> = (0..100_000).map(|_| Box::pin(semaphore.acquire())).collect();
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    for waiter in &mut crowd {
        assert!(waiter.as_mut().poll(&mut cx).is_pending());
    }
    assert_eq!(kept(&semaphore), 100_000);
    drop(crowd);
    assert_eq!((kept(&semaphore), semaphore.stats().left), (0, 100_000));

    let bench = Bench { free: RefCell::default(), queue: WaitQueue::new("Bench::sit") };
    let room = |bench: &Bench| {
        let text = format!("{:?}", bench.queue);
        let digits = text.split_once("spare: ").unwrap().1;
        digits[..digits.find(',').unwrap()].parse::<usize>().unwrap()
    };
    let mut crowd: Vec<_> = (0..10_000).map(|_| Hand::new(Wait::<&Bench, Sitting>::new(&bench, "x"))).collect();
    assert!(crowd.iter_mut().all(Hand::is_pending));
    assert_eq!(room(&bench), 0);
    drop(crowd);
    // So many are kept for those who come next, and no more.
    assert_eq!(room(&bench), 256);
    for _ in 0..100_000 {
        assert!(Hand::new(Wait::<&Bench, Sitting>::new(&bench, "x")).is_pending());
    }
    assert_eq!(room(&bench), 256);
}

#[test]
fn fault_31_a_queue_gives_back_what_a_burst_took() {
    let queue = Queue::unbounded();
    let drops = Drops::default();
    for _ in 0..100_000 {
        queue.try_put(drops.guard()).unwrap();
    }
    while queue.try_get().is_ok() {}
    assert_eq!((drops.count(), queue.len()), (100_000, 0));
}

#[test]
fn fault_03_and_02_what_waits_may_outlive_its_executor_and_leaks_nothing() {
    let semaphore = Rc::new(Semaphore::new(0));
    let mut future = Box::pin(semaphore.acquire_owned());
    evenkeel::run(futures::future::poll_fn(|cx| {
        assert!(future.as_mut().poll(cx).is_pending());
        std::task::Poll::Ready(())
    }));
    // The executor is gone, and its waker is in line.
    semaphore.add_permits(1);
    assert_eq!(Rc::strong_count(&semaphore), 2);
    assert!(evenkeel::run(future.as_mut()).is_ok());
    drop(future);
    assert_eq!((Rc::strong_count(&semaphore), semaphore.available_permits()), (1, 1));

    // A receiver's waker does not outlive the receiver, although the sender does.
    let shared = Rc::new(());
    let (sender, mut receiver) = oneshot::channel::<Rc<()>>();
    let mut task = Box::pin(async { (&mut receiver).await });
    assert!(futures::FutureExt::now_or_never(task.as_mut()).is_none());
    drop(task);
    drop(receiver);
    assert_eq!(sender.send(shared.clone()), Err(shared.clone()));
    assert_eq!(Rc::strong_count(&shared), 1);
}

#[test]
fn fault_15_long_lines_need_no_deep_stack() {
    on_a_small_stack(|| {
        // A chain: each holder of the lock hands it to the next.
        let mutex = Rc::new(Mutex::new(0_u32));
        evenkeel::run(async {
            let tasks: Vec<_> = (0..100_000)
                .map(|_| {
                    let mutex = mutex.clone();
                    evenkeel::spawn(async move { *mutex.lock().await += 1 })
                })
                .collect();
            let guard = mutex.lock().await;
            evenkeel::yield_now().await;
            drop(guard);
            for task in tasks {
                task.await.unwrap();
            }
        });
        assert_eq!(*now(mutex.lock()), 100_000);
        // Each task owns what ends the next one's wait.
        evenkeel::run(async {
            let (first, mut receiver) = oneshot::channel::<()>();
            let mut last = None;
            for _ in 0..100_000 {
                let (sender, next) = oneshot::channel::<()>();
                let before = std::mem::replace(&mut receiver, next);
                let task = evenkeel::spawn(async move {
                    let _sender = sender;
                    let _ = before.await;
                });
                last.replace(task).into_iter().for_each(evenkeel::Task::detach);
            }
            evenkeel::yield_now().await;
            drop(first);
            last.unwrap().await.unwrap();
        });
    });
}

#[test]
fn who_is_refused_is_called_before_those_behind_him_who_are_served() {
    let record = Record::<&str>::new();
    let semaphore = Semaphore::new(3);
    let mut all = semaphore.try_acquire_many(3).unwrap();
    let mut waits: Vec<_> = [3, 1, 1].map(|count| Box::pin(semaphore.acquire_many(count))).into();
    for (name, wait) in ["A", "B", "C"].into_iter().zip(&mut waits) {
        let record = record.clone();
        let waker = bomb(move |op| {
            if op == Op::Wake {
                record.add(name);
            }
        });
        assert!(wait.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_pending());
    }
    let rest = all.split(2).unwrap();
    drop(rest);
    assert!(record.is_empty());
    // Now A asks for more than there are.
    all.forget();
    assert_eq!(record.take(), ["A", "B", "C"]);
    drop(waits);
    defuse();
}
