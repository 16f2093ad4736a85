//! A search that the user can stop, in a program that goes on.

use evenkeel::{CancelScope, GroupError, TaskGroup, sleep, testing};
use std::time::Duration;

async fn search(part: u32) -> std::io::Result<u32> {
    sleep(Duration::from_secs(part.into())).await;
    Ok(part)
}

async fn search_until(millis: u64, parts: u32) -> Result<bool, GroupError<std::io::Error>> {
    TaskGroup::run(async |group| {
        let scope = CancelScope::new();
        let inner = scope.clone();
        let found = group.spawn(async move {
            Ok(inner
                .run(TaskGroup::<std::io::Error>::run(async |g| {
                    for p in 0..parts {
                        g.spawn(search(p));
                    }
                    Ok(())
                }))
                .await
                .is_ok())
        });
        sleep(Duration::from_millis(millis)).await;
        scope.cancel("user pressed Esc");
        Ok(found.await)
    })
    .await
}

#[test]
fn a_part_of_the_tree_is_stopped_and_the_rest_goes_on() {
    assert!(!testing::run(search_until(1500, 3)).unwrap());
    assert!(testing::run(search_until(2500, 3)).unwrap());
}
