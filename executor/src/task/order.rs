//! What an executor chooses for its combinators: the order in which children that live in place are polled first, and the jitter of waits.

use crate::{
    raw::lent::OnThread,
    task::tasks::{TASKS, Whole},
};

/// One of `0..n`, or 0 if `n` is: in which of so many orders a combinator polls its children first, if all of them are as good. In the long
/// run each is chosen as often as any other; the executor's [`Schedule`](crate::testing::Schedule) has a say, so runs can be repeated. Outside an
/// executor the first one.
///
/// ```
/// use evenkeel::combinator::choose_order;
///
/// evenkeel::run(async {
///     let mut count = [0; 2];
///     for _ in 0..1_000 {
///         count[choose_order(2)] += 1;
///     }
///     assert!(count[0] > 400 && count[1] > 400);
/// });
/// ```
pub fn choose_order(n: usize) -> usize {
    choose(n, |whole| whole.choose_order(n))
}

/// One of `0..n` at random, or 0 if `n` is: for waits that are not to be equally long. Executors, and so processes, choose differently; but on one
/// with a [`Schedule`](crate::testing::Schedule) or a [`VirtualClock`](crate::testing::VirtualClock) a run can be repeated. Outside an
/// executor it is 0. It is no secret: nothing that has to be one may depend on it.
///
/// ```
/// use evenkeel::{combinator::choose_jitter, run, sleep};
/// use std::time::Duration;
///
/// run(async {
///     let micros = 500 + choose_jitter(501);
///     assert!((500..=1_000).contains(&micros));
///     sleep(Duration::from_micros(micros as u64)).await;
/// });
/// ```
pub fn choose_jitter(n: usize) -> usize {
    choose(n, |whole| whole.choose_jitter(n))
}

fn choose(n: usize, chooses: impl FnOnce(&dyn Whole) -> usize) -> usize {
    if n < 2 {
        return 0;
    }
    let whole = TASKS.look(|tasks| tasks.and_then(|tasks| tasks.whole.upgrade()));
    whole.map_or(0, |whole| chooses(&*whole))
}
