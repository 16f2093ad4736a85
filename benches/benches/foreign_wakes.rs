//! Criterion: wake-ups from another thread.

mod side_by_side;

fn main() {
    side_by_side::run("foreign-wake");
}
