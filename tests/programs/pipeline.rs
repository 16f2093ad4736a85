//! A producer, four workers, and a queue of ten between them.

use evenkeel::{TaskGroup, run, sync::Queue, yield_now};
use std::{cell::Cell, rc::Rc};

async fn produce(q: Rc<Queue<u32>>) -> anyhow::Result<()> {
    for i in 0..100 {
        q.put(i).await?;
    }
    Ok(())
}

async fn work(q: Rc<Queue<u32>>, saved: Rc<Cell<u32>>) -> anyhow::Result<()> {
    while let Ok(job) = q.get_job().await {
        save(&saved, *job).await?;
    }
    Ok(())
}

async fn save(saved: &Cell<u32>, n: u32) -> anyhow::Result<()> {
    yield_now().await;
    saved.set(saved.get() + n);
    Ok(())
}

#[test]
fn every_job_is_done_before_the_workers_are_stopped() -> anyhow::Result<()> {
    let saved = Rc::new(Cell::new(0));
    run(TaskGroup::run(async |group| {
        let q = Rc::new(Queue::new(10));
        for _ in 0..4 {
            group.spawn_background(work(q.clone(), saved.clone()));
        }
        group.spawn(produce(q.clone())).await;
        q.join().await;
        Ok(())
    }))?;
    assert_eq!(saved.get(), (0..100).sum());
    Ok(())
}
