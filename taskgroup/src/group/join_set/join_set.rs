//! The join set.

use super::{
    super::task_group::TaskGroup,
    endings::{Ending, Endings},
};
use evenkeel_coop::poll_within_budget;
use evenkeel_executor::{CancelReason, JoinError, TaskId};
use futures_core::Stream;
use std::{
    fmt::{self, Debug},
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

/// Children of a group that are joined as they end, whichever ends first; others may be spawned meanwhile. This is tokio's `JoinSet`, with a
/// group around it, and the `for await` of a Swift task group: [`TaskGroup::join_set`] makes one, and its children are the group's.
///
/// * How a child has ended, its set is told, and the group is not: an `Err` is a value, a panic is a [`JoinError`], and neither cancels
///   anybody. (What is to fail the group is [spawned](TaskGroup::spawn) into that.) **But do not await a handle** that
///   [`spawn`](JoinSet::spawn) gave: if that child was cancelled there is no value, and the group ends. The set is what is awaited.
/// * Outcomes come in the order in which the children have ended. To find the next costs the same however many there are.
/// * The group does not end before the set's children. If it is cancelled, so are they, and they are told as [cancelled](JoinError::Cancelled).
/// * Dropping the set cancels its children, and the group waits for their clean-up. What was not joined then is dropped; an `Err` or a
///   panic among that goes to `on_unhandled`. No child can be detached: it has an owner.
///
/// A set is also a [`Stream`] of outcomes, which ends when there is no child any more, and goes on when another one is spawned.
///
/// Where the number is known, [`as_completed`](crate::as_completed) and [`map_concurrent`](crate::map_concurrent) do the same without tasks.
///
/// ```
/// use evenkeel::{TaskGroup, run, sleep};
/// use std::time::Duration;
///
/// let pages = run(TaskGroup::<String>::run(async |group| {
///     let mut set = group.join_set();
///     let fetch = async |depth: u64| {
///         sleep(Duration::from_millis(depth)).await;
///         depth
///     };
///     set.spawn(fetch(2));
///     set.spawn(fetch(1));
///     let mut pages = Vec::new();
///     while let Some(depth) = set.join_next().await {
///         let depth = depth.expect("no page panics");
///         pages.push(depth);
///         if depth == 1 {
///             set.spawn(fetch(3)); // a link that was found there
///         }
///     }
///     Ok(pages)
/// }));
/// assert_eq!(pages.unwrap(), [1, 2, 3]);
/// ```
#[must_use = "a JoinSet that is dropped cancels its children, and `let _ = …` drops it: join them, or spawn into the group"]
pub struct JoinSet<T, E> {
    pub(super) group: TaskGroup<E>,
    pub(super) endings: Rc<Endings<T>>,
}

impl<E: Debug + 'static> TaskGroup<E> {
    /// A set without children, whose children will be this group's. They may yield anything that can be printed, as the outputs of
    /// tasks can.
    pub fn join_set<T: Debug + 'static>(&self) -> JoinSet<T, E> {
        JoinSet { group: self.clone(), endings: Rc::new(Endings::new()) }
    }
}

impl<T, E> JoinSet<T, E> {
    /// Waits until a child has ended, and yields how: the first that has ended and was not joined yet. `None` if the set has no child.
    ///
    /// Cancel-safe: an outcome that was not returned stays in the set.
    ///
    /// # Errors
    ///
    /// [`JoinError::Cancelled`] with the reason, [`JoinError::Panicked`] with the panic, if the child has ended so.
    pub async fn join_next(&mut self) -> Option<Result<T, JoinError>> {
        self.join_next_with_id().await.map(|(_, outcome)| outcome)
    }

    /// [`join_next`](JoinSet::join_next), and which child it was.
    ///
    /// Cancel-safe: an outcome that was not returned stays in the set.
    pub async fn join_next_with_id(&mut self) -> Option<(TaskId, Result<T, JoinError>)> {
        poll_fn(|cx| self.poll_join_next_with_id(cx)).await
    }

