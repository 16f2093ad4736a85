//! What accidental overload is, and which bound cures it: one service, too many requests, and seven ways to treat them.
//!
//! Time is virtual and the dice are seeded, so it runs in a moment and always prints the same.

mod load;
mod service;
mod record;
mod policies;
mod plot;

use evenkeel::{Instant, interval, testing};
use policies::Scene;
use record::Record;
use std::{error::Error, fs, path::Path, rc::Rc, time::Duration};

fn main() -> Result<(), Box<dyn Error>> {
    let outcomes = [
        ("unbounded", under(policies::unbounded)),
        ("semaphore", under(policies::semaphore)),
        ("queue, waits", under(policies::queue_that_waits)),
        ("queue, rejects", under(policies::queue_that_rejects)),
        ("queue, drops oldest", under(policies::queue_that_drops_the_oldest)),
        ("rate limiter", under(policies::rate_limiter)),
        ("adaptive limiter", under(policies::adaptive_limiter)),
    ];
    println!("                     offered   done  rejected  in time     p50     p99  peak tasks  peak queue");
    for (name, record) in &outcomes {
        println!(
            "{name:<20} {:>7} {:>6} {:>9} {:>8} {:>7} {:>7} {:>11} {:>11}",
            record.offered.get(),
            record.done.borrow().len(),
            record.rejected.get(),
            record.in_time(),
            millis(record.percentile(50)),
            millis(record.percentile(99)),
            record.tasks.most(),
            record.queued.most(),
        );
    }
    let path = Path::new("target/overload.svg");
    fs::create_dir_all("target")?;
    plot::draw(path, &outcomes)?;
    println!("in time: within {} of its coming. The plot is in {}", millis(record::PATIENCE), path.display());
    Ok(())
}

/// What happens under one policy.
fn under(policy: impl AsyncFnOnce(Scene)) -> Rc<Record> {
    let record = Rc::new(Record::default());
    testing::run(async {
        let service = service::Service::start();
        let sampled = record.clone();
        let sampling = evenkeel::spawn(async move {
            let mut every = interval(Duration::from_millis(100));
            loop {
                every.tick().await;
                sampled.samples.borrow_mut().push((Instant::now().since_origin(), sampled.tasks.now()));
            }
        });
        policy(Scene { requests: Rc::new(load::requests()), service, record: record.clone() }).await;
        drop(sampling);
    });
    record
}

fn millis(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}
