// A thread takes what blocks.
fn main() {
    evenkeel::run(evenkeel::to_thread(async { 1 }));
}
