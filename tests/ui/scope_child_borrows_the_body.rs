// A child of a scope may borrow what lives outside of the scope, but not what its body owns: the body may end before the child.
use evenkeel::scope;

async fn child_of_a_local() -> usize {
    let total = scope(async |s| {
        let word = String::from("keel");
        let length = s.spawn(async { Ok::<_, String>(word.len()) });
        Ok(length.await)
    });
    total.await.unwrap()
}

fn main() {}
