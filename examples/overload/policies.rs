//! Seven ways to treat requests that come faster than they can be served.

use crate::{
    load::Request,
    record::Record,
    service::{CORES, Service},
};
use evenkeel::{
    Instant, Task, sleep_until, spawn,
    sync::{AdaptiveLimiter, Full, Queue, RateLimiter, Semaphore},
};
use std::{rc::Rc, time::Duration};

/// How many may be in the service at a time, where that is fixed.
const AT_A_TIME: usize = 2 * CORES as usize;

/// Room of the queues.
const ROOM: usize = 100;

/// What a policy has to do with.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) requests: Rc<Vec<Request>>,
    pub(crate) service: Rc<Service>,
    pub(crate) record: Rc<Record>,
}

impl Scene {
    /// The next request, at its time.
    async fn comes(&self, request: &Request) {
        sleep_until(Instant::from_origin(request.at)).await;
        self.record.offered.set(self.record.offered.get() + 1);
    }

    async fn serve(&self, request: Request) {
        self.service.serve(request).await;
        self.record.done(request.at);
    }

    /// A task of its own for a request.
    fn spawn(&self, work: impl Future<Output = ()> + 'static) -> Task<()> {
        let record = self.record.clone();
        spawn(async move {
            let _task = record.task();
            work.await;
        })
    }
}

async fn all(tasks: Vec<Task<()>>) {
    for task in tasks {
        task.await.expect("nothing panics here");
    }
}

/// A task for each request, and all of them at once.
pub(crate) async fn unbounded(scene: Scene) {
    let mut tasks = Vec::new();
    for &request in scene.requests.iter() {
        scene.comes(&request).await;
        let inner = scene.clone();
        tasks.push(scene.spawn(async move { inner.serve(request).await }));
    }
    all(tasks).await;
}

/// A task for each request, and a few of them at a time: the rest waits in the semaphore's line.
pub(crate) async fn semaphore(scene: Scene) {
    let semaphore = Rc::new(Semaphore::new(AT_A_TIME));
    let mut tasks = Vec::new();
    for &request in scene.requests.iter() {
        scene.comes(&request).await;
        let (inner, semaphore) = (scene.clone(), semaphore.clone());
        tasks.push(scene.spawn(async move {
            let permit = semaphore.acquire();
            inner.record.queued.set(semaphore.waiting() + 1);
            let _permit = permit.await;
            inner.serve(request).await;
        }));
    }
    all(tasks).await;
}

/// A few workers, and a bounded queue before them.
async fn workers(scene: Scene, full: Full) {
    let queue = Rc::new(Queue::new(ROOM).when_full(full));
    let workers = (0..AT_A_TIME).map(|_| {
        let (inner, queue) = (scene.clone(), queue.clone());
        scene.spawn(async move {
            while let Ok(request) = queue.get().await {
                inner.serve(request).await;
            }
        })
    });
    let workers = workers.collect();
    for &request in scene.requests.iter() {
        scene.comes(&request).await;
        if full == Full::DropOldest {
            if let Ok(Some(_)) = queue.force_put(request) {
                scene.record.reject();
            }
        } else if queue.put(request).await.is_err() {
            scene.record.reject();
        }
        scene.record.queued.set(queue.len());
    }
    queue.close();
    all(workers).await;
}

/// Requests that find the queue full wait outside: nothing is taken in that there is no room for.
pub(crate) async fn queue_that_waits(scene: Scene) {
    workers(scene, Full::Wait).await;
}

/// Requests that find the queue full are turned away.
pub(crate) async fn queue_that_rejects(scene: Scene) {
    workers(scene, Full::Reject).await;
}

/// Requests that find the queue full take the place of the oldest.
pub(crate) async fn queue_that_drops_the_oldest(scene: Scene) {
    workers(scene, Full::DropOldest).await;
}

/// So many per second; the rest is turned away.
pub(crate) async fn rate_limiter(scene: Scene) {
    let limiter = RateLimiter::new(700, Duration::from_secs(1)).burst(50);
    let mut tasks = Vec::new();
    for &request in scene.requests.iter() {
        scene.comes(&request).await;
        if limiter.try_acquire(1) {
            let inner = scene.clone();
            tasks.push(scene.spawn(async move { inner.serve(request).await }));
        } else {
            scene.record.reject();
        }
    }
    all(tasks).await;
}

/// As many at a time as keep below 100 ms; the rest is turned away.
pub(crate) async fn adaptive_limiter(scene: Scene) {
    let limiter: &'static AdaptiveLimiter = Box::leak(Box::new(AdaptiveLimiter::new(Duration::from_millis(100))));
    let mut tasks = Vec::new();
    for &request in scene.requests.iter() {
        scene.comes(&request).await;
        let Some(slot) = limiter.try_acquire() else {
            scene.record.reject();
            continue;
        };
        let inner = scene.clone();
        tasks.push(scene.spawn(async move {
            inner.serve(request).await;
            drop(slot);
        }));
    }
    all(tasks).await;
}
