//! The settings of a supervisor.

use super::{
    super::{on_failure::OnFailure, settings::Settings},
    supervisor::Supervisor,
};
use crate::{error::GroupError, explain::Explain};
use std::{fmt, marker::PhantomData, panic::Location, time::Duration};

impl<E: fmt::Debug + 'static> Supervisor<E> {
    /// Builds a supervisor with a rule for failures, a name, a bound, or a grace period.
    pub fn builder() -> SupervisorBuilder<E> {
        let settings = Settings { on_failure: Some(OnFailure::Report), ..Settings::default() };
        SupervisorBuilder { settings, _error: PhantomData }
    }
}

/// Settings of a [`Supervisor`]: what [`Supervisor::builder`] returns.
#[must_use = "a builder does nothing until run() is called"]
pub struct SupervisorBuilder<E> {
    settings: Settings,
    _error: PhantomData<fn(E)>,
}

impl<E: fmt::Debug + 'static> SupervisorBuilder<E> {
    /// What becomes of the failure of a child. Without this it is [reported](OnFailure::Report).
    pub fn on_failure(mut self, on_failure: OnFailure) -> Self {
        self.settings.on_failure = Some(on_failure);
        self
    }

    /// A name, for diagnostics.
    pub fn name(mut self, name: impl Into<Box<str>>) -> Self {
        self.settings.name = Some(name.into());
        self
    }

    /// How many children there may be at a time of those that are spawned through a [`slot`](crate::TaskGroup::slot), as
    /// [`TaskGroupBuilder::limit`](crate::TaskGroupBuilder::limit) says.
    pub fn limit(mut self, limit: usize) -> Self {
        self.settings.limit = Some(limit);
        self
    }

    /// How long clean-up may take once the supervisor is cancelled, as [`TaskGroupBuilder::grace`](crate::TaskGroupBuilder::grace) says.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.settings.grace = Some(grace);
        self
    }

    /// Runs the supervisor, as [`Supervisor::run`] does.
    ///
    /// # Errors
    ///
    /// As [`Supervisor::run`]; and what was collected, if the supervisor [collects](OnFailure::Collect) failures.
    #[track_caller]
    pub fn run<Kind, T, B>(self, body: B) -> impl Future<Output = Result<T, GroupError<E>>>
    where
        E: Explain<Kind>,
        B: AsyncFnOnce(Supervisor<E>) -> Result<T, E>,
    {
        Supervisor::run_with(self.settings, Location::caller(), body)
    }
}

impl<E> fmt::Debug for SupervisorBuilder<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SupervisorBuilder")
            .field("on_failure", &self.settings.on_failure)
            .field("name", &self.settings.name)
            .field("limit", &self.settings.limit)
            .field("grace", &self.settings.grace)
            .finish()
    }
}
