//! The watch channel: the newest value, for everyone who wants to know when it changes.
//!
//! Only the last value is kept: who looks rarely misses what was in between.
//!
//! ```
//! use evenkeel::sync::watch;
//!
//! # futures::executor::block_on(async {
//! let (sender, mut receiver) = watch::channel("starting");
//! assert_eq!(*receiver.borrow(), "starting");
//! sender.send("ready").unwrap();
//! receiver.changed().await.unwrap();
//! assert_eq!(*receiver.borrow(), "ready");
//! # });
//! ```

use crate::{
    closed::Closed,
    wait::{Attempt, Line, Wait},
    wait_queue::WaitQueue,
};
use evenkeel_coop::consume_budget;
use std::{
    cell::{Cell, RefCell},
    fmt,
    marker::PhantomData,
    ops::Deref,
    rc::Rc,
};

/// A value, the end that changes it, and an end that sees it. The receiver has seen the first value.
pub fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
    let shared = Rc::new(Watched {
        value: RefCell::new(Rc::new(value)),
        version: Cell::new(0),
        senders: Cell::new(1),
        receivers: Cell::new(1),
        changes: WaitQueue::new("watch::Receiver::changed"),
        ends: WaitQueue::new("watch::Sender::closed"),
    });
    (Sender(shared.clone()), Receiver { shared, seen: 0 })
}

struct Watched<T> {
    value: RefCell<Rc<T>>,
    /// The version: how often the value was changed.
    version: Cell<u64>,
    senders: Cell<usize>,
    receivers: Cell<usize>,
    changes: WaitQueue<u64, ()>,
    ends: WaitQueue,
}

/// The end that changes the value. Clones are equals; when the last is gone, receivers are told.
pub struct Sender<T>(Rc<Watched<T>>);

/// An end that sees the value. A clone has seen what its original has.
pub struct Receiver<T> {
    shared: Rc<Watched<T>>,
    seen: u64,
}

/// The value at the time of the look. It stays as it is for as long as it is held, also when newer values are sent, and may
/// be held across awaits.
pub struct Ref<T>(Rc<T>);

impl<T> Sender<T> {
    /// Changes the value, and wakes everyone who waits for that.
    ///
    /// # Errors
    ///
    /// The value, which is not sent, if there is no receiver. See [`send_replace`](Self::send_replace).
    pub fn send(&self, value: T) -> Result<(), T> {
        if self.0.receivers.get() == 0 {
            return Err(value);
        }
        self.put(value);
        Ok(())
    }

    /// Changes the value, whether or not there are receivers, and returns the old one.
    pub fn send_replace(&self, value: T) -> Ref<T> {
        self.put(value)
    }

    /// Changes a copy of the value and sends it. No receiver is needed.
    pub fn send_modify(&self, change: impl FnOnce(&mut T))
    where
        T: Clone,
    {
        let mut value = T::clone(&self.borrow());
        change(&mut value);
        self.put(value);
    }

    /// Looks at the value.
    pub fn borrow(&self) -> Ref<T> {
        self.0.borrow()
    }

    /// One more receiver. It has seen the value as it is now.
    pub fn subscribe(&self) -> Receiver<T> {
        self.0.receivers.set(self.0.receivers.get() + 1);
        Receiver { shared: self.0.clone(), seen: self.0.version.get() }
    }

    /// How many receivers there are.
    pub fn receiver_count(&self) -> usize {
        self.0.receivers.get()
    }

    /// Is there no receiver?
    pub fn is_closed(&self) -> bool {
        self.receiver_count() == 0
    }

    /// Waits until there is no receiver.
    ///
    /// Cancel-safe.
    pub async fn closed(&self) {
        // It is never refused.
        let _ = Wait::<_, Ending<T>>::new(self.0.clone(), ()).await;
    }

    fn put(&self, value: T) -> Ref<T> {
        let old = self.0.value.replace(Rc::new(value));
        self.0.version.set(self.0.version.get() + 1);
        self.0.changes.grant_all(());
        // If a waker panics, the old value is dropped on the way.
        let old = Ref(old);
        self.0.changes.wake();
        old
    }
}

impl<T> Receiver<T> {
    /// Waits until the value is one that this receiver has not seen; it counts as seen then. Does not wait if it is already.
    ///
    /// Cancel-safe: dropped, nothing counts as seen.
    ///
    /// # Errors
    ///
    /// [`Closed`] when all senders are gone and the last value was seen.
    pub async fn changed(&mut self) -> Result<(), Closed> {
        Wait::<&Watched<T>, Changing<T>>::new(&self.shared, self.seen).await.map_err(|_| Closed)?;
        self.seen = self.shared.version.get();
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
        self.shared.borrow()
    }

    /// Looks at the value, which counts as seen then.
    pub fn borrow_and_update(&mut self) -> Ref<T> {
        self.seen = self.shared.version.get();
        self.shared.borrow()
    }

    /// Is there a value that this receiver has not seen?
    pub fn has_changed(&self) -> bool {
        self.seen != self.shared.version.get()
    }

    /// Are all senders gone?
    pub fn is_closed(&self) -> bool {
        self.shared.senders.get() == 0
    }
}

impl<T> Watched<T> {
    fn borrow(&self) -> Ref<T> {
        Ref(self.value.borrow().clone())
    }
}

/// The rules of the line for changes. The request is the version that was seen.
struct Changing<T>(PhantomData<T>);

impl<T> Line for Changing<T> {
    type Owner = Watched<T>;
    type Request = u64;
    type Grant = ();

    fn queue(shared: &Watched<T>) -> &WaitQueue<u64, ()> {
        &shared.changes
    }

    fn attempt(shared: &Watched<T>, seen: u64) -> Attempt<u64, ()> {
        if seen != shared.version.get() {
            Attempt::Granted(())
        } else if shared.senders.get() == 0 {
            Attempt::Refused(seen)
        } else {
            Attempt::Wait(seen)
        }
    }

    /// Gives nothing back: others were told as well.
    fn give_back(_: &Watched<T>, _: ()) {}
}

/// The rules of the line for the last receiver's end.
struct Ending<T>(PhantomData<T>);

impl<T> Line for Ending<T> {
    type Owner = Watched<T>;
    type Request = ();
    type Grant = ();

    fn queue(shared: &Watched<T>) -> &WaitQueue {
        &shared.ends
    }

    fn attempt(shared: &Watched<T>, request: ()) -> Attempt<(), ()> {
        if shared.receivers.get() == 0 { Attempt::Granted(()) } else { Attempt::Wait(request) }
    }

    /// Gives nothing back: others were told as well.
    fn give_back(_: &Watched<T>, _: ()) {}
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.0.senders.set(self.0.senders.get() + 1);
        Sender(self.0.clone())
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.shared.receivers.set(self.shared.receivers.get() + 1);
        Receiver { shared: self.shared.clone(), seen: self.seen }
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

impl<T> Deref for Ref<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: fmt::Debug> fmt::Debug for Ref<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("watch::Sender").field("receivers", &self.receiver_count()).finish()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("watch::Receiver").field("has_changed", &self.has_changed()).finish()
    }
}
