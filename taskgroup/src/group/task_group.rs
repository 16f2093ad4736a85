//! The task group.

use super::{
    builder::{GroupOptions, GroupStats},
    child::{Child, Nested, Plain, Understand},
    group_core::{Core, Payload, State},
    group_slot::{Slot, WaitSlot},
    join_handle::JoinHandle,
    start::{self, Ready},
};
use crate::{
    error::{ChildError, GroupError},
    output::ChildOutput,
};
use evenkeel_executor::{
    CancelReason, Cancelled, InScope, Panic, UnhandledKind, cancel_requested,
    combinator::{Place, is_stopping_hard, report_unhandled, settle_at, spawn_at},
};
use pin_project_lite::pin_project;
use std::{
    fmt,
    panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

/// A group of tasks with one failure boundary. This is the handle that the group's body gets; clones of it may go into children.
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
/// A group does not bound its own fan-out: [`options`](TaskGroup::options) with a [`limit`](GroupOptions::limit) do.
///
/// ```
/// use evenkeel_executor::{run, sleep};
/// use evenkeel_taskgroup::TaskGroup;
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
/// ```
pub struct TaskGroup<E>(pub(crate) Rc<State<E>>);

impl<E> Clone for TaskGroup<E> {
    fn clone(&self) -> Self {
        TaskGroup(self.0.clone())
    }
}

impl<E: fmt::Debug + 'static> TaskGroup<E> {
    /// Runs a group: `body`, which spawns children, and all of these to their end.
    ///
    /// Write `async |group| …`, not `|group| async move …`. Where `?` leaves the error open, name it:
    /// `TaskGroup::<AppError>::run(…)`.
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
    pub fn run<T, B>(body: B) -> impl Future<Output = Result<T, GroupError<E>>>
    where
        B: AsyncFnOnce(TaskGroup<E>) -> Result<T, E>,
    {
        TaskGroup::options().run(body)
    }

    /// A group with a name, a bound, or a grace period.
    pub fn options() -> GroupOptions<E> {
        GroupOptions::new()
    }

    /// Spawns a child. It begins in the next turn, and is awaited by the group whatever becomes of its handle.
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
        self.spawn_child::<Plain, F>(future, false, false, Location::caller())
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
        self.spawn_child::<Plain, F>(future, true, false, Location::caller())
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
        self.spawn_child::<Nested, _>(TaskGroup::run(body), false, false, Location::caller())
    }

    /// Spawns a child, and waits until it says that it is ready: it calls [`Ready::set`], with a value that is returned here.
    ///
    /// If it ends well without that, the group is cancelled with the reason [`CancelReason::NotReady`]; if it fails, the group
    /// has its failure. The code that awaits this is stopped in both cases.
    ///
    /// Cancel-safe: the child goes on if this is dropped.
    ///
    /// ```
    /// use evenkeel_executor::run;
    /// use evenkeel_taskgroup::TaskGroup;
    ///
    /// let port = run(TaskGroup::<std::io::Error>::run(async |group| {
    ///     let port = group
    ///         .start(async |ready| {
    ///             ready.set(8080); // bound; from now on it serves
    ///             Ok(())
    ///         })
    ///         .await;
    ///     Ok(port)
    /// }));
    /// assert_eq!(port.unwrap(), 8080);
    /// ```
    #[track_caller]
    pub fn start<V, T, B>(&self, child: B) -> impl Future<Output = V>
    where
        V: 'static,
        T: 'static,
        B: AsyncFnOnce(Ready<V>) -> Result<T, E> + 'static,
    {
        let location = Location::caller();
        let group = self.clone();
        async move {
            let (ready, signal) = Ready::new();
            let child = async move { child(ready).await };
            let handle = group.spawn_child::<Plain, _>(child, false, false, location);
            start::wait(signal, handle).await
        }
    }

    /// Records a failure that has no `Result` of its own: one found in clean-up. After the group's end it goes to `on_unhandled`.
    pub fn report(&self, error: E) {
        self.0.failed(crate::Failure::One(error), None);
    }

    /// Waits until one of the group's slots is free, and takes it; what is spawned into it gives it back at its end. This is what
    /// bounds a fan-out: the child does not exist before there is room for it. First come, first served.
    ///
    /// In a group without a limit, or one that has ended or is being cancelled, there is a slot at once.
    ///
    /// A child that waits for a slot of its own group, while all of them are held by children that do the same, waits for ever:
    /// use [`try_slot`](TaskGroup::try_slot) there, and go on inline where it refuses. Debug builds report it.
    ///
    /// Cancel-safe: a wait that is dropped loses its place, and a slot that it was given goes to the next.
    ///
    /// ```
    /// use evenkeel_executor::{run, yield_now};
    /// use evenkeel_taskgroup::TaskGroup;
    ///
    /// let outcome = run(TaskGroup::<String>::options().limit(2).run(async |group| {
    ///     for _ in 0..10 {
    ///         group.slot().await.spawn(async { Ok(yield_now().await) });
    ///         assert!(group.stats().children <= 2);
    ///     }
    ///     Ok(())
    /// }));
    /// outcome.unwrap();
    /// ```
    pub fn slot(&self) -> WaitSlot<'_, E> {
        WaitSlot::new(self)
    }

    /// A slot, if one is free and nobody waits for it.
    pub fn try_slot(&self) -> Option<Slot<'_, E>> {
        self.0.core.slots.try_take().then(|| Slot::new(self))
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

    pub(crate) fn spawn_child<U, F>(
        &self,
        future: F,
        is_background: bool,
        has_slot: bool,
        location: &'static Location<'static>,
    ) -> JoinHandle<U::Value>
    where
        U: Understand<F::Output, E, Value: 'static> + 'static,
        F: Future + 'static,
    {
        let core = &self.0.core;
        let key = core.enroll(is_background, has_slot);
        let task = spawn_at(location, Child::<F, E, U>::new(self.0.clone(), key, future));
        core.spawned(key, task.task_ref(), is_background);
        JoinHandle::new(task, core.clone())
    }

    /// Runs a group to its end.
    pub(crate) async fn run_with<T, B>(core: Core, body: B) -> Result<T, GroupError<E>>
    where
        B: AsyncFnOnce(TaskGroup<E>) -> Result<T, E>,
    {
        let state = Rc::new(State::new(core));
        state.core.lineage.begin();
        let tether = Tether(state.clone());
        let group = TaskGroup(state.clone());
        let body =
            Body { core: state.core.clone(), inner: state.core.scope.run(Caught { future: Place::new(body(group)) }) };
        let ended = settle_at(state.core.location, body, async move |ended| {
            let value = match ended {
                Some(Ok(Ok(Ok(Ok(value))))) => Some(value),
                Some(Ok(Ok(Ok(Err(error))))) => {
                    state.failed(crate::Failure::One(error), Some(state.core.location));
                    None
                }
                // A panic of the body's, or of its clean-up.
                Some(Ok(Ok(Err(payload))) | Err(payload)) => {
                    state.core.panicked(payload);
                    None
                }
                // The group cancelled its body.
                Some(Ok(Err(Cancelled(_)))) => None,
                None => {
                    let reason = cancel_requested().unwrap_or(CancelReason::SiblingFailed { task: None });
                    state.core.cancel_from_around(reason);
                    None
                }
            };
            WaitChildren(&state.core).await;
            state.core.end();
            outcome(&state, value).map(|outcome| outcome.map_err(Unclaimed::new))
        });
        let ended = ended.await;
        drop(tether);
        ended.map_err(Unclaimed::claim)
    }
}

