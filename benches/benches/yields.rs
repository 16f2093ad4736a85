//! Criterion: giving way.

mod side_by_side;

fn main() {
    side_by_side::run("yield");
}
