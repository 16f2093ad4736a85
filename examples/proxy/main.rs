//! `proxy`: a TCP proxy, which bounds what it takes on, and ends in order.
//!
//! ```text
//! cargo run --release --example proxy -- 127.0.0.1:8080 example.org:80 --limit 200
//! ```
//!
//! Each client is a child of one supervisor with a limit: a client who comes when there is no room is accepted and reset at once, so that he
//! can go elsewhere. SIGTERM or Ctrl-C closes the listener; the clients that are there may finish, for `--grace` seconds at most.
//!
//! The modules stand in reading order.

mod args;
mod relay;
mod stats;
mod signals;

use crate::{args::Args, relay::relay, stats::Stats};
use clap::Parser;
use evenkeel::{
    Executor, Instant, Supervisor,
    cancel::{CancelToken, Deadline},
    io::TcpListener,
};
use std::{error::Error, io, process::ExitCode, rc::Rc, time::Duration};

/// What all connections share.
struct Proxy {
    args: Args,
    stats: Stats,
}

fn main() -> ExitCode {
    let proxy = Rc::new(Proxy { args: Args::parse(), stats: Stats::default() });
    match Executor::new().run(run(&proxy)) {
        Ok(()) => {
            println!("proxy: {}", proxy.stats);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("proxy: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Serves until a signal comes, and ends when the last client has gone.
///
/// # Errors
///
/// If it cannot listen, or cannot accept any more.
async fn run(proxy: &Rc<Proxy>) -> Result<(), Box<dyn Error>> {
    let stop = signals::stop()?;
    let listen = &*proxy.args.listen;
    let listener = TcpListener::bind(listen).await.map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    println!("proxy: {} -> {}", listener.local_addr()?, proxy.args.upstream);

    // It is set when a signal comes. Until then the clients have all the time that they want.
    let end = Deadline::never();
    let clients = Supervisor::builder().name("clients").limit(proxy.args.limit.get());
    let served = clients.run(async |clients| {
        let accepted = accept(&clients, listener, &stop, proxy).await;
        println!("proxy: takes no more clients, {} may finish", clients.stats().children);
        let now = Instant::now();
        end.reschedule(Some(now.checked_add(proxy.args.grace).unwrap_or(Instant::NEVER)));
        accepted
    });
    match end.run(served).await {
        Ok(served) => Ok(served?),
        // Who was there still has been cut off, and counted.
        Err(_) => Ok(()),
    }
}

/// Takes clients until it is to stop. The listener is closed then.
async fn accept(
    clients: &Supervisor<io::Error>,
    listener: TcpListener,
    stop: &CancelToken,
    proxy: &Rc<Proxy>,
) -> io::Result<()> {
    // A connection that has come is not lost by this: the system has it until it is accepted.
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        let (client, _) = accepted?;
        match clients.try_slot() {
            Some(slot) => {
                let proxy = proxy.clone();
                slot.spawn(async move { relay(client, &proxy).await });
            }
            None => {
                // The client sees a reset, at once and whatever he has sent.
                let _ = client.set_linger(Some(Duration::ZERO));
                proxy.stats.refused();
            }
        }
    }
    Ok(())
}
