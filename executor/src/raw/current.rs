//! The current executor of this thread: a pointer that is set while one of its tasks (or destructors) may run.

use crate::core::Core;
use std::{cell::Cell, marker::PhantomData, ptr, rc::Rc};

thread_local! {
    // `const` and without a destructor: one plain read, also at the very end of a thread's life.
    static CURRENT: Cell<*const Core> = const { Cell::new(ptr::null()) };
}

/// Calls `f` with the executor that is current on this thread.
#[inline(always)]
pub(crate) fn with_current<R>(f: impl FnOnce(Option<&Core>) -> R) -> R {
    let current = CURRENT.get();
    // SAFETY: the pointer was set by `Entered::new` from a reference that is borrowed for as long as that guard lives,
    // and the guard's drop takes it out again before the borrow ends (guards nest, as locals of our own functions do).
    // The reference given to `f` cannot leave it, and `f` returns before anything above it on the stack ends.
    f(unsafe { current.as_ref() })
}

/// While this lives, `core` is the thread's current executor; then the one before is so again.
pub(crate) struct Entered<'a> {
    before: *const Core,
    _borrow: PhantomData<&'a Rc<Core>>,
}

impl<'a> Entered<'a> {
    /// To be kept in a local variable of one of our functions: these guards must end in reverse order.
    pub(crate) fn new(core: &'a Rc<Core>) -> Entered<'a> {
        Entered { before: CURRENT.replace(Rc::as_ptr(core)), _borrow: PhantomData }
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        CURRENT.set(self.before);
    }
}
