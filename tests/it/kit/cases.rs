//! Every primitive behind the same few calls, for tests of what holds for all of them.

use evenkeel::sync::{
    AdaptiveLimiter, Barrier, Condition, Event, Mutex, Notify, OnceCell, Queue, RateLimiter, RwLock, Semaphore,
    SetOnce, broadcast, channel, oneshot, watch,
};
use futures::{FutureExt, future::LocalBoxFuture};
use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    rc::Rc,
    time::Duration,
};

/// A primitive that somebody can wait at.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// A future that waits until `serve`, whatever it gets then.
    pub(crate) wait: Box<dyn Fn() -> LocalBoxFuture<'static, ()>>,
    /// Ends the waits of up to three waiters at once; or of the first, who ends the next one's by its own end.
    pub(crate) serve: Rc<dyn Fn()>,
    /// Uses the primitive in all other ways, and leaves it as it was.
    pub(crate) poke: Rc<dyn Fn()>,
    /// Are all served at once?
    pub(crate) at_once: bool,
    /// How many can wait?
    pub(crate) room: usize,
}

fn case<P: 'static, F: Future<Output = ()> + 'static>(
    name: &'static str,
    primitive: P,
    wait: impl Fn(Rc<P>) -> F + 'static,
    serve: impl Fn(&Rc<P>) + 'static,
    poke: impl Fn(&Rc<P>) + 'static,
) -> Case {
    let primitive = Rc::new(primitive);
    let [waiting, served, poked] = [0; 3].map(|_| primitive.clone());
    Case {
        name,
        wait: Box::new(move || wait(waiting.clone()).boxed_local()),
        serve: Rc::new(move || serve(&served)),
        poke: Rc::new(move || poke(&poked)),
        at_once: true,
        room: 3,
    }
}

/// Polls once and drops.
fn try_out(future: impl Future) {
    let _ = future.now_or_never();
}

fn ignore<T>(_: T) {}

/// All three are done, also if one panics.
fn three_times(f: impl Fn()) {
    let panics: Vec<_> = (0..3).filter_map(|_| catch_unwind(AssertUnwindSafe(&f)).err()).collect();
    if let Some(first) = panics.into_iter().next() {
        resume_unwind(first);
    }
}

