//! Whoever answers first.

use evenkeel::{as_completed, sleep, testing};
use std::time::Duration;

async fn ping(host: &str) -> std::io::Result<&str> {
    let millis = host.parse().map_err(std::io::Error::other)?;
    sleep(Duration::from_millis(millis)).await;
    Ok(host)
}

async fn fastest(hosts: &[String]) -> Option<&str> {
    let mut answers = as_completed(hosts.iter().map(|h| ping(h)));
    while let Some(answer) = answers.next().await {
        if let Ok(host) = answer {
            answers.cancel().await;
            return Some(host);
        }
    }
    None
}

#[test]
fn the_fastest_that_answers_wins_and_the_others_are_stopped() {
    let hosts = |names: [&str; 3]| names.map(str::to_owned);
    assert_eq!(testing::run(fastest(&hosts(["3", "2", "not a host"]))), Some("2"));
    assert_eq!(testing::run(fastest(&hosts(["x", "y", "z"]))), None);
}
