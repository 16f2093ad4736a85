//! What tasks cost in memory, under each peer.
//!
//! Every figure is taken in a process of its own, so that nothing of the last one is left in the allocator.

use clap::{Parser, ValueEnum};
use evenkeel_benches::{
    Compio, Evenkeel, Glommio, Monoio, Nio, Peer, PeerName, Table, Timers, Tokio, TokioLocalRuntime, with_peer,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::{
    alloc::System,
    cell::Cell,
    error::Error,
    fs,
    pin::Pin,
    process::Command,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The size of the future of an idle task.
const FUTURE: usize = 64;

#[derive(Parser)]
#[command(about = "Allocations and bytes per task, under each peer")]
struct Arguments {
    /// Prints this figure alone, under one peer.
    #[arg(long, value_enum, requires = "peer")]
    figure: Option<Figure>,
    /// The peer.
    #[arg(long, value_enum, requires = "figure")]
    peer: Option<PeerName>,
    /// The peers of the table, separated by commas; all without it.
    #[arg(long, value_enum, value_delimiter = ',')]
    peers: Vec<PeerName>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Figure {
    /// Allocations for each of 100 000 tasks
    Allocations,
    /// The same for tasks that come after others have ended
    Recycled,
    /// Bytes for each of 100 000 idle tasks, beyond its future of 64 bytes
    Idle,
    /// The same for each of 1 000 000
    IdleMillion,
    /// The process with 1 000 000 idle tasks, in MiB
    Million,
    /// The process with 1 000 000 sleeping tasks, in MiB
    Sleeping,
    /// The most that it was while they were spawned, in MiB
    SleepingPeak,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    if let (Some(figure), Some(peer)) = (arguments.figure, arguments.peer) {
        match with_peer!(peer, P => take::<P>(figure)).or_else(|| take_sleeping(figure, peer)) {
            Some(value) => println!("{value:.2}"),
            None => println!("–"),
        }
        return Ok(());
    }
    let wanted = |peer: &PeerName| arguments.peers.is_empty() || arguments.peers.contains(peer);
    let peers: Vec<_> = PeerName::ALL.into_iter().filter(wanted).filter(|peer| peer.obstacle().is_none()).collect();
    let mut table = Table::new(std::iter::once("memory").chain(peers.iter().map(|peer| peer.name())));
    for figure in Figure::value_variants() {
        let named = figure.to_possible_value().expect("no variant is skipped");
        let about = named.get_help().expect("each has a comment").to_string();
        let mut row = vec![about];
        for peer in &peers {
            row.push(in_own_process(named.get_name(), peer)?);
        }
        table.row(row);
    }
    print!("{table}");
    Ok(())
}

fn in_own_process(figure: &str, peer: &PeerName) -> Result<String, Box<dyn Error>> {
    let output =
        Command::new(std::env::current_exe()?).args(["--figure", figure, "--peer", &peer.to_string()]).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

const MILLION: usize = 1_000_000;

fn take<P: Peer>(figure: Figure) -> Option<f64> {
    const MANY: usize = 100_000;
    P::run(async {
        Some(match figure {
            Figure::Allocations => {
                let region = Region::new(ALLOCATOR);
                idle::<P>(MANY).await;
                region.change().allocations as f64 / MANY as f64
            }
            Figure::Recycled => {
                ended::<P>(MANY).await;
                let region = Region::new(ALLOCATOR);
                ended::<P>(MANY).await;
                region.change().allocations as f64 / MANY as f64
            }
            Figure::Idle => bytes_beyond::<P>(MANY).await,
            Figure::IdleMillion => bytes_beyond::<P>(MILLION).await,
            Figure::Million => {
                idle::<P>(MILLION).await;
                mebibytes("VmRSS")
            }
            Figure::Sleeping | Figure::SleepingPeak => return None,
        })
    })
}

/// The figures that need timers.
fn take_sleeping(figure: Figure, peer: PeerName) -> Option<f64> {
    match peer {
        PeerName::Evenkeel => Some(sleeping::<Evenkeel>(figure)),
        PeerName::Tokio => Some(sleeping::<Tokio>(figure)),
        PeerName::TokioLocalRuntime => Some(sleeping::<TokioLocalRuntime>(figure)),
        PeerName::Monoio => Some(sleeping::<Monoio>(figure)),
        PeerName::Glommio => Some(sleeping::<Glommio>(figure)),
        PeerName::Compio => Some(sleeping::<Compio>(figure)),
        PeerName::Nio => Some(sleeping::<Nio>(figure)),
        _ => None,
    }
}

fn sleeping<P: Timers>(figure: Figure) -> f64 {
    P::run(async {
        for _ in 0..MILLION {
            P::detach(P::spawn(async { P::sleep(Duration::from_secs(3600)).await }));
        }
        polled::<P>().await;
        mebibytes(match figure {
            Figure::SleepingPeak => "VmHWM",
            _ => "VmRSS",
        })
    })
}

/// What is allocated for each of so many idle tasks, their future not counted.
async fn bytes_beyond<P: Peer>(count: usize) -> f64 {
    let region = Region::new(ALLOCATOR);
    idle::<P>(count).await;
    let change = region.change();
    let held = change.bytes_allocated - change.bytes_deallocated;
    held as f64 / count as f64 - FUTURE as f64
}

/// Spawns tasks that wait for nothing.
async fn idle<P: Peer>(count: usize) {
    for _ in 0..count {
        P::detach(P::spawn(Idle { waker: None, rest: [0; FUTURE / 8 - 2] }));
    }
    polled::<P>().await;
}

/// Keeps its waker, as if something would wake it: some executors end a task that nobody can wake any more.
struct Idle {
    waker: Option<Waker>,
    rest: [u64; FUTURE / 8 - 2],
}

const _: () = assert!(size_of::<Idle>() == FUTURE);

impl Future for Idle {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.waker = Some(cx.waker().clone());
        self.rest[0] += 1;
        Poll::Pending
    }
}

/// Spawns tasks, and waits until the last of them has ended.
async fn ended<P: Peer>(count: usize) {
    let done = Rc::new(Cell::new(0));
    for _ in 0..count {
        let done = done.clone();
        P::detach(P::spawn(async move { done.set(done.get() + 1) }));
    }
    polled::<P>().await;
    assert_eq!(done.get(), count, "a task has not ended");
}

/// Waits until all tasks that were spawned before have been polled: a task behind them has ended then.
async fn polled<P: Peer>() {
    P::spawn(async {}).await.unwrap();
}

/// A figure of this process, as the system counts it.
fn mebibytes(key: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("this needs Linux");
    let line = status.lines().find(|line| line.starts_with(key));
    let kibibytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    kibibytes.expect("Linux says so in every process's status") / 1024.0
}
