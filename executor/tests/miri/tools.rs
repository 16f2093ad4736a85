//! What the tests look with: the kit of all crates, and a waker that takes itself apart.

pub(crate) use evenkeel_testkit::{
    DropGuard, Drops, LendsItself, OnDrop,
    bomb::{Op, defuse},
    my_waker, on_drop,
};
use std::task::Waker;

/// A waker that calls `fuse` in each of its operations, until [`defuse`]. A call that consumes it is a call and a drop.
pub(crate) fn bomb(fuse: impl Fn(Op) + 'static) -> Waker {
    evenkeel_testkit::bomb::bomb(move |op| match op {
        Op::Wake => {
            fuse(Op::Wake);
            fuse(Op::Drop);
        }
        Op::WakeByRef => fuse(Op::Wake),
        op => fuse(op),
    })
}