    /// The next outcome if a child has ended, without waiting. `None` as well if the set has no child.
    pub fn try_join_next(&mut self) -> Option<Result<T, JoinError>> {
        self.try_join_next_with_id().map(|(_, outcome)| outcome)
    }

    /// [`try_join_next`](JoinSet::try_join_next), and which child it was.
    pub fn try_join_next_with_id(&mut self) -> Option<(TaskId, Result<T, JoinError>)> {
        self.endings.next().map(|ending| (ending.id, ending.outcome))
    }

    /// [`join_next`](JoinSet::join_next) for those who poll.
    pub fn poll_join_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, JoinError>>> {
        self.poll_join_next_with_id(cx).map(|joined| joined.map(|(_, outcome)| outcome))
    }

    /// [`join_next_with_id`](JoinSet::join_next_with_id) for those who poll.
    pub fn poll_join_next_with_id(&mut self, cx: &mut Context<'_>) -> Poll<Option<(TaskId, Result<T, JoinError>)>> {
        self.poll_next_ending(cx).map(|ending| ending.map(|ending| (ending.id, ending.outcome)))
    }

    fn poll_next_ending(&mut self, cx: &mut Context<'_>) -> Poll<Option<Ending<T>>> {
        poll_within_budget(cx, |cx| {
            // Keeping the waker may be foreign code, in which a child ends.
            if self.endings.is_none_ready() {
                self.endings.waker.keep(cx.waker());
            }
            match self.endings.next() {
                None if !self.is_empty() => Poll::Pending,
                ending => Poll::Ready(ending),
            }
        })
    }

    /// Joins all children that there are, and yields their outcomes in the order in which they have ended.
    ///
    /// tokio's `join_all` panics if a child did; this one leaves that to whoever looks at the outcomes.
    ///
    /// Dropped before its end, it drops the set, which cancels the children that are left.
    pub async fn join_all(mut self) -> Vec<Result<T, JoinError>> {
        let mut outcomes = Vec::with_capacity(self.len());
        while let Some(outcome) = self.join_next().await {
            outcomes.push(outcome);
        }
        outcomes
    }

    /// Cancels all children, and waits until they have ended, with their clean-up. What they yield is dropped; an `Err` or a panic goes to
    /// `on_unhandled`. The set can be used again then.
    ///
    /// Cancel-safe: dropped before its end, it has cancelled the children, and they are still in the set.
    pub async fn shutdown(&mut self, reason: impl Into<CancelReason>) {
        self.cancel_all(reason);
        while let Some(ending) = poll_fn(|cx| self.poll_next_ending(cx)).await {
            self.endings.is_unread(ending);
        }
    }

    /// How many children are in the set: those that run, and those that have ended and were not joined.
    pub fn len(&self) -> usize {
        self.endings.len()
    }

    /// Is there no child in the set?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Cancels all children, the newest first. They stay in the set, and are told as cancelled when they have ended.
    pub fn cancel_all(&self, reason: impl Into<CancelReason>) {
        self.endings.cancel_all(&reason.into());
    }

    /// Stops all children hard, without clean-up, as [`JoinHandle::abort`](crate::JoinHandle::abort) does.
    pub fn abort_all(&self) {
        for task in self.endings.running() {
            task.abort();
        }
    }
}

impl<T, E> Stream for JoinSet<T, E> {
    type Item = Result<T, JoinError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_join_next(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len(), None)
    }
}

/// The set holds no child: they are tasks.
impl<T, E> Unpin for JoinSet<T, E> {}

impl<T, E> Drop for JoinSet<T, E> {
    fn drop(&mut self) {
        self.endings.close();
    }
}

impl<T, E> Debug for JoinSet<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinSet").field("len", &self.len()).finish_non_exhaustive()
    }
}
