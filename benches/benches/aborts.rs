//! Criterion: stopping tasks that wait.

mod side_by_side;

fn main() {
    side_by_side::run("abort");
}
