//! The join set: children that are joined as they end.

mod spawn;
#[expect(clippy::module_inception, reason = "the room is named after its first noun")]
mod join_set;
mod delivering;
mod endings;

pub use join_set::JoinSet;
