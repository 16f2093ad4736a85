//! What the body spawns its children into.

use super::{
    brood::{Borrowing, Brood, Nursery},
    note::Note,
    orders::Orders,
    scoped_handle::ScopedHandle,
};
use crate::{
    error::{ChildError, Failure},
    explain::Explains,
    output::ChildOutput,
};
use evenkeel_executor::{CancelReason, combinator::lodge};
use pin_project_lite::pin_project;
use std::{
    fmt,
    marker::PhantomData,
    panic::Location,
    pin::Pin,
    task::{Context, Poll},
};

/// What the body of a [`scope`](crate::scope) spawns its children into. It is `Copy`: functions can have it, and children, which spawn
/// siblings then (`async move`, as the body's own `s` ends with it).
///
/// ```
/// use evenkeel::{Scope, run, scope};
/// use std::error::Error;
///
/// type Fault = Box<dyn Error>;
///
/// /// Spawns a child for each line. `'env` is what children may borrow.
/// async fn parse_all<'env>(s: Scope<'_, 'env, Fault>, text: &'env str) -> Result<i32, Fault> {
///     let children: Vec<_> = text.lines().map(|line| s.spawn(async move { Ok(line.parse::<i32>()?) })).collect();
///     let mut sum = 0;
///     for child in children {
///         sum += child.await;
///     }
///     Ok(sum)
/// }
///
/// let text = String::from("1\n2");
/// let sum = run(scope(async |s| parse_all(s, &text).await));
/// assert_eq!(sum.unwrap(), 3);
/// ```
pub struct Scope<'scope, 'env: 'scope, E> {
    orders: &'scope Orders,
    nursery: Nursery<'scope, E>,
    explains: Explains<E>,
    // Both lifetimes are fixed for a scope: nobody can make `'scope` shorter or longer.
    env: PhantomData<(&'scope mut &'scope (), &'env mut &'env ())>,
}

impl<E> Clone for Scope<'_, '_, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Scope<'_, '_, E> {}

impl<'scope, E> Scope<'scope, '_, E> {
    pub(super) fn new(orders: &'scope Orders, brood: &'scope Brood<E>, explains: Explains<E>) -> Self {
        Scope { orders, nursery: Nursery::new(brood), explains, env: PhantomData }
    }

    /// Spawns a child that may borrow what outlives the scope. It runs from the scope's next poll on. It yields what the child of a
    /// task group may: a `Result` with the scope's error, `()`, or nothing, as it never ends.
    ///
    /// In a scope that is ending early the child is cancelled from birth: its future is dropped without a poll.
    #[inline]
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> ScopedHandle<'scope, <F::Output as ChildOutput<E>>::Value>
    where
        F: Future<Output: ChildOutput<E>> + 'scope,
        <F::Output as ChildOutput<E>>::Value: 'scope,
        E: 'scope,
    {
        let (nursery, explains, location) = (self.nursery, self.explains, Location::caller());
        let number = nursery.next_number();
        let (lodger, claim) = lodge(Child { future, nursery, location, explains }, Note::new(number));
        let is_kept = nursery.add(Borrowing(lodger), self.orders.reason(), || self.orders.roll().add());
        ScopedHandle::new(self.orders, claim, !is_kept)
    }
}

impl<E> Scope<'_, '_, E> {
    /// Ends the scope early: its children, newest first, and its body are cancelled, and their clean-up is awaited. The first reason
    /// stays; `false` if the scope was ending already.
    pub fn cancel(&self, reason: impl Into<CancelReason>) -> bool {
        self.orders.cancel(reason.into())
    }

    /// Is the scope ending early: was it cancelled, or has something in it failed?
    pub fn is_ending(&self) -> bool {
        self.orders.is_ending()
    }
}

impl<E> fmt::Debug for Scope<'_, '_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("reason", &self.orders.reason()).finish_non_exhaustive()
    }
}

pin_project! {
    /// A child's future. It yields its value; an error of it goes to the brood.
    struct Child<'scope, E, F> {
        #[pin]
        future: F,
        nursery: Nursery<'scope, E>,
        location: &'static Location<'static>,
        explains: Explains<E>,
    }
}

impl<'scope, E: 'scope, F: Future<Output: ChildOutput<E>>> Future for Child<'scope, E, F> {
    type Output = Option<<F::Output as ChildOutput<E>>::Value>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.future.poll(cx).map(|output| match output.into_result() {
            Ok(value) => Some(value),
            Err(error) => {
                this.nursery.fail(ChildError::new(Failure::One(error), None, this.location, *this.explains));
                None
            }
        })
    }
}
