//! A group in which one of three children fails.

use evenkeel::{TaskGroup, finally, run, sleep};
use std::{future::pending, io, time::Duration};

fn main() {
    let outcome = run(TaskGroup::<io::Error>::run(async |group| {
        group
            .spawn(finally(pending(), async |_: Option<&io::Result<()>>| {
                sleep(Duration::from_millis(5)).await;
                println!("the cache is flushed");
            }))
            .named("cache");
        let user = group.spawn(load("user", 1, true)).named("user");
        let orders = group.spawn(load("orders", 2, false)).named("orders");
        let page = format!("{} with {}", user.await, orders.await);
        println!("never printed: {page}");
        Ok(page)
    }));
    println!("{}", outcome.unwrap_err());
}

async fn load(what: &'static str, millis: u64, works: bool) -> io::Result<&'static str> {
    sleep(Duration::from_millis(millis)).await;
    println!("{what}: {}", if works { "loaded" } else { "failed" });
    if works { Ok(what) } else { Err(io::Error::other("the disk is gone")) }
}
