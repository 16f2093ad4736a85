//! How late things are: wake-ups of a parked thread, and timers.

use evenkeel_benches::{
    Compio, Door, Evenkeel, Glommio, Monoio, Nio, Peer, PeerName, Table, Timers, Tokio, TokioLocalRuntime,
};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

/// Those with timers, and with wakers for other threads.
const PEERS: [PeerName; 7] = [
    PeerName::Evenkeel,
    PeerName::Tokio,
    PeerName::TokioLocalRuntime,
    PeerName::Monoio,
    PeerName::Glommio,
    PeerName::Compio,
    PeerName::Nio,
];

macro_rules! with_each {
    ($peer:ident, $measure:ident($($argument:expr)?)) => {
        match $peer {
            PeerName::Tokio => $measure::<Tokio>($($argument)?),
            PeerName::TokioLocalRuntime => $measure::<TokioLocalRuntime>($($argument)?),
            PeerName::Glommio => $measure::<Glommio>($($argument)?),
            PeerName::Compio => $measure::<Compio>($($argument)?),
            PeerName::Monoio => $measure::<Monoio>($($argument)?),
            PeerName::Nio => $measure::<Nio>($($argument)?),
            _ => $measure::<Evenkeel>($($argument)?),
        }
    };
}

fn main() {
    let mut table = Table::new(["µs late", "peer", "p50", "p99", "worst"]);
    for peer in PEERS.into_iter().filter(|peer| peer.obstacle().is_none()) {
        table.row(summary("wake-up of a parked thread", peer, with_each!(peer, parked_wakes())));
    }
    for timers in [100, 100_000] {
        for peer in PEERS.into_iter().filter(|peer| peer.obstacle().is_none()) {
            let what = format!("{timers} sleeps of 0 to 200 ms");
            table.row(summary(&what, peer, with_each!(peer, sleeps(timers))));
        }
    }
    print!("{table}");
}

fn summary(what: &str, peer: PeerName, mut late: Vec<Duration>) -> Vec<String> {
    late.sort_unstable();
    let at = |part: usize| late[(late.len() - 1) * part / 100].as_nanos() as f64 / 1000.0;
    let mut row = vec![what.to_owned(), peer.to_string()];
    row.extend([50, 99, 100].map(|part| format!("{:.1}", at(part))));
    row
}

/// Another thread wakes the main future, each time when the executor has long been asleep.
fn parked_wakes<P: Peer>() -> Vec<Duration> {
    const ROUNDS: u64 = 5_000;
    let door = Arc::new(Door::default());
    let opened_at = Arc::new(Mutex::new(Instant::now()));
    let waits = Arc::new(AtomicBool::new(false));
    thread::scope(|scope| {
        let opener = scope.spawn({
            let (door, opened_at, waits) = (door.clone(), opened_at.clone(), waits.clone());
            move || {
                for _ in 0..ROUNDS {
                    while !waits.swap(false, SeqCst) {
                        thread::park();
                    }
                    // Long enough for the executor to fall asleep.
                    thread::sleep(Duration::from_micros(100));
                    *opened_at.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
                    door.open();
                }
            }
        });
        P::run(async {
            let mut late = Vec::with_capacity(ROUNDS as usize);
            for round in 1..=ROUNDS {
                waits.store(true, SeqCst);
                opener.thread().unpark();
                door.pass(round).await;
                let opened_at = *opened_at.lock().unwrap_or_else(PoisonError::into_inner);
                late.push(opened_at.elapsed());
            }
            late
        })
    })
}

/// How long after its time each of so many tasks goes on that sleep for 0 to 200 ms.
fn sleeps<P: Timers>(timers: u32) -> Vec<Duration> {
    P::run(async {
        let tasks: Vec<_> = (0..timers)
            .map(|index| {
                let duration = Duration::from_millis(200) * index / timers;
                P::spawn(async move {
                    let start = Instant::now();
                    P::sleep(duration).await;
                    start.elapsed() - duration
                })
            })
            .collect();
        let mut late = Vec::with_capacity(tasks.len());
        for task in tasks {
            late.push(task.await.unwrap());
        }
        late
    })
}
