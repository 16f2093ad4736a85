//! What a task waits at until another thread lets it pass.

use atomic_waker::AtomicWaker;
use std::{
    future::poll_fn,
    sync::atomic::{AtomicU64, Ordering::SeqCst},
    task::Poll,
};

/// What a task waits at until another thread opens it once more.
#[derive(Debug, Default)]
pub struct Door {
    opened: AtomicU64,
    waker: AtomicWaker,
}

impl Door {
    /// Opens it once more, and wakes the task.
    pub fn open(&self) {
        self.opened.fetch_add(1, SeqCst);
        self.waker.wake();
    }

    /// Waits until it was opened so many times.
    pub async fn pass(&self, times: u64) {
        poll_fn(|cx| {
            self.waker.register(cx.waker());
            if self.opened.load(SeqCst) >= times { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}
