//! Several children, however they are kept.

use super::child::Running;
use evenkeel_executor::combinator::Siblings;
use std::{
    pin::Pin,
    task::{Context, Poll},
};

/// Several children, by key.
///
/// As soon as one may have been polled there are only pinned `&mut` to them, also to ask: a plain reference to a future that is
/// half-way would touch what that has borrowed from itself.
pub(crate) trait Children {
    /// What yields keys.
    type Keys: Iterator<Item = usize>;
    /// The keys of all children that have not ended, and perhaps of others, in the order in which the children are stopped. They are
    /// lower than `end`.
    fn keys(self: Pin<&mut Self>, end: usize) -> Self::Keys;
    /// Polls a child. Ready when it has ended, with a value or without.
    fn poll_child(self: Pin<&mut Self>, key: usize, siblings: &mut Siblings<'_>, cx: &mut Context<'_>) -> Poll<()>;
    /// Asks the child's branch, unless the child has ended.
    fn ask<R>(self: Pin<&mut Self>, key: usize, ask: impl FnOnce(Pin<&mut dyn Running>) -> R) -> Option<R>;
    /// Drops what is there of a child: the future or its output.
    fn remove(self: Pin<&mut Self>, key: usize);
    /// Are all of them about to be cancelled, though the family does not know it yet?
    fn is_ending(self: Pin<&mut Self>) -> bool {
        false
    }
    /// Lets no new child come, from now on.
    fn close(self: Pin<&mut Self>) {}
}

/// Children that are there from the beginning.
pub(crate) trait Born: Children {
    /// How many they are. Their keys begin with 0.
    fn count(&self) -> usize;
}

/// Children that yield the same type.
pub(crate) trait Take<T>: Born {
    fn take(self: Pin<&mut Self>, key: usize) -> Option<T>;
}

/// Children all of whose outputs can be taken at once.
pub(crate) trait TakeAll: Born {
    type Outputs;
    /// Takes all outputs, when every child has one.
    fn take_all(self: Pin<&mut Self>) -> Self::Outputs;
}
