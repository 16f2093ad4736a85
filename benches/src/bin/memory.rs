//! What tasks cost in memory, under each peer.
//!
//! Every figure is taken in a process of its own, so that nothing of the last one is left in the allocator.

use clap::{Parser, ValueEnum};
use evenkeel_benches::{Evenkeel, Peer, PeerName, Table, Tokio};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::{
    alloc::System,
    cell::Cell,
    error::Error,
    fs,
    pin::Pin,
    process::Command,
    rc::Rc,
    task::{Context, Poll},
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
        let value = match peer {
            PeerName::Evenkeel => take::<Evenkeel>(figure),
            PeerName::Tokio => take::<Tokio>(figure),
        };
        println!("{value:.2}");
        return Ok(());
    }
    let mut table = Table::new(["memory", "evenkeel", "tokio"]);
    for figure in Figure::value_variants() {
        let named = figure.to_possible_value().expect("no variant is skipped");
        let about = named.get_help().expect("each has a comment").to_string();
        let mut row = vec![about];
        for peer in PeerName::ALL {
            row.push(in_own_process(named.get_name(), peer)?);
        }
        table.row(row);
    }
    print!("{table}");
    Ok(())
}

fn in_own_process(figure: &str, peer: PeerName) -> Result<String, Box<dyn Error>> {
    let output =
        Command::new(std::env::current_exe()?).args(["--figure", figure, "--peer", &peer.to_string()]).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn take<P: Peer>(figure: Figure) -> f64 {
    const MANY: usize = 100_000;
    const MILLION: usize = 1_000_000;
    P::run(async {
        match figure {
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
            Figure::Sleeping | Figure::SleepingPeak => {
                for _ in 0..MILLION {
                    P::detach(P::spawn(async { P::sleep(Duration::from_secs(3600)).await }));
                }
                polled::<P>().await;
                mebibytes(match figure {
                    Figure::SleepingPeak => "VmHWM",
                    _ => "VmRSS",
                })
            }
        }
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
        P::detach(P::spawn(Idle([0; FUTURE / 8])));
    }
    polled::<P>().await;
}

struct Idle([u64; FUTURE / 8]);

impl Future for Idle {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        self.0[0] += 1;
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
