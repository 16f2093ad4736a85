//! The order in which children that live in place are polled first.

use crate::{raw::lent::OnThread, task::tasks::TASKS};

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
    if n < 2 {
        return 0;
    }
    let whole = TASKS.look(|tasks| tasks.and_then(|tasks| tasks.whole.upgrade()));
    whole.map_or(0, |whole| whole.choose_order(n))
}
