//! No wake-up between threads is lost: a ball goes to and fro between two executors, each of which parks while the other
//! has it.
//!
//! The full run is 10 million hand-overs:
//! `EVENKEEL_HANDOVERS=10000000 cargo test --release --test it handover`.

use evenkeel::run;
use std::{
    env,
    future::poll_fn,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    task::{Poll, Waker},
    thread,
};

/// The ball: its count says whose it is, the even one's or the odd one's.
#[derive(Default)]
struct Court {
    count: AtomicU64,
    waiting: [Mutex<Option<Waker>>; 2],
}

impl Court {
    /// Plays one side until the ball has gone over the net `most` times.
    async fn play(&self, side: usize, most: u64) {
        poll_fn(|cx| {
            loop {
                let count = self.count.load(SeqCst);
                if count >= most {
                    return Poll::Ready(());
                }
                if count % 2 == side as u64 {
                    self.count.store(count + 1, SeqCst);
                    self.call(1 - side);
                    continue;
                }
                *self.waiting[side].lock().unwrap() = Some(cx.waker().clone());
                // The other side may have looked for the waker just before.
                if self.count.load(SeqCst) == count {
                    return Poll::Pending;
                }
            }
        })
        .await;
    }

    fn call(&self, side: usize) {
        let waker = self.waiting[side].lock().unwrap().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

fn wanted(default: u64) -> u64 {
    env::var("EVENKEEL_HANDOVERS").ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn fault_34_a_handover_between_two_threads_is_never_lost() {
    let most = wanted(100_000);
    let court = Arc::new(Court::default());
    let other = court.clone();
    let odd = thread::spawn(move || run(other.play(1, most)));
    run(court.play(0, most));
    odd.join().unwrap();
    assert_eq!(court.count.load(SeqCst), most);
}

#[test]
fn fault_34_many_handovers_of_many_tasks_cross_each_other() {
    let most = wanted(100_000) / 20;
    let courts: Arc<Vec<Court>> = Arc::new((0..10).map(|_| Court::default()).collect());
    let other = courts.clone();
    let odd = thread::spawn(move || run(futures::future::join_all(other.iter().map(|court| court.play(1, most)))));
    run(futures::future::join_all(courts.iter().map(|court| court.play(0, most))));
    odd.join().unwrap();
}
