// A task may outlive the frame that spawned it, so its future and its value cannot borrow from there.
use evenkeel::{Executor, spawn, task::Spawner};

fn anywhere(future: impl Future<Output = ()>) {
    spawn(future).detach();
}

fn on_an_executor(executor: &Executor, future: impl Future<Output = ()>) {
    executor.spawn(future).detach();
}

fn through_a_spawner(spawner: &Spawner, future: impl Future<Output = ()>) {
    spawner.spawn(future).unwrap().detach();
}

fn main() {}
