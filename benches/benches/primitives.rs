//! Criterion: queues, semaphores, mutexes and oneshots.

mod side_by_side;

fn main() {
    side_by_side::run("primitives");
}
