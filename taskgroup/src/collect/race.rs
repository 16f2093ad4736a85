//! `race` and `first_ok`: the first of several futures; the others are cancelled, and their clean-up awaited.

use super::{gather::Errors, kind};
use crate::{error::GroupError, explain::Explain, in_place::*};
use evenkeel_executor::CancelReason;
use pin_project_lite::pin_project;
use std::{
    marker::PhantomData,
    ops::ControlFlow,
    panic::Location,
    pin::Pin,
    task::{Context, Poll},
};

/// What [`race`] takes: a tuple of up to twelve futures with one type of output, or anything that yields futures of one type (an
/// array, a `Vec`, an iterator). `Kind` is always inferred.
#[diagnostic::on_unimplemented(
    message = "these futures cannot race: `{Self}`",
    label = "not futures with one type of output",
    note = "futures that race have one type of output: map each to a variant of one enum, `async {{ Event::Key(key.await) }}`"
)]
pub trait Race<Kind> {
    /// What each future yields.
    type Output;

    /// What [`race`] returns.
    fn into_race(self) -> impl Future<Output = Self::Output>;

    /// What [`race_biased`] returns.
    fn into_biased_race(self) -> impl Future<Output = Self::Output>;
}

/// Runs several futures side by side and yields the output of the first that ends. The others are cancelled, with the reason
/// [`RaceLost`](CancelReason::RaceLost), and their clean-up is awaited before this returns.
///
/// Of those that can end in the same poll, the one that was woken first wins. In the first poll they come in an order that is fair in the
/// long run, and those behind the winner never start: in a loop, a future that is always ready shuts no other out. Where the first in the
/// list is to be preferred, use [`race_biased`]. With an enum of your own as output this takes the place of a `select!`.
///
/// Losers without clean-up are dropped as they are, also those that could end now: nothing is taken from a queue, and no outcome from a
/// task, that nobody gets. So a future that is only *borrowed* by a branch (`&mut future`) is intact when it loses (but for what it has set
/// of its task-locals, which was the branch's), but nobody polls it from then on, though it may hold a lock or be next for one: to keep such
/// work alive, spawn it and race its handle.
///
/// # Cancellation
///
/// As for [`gather`](crate::gather). Once there is a winner, its output is returned also if the caller is cancelled meanwhile, as soon
/// as clean-up is done.
///
/// # Panics
///
/// When polled outside an executor. For an empty list, as nobody can win: check for that before, or use [`first_ok`], which has an
/// answer. If one of the futures panics, also while it is cleaning up after it lost, the others are cancelled and awaited, and the
/// panic goes on.
///
/// ```
/// use evenkeel::{race, run, sleep};
/// use std::time::Duration;
///
/// enum Event {
///     Key(char),
///     Tick,
/// }
///
/// run(async {
///     let key = async {
///         sleep(Duration::from_millis(1)).await;
///         Event::Key('q')
///     };
///     let tick = async {
///         sleep(Duration::from_secs(1)).await;
///         Event::Tick
///     };
///     assert!(matches!(race((key, tick)).await, Event::Key('q')));
/// });
/// ```
pub fn race<Kind, R: Race<Kind>>(futures: R) -> impl Future<Output = R::Output> {
    futures.into_race()
}

/// Races futures as [`race`] does, but polls them in the order of the list at first: of those that are ready then, the first in the list
/// wins. In a loop, a future that is always ready shuts out those behind it: put the urgent and the rare first, the steady last.
///
/// # Panics
///
/// As [`race`] does.
///
/// ```
/// use evenkeel::{race_biased, run, sync::{Event, Queue}};
///
/// enum Next {
///     Stop,
///     Item(u32),
/// }
///
/// run(async {
///     let (stop, items) = (Event::new(), Queue::unbounded());
///     items.try_put(1).unwrap();
///     stop.set();
///     // A stop that has been asked for goes before any item.
///     let next = race_biased((
///         async {
///             stop.wait().await;
///             Next::Stop
///         },
///         async { Next::Item(items.get().await.unwrap()) },
///     ));
///     assert!(matches!(next.await, Next::Stop));
/// });
/// ```
pub fn race_biased<Kind, R: Race<Kind>>(futures: R) -> impl Future<Output = R::Output> {
    futures.into_biased_race()
}

