//! Two things that a service needs at its start, of which one is not there: the other is told to stop, and every failure is counted.
//!
//! In Python it is
//!
//! ```python
//! async def load(name):
//!     if name == "profile":
//!         raise OSError("profile: connection refused")
//!     await asyncio.sleep(60)
//!
//! async def main():
//!     failures = 0
//!     try:
//!         async with asyncio.TaskGroup() as group:
//!             group.create_task(load("profile"))
//!             group.create_task(load("orders"))
//!     except* OSError as group:
//!         failures = len(group.exceptions)
//!     print(failures)
//! ```
//!
//! `cargo run --example dependency_failure` prints what that prints, and the tree of errors on stderr.

use evenkeel::{GroupError, TaskGroup, run, sleep};
use std::{
    error::Error,
    io::{self, ErrorKind},
    time::Duration,
};

type Failure = Box<dyn Error>;

async fn load(name: &'static str) -> Result<(), Failure> {
    if name == "profile" {
        return Err(io::Error::from(ErrorKind::ConnectionRefused).into());
    }
    // It would take a minute; nobody waits for it, as the group stops it here.
    sleep(Duration::from_secs(60)).await;
    Ok(())
}

async fn start() -> Result<(), GroupError<Failure>> {
    TaskGroup::run(async |group| {
        for name in ["profile", "orders"] {
            group.spawn(load(name)).named(name);
        }
        Ok(())
    })
    .await
}

fn main() -> Result<(), GroupError<Failure>> {
    let Err(error) = run(start()) else { unreachable!("nobody listens there") };
    eprintln!("{error}");
    // What `except* OSError` is in Python: these are handled, the others go on.
    let (os_errors, others) = error.split(|error| error.is::<io::Error>());
    println!("{}", os_errors.map_or(0, |error| error.errors().count()));
    others.map_or(Ok(()), Err)
}
