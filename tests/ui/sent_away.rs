// An executor stays on its thread, and all that leads to it. (The other types are in the table of `auto_traits.rs`.)
fn sent<T: Send>(_: T) {}

fn main() {
    sent(evenkeel::Executor::new());
}
