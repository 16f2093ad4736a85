//! A heartbeat beside a transfer, which ends with it.

use evenkeel::{GroupError, TaskGroup, interval, sleep, testing};
use std::{cell::Cell, rc::Rc, time::Duration};

async fn beat(beats: &Cell<u32>) -> std::io::Result<()> {
    beats.set(beats.get() + 1);
    Ok(())
}

async fn transfer() -> std::io::Result<u64> {
    sleep(Duration::from_secs(12)).await;
    Ok(1)
}

async fn transfer_with_heartbeat(beats: Rc<Cell<u32>>) -> Result<u64, GroupError<std::io::Error>> {
    TaskGroup::run(async |group| {
        group.spawn_background(async move {
            let mut every = interval(Duration::from_secs(5));
            loop {
                every.tick().await;
                beat(&beats).await?;
            }
        });
        transfer().await
    })
    .await
}

#[test]
fn the_heart_beats_as_long_as_the_transfer_runs() {
    let beats = Rc::new(Cell::new(0));
    assert_eq!(testing::run(transfer_with_heartbeat(beats.clone())).unwrap(), 1);
    assert_eq!(beats.get(), 3);
}
