//! Settings of a group, and what is going on in it.

use super::{group_core::Core, task_group::TaskGroup};
use crate::error::GroupError;
use std::{fmt, marker::PhantomData, panic::Location, time::Duration};

/// Settings of a [`TaskGroup`].
#[must_use = "options do nothing until run() is called"]
pub struct GroupOptions<E> {
    name: Option<Box<str>>,
    limit: Option<usize>,
    grace: Option<Duration>,
    _error: PhantomData<fn(E)>,
}

impl<E: fmt::Debug + 'static> GroupOptions<E> {
    pub(crate) fn new() -> GroupOptions<E> {
        GroupOptions { name: None, limit: None, grace: None, _error: PhantomData }
    }

    /// A name, for diagnostics.
    pub fn name(mut self, name: impl Into<Box<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// How many children there may be at a time of those that are spawned through a [`slot`](TaskGroup::slot). Others are not
    /// counted.
    ///
    /// # Panics
    ///
    /// If it is 0: nothing could ever be spawned.
    #[track_caller]
    pub fn limit(mut self, limit: usize) -> Self {
        assert!(limit > 0, "a task group with a limit of 0 could spawn nothing: give it at least 1");
        self.limit = Some(limit);
        self
    }

    /// How long clean-up may take once the group is cancelled; without it, as long as it needs. Children that take longer are
    /// dropped, and reported to `on_unhandled` by name. The time is counted from the first poll of the group's future after that, by
    /// the clock of its executor.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = Some(grace);
        self
    }

    /// Runs the group, as [`TaskGroup::run`] does.
    ///
    /// # Errors
    ///
    /// As [`TaskGroup::run`].
    #[track_caller]
    pub fn run<T, B>(self, body: B) -> impl Future<Output = Result<T, GroupError<E>>>
    where
        B: AsyncFnOnce(TaskGroup<E>) -> Result<T, E>,
    {
        let core = Core::new(self.name, self.limit, self.grace, Location::caller());
        TaskGroup::run_with(core, body)
    }
}

impl<E> fmt::Debug for GroupOptions<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupOptions")
            .field("name", &self.name)
            .field("limit", &self.limit)
            .field("grace", &self.grace)
            .finish()
    }
}

/// What is going on in a group: see [`TaskGroup::stats`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupStats {
    /// Children that have not ended, those in the background included.
    pub children: usize,
    /// Those in the background.
    pub background: usize,
    /// Slots that are taken.
    pub slots_used: usize,
    /// Who waits for a slot.
    pub slots_waiting: usize,
    /// Children that were ever spawned.
    pub spawned: usize,
    /// Failures so far.
    pub failed: usize,
}

impl GroupStats {
    pub(crate) fn of(core: &Core) -> GroupStats {
        let (spawned, failed) = core.counts();
        GroupStats {
            children: core.children(),
            background: core.background(),
            slots_used: core.slots.used(),
            slots_waiting: core.slots.waiting(),
            spawned,
            failed,
        }
    }
}

impl<E> fmt::Debug for TaskGroup<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let core = &self.0.core;
        f.debug_struct("TaskGroup")
            .field("name", &core.name)
            .field("location", &format_args!("{}", core.location))
            .field("stats", &GroupStats::of(core))
            .finish()
    }
}
