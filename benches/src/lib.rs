//! What is measured: small programs, written once, that run under evenkeel and under its peers.
//!
//! Everything that measures (criterion, `compare`, `scale`, `work` under callgrind) takes its programs from the
//! [`catalogue`], so that all figures speak of the same code. The modules stand in reading order.

mod catalogue;
mod shelf;
mod workload;
mod peer;
pub mod family;
pub mod kit;
mod watch;
pub mod workloads;
mod one_slot;
mod door;
mod table;

pub use crate::{
    catalogue::{catalogue, find},
    door::Door,
    peer::{Evenkeel, Peer, PeerName, Tokio},
    shelf::{Kit, libraries},
    table::Table,
    watch::{Clock, Watch},
    workload::Workload,
};
