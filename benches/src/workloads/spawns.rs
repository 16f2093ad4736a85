//! Spawning tasks that end at once.

use super::batches::batches;
use crate::{peer::Peer, watch::Watch};
use std::{cell::Cell, rc::Rc};

/// Spawns a batch and joins it, again and again.
pub fn joined<P: Peer>(batch: u64, count: u64, watch: &mut Watch) -> u64 {
    P::run(async {
        let mut tasks = Vec::with_capacity(batch as usize);
        let mut done = 0;
        watch.start();
        for batch in batches(count, batch) {
            tasks.extend((0..batch).map(|_| P::spawn(one())));
            for task in tasks.drain(..) {
                done += task.await.unwrap();
            }
        }
        watch.stop();
        done
    })
}

/// Spawns a task and joins it, again and again.
pub fn singles<P: Peer>(count: u64, watch: &mut Watch) -> u64 {
    P::run(async {
        let mut done = 0;
        watch.start();
        for _ in 0..count {
            done += P::spawn(one()).await.unwrap();
        }
        watch.stop();
        done
    })
}

/// Spawns a batch that nobody joins and gives way until it has run, again and again.
pub fn detached<P: Peer>(batch: u64, count: u64, watch: &mut Watch) -> u64 {
    P::run(async {
        let done = Rc::new(Cell::new(0));
        let mut spawned = 0;
        watch.start();
        for batch in batches(count, batch) {
            for _ in 0..batch {
                let done = done.clone();
                P::detach(P::spawn(async move { done.set(done.get() + 1) }));
            }
            spawned += batch;
            while done.get() < spawned {
                P::yield_now().await;
            }
        }
        watch.stop();
        done.get()
    })
}

async fn one() -> u64 {
    1
}
