use evenkeel::{TaskGroup, run, sleep, sync::Queue};
use std::{cell::RefCell, convert::Infallible, rc::Rc, time::Duration};

async fn worker(jobs: Rc<Queue<u32>>, done: Rc<RefCell<Vec<u32>>>) {
    while let Ok(job) = jobs.get_job().await {
        sleep(Duration::from_millis(1)).await;
        done.borrow_mut().push(*job);
    }
}

async fn all_jobs() -> Vec<u32> {
    let jobs = Rc::new(Queue::new(2));
    let done = Rc::new(RefCell::new(Vec::new()));
    let group = TaskGroup::<Infallible>::run(async |group| {
        for _ in 0..2 {
            group.spawn(worker(jobs.clone(), done.clone()));
        }
        for job in 0..5 {
            jobs.put(job).await.expect("nobody closes the queue");
        }
        jobs.join().await;
        jobs.close();
        Ok(())
    });
    group.await.expect("nobody fails");
    done.take()
}

fn main() {
    let mut done = run(all_jobs());
    done.sort();
    assert_eq!(done, [0, 1, 2, 3, 4]);
}
