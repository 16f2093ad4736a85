//! Stopping tasks that wait.

use super::batches::batches;
use crate::{
    cancels::{Cancels, Ending},
    watch::Watch,
};
use std::future::pending;

const BATCH: u64 = 10_000;

/// Aborts a batch of tasks and waits until they have ended, again and again. Only the stopping is timed.
pub fn drains<P: Cancels>(count: u64, watch: &mut Watch) -> u64 {
    P::run(async {
        let before = Ending::count();
        for batch in batches(count, BATCH) {
            let tasks = ending::<P>(batch).await;
            watch.start();
            P::abort_all(tasks).await;
            watch.stop();
        }
        Ending::count() - before
    })
}

/// Cancels a task and waits for its end, then the next one. Only the stopping is timed.
pub fn singles<P: Cancels>(count: u64, watch: &mut Watch) -> u64 {
    P::run(async {
        let before = Ending::count();
        for batch in batches(count, BATCH) {
            let tasks = ending::<P>(batch).await;
            watch.start();
            for task in tasks {
                P::cancel(task).await;
            }
            watch.stop();
        }
        Ending::count() - before
    })
}

/// Tasks that have been polled once, wait for nothing, and count their end.
async fn ending<P: Cancels>(count: u64) -> Vec<P::Task<()>> {
    let task = |_| {
        P::spawn(async {
            let _ending = Ending::new();
            pending().await
        })
    };
    let tasks = (0..count).map(task).collect();
    // The last of them has run when this one has.
    P::spawn(async {}).await.unwrap();
    tasks
}
