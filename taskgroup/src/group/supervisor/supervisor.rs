//! The supervisor.

use super::super::{
    child::Nested,
    join_handle::JoinHandle,
    on_failure::OnFailure,
    roster::Membership,
    run::{Alone, run_group},
    settings::Settings,
    spare::new_core,
    task_group::TaskGroup,
};
use crate::{error::GroupError, explain::Explain};
use std::{fmt, ops::Deref, panic::Location};

/// A task group whose children fail alone: Kotlin's `supervisorScope`, the supervisor of Erlang and Elixir. This is the handle that the
/// supervisor's body gets; clones of it may go into children.
///
/// A supervisor does all that a [`TaskGroup`] does, with its methods, which it [derefs](Deref) to. Only the rule for the failure of a
/// child, an `Err` or a panic, is another one:
///
/// * A child that fails cancels nobody. What becomes of its failure, [`OnFailure`] says: it is reported at once, or collected for the end.
/// * A child that is [spawned so](TaskGroup::spawn_restarting) is run again when it has failed, or ended, as its [`Restart`](crate::Restart)
///   says. If that happens too often, the supervisor fails: it cancels the others, and its [`GroupError`] names the child.
/// * Who awaits the *value* of a child that has failed cannot go on, and the supervisor ends. [`JoinHandle::outcome`] tells, and stops
///   nobody.
///
/// All else is as in a task group. [`run`](Supervisor::run) ends after its body and every child have ended. An `Err` or a panic of the *body* cancels
/// the children. What is cancelled around cancels them too, and then nothing is restarted any more, and a wait before a restart ends at once.
///
/// Erlang's `one_for_all` (one child fails, all are restarted) is a restarting child that runs a [`TaskGroup`]; see
/// [`spawn_restarting`](TaskGroup::spawn_restarting).
///
/// ```
/// use evenkeel::{Supervisor, group::Restart, run};
/// use std::{cell::Cell, io, rc::Rc, time::Duration};
///
/// async fn read_feed(tries: &Cell<u32>) -> io::Result<()> {
///     tries.set(tries.get() + 1);
///     if tries.get() < 3 { Err(io::Error::other("the connection is gone")) } else { Ok(()) }
/// }
///
/// let tries = Rc::new(Cell::new(0));
/// let seen = tries.clone();
/// # let hush = evenkeel::Executor::builder().on_unhandled(|_| {}).build();
/// # let run = |future| hush.run(future);
/// let outcome = run(Supervisor::<io::Error>::run(async move |supervisor| {
///     let soon = Restart::on_failure().backoff(Duration::from_millis(1), 2, Duration::from_secs(1));
///     let feed = supervisor.spawn_restarting(soon, async move || read_feed(&tries).await).named("feed");
///     supervisor.spawn(async { Err::<(), _>(io::Error::other("nobody else is stopped by this")) });
///     feed.await;
///     Ok("read")
/// }));
/// assert_eq!((outcome.unwrap(), seen.get()), ("read", 3));
/// ```
#[doc(alias = "supervisorScope")]
pub struct Supervisor<E>(TaskGroup<E>);

impl<E: fmt::Debug + 'static> Supervisor<E> {
    /// Runs a supervisor that reports what fails: `body`, which spawns children, and all of these to their end. A
    /// [`builder`](Supervisor::builder) can do otherwise.
    ///
    /// # Errors
    ///
    /// [`GroupError`] with what the supervisor has failed by: an error of the body, a child that was to be restarted too often. Without any, if
    /// it was [cancelled](TaskGroup::cancel) before its body had a value.
    ///
    /// # Panics
    ///
    /// When polled outside an executor. If the body panicked: that panic goes on.
    #[track_caller]
    pub fn run<Kind, T, B>(body: B) -> impl Future<Output = Result<T, GroupError<E>>>
    where
        E: Explain<Kind>,
        B: AsyncFnOnce(Supervisor<E>) -> Result<T, E>,
    {
        let settings = Settings { on_failure: Some(OnFailure::Report), ..Settings::default() };
        Supervisor::run_with(settings, Location::caller(), body)
    }

    pub(super) fn run_with<Kind, T, B>(
        settings: Settings,
        location: &'static Location<'static>,
        body: B,
    ) -> impl Future<Output = Result<T, GroupError<E>>>
    where
        E: Explain<Kind>,
        B: AsyncFnOnce(Supervisor<E>) -> Result<T, E>,
    {
        let core = new_core(settings, location);
        run_group::<Alone, _, _, _, _>(core, E::explain, |state| body(Supervisor(TaskGroup(state))))
    }
}

impl<E: fmt::Debug + 'static> TaskGroup<E> {
    /// Spawns a child that is a supervisor itself, as [`spawn_group`](TaskGroup::spawn_group) spawns a group. If it fails, that arrives here as
    /// one failure, a nested group error.
    ///
    /// # Panics
    ///
    /// As [`spawn`](TaskGroup::spawn) does.
    #[track_caller]
    pub fn spawn_supervisor<T, B>(&self, on_failure: OnFailure, body: B) -> JoinHandle<T>
    where
        T: 'static,
        B: AsyncFnOnce(Supervisor<E>) -> Result<T, E> + 'static,
    {
        let location = Location::caller();
        let core = new_core(Settings { on_failure: Some(on_failure), ..Settings::default() }, location);
        let explains = self.0.explains;
        let supervisor = run_group::<Alone, _, _, _, _>(core, explains, |state| body(Supervisor(TaskGroup(state))));
        self.spawn_child::<Nested, _>(|_| supervisor, Membership::Awaited, location)
    }
}

/// A supervisor is a group, with another rule for failures.
impl<E> Deref for Supervisor<E> {
    type Target = TaskGroup<E>;

    fn deref(&self) -> &TaskGroup<E> {
        &self.0
    }
}

impl<E> Clone for Supervisor<E> {
    fn clone(&self) -> Self {
        Supervisor(self.0.clone())
    }
}

impl<E> fmt::Debug for Supervisor<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Supervisor").field(&self.0).finish()
    }
}
