//! Each primitive behind the same few calls, with what must be true of it in the end.

use super::{
    items::{Item, Ledger},
    sync::{
        AdaptiveLimiter, Barrier, Condition, Event, Fifo, Lifo, Mutex, Notify, OnceCell, Order, OrderedQueue, OwnedJob,
        Priority, RwLock, Semaphore, Timer, broadcast, channel, oneshot, watch,
    },
    world::blow_up,
};
use futures::{FutureExt, future::LocalBoxFuture};
use std::{
    any::Any,
    cell::{Cell, RefCell},
    future::{Pending, pending},
    rc::Rc,
    thread,
    time::Duration,
};

pub(super) struct Rig {
    pub(super) name: &'static str,
    /// How many kinds of waits there are; each has a line of its own.
    pub(super) lines: usize,
    /// Are those in a line served in order?
    pub(super) fair: bool,
    pub(super) wait: Box<dyn Fn(usize) -> LocalBoxFuture<'static, ()>>,
    /// Does something that does not wait.
    pub(super) deed: Box<dyn Fn(usize)>,
    /// Serves everyone who waits.
    pub(super) last: Box<dyn Fn()>,
    /// One who waited was dropped, or has panicked: was it called before?
    pub(super) left: Box<dyn Fn(bool)>,
    /// What is wrong in the end.
    pub(super) check: Box<dyn Fn() -> Option<String>>,
}

type Shared<P> = Rc<P>;

fn rig<P: 'static>(
    name: &'static str,
    primitive: P,
    lines: usize,
    wait: impl Fn(Shared<P>, usize) -> LocalBoxFuture<'static, ()> + 'static,
    deed: impl Fn(&Shared<P>, usize) + 'static,
    last: impl Fn(&Shared<P>) + 'static,
    check: impl Fn(&P) -> Option<String> + 'static,
) -> Rig {
    let p = Rc::new(primitive);
    let [waiting, doing, ending, checked] = [0; 4].map(|_| p.clone());
    Rig {
        name,
        lines,
        fair: true,
        wait: Box::new(move |line| wait(waiting.clone(), line)),
        deed: Box::new(move |what| deed(&doing, what)),
        last: Box::new(move || last(&ending)),
        left: Box::new(|_| {}),
        check: Box::new(move || check(&checked)),
    }
}

pub(super) const COUNT: usize = 17;

pub(super) fn make(which: usize) -> Rig {
    match which {
        0 => semaphore(),
        1 => mutex(),
        2 => rw_lock(),
        3 => event(),
        4 => notify(),
        5 => condition(),
        6 => barrier(),
        7 => queue("queue", OrderedQueue::<Item, Fifo<Item>>::new(2), |_, a, b| a < b),
        8 => queue("stack", OrderedQueue::<Item, Lifo<Item>>::new(2), |_, a, b| a > b),
        9 => {
            queue("priority queue", OrderedQueue::<Item, Priority<Item>>::new(3), |key, a, b| (key(a), a) < (key(b), b))
        }
        10 => queue("rendezvous", OrderedQueue::<Item, Fifo<Item>>::new(0), |_, a, b| a < b),
        11 => channel_rig(),
        12 => oneshots(),
        13 => watched(),
        14 => broadcasts(),
        15 => once_cell(),
        _ => adaptive(),
    }
}

/// Guards that somebody holds on to.
#[derive(Default)]
struct Held(RefCell<Vec<Box<dyn Any>>>);

impl Held {
    fn add(&self, guard: impl Any) {
        self.0.borrow_mut().push(Box::new(guard));
    }

    fn release(&self) -> bool {
        let guard = self.0.borrow_mut().pop();
        guard.is_some()
    }

    fn release_all(&self) {
        while self.release() {}
    }
}

fn wrong(is_wrong: bool, what: impl Into<String>) -> Option<String> {
    is_wrong.then(|| what.into())
}

