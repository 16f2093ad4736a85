//! Making tasks.

use crate::{
    outcome::{
        or_panic::OrPanic,
        task_id::TaskId,
        unread::{Away, ForErrors},
    },
    outside::called_outside,
    raw::{block::Look, lent::OnThread, number::Number, table::Full},
    task::{
        current::TaskRef,
        loose::Loose,
        task::Task,
        tasks::{RawTask, TASKS, Whole, entered},
    },
};
use futures_task::{LocalFutureObj, LocalSpawn, SpawnError};
use std::{
    fmt::{self, Debug},
    panic::{Location, RefUnwindSafe, UnwindSafe},
    rc::{Rc, Weak},
};

/// Spawns a task on the current executor and returns its owner. The task first runs in the next turn.
///
/// The future stays on this thread and need not be `Send`, and what awaits a [`Task`] is not: box it as a
/// `LocalBoxFuture`, and write `#[async_trait(?Send)]`.
///
/// Its output is to be printed if it is an `Err` and nobody reads it: the handle was dropped, or detached. Then that goes to `on_unhandled`.
/// What has no `Debug` is wrapped in an [`Opaque`](crate::Opaque).
///
/// # Panics
///
/// Outside an executor, unless one was [entered](crate::Executor::enter). If the executor has as many tasks as it may have.
///
/// ```
/// let task = evenkeel::run(async { evenkeel::spawn(async { "done" }).await });
/// assert_eq!(task.unwrap(), "done");
/// ```
#[inline]
#[track_caller]
pub fn spawn<T: Debug + 'static>(future: impl Future<Output = T> + 'static) -> Task<T> {
    spawn_here::<_, ForErrors>(Location::caller(), |_| future)
}

/// [`spawn`] in the name of another place in the source, for those who build spawning functions of their own.
///
/// The output can be of any type, and is not looked at: whoever builds on this says what becomes of an error that nobody reads.
///
/// # Panics
///
/// As [`spawn`] does.
#[inline]
#[track_caller]
pub fn spawn_at<T: 'static>(
    location: &'static Location<'static>,
    future: impl Future<Output = T> + 'static,
) -> Task<T> {
    spawn_here::<_, Away>(location, |_| future)
}

impl<T: 'static> Loose<T> {
    /// Spawns a task as [`spawn_at`] does, of the future that `make` returns, which is told the task.
    ///
    /// The task does not exist before `make` has returned: what is asked of it until then is not done, a cancellation for one. If `make`
    /// does not return, what it was told names no task, now or later.
    ///
    /// # Panics
    ///
    /// As [`spawn`] does. If `make` does, nothing is spawned.
    ///
    /// ```
    /// use evenkeel::{combinator::Loose, current_task, run};
    /// use std::{future::poll_fn, panic::Location};
    ///
    /// let is_it = run(async {
    ///     let mut task = Loose::spawn(Location::caller(), |task| async move { task == current_task() });
    ///     poll_fn(|cx| task.poll_value(cx)).await
    /// });
    /// assert_eq!(is_it, Some(true));
    /// ```
    #[inline]
    #[track_caller]
    pub fn spawn<F: Future<Output = T> + 'static>(
        location: &'static Location<'static>,
        make: impl FnOnce(TaskRef) -> F,
    ) -> Loose<T> {
        Loose::new(spawn_here::<_, Away>(location, |number| make(TaskRef::new(TaskId(number)))))
    }
}

#[inline]
#[track_caller]
fn spawn_here<F: Future + 'static, L: Look<F::Output>>(
    location: &'static Location<'static>,
    future: impl FnOnce(Number) -> F,
) -> Task<F::Output> {
    match try_spawn_here::<F, L>(location, future) {
        Some(spawned) => Task(spawned.or_panic()),
        None => outside(location),
    }
}

/// `None` if there is no executor.
#[inline(always)]
fn try_spawn_here<F: Future + 'static, L: Look<F::Output>>(
    location: &'static Location<'static>,
    future: impl FnOnce(Number) -> F,
) -> Option<Result<RawTask<F::Output>, Full>> {
    TASKS.look(|tasks| match tasks {
        Some(tasks) => Some(tasks.spawn::<F, L>(future, location)),
        None => spawn_entered::<F, L>(location, future),
    })
}

/// No executor runs this code, but one may be entered. Its host may be asleep, and hears of what `future`, or its destructor, wakes: so it is
/// not made the current one here.
#[cold]
#[inline(never)]
fn spawn_entered<F: Future + 'static, L: Look<F::Output>>(
    location: &'static Location<'static>,
    future: impl FnOnce(Number) -> F,
) -> Option<Result<RawTask<F::Output>, Full>> {
    let whole = entered()?;
    Some(whole.tasks().spawn::<F, L>(future, location))
}

#[cold]
#[track_caller]
fn outside(location: &'static Location<'static>) -> ! {
    called_outside(format_args!("spawn was called at {location},"), "an executor")
}

/// The current executor's spawner.
///
/// # Panics
///
/// Outside an executor, unless one was [entered](crate::Executor::enter).
#[track_caller]
pub fn spawner() -> Spawner {
    let current = TASKS.look(|tasks| tasks.map(|tasks| tasks.whole.clone()));
    match current.or_else(|| entered().map(|whole| whole.tasks().whole.clone())) {
        Some(whole) => Spawner(whole),
        None => called_outside("spawner was called", "an executor"),
    }
}

/// Spawns tasks on one executor, also when that is not the current one. It keeps nothing alive.
///
/// A spawner implements [`LocalSpawn`], so that libraries which are written against `futures-task` work.
///
/// ```
/// use evenkeel::{Executor, host::Readiness};
/// use futures::task::LocalSpawnExt;
///
/// let executor = Executor::new();
/// executor.spawner().spawn_local(async {}).unwrap();
/// assert_eq!(executor.run_until_stalled().readiness, Readiness::Finished);
/// ```
#[derive(Clone)]
pub struct Spawner(Weak<dyn Whole>);

impl Spawner {
    pub(crate) fn of(whole: Weak<dyn Whole>) -> Spawner {
        Spawner(whole)
    }

    /// Spawns a task, as [`spawn`] does. While the executor is being dropped, which destructors of its tasks and callbacks may see, the task is cancelled
    /// from birth.
    ///
    /// # Errors
    ///
    /// With the future dropped, if the executor has ended or has as many tasks as it may have.
    #[track_caller]
    pub fn spawn<T: Debug + 'static>(&self, future: impl Future<Output = T> + 'static) -> Result<Task<T>, SpawnError> {
        let location = Location::caller();
        let whole = self.whole()?;
        whole.tasks().spawn::<_, ForErrors>(|_| future, location).map(Task).map_err(|_| SpawnError::shutdown())
    }

    fn whole(&self) -> Result<Rc<dyn Whole>, SpawnError> {
        self.0.upgrade().filter(|whole| !whole.tasks().has_ended()).ok_or_else(SpawnError::shutdown)
    }
}

/// It spawns or it does not: a future's destructor that panics leaves it whole.
impl UnwindSafe for Spawner {}
impl RefUnwindSafe for Spawner {}

impl LocalSpawn for Spawner {
    #[track_caller]
    fn spawn_local_obj(&self, future: LocalFutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.spawn(future).map(Task::detach)
    }

    fn status_local(&self) -> Result<(), SpawnError> {
        self.whole().map(drop)
    }
}

impl fmt::Debug for Spawner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spawner({})", if self.whole().is_ok() { "open" } else { "ended" })
    }
}
