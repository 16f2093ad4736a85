//! An executor in sixty lines, with the waker that the standard library helps to make.

use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Wake, Waker},
};

type Queue = Arc<Mutex<VecDeque<Arc<Task>>>>;

struct Task {
    name: &'static str,
    future: Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>,
    queue: Queue,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.queue.lock().unwrap().push_back(self.clone());
    }
}

fn spawn(queue: &Queue, name: &'static str, future: impl Future<Output = ()> + Send + 'static) {
    let future = Mutex::new(Some(Box::pin(future) as _));
    Arc::new(Task { name, future, queue: queue.clone() }).wake();
}

fn run(queue: &Queue) {
    loop {
        let Some(task) = queue.lock().unwrap().pop_front() else { return };
        let Some(mut future) = task.future.lock().unwrap().take() else { continue };
        let waker = Waker::from(task.clone());
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(()) => println!("{} is done", task.name),
            Poll::Pending => *task.future.lock().unwrap() = Some(future),
        }
    }
}

async fn give_way() {
    let mut gave_way = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut gave_way, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn main() {
    let queue = Queue::default();
    spawn(&queue, "slow", async {
        give_way().await;
        give_way().await;
    });
    spawn(&queue, "quick", give_way());
    run(&queue);
}
