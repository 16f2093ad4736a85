//! Work for other threads, and items from them.

use super::batches::batches;
use crate::{peer::Peer, remote::Remote, watch::Watch};
use std::thread;

/// So many calls wait at a time; with one, each is a round trip.
pub fn calls<P: Peer, F>(call: impl Fn() -> F, at_once: u64, count: u64, watch: &mut Watch) -> u64
where
    F: Future<Output = u64> + 'static,
{
    P::run(async {
        // The first call starts a thread.
        call().await;
        watch.start();
        let mut done = 0;
        for batch in batches(count, at_once) {
            if at_once == 1 {
                done += call().await;
                continue;
            }
            let tasks: Vec<_> = (0..batch).map(|_| P::spawn(call())).collect();
            for task in tasks {
                done += task.await.unwrap();
            }
        }
        watch.stop();
        done
    })
}

/// A thread sends, and blocks while there is no room; a task receives.
pub fn messages<R: Remote>(capacity: usize, count: u64, watch: &mut Watch) -> u64 {
    thread::scope(|scope| {
        let (sender, mut receiver) = R::new(capacity);
        scope.spawn(move || (0..count).for_each(|_| R::send(&sender, 1)));
        R::Home::run(async {
            watch.start();
            let mut sum = 0;
            while let Some(item) = R::receive(&mut receiver).await {
                sum += item;
            }
            watch.stop();
            sum
        })
    })
}
