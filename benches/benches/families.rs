//! Criterion: fan-out and join, as the owner of the children.

mod side_by_side;

fn main() {
    side_by_side::run("family");
}
