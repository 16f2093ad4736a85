//! How a task begins: its future gets a block and a slot, and is queued.

use crate::{
    outcome::{reason::CancelReason, unread::Away},
    raw::{block::Look, number::Number, owned::Handle, table::Full},
    task::{
        header::{Header, Live, Meta},
        tasks::{RawTask, Stop, Tasks, mode},
    },
};
use std::panic::Location;

impl Tasks {
    /// Makes a task of what `future` returns, which is told its number, and queues it. `L` says how its output is looked at if nobody reads it.
    #[inline]
    pub(crate) fn spawn<F: Future + 'static, L: Look<F::Output>>(
        &self,
        future: impl FnOnce(Number) -> F,
        location: &'static Location<'static>,
    ) -> Result<RawTask<F::Output>, Full> {
        let meta = || Meta::new(location, self.current.get());
        let owned = self.blocks.admit::<F, L>(self, future, meta, || self.seats.len())?;
        self.admitted(&owned);
        Ok(Handle::new(owned))
    }

    /// Makes a task of the future that `future` returns, which may borrow, and calls `during` with its handle, then `end`, which leaves
    /// nothing of it.
    pub(super) fn spawn_during<F: Future, R>(
        &self,
        future: impl FnOnce() -> F,
        location: &'static Location<'static>,
        during: impl FnOnce(&RawTask<F::Output>) -> R,
        end: impl Fn(&RawTask<F::Output>),
    ) -> Result<R, Full> {
        let meta = || Meta::new(location, self.current.get());
        let during = |task: &RawTask<F::Output>| {
            self.admitted(task);
            during(task)
        };
        self.blocks.admit_during::<F, Away, R>(self, future, meta, || self.seats.len(), during, end)
    }

    #[inline(always)]
    fn admitted(&self, task: &Live) {
        self.live.set(self.live.get() + 1);
        if self.mode.get() != 0 {
            self.admitted_unusual(task);
        }
    }

    #[cold]
    fn admitted_unusual(&self, task: &Live) {
        // While the executor closes, a task that runs and is not cancelled was spawned by clean-up, or is in the middle of it.
        let is_clean_up = || self.blocks.find(self.current.get()).is_some() && !self.is_cancelled_here();
        if self.has(mode::ENDING) || (self.has(mode::CLOSING) && !is_clean_up()) {
            self.request(task, Stop::Cancel, CancelReason::Shutdown);
        }
        if self.has(mode::INHERITS) {
            self.inherit(task);
        }
        self.tell_host();
    }

    /// Hands the parent's inheritable task-locals down.
    fn inherit(&self, child: &Header) {
        let inherited = |parent: &Header| parent.peek_extras(|extras| extras.locals.for_child()).flatten();
        if let Some(locals) = self.with_header(child.meta.parent, inherited).flatten() {
            child.with_extras(|extras| extras.locals = locals);
        }
    }
}
