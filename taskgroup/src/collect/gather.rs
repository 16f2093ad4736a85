//! `gather` and `try_gather`: the outcomes of several futures, in the order of the futures.

use super::kind;
use crate::{
    error::{ChildError, Failure, GroupError},
    explain::{Explain, Explains},
    in_place::*,
};
use pin_project_lite::pin_project;
use std::{
    ops::ControlFlow,
    panic::Location,
    pin::Pin,
    task::{Context, Poll},
};

/// What [`gather`] takes: a tuple of up to twelve futures, or anything that yields futures of one type (an array, a `Vec`, an
/// iterator). `Kind` is always inferred.
#[diagnostic::on_unimplemented(
    message = "`gather` takes a tuple of up to twelve futures, or several of one type, not `{Self}`",
    label = "not several futures",
    note = "put futures of different types into a tuple, `gather((one, two))`, those of one type into an array or a `Vec`"
)]
pub trait Gather<Kind> {
    /// A tuple of the outputs, or a `Vec`.
    type Output;

    /// What [`gather`] returns.
    fn into_gather(self) -> impl Future<Output = Self::Output>;
}

/// Runs several futures side by side and yields their outcomes in the order of the futures, whichever ends first.
///
/// All are awaited. An error is a value like any other here: it cancels nobody (see [`try_gather`], and
/// [`TaskGroup`](crate::TaskGroup) for one that does). No futures give an empty result at once.
///
/// The futures live inside the one that this returns, and may borrow. Of several only those that were woken are polled, each once per poll.
/// What a future sets of its task's `TaskLocal`s is its own.
///
/// # Cancellation
///
/// Each future has a cancel scope of its own. When the caller is cancelled all of them are, and their clean-up is awaited. If this
/// future is dropped in the middle instead, clean-up in it is skipped, and reported to `on_unhandled`.
///
/// If this future was only *borrowed* by the code that was cancelled, it can be awaited again, unless some of its futures cleaned up: the
/// others were stopped then, so there is no outcome.
///
/// # Panics
///
/// When polled outside an executor, or again after some of its futures were stopped. If one of the futures panics, the others are
/// cancelled and awaited, and the panic goes on.
///
/// ```
/// use evenkeel::{gather, run, sleep};
/// use std::time::Duration;
///
/// async fn double(n: u64) -> u64 {
///     sleep(Duration::from_millis(n)).await;
///     2 * n
/// }
///
/// run(async {
///     assert_eq!(gather((double(2), async { "two" })).await, (4, "two"));
///     assert_eq!(gather([3, 1, 2].map(double)).await, [6, 2, 4]);
/// });
/// ```
pub fn gather<Kind, G: Gather<Kind>>(futures: G) -> impl Future<Output = G::Output> {
    futures.into_gather()
}

/// What [`try_gather`] takes: as [`Gather`], of futures that yield `Result<_, E>` with one `E`.
pub trait TryGather<Kind, E> {
    /// A tuple of the values, or a `Vec`.
    type Output;

    /// What [`try_gather`] returns. Errors are said to come from that place in the source.
    fn into_try_gather<Of>(
        self,
        location: &'static Location<'static>,
    ) -> impl Future<Output = Result<Self::Output, GroupError<E>>>
    where
        E: Explain<Of>;
}

/// [`gather`] for futures that can fail: all values, or all errors.
///
/// All are awaited, also after an error: it cancels nobody.
///
/// # Errors
///
/// Every error, in the order of the futures.
///
/// # Panics
///
/// As [`gather`] does.
///
/// ```
/// use evenkeel::{run, try_gather};
///
/// let parse = async |text: &str| text.parse::<u8>().map_err(|error| error.to_string());
/// run(async {
///     assert_eq!(try_gather((parse("1"), parse("2"))).await.unwrap(), (1, 2));
///     let error = try_gather(["1", "", "-1"].map(parse)).await.unwrap_err();
///     assert_eq!(error.errors().count(), 2);
/// });
/// ```
#[track_caller]
pub fn try_gather<Kind, Of, E: Explain<Of>, G: TryGather<Kind, E>>(
    futures: G,
) -> impl Future<Output = Result<G::Output, GroupError<E>>> {
    futures.into_try_gather(Location::caller())
}

pin_project! {
    struct Gathered<C: Children> {
        #[pin]
        family: Family<C>,
    }
}

impl<C: TakeAll> Future for Gathered<C> {
    type Output = C::Outputs;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<C::Outputs> {
        let mut family = self.project().family;
        if family.as_mut().is_alive() {
            family.as_mut().poll_batch(cx, |_, _| ControlFlow::Continue(()));
        }
        if family.as_mut().is_over() && !family.as_mut().has_no_outcome("a gather or a race", cx) {
            Poll::Ready(family.children().take_all())
        } else {
            Poll::Pending
        }
    }
}

pin_project! {
    /// A future, and what is made of its output.
    struct Map<F, M> {
        #[pin]
        future: F,
        map: Option<M>,
    }
}

