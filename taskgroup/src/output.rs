//! What a child may yield.

/// What the future of a group's child may yield: a `Result` with the group's error, or `()`.
///
/// The child's handle yields the value; the error goes to the group.
#[diagnostic::on_unimplemented(
    message = "a child of this group must yield `Result<_, {E}>` or `()`, not `{Self}`",
    label = "this child yields `{Self}`",
    note = "convert it in the child: `group.spawn(async {{ Ok(future.await?) }})`, and name the group's error: `TaskGroup::<MyError>::run(..)`"
)]
pub trait ChildOutput<E> {
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
