//! Values that belong to a task: asyncio's `contextvars`, with a choice for each key whether children inherit it.

use crate::raw::current as enter;
use std::{any::Any, fmt, marker::PhantomData, rc::Rc};

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
        let entry = Entry { key: self.key(), inherited: self.inherited, value: Rc::new(value) };
        if self.inherited {
            enter::with_current(|core| core.map(|core| core.tasks.set_inherits()));
        }
        let mut entry = Some(entry);
        let old = with_locals(|locals, ended| if ended { None } else { locals.replace(entry.take()?) });
        if old.is_none() {
            panic!("TaskLocal::set was called outside a task: call it in a future that evenkeel::run drives");
        }
        drop((old, entry));
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
        let value = enter::with_current(|core| {
            let tasks = &core?.tasks;
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
    enter::with_current(|core| {
        let tasks = &core?.tasks;
        tasks.with_header(tasks.current(), |head| {
            let ended = head.stage.get().is_end();
            head.with_extras(|extras| f(&mut extras.locals, ended))
        })
    })
}

/// The values of one task: few, so a list.
#[derive(Default)]
pub(crate) struct Locals(Vec<Entry>);

#[derive(Clone)]
struct Entry {
    /// The key's address.
    key: usize,
    inherited: bool,
    value: Rc<dyn Any>,
}

impl Locals {
    /// What a child begins with; `None` if that is nothing.
    pub(crate) fn for_child(&self) -> Option<Locals> {
        let inherited: Vec<Entry> = self.0.iter().filter(|entry| entry.inherited).cloned().collect();
        (!inherited.is_empty()).then_some(Locals(inherited))
    }

    fn find(&self, key: usize) -> Option<Rc<dyn Any>> {
        self.0.iter().find(|entry| entry.key == key).map(|entry| entry.value.clone())
    }

    /// Returns the old value, for the caller to drop where no borrow is held.
    fn replace(&mut self, new: Entry) -> Option<Rc<dyn Any>> {
        match self.0.iter_mut().find(|entry| entry.key == new.key) {
            Some(entry) => Some(std::mem::replace(&mut entry.value, new.value)),
            None => {
                self.0.push(new);
                None
            }
        }
    }
}
