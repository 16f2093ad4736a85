//! Values that belong to a task: asyncio's `contextvars`, with a choice for each key whether children inherit it.

use crate::{
    outside::called_outside,
    raw::lent::OnThread,
    task::{
        local_scope::LocalScope,
        locals::{LocalValue, Locals},
        tasks::TASKS,
    },
};
use std::{fmt, marker::PhantomData, rc::Rc};

/// A key under which each task keeps a value of its own.
///
/// The key must be a `static`. Children get the parent's value at their spawn if the key was made with
/// [`TaskLocal::inherited`]; from then on each has its own. Values are dropped when their task ends.
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

    /// Sets the current task's value. In a task that has ended, whose output or values are just being dropped, `value` is
    /// dropped at once.
    ///
    /// # Panics
    ///
    /// Outside a task.
    #[track_caller]
    pub fn set(&'static self, value: T) {
        let entry = LocalValue { key: self.key(), inherited: self.inherited, value: Rc::new(value) };
        if self.inherited {
            TASKS.look(|tasks| tasks.map(|tasks| tasks.set_inherits()));
        }
        let mut entry = Some(entry);
        let old = with_locals(|locals, ended| if ended { None } else { locals.replace(entry.take()?) });
        if old.is_none() {
            called_outside("TaskLocal::set was called", "a task");
        }
        drop((old, entry));
    }

    /// Runs `future` with a value of its own under this key. What is set inside is gone afterwards, and what is set outside meanwhile is not
    /// seen inside. Tasks that are spawned inside inherit the value, if the key is [inherited](TaskLocal::inherited).
    ///
    /// The futures of a `gather`, a `race`, a `map_concurrent` or a `scope` run in one task and share its values: with this each has its
    /// own. A child of a task group is a task, and needs none.
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
        LocalScope::new(LocalValue { key: self.key(), inherited: self.inherited, value: Rc::new(value) }, future)
    }

    /// The current task's value; `None` if it has none, or outside a task.
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

    fn key(&'static self) -> usize {
        (&raw const *self).addr()
    }
}

impl<T> fmt::Debug for TaskLocal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskLocal").field("inherited", &self.inherited).finish_non_exhaustive()
    }
}

/// Calls `f` with the current task's values, and whether the task has ended. `f` runs no user code.
fn with_locals<R>(f: impl FnOnce(&mut Locals, bool) -> R) -> Option<R> {
    TASKS.look(|tasks| {
        let tasks = tasks?;
        tasks.with_header(tasks.current(), |head| {
            let ended = head.stage().is_end();
            head.with_extras(|extras| f(&mut extras.locals, ended))
        })
    })
}
