//! The values of the task-locals of one task.

use std::{any::Any, rc::Rc, vec};

/// The values of one task: few, so a list.
#[derive(Default)]
pub(crate) struct Locals(Vec<LocalValue>);

#[derive(Clone)]
pub(crate) struct LocalValue {
    /// The key's address.
    pub(crate) key: usize,
    pub(crate) inherited: bool,
    /// In how many branches, one in the other, it was set: see [`layers`](crate::region::layers).
    pub(crate) depth: u32,
    pub(crate) value: Rc<dyn Any>,
}

impl IntoIterator for Locals {
    type Item = LocalValue;
    type IntoIter = vec::IntoIter<LocalValue>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Locals {
    /// What a child begins with; `None` if that is nothing.
    pub(crate) fn for_child(&self) -> Option<Locals> {
        let is_inherited = |entry: &&LocalValue| entry.inherited;
        let inherit = |entry: &LocalValue| LocalValue { depth: 0, ..entry.clone() };
        let inherited: Vec<LocalValue> = self.0.iter().filter(is_inherited).map(inherit).collect();
        (!inherited.is_empty()).then_some(Locals(inherited))
    }

    pub(crate) fn find(&self, key: usize) -> Option<Rc<dyn Any>> {
        self.0.iter().find(|entry| entry.key == key).map(|entry| entry.value.clone())
    }

    /// Puts `value` there, and what was there into `value`: either may be nothing. Nothing is dropped.
    pub(crate) fn exchange(&mut self, key: usize, value: &mut Option<LocalValue>) {
        let found = self.0.iter().position(|entry| entry.key == key);
        let old = found.map(|at| self.0.swap_remove(at));
        self.0.extend(std::mem::replace(value, old));
    }

    /// Was the key's value set at that depth, so that a new one takes its place?
    pub(crate) fn is_set_at(&self, key: usize, depth: u32) -> bool {
        self.0.iter().any(|entry| entry.key == key && entry.depth >= depth)
    }
}
