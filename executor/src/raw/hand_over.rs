//! What a future is made of, and then the future, in the same place.

use super::place::Place;
use core::{
    cell::Cell,
    fmt,
    marker::PhantomData,
    pin::Pin,
    ptr::{NonNull, read, write},
    task::{Context, Poll},
};

/// A future that takes `captures` over at its first poll: `body` gets them from [`Handed::take`], and they do not lie in the future
/// twice, as what an `async` block captures and gives on does: once where it was captured, and once where it went.
///
/// `body` is called at the first poll, and must take what is handed to it before it waits for anything. It should capture little
/// itself: what it captures may lie there twice.
///
/// # Panics
///
/// When `body` waits, or ends, and has not taken what was handed to it.
///
/// ```
/// use evenkeel::{combinator::hand_over, run, yield_now};
///
/// fn twice(work: impl AsyncFnOnce() -> u32) -> impl Future<Output = u32> {
///     hand_over(work, async |work| {
///         let work = work.take();
///         2 * work().await
///     })
/// }
///
/// let large = [1; 1_000];
/// let future = twice(async move || {
///     yield_now().await;
///     large.iter().sum()
/// });
/// assert!(size_of_val(&future) < 2 * size_of_val(&large));
/// assert_eq!(run(future), 2_000);
/// ```
pub fn hand_over<A, R>(captures: A, body: impl for<'a> AsyncFnOnce(Handed<'a, A>) -> R) -> impl Future<Output = R> {
    HandOver::new(captures, move |handed| body(handed))
}

/// What [`hand_over`] hands to a future.
pub struct Handed<'a, A> {
    slot: NonNull<Slot<A>>,
    // Nobody can make this longer or shorter.
    of: PhantomData<Cell<&'a ()>>,
}

/// Where it lies until it is taken: on the stack of the future's first poll.
struct Slot<A> {
    captures: Cell<Option<A>>,
    is_taken: Cell<bool>,
}

impl<A> Handed<'_, A> {
    /// Takes it.
    #[inline]
    pub fn take(self) -> A {
        // SAFETY: the slot is there for as long as something lies in it: `Polled` drops the future before the slot goes, unless it was
        // taken; and it is taken once, as that uses up the only thing that leads to it, and what leads to it lies in the future,
        // or in what borrows from that: of its lifetime the `body` of `hand_over` knows nothing.
        let slot = unsafe { self.slot.as_ref() };
        slot.is_taken.set(true);
        slot.captures.take().expect("it is there until it is taken")
    }
}

impl<A> fmt::Debug for Handed<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handed").finish_non_exhaustive()
    }
}

/// The future of [`hand_over`]. Which of the two is there, the enum notes beside a `Place`, which has its value where no note can be.
enum HandOver<A, M, F> {
    Captures(A, M),
    Future(Place<F>),
}

impl<A, M: FnOnce(Handed<'static, A>) -> F, F: Future> HandOver<A, M, F> {
    /// `make` must not keep what it is given elsewhere than in the future.
    fn new(captures: A, make: M) -> HandOver<A, M, F> {
        HandOver::Captures(captures, make)
    }
}

/// Drops a future that still leads to the slot, whether its poll has returned or unwinds.
struct Polled<'a, A, F> {
    slot: &'a Option<Slot<A>>,
    place: Pin<&'a mut Place<F>>,
}

impl<A, F> Polled<'_, A, F> {
    #[inline]
    fn has_taken(&self) -> bool {
        self.slot.as_ref().is_none_or(|slot| slot.is_taken.get())
    }
}

impl<A, F> Drop for Polled<'_, A, F> {
    #[inline]
    fn drop(&mut self) {
        if !self.has_taken() {
            self.place.as_mut().clear();
        }
    }
}

impl<A, M: FnOnce(Handed<'static, A>) -> F, F: Future> Future for HandOver<A, M, F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // What this poll hands over, if it is the first.
        let (mut slot, mut make) = (None, None);
        // SAFETY: the future's place is as pinned as this, and nothing moves it: what is moved out are captures, which nobody has seen
        // pinned, and the place is there instead before anything else happens.
        let mut place = unsafe {
            let this = self.get_unchecked_mut();
            if let HandOver::Captures(captures, by) = this {
                slot = Some(Slot { captures: Cell::new(Some(read(captures))), is_taken: Cell::new(false) });
                make = Some(read(by));
                write(this, HandOver::Future(Place::empty()));
            }
            let HandOver::Future(place) = this else { unreachable!("it has become one") };
            Pin::new_unchecked(place)
        };
        if let (Some(slot), Some(make)) = (&slot, make) {
            place.as_mut().put(make(Handed { slot: NonNull::from(slot), of: PhantomData }));
        }
        let mut polled = Polled { slot: &slot, place };
        let future = polled.place.as_mut().get().expect("a future was polled after it had ended");
        let output = future.poll(cx);
        let has_taken = polled.has_taken();
        drop(polled);
        assert!(has_taken, "what is handed over to a future is taken before that waits");
        output
    }
}
