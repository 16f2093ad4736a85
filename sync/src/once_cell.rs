//! The once-cell: a value that is made once, by whoever needs it first.

use crate::{permit::Permit, semaphore::Semaphore, set_once::SetOnce};
use evenkeel_coop::consume_budget;
use std::{fmt, mem};

/// A cell that is filled once, by an async function if need be. Where nobody who needs the value can make it, see
/// [`SetOnce`](crate::SetOnce).
///
/// There is no `get_or_init_blocking` as async-lock's cell has it: a thread that blocked would keep the one from running that makes the
/// value.
///
/// ```
/// use evenkeel::sync::OnceCell;
///
/// # futures::executor::block_on(async {
/// let connection = OnceCell::new();
/// let connect = async || "connected";
/// let (one, two) = futures::join!(connection.get_or_init(connect), connection.get_or_init(connect));
/// assert!(std::ptr::eq(one, two));
/// # });
/// ```
pub struct OnceCell<T> {
    value: SetOnce<T>,
    /// A semaphore of one permit, the right to make the value. It is closed once there is one.
    turn: Semaphore,
}

impl<T> OnceCell<T> {
    /// An empty cell.
    pub const fn new() -> OnceCell<T> {
        OnceCell { value: SetOnce::named("OnceCell::wait"), turn: Semaphore::named(1, "OnceCell::get_or_init") }
    }

    /// A cell that is full already, or an empty one.
    pub fn new_with(value: Option<T>) -> OnceCell<T> {
        let cell = OnceCell::new();
        if let Some(value) = value {
            let _ = cell.set(value);
        }
        cell
    }

    /// The cell's value, if there is one.
    pub fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// The cell's value, if there is one. No waiting is needed, since nobody else has a reference.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut()
    }

    /// Is the cell full? tokio's `initialized`.
    pub fn is_initialized(&self) -> bool {
        self.value.is_initialized()
    }

    /// Takes the value out of the cell, which is empty then and can be filled again.
    ///
    /// ```
    /// use evenkeel::sync::OnceCell;
    ///
    /// # futures::executor::block_on(async {
    /// let mut cell = OnceCell::from(1);
    /// assert_eq!((cell.take(), cell.take()), (Some(1), None));
    /// assert_eq!(*cell.get_or_init(async || 2).await, 2);
    /// # });
    /// ```
    pub fn take(&mut self) -> Option<T> {
        mem::take(self).into_inner()
    }

    /// The cell's value, if there is one.
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// Fills the cell. Somebody who is making a value at the time will find it full, and get this one: tokio's `set` fails then.
    ///
    /// # Errors
    ///
    /// The value, if the cell is full.
    pub fn set(&self, value: T) -> Result<(), T> {
        // They are woken last, and also if that panics which the others are woken by.
        let _waiting = self.value.fill(value)?;
        self.turn.close();
        Ok(())
    }

    /// Waits until there is a value, and makes none: somebody else is to. Does not wait if there is one. Those who wait here are woken after
    /// all who wait in [`get_or_init`](Self::get_or_init), whoever came first.
    ///
    /// Cancel-safe.
    ///
    /// # Panics
    ///
    /// The future, when it is polled after it gave its output.
    ///
    /// ```
    /// use evenkeel::sync::OnceCell;
    ///
    /// # futures::executor::block_on(async {
    /// let config = OnceCell::new();
    /// let (seen, made) = futures::join!(config.wait(), config.get_or_init(async || "made"));
    /// assert_eq!((*seen, *made), ("made", "made"));
    /// # });
    /// ```
    pub fn wait(&self) -> impl Future<Output = &T> + Unpin {
        self.value.wait()
    }

    /// The cell's value, which `make` makes if there is none. Those who come meanwhile wait for it.
    ///
    /// Cancel-safe: if the one who makes it is dropped, the next in line makes it. A `make` that asks for the value of the
    /// same cell waits for ever.
    #[expect(clippy::manual_async_fn, reason = "an async fn holds what it is given twice")]
    pub fn get_or_init(&self, make: impl AsyncFnOnce() -> T) -> impl Future<Output = &T> {
        async move {
            if let Some(_turn) = self.turn_to_make().await {
                let _ = self.set(make().await);
            }
            self.value.known()
        }
    }

    /// The cell's value, which `make` makes if there is none. If that fails, the next in line makes it.
    ///
    /// Cancel-safe as [`get_or_init`](Self::get_or_init).
    ///
    /// # Errors
    ///
    /// The error of `make`.
    #[expect(clippy::manual_async_fn, reason = "an async fn holds what it is given twice")]
    pub fn get_or_try_init<E>(&self, make: impl AsyncFnOnce() -> Result<T, E>) -> impl Future<Output = Result<&T, E>> {
        async move {
            if let Some(_turn) = self.turn_to_make().await {
                let _ = self.set(make().await?);
            }
            Ok(self.value.known())
        }
    }

    /// The right to make the value; none if it is there.
    async fn turn_to_make(&self) -> Option<Permit<'_>> {
        if self.value.get().is_some() {
            consume_budget().await;
            return None;
        }
        // Refused if somebody else has filled the cell. Whoever makes the value may find that it was set meanwhile.
        self.turn.acquire().await.ok()
    }
}

impl<T> Default for OnceCell<T> {
    fn default() -> Self {
        OnceCell::new()
    }
}

impl<T> From<T> for OnceCell<T> {
    fn from(value: T) -> Self {
        OnceCell::new_with(Some(value))
    }
}

/// A cell of its own with a copy of the value, if there is one. Nobody waits for it.
impl<T: Clone> Clone for OnceCell<T> {
    fn clone(&self) -> Self {
        OnceCell::new_with(self.get().cloned())
    }
}

impl<T: PartialEq> PartialEq for OnceCell<T> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for OnceCell<T> {}

impl<T: fmt::Debug> fmt::Debug for OnceCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OnceCell").field(&self.get()).finish()
    }
}