fn semaphore() -> Rig {
    rig(
        "semaphore",
        (Rc::new(Semaphore::new(2)), Held::default(), Cell::new(2)),
        3,
        // All three kinds stand in one line, but who asks for two may wait where one is free.
        |p, kind| {
            async move {
                match kind {
                    0 => drop(p.0.acquire().await.unwrap()),
                    1 => p.1.add(p.0.acquire_owned().await.unwrap()),
                    _ => p.1.add(p.0.acquire_many_owned(2).await.unwrap()),
                }
            }
            .boxed_local()
        },
        |p, what| match what % 8 {
            0 => p.0.try_acquire_owned().into_iter().for_each(|permit| p.1.add(permit)),
            1 => drop(p.0.try_acquire_many(2)),
            2 => {
                p.2.set(p.2.get() + 1);
                p.0.add_permits(1);
            }
            _ => drop(p.1.release()),
        },
        |p| p.1.release_all(),
        |p| {
            let counts = (p.0.available_permits(), p.0.total_permits(), p.0.waiting());
            wrong(counts != (p.2.get(), p.2.get(), 0), format!("permits are lost: {counts:?}"))
        },
    )
}

fn mutex() -> Rig {
    rig(
        "mutex",
        (Rc::new(Mutex::new(0)), Held::default()),
        1,
        |p, _| {
            async move {
                *p.0.lock().await += 1;
                p.1.add(p.0.lock_owned().await);
            }
            .boxed_local()
        },
        |p, what| match what % 4 {
            0 => p.0.try_lock_owned().into_iter().for_each(|guard| p.1.add(guard)),
            1 => drop(p.0.try_lock()),
            _ => drop(p.1.release()),
        },
        |p| p.1.release_all(),
        |p| wrong(p.0.try_lock().is_none() || p.0.waiting() > 0, "it is locked for ever"),
    )
    .unfair()
}

fn rw_lock() -> Rig {
    rig(
        "rwlock",
        (Rc::new(RwLock::new(0)), Held::default()),
        4,
        |p, kind| {
            async move {
                match kind {
                    0 => drop(p.0.read().await),
                    1 => drop(p.0.write().await),
                    2 => p.1.add(p.0.read_owned().await),
                    _ => p.1.add(p.0.write_owned().await),
                }
            }
            .boxed_local()
        },
        |p, what| match what % 5 {
            0 => p.0.try_read_owned().into_iter().for_each(|guard| p.1.add(guard)),
            1 => p.0.try_write_owned().into_iter().for_each(|guard| p.1.add(guard)),
            _ => drop(p.1.release()),
        },
        |p| p.1.release_all(),
        |p| wrong(p.0.try_write().is_none(), "it is locked for ever"),
    )
}

fn event() -> Rig {
    let wait = |p: Rc<Event>, _| async move { p.wait().await }.boxed_local();
    let deed = |p: &Rc<Event>, what| match what % 3 {
        0 => p.set(),
        _ => p.clear(),
    };
    rig("event", Event::new(), 1, wait, deed, |p| p.set(), |p| wrong(p.waiting() > 0, "somebody is in line"))
}

fn notify() -> Rig {
    let wait = |p: Rc<Notify>, _| async move { p.notified().await }.boxed_local();
    let deed = |p: &Rc<Notify>, what| match what % 3 {
        0 => p.notify_waiters(),
        _ => p.notify_one(),
    };
    rig(
        "notify",
        Notify::new(),
        1,
        wait,
        deed,
        |p| p.notify_waiters(),
        |p| wrong(p.waiting() > 0, "somebody is in line"),
    )
}

fn condition() -> Rig {
    rig(
        "condition",
        (Mutex::new(0), Condition::new()),
        1,
        |p, _| {
            async move {
                let mut guard = p.0.lock().await;
                p.1.wait(&mut guard).await;
                *guard += 1;
            }
            .boxed_local()
        },
        |p, what| match what % 4 {
            0 => p.1.notify_all(),
            1 => p.1.notify(2),
            _ => p.1.notify_one(),
        },
        |p| p.1.notify_all(),
        |p| wrong(p.0.try_lock().is_none() || p.1.waiting() > 0, "it is locked for ever"),
    )
    .unfair()
}

