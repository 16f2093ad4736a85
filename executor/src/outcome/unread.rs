//! Errors in outputs that nobody has read.

use crate::{outcome::panic::Panic, raw::block::Look};
use std::{
    any::type_name,
    fmt::{self, Debug, Write},
};

/// The output is looked at: an `Err` that nobody has read is told of.
pub(crate) enum ForErrors {}

impl<T: Debug> Look<T> for ForErrors {
    const SEES: bool = size_of::<T>() > 0;

    fn look(value: &T) -> Option<Box<str>> {
        unread_error(value)
    }
}

/// The output is not looked at: somebody else says what becomes of it.
pub(crate) enum Away {}

impl<T> Look<T> for Away {
    const SEES: bool = false;

    fn look(_: &T) -> Option<Box<str>> {
        None
    }
}

/// The text of the error, if `value` is an `Err`, or an `Err` in an `Ok`: what a task gives that has joined another one. The text is what
/// `Debug` writes, as for a `main` that fails. For those who own outputs and report errors that nobody has read.
///
/// ```
/// use evenkeel::combinator::unread_error;
///
/// assert_eq!(unread_error(&Err::<u8, _>("disk full")).as_deref(), Some("\"disk full\""));
/// assert_eq!(unread_error(&Ok::<_, &str>(7)), None);
/// assert_eq!(unread_error(&7), None);
/// ```
///
/// Which types are results cannot be asked in code that takes every type, so the type's name is, and then the `Debug` of std's `Result`,
/// which begins with the variant's name. Nobody else's `Debug` is called but that of an error.
pub fn unread_error<T: Debug>(value: &T) -> Option<Box<str>> {
    let mut variant = Variant { levels: levels_of(type_name::<T>()), opened: 0, is_next: true, is_error: false };
    if variant.levels == 0 {
        return None;
    }
    let _ = write!(variant, "{value:?}");
    variant.is_error.then(|| text_of(value, variant.opened))
}

/// What the error writes that lies in so many `Ok`s.
#[cold]
fn text_of(value: &dyn Debug, opened: usize) -> Box<str> {
    let mut text = String::new();
    let written = Panic::catch(|| write!(text, "{value:?}"));
    text.drain(..text.len().min("Ok(".len() * opened + "Err(".len()));
    match written {
        // Each variant is closed at the end.
        Ok(Ok(())) => text.truncate(text.len().saturating_sub(opened + 1)),
        Ok(Err(_)) => text += " (its Debug failed)",
        Err(_) => text += " (its Debug panicked)",
    }
    text.into()
}

/// How many results lie in one another, by the name of the outermost one's type.
#[inline]
fn levels_of(mut name: &str) -> usize {
    let mut levels = 0;
    while let Some(inner) = name.strip_prefix("core::result::Result<") {
        (name, levels) = (inner, levels + 1);
    }
    levels
}

/// Listens to what the `Debug` of nested results writes until it is known whether there is an error.
struct Variant {
    /// Results that may still open.
    levels: usize,
    /// `Ok`s that were opened.
    opened: usize,
    /// What comes next is the name of a variant.
    is_next: bool,
    is_error: bool,
}

impl Write for Variant {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        for byte in part.bytes() {
            match (self.is_next, byte) {
                (true, b'O') if self.levels > 1 => self.is_next = false,
                (true, _) => {
                    self.is_error = byte == b'E';
                    return Err(fmt::Error);
                }
                (false, b'(') => {
                    self.levels -= 1;
                    self.opened += 1;
                    self.is_next = true;
                }
                (false, _) => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Plain;

    /// Its `Debug` is not to be called.
    struct Silent;
    impl Debug for Silent {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            unreachable!("a value was asked to print itself")
        }
    }

    fn text<T: Debug>(value: T) -> Option<String> {
        unread_error(&value).map(String::from)
    }

    #[test]
    fn own_04_an_error_is_found_also_in_a_joined_outcome() {
        assert_eq!(text(Err::<(), _>(Plain)).as_deref(), Some("Plain"));
        assert_eq!(text(Err::<Silent, _>("a (b)")).as_deref(), Some("\"a (b)\""));
        assert_eq!(text(Err::<(), _>(Some(Some(1)))).as_deref(), Some("Some(Some(1))"));
        assert_eq!(text(Ok::<Result<(), i32>, ()>(Err(7))).as_deref(), Some("7"));
        assert_eq!(text(Ok::<Result<Result<(), i32>, ()>, ()>(Ok(Err(7)))).as_deref(), Some("7"));
        assert_eq!(text(Err::<Result<(), i32>, _>(())).as_deref(), Some("()"));
    }

    #[test]
    fn own_04_what_is_no_error_is_not_printed() {
        assert_eq!(text(Ok::<_, ()>(Silent)), None);
        assert_eq!(text(Ok::<Result<_, ()>, ()>(Ok(Silent))), None);
        assert_eq!(text(Silent), None);
        assert_eq!(text(Some(Err::<(), _>(Silent))), None);
        assert_eq!(text(()), None);
    }

    #[test]
    fn own_04_an_error_whose_debug_panics_is_told_of() {
        assert_eq!(text(Err::<(), _>(Silent)).as_deref(), Some(" (its Debug panicked)"));
    }
}
