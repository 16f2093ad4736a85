//! The region: a part of a task's code that is stopped as a whole. Cancel scopes and clean-up points are regions.

pub(crate) mod drive;
pub(crate) mod here;
pub(crate) mod spare;
pub(crate) mod heirs;
pub(crate) mod cancelled;
pub(crate) mod timer;
pub(crate) mod membership;
pub(crate) mod waiters;
#[expect(clippy::module_inception, reason = "the room is named after its first noun")]
pub(crate) mod region;
pub(crate) mod probe;
pub(crate) mod seated;
pub(crate) mod members;
pub(crate) mod limit;
pub(crate) mod remote;
pub(crate) mod held;
pub(crate) mod layers;
pub(crate) mod locals;
pub(crate) mod commons;
pub(crate) mod epoch;