fn barrier() -> Rig {
    const PARTIES: u64 = 3;
    // How many leaders there were, and how many of those who could have led are gone.
    let counts = Rc::new((Cell::new(0), Cell::new(0)));
    let (leaders, gone, checked) = (counts.clone(), counts.clone(), counts);
    let mut rig = rig(
        "barrier",
        Barrier::new(PARTIES as usize),
        1,
        move |p, _| {
            let counts = leaders.clone();
            async move {
                if p.wait().await == Ok(true) {
                    counts.0.set(counts.0.get() + 1);
                }
            }
            .boxed_local()
        },
        |p, what| match what % 12 {
            0 => p.reset(),
            1 => p.abort(),
            2 | 3 if p.is_broken() => p.reset(),
            _ => {}
        },
        |p| p.abort(),
        move |p| {
            let (leaders, gone) = (checked.0.get(), checked.1.get());
            let rounds = p.stats().granted / (PARTIES - 1);
            let is_wrong = leaders > rounds || leaders + gone < rounds;
            wrong(is_wrong, format!("{leaders} leaders of {rounds} rounds, {gone} are gone"))
        },
    );
    rig.left = Box::new(move |woken| gone.1.set(gone.1.get() + u64::from(woken)));
    rig
}

/// A queue, its jobs that are out, and its items.
struct Queueing<O: Order<Item>> {
    queue: Rc<OrderedQueue<Item, O>>,
    jobs: RefCell<Vec<OwnedJob<Item, O>>>,
    ledger: Rc<Ledger>,
    in_order: fn(&dyn Fn(usize) -> usize, usize, usize) -> bool,
    wrong: RefCell<Option<String>>,
}

impl<O: Order<Item> + 'static> Queueing<O> {
    fn release(&self) -> bool {
        let job = self.jobs.borrow_mut().pop();
        job.map(|job| drop(job.into_inner())).is_some()
    }

    fn drain(&self) {
        let items = self.queue.close_now();
        let ids: Vec<_> = items.iter().map(|item| item.id).collect();
        let key = |id| items.iter().find(|item| item.id == id).map_or(0, |item| item.key);
        if !ids.is_sorted_by(|a, b| (self.in_order)(&key, *a, *b)) {
            self.wrong.borrow_mut().get_or_insert(format!("out of order: {ids:?}"));
        }
        items.into_iter().for_each(Item::hand);
    }

    async fn wait(&self, kind: usize) {
        match kind {
            0 => {
                let (item, putting) = self.ledger.item();
                let outcome = self.queue.put(item).await;
                putting.told();
                outcome.map_err(|error| error.into_inner().hand()).unwrap_or(());
            }
            1 => self.queue.get().await.into_iter().for_each(Item::hand),
            2 => self.queue.get_many(3).await.into_iter().flatten().for_each(Item::hand),
            3 => {
                if let Ok(job) = self.queue.get_job_owned().await {
                    job.in_hands();
                    self.jobs.borrow_mut().push(job);
                }
            }
            _ => self.queue.join().await,
        }
    }

    fn deed(&self, what: usize) {
        match what % 20 {
            0..4 => {
                let (item, putting) = self.ledger.item();
                let outcome = self.queue.try_put(item);
                putting.told();
                outcome.map_err(|error| error.into_inner().hand()).unwrap_or(());
            }
            4..8 => self.queue.try_get().into_iter().for_each(Item::hand),
            // It overtakes those who wait for room.
            8 if self.queue.waiting_putters() == 0 => {
                let (item, putting) = self.ledger.item();
                let outcome = self.queue.force_put(item);
                putting.told();
                match outcome {
                    Ok(evicted) => evicted.into_iter().for_each(Item::hand),
                    Err(error) => error.into_inner().hand(),
                }
            }
            9 | 10 => self.ledger.armed.set(true),
            11 => self.queue.close(),
            12 => self.drain(),
            _ => drop(self.release()),
        }
    }
}

