//! A cancellation, step by step.

use evenkeel::{CancelScope, Cancelled, Instant, finally, shield, sleep, spawn, testing};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn say(what: &str) {
    println!("{} ms: {what}", Instant::now().since_origin().as_millis());
}

/// Says when it is dropped.
struct Held(&'static str);

impl Drop for Held {
    fn drop(&mut self) {
        say(&format!("{} is dropped", self.0));
    }
}

async fn transfer() {
    let _file = Held("the file");
    shield(async {
        say("a step begins that must not be cut in two");
        sleep(ms(20)).await;
        say("the step is done");
    })
    .await;
    say("the code behind it runs to its next await");
    sleep(HOUR).await;
    say("never");
}

async fn client() {
    let _connection = Held("the connection");
    finally(transfer(), async |ended: Option<&()>| {
        say(&format!("clean-up begins, the transfer ended with {ended:?}"));
        sleep(ms(5)).await; // say goodbye, and wait for the answer
        say("clean-up has ended");
    })
    .await;
    say("never");
}

fn main() {
    testing::run(async {
        let scope = CancelScope::new();
        let handle = scope.clone();
        let user = spawn(async move {
            sleep(ms(10)).await;
            say("the user presses Esc");
            handle.cancel("the user pressed Esc");
        });
        match scope.run(client()).await {
            Ok(()) => say("the client has ended"),
            Err(Cancelled(reason)) => say(&format!("the client was cancelled: {reason}")),
        }
        user.await.expect("the user does not panic");
    });
}
