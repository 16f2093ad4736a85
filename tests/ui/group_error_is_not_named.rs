// Where `?` may convert into any error, nothing says which one the group collects: name it, `TaskGroup::<io::Error>::run`.
use evenkeel::{TaskGroup, run};
use std::io;

async fn read() -> io::Result<u32> {
    Ok(1)
}

fn main() {
    let sum = run(TaskGroup::run(async |group| {
        let one = group.spawn(async { Ok(read().await?) });
        Ok(one.await)
    }));
    drop(sum);
}
