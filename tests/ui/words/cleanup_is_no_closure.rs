// Clean-up is made when it is its turn.
fn main() {
    evenkeel::run(evenkeel::finally(async { 1 }, async {}));
}
