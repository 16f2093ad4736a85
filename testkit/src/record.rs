//! What happened, in order.

use std::{cell::RefCell, rc::Rc};

/// What happened, in order. Clones share it.
#[derive(Debug)]
pub struct Record<T>(Rc<RefCell<Vec<T>>>);

impl<T> Record<T> {
    /// An empty record.
    #[expect(clippy::new_without_default, reason = "a test says that it begins one")]
    pub fn new() -> Self {
        Record(Rc::default())
    }

    /// Notes that `what` happened now.
    pub fn add(&self, what: T) {
        self.0.borrow_mut().push(what);
    }

    /// Notes that all this happened now, one after the other.
    pub fn add_all(&self, what: impl IntoIterator<Item = T>) {
        self.0.borrow_mut().extend(what);
    }

    /// How much has happened since [`Record::take`].
    pub fn len(&self) -> usize {
        self.0.borrow().len()
    }

    /// Has nothing happened since [`Record::take`]?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What has happened since the last call.
    pub fn take(&self) -> Vec<T> {
        self.0.take()
    }
}

impl<T> Clone for Record<T> {
    fn clone(&self) -> Self {
        Record(self.0.clone())
    }
}
