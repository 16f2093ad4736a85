//! Criterion: sleeps that fire, and sleeps that do not.

mod side_by_side;

fn main() {
    side_by_side::run("timer");
}
