//! Values that own one another in a chain, dropped without a stack that grows with it.

use crate::outcome::{
    panic::Panic,
    unhandled::{UnhandledKind, report_unhandled},
};
use std::{
    any::Any,
    cell::{Cell, RefCell},
    collections::VecDeque,
    mem::ManuallyDrop,
};

/// How many levels are dropped one inside the other, each with some hundred bytes of stack: a destructor that waits for what a value does
/// in its own, a few levels below, finds it done.
const NESTED: usize = 32;

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// What lies deeper waits here for the last of those levels. It has no destructor, so that it is there to the very end of its thread;
    /// it is empty then.
    static DEEPER: RefCell<ManuallyDrop<VecDeque<Box<dyn Any>>>> = const { RefCell::new(ManuallyDrop::new(VecDeque::new())) };
}

/// Drops a value whose destructor may come here again: it may own the handle of something that has such a value too, and so on.
///
/// Whoever drops a handle need not know what lies behind it: `report` gets the panic of the value's destructor.
pub(crate) fn drop_flat<T: 'static>(value: T, report: impl FnOnce(Panic)) {
    let depth = DEPTH.get();
    if depth > NESTED {
        return DEEPER.with_borrow_mut(|deeper| deeper.push_back(Box::new(value)));
    }
    DEPTH.set(depth + 1);
    if let Err(panic) = Panic::catch(|| drop(value)) {
        report(panic);
    }
    if depth == NESTED {
        drop_deeper();
    }
    DEPTH.set(depth);
}

#[cold]
fn drop_deeper() {
    while let Some(next) = DEEPER.with_borrow_mut(|deeper| deeper.pop_front()) {
        if let Err(panic) = Panic::catch(|| drop(next)) {
            report_destructor(panic);
        }
    }
    let empty = DEEPER.take();
    drop(ManuallyDrop::into_inner(empty));
}

/// Reports a destructor's panic in the name of the task that is running.
pub(crate) fn report_destructor(panic: Panic) {
    report_unhandled(UnhandledKind::DestructorPanicked(panic));
}