fn queue<O: Order<Item> + 'static>(
    name: &'static str,
    queue: OrderedQueue<Item, O>,
    in_order: fn(&dyn Fn(usize) -> usize, usize, usize) -> bool,
) -> Rig {
    let (jobs, ledger, wrong) = (RefCell::default(), Rc::default(), RefCell::default());
    rig(
        name,
        Queueing { queue: Rc::new(queue), jobs, ledger, in_order, wrong },
        5,
        |p, kind| async move { p.wait(kind).await }.boxed_local(),
        |p, what| p.deed(what),
        |p| {
            p.queue.close();
            while p.release() {}
            while let Ok(item) = p.queue.try_get() {
                item.hand();
            }
        },
        |p| {
            p.ledger.armed.set(false);
            while p.release() {}
            p.drain();
            let counts = (p.queue.len(), p.queue.unfinished(), p.queue.waiting_getters(), p.queue.waiting_putters());
            let wrong = p.wrong.take().or_else(|| p.ledger.check());
            wrong.or_else(|| self::wrong(counts != (0, 0, 0, 0), format!("the counts are wrong: {counts:?}")))
        },
    )
}

fn channel_rig() -> Rig {
    let ledger: Rc<Ledger> = Rc::default();
    let (sender, receiver) = channel(2);
    rig(
        "channel",
        (RefCell::new(Some(sender)), receiver, ledger),
        2,
        |p, kind| {
            let sender = p.0.borrow().clone();
            async move {
                let Some(sender) = sender.filter(|_| kind == 0) else {
                    return p.1.recv().await.into_iter().for_each(Item::hand);
                };
                let (item, putting) = p.2.item();
                let outcome = sender.send(item).await;
                putting.told();
                outcome.map_err(|error| error.into_inner().hand()).unwrap_or(());
            }
            .boxed_local()
        },
        |p, what| match what % 12 {
            0 => drop(p.0.take()),
            1..4 => p.1.try_recv().into_iter().for_each(Item::hand),
            _ => {
                let Some(sender) = p.0.borrow().clone() else { return };
                let (item, putting) = p.2.item();
                let outcome = sender.try_send(item);
                putting.told();
                outcome.map_err(|error| error.into_inner().hand()).unwrap_or(());
            }
        },
        |p| {
            p.1.close();
            while let Ok(item) = p.1.try_recv() {
                item.hand();
            }
        },
        |p| p.2.check(),
    )
}

fn oneshots() -> Rig {
    type Ends = (RefCell<Vec<oneshot::Sender<Item>>>, RefCell<Vec<oneshot::Receiver<Item>>>, Rc<Ledger>);
    rig(
        "oneshot",
        (RefCell::default(), RefCell::default(), Rc::default()),
        2,
        |p: Rc<Ends>, kind| {
            let (mut sender, receiver) = oneshot::channel();
            if kind == 0 {
                p.0.borrow_mut().push(sender);
                return async move { receiver.await.into_iter().for_each(Item::hand) }.boxed_local();
            }
            p.1.borrow_mut().push(receiver);
            async move { sender.closed().await }.boxed_local()
        },
        |p, what| {
            let sender = p.0.borrow_mut().pop();
            if what % 4 == 0 {
                let receiver = p.1.borrow_mut().pop();
                drop((sender, receiver));
            } else if let Some(sender) = sender {
                // If its receiver is dropped then, the item goes with it.
                let (item, _excused) = p.2.item();
                sender.send(item).map_err(Item::hand).unwrap_or(());
            }
        },
        |p| {
            while let Some(sender) = { p.0.borrow_mut().pop() } {
                drop(sender);
            }
            while let Some(receiver) = { p.1.borrow_mut().pop() } {
                drop(receiver);
            }
        },
        |p| p.2.check(),
    )
    .unfair()
}

