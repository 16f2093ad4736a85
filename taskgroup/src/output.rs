//! What a child may yield.

use std::convert::Infallible;

/// What the future of a child may yield, in a task group or a scope: a `Result` with its error, `()`, or nothing at all, as it never
/// ends.
///
/// It is sealed: a child with another output makes a `Result` of it. The child's handle yields the value; the error goes to the group. The handle of a child that never ends yields `Infallible`.
#[diagnostic::on_unimplemented(
    message = "a child of this group must yield `Result<_, {E}>` or `()`, or never end, not `{Self}`",
    label = "this child yields `{Self}`",
    note = "convert it in the child: `group.spawn(async {{ Ok(future.await?) }})`, and name the group's error: `TaskGroup::<MyError>::run(..)`"
)]
pub trait ChildOutput<E>: Sealed {
    /// What the child's handle yields.
    type Value;

    /// The value, or the error for the group.
    ///
    /// # Errors
    ///
    /// The group's error.
    fn into_result(self) -> Result<Self::Value, E>;
}

impl<T, E> ChildOutput<E> for Result<T, E> {
    type Value = T;

    fn into_result(self) -> Result<T, E> {
        self
    }
}

impl<E> ChildOutput<E> for () {
    type Value = ();

    fn into_result(self) -> Result<(), E> {
        Ok(())
    }
}

/// The outputs that there are.
#[doc(hidden)]
pub trait Sealed {}

impl<T, E> Sealed for Result<T, E> {}
impl Sealed for () {}
impl Sealed for Never {}

/// The type that is written `!`, and cannot be named in stable Rust: what a function without an end returns.
type Never = <fn() -> ! as Returns>::Output;

#[doc(hidden)]
pub trait Returns {
    type Output;
}

impl<T> Returns for fn() -> T {
    type Output = T;
}

impl<E> ChildOutput<E> for Never {
    type Value = Infallible;

    fn into_result(self) -> Result<Infallible, E> {
        self
    }
}
