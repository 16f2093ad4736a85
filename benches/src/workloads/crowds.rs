//! The usual operations in an executor that has many other tasks.

use super::{
    batches::{batches, share, waiting},
    sleeps::duration,
    yields::give_way,
};
use crate::{
    cancels::{Cancels, Ending},
    peer::Peer,
    timers::Timers,
    watch::Watch,
};

/// Tasks that give way while others wait.
pub fn yields<P: Peer>(others: usize, count: u64, watch: &mut Watch) -> u64 {
    const TASKS: u64 = 100;
    P::run(async {
        let others = waiting::<P>(others).await;
        let tasks: Vec<_> = (0..TASKS).map(|index| P::spawn(give_way::<P>(share(count, TASKS, index)))).collect();
        watch.start();
        let mut done = 0;
        for task in tasks {
            done += task.await.unwrap();
        }
        watch.stop();
        drop(others);
        done
    })
}

/// A task is spawned and joined while others wait.
pub fn spawns<P: Peer>(others: usize, count: u64, watch: &mut Watch) -> u64 {
    P::run(async {
        let others = waiting::<P>(others).await;
        let mut done = 0;
        watch.start();
        for _ in 0..count {
            done += P::spawn(async { 1 }).await.unwrap();
        }
        watch.stop();
        drop(others);
        done
    })
}

/// A crowd of tasks is spawned, each of which arms a timer; then it is aborted, until all have ended.
pub fn sleepers<P: Cancels + Timers>(crowd: u64, count: u64, watch: &mut Watch) -> u64 {
    P::run(async {
        let before = Ending::count();
        watch.start();
        for batch in batches(count, crowd) {
            let sleeper = |index| {
                P::spawn(async move {
                    let _ending = Ending::new();
                    P::sleep(duration(index)).await;
                })
            };
            let tasks: Vec<_> = (0..batch).map(sleeper).collect();
            // The last of them has run when this one has.
            P::spawn(async {}).await.unwrap();
            P::abort_all(tasks).await;
        }
        watch.stop();
        Ending::count() - before
    })
}
