//! Driving an executor inside an executor.

use std::{fmt, panic::Location};

/// An executor was to be driven by a call that stands inside another such call on the same thread.
///
/// A run there would stop every task of the outer executor: await the future instead, or `spawn` it. A tick or a park there, of a host's loop
/// that runs inside a task, would poll tasks of an executor in the middle of a poll: leave it alone until that task returns.
#[derive(Debug, Clone, Copy)]
pub struct NestedRun {
    outer: Option<&'static Location<'static>>,
    inner: &'static Location<'static>,
    drive: Drive,
}

/// The calls that drive an executor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Drive {
    Run,
    Tick,
    Park,
    Close,
}

impl NestedRun {
    /// A call is refused since another one drives.
    #[cold]
    pub(crate) fn inside(
        outer: &'static Location<'static>,
        inner: &'static Location<'static>,
        drive: Drive,
    ) -> NestedRun {
        NestedRun { outer: Some(outer), inner, drive }
    }

    /// A call is refused in an `on_wake` callback of the executor that it would drive.
    #[cold]
    pub(crate) fn inside_on_wake(inner: &'static Location<'static>, drive: Drive) -> NestedRun {
        NestedRun { outer: None, inner, drive }
    }

    /// Where the call stands that was running already. `None` inside an executor's own `on_wake` callback, where there may be none.
    pub fn outer(&self) -> Option<&'static Location<'static>> {
        self.outer
    }

    /// Where the refused call stands.
    pub fn inner(&self) -> &'static Location<'static> {
        self.inner
    }
}

impl fmt::Display for NestedRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, instead) = match self.drive {
            Drive::Run => ("run", "await the future there, or spawn it"),
            Drive::Tick => (
                "tick",
                "a host's loop in there has to leave it alone until that task returns (Executor::is_driven tells, \
                 try_tick gives an error)",
            ),
            Drive::Park => ("park", "await something there, and let the host's loop park outside of tasks"),
            Drive::Close => ("close", "close it outside of tasks, or call begin_close there"),
        };
        let NestedRun { outer, inner, .. } = self;
        write!(f, "an evenkeel executor was to {verb} at {inner}, inside ")?;
        match outer {
            Some(outer) => write!(f, "a task of the one that runs since {outer}: {instead}"),
            None => f.write_str("its own on_wake callback: tell the host's loop to tick, and return"),
        }
    }
}

impl std::error::Error for NestedRun {}
