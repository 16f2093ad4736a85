//! One run after the other.

use super::{super::group_state::GroupState, history::History, restart::Restart};
use crate::{
    caught::{Payload, Quiet, catch, drop_quietly, report_destructor},
    error::Failure,
    output::ChildOutput,
};
use evenkeel_executor::{Instant, Panic, combinator::Place, sleep, try_current_task};
use pin_project_lite::pin_project;
use std::{
    cell::Cell,
    fmt,
    future::pending,
    panic::resume_unwind,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

/// How far a child is that is restarted.
#[derive(Default)]
pub(super) struct Progress {
    pub(super) restarts: Cell<usize>,
    pub(super) is_waiting: Cell<bool>,
}

/// Runs what `make` makes, and runs it again as long as `restart` says so. Yields how the last run has ended.
///
/// `make` goes when this has ended, in whatever way, and takes nothing with it.
pub(super) async fn keep_running<E, R, M>(
    group: GroupState<E>,
    restart: Restart,
    progress: Rc<Progress>,
    mut make: Quiet<M>,
) -> Result<R::Value, Failure<E>>
where
    E: fmt::Debug + 'static,
    R: ChildOutput<E>,
    M: AsyncFnMut() -> R,
{
    let mut history = History::default();
    loop {
        let began = Instant::now();
        let ended = match Run::new(async { make.get()().await }).await {
            Ok(output) => output.into_result().map_err(End::Failed),
            Err(payload) => Err(End::Panicked(payload)),
        };
        if is_stopped(&group) || !restart.applies(ended.is_err()) {
            return ended.map_err(End::go_on);
        }
        let now = Instant::now();
        let Some(wait) = history.next_wait(&restart, now - began, now) else {
            match ended {
                Ok(value) => drop_quietly(value),
                Err(end) => group.keep_last(end.into_failure()),
            }
            return Err(restart.limit_failure());
        };
        progress.is_waiting.set(true);
        match ended {
            Ok(value) => drop_quietly(value),
            Err(End::Failed(error)) => group.has_failed_for_now(Failure::One(error)),
            Err(End::Panicked(payload)) => group.has_panicked_for_now(payload),
        }
        sleep(wait).await;
        if is_stopped(&group) {
            // This was woken when it was cancelled, and is dropped here.
            pending::<()>().await;
        }
        progress.is_waiting.set(false);
        progress.restarts.set(progress.restarts.get() + 1);
    }
}

/// Is the child that runs now being cancelled, alone or with its group?
fn is_stopped<E>(group: &GroupState<E>) -> bool {
    group.core.is_cancelled() || try_current_task().is_some_and(|task| task.cancel_reason().is_some())
}

/// How a run has failed.
enum End<E> {
    Failed(E),
    Panicked(Payload),
}

impl<E> End<E> {
    /// The failure is the child's; a panic goes on.
    fn go_on(self) -> Failure<E> {
        match self {
            End::Failed(error) => Failure::One(error),
            End::Panicked(payload) => resume_unwind(payload),
        }
    }

    fn into_failure(self) -> Failure<E> {
        match self {
            End::Failed(error) => Failure::One(error),
            End::Panicked(payload) => Failure::Panicked(Panic::new(payload)),
        }
    }
}

pin_project! {
    /// One run. It yields its output, or its panic, when all that it owned is gone.
    struct Run<F> {
        #[pin]
        future: Place<F>,
    }
}

impl<F> Run<F> {
    fn new(future: F) -> Run<F> {
        Run { future: Place::new(future) }
    }
}

impl<F: Future> Future for Run<F> {
    type Output = Result<F::Output, Payload>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut place = self.project().future;
        let future = place.as_mut().get().expect("a run is polled until it has ended");
        let ended = match catch(|| future.poll(cx)) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => Ok(output),
            Err(payload) => Err(payload),
        };
        if let Err(payload) = catch(|| place.as_mut().clear()) {
            report_destructor(payload);
        }
        Poll::Ready(ended)
    }
}
