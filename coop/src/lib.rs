//! The cooperative budget.
//!
//! An await that is ready at once does not return to the loop. A task that awaits nothing else would never give way: not to other tasks,
//! nor to timers, other threads, or a host. So each poll of a task begins with a budget of [`BUDGET`] operations. Every await of
//! evenkeel's that can be ready at once takes one; when none is left it wakes its task and waits for the next poll. What has to wait
//! anyway takes none.
//!
//! Outside an executor of evenkeel's the budget has no limit, unless an executor sets one with [`with_budget`].
//!
//! The budget is a count in the thread's own memory: an operation takes two instructions, a poll one.

#![forbid(unsafe_code)]

mod unconstrained;
mod budget;

pub use crate::{
    budget::{
        BUDGET, consume_budget, has_budget, is_in_debt, poll_budget, poll_within_budget, renew_budget,
        try_consume_budget, with_budget, with_own_budget, with_some_budget, without_budget,
    },
    unconstrained::{Unconstrained, unconstrained},
};
