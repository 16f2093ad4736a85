//! Who is in a scope: its body and its children, as a family.

use super::{brood::Closing, orders::Orders};
use crate::{
    error::{ChildError, Failure},
    explain::Explains,
    in_place::{Children, Running},
    unclaimed::Unclaimed,
};
use evenkeel_executor::combinator::{Branch, Siblings};
use pin_project_lite::pin_project;
use std::{
    fmt,
    panic::Location,
    pin::Pin,
    task::{Context, Poll, ready},
    vec,
};

/// The body's key, as long as there is a body.
const BODY: usize = 0;

pin_project! {
    /// The body of a scope and its children, and what they have come to.
    ///
    /// Everything in it is reached by projecting a pinned `&mut`. A plain reference to all of it would touch what the body has borrowed
    /// from itself.
    pub(super) struct Kin<'a, T, E: fmt::Debug, B> {
        orders: &'a Orders,
        // Dropped before the body.
        children: Closing<'a, E>,
        #[pin]
        body: Option<Branch<B>>,
        has_body: bool,
        location: &'static Location<'static>,
        explains: Explains<E>,
        value: Option<T>,
        errors: Unclaimed<E>,
    }
}

impl<'a, T, E: fmt::Debug, B> Kin<'a, T, E, B> {
    /// A body that has not begun, and the children that it has already.
    pub(super) fn new(
        orders: &'a Orders,
        children: Closing<'a, E>,
        body: B,
        location: &'static Location<'static>,
        explains: Explains<E>,
    ) -> Kin<'a, T, E, B> {
        let body = Some(Branch::new(body));
        let errors = Unclaimed::new(Vec::new());
        Kin { orders, children, body, has_body: true, location, explains, value: None, errors }
    }

    /// The key of the child with that number, if it is there.
    pub(super) fn find(self: Pin<&mut Self>, number: u64) -> Option<usize> {
        self.project().children.find(number)
    }

    /// Is that the body's key? It may be a child's when the body has ended.
    fn is_body(self: Pin<&mut Self>, key: usize) -> bool {
        key == BODY && *self.project().has_body
    }

    /// The body's value, if it has one, and all errors.
    pub(super) fn take_outcome(self: Pin<&mut Self>) -> (Option<T>, Unclaimed<E>) {
        let this = self.project();
        (this.value.take(), Unclaimed::new(this.errors.claim()))
    }
}

impl<T, E: fmt::Debug, B: Future<Output = Result<T, E>>> Kin<'_, T, E, B> {
    /// Apart from the children, of which there may be many.
    #[inline(never)]
    fn poll_body(self: Pin<&mut Self>, siblings: &mut Siblings<'_>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let Some(branch) = this.body.as_mut().as_pin_mut() else { return Poll::Pending };
        match ready!(siblings.poll_body(branch, cx)) {
            Ok(Ok(value)) => *this.value = Some(value),
            Ok(Err(error)) => {
                this.errors.push(ChildError::new(Failure::One(error), None, this.location, *this.explains));
                this.orders.fail();
            }
            Err(_cancelled) => {}
        }
        *this.has_body = false;
        this.body.set(None);
        Poll::Ready(())
    }
}

impl<T, E: fmt::Debug, B: Future<Output = Result<T, E>>> Children for Kin<'_, T, E, B> {
    type Keys = vec::IntoIter<usize>;

    /// The children, newest first, and the body.
    fn keys(self: Pin<&mut Self>, _end: usize) -> vec::IntoIter<usize> {
        let this = self.project();
        let mut keys = this.children.keys();
        keys.extend(this.has_body.then_some(BODY));
        keys.into_iter()
    }

    #[inline(always)]
    fn poll_child(mut self: Pin<&mut Self>, key: usize, siblings: &mut Siblings<'_>, cx: &mut Context<'_>) -> Poll<()> {
        if self.as_mut().is_body(key) {
            return self.poll_body(siblings, cx);
        }
        let this = self.project();
        let Some(kid) = this.children.get(key) else { return Poll::Pending };
        let name = ready!(siblings.poll(Pin::new(kid), cx)).unwrap_or(None);
        if let Some(error) = this.children.remove(key, name) {
            this.errors.push(*error);
            this.orders.fail();
        }
        Poll::Ready(())
    }

    fn ask<R>(self: Pin<&mut Self>, key: usize, ask: impl FnOnce(Pin<&mut dyn Running>) -> R) -> Option<R> {
        let this = self.project();
        if key == BODY && *this.has_body {
            return this.body.as_pin_mut().map(|branch| ask(branch));
        }
        let branch = Pin::new(this.children.get(key)?);
        Some(ask(branch))
    }

    fn remove(self: Pin<&mut Self>, key: usize) {
        let mut this = self.project();
        if key == BODY && std::mem::take(this.has_body) {
            this.body.set(None);
            return;
        }
        if let Some(error) = this.children.remove(key, None) {
            this.errors.push(*error);
            this.orders.fail();
        }
    }

    fn is_ending(self: Pin<&mut Self>) -> bool {
        self.project().orders.is_ending()
    }

    fn close(self: Pin<&mut Self>) {
        self.project().children.refuse();
    }
}
