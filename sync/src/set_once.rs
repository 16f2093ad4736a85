//! The cell that is set once, and whose value can be waited for.

use crate::{
    wait::{Attempt, Line, Wait},
    wait_queue::{WaitQueue, WaitStats, Waking},
};
use std::{cell, fmt, marker::PhantomData};

/// A cell whose value comes once, from whoever has it first: tokio's `SetOnce`.
///
/// Where the value is made by those who need it, see [`OnceCell`](crate::OnceCell).
///
/// ```
/// use evenkeel::sync::SetOnce;
///
/// # futures::executor::block_on(async {
/// let address = SetOnce::new();
/// let (one, two, set) = futures::join!(address.wait(), address.wait(), async { address.set("127.0.0.1:80") });
/// assert_eq!((*one, *two, set), ("127.0.0.1:80", "127.0.0.1:80", Ok(())));
/// assert_eq!(address.set("::1"), Err("::1")); // it stays what it is
/// # });
/// ```
pub struct SetOnce<T> {
    value: cell::OnceCell<T>,
    /// Those who wait for the value.
    queue: WaitQueue,
}

impl<T> SetOnce<T> {
    /// An empty cell.
    pub const fn new() -> SetOnce<T> {
        SetOnce::named("SetOnce::wait")
    }

    /// An empty cell whose waiters wait for that.
    pub(crate) const fn named(what: &'static str) -> SetOnce<T> {
        SetOnce { value: cell::OnceCell::new(), queue: WaitQueue::new(what) }
    }

    /// A cell that is set already, or an empty one.
    pub fn new_with(value: Option<T>) -> SetOnce<T> {
        let cell = SetOnce::new();
        if let Some(value) = value {
            let _ = cell.fill(value);
        }
        cell
    }

    /// The cell's value, if it is set.
    pub fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// The cell's value, if it is set. No waiting is needed, since nobody else has a reference.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut()
    }

    /// Is the cell set? tokio's `initialized`.
    pub fn is_initialized(&self) -> bool {
        self.value.get().is_some()
    }

    /// The cell's value, if it is set.
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// Sets the cell: all who wait for its value go on, in order.
    ///
    /// # Errors
    ///
    /// The value, if the cell is set already.
    pub fn set(&self, value: T) -> Result<(), T> {
        self.fill(value).map(drop)
    }

    /// Sets the cell; those who wait are woken when the guard is dropped.
    pub(crate) fn fill(&self, value: T) -> Result<Waking<'_, (), ()>, T> {
        self.value.set(value)?;
        let calls = self.queue.waking();
        self.queue.grant_all(());
        Ok(calls)
    }

    /// Waits until the cell is set; does not wait if it is. Nobody need set it: then this waits for ever.
    ///
    /// Cancel-safe.
    ///
    /// # Panics
    ///
    /// The future, when it is polled after it gave its output.
    pub fn wait(&self) -> impl Future<Output = &T> + Unpin {
        // It is never refused.
        Wait::<&SetOnce<T>, Setting<T>>::new(self, ()).then(|cell, _| cell.known())
    }

    /// The value, of which the caller knows that it is there.
    pub(crate) fn known(&self) -> &T {
        self.value.get().expect("who is let through is so because the cell is full, and it stays full")
    }

    /// How many wait for the value.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// What the cell's line has seen so far.
    pub fn stats(&self) -> WaitStats {
        self.queue.stats()
    }
}

/// The rules of the line for the value.
struct Setting<T>(PhantomData<T>);

impl<T> Line for Setting<T> {
    type Owner = SetOnce<T>;
    type Request = ();
    type Grant = ();

    fn queue(cell: &SetOnce<T>) -> &WaitQueue {
        &cell.queue
    }

    fn attempt(cell: &SetOnce<T>, request: ()) -> Attempt<(), ()> {
        if cell.is_initialized() { Attempt::Granted(()) } else { Attempt::Wait(request) }
    }

    /// Gives nothing back: the value is there for everyone.
    fn give_back(_: &SetOnce<T>, _: ()) {}
}

impl<T> Default for SetOnce<T> {
    fn default() -> Self {
        SetOnce::new()
    }
}

impl<T> From<T> for SetOnce<T> {
    fn from(value: T) -> Self {
        SetOnce::new_with(Some(value))
    }
}

/// A cell of its own with a copy of the value, if that is set. Nobody waits for it.
impl<T: Clone> Clone for SetOnce<T> {
    fn clone(&self) -> Self {
        SetOnce::new_with(self.get().cloned())
    }
}

impl<T: PartialEq> PartialEq for SetOnce<T> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for SetOnce<T> {}

impl<T: fmt::Debug> fmt::Debug for SetOnce<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SetOnce").field(&self.get()).finish()
    }
}
