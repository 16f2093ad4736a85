//! The values of the task-locals of one task.

use std::{any::Any, rc::Rc};

/// The values of one task: few, so a list.
#[derive(Default)]
pub(crate) struct Locals(Vec<LocalValue>);

#[derive(Clone)]
pub(super) struct LocalValue {
    /// The key's address.
    pub(super) key: usize,
    pub(super) inherited: bool,
    pub(super) value: Rc<dyn Any>,
}

impl Locals {
    /// What a child begins with; `None` if that is nothing.
    pub(super) fn for_child(&self) -> Option<Locals> {
        let inherited: Vec<LocalValue> = self.0.iter().filter(|entry| entry.inherited).cloned().collect();
        (!inherited.is_empty()).then_some(Locals(inherited))
    }

    pub(super) fn find(&self, key: usize) -> Option<Rc<dyn Any>> {
        self.0.iter().find(|entry| entry.key == key).map(|entry| entry.value.clone())
    }

    /// Puts `value` there, and what was there into `value`: either may be nothing. Nothing is dropped.
    pub(super) fn exchange(&mut self, key: usize, value: &mut Option<LocalValue>) {
        let found = self.0.iter().position(|entry| entry.key == key);
        let old = found.map(|at| self.0.swap_remove(at));
        self.0.extend(std::mem::replace(value, old));
    }

    /// Returns the old value, for the caller to drop where no borrow is held.
    pub(super) fn replace(&mut self, new: LocalValue) -> Option<Rc<dyn Any>> {
        match self.0.iter_mut().find(|entry| entry.key == new.key) {
            Some(entry) => Some(std::mem::replace(&mut entry.value, new.value)),
            None => {
                self.0.push(new);
                None
            }
        }
    }
}
