//! What is tried again until a peer has room, where the system does not tell when it has.

use evenkeel_coop::consume_budget;
use evenkeel_executor::sleep;
use std::{io, time::Duration};

const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_millis(64);

/// Calls `op` until it does not fail with [`WouldBlock`](io::ErrorKind::WouldBlock), after pauses that grow from 1 ms to 64 ms.
pub(super) async fn with_pauses<R>(mut op: impl FnMut() -> io::Result<R>) -> io::Result<R> {
    let mut pause = SHORTEST;
    loop {
        // Also where it fails at once: who tries again and again gives way.
        consume_budget().await;
        match op() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                sleep(pause).await;
                pause = LONGEST.min(pause * 2);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}
