//! A test that waits a minute, at once.

use evenkeel::{Elapsed, Instant, sleep, testing, timeout};
use std::time::Duration;

#[test]
fn a_minute_passes_at_once() {
    testing::run(async {
        let t = Instant::now();
        assert_eq!(timeout(Duration::from_secs(60), sleep(Duration::MAX)).await, Err(Elapsed));
        assert_eq!(t.elapsed(), Duration::from_secs(60));
    });
}
