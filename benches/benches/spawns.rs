//! Criterion: spawning tasks, and joining them.

mod side_by_side;

fn main() {
    side_by_side::run("spawn");
}
