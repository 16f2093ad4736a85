#![deny(unused_must_use, let_underscore_drop)]
use evenkeel::{as_completed, map_concurrent, spawn};

async fn forget() {
    spawn(async {});
    map_concurrent([1], 1, async |n: u8| n);
    as_completed([async {}]);
    let _ = spawn(async {});
}

fn main() {
    drop(forget());
}
