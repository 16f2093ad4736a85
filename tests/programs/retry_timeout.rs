//! Another try for what was cut off or took too long.

use evenkeel::{Elapsed, sleep, testing, timeout};
use std::{cell::Cell, io, io::ErrorKind, time::Duration};

#[derive(Debug, thiserror::Error)]
enum App {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Slow(#[from] Elapsed),
}
/// Answers from the third time on.
async fn fetch(calls: &Cell<u32>) -> io::Result<&'static str> {
    calls.set(calls.get() + 1);
    match calls.get() {
        1 => Err(ErrorKind::ConnectionReset.into()),
        2 => {
            sleep(Duration::from_secs(5)).await;
            Ok("too late")
        }
        _ => Ok("an answer"),
    }
}

async fn retry(calls: &Cell<u32>) -> Result<&'static str, App> {
    let mut pause = Duration::from_millis(50);
    for _ in 0..4 {
        match timeout(Duration::from_secs(1), fetch(calls)).await {
            Ok(Ok(body)) => return Ok(body),
            Ok(Err(e)) if e.kind() != ErrorKind::ConnectionReset => return Err(e.into()),
            Ok(Err(_)) | Err(Elapsed) => sleep(pause).await,
        }
        pause *= 2;
    }
    Ok(timeout(Duration::from_secs(1), fetch(calls)).await??)
}

async fn io_only(calls: &Cell<u32>) -> io::Result<&'static str> {
    timeout(Duration::from_secs(1), fetch(calls)).await?
}

#[test]
fn what_is_slow_or_was_cut_off_is_tried_again() {
    let calls = Cell::new(0);
    assert_eq!(testing::run(retry(&calls)).unwrap(), "an answer");
    assert_eq!(calls.get(), 3);
    let slow = testing::run(io_only(&Cell::new(1))).unwrap_err();
    assert_eq!(slow.kind(), ErrorKind::TimedOut);
}
