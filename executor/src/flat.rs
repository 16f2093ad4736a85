//! Values that own one another in a chain, dropped one after the other.

use crate::{
    join_error::Panic,
    unhandled::{Cause, report_unhandled},
};
use std::{
    any::Any,
    cell::RefCell,
    collections::VecDeque,
    mem::ManuallyDrop,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    thread,
};

/// What waits for the outermost call. It has no destructor, so that it is there to the very end of its thread; it is empty then.
type Waiting = Option<ManuallyDrop<VecDeque<Box<dyn Any>>>>;

thread_local! {
    /// `None` where nothing is being dropped.
    static WAITING: RefCell<Waiting> = const { RefCell::new(None) };
}

/// Drops a value whose destructor may come here again: it may own the handle of something that has such a value too, and so on. Only
/// the outermost call drops, the others leave theirs to it, so that the stack does not grow with the chain.
///
/// The first panic goes on when all are dropped; it and the others are reported where that would end the process.
pub(crate) fn drop_flat<T: 'static>(value: T) {
    let first = WAITING.with_borrow_mut(|waiting| match waiting {
        Some(list) => {
            list.push_back(Box::new(value));
            None
        }
        None => {
            *waiting = Some(ManuallyDrop::new(VecDeque::new()));
            Some(value)
        }
    });
    let Some(first) = first else { return };
    let mut panic = catch_unwind(AssertUnwindSafe(|| drop(first))).err();
    while let Some(next) = WAITING.with_borrow_mut(|waiting| waiting.as_mut()?.pop_front()) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(next))) {
            match panic {
                None => panic = Some(payload),
                Some(_) => report(payload),
            }
        }
    }
    drop(WAITING.take().map(ManuallyDrop::into_inner));
    match panic {
        Some(payload) if thread::panicking() => report(payload),
        Some(payload) => resume_unwind(payload),
        None => {}
    }
}

fn report(payload: Box<dyn Any + Send>) {
    report_unhandled(Cause::DestructorPanicked(Panic::new(payload)));
}
