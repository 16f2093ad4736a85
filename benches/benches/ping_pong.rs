//! Criterion: two tasks that wait for each other.

mod side_by_side;

fn main() {
    side_by_side::run("ping-pong");
}
