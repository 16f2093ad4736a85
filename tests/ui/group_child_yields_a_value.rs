// A child yields a `Result`, or nothing.
use evenkeel::{GroupError, TaskGroup};

async fn count(words: Vec<String>) -> Result<usize, GroupError<String>> {
    TaskGroup::run(async |group| {
        let length = group.spawn(async move { words.len() });
        Ok(length.await)
    })
    .await
}

fn main() {}
