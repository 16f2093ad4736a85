//! `map_concurrent`: an async function over many items, so many at a time.

use super::kind;
use crate::in_place::{Child, Children, Family, Row, Take};
use evenkeel_coop::{poll_within_budget, with_some_budget};
use evenkeel_executor::CancelReason;
use futures_core::Stream;
use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    ops::ControlFlow,
    panic::{AssertUnwindSafe, Location, catch_unwind},
    pin::{Pin, pin},
    task::{Context, Poll},
};

/// What [`map_concurrent`] takes: anything that can be iterated over, or a [`Stream`]. `Kind` is always inferred.
pub trait Items<Kind> {
    /// What each item is.
    type Item;
    /// The items as a stream.
    type Stream: Stream<Item = Self::Item>;

    /// Makes the stream.
    fn into_stream(self) -> Self::Stream;
}

impl<I: IntoIterator> Items<kind::Iter> for I {
    type Item = I::Item;
    type Stream = Iter<I::IntoIter>;

    fn into_stream(self) -> Iter<I::IntoIter> {
        Iter(self.into_iter())
    }
}

impl<S: Stream> Items<kind::Streamed> for S {
    type Item = S::Item;
    type Stream = S;

    fn into_stream(self) -> S {
        self
    }
}

/// An iterator as a stream.
#[derive(Debug)]
pub struct Iter<I>(I);

impl<I> Unpin for Iter<I> {}

