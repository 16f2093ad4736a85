//! A child that says when it is ready.

use super::{child::Plain, join_handle::JoinHandle, roster::Membership, task_group::TaskGroup};
use crate::output::ChildOutput;
use evenkeel_executor::{
    CancelReason, JoinError,
    combinator::{WakerCell, hand_over},
};
use std::{
    cell::Cell,
    fmt,
    future::poll_fn,
    panic::Location,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

impl<E: fmt::Debug + 'static> TaskGroup<E> {
    /// Spawns a child, and waits until it says that it is ready: it calls [`ReadySignal::set`], with a value that is returned here
    /// together with the child's handle. The child is spawned when this is first polled.
    ///
    /// If it ends well without that, the group is cancelled with the reason [`CancelReason::NotReady`]; if it fails, the group
    /// gets its failure. The code that awaits this is stopped in both cases, and the group cancelled with it, also a
    /// [`Supervisor`](crate::Supervisor); [`outcome`](Starting::outcome) tells and stops nobody.
    ///
    /// # Cancellation
    ///
    /// A child that nobody waits for is not wanted half started: if this is dropped before it has returned, the child is cancelled, and
    /// the group awaits its clean-up.
    ///
    /// # Panics
    ///
    /// When polled outside an executor, or if the executor has as many tasks as it may have. When it is awaited *outside* the group,
    /// and the child will never be ready: use [`outcome`](Starting::outcome) there.
    ///
    /// ```
    /// use evenkeel::{TaskGroup, run};
    /// use std::future::pending;
    ///
    /// let port = run(TaskGroup::<std::io::Error>::run(async |group| {
    ///     let (port, server) = group
    ///         .start(async |ready| {
    ///             ready.set(8080); // bound; from now on it serves
    ///             pending::<()>().await
    ///         })
    ///         .await;
    ///     server.cancel("it has served");
    ///     Ok(port)
    /// }));
    /// assert_eq!(port.unwrap(), 8080);
    /// ```
    #[track_caller]
    pub fn start<V, R, B>(&self, child: B) -> Starting<E, V, R, B>
    where
        V: 'static,
        R: ChildOutput<E, Value: 'static> + 'static,
        B: AsyncFnOnce(ReadySignal<V>) -> R + 'static,
    {
        Starting { group: self.clone(), location: Location::caller(), stage: Stage::Asked(child) }
    }
}

/// A child that is not ready yet: the future of [`TaskGroup::start`].
#[must_use = "nothing is started until this is awaited"]
pub struct Starting<E, V, R: ChildOutput<E>, B> {
    group: TaskGroup<E>,
    location: &'static Location<'static>,
    stage: Stage<B, V, R::Value>,
}

enum Stage<B, V, T> {
    /// Nothing was polled yet.
    Asked(B),
    /// The child was spawned.
    Begun(Rc<Signal<V>>, JoinHandle<T>),
    /// The child will never be ready, and whoever awaits it is being stopped.
    Stopped,
    /// The value and the handle were given away, or the reason why there are none.
    Done,
}

/// Why a child will never be ready.
enum NeverReady {
    /// It has ended well.
    Ended,
    /// It has no value at all.
    Failed(JoinError),
}

