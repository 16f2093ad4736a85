//! Errors that may never be awaited.

use crate::{
    caught::{catch, drop_quietly},
    error::ChildError,
};
use evenkeel_executor::{UnhandledKind, combinator::report_unhandled};
use std::fmt;

/// Errors on their way to the code that awaits them. If they do not come there, as the future that has them is dropped or a panic goes
/// first, they are reported.
pub(crate) struct Unclaimed<E: fmt::Debug>(Vec<ChildError<E>>);

impl<E: fmt::Debug> Unclaimed<E> {
    pub(crate) fn new(errors: Vec<ChildError<E>>) -> Unclaimed<E> {
        Unclaimed(errors)
    }

    pub(crate) fn push(&mut self, error: ChildError<E>) {
        self.0.push(error);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Hands the errors to the code that awaits them.
    pub(crate) fn claim(&mut self) -> Vec<ChildError<E>> {
        std::mem::take(&mut self.0)
    }

    /// Reports the errors, as nobody will have them.
    pub(crate) fn report(&mut self) {
        report_errors(self.claim());
    }
}

impl<E: fmt::Debug> Drop for Unclaimed<E> {
    #[inline]
    fn drop(&mut self) {
        if !self.is_empty() {
            self.report();
        }
    }
}

/// Reports errors that nobody gets.
pub(crate) fn report_errors<E: fmt::Debug>(errors: Vec<ChildError<E>>) {
    report_errors_as(UnhandledKind::Error, errors);
}

/// Reports errors as what they are. Their texts and their destructors are foreign code: a panic of one costs no other its report.
pub(crate) fn report_errors_as<E: fmt::Debug>(kind: fn(Box<str>) -> UnhandledKind, errors: Vec<ChildError<E>>) {
    for error in errors {
        let text = catch(|| error.report());
        let text =
            text.unwrap_or_else(|_| format!("an error of the child spawned at {}, whose text panics", error.location));
        report_unhandled(kind(text.into()));
        drop_quietly(error);
    }
}
