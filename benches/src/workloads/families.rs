//! Several children, each of which gives way once, and who owns them.

use super::batches::batches;
use crate::{
    family::{Family, Nest},
    peer::Peer,
    watch::Watch,
};

/// Families of one size, one after the other.
pub fn fan_out<F: Family>(size: u64, count: u64, watch: &mut Watch) -> u64 {
    F::Home::run(async {
        let mut done = 0;
        watch.start();
        for size in batches(count, size) {
            done += F::sum((0..size).map(|_| child::<F::Home>())).await;
        }
        watch.stop();
        done
    })
}

/// A child that gives way again and again.
pub fn wakes<N: Nest, P: Peer>(depth: u64, count: u64, watch: &mut Watch) -> u64 {
    P::run(async {
        let child = async {
            watch.start();
            for _ in 0..count {
                P::yield_now().await;
            }
            watch.stop();
            count
        };
        N::nest(depth, child).await
    })
}

async fn child<P: Peer>() -> u64 {
    P::yield_now().await;
    1
}
