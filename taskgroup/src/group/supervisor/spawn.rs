//! Spawning children that are restarted.

use super::{
    super::{child::Judged, group_slot::GroupSlot, roster::Membership, task_group::TaskGroup},
    keep_running::{Progress, keep_running},
    restart::Restart,
    restart_handle::RestartHandle,
};
use crate::{caught::Quiet, output::ChildOutput};
use std::{fmt, panic::Location, rc::Rc};

impl<E: fmt::Debug + 'static> TaskGroup<E> {
    /// Spawns a child that is run again when it has ended, as `restart` says: each run is a call of `make`, an `async` closure. (One that
    /// returns a future fits too.) It goes in a [`Supervisor`](crate::Supervisor) and in a plain task group.
    ///
    /// * All runs are one task. Its name, its place, its identity and its task locals stay. [`cancel`](crate::JoinHandle::cancel) ends the run, or
    ///   the wait before the next one, and no other begins. So does whatever cancels the group.
    /// * The failure of a run that is followed by another one is told as the supervisor's [`OnFailure`](crate::OnFailure) says; in a
    ///   plain task group it goes to `on_unhandled`. What is reported says that there is another run: it is a
    ///   `UnhandledKind::RunFailed` or a
    ///   `UnhandledKind::RunPanicked`.
    /// * The failure of the last run is that of the child. If there may be no other as the [`limit`](Restart::limit) is reached, the
    ///   group fails with it in any case, and its [`GroupError`](crate::GroupError) says so in an entry more,
    ///   [`Failure::RestartLimit`](crate::Failure::RestartLimit). That panic of a last run is an entry as well.
    /// * A panic of `make` is one of its run. A panic of a destructor, of what `make` owns or a run that has ended, costs
    ///   the child nothing: it is reported. Of what a run owns that is cancelled, it is the child's, as of any child.
    ///
    /// # Panics
    ///
    /// As [`spawn`](TaskGroup::spawn) does.
    ///
    /// ```
    /// use evenkeel::{TaskGroup, group::Restart, run};
    /// use std::time::Duration;
    ///
    /// # let hush = evenkeel::Executor::builder().on_unhandled(|_| {}).build();
    /// # let run = |future| hush.run(future);
    /// let error = run(TaskGroup::<&str>::run(async |group| {
    ///     let twice = Restart::on_failure().limit(2, Duration::from_secs(60));
    ///     group.spawn_restarting(twice, async || Err::<(), _>("no such host")).named("feed");
    ///     Ok(())
    /// }))
    /// .unwrap_err();
    /// assert_eq!(error.first(), Some(&"no such host"));
    /// assert!(error.to_string().ends_with("it has ended once more, after 2 restarts within 60s"));
    /// ```
    #[track_caller]
    pub fn spawn_restarting<R, M>(&self, restart: Restart, make: M) -> RestartHandle<R::Value>
    where
        R: ChildOutput<E, Value: 'static> + 'static,
        M: AsyncFnMut() -> R + 'static,
    {
        let membership = if restart.is_background() { Membership::Background } else { Membership::Awaited };
        self.spawn_kept_running(restart, make, membership, Location::caller(), || {})
    }

    #[track_caller]
    fn spawn_kept_running<R, M>(
        &self,
        restart: Restart,
        make: M,
        membership: Membership,
        location: &'static Location<'static>,
        enrolled: impl FnOnce(),
    ) -> RestartHandle<R::Value>
    where
        R: ChildOutput<E, Value: 'static> + 'static,
        M: AsyncFnMut() -> R + 'static,
    {
        let progress = Rc::new(Progress::default());
        let runs = keep_running(self.0.clone(), restart, progress.clone(), Quiet::new(make));
        let make = |_| {
            enrolled();
            runs
        };
        RestartHandle::new(self.spawn_child::<Judged, _>(make, membership, location), progress)
    }
}

impl<E: fmt::Debug + 'static> GroupSlot<'_, E> {
    /// Spawns a child in this place that is run again when it has ended, as [`TaskGroup::spawn_restarting`] does. It has the slot through all
    /// runs, and while it waits for the next. The group waits for it, whatever [`Restart::in_background`] says.
    ///
    /// # Panics
    ///
    /// As [`TaskGroup::spawn`] does.
    #[track_caller]
    pub fn spawn_restarting<R, M>(mut self, restart: Restart, make: M) -> RestartHandle<R::Value>
    where
        R: ChildOutput<E, Value: 'static> + 'static,
        M: AsyncFnMut() -> R + 'static,
    {
        let group = self.group();
        let location = Location::caller();
        group.spawn_kept_running(restart, make, Membership::InSlot, location, || self.is_used_now())
    }
}
