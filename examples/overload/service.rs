//! A service that has so much to give, and gives less when it is crowded.

use crate::load::Request;
use evenkeel::{interval, sync::oneshot};
use std::{
    cell::{Cell, RefCell},
    cmp::Ordering,
    collections::BinaryHeap,
    rc::Rc,
    time::Duration,
};

/// So many requests at a time make progress at full speed: eight cores, say.
pub(crate) const CORES: f64 = 8.0;

/// With so many more in there, half of what it could do goes into keeping them all alive: caches, memory, locks.
const CROWD: f64 = 400.0;

const TICK: Duration = Duration::from_millis(1);

/// All requests in it share it evenly.
#[derive(Default)]
pub(crate) struct Service {
    /// How far a request would be that has been in there from the beginning, in milliseconds of work.
    progress: Cell<f64>,
    inside: RefCell<BinaryHeap<Inside>>,
}

struct Inside {
    /// By this progress it is done.
    until: f64,
    done: oneshot::Sender<()>,
}

impl Service {
    /// A service, whose clock runs for as long as it is used.
    pub(crate) fn start() -> Rc<Service> {
        let service = Rc::new(Service::default());
        let running = Rc::downgrade(&service);
        evenkeel::spawn(async move {
            let mut every = interval(TICK);
            while let Some(service) = running.upgrade() {
                service.work(TICK);
                drop(service);
                every.tick().await;
            }
        })
        .detach();
        service
    }

    /// Serves a request.
    pub(crate) async fn serve(&self, request: Request) {
        let (done, end) = oneshot::channel();
        self.inside.borrow_mut().push(Inside { until: self.progress.get() + request.work, done });
        let _ = end.await;
    }

    fn work(&self, time: Duration) {
        let inside = self.inside.borrow().len() as f64;
        let crowded = (inside - CORES).max(0.0) / CROWD;
        let share = (CORES / (1.0 + crowded) / inside).min(1.0);
        self.progress.set(self.progress.get() + share * time.as_secs_f64() * 1000.0);
        loop {
            let mut inside = self.inside.borrow_mut();
            let is_done = inside.peek().is_some_and(|first| first.until <= self.progress.get());
            let Some(first) = is_done.then(|| inside.pop()).flatten() else { return };
            drop(inside);
            let _ = first.done.send(());
        }
    }
}

/// The heap's greatest is the one that is done first.
impl Ord for Inside {
    fn cmp(&self, other: &Self) -> Ordering {
        other.until.total_cmp(&self.until)
    }
}

impl PartialOrd for Inside {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Inside {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Inside {}
