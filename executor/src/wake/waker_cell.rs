//! The newest waker of one who waits.

use crate::{
    outcome::{
        caught::Payload,
        panic::Panic,
        panics::Panics,
        unhandled::{UnhandledKind, report_unhandled},
    },
    wake::{
        call::call,
        wake::{copy_of, task_of, waker},
    },
};
use std::{cell::Cell, fmt, mem::ManuallyDrop, task::Waker};

/// Keeps the newest waker of one who waits, and calls it once.
///
/// Cloning, calling and dropping a waker may be foreign code, so nothing is borrowed meanwhile. While one is cloned nobody can be woken:
/// what is waited for is to be looked at again after [`keep`](WakerCell::keep).
///
/// ```
/// use evenkeel::combinator::WakerCell;
/// use std::task::Waker;
///
/// let cell = WakerCell::default();
/// cell.keep(Waker::noop());
/// cell.wake();
/// ```
#[derive(Default)]
pub struct WakerCell(Cell<Option<Waker>>);

impl WakerCell {
    /// Keeps that waker instead of the one before.
    ///
    /// # Panics
    ///
    /// If cloning it, or dropping the one before, does.
    pub fn keep(&self, newest: &Waker) {
        self.keep_while(newest, || true, |payload| report_unhandled(UnhandledKind::WakerPanicked(Panic::new(payload))));
    }

    /// Calls the waker, if there is one that was not called. Its panic is reported.
    pub fn wake(&self) {
        if let Some(waker) = self.take() {
            call(waker);
        }
    }

    /// Drops the waker uncalled, if there is one, as nobody waits any more. A panic of its destructor is reported.
    pub fn clear(&self) {
        if let Err(panic) = Panic::catch(|| drop(self.take())) {
            report_unhandled(UnhandledKind::WakerPanicked(panic));
        }
    }

    /// The waker, for the caller to call or to drop.
    #[inline(always)]
    pub(crate) fn take(&self) -> Option<Waker> {
        self.0.take()
    }

    /// Keeps that waker, unless nobody waits any more when it has been cloned. Returns whether somebody waits. Of two panics the first goes
    /// on, and `report` gets the other.
    #[inline]
    pub(crate) fn keep_while(&self, newest: &Waker, waits: impl Fn() -> bool, report: impl Fn(Payload)) -> bool {
        let stored = self.0.take();
        match task_of(newest) {
            Some(number) if stored.is_none() => {
                // The same as a clone, without a call.
                self.0.set(Some(ManuallyDrop::into_inner(waker(number))));
                true
            }
            _ => self.replace(stored, newest, waits, report),
        }
    }

    #[cold]
    fn replace(
        &self,
        stored: Option<Waker>,
        newest: &Waker,
        waits: impl Fn() -> bool,
        report: impl Fn(Payload),
    ) -> bool {
        let (kept, stale) = newest_of(stored, newest);
        let old = if waits() { self.0.replace(Some(kept)) } else { Some(kept) };
        let mut panics = Panics::default();
        panics.catch(|| drop(old), &report);
        panics.catch(|| drop(stale), &report);
        panics.go_on();
        waits()
    }
}

/// The waker to keep, which is the stored one if it wakes what the newest does, and what is to be dropped of it. Nothing is to be borrowed
/// meanwhile: clones may be foreign code.
#[inline]
pub(crate) fn newest_of(stored: Option<Waker>, newest: &Waker) -> (Waker, Option<Waker>) {
    match stored {
        Some(stored) if stored.will_wake(newest) => (stored, None),
        stored => (copy_of(newest).unwrap_or_else(|| newest.clone()), stored),
    }
}

impl fmt::Debug for WakerCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WakerCell")
    }
}
