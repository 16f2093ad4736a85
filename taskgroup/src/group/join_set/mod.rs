//! The join set: children that are joined as they end.

mod spawn;
mod join_set;
mod delivering;
mod endings;

pub use join_set::JoinSet;
