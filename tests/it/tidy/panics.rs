//! Panics of others are caught in one place.

use super::raw_room::{code, sources};

/// The one file of the executor that catches panics. What it gives is a payload, which `Panic` and `Panics` know what to do with.
const CATCHES: &str = "executor/src/outcome/caught.rs";

#[test]
fn the_executor_catches_panics_in_one_file() {
    let catches: Vec<String> = sources()
        .into_iter()
        .filter(|(file, text)| file.starts_with("executor/") && code(text).any(|line| line.contains("catch_unwind(")))
        .map(|(file, _)| file)
        .collect();
    assert_eq!(catches, [CATCHES], "call `caught`, or `Panic::catch`, instead of `catch_unwind`");
}
