//! The end that changes the value.

use super::{
    receiver::Receiver,
    value_ref::Ref,
    watched::{Ending, Watched},
};
use crate::wait::Wait;
use std::{
    fmt, mem,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    rc::Rc,
};

/// The end that changes the value. Clones are equals; when the last is gone, receivers are told.
pub struct Sender<T>(Rc<Watched<T>>);

impl<T> Sender<T> {
    /// A value without a receiver; [`subscribe`](Self::subscribe) makes some.
    pub fn new(value: T) -> Sender<T> {
        Sender(Rc::new(Watched::new(value)))
    }

    /// Changes the value, and wakes everyone who waits for that.
    ///
    /// # Errors
    ///
    /// The value, which is not sent, if there is no receiver. See [`send_replace`](Self::send_replace).
    pub fn send(&self, value: T) -> Result<(), T> {
        if self.is_closed() {
            return Err(value);
        }
        self.put(value);
        Ok(())
    }

    /// Changes the value, whether or not there are receivers, and returns the old one.
    pub fn send_replace(&self, value: T) -> Ref<T> {
        let (old, calls) = self.0.put(value);
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(calls))) {
            // Nobody gets the old value. Its destructor may panic as well, and two panics at a time would end the process.
            if let Err(other) = catch_unwind(AssertUnwindSafe(|| drop(old))) {
                mem::forget(other);
            }
            resume_unwind(payload);
        }
        Ref::new(old, false)
    }

    /// Changes the value. The old one goes first, and those who wait are woken also if its destructor panics.
    fn put(&self, value: T) {
        let (old, _calls) = self.0.put(value);
        drop(old);
    }

    /// Changes a copy of the value and sends it. No receiver is needed.
    ///
    /// If `change` panics, the value stays what it was. What somebody sends while it runs is replaced by what it makes of its copy.
    pub fn send_modify(&self, change: impl FnOnce(&mut T))
    where
        T: Clone,
    {
        self.send_if_modified(|value| {
            change(value);
            true
        });
    }

    /// Changes a copy of the value, and sends it if `change` says so: was it sent? No receiver is needed.
    ///
    /// If `change` says `false` or panics, the value stays what it was: nobody sees what was done to the copy. (tokio changes the value
    /// itself, in silence.) What somebody sends while it runs is replaced by what it makes of its copy, if that is sent.
    ///
    /// ```
    /// use evenkeel::sync::watch;
    ///
    /// let (sender, receiver) = watch::channel(20);
    /// let raise_to = |degrees| sender.send_if_modified(|now| degrees > std::mem::replace(now, degrees));
    /// assert!(raise_to(25));
    /// assert!(!raise_to(22));
    /// assert_eq!(*receiver.borrow(), 25);
    /// ```
    pub fn send_if_modified(&self, change: impl FnOnce(&mut T) -> bool) -> bool
    where
        T: Clone,
    {
        let mut value = T::clone(&self.borrow());
        let is_changed = change(&mut value);
        if is_changed {
            self.put(value);
        }
        is_changed
    }

    /// Looks at the value.
    pub fn borrow(&self) -> Ref<T> {
        Ref::new(self.0.value(), false)
    }

    /// One more receiver. It has seen the value as it is now.
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver::new(self.0.clone(), self.0.version.get())
    }

    /// How many receivers there are.
    pub fn receiver_count(&self) -> usize {
        self.0.receivers.get()
    }

    /// How many senders there are, this one included.
    pub fn sender_count(&self) -> usize {
        self.0.senders.get()
    }

    /// Are this sender and `other` of one channel?
    pub fn same_channel(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// Is there no receiver?
    pub fn is_closed(&self) -> bool {
        self.receiver_count() == 0
    }

    /// Waits until there is no receiver. Who waits goes on also if somebody subscribes right afterwards.
    ///
    /// Cancel-safe.
    pub async fn closed(&self) {
        // It is never refused.
        let _ = Wait::<_, Ending<T>>::new(self.0.clone(), ()).await;
    }
}

impl<T: Default> Default for Sender<T> {
    fn default() -> Self {
        Sender::new(T::default())
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.0.senders.set(self.0.senders.get() + 1);
        Sender(self.0.clone())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let left = self.0.senders.get() - 1;
        self.0.senders.set(left);
        if left == 0 {
            self.0.changes.refuse_all();
            self.0.changes.wake();
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("watch::Sender").field("receivers", &self.receiver_count()).finish()
    }
}
