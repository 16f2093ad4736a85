//! What a region has once something has registered with it.

use crate::region::region::Region;
use crate::region::{held::Held, here, members::Members};
use slab::Slab;
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    task::Waker,
};

/// What few regions have.
#[derive(Default)]
pub(crate) struct Inner {
    pub(crate) members: Members,
    /// Who waits, elsewhere, for the cancellation of this very region; or inside, for its end, when it is cancelled.
    pub(crate) waiters: RefCell<Slab<Option<Waker>>>,
    /// Where this one waits so, and as whom.
    pub(crate) end_around: Cell<Option<(Rc<Region>, usize)>>,
    /// A panic in clean-up, which goes on when all clean-up in here is done.
    pub(crate) panic: Cell<Option<Held>>,
}

impl Inner {
    #[cold]
    pub(crate) fn new() -> Box<Inner> {
        here::spare_inner().unwrap_or_default()
    }

    /// Its region is gone: it is kept for another, if there is nothing in it.
    #[cold]
    pub(crate) fn recycle(mut inner: Box<Inner>) {
        let waiters = inner.waiters.get_mut();
        let has_waiters = !waiters.is_empty() || waiters.capacity() > Members::KEPT;
        waiters.clear();
        let is_idle = inner.end_around.get_mut().is_none() && inner.panic.get_mut().is_none();
        if inner.members.reset() && is_idle && !has_waiters {
            here::keep_spare_inner(inner);
        }
    }
}
