//! Captures that a future takes over at its first poll.
//!
//! # Why what is handed over is there
//!
//! At the first poll the captures move into a [`Slot`] on the stack, the future is made in the place where they were, and is polled. It
//! leads to the slot by a plain pointer, in a [`Handed`]. That is used up when they are taken, and the slot is empty then. If they are not
//! taken in that poll, the future is dropped before the slot goes, by [`Polled`], also when the poll unwinds; and a `Handed` lies in that
//! future, or in what borrows from it: `body` has to be good for every lifetime of a `Handed`, so it can put it nowhere else, and to no other
//! thread. What is forgotten is never read.
//!
//! That a function which is good for every lifetime cannot claim that it is a long one, is the compiler's promise. It has a hole: a function
//! whose return type is well-formed for `'static` only may do so (issue 84533 of the Rust project; Rust 1.85 and 1.95 accept it). Whoever
//! writes one on purpose can take out whatever is lent to an async closure, here and elsewhere, also where no `unsafe` is near.

use super::{lazy::Lazy, place::Place};
use core::{
    cell::Cell,
    fmt,
    marker::PhantomData,
    pin::Pin,
    ptr::NonNull,
    task::{Context, Poll},
};

/// A future that takes `captures` over at its first poll: `body` gets them from [`Handed::take`], and they do not lie in the future
/// twice, as what an `async` block captures and gives on does: once where it was captured, and once where it went.
///
/// `body` is called at the first poll, and must take what is handed to it before it waits for anything. It should capture little
/// itself: what it captures may lie there twice.
///
/// While the first poll lasts, the captures lie on the stack: what is large should be polled where it is instead.
///
/// # Panics
///
/// When `body` waits, or ends, and has not taken what was handed to it, which is dropped then. When it is polled again after that, or after
/// its end.
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
    Lazy::new((captures, move |handed| body(handed)))
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
        // SAFETY: the slot is there for as long as something lies in it, and this is the only thing that leads to it: see above.
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

/// Drops a future that still leads to the slot, whether its poll has returned or unwinds.
struct Polled<'a, A, F> {
    slot: &'a Slot<A>,
    place: Pin<&'a mut Place<F>>,
}

impl<A, F> Drop for Polled<'_, A, F> {
    #[inline]
    fn drop(&mut self) {
        if !self.slot.is_taken.get() {
            self.place.as_mut().clear();
        }
    }
}

/// The future of [`hand_over`]. `M` keeps what it is given in the future that it makes.
type HandOver<A, M, F> = Lazy<(A, M), F>;

impl<A, M: FnOnce(Handed<'static, A>) -> F, F: Future> Future for HandOver<A, M, F> {
    type Output = F::Output;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        match self.as_mut().get() {
            Some(future) => future.poll(cx),
            None => first_poll(self, cx),
        }
    }
}

/// Has room for the captures on its stack, which later polls have not.
#[inline(never)]
fn first_poll<A, M, F>(future: Pin<&mut HandOver<A, M, F>>, cx: &mut Context<'_>) -> Poll<F::Output>
where
    M: FnOnce(Handed<'static, A>) -> F,
    F: Future,
{
    let (given, mut place) = future.open();
    let (captures, make) = given.expect("a future was polled after it had ended");
    let slot = Slot { captures: Cell::new(Some(captures)), is_taken: Cell::new(false) };
    place.as_mut().put(make(Handed { slot: NonNull::from(&slot), of: PhantomData }));
    let mut polled = Polled { slot: &slot, place };
    let output = polled.place.as_mut().get().expect("it was put there").poll(cx);
    if !slot.is_taken.get() {
        // One after the other, so that a destructor's panic goes on.
        drop(output);
        drop(polled);
        drop(slot);
        panic!("what is handed over to a future is taken before that waits");
    }
    output
}
