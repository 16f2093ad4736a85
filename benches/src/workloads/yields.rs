//! Giving way.

use super::batches::share;
use crate::{peer::Peer, watch::Watch};
use futures::future::LocalBoxFuture;

/// The main future gives way.
pub fn main<P: Peer>(count: u64, watch: &mut Watch) -> u64 {
    P::run(async move {
        // The loop stands here and not in a future of its own, which would be one more to go through each time.
        let mut done = 0;
        watch.start();
        while done < count {
            P::yield_now().await;
            done += 1;
        }
        watch.stop();
        done
    })
}

/// So many tasks give way in turn, and the main future waits for them.
pub fn tasks<P: Peer>(tasks: u64, count: u64, watch: &mut Watch) -> u64 {
    P::run(async {
        let tasks: Vec<_> = (0..tasks).map(|index| P::spawn(give_way::<P>(share(count, tasks, index)))).collect();
        watch.start();
        let mut done = 0;
        for task in tasks {
            done += task.await.unwrap();
        }
        watch.stop();
        done
    })
}

/// A task gives way from within boxed futures, each of which awaits the next: an executor polls only the outermost.
pub fn deep<P: Peer>(count: u64, watch: &mut Watch) -> u64 {
    const DEPTH: u32 = 32;
    P::run(async {
        let innermost: LocalBoxFuture<'static, u64> = Box::pin(give_way::<P>(count));
        let task = P::spawn((1..DEPTH).fold(innermost, |inner, _| Box::pin(within(inner))));
        watch.start();
        let done = task.await.unwrap();
        watch.stop();
        done
    })
}

async fn within(inner: LocalBoxFuture<'static, u64>) -> u64 {
    inner.await
}

pub(super) async fn give_way<P: Peer>(count: u64) -> u64 {
    let mut done = 0;
    while done < count {
        P::yield_now().await;
        done += 1;
    }
    done
}
