//! A child that says when it is ready.

use super::{child::Plain, join_handle::JoinHandle, roster::Membership, task_group::TaskGroup};
use evenkeel_executor::{CancelReason, combinator::WakerCell};
use std::{cell::Cell, fmt, future::poll_fn, panic::Location, rc::Rc, task::Poll};

impl<E: fmt::Debug + 'static> TaskGroup<E> {
    /// Spawns a child, and waits until it says that it is ready: it calls [`ReadySignal::set`], with a value that is returned here.
    ///
    /// If it ends well without that, the group is cancelled with the reason [`CancelReason::NotReady`]; if it fails, the group
    /// has its failure. The code that awaits this is stopped in both cases.
    ///
    /// Cancel-safe: the child goes on if this is dropped.
    ///
    /// ```
    /// use evenkeel::{TaskGroup, run};
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
        B: AsyncFnOnce(ReadySignal<V>) -> Result<T, E> + 'static,
    {
        let location = Location::caller();
        let group = self.clone();
        async move {
            let (ready, signal) = ReadySignal::new();
            let child = async move { child(ready).await };
            let handle = group.spawn_child::<Plain, _>(child, Membership::Awaited, location);
            wait(signal, handle).await
        }
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

/// Waits until the child is ready, or has ended without: then its group is cancelled, and the code that awaits this does not go on.
async fn wait<V, T>(signal: Rc<Signal<V>>, mut child: JoinHandle<T>) -> V {
    let mut has_ended = false;
    poll_fn(|cx| {
        if let Some(value) = signal.value.take() {
            return Poll::Ready(value);
        }
        if has_ended {
            return Poll::Pending;
        }
        if let Poll::Ready(outcome) = child.poll_outcome(cx) {
            has_ended = true;
            // Waiting may have run foreign code, and the child may have been ready there.
            if let Some(value) = signal.value.take() {
                return Poll::Ready(value);
            }
            match outcome {
                Ok(_) => child.end_group(CancelReason::NotReady),
                // If it has failed, the group is being cancelled.
                Err(error) => child.no_value(error),
            }
            return Poll::Pending;
        }
        signal.waker.keep(cx.waker());
        // So may keeping the waker have: this is looked at last.
        signal.value.take().map_or(Poll::Pending, Poll::Ready)
    })
    .await
}
