// A child of a task group is a task: what it borrows must live for ever. Move it in, or use `scope`.
use evenkeel::{GroupError, TaskGroup};

async fn count(words: &[String]) -> Result<usize, GroupError<String>> {
    TaskGroup::run(async |group| {
        let length = group.spawn(async { Ok::<_, String>(words.len()) });
        Ok(length.await)
    })
    .await
}

fn main() {}
