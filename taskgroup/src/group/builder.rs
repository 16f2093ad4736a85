//! The settings of a group.

use super::{
    run::{Cancelling, run_group},
    settings::Settings,
    spare::new_core,
    task_group::TaskGroup,
};
use crate::{error::GroupError, explain::Explain};
use std::{fmt, marker::PhantomData, panic::Location, time::Duration};

impl<E: fmt::Debug + 'static> TaskGroup<E> {
    /// Builds a group with a name, a bound, or a grace period.
    pub fn builder() -> TaskGroupBuilder<E> {
        TaskGroupBuilder { settings: Settings::default(), _error: PhantomData }
    }
}

/// Settings of a [`TaskGroup`]: what [`TaskGroup::builder`] returns.
#[must_use = "a builder does nothing until run() is called"]
pub struct TaskGroupBuilder<E> {
    settings: Settings,
    _error: PhantomData<fn(E)>,
}

impl<E: fmt::Debug + 'static> TaskGroupBuilder<E> {
    /// A name, for diagnostics.
    pub fn name(mut self, name: impl Into<Box<str>>) -> Self {
        self.settings.name = Some(name.into());
        self
    }

    /// How many children there may be at a time of those that are spawned through a [`slot`](TaskGroup::slot). Others are not
    /// counted.
    ///
    /// A limit of 0 fits where nothing is spawned through a slot (`items.len()` of no items, say): to wait for one panics then, as
    /// it would never come.
    pub fn limit(mut self, limit: usize) -> Self {
        self.settings.limit = Some(limit);
        self
    }

    /// How long clean-up may take once the group is cancelled; without it, as long as it needs. Children that take longer are
    /// dropped, and reported to `on_unhandled` by name. The time is counted from the first poll of the group's future after that, by
    /// the clock of its executor.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.settings.grace = Some(grace);
        self
    }

    /// Runs the group, as [`TaskGroup::run`] does.
    ///
    /// # Errors
    ///
    /// As [`TaskGroup::run`].
    #[track_caller]
    pub fn run<Kind, T, B>(self, body: B) -> impl Future<Output = Result<T, GroupError<E>>>
    where
        E: Explain<Kind>,
        B: AsyncFnOnce(TaskGroup<E>) -> Result<T, E>,
    {
        let core = new_core(self.settings, Location::caller());
        run_group::<Cancelling, _, _, _, _>(core, E::explain, |state| body(TaskGroup(state)))
    }
}

impl<E> fmt::Debug for TaskGroupBuilder<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskGroupBuilder")
            .field("name", &self.settings.name)
            .field("limit", &self.settings.limit)
            .field("grace", &self.settings.grace)
            .finish()
    }
}
