//! A look at the value.

use std::{fmt, ops::Deref, rc::Rc};

/// The value at the time of the look. It stays as it is for as long as it is held, also when newer values are sent, and may
/// be held across awaits.
pub struct Ref<T> {
    value: Rc<T>,
    has_changed: bool,
}

impl<T> Ref<T> {
    pub(super) fn new(value: Rc<T>, has_changed: bool) -> Ref<T> {
        Ref { value, has_changed }
    }

    /// Was this value one that the receiver had not seen before the look? Never so of a look at the sender.
    ///
    /// ```
    /// use evenkeel::sync::watch;
    ///
    /// let (sender, mut receiver) = watch::channel(1);
    /// sender.send(2).unwrap();
    /// assert!(receiver.borrow_and_update().has_changed());
    /// assert!(!receiver.borrow_and_update().has_changed());
    /// ```
    pub fn has_changed(&self) -> bool {
        self.has_changed
    }
}

impl<T> Deref for Ref<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Ref<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}