/// Runs several futures side by side and yields the first value; the others are cancelled then, and their clean-up awaited, as by
/// [`race`]. A future that fails is out. In the first poll they come in a fair order, as in [`race`].
///
/// # Errors
///
/// If all fail: every error, in the order in which they came. For an empty list, a [`GroupError`] without errors.
///
/// # Panics
///
/// As [`race`] does, but not for an empty list.
///
/// ```
/// use evenkeel::{first_ok, run, sleep};
/// use std::time::Duration;
///
/// async fn ask(server: u64) -> Result<u64, String> {
///     sleep(Duration::from_millis(server)).await;
///     if server < 3 { Err(format!("server {server} is down")) } else { Ok(server) }
/// }
///
/// run(async {
///     assert_eq!(first_ok([2, 9, 3, 1].map(ask)).await.unwrap(), 3);
///     let error = first_ok([2, 1].map(ask)).await.unwrap_err();
///     assert_eq!(error.into_errors(), ["server 1 is down", "server 2 is down"]);
/// });
/// ```
#[track_caller]
pub fn first_ok<Of, I, T, E: Explain<Of>>(futures: I) -> impl Future<Output = Result<T, GroupError<E>>>
where
    I: IntoIterator<Item: Future<Output = Result<T, E>>>,
{
    let mut errors = Some(Errors::new::<Of>(Location::caller()));
    let choose = move |result: Option<Result<T, E>>| match result {
        Some(Ok(value)) => Some(Ok(value)),
        Some(Err(error)) => errors.as_mut().and_then(|errors| errors.value::<T>(Err(error))).map(Ok),
        None => errors.take().map(|errors| Err(errors.into_error())),
    };
    raced(Family::unordered(Row::new(futures)), choose)
}

pin_project! {
    /// `choose` is called with each output, and with `None` if all have ended without a winner; what it yields first is the result.
    struct Raced<C: Children, W, V, T> {
        #[pin]
        family: Family<C>,
        choose: W,
        winner: Option<T>,
        _outputs: PhantomData<fn(V)>,
    }
}

fn raced<V, T, C: Take<V>>(family: Family<C>, choose: impl FnMut(Option<V>) -> Option<T>) -> impl Future<Output = T> {
    Raced { family, choose, winner: None, _outputs: PhantomData }
}

impl<V, T, C: Take<V>, W: FnMut(Option<V>) -> Option<T>> Future for Raced<C, W, V, T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = self.project();
        let (mut family, choose, winner) = (this.family, this.choose, this.winner);
        if family.as_mut().is_alive() {
            let had_winner = winner.is_some();
            family.as_mut().poll_batch(cx, |children, key| {
                let output = children.take(key);
                if winner.is_none() && output.is_some() {
                    *winner = choose(output);
                    if winner.is_some() {
                        // Those behind it in this batch lose before they are polled.
                        return ControlFlow::Break(());
                    }
                }
                ControlFlow::Continue(())
            });
            // That was broken off then, so the rest is polled now, also if it is cancelled already.
            if winner.is_some() && !had_winner {
                family.as_mut().cancel_all(CancelReason::RaceLost);
                if family.as_mut().is_alive() {
                    family.as_mut().poll_batch(cx, |children, key| {
                        // A loser's output, perhaps with a destructor.
                        drop(children.take(key));
                        ControlFlow::Continue(())
                    });
                }
            }
        }
        if !family.as_mut().is_over() {
            return Poll::Pending;
        }
        match winner.take() {
            None if family.as_mut().has_no_outcome("a gather or a race", cx) => Poll::Pending,
            None => choose(None).map_or(Poll::Pending, Poll::Ready),
            Some(winner) => Poll::Ready(winner),
        }
    }
}

fn first<V, C: Take<V>>(family: Family<C>) -> impl Future<Output = V> {
    raced(family, |output| match output {
        Some(output) => Some(output),
        None => panic!("a race of no futures has no winner: check that the list is not empty, or use first_ok"),
    })
}

impl<I: IntoIterator<Item: Future>> Race<kind::Each> for I {
    type Output = <I::Item as Future>::Output;

    fn into_race(self) -> impl Future<Output = Self::Output> {
        first(Family::unordered(Row::new(self)))
    }

    fn into_biased_race(self) -> impl Future<Output = Self::Output> {
        first(Family::new(Row::new(self)))
    }
}

macro_rules! tuple {
    ($name:ident: $($type:ident $field:ident $key:literal),+) => {
        impl<T, $($type: Future<Output = T>),+> Race<kind::Tuple> for ($($type,)+) {
            type Output = T;

            fn into_race(self) -> impl Future<Output = T> {
                first(Family::unordered($name::new(self)))
            }

            fn into_biased_race(self) -> impl Future<Output = T> {
                first(Family::new($name::new(self)))
            }
        }
    };
}
for_each_tuple!(tuple);
