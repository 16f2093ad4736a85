//! Values that belong to a task: asyncio's `contextvars`, with a choice for each key whether children inherit it.

use crate::{
    outside::called_outside,
    raw::lent::OnThread,
    region::locals::LocalValue,
    task::{local_scope::LocalScope, tasks::TASKS},
};
use std::{fmt, marker::PhantomData, rc::Rc};

/// A key under which each task keeps a value of its own.
///
/// The key must be a `static`. Children get the parent's value at their spawn if the key was made with
/// [`TaskLocal::inherited`]; from then on each has its own. Values are dropped when their task ends.
///
/// Several futures may run in one task, side by side: those of a `gather`, `try_gather`, `race`, `first_ok`, `as_completed` or
/// `map_concurrent`, the children of a `scope`, every [`Branch`](crate::combinator::Branch). What one of them sets is its own: it is seen by
/// itself, in every poll, in its clean-up and its destructor (but not by what is left of it after a panic), and by what it spawns, but
/// neither by the others nor by the code around them, and is dropped when it ends. A key that it has not set is read around it, as it is
/// there by then. The body of a `scope` or of a task group is the caller's own code, and so is a future in a timeout or in a
/// `CancelScope`, and what `map_concurrent` calls for each item before there is a future: what those set stays.
///
/// A future that is only borrowed by one of them (`race((&mut work, …))`) sets what belongs to that one, and finds it gone elsewhere:
/// [`scope`](TaskLocal::scope) gives it a value that goes with it.
///
/// ```
/// use evenkeel::{run, spawn, task::TaskLocal};
///
/// static REQUEST: TaskLocal<u32> = TaskLocal::inherited();
/// static DEPTH: TaskLocal<u32> = TaskLocal::new();
///
/// run(async {
///     REQUEST.set(7);
///     DEPTH.set(1);
///     let child = spawn(async { (REQUEST.get(), DEPTH.get()) });
///     REQUEST.set(8);
///     assert_eq!(child.await.unwrap(), (Some(7), None));
/// });
/// ```
///
/// Side by side in one task:
///
/// ```
/// use evenkeel::{gather, run, task::TaskLocal, yield_now};
///
/// static REQUEST: TaskLocal<u32> = TaskLocal::inherited();
///
/// async fn handle(id: u32) -> Option<u32> {
///     REQUEST.set(id);
///     yield_now().await;
///     REQUEST.get()
/// }
///
/// run(async {
///     assert_eq!(gather([handle(1), handle(2)]).await, [Some(1), Some(2)]);
///     assert_eq!(REQUEST.get(), None);
/// });
/// ```
pub struct TaskLocal<T: 'static> {
    inherited: bool,
    _value: PhantomData<fn(T) -> T>,
}

impl<T: 'static> TaskLocal<T> {
    /// A key whose values stay with the task that set them.
    #[expect(clippy::new_without_default, reason = "a key is a static; a default would make keys that are none")]
    pub const fn new() -> Self {
        TaskLocal { inherited: false, _value: PhantomData }
    }

    /// A key whose value children inherit when they are spawned.
    pub const fn inherited() -> Self {
        TaskLocal { inherited: true, _value: PhantomData }
    }

    /// Sets the current task's value, or that of the future of a combinator in which this is called: see [`TaskLocal`]. In a task that has
    /// ended, whose output or values are just being dropped, `value` is dropped at once.
    ///
    /// # Panics
    ///
    /// Outside a task.
    #[track_caller]
    pub fn set(&'static self, value: T) {
        let mut entry = Some(self.entry(value));
        let set = TASKS.look(|tasks| {
            let tasks = tasks?;
            let covers = tasks.set_local(&mut entry)?;
            if covers {
                tasks.here.note_covered();
            }
            Some(())
        });
        if set.is_none() {
            called_outside("TaskLocal::set was called", "a task");
        }
        drop(entry);
    }

    /// Runs `future` with a value of its own under this key. What is set inside is gone afterwards, and what is set outside meanwhile is not
    /// seen inside. Tasks that are spawned inside inherit the value, if the key is [inherited](TaskLocal::inherited).
    ///
    /// What `future` sets under other keys stays, as if it ran without this.
    ///
    /// # Cancellation
    ///
    /// As that of `future`, whose destructor and clean-up find the value too.
    ///
    /// # Panics
    ///
    /// When polled outside a task, or after it has ended.
    ///
    /// ```
    /// use evenkeel::{gather, run, task::TaskLocal, yield_now};
    ///
    /// static REQUEST: TaskLocal<u32> = TaskLocal::inherited();
    ///
    /// async fn handle() -> Option<u32> {
    ///     yield_now().await;
    ///     REQUEST.get()
    /// }
    ///
    /// run(async {
    ///     REQUEST.set(0);
    ///     let both = gather([1, 2].map(|id| REQUEST.scope(id, handle()))).await;
    ///     assert_eq!(both, [Some(1), Some(2)]);
    ///     assert_eq!(REQUEST.get(), Some(0));
    /// });
    /// ```
    pub fn scope<F: Future>(&'static self, value: T, future: F) -> impl Future<Output = F::Output> {
        LocalScope::new(self.entry(value), future)
    }

    /// The current task's value, as it is seen where this is called; `None` if it has none, or outside a task.
    pub fn get(&'static self) -> Option<T>
    where
        T: Clone,
    {
        self.shared().map(|value| T::clone(&value))
    }

    /// Calls `f` with the current task's value; with `None` if it has none, or outside a task.
    pub fn with<R>(&'static self, f: impl FnOnce(Option<&T>) -> R) -> R {
        f(self.shared().as_deref())
    }

    fn shared(&'static self) -> Option<Rc<T>> {
        let value = TASKS.look(|tasks| {
            let tasks = tasks?;
            tasks.with_header(tasks.current(), |head| head.peek_extras(|extras| extras.locals.find(self.key())))
        });
        value.flatten().flatten()?.downcast().ok()
    }

    fn entry(&'static self, value: T) -> LocalValue {
        LocalValue { key: self.key(), inherited: self.inherited, depth: 0, value: Rc::new(value) }
    }

    fn key(&'static self) -> usize {
        (&raw const *self).addr()
    }
}

impl<T> fmt::Debug for TaskLocal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskLocal").field("inherited", &self.inherited).finish_non_exhaustive()
    }
}
