//! A group in a group.

use super::{child::Understand, join_handle::JoinHandle, roster::Membership, task_group::TaskGroup};
use crate::error::{Failure, GroupError};
use std::{fmt, panic::Location};

impl<E: fmt::Debug + 'static> TaskGroup<E> {
    /// Spawns a child that is a group itself. What fails in it arrives here as one failure, a nested group error.
    ///
    /// # Panics
    ///
    /// As [`spawn`](TaskGroup::spawn) does.
    #[track_caller]
    pub fn spawn_group<T, B>(&self, body: B) -> JoinHandle<T>
    where
        T: 'static,
        B: AsyncFnOnce(TaskGroup<E>) -> Result<T, E> + 'static,
    {
        self.spawn_child::<Nested, _>(TaskGroup::run(body), Membership::Awaited, Location::caller())
    }
}

/// What a group below yields.
struct Nested;

impl<T, E> Understand<Result<T, GroupError<E>>, E> for Nested {
    type Value = T;

    fn outcome(output: Result<T, GroupError<E>>) -> Result<T, Failure<E>> {
        output.map_err(Failure::Group)
    }
}
