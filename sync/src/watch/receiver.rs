//! An end that sees the value.

use super::{
    value_ref::Ref,
    watched::{Changing, Watched},
};
use crate::{closed::Closed, wait::Wait};
use evenkeel_coop::consume_budget;
use std::{fmt, rc::Rc};

/// An end that sees the value. A clone has seen what its original has.
///
/// As a stream of values, see [`items`](Self::items).
pub struct Receiver<T> {
    shared: Rc<Watched<T>>,
    seen: u64,
}

impl<T> Receiver<T> {
    pub(super) fn new(shared: Rc<Watched<T>>, seen: u64) -> Receiver<T> {
        shared.receivers.set(shared.receivers.get() + 1);
        Receiver { shared, seen }
    }

    /// Waits until the value is one that this receiver has not seen; it counts as seen then. Does not wait if it is already.
    ///
    /// Cancel-safe: dropped, nothing counts as seen.
    ///
    /// # Errors
    ///
    /// [`Closed`] when all senders are gone and the last value was seen.
    pub async fn changed(&mut self) -> Result<(), Closed> {
        Wait::<&Watched<T>, Changing<T>>::new(&self.shared, self.seen).await.map_err(|_| Closed)?;
        self.mark_unchanged();
        Ok(())
    }

    /// Waits until `predicate` is true of the value, which counts as seen then. Looks at once.
    ///
    /// Cancel-safe: dropped, values that it looked at count as seen.
    ///
    /// # Errors
    ///
    /// [`Closed`] when all senders are gone and the last value was not it.
    #[expect(clippy::manual_async_fn, reason = "an async fn holds what it is given twice")]
    pub fn wait_for(&mut self, mut predicate: impl FnMut(&T) -> bool) -> impl Future<Output = Result<Ref<T>, Closed>> {
        async move {
            consume_budget().await;
            loop {
                let value = self.borrow_and_update();
                if predicate(&value) {
                    return Ok(value);
                }
                drop(value);
                self.changed().await?;
            }
        }
    }

    /// Looks at the value. It does not count as seen.
    pub fn borrow(&self) -> Ref<T> {
        Ref::new(self.shared.value(), self.has_changed())
    }

    /// Looks at the value, which counts as seen then.
    pub fn borrow_and_update(&mut self) -> Ref<T> {
        let value = self.borrow();
        self.mark_unchanged();
        value
    }

    /// Is there a value that this receiver has not seen? Also when all senders are gone, where tokio's has an error: see
    /// [`is_closed`](Self::is_closed).
    pub fn has_changed(&self) -> bool {
        self.seen != self.shared.version.get()
    }

    /// Counts the value as one that this receiver has not seen.
    ///
    /// ```
    /// use evenkeel::sync::watch;
    ///
    /// # futures::executor::block_on(async {
    /// let (_sender, mut receiver) = watch::channel("first");
    /// receiver.mark_changed();
    /// receiver.changed().await.unwrap(); // does not wait
    /// # });
    /// ```
    pub fn mark_changed(&mut self) {
        self.seen = self.shared.version.get().wrapping_sub(1);
    }

    /// Counts the value as one that this receiver has seen.
    pub fn mark_unchanged(&mut self) {
        self.seen = self.shared.version.get();
    }

    /// Are all senders gone?
    pub fn is_closed(&self) -> bool {
        self.shared.senders.get() == 0
    }

    /// Are this receiver and `other` of one channel?
    pub fn same_channel(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.shared, &other.shared)
    }

    /// A wait for a value that this receiver has not seen, which outlives the borrow.
    pub(super) fn wait_for_change(&self) -> Wait<Rc<Watched<T>>, Changing<T>> {
        Wait::new(self.shared.clone(), self.seen)
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Receiver::new(self.shared.clone(), self.seen)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let left = self.shared.receivers.get() - 1;
        self.shared.receivers.set(left);
        if left == 0 {
            self.shared.ends.grant_all(());
            self.shared.ends.wake();
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("watch::Receiver").field("has_changed", &self.has_changed()).finish()
    }
}
