//! One waiter's node, and the seat that frees it.

use super::links::{Links, unlink};
use alloc::boxed::Box;
use core::{
    cell::Cell,
    mem::{MaybeUninit, forget},
    panic::UnwindSafe,
    ptr::NonNull,
    task::Waker,
};

/// The place of one waiter. Its holder is the only one who frees it; if a seat is dropped, its node is never free again.
#[must_use = "a node is free again when its seat is given back"]
pub(crate) struct Seat<R, G>(pub(super) NonNull<Node<R, G>>);

#[repr(C)]
pub(super) struct Node<R, G> {
    /// First of all, so that a pointer to the node is one to its links.
    pub(super) links: Links,
    /// The newest waker, until it is called. Whose wait has ended is among the calls while he has one.
    pub(super) waker: Cell<Option<Waker>>,
    state: Cell<State<R, G>>,
}

pub(super) enum State<R, G> {
    Waiting(R),
    Granted(G),
    Refused(R),
    /// The node is free, or its queue is gone.
    Empty,
}

/// A panic leaves a node as it was: what lies in it is what counts.
impl<R: UnwindSafe, G: UnwindSafe> UnwindSafe for Seat<R, G> {}

impl<R, G> Seat<R, G> {
    #[inline(always)]
    pub(super) fn node(&self) -> &Node<R, G> {
        // SAFETY: a node lives until its seat is given back.
        unsafe { self.0.as_ref() }
    }
}

impl<R, G> Node<R, G> {
    #[inline(always)]
    pub(super) fn links(&self) -> NonNull<Links> {
        NonNull::from(self).cast()
    }

    /// Takes the node out of the ring that it is in.
    #[inline(always)]
    pub(super) fn unlink(&self) {
        debug_assert!(self.waits() || self.waker().is_some());
        // SAFETY: it waits, or its waker is to be called: so it is in a ring of a queue that lives, with all that is in it.
        unsafe { unlink(self.links()) };
    }

    #[inline(always)]
    pub(super) fn waits(&self) -> bool {
        matches!(self.state(), State::Waiting(_))
    }

    #[inline(always)]
    pub(super) fn state(&self) -> &State<R, G> {
        // SAFETY: no function of this room keeps this while the state is replaced, and none calls foreign code.
        unsafe { &*self.state.as_ptr() }
    }

    #[inline(always)]
    pub(super) fn waker(&self) -> Option<&Waker> {
        // SAFETY: as for the state.
        unsafe { (*self.waker.as_ptr()).as_ref() }
    }

    /// Puts something into an empty node.
    #[inline(always)]
    pub(super) fn fill(&self, waker: Option<Waker>, state: State<R, G>) {
        // What is replaced has no destructor, which the compiler cannot know.
        forget((self.waker.replace(waker), self.state.replace(state)));
    }

    #[inline(always)]
    pub(super) fn replace(&self, state: State<R, G>) -> State<R, G> {
        self.state.replace(state)
    }

    /// Takes out what may borrow from what is gone already.
    pub(super) fn take_late(&self) -> Late<State<R, G>> {
        let state = self.state.as_ptr();
        // SAFETY: nobody has a reference to the state, see there. It is moved as bytes, and overwritten without a drop.
        unsafe {
            let late = Late(state.cast::<MaybeUninit<State<R, G>>>().read());
            state.write(State::Empty);
            late
        }
    }

    #[inline(always)]
    pub(super) fn take_waker(&self) -> Option<Waker> {
        self.waker.take()
    }
}

#[cold]
#[inline(never)]
pub(super) fn new_place<R, G>() -> Seat<R, G> {
    let node = Node { links: Links::loose(), waker: Cell::new(None), state: Cell::new(State::Empty) };
    Seat(NonNull::from(Box::leak(Box::new(node))))
}

/// # Safety
///
/// The node was made by [`new_place`], is in no ring, and nobody uses it afterwards.
#[cold]
#[inline(never)]
pub(super) unsafe fn drop_place<R, G>(node: NonNull<Node<R, G>>) {
    // SAFETY: as the caller says.
    drop(unsafe { Box::from_raw(node.as_ptr()) });
}

/// A value that is only dropped any more. References in it may dangle, as long as no destructor notices: so it is not moved as what it is.
pub(super) struct Late<T>(MaybeUninit<T>);

impl<T> Drop for Late<T> {
    fn drop(&mut self) {
        // SAFETY: a value was put in, and nobody drops it but this.
        unsafe { self.0.assume_init_drop() };
    }
}
