//! Stopping tasks that wait.

use super::{batches, waiting};
use crate::{peer::Peer, watch::Watch};

const BATCH: u64 = 10_000;

/// Aborts a batch of tasks, then awaits each of them, again and again. Only the stopping is timed.
pub fn drains<P: Peer>(count: u64, watch: &mut Watch) -> u64 {
    P::run(async {
        let mut done = 0;
        for batch in batches(count, BATCH) {
            let tasks = waiting::<P>(batch as usize).await;
            watch.start();
            for task in &tasks {
                P::abort(task);
            }
            for task in tasks {
                done += u64::from(task.await.is_err());
            }
            watch.stop();
        }
        done
    })
}

/// Cancels a task and awaits its end, then the next one. Only the stopping is timed.
pub fn singles<P: Peer>(count: u64, watch: &mut Watch) -> u64 {
    P::run(async {
        let mut done = 0;
        for batch in batches(count, BATCH) {
            let tasks = waiting::<P>(batch as usize).await;
            watch.start();
            for task in tasks {
                P::cancel(&task);
                done += u64::from(task.await.is_err());
            }
            watch.stop();
        }
        done
    })
}
