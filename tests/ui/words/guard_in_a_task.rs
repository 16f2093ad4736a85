// A guard that goes into a task is an owned one: `mutex.lock_owned()`.
use evenkeel::{run, spawn, sync::Mutex};
use std::rc::Rc;

fn main() {
    run(async {
        let mutex = Rc::new(Mutex::new(1));
        let mut guard = mutex.lock().await;
        spawn(async move { *guard += 1 }).await.unwrap();
    });
}
