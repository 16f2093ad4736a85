//! A driver that cannot be attached.

/// Why a driver could not be [attached](crate::attach_driver).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AttachError {
    /// No executor runs here, and none was entered.
    #[error(
        "no executor runs here: attach a driver in a future that evenkeel::run drives, or while an executor is entered"
    )]
    OutsideExecutor,
    /// The executor was built with a park of its own, which waits for other things.
    #[error(
        "this executor was built with a park of its own (ExecutorBuilder::park): build it without, or have that park do the driver's work"
    )]
    HasPark,
    /// Another driver is attached to the executor.
    #[error("another driver is attached to this executor, which can have one: use that one, or an executor of its own")]
    HasDriver,
}
