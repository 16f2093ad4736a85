//! What becomes of a child's failure in a group whose children fail alone.

use std::cell::Cell;

/// What a [`Supervisor`](crate::Supervisor) does with the failure of a child, an `Err` or a panic. The other children go on in any case.
///
/// ```
/// use evenkeel::{Supervisor, group::OnFailure, run};
///
/// let outcome = run(Supervisor::<String>::builder().on_failure(OnFailure::Collect { most: 100 }).run(async |supervisor| {
///     for page in ["a", "b", "c"] {
///         supervisor.spawn(async move { if page == "b" { Err(format!("no page {page}")) } else { Ok(()) } });
///     }
///     Ok(())
/// }));
/// assert_eq!(outcome.unwrap_err().into_errors(), ["no page b"]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnFailure {
    /// The failure goes to `on_unhandled` at once, with the child's name and the place where it was spawned.
    #[default]
    Report,
    /// The failure is kept, and told at the end: then `run` yields a [`GroupError`](crate::GroupError) with all of them, and the value of
    /// the body is dropped.
    Collect {
        /// So many are kept. Further failures go to `on_unhandled`, as a supervisor that lives for a year is not to grow.
        most: usize,
    },
}

/// What becomes of one failure.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is kept, and cancels the group.
    Cancels,
    /// It is kept, and the others go on.
    IsKept,
    /// It is reported, and the others go on.
    IsReported,
}

/// A group's rule, and how many failures were kept by it.
pub(super) struct Policy {
    rule: OnFailure,
    kept: Cell<usize>,
}

impl Policy {
    pub(super) fn new(rule: OnFailure) -> Policy {
        Policy { rule, kept: Cell::new(0) }
    }

    /// What becomes of the next failure. One that is to be kept is counted.
    pub(super) fn next_fate(&self) -> Fate {
        match self.rule {
            OnFailure::Collect { most } if self.kept.get() < most => {
                self.kept.set(self.kept.get() + 1);
                Fate::IsKept
            }
            _ => Fate::IsReported,
        }
    }
}
