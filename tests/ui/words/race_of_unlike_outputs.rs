// A race has one type of output.
fn main() {
    evenkeel::run(evenkeel::race((async { 1 }, async { "two" })));
}
