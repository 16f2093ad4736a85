//! The task group.

use super::{
    child::{Child, Nested, Plain, Understand},
    group_state::GroupState,
    join_handle::JoinHandle,
    roster::Membership,
    run::{Cancelling, run_group},
    settings::Settings,
    spare::new_core,
    stats::GroupStats,
};
use crate::{
    error::{Failure, GroupError},
    explain::Explain,
    output::ChildOutput,
};
use evenkeel_executor::{CancelReason, TaskRef, combinator::Loose};
use std::{fmt, panic::Location};

/// A group of tasks with one failure boundary: Trio's nursery, asyncio's `TaskGroup`, Kotlin's `coroutineScope`. This is the handle that the
/// group's body gets; clones of it may go into children.
///
/// # Rules
///
/// * [`run`](TaskGroup::run) ends only after its body and **every** child have ended, those included that are spawned while it
///   waits. The normal end of the body cancels nothing.
/// * The first failure, a child's or the body's, cancels the other children, newest first, and the body where it awaits. When
///   all have ended, with their clean-up, `run` yields *every* failure, in the order in which they happened.
/// * A child that is cancelled on its own is no failure. But awaiting its value (its plain handle) is: there is none, and the
///   group is cancelled. [`JoinHandle::outcome`] tells without stopping anybody.
/// * A panic cancels and waits in the same way, and then goes on in the code that awaits the group. Further panics, and errors
///   beside it, go to `on_unhandled`.
/// * If something around the group is cancelled, children are cancelled and awaited first. If some failed in that, their errors
///   are returned, and the cancellation is delivered where the code awaits next.
/// * Dropping the group's future cancels all children. The executor finishes their clean-up.
/// * Children that have ended are forgotten: a group that lives for a year does not grow.
///
/// In a [`Supervisor`](crate::Supervisor) children fail alone. In a [`JoinSet`](crate::JoinSet) they are joined as they end.
///
/// A group does not bound its own fan-out: a [`builder`](TaskGroup::builder) with a [`limit`](crate::TaskGroupBuilder::limit) does.
///
/// ```
/// use evenkeel::{TaskGroup, run, sleep};
/// use std::{io, time::Duration};
///
/// async fn fetch(what: &'static str) -> io::Result<String> {
///     sleep(Duration::from_millis(1)).await;
///     Ok(format!("the {what}"))
/// }
///
/// let page = run(TaskGroup::run(async |group| {
///     let user = group.spawn(fetch("user"));
///     let orders = group.spawn(fetch("orders"));
///     Ok(format!("{} and {}", user.await, orders.await))
/// }));
/// assert_eq!(page.unwrap(), "the user and the orders");
///
/// // Where nothing can fail, the error is named all the same:
/// let done = run(TaskGroup::<std::convert::Infallible>::run(async |group| {
///     group.spawn(sleep(Duration::from_millis(1)));
///     group.spawn_background(async {
///         loop {
///             sleep(Duration::from_secs(1)).await; // a heartbeat: a child need not end
///         }
///     });
///     Ok(())
/// }));
/// assert!(done.is_ok());
/// ```
#[doc(alias = "nursery")]
#[doc(alias = "coroutineScope")]
pub struct TaskGroup<E>(pub(super) GroupState<E>);

impl<E> Clone for TaskGroup<E> {
    fn clone(&self) -> Self {
        TaskGroup(self.0.clone())
    }
}

