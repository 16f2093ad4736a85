//! What the tests look with.

#![expect(unsafe_code, reason = "a waker that brings its own code into `clone` must be a raw one")]

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    ptr,
    rc::Rc,
    task::{Poll, RawWaker, RawWakerVTable, Waker},
};

/// Counts the drops of its guards.
#[derive(Clone, Default)]
pub(crate) struct Drops(Rc<Cell<usize>>);

/// Owns memory, so that a second drop or a missing one is seen.
pub(crate) struct Guard(Drops, #[expect(dead_code, reason = "owned to be dropped")] Box<u8>);

impl Drops {
    pub(crate) fn guard(&self) -> Guard {
        Guard(self.clone(), Box::new(7))
    }

    pub(crate) fn count(&self) -> usize {
        self.0.get()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.0.set(self.0.0.get() + 1);
    }
}

pub(crate) struct OnDrop<F: FnMut()>(pub(crate) F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

pub(crate) async fn my_waker() -> Waker {
    poll_fn(|cx| Poll::Ready(cx.waker().clone())).await
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Op {
    Clone,
    Wake,
    Drop,
}

type Fuse = Rc<dyn Fn(Op)>;

thread_local! {
    static FUSES: RefCell<Vec<Fuse>> = const { RefCell::new(Vec::new()) };
}

static VTABLE: RawWakerVTable = RawWakerVTable::new(
    |data| {
        call(data, Op::Clone);
        RawWaker::new(data, &VTABLE)
    },
    |data| {
        call(data, Op::Wake);
        call(data, Op::Drop);
    },
    |data| call(data, Op::Wake),
    |data| call(data, Op::Drop),
);

/// A waker that calls `fuse` in each of its operations, until [`defuse`].
pub(crate) fn bomb(fuse: impl Fn(Op) + 'static) -> Waker {
    let number = FUSES.with_borrow_mut(|fuses| {
        fuses.push(Rc::new(fuse));
        fuses.len() - 1
    });
    // SAFETY: the data is a number, looked up in a table of its thread; nothing is owned, so nothing can be misused.
    unsafe { Waker::new(ptr::without_provenance(number), &VTABLE) }
}

pub(crate) fn defuse() {
    drop(FUSES.take());
}

fn call(data: *const (), op: Op) {
    let fuse = FUSES.try_with(|fuses| fuses.borrow().get(data.addr()).cloned()).ok().flatten();
    if let Some(fuse) = fuse {
        fuse(op);
    }
}
