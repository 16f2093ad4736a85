//! A host's callback that must not leave its thread, called through a key that may.

use crate::unhandled::report_panic;
use std::{cell::RefCell, collections::HashMap, marker::PhantomData, rc::Rc, thread, thread::ThreadId};

thread_local! {
    static CALLBACKS: RefCell<Callbacks> = RefCell::new(Callbacks { next: 0, callbacks: HashMap::new() });
}

struct Callbacks {
    next: u64,
    callbacks: HashMap<u64, Rc<dyn Fn()>>,
}

/// While this lives, its key calls the callback.
pub(crate) struct LocalCallback {
    key: LocalKey,
    _local: PhantomData<Rc<()>>,
}

/// The name of a callback of some thread's.
#[derive(Clone, Copy)]
pub(crate) struct LocalKey {
    thread: ThreadId,
    number: u64,
}

impl LocalCallback {
    pub(crate) fn new(callback: Rc<dyn Fn()>) -> LocalCallback {
        let number = CALLBACKS.with_borrow_mut(|table| {
            table.next += 1;
            table.callbacks.insert(table.next, callback);
            table.next
        });
        LocalCallback { key: LocalKey { thread: thread::current().id(), number }, _local: PhantomData }
    }

    pub(crate) fn key(&self) -> LocalKey {
        self.key
    }
}

impl LocalKey {
    /// Is this the callback's thread?
    pub(crate) fn is_here(self) -> bool {
        thread::current().id() == self.thread
    }

    /// Calls it, on its own thread. Its panic is printed: whoever wakes, perhaps in a destructor, is not to bear it.
    pub(crate) fn call(self) {
        // The table is not borrowed during the call. At the very end of a thread it is gone, and so is the host's loop.
        let callback = CALLBACKS.try_with(|table| table.borrow().callbacks.get(&self.number).cloned());
        if let Ok(Some(callback)) = callback {
            report_panic("an on_wake_local callback", || callback());
        }
    }
}

impl Drop for LocalCallback {
    fn drop(&mut self) {
        let callback = CALLBACKS.try_with(|table| table.borrow_mut().callbacks.remove(&self.key.number));
        drop(callback);
    }
}
