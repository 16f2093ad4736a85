//! Values that own one another in a chain, dropped without a stack that grows with it.

use crate::outcome::{
    caught::Payload,
    panic::Panic,
    panics::Panics,
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
/// The first panic goes on when all are dropped; it and the others are reported where that would end the process.
pub(crate) fn drop_flat<T: 'static>(value: T) {
    let depth = DEPTH.get();
    if depth > NESTED {
        return DEEPER.with_borrow_mut(|deeper| deeper.push_back(Box::new(value)));
    }
    DEPTH.set(depth + 1);
    let mut panics = Panics::default();
    panics.catch(|| drop(value), report);
    if depth == NESTED {
        drop_deeper(&mut panics);
    }
    DEPTH.set(depth);
    panics.go_on_unless_unwinding(report);
}

#[cold]
fn drop_deeper(panics: &mut Panics) {
    while let Some(next) = DEEPER.with_borrow_mut(|deeper| deeper.pop_front()) {
        panics.catch(|| drop(next), report);
    }
    let empty = DEEPER.take();
    drop(ManuallyDrop::into_inner(empty));
}

fn report(payload: Payload) {
    report_unhandled(UnhandledKind::DestructorPanicked(Panic::new(payload)));
}
