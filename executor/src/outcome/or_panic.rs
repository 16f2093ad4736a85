//! An error that is a mistake of whoever called: the panic names that place in the source.

use std::fmt;

/// What a function that has no `Result` to give makes of an error.
///
/// An `unwrap_or_else` with a panic inside would name the place of its closure: closures do not know who called the function round them.
pub(crate) trait OrPanic<T> {
    /// The value. An error is a panic of its text, at the place of the call.
    ///
    /// # Panics
    ///
    /// If it is an error.
    #[track_caller]
    fn or_panic(self) -> T;
}

impl<T, E: fmt::Display> OrPanic<T> for Result<T, E> {
    #[inline]
    #[track_caller]
    fn or_panic(self) -> T {
        match self {
            Ok(value) => value,
            Err(error) => refuse(error),
        }
    }
}

#[cold]
#[track_caller]
fn refuse(error: impl fmt::Display) -> ! {
    panic!("{error}")
}
