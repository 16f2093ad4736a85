// Where `?` may convert into any error, nothing says which one the group collects: name it, `TaskGroup::<Unread>::run`.
use evenkeel::{TaskGroup, run};

/// An error that other crates do not know, so that what the compiler says does not depend on them.
#[derive(Debug)]
struct Unread;

async fn read() -> Result<u32, Unread> {
    Ok(1)
}

fn main() {
    let sum = run(TaskGroup::run(async |group| {
        let one = group.spawn(async { Ok(read().await?) });
        Ok(one.await)
    }));
    drop(sum);
}
