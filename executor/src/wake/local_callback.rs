//! A host's callback that must not leave its thread, called through a key that may.

use crate::outcome::unhandled::report_panic;
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    marker::PhantomData,
    mem::ManuallyDrop,
    rc::Rc,
    thread,
    thread::ThreadId,
};

type Callbacks = BTreeMap<u64, Rc<dyn Fn()>>;

thread_local! {
    /// This thread's callbacks, by number. The table has no destructor, so that it is there to the very end of its thread; when it is empty it holds no memory.
    static CALLBACKS: RefCell<ManuallyDrop<Callbacks>> = const { RefCell::new(ManuallyDrop::new(BTreeMap::new())) };
    /// How many callbacks this thread ever had.
    static COUNT: Cell<u64> = const { Cell::new(0) };
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
        let number = COUNT.get() + 1;
        COUNT.set(number);
        CALLBACKS.with_borrow_mut(|callbacks| callbacks.insert(number, callback));
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

    /// Calls the callback, on its own thread. Its panic is printed: whoever wakes, perhaps in a destructor, is not to bear it.
    pub(crate) fn call(self) {
        // The table is not borrowed during the call.
        let callback = CALLBACKS.with_borrow(|callbacks| callbacks.get(&self.number).cloned());
        if let Some(callback) = callback {
            report_panic("an on_wake_local callback", || callback());
            // The callback may have ended its executor, and be the last one.
            report_panic("the destructor of an on_wake_local callback", || drop(callback));
        }
    }
}

impl Drop for LocalCallback {
    fn drop(&mut self) {
        let callback = CALLBACKS.with_borrow_mut(|callbacks| {
            let callback = callbacks.remove(&self.key.number);
            if callbacks.is_empty() {
                **callbacks = BTreeMap::new();
            }
            callback
        });
        drop(callback);
    }
}
