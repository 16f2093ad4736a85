//! The workloads: each does `count` operations under the peer `P`, and returns how many it counted.

pub mod crowds;
pub mod yields;
pub mod spawns;
pub mod families;
pub mod ping_pong;
pub mod aborts;
pub mod sleeps;
pub mod foreign_wakes;
pub mod threads;
pub mod primitives;
mod batches;
