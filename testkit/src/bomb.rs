//! Wakers whose every operation is a test's own code.

#![expect(unsafe_code, reason = "only a raw waker can bring code of its own into `clone`")]

use std::{
    cell::RefCell,
    pin::Pin,
    ptr,
    rc::Rc,
    task::{Context, RawWaker, RawWakerVTable, Waker},
};

/// What is done to a waker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op {
    /// It is cloned.
    Clone,
    /// It is called and consumed.
    Wake,
    /// It is called by reference.
    WakeByRef,
    /// It is dropped.
    Drop,
}

type Fuse = Rc<dyn Fn(Op)>;

thread_local! {
    /// By the number in the waker. On other threads a bomb does nothing.
    static FUSES: RefCell<Vec<Fuse>> = const { RefCell::new(Vec::new()) };
}

static VTABLE: RawWakerVTable = RawWakerVTable::new(
    |data| {
        call(data, Op::Clone);
        RawWaker::new(data, &VTABLE)
    },
    |data| call(data, Op::Wake),
    |data| call(data, Op::WakeByRef),
    |data| call(data, Op::Drop),
);

/// A waker that calls `fuse` in each of its operations, until [`defuse`].
pub fn bomb(fuse: impl Fn(Op) + 'static) -> Waker {
    let number = FUSES.with_borrow_mut(|fuses| {
        fuses.push(Rc::new(fuse));
        fuses.len() - 1
    });
    // SAFETY: the data is a number, looked up in a table of its thread; nothing is owned, so nothing can be misused.
    unsafe { Waker::new(ptr::without_provenance(number), &VTABLE) }
}

/// Polls `future` now, and whenever it is woken right there, on the waking stack, as some adapters do.
pub fn polled_in_wake(future: impl Future<Output = ()> + 'static) {
    type Slot = Rc<RefCell<Option<Pin<Box<dyn Future<Output = ()>>>>>>;
    let future: Slot = Rc::new(RefCell::new(Some(Box::pin(future))));
    let own: Rc<RefCell<Option<Waker>>> = Rc::default();
    let (again, waker) = (future.clone(), own.clone());
    let poll = move || {
        // A wake-up inside of its own poll finds nothing to do.
        let Some(mut future) = again.take() else { return };
        let waker = waker.borrow().clone().unwrap();
        if future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
            *again.borrow_mut() = Some(future);
        }
    };
    let first = poll.clone();
    *own.borrow_mut() = Some(bomb(move |op| {
        if matches!(op, Op::Wake | Op::WakeByRef) {
            poll();
        }
    }));
    first();
}

/// Every bomb of this thread is a dud from here on.
pub fn defuse() {
    drop(FUSES.take());
}

fn call(data: *const (), op: Op) {
    let fuse = FUSES.try_with(|fuses| fuses.borrow().get(data.addr()).cloned()).ok().flatten();
    if let Some(fuse) = fuse {
        fuse(op);
    }
}
