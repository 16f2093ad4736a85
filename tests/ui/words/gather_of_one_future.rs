// A gather takes several.
fn main() {
    evenkeel::run(evenkeel::gather(async { 1 }));
}