impl<E: fmt::Debug + 'static> TaskGroup<E> {
    /// Runs a group: `body`, which spawns children, and all of these to their end.
    ///
    /// Write `async |group| …`, not `|group| async move …`. Where `?` leaves the error open, name it:
    /// `TaskGroup::<AppError>::run(…)`; where nothing can fail, it is `TaskGroup::<Infallible>::run(…)`.
    ///
    /// # Errors
    ///
    /// [`GroupError`] with every failure; or with none, if the group was [cancelled](TaskGroup::cancel) before its body had a
    /// value.
    ///
    /// # Panics
    ///
    /// When polled outside an executor. If the body or a child panicked: that panic goes on.
    #[track_caller]
    pub fn run<Kind, T, B>(body: B) -> impl Future<Output = Result<T, GroupError<E>>>
    where
        E: Explain<Kind>,
        B: AsyncFnOnce(TaskGroup<E>) -> Result<T, E>,
    {
        let core = new_core(Settings::default(), Location::caller());
        run_group::<Cancelling, _, _, _, _>(core, E::explain, |state| body(TaskGroup(state)))
    }

    /// Spawns a child. It begins in the next turn, and is awaited by the group whatever becomes of its handle. It yields a `Result` with
    /// the group's error, or `()`; or it never ends. (A loop without an end that has a `?` in it has no type: write an `async fn` that
    /// returns `Result<(), E>`.)
    ///
    /// In a group that is being cancelled the child is cancelled from birth, and never starts.
    ///
    /// # Panics
    ///
    /// Outside an executor. If the executor has as many tasks as it may have.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<<F::Output as ChildOutput<E>>::Value>
    where
        F: Future<Output: ChildOutput<E>> + 'static,
        <F::Output as ChildOutput<E>>::Value: 'static,
    {
        self.spawn_child::<Plain, F>(|_| future, Membership::Awaited, Location::caller())
    }

    /// Spawns a child that the group does not wait for: when the others have ended, it is cancelled, with the reason
    /// [`CancelReason::GroupEnded`]. If it fails before, that is a failure like any other.
    ///
    /// # Panics
    ///
    /// As [`spawn`](TaskGroup::spawn) does.
    #[track_caller]
    pub fn spawn_background<F>(&self, future: F) -> JoinHandle<()>
    where
        F: Future<Output = Result<(), E>> + 'static,
    {
        self.spawn_child::<Plain, F>(|_| future, Membership::Background, Location::caller())
    }

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
        let location = Location::caller();
        let core = new_core(Settings::default(), location);
        let group = run_group::<Cancelling, _, _, _, _>(core, self.0.explains, |state| body(TaskGroup(state)));
        self.spawn_child::<Nested, _>(|_| group, Membership::Awaited, location)
    }

    /// Records a failure that has no `Result` of its own: one found in clean-up. After the group's end it goes to `on_unhandled`. In a
    /// [`Supervisor`](crate::Supervisor) it is what a child's failure is there.
    pub fn report(&self, error: E) {
        self.0.failed(Failure::One(error));
    }

    /// Ends the group early: cancels its body and all children, newest first. The first reason stays. Without effect on a group
    /// that has ended.
    pub fn cancel(&self, reason: impl Into<CancelReason>) {
        self.0.core.ask(reason.into());
    }

    /// Is the group being cancelled, by a call or by a failure?
    pub fn is_cancelled(&self) -> bool {
        self.0.core.is_cancelled()
    }

    /// What is going on in the group now.
    pub fn stats(&self) -> GroupStats {
        GroupStats::of(&self.0.core)
    }

    /// The children that have not ended, the oldest first, those in the background included: Trio's `child_tasks`, Kotlin's `children`. The list
    /// owns nothing, and is out of date as soon as a child ends or comes.
    ///
    /// ```
    /// use evenkeel::{TaskGroup, run};
    /// use std::future::pending;
    ///
    /// let outcome = run(TaskGroup::<String>::run(async |group| {
    ///     group.spawn(pending::<()>()).named("reader");
    ///     group.spawn(pending::<()>()).named("writer");
    ///     let names: Vec<_> = group.children().into_iter().filter_map(|child| child.name()).collect();
    ///     for child in group.children() {
    ///         child.cancel("not needed");
    ///     }
    ///     Ok(names)
    /// }));
    /// assert_eq!(outcome.unwrap(), ["reader", "writer"]);
    /// ```
    pub fn children(&self) -> Vec<TaskRef> {
        self.0.core.list()
    }

    /// Spawns a child, whose future `make` returns: the group has the child then.
    #[inline]
    #[track_caller]
    pub(super) fn spawn_child<U, F>(
        &self,
        make: impl FnOnce(TaskRef) -> F,
        membership: Membership,
        location: &'static Location<'static>,
    ) -> JoinHandle<U::Value>
    where
        U: Understand<F::Output, E, Value: 'static> + 'static,
        F: Future + 'static,
    {
        let core = &self.0.core;
        let task = Loose::spawn(location, |task| {
            let key = core.enroll(task, membership);
            Child::<F, E, U>::new(self.0.clone(), key, make(task))
        });
        JoinHandle::new(core.spawned(task, membership), core.clone())
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
