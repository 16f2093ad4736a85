//! Four ways to wait for several futures.

use evenkeel::{as_completed, gather, map_concurrent, race, scope, sleep, testing};
use std::{cell::RefCell, time::Duration};

async fn ask(shop: &str, millis: u64) -> &str {
    sleep(Duration::from_millis(millis)).await;
    shop
}

fn main() {
    let shops = [("baker", 3), ("grocer", 1), ("butcher", 2)];
    testing::run(async {
        // All outcomes, in the order of the futures.
        println!("gather: {:?}", gather(shops.map(|(shop, millis)| ask(shop, millis))).await);
        // The first one. The others are cancelled, and their clean-up is awaited.
        println!("race: {}", race(shops.map(|(shop, millis)| ask(shop, millis))).await);
        // One after the other, as they come.
        let mut answers = as_completed(shops.map(|(shop, millis)| ask(shop, millis)));
        while let Some(shop) = answers.next().await {
            println!("as_completed: {shop}");
        }
        // Two at a time.
        let lengths = map_concurrent(shops, 2, async |(shop, millis)| ask(shop, millis).await.len()).collect().await;
        println!("map_concurrent: {lengths:?}");
        // Children that borrow from this function, in one boundary for their failures.
        let basket = RefCell::new(Vec::new());
        let outcome = scope(async |s| {
            for (shop, millis) in &shops {
                s.spawn(async {
                    let answer = ask(shop, *millis).await;
                    basket.borrow_mut().push(answer);
                    if *shop == "butcher" { Err("the butcher is closed") } else { Ok(()) }
                })
                .named(*shop);
            }
            Ok(())
        });
        println!("scope: {}", outcome.await.unwrap_err());
        println!("in the basket: {:?}", basket.take());
    });
}