/// What a group yields when all have ended. `None`: it was cancelled from around.
fn outcome<T, E: fmt::Debug>(state: &State<E>, mut value: Option<T>) -> Option<Result<T, GroupError<E>>> {
    let errors = state.take_errors();
    let mut panic = state.core.take_panic();
    if panic.is_some() || !errors.is_empty() || state.core.was_cut_short() {
        // The value is for nobody. A panic of its destructor is the body's, and takes no errors with it.
        match (catch_unwind(AssertUnwindSafe(|| drop(value.take()))), &panic) {
            (Ok(()), _) => {}
            (Err(payload), None) => panic = Some(payload),
            (Err(payload), Some(_)) => report_unhandled(UnhandledKind::DestructorPanicked(Panic::new(payload))),
        }
    }
    if let Some(payload) = panic {
        report_errors(errors);
        resume_unwind(payload);
    }
    let asked = state.core.asked().cloned();
    if !errors.is_empty() {
        return Some(Err(GroupError::new(errors, asked)));
    }
    if state.core.was_cut_short() {
        return None;
    }
    match (value, asked) {
        (Some(value), _) => Some(Ok(value)),
        (None, Some(reason)) => Some(Err(GroupError::new(errors, Some(reason)))),
        (None, None) => None,
    }
}

/// Nobody is left to get these errors. Their `Debug` and their destructors are foreign code: a panic of one costs no other its report.
pub(crate) fn report_errors<E: fmt::Debug>(errors: Vec<ChildError<E>>) {
    for error in errors {
        let text = catch_unwind(AssertUnwindSafe(|| format!("{:?}", error.error)));
        let text =
            text.unwrap_or_else(|_| format!("an error of the child spawned at {}, whose Debug panics", error.location));
        report_unhandled(UnhandledKind::Error(text.into()));
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(error))) {
            report_unhandled(UnhandledKind::DestructorPanicked(Panic::new(payload)));
        }
    }
}

