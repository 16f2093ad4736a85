//! Where a child of a scope leaves its outcome for its handle.

use crate::caught::drop_quietly;
use evenkeel_executor::CancelReason;
use std::{
    cell::{OnceCell, RefCell},
    task::{Context, Waker},
};

/// What a child of a scope and its handle share.
pub(super) struct Outlet<T> {
    stage: RefCell<Stage<T>>,
    name: RefCell<Option<Box<str>>>,
    /// The child was cancelled on its own.
    cancelled: OnceCell<CancelReason>,
}

/// How far a child has come.
pub(super) enum Stage<T> {
    /// The child runs, and who awaits its handle has that waker.
    Running(Option<Waker>),
    Value(T),
    Failed,
    Cancelled,
    Panicked,
    /// The handle has given the outcome away.
    Taken,
}

impl<T> Outlet<T> {
    pub(super) fn new() -> Outlet<T> {
        Outlet { stage: RefCell::new(Stage::Running(None)), name: RefCell::default(), cancelled: OnceCell::new() }
    }

    // ---- the child's side

    /// The child has ended: whoever awaits its handle is woken.
    pub(super) fn end(&self, stage: Stage<T>) {
        let before = self.stage.replace(stage);
        if let Stage::Running(Some(waker)) = before {
            waker.wake();
        }
    }

    /// The child's name, for its error.
    pub(super) fn take_name(&self) -> Option<Box<str>> {
        self.name.take()
    }

    // ---- the handle's side

    pub(super) fn set_name(&self, name: Box<str>) {
        self.name.replace(Some(name));
    }

    /// Notes that the child is to be cancelled on its own. `false` if that was noted before.
    pub(super) fn cancel(&self, reason: CancelReason) -> bool {
        self.cancelled.set(reason).is_ok()
    }

    /// Why the child was cancelled on its own, if it was.
    pub(super) fn cancelled(&self) -> Option<&CancelReason> {
        self.cancelled.get()
    }

    /// Was the child cancelled on its own, and not as everything around is?
    ///
    /// # Panics
    ///
    /// If its outcome was given away.
    pub(super) fn was_cancelled_alone(&self) -> bool {
        match &*self.stage.borrow() {
            Stage::Cancelled => self.cancelled.get().is_some(),
            Stage::Taken => was_taken(),
            _ => false,
        }
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(&*self.stage.borrow(), Stage::Running(_))
    }

    /// Is the child still running? Then the newest waker is kept.
    pub(super) fn is_awaited(&self, cx: &Context<'_>) -> bool {
        // A waker's clone and drop may be foreign code: nothing is borrowed meanwhile.
        let newest = cx.waker().clone();
        let old = match &mut *self.stage.borrow_mut() {
            Stage::Running(waker) => waker.replace(newest),
            _ => return false,
        };
        drop(old);
        true
    }

    /// The outcome if there is one that `wanted` says yes to; it is taken then.
    pub(super) fn take_if(&self, wanted: impl FnOnce(&Stage<T>) -> bool) -> Option<Stage<T>> {
        let mut stage = self.stage.borrow_mut();
        wanted(&stage).then(|| std::mem::replace(&mut *stage, Stage::Taken))
    }
}

/// The value goes with whoever lets go of it last, the handle or the child. Neither need know what is in it: a panic of its destructor is
/// reported.
impl<T> Drop for Outlet<T> {
    fn drop(&mut self) {
        if let Stage::Value(value) = std::mem::replace(self.stage.get_mut(), Stage::Taken) {
            drop_quietly(value);
        }
    }
}

/// Says that the outcome of a child was asked for again.
pub(super) fn was_taken() -> ! {
    panic!("the outcome of a scope's child was awaited after it had been taken: take it once")
}
