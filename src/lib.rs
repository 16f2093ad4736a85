//! evenkeel: a single-threaded async executor with asyncio's vocabulary and better rules.

pub mod sync;

pub use evenkeel_executor::*;
pub use evenkeel_taskgroup::*;
