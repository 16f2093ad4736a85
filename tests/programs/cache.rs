//! A cache behind a lock, asked by several at once.

use evenkeel::{gather, run, sync::Mutex, try_gather, yield_now};
use std::collections::HashMap;

#[derive(Default)]
struct Cache(HashMap<u32, String>);

async fn load(k: u32) -> String {
    yield_now().await;
    k.to_string()
}

async fn get(cache: &Mutex<Cache>, k: u32) -> String {
    let mut c = cache.lock().await;
    if let Some(v) = c.0.get(&k) {
        return v.clone();
    }
    let v = load(k).await;
    c.0.insert(k, v.clone());
    v
}

#[test]
fn everybody_gets_the_entry_and_one_loads_it() {
    let cache = Mutex::new(Cache::default());
    let (a, b) = run(gather((get(&cache, 1), get(&cache, 1))));
    let v: Vec<String> = run(gather((0..9).map(|k| get(&cache, k))));
    let w = run(gather([get(&cache, 3)]));
    let t = run(try_gather((async { Ok::<_, String>(1) }, async { Ok("x") })));
    assert_eq!((a, b), ("1".into(), "1".into()));
    assert_eq!((v.concat(), w, t.unwrap()), ("012345678".into(), vec!["3".to_owned()], (1, "x")));
}
