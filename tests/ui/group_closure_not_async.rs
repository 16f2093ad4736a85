// Always `async |group| …`, never `|group| async move { … }`.
use evenkeel::{TaskGroup, run, scope};

fn main() {
    let words = vec![String::from("keel")];
    let sum = run(scope(|s| async move {
        let one = s.spawn(async { Ok::<_, String>(words.len()) });
        Ok(one.await)
    }));
    drop(sum);
    let sum = run(TaskGroup::<String>::run(|group| async { Ok(group.spawn(async { Ok(1) }).await) }));
    drop(sum);
}
