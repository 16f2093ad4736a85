//! Each primitive behind the same few calls, with what must be true of it in the end.

use super::{
    items::Item,
    news::{broadcasts, oneshots, set_once, streams, watched},
    notes::{condition, condition_one, notify, notify_last, notify_one},
    queues::{channel_rig, queue},
    sync::{
        AdaptiveLimiter, Barrier, Event, Fifo, Lifo, Mutex, OnceCell, OrderedQueue, Priority, RwLock, Semaphore, Timer,
    },
    world::blow_up,
};
use futures::{FutureExt, future::LocalBoxFuture};
use std::{
    any::Any,
    cell::{Cell, RefCell},
    future::{Pending, pending},
    rc::Rc,
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
    /// What is wrong between two steps, or (`true`) when all who were called have gone on.
    pub(super) look: Box<dyn Fn(bool) -> Option<String>>,
    /// What is wrong in the end.
    pub(super) check: Box<dyn Fn() -> Option<String>>,
}

pub(super) type Shared<P> = Rc<P>;

pub(super) fn rig<P: 'static>(
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
        look: Box::new(|_| None),
        check: Box::new(move || check(&checked)),
    }
}

pub(super) const COUNT: usize = 22;

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
            queue("priority queue", OrderedQueue::<Item, Priority<Item>>::new(2), |key, a, b| (key(a), a) < (key(b), b))
        }
        10 => queue("rendezvous", OrderedQueue::<Item, Fifo<Item>>::new(0), |_, a, b| a < b),
        11 => channel_rig(),
        12 => oneshots(),
        13 => watched(),
        14 => broadcasts(),
        15 => once_cell(),
        16 => notify_one(),
        17 => condition_one(),
        18 => notify_last(),
        19 => set_once(),
        20 => streams(),
        _ => adaptive(),
    }
}

/// Guards that somebody holds on to.
#[derive(Default)]
pub(super) struct Held(RefCell<Vec<Box<dyn Any>>>);

impl Held {
    pub(super) fn add(&self, guard: impl Any) {
        self.0.borrow_mut().push(Box::new(guard));
    }

    pub(super) fn release(&self) -> bool {
        let guard = self.0.borrow_mut().pop();
        guard.is_some()
    }

    pub(super) fn release_all(&self) {
        while self.release() {}
    }
}

pub(super) fn wrong(is_wrong: bool, what: impl Into<String>) -> Option<String> {
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
        if self.0.take() {
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
    pub(super) fn unfair(mut self) -> Rig {
        self.fair = false;
        self
    }
}
