//! Criterion: work for other threads, and items from them.

mod side_by_side;

fn main() {
    side_by_side::run("threads");
}
