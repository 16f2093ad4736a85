//! The once-cell: a value that is made once, by whoever needs it first.

use crate::{permit::Permit, semaphore::Semaphore};
use evenkeel_coop::consume_budget;
use std::{cell, fmt};

/// A cell that is filled once, by an async function if need be.
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
    value: cell::OnceCell<T>,
    /// A semaphore of one permit, the right to make the value. It is closed once there is one.
    turn: Semaphore,
}

impl<T> OnceCell<T> {
    /// An empty cell.
    pub const fn new() -> OnceCell<T> {
        OnceCell { value: cell::OnceCell::new(), turn: Semaphore::named(1, "OnceCell::get_or_init") }
    }

    /// The cell's value, if there is one.
    pub fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// The cell's value, if there is one. No waiting is needed, since nobody else has a reference.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut()
    }

    /// The cell's value, if there is one.
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// Fills the cell. Somebody who is making a value at the time will find it full, and get this one.
    ///
    /// # Errors
    ///
    /// The value, if the cell is full.
    pub fn set(&self, value: T) -> Result<(), T> {
        self.value.set(value)?;
        self.turn.close();
        Ok(())
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
            self.made()
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
            Ok(self.made())
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

    fn made(&self) -> &T {
        self.value.get().expect("the line is closed when the cell is full, and not before")
    }
}

impl<T> Default for OnceCell<T> {
    fn default() -> Self {
        OnceCell::new()
    }
}

impl<T> From<T> for OnceCell<T> {
    fn from(value: T) -> Self {
        let cell = OnceCell::new();
        let _ = cell.set(value);
        cell
    }
}

impl<T: fmt::Debug> fmt::Debug for OnceCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OnceCell").field(&self.get()).finish()
    }
}
