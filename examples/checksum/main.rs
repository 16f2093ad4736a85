//! `checksum`: the SHA-256 sums of whole directories, as `sha256sum` prints them, in sorted order.
//!
//! ```text
//! cargo run --release --example checksum -- --limit 8 src examples
//! ```
//!
//! The walk makes a list of files; `--limit` worker tasks share it. Each takes the next file, reads it in chunks, and lets
//! the others run between two chunks; so at most `--limit` files are open at once, however many there are.
//! The modules stand in the order in which a file passes through them.

mod args;
mod walk;
mod hash;
mod fault;
mod print;

use crate::{args::Args, print::Print, walk::Found};
use clap::Parser;
use evenkeel::{JoinError, Task};
use futures::future::try_join_all;
use std::{
    cell::RefCell,
    io::{self, ErrorKind},
    process::ExitCode,
    rc::Rc,
    time::Instant,
};

fn main() -> ExitCode {
    let args = Args::parse();
    evenkeel::run(checksum(args))
}

/// The whole program: lists the files, has the workers hash them, and says how it went.
async fn checksum(args: Args) -> ExitCode {
    let started = Instant::now();
    // The walk blocks the thread. That stops nobody: the workers do not exist yet.
    let found = walk::sorted(&args);
    let workers = args.limit.get().min(found.len());

    // Everything happens on one thread, so sharing takes an `Rc` and a `RefCell`, no lock.
    let list = Rc::new(RefCell::new(found.into_iter().enumerate()));
    let print = Rc::new(RefCell::new(Print::default()));
    let workers: Vec<_> = (1..=workers)
        .map(|number| evenkeel::spawn(work(list.clone(), print.clone())).named(format!("worker {number}")))
        .map(ended)
        .collect();

    // A worker fails only when stdout does. Then the others work for nobody: the first failure drops their tasks, which
    // cancels them, in the middle of a large file too.
    let written = try_join_all(workers).await;

    let print = print.borrow();
    match written {
        Ok(_) => print.summary(started.elapsed()),
        // The reader has seen enough, as `head` does. That is its right and no failure.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
        Err(error) => {
            print::complain(format_args!("cannot write to stdout: {error}"));
            return ExitCode::FAILURE;
        }
    }
    if print.faults() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One worker: hashes the next file of the list, and the next, until none is left.
///
/// # Errors
///
/// If stdout takes no more. A file that cannot be read is no error here: it is printed as a fault.
async fn work(list: Rc<RefCell<impl Iterator<Item = (usize, Found)>>>, print: Rc<RefCell<Print>>) -> io::Result<()> {
    let mut buffer = vec![0; hash::CHUNK];
    loop {
        // The borrow ends with this statement. Held across an await, it would meet the other workers' borrows.
        let Some((place, found)) = list.borrow_mut().next() else {
            return Ok(());
        };
        let outcome = match found {
            Ok(path) => hash::hash(path, &mut buffer).await,
            Err(fault) => Err(fault),
        };
        print.borrow_mut().add(place, outcome)?;
    }
}

/// What a worker returned. A bug in one is a bug of the program: its panic goes on here.
async fn ended(worker: Task<io::Result<()>>) -> io::Result<()> {
    match worker.await {
        Ok(written) => written,
        Err(JoinError::Panicked(panic)) => panic.resume(),
        Err(error) => unreachable!("nobody cancels a worker that is awaited: {error}"),
    }
}
