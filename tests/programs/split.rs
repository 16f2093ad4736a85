//! Python's `except*`: some errors are handled, the others go on.

use evenkeel::{GroupError, TaskGroup, run};

async fn part(n: u32) -> anyhow::Result<u32> {
    match n {
        0 => Err(std::io::Error::other("the disk is full").into()),
        1..10 => Ok(n),
        _ => Err(anyhow::anyhow!("{n} is too large")),
    }
}

async fn all(one: u32, two: u32) -> Result<u32, GroupError<anyhow::Error>> {
    TaskGroup::run(async |g| {
        let a = g.spawn(part(one));
        let b = g.spawn(part(two));
        Ok(a.await + b.await)
    })
    .await
}

async fn sum_or_cache(one: u32, two: u32) -> anyhow::Result<u32> {
    match all(one, two).await.map_err(|e| e.flatten_with(anyhow::Error::downcast).split(|e| e.is::<std::io::Error>())) {
        Ok(n) => Ok(n),
        Err((Some(io), None)) => {
            eprintln!("{} I/O errors, using the cache", io.errors().count());
            Ok(0)
        }
        Err((_, Some(rest))) => Err(rest.into()),
        Err((None, None)) => unreachable!("a group cancelled without errors?"),
    }
}

#[test]
fn io_errors_are_handled_and_the_others_go_on() {
    assert_eq!(run(sum_or_cache(1, 2)).unwrap(), 3);
    assert_eq!(run(sum_or_cache(0, 2)).unwrap(), 0);
    assert!(run(sum_or_cache(1, 10)).unwrap_err().to_string().contains("10 is too large"));
}
