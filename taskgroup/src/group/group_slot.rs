//! A place for one child in a group with a bound.

use super::{bound::Waiter, child::Plain, join_handle::JoinHandle, task_group::TaskGroup};
use crate::output::ChildOutput;
use evenkeel_executor::{UnhandledKind, combinator::report_unhandled, try_current_task};
use std::{
    fmt,
    panic::Location,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

/// A place for one child. Dropped unused, it goes to the next who waits.
#[must_use = "a slot that is dropped goes to the next who waits"]
pub struct Slot<'g, E> {
    group: &'g TaskGroup<E>,
    is_used: bool,
}

impl<'g, E> Slot<'g, E> {
    pub(crate) fn new(group: &'g TaskGroup<E>) -> Slot<'g, E> {
        Slot { group, is_used: false }
    }
}

impl<E: fmt::Debug + 'static> Slot<'_, E> {
    /// Spawns a child in this place, as [`TaskGroup::spawn`] does.
    ///
    /// # Panics
    ///
    /// As [`TaskGroup::spawn`] does.
    #[track_caller]
    pub fn spawn<F>(mut self, future: F) -> JoinHandle<<F::Output as ChildOutput<E>>::Value>
    where
        F: Future<Output: ChildOutput<E>> + 'static,
        <F::Output as ChildOutput<E>>::Value: 'static,
    {
        self.is_used = true;
        self.group.spawn_child::<Plain, F>(future, false, true, Location::caller())
    }
}

impl<E> Drop for Slot<'_, E> {
    fn drop(&mut self) {
        if !self.is_used {
            self.group.0.core.slots.give_back();
        }
    }
}

impl<E> fmt::Debug for Slot<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").finish_non_exhaustive()
    }
}

/// The future of [`TaskGroup::slot`].
#[must_use = "nothing is waited for until this is awaited"]
pub struct WaitSlot<'g, E> {
    group: &'g TaskGroup<E>,
    waiter: Option<Rc<Waiter>>,
}

impl<'g, E> WaitSlot<'g, E> {
    pub(crate) fn new(group: &'g TaskGroup<E>) -> WaitSlot<'g, E> {
        WaitSlot { group, waiter: None }
    }

    /// The slot, if there is one: it was granted, or one is free and nobody waits.
    fn take(&mut self) -> Option<Slot<'g, E>> {
        let is_taken = match &self.waiter {
            None => self.group.0.core.slots.try_take(),
            Some(waiter) => waiter.granted.get(),
        };
        is_taken.then(|| {
            self.waiter = None;
            Slot::new(self.group)
        })
    }

    /// Every slot is held by a child that waits for another one: that never ends.
    fn check_deadlock(&self, waiter: &Waiter) {
        let core = &self.group.0.core;
        waiter.holds.set(try_current_task().is_some_and(|task| core.has_slot(task)));
        if waiter.holds.get() && core.slots.limit().is_some_and(|limit| core.slots.waiting_holders() >= limit) {
            report_unhandled(UnhandledKind::Error(
                "every slot of a task group is held by a child that waits for another slot of it: \
                 use TaskGroup::try_slot there, and go on inline where it refuses"
                    .into(),
            ));
        }
    }
}

impl<'g, E> Future for WaitSlot<'g, E> {
    type Output = Slot<'g, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Slot<'g, E>> {
        if let Some(slot) = self.take() {
            return Poll::Ready(slot);
        }
        if self.waiter.as_ref().is_some_and(|waiter| waiter.has(cx.waker())) {
            return Poll::Pending;
        }
        // The clone may be foreign code, and give a slot back: so it comes first, and this looks again. From there on nothing
        // foreign runs until the waker is where it is called.
        let newest = cx.waker().clone();
        if let Some(slot) = self.take() {
            drop(newest);
            return Poll::Ready(slot);
        }
        match &self.waiter {
            Some(waiter) => drop(waiter.waker.replace(Some(newest))),
            None => {
                let waiter = self.group.0.core.slots.wait(newest);
                self.waiter = Some(waiter.clone());
                if cfg!(debug_assertions) {
                    self.check_deadlock(&waiter);
                }
            }
        }
        Poll::Pending
    }
}

impl<E> Drop for WaitSlot<'_, E> {
    fn drop(&mut self) {
        if let Some(waiter) = self.waiter.take() {
            self.group.0.core.slots.leave(&waiter);
        }
    }
}

impl<E> Unpin for WaitSlot<'_, E> {}

impl<E> fmt::Debug for WaitSlot<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitSlot").finish_non_exhaustive()
    }
}
