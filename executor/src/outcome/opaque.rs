//! An output that cannot be printed.

use std::{any::type_name, fmt};

/// A value without `Debug` that a task or a job is to give: its `Debug` writes the type's name.
///
/// What is spawned has to have an output that can be printed, so that an error in it that nobody reads can be reported.
///
/// ```
/// use evenkeel::{run, spawn, task::Opaque};
///
/// let twice = run(async { spawn(async { Opaque(|x: u32| x * 2) }).await.unwrap() });
/// assert_eq!((twice.0)(21), 42);
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Opaque<T>(
    /// The value.
    pub T,
);

impl<T> fmt::Debug for Opaque<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opaque({})", type_name::<T>())
    }
}