impl<E, V, R, B> Starting<E, V, R, B>
where
    E: fmt::Debug + 'static,
    V: 'static,
    R: ChildOutput<E, Value: 'static> + 'static,
    B: AsyncFnOnce(ReadySignal<V>) -> R + 'static,
{
    /// Waits until the child says that it is ready, or has ended without. This stops nobody.
    ///
    /// # Errors
    ///
    /// [`JoinError::ReportedToGroup`] if the child has failed: the group got its error. [`JoinError::Panicked`] if it has panicked, and
    /// [`JoinError::Cancelled`] if it was cancelled, or has ended well but never said that it is ready: then the reason is
    /// [`CancelReason::NotReady`].
    ///
    /// # Cancellation
    ///
    /// As for [`TaskGroup::start`]: dropped before it has returned, it cancels the child.
    ///
    /// # Panics
    ///
    /// When polled outside an executor, or if the executor has as many tasks as it may have.
    ///
    /// ```
    /// use evenkeel::{TaskGroup, run, task::JoinError};
    ///
    /// let why = run(TaskGroup::<String>::run(async |group| {
    ///     let start = group.start(async |_ready: evenkeel::group::ReadySignal<u16>| {});
    ///     Ok(start.outcome().await.unwrap_err())
    /// }));
    /// assert!(matches!(why.unwrap(), JoinError::Cancelled(_)));
    /// ```
    #[expect(clippy::manual_async_fn, reason = "an async fn holds what it is given twice")]
    pub fn outcome(mut self) -> impl Future<Output = Result<(V, JoinHandle<R::Value>), JoinError>> {
        async move {
            let ready = poll_fn(|cx| self.poll_ready(cx)).await;
            ready.map_err(|(why, _)| match why {
                NeverReady::Ended => JoinError::Cancelled(CancelReason::NotReady),
                NeverReady::Failed(error) => error,
            })
        }
    }

    /// What the child is ready with; or why it will never be, and its handle.
    #[expect(clippy::type_complexity, reason = "a value with a handle, or an error with a handle")]
    fn poll_ready(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(V, JoinHandle<R::Value>), (NeverReady, JoinHandle<R::Value>)>> {
        if let Stage::Asked(child) = self.take_if(|stage| matches!(stage, Stage::Asked(_))) {
            let (ready, signal) = ReadySignal::new();
            let child = hand_over((child, ready), async |handed| {
                let (child, ready) = handed.take();
                child(ready).await
            });
            let handle = self.group.spawn_child::<Plain, _>(|_| child, Membership::Awaited, self.location);
            self.stage = Stage::Begun(signal, handle);
        }
        let polled = match &mut self.stage {
            Stage::Begun(signal, child) => signal.poll(child, cx),
            Stage::Stopped => return Poll::Pending,
            Stage::Asked(_) | Stage::Done => panic!("a child's start was polled after it had ended"),
        };
        let Poll::Ready(ready) = polled else { return Poll::Pending };
        let Stage::Begun(_, child) = self.take_if(|_| true) else { return Poll::Pending };
        Poll::Ready(match ready {
            Ok(value) => Ok((value, child)),
            Err(why) => Err((why, child)),
        })
    }

    /// The stage, if it is one that is wanted. `Done` otherwise, and in its place.
    fn take_if(&mut self, wanted: impl FnOnce(&Stage<B, V, R::Value>) -> bool) -> Stage<B, V, R::Value> {
        if wanted(&self.stage) { std::mem::replace(&mut self.stage, Stage::Done) } else { Stage::Done }
    }
}

impl<E, V, R, B> Future for Starting<E, V, R, B>
where
    E: fmt::Debug + 'static,
    V: 'static,
    R: ChildOutput<E, Value: 'static> + 'static,
    B: AsyncFnOnce(ReadySignal<V>) -> R + 'static,
{
    type Output = (V, JoinHandle<R::Value>);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Poll::Ready(ready) = self.poll_ready(cx) else { return Poll::Pending };
        match ready {
            Ok(ready) => Poll::Ready(ready),
            Err((why, mut child)) => {
                self.stage = Stage::Stopped;
                match why {
                    NeverReady::Ended => child.end_group(CancelReason::NotReady),
                    // If it has failed, this sees to it that the group is being cancelled: where children fail alone, it is not.
                    NeverReady::Failed(error) => child.no_value(error, "Starting::outcome"),
                }
                Poll::Pending
            }
        }
    }
}

/// The child's function is moved before it is polled.
impl<E, V, R: ChildOutput<E>, B> Unpin for Starting<E, V, R, B> {}

impl<E, V, R: ChildOutput<E>, B> Drop for Starting<E, V, R, B> {
    fn drop(&mut self) {
        if let Stage::Begun(_, child) = &self.stage {
            child.cancel(CancelReason::OwnerDropped);
        }
    }
}

impl<E, V, R: ChildOutput<E>, B> fmt::Debug for Starting<E, V, R, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Starting").finish_non_exhaustive()
    }
}

/// A child's word that it is ready, to whoever [started](TaskGroup::start) it.
pub struct ReadySignal<V>(Rc<Signal<V>>);

struct Signal<V> {
    value: Cell<Option<V>>,
    waker: WakerCell,
}

impl<V> ReadySignal<V> {
    fn new() -> (ReadySignal<V>, Rc<Signal<V>>) {
        let signal = Rc::new(Signal { value: Cell::new(None), waker: WakerCell::default() });
        (ReadySignal(signal.clone()), signal)
    }

    /// The child is ready. The value is returned where it was started.
    pub fn set(self, value: V) {
        self.0.value.set(Some(value));
        self.0.waker.wake();
    }
}

impl<V> fmt::Debug for ReadySignal<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadySignal").finish_non_exhaustive()
    }
}

impl<V> Signal<V> {
    /// Is the child ready, or has it ended without? Its outcome is not taken if it is ready.
    fn poll<T>(&self, child: &mut JoinHandle<T>, cx: &mut Context<'_>) -> Poll<Result<V, NeverReady>> {
        if let Some(value) = self.value.take() {
            return Poll::Ready(Ok(value));
        }
        if let Poll::Ready(outcome) = child.poll_outcome(cx) {
            // Waiting may have run foreign code, which may have the signal.
            return Poll::Ready(self.value.take().ok_or(match outcome {
                Ok(_) => NeverReady::Ended,
                Err(error) => NeverReady::Failed(error),
            }));
        }
        // So may keeping the waker have: whether the child is ready is looked at last.
        self.waker.keep(cx.waker());
        self.value.take().map_or(Poll::Pending, |value| Poll::Ready(Ok(value)))
    }
}
