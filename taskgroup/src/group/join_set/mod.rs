//! The join set: children that are joined as they end.

mod join_set;
mod spawn;
mod delivering;
mod endings;

pub use join_set::JoinSet;
