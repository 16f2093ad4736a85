//! A group below a group.

use evenkeel::{GroupError, TaskGroup, run};

async fn a() -> std::io::Result<u32> {
    Ok(1)
}

async fn three() -> Result<u32, GroupError<std::io::Error>> {
    TaskGroup::run(async |outer| {
        let pair = outer.spawn_group(async |inner| {
            let x = inner.spawn(a());
            let y = inner.spawn(a());
            Ok(x.await + y.await)
        });
        let z = outer.spawn(a());
        Ok(pair.await + z.await)
    })
    .await
}

async fn three_again() -> anyhow::Result<u32> {
    Ok(TaskGroup::<anyhow::Error>::run(async |g| {
        let x = g.spawn(async { Ok(three().await?) });
        Ok(x.await)
    })
    .await?)
}

#[test]
fn groups_below_yield_values_and_their_errors_pass_through_anyhow() {
    assert_eq!(run(three()).unwrap(), 3);
    assert_eq!(run(three_again()).unwrap(), 3);
}
