//! The README's program: three tasks that sleep, and a sum of what they return.

use evenkeel::{run, sleep, spawn};
use std::time::Duration;

fn main() {
    let guests = [("Ada", 30), ("Grace", 10), ("Barbara", 20)];
    let letters = run(async {
        let mut tasks = Vec::new();
        for (guest, late) in guests {
            tasks.push(spawn(async move {
                sleep(Duration::from_millis(late)).await;
                println!("{guest} arrives after {late} ms");
                guest.len()
            }));
        }
        let mut letters = 0;
        for task in tasks {
            letters += task.await.expect("no guest panics");
        }
        letters
    });
    println!("{letters} letters on the name tags");
}