pub(crate) fn all_cases() -> Vec<Case> {
    let mut cases = vec![
        case(
            "semaphore",
            Semaphore::growing(0),
            |p| async move { p.acquire().await.unwrap().forget() },
            |p| p.add_permits(3),
            |p| {
                try_out(p.acquire());
                try_out(p.acquire_many(2));
                let _ = p.try_acquire();
                p.add_permits(0);
                let _ = format!("{p:?} {}", p.is_locked());
            },
        ),
        case(
            "semaphore, closed",
            Semaphore::new(0),
            |p| async move { ignore(p.acquire().await.unwrap_err()) },
            |p| p.close(),
            |p| try_out(p.acquire()),
        ),
        case(
            "event",
            Event::new(),
            |p| async move { p.wait().await },
            |p| {
                p.set();
                p.clear();
            },
            |p| {
                try_out(p.wait());
                p.clear();
            },
        ),
        case(
            "barrier",
            Barrier::new(9),
            |p| async move { ignore(p.wait().await) },
            |p| p.reset(),
            |p| try_out(p.wait()),
        ),
        case(
            "notify",
            Notify::new(),
            |p| async move { p.notified().await },
            |p| p.notify_waiters(),
            |p| try_out(p.notified()),
        ),
        case(
            "queue, get",
            Queue::new(3),
            |p| async move { ignore(p.get().await) },
            |p| {
                three_times(|| p.try_put(1).unwrap());
            },
            |p| {
                try_out(p.get());
                let _ = p.try_get();
                let _ = format!("{p:?}");
            },
        ),
        case(
            "queue, put",
            {
                let queue = Queue::new(3);
                (0..3).for_each(|n| queue.try_put(n).unwrap());
                queue
            },
            |p| async move { p.put(9).await.unwrap() },
            |p| three_times(|| ignore(p.try_get())),
            |p| {
                try_out(p.put(7));
                try_out(p.join());
                let _ = p.try_put(7);
            },
        ),
        case(
            "queue, closed",
            Queue::<u8>::new(3),
            |p| async move { ignore(p.get().await) },
            |p| p.close(),
            |p| try_out(p.get()),
        ),
        case(
            "rendezvous, put",
            Queue::new(0),
            |p| async move { p.put(9).await.unwrap() },
            |p| three_times(|| ignore(p.try_get())),
            |p| try_out(p.put(7)),
        ),
        {
            let queue = Rc::new(Queue::new(1));
            queue.try_put(1).unwrap();
            let job = queue.get_job_owned().now_or_never().unwrap().unwrap();
            case(
                "queue, join",
                (queue, RefCell::new(Some(job))),
                |p| async move { p.0.join().await },
                |p| ignore(p.1.take()),
                |p| try_out(p.0.join()),
            )
        },
        {
            let (sender, receiver) = channel::<u8>(1);
            case(
                "channel, end",
                (RefCell::new(Some(sender)), receiver),
                |p| async move { ignore(p.1.recv().await) },
                |p| ignore(p.0.take()),
                |p| try_out(p.1.recv()),
            )
        },
        {
            let (sender, receiver) = channel::<u8>(3);
            let held: Vec<_> = (0..3).map(|_| sender.clone().try_reserve_owned().unwrap()).collect();
            case(
                "channel, reserve",
                (sender, RefCell::new(held), receiver),
                |p| async move { ignore(p.0.reserve().await.unwrap()) },
                |p| ignore(p.1.take()),
                |p| {
                    try_out(p.0.reserve());
                    try_out(p.0.reserve_many(2));
                    ignore(p.0.try_reserve());
                },
            )
        },
        {
            let (sender, receiver) = channel::<u8>(3);
            case(
                "channel, closed",
                (sender, receiver),
                |p| async move { p.0.closed().await },
                |p| p.1.close(),
                |p| try_out(p.0.closed()),
            )
        },
        {
            let (sender, receiver) = watch::channel(0);
            case(
                "watch",
                (sender, receiver),
                |p| {
                    let mut receiver = p.1.clone();
                    receiver.borrow_and_update();
                    async move { receiver.changed().await.unwrap() }
                },
                |p| p.0.send(1).unwrap(),
                |p| {
                    let mut receiver = p.0.subscribe();
                    try_out(receiver.changed());
                    ignore(p.0.borrow());
                },
            )
        },
        {
            let (sender, receiver) = broadcast::channel(4);
            case(
                "broadcast",
                (sender, receiver),
                |p| {
                    let mut receiver = p.0.subscribe();
                    async move { receiver.recv().await.unwrap() }
                },
                |p| ignore(p.0.send(())),
                |p| {
                    let mut receiver = p.1.resubscribe();
                    try_out(receiver.recv());
                },
            )
        },
        case(
            "once cell",
            {
                let cell = Rc::new(OnceCell::new());
                let making = cell.clone();
                let (start, started) = oneshot::channel::<()>();
                let mut maker =
                    async move { ignore(making.get_or_init(async || started.await.is_ok()).await) }.boxed_local();
                assert!((&mut maker).now_or_never().is_none());
                (cell, RefCell::new(Some((start, maker))))
            },
            |p| async move { ignore(p.0.get_or_init(async || false).await) },
            |p| {
                if let Some((start, maker)) = p.1.take() {
                    start.send(()).unwrap();
                    maker.now_or_never().unwrap();
                }
            },
            |p| try_out(p.0.get_or_init(async || unreachable!("somebody else makes it"))),
        ),
    ];
    cases.extend(news());
    // A get that panics has its item put back, so that it has to be done again.
    for case in &mut cases {
        case.at_once = !case.name.ends_with("put");
    }
    cases.push({
        let lock = Rc::new(RwLock::new(0));
        let guard = lock.try_write_owned().unwrap();
        case(
            "rwlock, read",
            (lock, RefCell::new(Some(guard))),
            |p| async move { ignore(p.0.read().await) },
            |p| ignore(p.1.take()),
            |p| {
                try_out(p.0.read());
                try_out(p.0.write());
                ignore(p.0.try_read());
            },
        )
    });
    cases.push(Case { at_once: false, ..rw_lock_write() });
    cases.push(Case { at_once: false, ..mutex() });
    cases.push(Case { at_once: false, ..condition() });
    cases.push(Case { at_once: false, ..adaptive() });
    cases.push(Case { room: 1, ..oneshot_case() });
    cases.push(Case { room: 1, ..oneshot_closed() });
    cases
}

