//! The branches of a foreign combinator cannot be stopped one by one.

use evenkeel::{Instant, finally, sleep, testing, timeout};
use std::{future::pending, time::Duration};

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn say(what: &str) {
    println!("{} ms: {what}", Instant::now().since_origin().as_millis());
}

async fn ticks() {
    loop {
        sleep(ms(10)).await;
        say("tick");
    }
}

async fn connected(work: impl Future<Output = ()>) {
    finally(work, async |_: Option<&()>| {
        sleep(ms(20)).await;
        say("the connection is closed");
    })
    .await;
}

fn main() {
    testing::run(async {
        println!("beside the clean-up point:");
        let both = async {
            futures::join!(ticks(), connected(pending()));
        };
        let outcome = timeout(ms(25), both).await;
        say(&format!("{outcome:?}"));
    });
    testing::run(async {
        println!("in its body:");
        let outcome = timeout(ms(25), connected(ticks())).await;
        say(&format!("{outcome:?}"));
    });
}