fn watched() -> Rig {
    let (sender, receiver) = watch::channel(0);
    rig(
        "watch",
        (RefCell::new(Some(Rc::new(sender))), RefCell::new(Some(receiver))),
        2,
        |p, kind| {
            let (sender, receiver) = (p.0.borrow().clone(), p.1.borrow().clone());
            match (kind, sender, receiver) {
                (0, _, Some(mut receiver)) => async move {
                    let _ = receiver.changed().await;
                }
                .boxed_local(),
                (_, Some(sender), _) => async move { sender.closed().await }.boxed_local(),
                _ => async {}.boxed_local(),
            }
        },
        |p, what| match what % 8 {
            0 => drop(p.1.take()),
            1 => {
                let receiver = p.1.borrow().clone();
                receiver.into_iter().for_each(|mut receiver| drop(receiver.borrow_and_update()));
            }
            _ => {
                let sender = p.0.borrow().clone();
                sender.into_iter().for_each(|sender| {
                    let _ = sender.send(what);
                });
            }
        },
        |p| {
            let sender = p.0.take();
            sender.iter().for_each(|sender| drop(sender.send_replace(0)));
            drop((p.1.take(), sender));
        },
        |_| None,
    )
    .unfair()
}

fn broadcasts() -> Rig {
    let (sender, receiver) = broadcast::channel(2);
    rig(
        "broadcast",
        (RefCell::new(Some(sender)), receiver),
        1,
        |p, _| {
            let mut receiver = p.1.resubscribe();
            async move { while receiver.recv().await.is_ok_and(|n| n % 3 > 0) {} }.boxed_local()
        },
        |p, what| {
            let sender = p.0.borrow().clone();
            sender.into_iter().for_each(|sender| {
                let _ = sender.send(what);
            });
        },
        |p| drop(p.0.take()),
        |_| None,
    )
    .unfair()
}

fn once_cell() -> Rig {
    rig(
        "once cell",
        (OnceCell::new(), Event::new()),
        2,
        |p, kind| {
            async move {
                let make = async || {
                    p.1.wait().await;
                    if kind == 0 { Ok(()) } else { Err(()) }
                };
                let _ = p.0.get_or_try_init(make).await;
            }
            .boxed_local()
        },
        |p, what| match what % 6 {
            0 => p.1.set(),
            1 => p.1.clear(),
            2 => drop(p.0.set(())),
            _ => {}
        },
        |p| p.1.set(),
        |_| None,
    )
    .unfair()
}

#[derive(Clone, Default)]
struct Fragile(Rc<Cell<bool>>);

impl Timer for Fragile {
    type Sleep = Pending<()>;

    fn now(&self) -> Duration {
        if !thread::panicking() && self.0.take() {
            blow_up();
        }
        Duration::ZERO
    }

    fn sleep_until(&self, _: Duration) -> Pending<()> {
        pending()
    }
}

fn adaptive() -> Rig {
    let timer = Fragile::default();
    let limiter = AdaptiveLimiter::with_timer(Duration::from_secs(1), timer.clone()).limits(1, 2, 3);
    rig(
        "adaptive limiter",
        (limiter, timer, Event::new()),
        2,
        |p, kind| {
            async move {
                let slot = p.0.acquire().await;
                p.2.wait().await;
                if kind == 0 { drop(slot) } else { slot.overloaded() }
            }
            .boxed_local()
        },
        |p, what| match what % 6 {
            0 => p.1.0.set(true),
            1 | 2 => p.2.set(),
            3 => p.2.clear(),
            _ => drop(p.0.try_acquire()),
        },
        |p| p.2.set(),
        |p| {
            p.1.0.set(false);
            let counts = (p.0.in_flight(), p.0.waiting());
            wrong(counts != (0, 0) || p.0.try_acquire().is_none(), format!("slots are lost: {counts:?}"))
        },
    )
    .unfair()
}

impl Rig {
    /// Its waits have several steps, or are served out of order.
    fn unfair(mut self) -> Rig {
        self.fair = false;
        self
    }
}
