//! The error of what is over.

/// The error of what was closed: nothing more will come.
///
/// ```
/// use evenkeel::sync::{Closed, Queue};
///
/// let queue = Queue::<u8>::new(1);
/// queue.close();
/// assert_eq!(futures::executor::block_on(queue.get()), Err(Closed));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, thiserror::Error)]
#[error("it is closed: nothing more will come, so leave the loop that asks")]
pub struct Closed;
