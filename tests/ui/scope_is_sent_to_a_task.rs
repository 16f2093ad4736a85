// Neither a scope's children nor the scope itself can go into a task, which may outlive it.
use evenkeel::{scope, spawn};

async fn a_task_with_the_scope() {
    let done = scope(async |s| {
        spawn(async move { s.cancel("from a task") }).detach();
        Ok::<_, String>(())
    });
    done.await.unwrap();
}

fn main() {}
