//! What is noted of a child of a scope.

use evenkeel_executor::CancelReason;
use std::cell::{OnceCell, RefCell};

/// What a child of a scope, its handle and the scope share, besides its future and its output.
pub(super) struct Note {
    /// How many children came before it.
    number: u64,
    /// What few children have.
    rare: OnceCell<Box<Rare>>,
}

#[derive(Default)]
struct Rare {
    name: RefCell<Option<Box<str>>>,
    /// The child was cancelled on its own.
    cancelled: OnceCell<CancelReason>,
}

impl Rare {
    #[cold]
    fn take_name(&self) -> Option<Box<str>> {
        self.name.take()
    }
}

impl Note {
    #[inline]
    pub(super) fn new(number: u64) -> Note {
        Note { number, rare: OnceCell::new() }
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    fn rare(&self) -> &Rare {
        self.rare.get_or_init(Box::default)
    }

    /// Names the child, for its error.
    pub(super) fn set_name(&self, name: Box<str>) {
        self.rare().name.replace(Some(name));
    }

    #[inline]
    pub(super) fn take_name(&self) -> Option<Box<str>> {
        self.rare.get()?.take_name()
    }

    /// The child's name, as long as it has not ended.
    pub(super) fn name(&self) -> Option<String> {
        self.rare.get()?.name.borrow().as_deref().map(str::to_owned)
    }

    /// Notes that the child is to be cancelled on its own. `false` if that was noted before.
    pub(super) fn cancel(&self, reason: CancelReason) -> bool {
        self.rare().cancelled.set(reason).is_ok()
    }

    /// Why the child was cancelled on its own, if it was.
    pub(super) fn cancelled(&self) -> Option<&CancelReason> {
        self.rare.get()?.cancelled.get()
    }
}
