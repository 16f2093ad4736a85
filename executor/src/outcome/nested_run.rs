//! Driving an executor inside an executor.

use std::panic::Location;

/// An executor was to be driven by a call that stands inside another such call on the same thread.
///
/// Blocking there would stop every task of the outer executor. Await the future instead, or `spawn` it.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error(
    "an evenkeel executor was to run at {inner}, inside a task of the one that runs since {outer}: \
     await the future there, or spawn it"
)]
pub struct NestedRun {
    pub(crate) outer: &'static Location<'static>,
    pub(crate) inner: &'static Location<'static>,
}

impl NestedRun {
    /// Where the call stands that was running already.
    pub fn outer(&self) -> &'static Location<'static> {
        self.outer
    }

    /// Where the refused call stands.
    pub fn inner(&self) -> &'static Location<'static> {
        self.inner
    }
}
