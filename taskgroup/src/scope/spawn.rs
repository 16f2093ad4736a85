//! What the body spawns its children into.

use super::{
    brood::{Brood, KidEnd, Nursery},
    orders::Orders,
    outlet::{Outlet, Stage},
    scoped_handle::ScopedHandle,
};
use crate::{
    error::{ChildError, Failure},
    explain::Explains,
    output::ChildOutput,
};
use evenkeel_executor::CancelReason;
use pin_project_lite::pin_project;
use std::{
    fmt,
    marker::PhantomData,
    panic::Location,
    pin::Pin,
    rc::Rc,
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
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> ScopedHandle<'scope, <F::Output as ChildOutput<E>>::Value>
    where
        F: Future<Output: ChildOutput<E>> + 'scope,
        <F::Output as ChildOutput<E>>::Value: 'scope,
        E: 'scope,
    {
        let location = Location::caller();
        let outlet = Rc::new(Outlet::new());
        let explains = self.explains;
        let child = Box::pin(Child { future, outlet: outlet.clone(), is_polled: false, location, explains });
        let child = self.nursery.add(child, self.orders.reason().cloned(), || self.orders.roll().add());
        ScopedHandle::new(self.orders, outlet, child)
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
    /// A child's future, with the way to its handle.
    struct Child<T, E, F> {
        #[pin]
        future: F,
        outlet: Rc<Outlet<T>>,
        is_polled: bool,
        location: &'static Location<'static>,
        explains: Explains<E>,
    }
    impl<T, E, F> PinnedDrop for Child<T, E, F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if *this.is_polled {
                this.outlet.end(Stage::Panicked);
            } else if this.outlet.is_running() {
                this.outlet.end(Stage::Cancelled);
            }
        }
    }
}

impl<T, E, F: Future<Output: ChildOutput<E, Value = T>>> Future for Child<T, E, F> {
    type Output = KidEnd<E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<KidEnd<E>> {
        let this = self.project();
        *this.is_polled = true;
        let polled = this.future.poll(cx).map(ChildOutput::into_result);
        *this.is_polled = false;
        polled.map(|result| match result {
            Ok(value) => {
                this.outlet.end(Stage::Value(value));
                Ok(())
            }
            Err(error) => {
                this.outlet.end(Stage::Failed);
                Err(ChildError::new(Failure::One(error), this.outlet.take_name(), this.location, *this.explains))
            }
        })
    }
}
