// Clean-up learns what the body has yielded.
fn main() {
    evenkeel::run(evenkeel::finally(async { 1 }, async || ()));
}
