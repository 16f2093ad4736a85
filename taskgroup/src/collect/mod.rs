//! What collects the outcomes of several futures.

mod race;
mod gather;
mod as_completed;
mod map_concurrent;
pub mod kind;

pub use {
    as_completed::{Completed, as_completed},
    gather::{Gather, TryGather, gather, try_gather},
    map_concurrent::{Items, Mapped, map_concurrent},
    race::{Race, first_ok, race, race_biased},
};