/// Further ways to be told.
fn news() -> Vec<Case> {
    vec![
        case(
            "event, owned",
            Rc::new(Event::new()),
            |p| p.wait_owned(),
            |p| {
                p.set();
                p.clear();
            },
            |p| try_out(p.wait_owned()),
        ),
        case(
            "notify, enabled",
            Rc::new(Notify::new()),
            |p| async move {
                let mut notified = p.notified_owned();
                assert!(!notified.enable());
                notified.await;
            },
            |p| p.notify_waiters(),
            |p| {
                let mut notified = p.notified();
                assert!(!notified.enable());
            },
        ),
        case(
            "set-once",
            SetOnce::new(),
            |p| async move { ignore(p.wait().await) },
            |p| ignore(p.set(1)),
            |p| try_out(p.wait()),
        ),
        case(
            "once cell, wait",
            OnceCell::new(),
            |p| async move { ignore(p.wait().await) },
            |p| ignore(p.set(1)),
            |p| try_out(p.wait()),
        ),
        case(
            "watch, items",
            watch::channel(0),
            |p| {
                let mut items = p.0.subscribe().into_items();
                async move { ignore(items.next().await.unwrap()) }
            },
            |p| p.0.send(1).unwrap(),
            |p| try_out(p.0.subscribe().items().next()),
        ),
        case(
            "broadcast, items",
            broadcast::channel(4),
            |p| {
                let mut items = p.0.subscribe().into_items();
                async move { ignore(items.next().await.unwrap()) }
            },
            |p| ignore(p.0.send(())),
            |p| try_out(p.1.resubscribe().items().next()),
        ),
        {
            let (sender, receiver) = broadcast::channel::<u8>(4);
            case(
                "broadcast, closed",
                (sender, RefCell::new(Some(receiver))),
                |p| async move { p.0.closed().await },
                |p| ignore(p.1.take()),
                |p| try_out(p.0.closed()),
            )
        },
    ]
}

fn mutex() -> Case {
    let lock = Rc::new(Mutex::new(0));
    let guard = lock.try_lock_owned().unwrap();
    case(
        "mutex",
        (lock, RefCell::new(Some(guard))),
        |p| async move { *p.0.lock().await += 1 },
        |p| ignore(p.1.take()),
        |p| {
            try_out(p.0.lock());
            ignore(p.0.try_lock());
            let _ = format!("{:?}", p.0);
        },
    )
}

fn rw_lock_write() -> Case {
    let lock = Rc::new(RwLock::new(0));
    let guard = lock.try_read_owned().unwrap();
    case(
        "rwlock, write",
        (lock, RefCell::new(Some(guard))),
        |p| async move { *p.0.write().await += 1 },
        |p| ignore(p.1.take()),
        |p| {
            try_out(p.0.read());
            try_out(p.0.write());
            ignore(p.0.try_write());
        },
    )
}

fn condition() -> Case {
    case(
        "condition",
        (Mutex::new(0), Condition::new()),
        |p| async move {
            let mut guard = p.0.lock().await;
            p.1.wait(&mut guard).await;
        },
        |p| p.1.notify_all(),
        |p| {
            if let Some(mut guard) = p.0.try_lock() {
                try_out(p.1.wait(&mut guard));
            }
        },
    )
}

fn adaptive() -> Case {
    let limiter = AdaptiveLimiter::new(Duration::MAX).limits(1, 1, 1);
    let limiter: &'static AdaptiveLimiter = Box::leak(Box::new(limiter));
    case(
        "adaptive limiter",
        (limiter, RefCell::new(limiter.try_acquire())),
        |p| async move { ignore(p.0.acquire().await) },
        |p| ignore(p.1.take()),
        |p| try_out(p.0.acquire()),
    )
}

fn oneshot_case() -> Case {
    let (sender, receiver) = oneshot::channel();
    case(
        "oneshot",
        (RefCell::new(Some(sender)), RefCell::new(Some(receiver))),
        |p| {
            let receiver = p.1.take().unwrap();
            async move { ignore(receiver.await) }
        },
        |p| p.0.take().into_iter().for_each(|sender| ignore(sender.send(1))),
        |p| ignore(p.0.try_borrow().map(|sender| sender.as_ref().is_some_and(oneshot::Sender::is_closed))),
    )
}

fn oneshot_closed() -> Case {
    let (sender, receiver) = oneshot::channel::<()>();
    case(
        "oneshot, closed",
        (RefCell::new(Some(sender)), RefCell::new(Some(receiver))),
        |p| {
            let mut sender = p.0.take().unwrap();
            async move { sender.closed().await }
        },
        |p| ignore(p.1.take()),
        |_| {},
    )
}

/// A rate limiter needs an executor, and is tested elsewhere; this keeps the list above honest.
#[test]
fn every_primitive_that_needs_no_clock_is_a_case() {
    let cases = all_cases();
    assert_eq!(cases.len(), 30);
    assert!(RateLimiter::new(1, Duration::from_secs(1)).try_acquire(1));
}
