//! How the operations of a workload are shared out.

use crate::peer::Peer;
use std::future::pending;

/// The part of `count` operations that falls to the `index`th of so many tasks. The parts differ by one at most.
pub(super) fn share(count: u64, tasks: u64, index: u64) -> u64 {
    count / tasks + u64::from(index < count % tasks)
}

/// `count` operations in batches; the last one may be smaller.
pub(super) fn batches(count: u64, batch: u64) -> impl Iterator<Item = u64> {
    (0..count.div_ceil(batch)).map(move |index| batch.min(count - index * batch))
}

/// Tasks that have been polled once, and wait for nothing.
pub(super) async fn waiting<P: Peer>(count: usize) -> Vec<P::Task<()>> {
    let tasks = (0..count).map(|_| P::spawn(pending())).collect();
    // The last of them has run when this one has.
    P::spawn(async {}).await.unwrap();
    tasks
}
