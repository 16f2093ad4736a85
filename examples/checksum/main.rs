//! `checksum`: the SHA-256 sums of whole directories, as `sha256sum` prints them, in sorted order.
//!
//! ```text
//! cargo run --release --example checksum -- --limit 8 src examples
//! ```
//!
//! The walk makes a list of files, and each file is a child of one task group. The group is bounded: a child does not exist before
//! there is a slot for it, so at most `--limit` files are open at once, however many there are. Children read in chunks, and
//! let the others run between two. If one fails, the group stops the rest; whether a file without a sum is such a failure is
//! for `--fail-fast` to say.
//! The modules stand in the order in which a file passes through them.

mod args;
mod walk;
mod hash;
mod fault;
mod print;

use crate::{
    args::Args,
    fault::Stop,
    hash::Buffers,
    print::{End, Print, complain},
    walk::Found,
};
use clap::Parser;
use evenkeel::{CancelReason, Executor, GroupError, JoinError, TaskGroup};
use std::{
    cell::RefCell,
    io::ErrorKind,
    process::ExitCode,
    rc::Rc,
    time::{Duration, Instant},
};

/// What a shell reports for a program that SIGINT has ended: 128 and the signal's number.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let (args, started) = (Args::parse(), Instant::now());
    // Everything happens on one thread, so sharing takes an `Rc` and a `RefCell`, no lock.
    let print = Rc::new(RefCell::new(Print::default()));
    let executor = Executor::builder().cancel_on_ctrl_c().build();
    let outcome = executor.run_outcome(checksum(&args, &print));
    let print = print.borrow();
    match outcome {
        Ok(Ok(())) => {
            print.summary(started.elapsed(), End::Complete);
            if print.is_complete() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Ok(Err(error)) => stopped(error, || print.summary(started.elapsed(), End::Failed)),
        // The group has stopped all its children by now.
        Err(JoinError::Cancelled(CancelReason::Interrupted)) => {
            print.summary(started.elapsed(), End::Interrupted);
            ExitCode::from(INTERRUPTED)
        }
        // A bug in a child is a bug of the program: its panic goes on here.
        Err(JoinError::Panicked(panic)) => panic.resume(),
        Err(error) => unreachable!("nobody else cancels this: {error}"),
    }
}

/// Lists the files, and has each hashed and printed by a child of its own.
///
/// # Errors
///
/// If stdout takes no more, or, with `--fail-fast`, a path has no sum. The others work for nobody then: the group stops them, in
/// the middle of a large file too.
async fn checksum(args: &Args, print: &Rc<RefCell<Print>>) -> Result<(), GroupError<Stop>> {
    // The walk blocks the thread. That stops nobody: there are no children yet.
    let found = walk::sorted(args);
    let buffers = Rc::new(Buffers::default());
    let (fail_fast, limit) = (args.fail_fast, args.timeout.unwrap_or(Duration::MAX));
    let files = TaskGroup::builder().name("files").limit(args.limit.get());
    let hashed = files.run(async |group| {
        for (place, found) in found.into_iter().enumerate() {
            let (print, buffers) = (print.clone(), buffers.clone());
            let slot = group.slot().await;
            let child = slot.spawn(async move {
                let outcome = sum(found, &buffers, limit).await;
                match outcome {
                    Err(fault) if fail_fast => Err(Stop::Unread(fault)),
                    outcome => print.borrow_mut().add(place, outcome).map_err(Stop::Unwritten),
                }
            });
            // In the tree of errors it has this name. Dropping the handle changes nothing: the group owns the child.
            drop(child.named(format!("file {}", place + 1)));
        }
        Ok(())
    });
    hashed.await
}

async fn sum(found: Found, buffers: &Buffers, limit: Duration) -> Result<hash::Hashed, fault::Fault> {
    hash::hash(found?, buffers, limit).await
}

/// The program was stopped by an error.
fn stopped(error: GroupError<Stop>, summary: impl FnOnce()) -> ExitCode {
    // Several children may have found that stdout is closed. It is one failure.
    let (unwritten, unread) = error.split(|error| matches!(error, Stop::Unwritten(_)));
    match unwritten.and_then(GroupError::into_first) {
        // The reader has seen enough, as `head` does. That is its right and no failure.
        Some(Stop::Unwritten(error)) if error.kind() == ErrorKind::BrokenPipe => return ExitCode::SUCCESS,
        Some(error) => complain(format_args!("{error}")),
        None => {
            if let Some(unread) = unread {
                complain(format_args!("{unread}"));
            }
            summary();
        }
    }
    ExitCode::FAILURE
}
