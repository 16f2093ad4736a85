//! Timers.

use super::batches::batches;
use crate::{timers::Timers, watch::Watch};
use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

/// How many tasks sleep at a time in [`crowds`].
pub const CROWD: u64 = 100_000;

/// How long the timers are that never fire: a usual timeout.
const LONG: Duration = Duration::from_secs(30);

/// Tasks that sleep for 0 to 200 ms each are spawned and joined.
pub fn crowds<P: Timers>(count: u64, watch: &mut Watch) -> u64 {
    P::run(async {
        let mut tasks = Vec::with_capacity(CROWD as usize);
        let mut done = 0;
        watch.start();
        for batch in batches(count, CROWD) {
            tasks.extend((0..batch).map(|index| {
                let micros = scatter(index) % 200_001;
                P::spawn(async move {
                    P::sleep(Duration::from_micros(micros)).await;
                    1
                })
            }));
            for task in tasks.drain(..) {
                done += task.await.unwrap();
            }
        }
        watch.stop();
        done
    })
}

/// A sleep is made and dropped.
pub fn made<P: Timers>(others: usize, count: u64, watch: &mut Watch) -> u64 {
    P::run(async {
        let others = arm_others::<P>(others).await;
        let mut done = 0;
        watch.start();
        for index in 0..count {
            // The compiler must not see that nobody looks at it.
            drop(std::hint::black_box(P::sleep(duration(index))));
            done += 1;
        }
        watch.stop();
        drop(others);
        done
    })
}

/// A sleep is made, polled once, and dropped.
pub fn armed<P: Timers>(others: usize, count: u64, watch: &mut Watch) -> u64 {
    P::run(async {
        let others = arm_others::<P>(others).await;
        let mut done = 0;
        watch.start();
        for index in 0..count {
            done += u64::from(arm(pin!(P::sleep(duration(index)))).await);
        }
        watch.stop();
        drop(others);
        done
    })
}

/// A sleep is made, polled once, kept for a turn, and dropped: what a timeout does that never fires.
pub fn kept<P: Timers>(others: usize, count: u64, watch: &mut Watch) -> u64 {
    P::run(async {
        let others = arm_others::<P>(others).await;
        let task = P::spawn(async move {
            let mut done = 0;
            for index in 0..count {
                let mut sleep = pin!(P::sleep(duration(index)));
                done += u64::from(arm(sleep.as_mut()).await);
                P::yield_now().await;
            }
            done
        });
        watch.start();
        let done = task.await.unwrap();
        watch.stop();
        drop(others);
        done
    })
}

/// A timeout around one yield.
pub fn timeouts<P: Timers>(others: usize, count: u64, watch: &mut Watch) -> u64 {
    P::run(async {
        let others = arm_others::<P>(others).await;
        let task = P::spawn(async move {
            let mut done = 0;
            for index in 0..count {
                done += u64::from(P::timeout(duration(index), P::yield_now()).await.is_some());
            }
            done
        });
        watch.start();
        let done = task.await.unwrap();
        watch.stop();
        drop(others);
        done
    })
}

/// Polls a sleep once; `true` if it waits.
async fn arm(mut sleep: Pin<&mut impl Future>) -> bool {
    poll_fn(|cx| Poll::Ready(sleep.as_mut().poll(cx).is_pending())).await
}

/// Sleeps that are armed, and stay so while their owner keeps them.
async fn arm_others<P: Timers>(count: usize) -> Vec<Pin<Box<dyn Future<Output = ()>>>> {
    let mut others = Vec::with_capacity(count);
    for index in 0..count as u64 {
        let mut sleep = Box::pin(P::sleep(duration(index)));
        assert!(arm(sleep.as_mut()).await, "a long sleep was over at once");
        others.push(sleep as Pin<Box<dyn Future<Output = ()>>>);
    }
    // From the next turn on every peer knows their deadlines.
    P::yield_now().await;
    others
}

/// Durations around a usual timeout, no two in a row alike.
pub(super) fn duration(index: u64) -> Duration {
    LONG + Duration::from_micros(scatter(index) % 30_000_000)
}

/// A number that looks random, the same in every run.
fn scatter(index: u64) -> u64 {
    // The odd constant is 2^64 over the golden ratio: neighbours land far apart.
    index.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20
}
