//! `as_completed`: outcomes in the order in which they come.

use crate::in_place::{Child, Children, Family, Row, Take};
use evenkeel_coop::try_consume_budget;
use evenkeel_executor::CancelReason;
use futures_core::Stream;
use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    ops::ControlFlow,
    pin::Pin,
    task::{Context, Poll},
};

/// Runs several futures side by side and yields their outcomes in the order in which they end.
///
/// The futures live inside the [`Completed`] that this returns, and may borrow. They run only while it is awaited; see there.
///
/// ```
/// use evenkeel::{as_completed, run, sleep};
/// use std::time::Duration;
///
/// run(async {
///     let mut answers = as_completed([3, 1, 2].map(async |n| {
///         sleep(Duration::from_millis(n)).await;
///         n
///     }));
///     assert_eq!(answers.next().await, Some(1));
///     assert_eq!(answers.next().await, Some(2));
///     answers.cancel().await;
/// });
/// ```
pub fn as_completed<I>(futures: I) -> Completed<I::Item>
where
    I: IntoIterator<Item: Future>,
{
    Completed { family: Family::unordered(Row::new(futures)), done: VecDeque::new() }
}

/// The outcomes of several futures in the order in which they come: what [`as_completed`] returns. It is also a [`Stream`].
///
/// The futures make progress while [`next`](Completed::next) is awaited, and stand still meanwhile: what has come is kept, but code
/// between two calls must not wait for something that one of them holds. Each has a cancel scope of its own. When the code that awaits
/// this is cancelled all of them are, and their clean-up is awaited; afterwards, if it was only borrowed there, it yields what there is
/// still.
///
/// Dropping it drops the rest at once; clean-up in them is skipped, and reported to `on_unhandled`. To await that, use
/// [`cancel`](Completed::cancel).
#[must_use = "the futures run only while their outputs are fetched, and are dropped with this, by `let _ = …` too: call next until it yields None"]
pub struct Completed<F: Future> {
    family: Family<Row<F>>,
    done: VecDeque<F::Output>,
}

impl<F: Future> Unpin for Completed<F> {}

impl<F: Future> Completed<F> {
    /// The next outcome, or `None` when there are no more futures.
    ///
    /// Cancel-safe: an outcome that was not returned stays here.
    ///
    /// # Panics
    ///
    /// When polled outside an executor. If one of the futures panics, the others are cancelled and awaited, and the panic goes on.
    pub async fn next(&mut self) -> Option<F::Output> {
        poll_fn(|cx| self.poll_next_outcome(cx)).await
    }

    /// Adds a future.
    pub fn push(&mut self, future: F) {
        Pin::new(&mut self.family).add(|mut row, key| row.0.put(key, Child::new(future)));
    }

    /// How many outcomes are still to come.
    pub fn len(&self) -> usize {
        self.family.running() + self.done.len()
    }

    /// Are there no more?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Cancels the futures that have not ended, and awaits their clean-up.
    ///
    /// # Panics
    ///
    /// If clean-up does, when all of it is done.
    #[expect(clippy::manual_async_fn, reason = "an async fn holds what it is given twice")]
    pub fn cancel(mut self) -> impl Future<Output = ()> {
        async move {
            Pin::new(&mut self.family).cancel_all(CancelReason::from("the rest of several futures is not needed"));
            poll_fn(|cx| {
                self.poll_batch(cx);
                if Pin::new(&mut self.family).is_over() { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        }
    }

    fn poll_batch(&mut self, cx: &Context<'_>) {
        let done = &mut self.done;
        Pin::new(&mut self.family).poll_batch(cx, |mut row, key| {
            done.extend(row.as_mut().take(key));
            row.remove(key);
            ControlFlow::Continue(())
        });
    }

    fn poll_next_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
        if self.family.is_to_be_polled(!self.done.is_empty()) {
            self.poll_batch(cx);
        }
        if self.family.is_ending() {
            // After a panic, which goes on as soon as the others have ended.
            return if Pin::new(&mut self.family).is_over() {
                Poll::Ready(self.done.pop_front())
            } else {
                Poll::Pending
            };
        }
        match self.done.pop_front() {
            None if self.family.running() > 0 || self.family.is_being_cut(cx) => Poll::Pending,
            None => Poll::Ready(None),
            outcome if try_consume_budget() => Poll::Ready(outcome),
            outcome => {
                self.done.extend(outcome);
                self.done.rotate_right(1);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}

impl<F: Future> Stream for Completed<F> {
    type Item = F::Output;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
        self.get_mut().poll_next_outcome(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.done.len(), Some(self.len()))
    }
}

impl<F: Future> fmt::Debug for Completed<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Completed").field("running", &self.family.running()).field("done", &self.done.len()).finish()
    }
}