/// Errors on their way to the code that awaits the group. A panic in the body's clean-up takes their place: they are reported then.
struct Unclaimed<E: fmt::Debug>(Option<GroupError<E>>);

impl<E: fmt::Debug> Unclaimed<E> {
    fn new(error: GroupError<E>) -> Unclaimed<E> {
        Unclaimed(Some(error))
    }

    fn claim(mut self) -> GroupError<E> {
        self.0.take().expect("errors are claimed once")
    }
}

impl<E: fmt::Debug> Drop for Unclaimed<E> {
    fn drop(&mut self) {
        if let Some(error) = self.0.take() {
            report_errors(error.into_children());
        }
    }
}

/// Cancels the children if the group's future is dropped.
struct Tether<E: fmt::Debug>(Rc<State<E>>);

impl<E: fmt::Debug> Drop for Tether<E> {
    fn drop(&mut self) {
        let core = &self.0.core;
        if !core.has_ended() {
            core.cancel_from_around(CancelReason::OwnerDropped);
            if is_stopping_hard() {
                core.stop_hard(|_| true);
            }
            core.end();
            report_errors(self.0.take_errors());
            if let Some(payload) = core.take_panic() {
                report_unhandled(UnhandledKind::TaskPanicked(Panic::new(payload)));
            }
        }
    }
}

pin_project! {
    /// The body in its scope. Something around that is cancelled reaches the children as soon as it is seen here.
    struct Body<F> {
        core: Rc<Core>,
        #[pin]
        inner: InScope<F>,
    }
}

impl<F: Future> Future for Body<F> {
    type Output = Result<Result<F::Output, Cancelled>, Payload>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.core.polled_here();
        if let Some(reason) = cancel_requested() {
            this.core.cancel_from_around(reason);
        }
        // What the scope lets go on: a panic in clean-up, or in a destructor.
        match catch_unwind(AssertUnwindSafe(|| this.core.lineage.inside(|| this.inner.poll(cx)))) {
            Ok(Poll::Pending) if this.core.is_cancelled() => this.core.watch_grace(cx),
            Ok(polled) => return polled.map(Ok),
            Err(payload) => return Poll::Ready(Err(payload)),
        }
        Poll::Pending
    }
}

pin_project! {
    /// Catches a panic.
    struct Caught<F> {
        #[pin]
        future: Place<F>,
    }
}

impl<F: Future> Future for Caught<F> {
    type Output = Result<F::Output, Payload>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let future = this.future.as_mut().get().expect("a body is polled until it has ended");
        match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
            Ok(polled) => polled.map(Ok),
            Err(payload) => {
                // Its destructors may panic too: the first panic counts.
                if let Err(second) = catch_unwind(AssertUnwindSafe(|| this.future.as_mut().clear())) {
                    report_unhandled(UnhandledKind::DestructorPanicked(Panic::new(second)));
                }
                Poll::Ready(Err(payload))
            }
        }
    }
}

/// Waits until every child has ended.
struct WaitChildren<'a>(&'a Core);

impl WaitChildren<'_> {
    /// Have all ended? What is in the background is cancelled when only that is left.
    fn is_over(&self) -> bool {
        self.0.ends_background();
        self.0.children() == 0
    }
}

impl Future for WaitChildren<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let core = self.0;
        core.polled_here();
        if let Some(reason) = cancel_requested() {
            core.cancel_from_around(reason);
        }
        if self.is_over() {
            return Poll::Ready(());
        }
        core.keep_waker(cx.waker());
        // The waker may have come too late for what its clone has done.
        if self.is_over() {
            return Poll::Ready(());
        }
        if core.is_cancelled() || core.ends_background() {
            core.watch_grace(cx);
        }
        Poll::Pending
    }
}
