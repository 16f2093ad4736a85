//! Thumbnails, eight at a time, from a queue.

use evenkeel::{map_concurrent, run, sync::Queue};

async fn thumb(n: u32, size: &u32) -> String {
    format!("{n}x{size}")
}

#[test]
fn a_queue_and_a_range_are_mapped_so_many_at_a_time() {
    let size = 64;
    let q = Queue::new(4);
    for n in 1..4 {
        q.try_put(n).unwrap();
    }
    q.close();
    run(async {
        let mut out = map_concurrent(q.items(), 8, async |n| thumb(n, &size).await);
        let mut thumbs = Vec::new();
        while let Some(thumb) = out.next().await {
            thumbs.push(thumb);
        }
        assert_eq!(thumbs, ["1x64", "2x64", "3x64"]);
        let all = map_concurrent(0..9, 3, |n| thumb(n, &size)).unordered().collect().await;
        assert_eq!(all.len(), 9);
    });
}