impl<I: Iterator> Stream for Iter<I> {
    type Item = I::Item;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<I::Item>> {
        Poll::Ready(self.0.next())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

/// Calls `f` with each item and runs the futures that it returns, at most `limit` at a time. The next item is pulled only when there is
/// room: fewer than `limit` futures are running, or have an output that nobody has fetched.
///
/// Outputs come in the order of the items, or with [`unordered`](Mapped::unordered) as they are ready. The futures live inside the
/// [`Mapped`] that this returns, and may borrow. How to fetch the outputs, and what runs meanwhile, is said there.
///
/// A limit of 0 fits where there are no items (`items.len()`, say), and nowhere else.
///
/// # Panics
///
/// If `limit` is 0 and there are items: here if the source knows that there are, otherwise when the first one comes, with a message
/// that names the place of this call.
///
/// ```
/// use evenkeel::{map_concurrent, run, sleep};
/// use std::time::Duration;
///
/// let unit = Duration::from_millis(1);
/// let half_sizes = run(map_concurrent([30, 10, 20], 2, async |size: u32| {
///     sleep(size * unit / 10).await;
///     size / 2
/// })
/// .collect());
/// assert_eq!(half_sizes, [15, 5, 10]);
/// ```
#[track_caller]
pub fn map_concurrent<Kind, S, M, F>(items: S, limit: usize, f: M) -> Mapped<S::Stream, M, F>
where
    S: Items<Kind>,
    M: FnMut(S::Item) -> F,
    F: Future,
{
    let items = Box::pin(items.into_stream());
    let no_limit = if limit == 0 { Some(Location::caller()) } else { None };
    if no_limit.is_some() && items.size_hint().0 > 0 {
        begins_none();
    }
    Mapped {
        items: Some(items),
        f,
        limit: limit.max(1),
        no_limit,
        is_ordered: true,
        family: Family::new(Row::new([])),
        places: Vec::new(),
        done: VecDeque::new(),
        done_count: 0,
        head: 0,
        pulled: 0,
    }
}

#[cold]
#[track_caller]
fn begins_none() -> ! {
    panic!("map_concurrent with items and a limit of 0 would never begin: use at least 1");
}

/// The outputs of an async function over many items: what [`map_concurrent`] returns.
///
/// There are three ways to fetch them:
///
/// * [`for_each`](Mapped::for_each) calls an async function with each, and [`collect`](Mapped::collect) makes a `Vec` of them.
///   Meanwhile the futures run on, and new ones begin.
/// * [`next`](Mapped::next), in a loop of your own. The futures live inside this value and borrow what they like, so they can run only
///   while it is polled; the code in your loop is polled without it. So that this code never waits for something that a future holds
///   which nobody polls, `next` leaves none half-way: once an output is there it pulls no more items, lets those futures end that are
///   running, and then hands their outputs out one after the other. Each call waits for the slowest of at most `limit` futures.
/// * as a [`Stream`], which is the same as `next`.
///
/// So prefer `for_each` where your code awaits: then it runs side by side with the futures, and nothing stands still. Each future has a
/// cancel scope of its own. When the code that awaits this is cancelled all of them are, and their clean-up is awaited; afterwards, if it
/// was only borrowed there, it yields what there is still, and begins no more. Dropping it
/// drops what runs at once; clean-up is skipped, and reported to `on_unhandled`. To await that, use [`cancel`](Mapped::cancel).
///
/// # Panics
///
/// All of them, when polled outside an executor. If `f`, one of the futures or the source of the items panics, the other futures are
/// cancelled and awaited, and the panic goes on.
#[must_use = "nothing is done until the outputs are fetched, and what runs is dropped with this, by `let _ = …` too: call for_each, collect or next"]
pub struct Mapped<S: Stream, M, F: Future> {
    /// The items that were not pulled; `None` when there are no more.
    items: Option<Pin<Box<S>>>,
    f: M,
    limit: usize,
    /// Where a limit of 0 was given: then there are to be no items.
    no_limit: Option<&'static Location<'static>>,
    is_ordered: bool,
    family: Family<Row<F>>,
    /// Which item each future is for, by the future's key.
    places: Vec<u64>,
    /// Ordered: the outputs from that of item `head` on, with gaps. Otherwise without gaps.
    done: VecDeque<Option<F::Output>>,
    done_count: usize,
    head: u64,
    /// How many items there were.
    pulled: u64,
}

impl<S: Stream, M, F: Future> Unpin for Mapped<S, M, F> {}

impl<S, M, F> Mapped<S, M, F>
where
    S: Stream,
    M: FnMut(S::Item) -> F,
    F: Future,
{
    /// Outputs come as they are ready, whatever the order of the items. To be called before the first output is fetched.
    ///
    /// # Panics
    ///
    /// After that.
    #[track_caller]
    pub fn unordered(mut self) -> Self {
        assert!(self.pulled == 0, "unordered is to be called before the first output is fetched");
        self.is_ordered = false;
        self
    }

    /// The next output, or `None` after the last. When this returns, none of the futures is half-way: see [`Mapped`].
    ///
    /// Cancel-safe: an output that was not returned stays here.
    pub async fn next(&mut self) -> Option<F::Output> {
        poll_fn(|cx| self.poll_settled(cx)).await
    }

    /// Runs to the end, and yields all outputs.
    #[expect(clippy::manual_async_fn, reason = "an async fn holds what it is given twice")]
    pub fn collect(mut self) -> impl Future<Output = Vec<F::Output>> {
        async move {
            let mut all = Vec::new();
            while let Some(output) = poll_fn(|cx| self.poll_any(cx)).await {
                all.push(output);
            }
            all
        }
    }

    /// Calls `consume` with each output, one after the other, while the futures run on beside it. Outputs that wait for it count as
    /// running, so a slow consumer slows the source down.
    #[expect(clippy::manual_async_fn, reason = "an async fn holds what it is given twice")]
    pub fn for_each<C: AsyncFnMut(F::Output)>(mut self, mut consume: C) -> impl Future<Output = ()> {
        async move {
            // Named first, it is dropped last, as an argument that comes later is.
            let consume = &mut consume;
            while let Some(output) = poll_fn(|cx| self.poll_any(cx)).await {
                let mut work = pin!(consume(output));
                poll_fn(|cx| {
                    self.advance(cx, true);
                    // A future's panic goes on when the others have ended.
                    if self.family.is_ending() && !Pin::new(&mut self.family).is_over() {
                        return Poll::Pending;
                    }
                    // Futures that are always busy leave nothing of the budget.
                    with_some_budget(|| work.as_mut().poll(cx))
                })
                .await;
            }
        }
    }

    /// Pulls no more items, cancels the futures that are running, and awaits their clean-up.
    #[expect(clippy::manual_async_fn, reason = "an async fn holds what it is given twice")]
    pub fn cancel(mut self) -> impl Future<Output = ()> {
        async move {
            self.items = None;
            Pin::new(&mut self.family).cancel_all(CancelReason::from("the rest of several futures is not needed"));
            poll_fn(|cx| {
                self.advance(cx, false);
                if Pin::new(&mut self.family).is_over() { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        }
    }

    /// Polls what was woken, and begins more if that is wanted and there is room.
    fn advance(&mut self, cx: &mut Context<'_>, pull: bool) {
        if pull {
            self.pull(cx);
        }
        let (places, done, head, is_ordered) = (&self.places, &mut self.done, self.head, self.is_ordered);
        let done_count = &mut self.done_count;
        Pin::new(&mut self.family).poll_batch(cx, |mut row, key| {
            if let Some(output) = row.as_mut().take(key) {
                *done_count += 1;
                if is_ordered {
                    let at = (places[key] - head) as usize;
                    if at >= done.len() {
                        done.resize_with(at + 1, || None);
                    }
                    done[at] = Some(output);
                } else {
                    done.push_back(Some(output));
                }
            }
            row.remove(key);
            ControlFlow::Continue(())
        });
    }

    fn pull(&mut self, cx: &mut Context<'_>) {
        while self.family.running() + self.done_count < self.limit && !self.family.is_ending() && !self.family.is_cut()
        {
            let Some(items) = &mut self.items else { return };
            let (f, no_limit) = (&mut self.f, self.no_limit);
            let mut begin = |item| match no_limit {
                None => f(item),
                Some(place) => {
                    panic!("map_concurrent at {place} has items and a limit of 0, so would never begin: use at least 1")
                }
            };
            // The items, the function, and what it captures are foreign code.
            let pulled =
                catch_unwind(AssertUnwindSafe(|| items.as_mut().poll_next(cx).map(|item| item.map(&mut begin))));
            match pulled {
                Ok(Poll::Ready(Some(future))) => {
                    let put = |mut row: Pin<&mut Row<F>>, key| row.0.put(key, Child::new(future));
                    let key = Pin::new(&mut self.family).add(put);
                    if key >= self.places.len() {
                        self.places.resize(key + 1, 0);
                    }
                    self.places[key] = self.pulled;
                    self.pulled += 1;
                }
                Ok(Poll::Ready(None)) => self.items = None,
                Ok(Poll::Pending) => return,
                Err(payload) => {
                    self.items = None;
                    Pin::new(&mut self.family).fail(None, payload);
                }
            }
        }
    }

    fn has_output(&mut self) -> bool {
        if self.family.is_cut() && self.family.running() == 0 {
            // What was stopped leaves gaps, which nothing will fill.
            while matches!(self.done.front(), Some(None)) {
                self.done.pop_front();
                self.head += 1;
            }
        }
        matches!(self.done.front(), Some(Some(_)))
    }

    fn take_output(&mut self) -> Option<F::Output> {
        let output = self.done.pop_front()??;
        self.done_count -= 1;
        self.head += 1;
        Some(output)
    }

    /// Have all futures ended, for good? Goes on with a panic if there was one.
    fn has_ended(&mut self, cx: &mut Context<'_>) -> bool {
        let begins_none = self.items.is_none() || self.family.is_cut();
        begins_none && Pin::new(&mut self.family).is_over() && !self.family.is_being_cut(cx)
    }

    /// An output as soon as there is one.
    fn poll_any(&mut self, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
        self.advance(cx, true);
        if self.family.is_ending() && !Pin::new(&mut self.family).is_over() {
            return Poll::Pending;
        }
        match self.has_output() {
            true => poll_within_budget(cx, |_| Poll::Ready(self.take_output())),
            false if self.has_ended(cx) => Poll::Ready(None),
            false => Poll::Pending,
        }
    }

    /// An output when no future is half-way.
    fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
        // What runs is let end, also if there is an output.
        let pull = !self.has_output();
        if pull || self.family.running() > 0 {
            self.advance(cx, pull);
        }
        if self.family.is_ending() && !Pin::new(&mut self.family).is_over() {
            return Poll::Pending;
        }
        match self.has_output() {
            true if self.family.running() == 0 => poll_within_budget(cx, |_| Poll::Ready(self.take_output())),
            false if self.has_ended(cx) => Poll::Ready(None),
            _ => Poll::Pending,
        }
    }
}

impl<S, M, F> Stream for Mapped<S, M, F>
where
    S: Stream,
    M: FnMut(S::Item) -> F,
    F: Future,
{
    type Item = F::Output;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
        self.get_mut().poll_settled(cx)
    }
}

impl<S: Stream, M, F: Future> fmt::Debug for Mapped<S, M, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapped").field("running", &self.family.running()).field("done", &self.done_count).finish()
    }
}