impl<F: Future, T, M: FnOnce(F::Output) -> T> Future for Map<F, M> {
    type Output = T;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = self.project();
        let Poll::Ready(output) = this.future.poll(cx) else { return Poll::Pending };
        let map = this.map.take().expect("polled after it had ended");
        Poll::Ready(map(output))
    }
}

/// Collects errors, and knows where they are said to come from.
pub(crate) struct Errors<E> {
    location: &'static Location<'static>,
    explains: Explains<E>,
    errors: Vec<ChildError<E>>,
}

impl<E> Errors<E> {
    pub(crate) fn new<Of>(location: &'static Location<'static>) -> Errors<E>
    where
        E: Explain<Of>,
    {
        Errors { location, explains: E::explain, errors: Vec::new() }
    }

    /// The value; or `None`, and the error is kept.
    pub(crate) fn value<T>(&mut self, result: Result<T, E>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.errors.push(ChildError::new(Failure::One(error), None, self.location, self.explains));
                None
            }
        }
    }

    pub(crate) fn into_error(self) -> GroupError<E> {
        GroupError::new(self.errors, None)
    }
}

impl<I: IntoIterator<Item: Future>> Gather<kind::Each> for I {
    type Output = Vec<<I::Item as Future>::Output>;

    fn into_gather(self) -> impl Future<Output = Self::Output> {
        Gathered { family: Family::new(Row::new(self)) }
    }
}

impl<I, T, E> TryGather<kind::Each, E> for I
where
    I: IntoIterator<Item: Future<Output = Result<T, E>>>,
{
    type Output = Vec<T>;

    fn into_try_gather<Of>(
        self,
        location: &'static Location<'static>,
    ) -> impl Future<Output = Result<Self::Output, GroupError<E>>>
    where
        E: Explain<Of>,
    {
        let sort = move |results: Vec<Result<T, E>>| {
            let mut errors = Errors::new::<Of>(location);
            let count = results.len();
            let values: Vec<T> = results.into_iter().filter_map(|result| errors.value(result)).collect();
            if values.len() == count { Ok(values) } else { Err(errors.into_error()) }
        };
        Map { future: self.into_gather(), map: Some(sort) }
    }
}

macro_rules! tuple {
    ($name:ident: $($type:ident $field:ident $key:literal),+) => {
        impl<$($type: Future),+> Gather<kind::Tuple> for ($($type,)+) {
            type Output = ($($type::Output,)+);

            fn into_gather(self) -> impl Future<Output = Self::Output> {
                Gathered { family: Family::new($name::new(self)) }
            }
        }
    };
}
for_each_tuple!(tuple);

/// Implements `TryGather` for a tuple. Per member: the future's type, its value's type, and a name for both its result and its value.
macro_rules! try_tuple {
    ($($type:ident $value:ident $field:ident),+) => {
        impl<Error, $($value, $type: Future<Output = Result<$value, Error>>),+> TryGather<kind::Tuple, Error>
            for ($($type,)+)
        {
            type Output = ($($value,)+);

            fn into_try_gather<Of>(
                self,
                location: &'static Location<'static>,
            ) -> impl Future<Output = Result<Self::Output, GroupError<Error>>>
            where
                Error: Explain<Of>,
            {
                let sort = move |($($field,)+): ($(Result<$value, Error>,)+)| {
                    let mut errors = Errors::new::<Of>(location);
                    match ($(errors.value($field),)+) {
                        ($(Some($field),)+) => Ok(($($field,)+)),
                        _ => Err(errors.into_error()),
                    }
                };
                Map { future: self.into_gather(), map: Some(sort) }
            }
        }
    };
}
try_tuple!(A TA a);
try_tuple!(A TA a, B TB b);
try_tuple!(A TA a, B TB b, C TC c);
try_tuple!(A TA a, B TB b, C TC c, D TD d);
try_tuple!(A TA a, B TB b, C TC c, D TD d, E TE e);
try_tuple!(A TA a, B TB b, C TC c, D TD d, E TE e, F TF f);
try_tuple!(A TA a, B TB b, C TC c, D TD d, E TE e, F TF f, G TG g);
try_tuple!(A TA a, B TB b, C TC c, D TD d, E TE e, F TF f, G TG g, H TH h);
try_tuple!(A TA a, B TB b, C TC c, D TD d, E TE e, F TF f, G TG g, H TH h, I TI i);
try_tuple!(A TA a, B TB b, C TC c, D TD d, E TE e, F TF f, G TG g, H TH h, I TI i, J TJ j);
try_tuple!(A TA a, B TB b, C TC c, D TD d, E TE e, F TF f, G TG g, H TH h, I TI i, J TJ j, K TK k);
try_tuple!(A TA a, B TB b, C TC c, D TD d, E TE e, F TF f, G TG g, H TH h, I TI i, J TJ j, K TK k, L TL l);
