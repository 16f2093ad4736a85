//! What is measured: small programs, written once, that run under evenkeel and under its peers.
//!
//! Everything that measures (criterion, `compare`, `scale`, `work` under callgrind) takes its programs from the
//! [`catalogue`], so that all figures speak of the same code. The modules stand in reading order: a module's
//! line names only what stands below it.

mod with_peer;
#[cfg(target_os = "linux")]
pub mod serve;
mod thresholds;
pub mod report;
mod machine;
mod versions;
mod rounds;
mod row;
mod callgrind;
mod ledger;
mod bad_line;
mod contest;
mod catalogue;
mod shelf;
mod list;
mod workload;
mod peer_name;
pub mod workloads;
pub mod family;
pub mod kit;
mod remote;
mod peers;
mod cancels;
mod timers;
mod threads;
mod peer;
mod watch;
mod one_slot;
mod door;
mod table;

pub use crate::{
    bad_line::BadLine,
    callgrind::Callgrind,
    cancels::{Cancels, Ending},
    catalogue::{catalogue, evenkeel_alone, find},
    contest::{Contest, UnknownPart},
    door::Door,
    ledger::{Column, Figure, Ledger},
    machine::Machine,
    peer::Peer,
    peer_name::PeerName,
    peers::{
        AsyncExecutor, AsyncLocalExecutor, Compio, Embassy, Evenkeel, Flavour, Glommio, InLocalRuntime, InLocalSet,
        LocalPool, Monoio, Nio, OnTokio, Plain, StaticLocalExecutor, Tokio, TokioLocalRuntime,
    },
    remote::{Flume, Kanal, Remote, TokioRemote, TokioUnboundedRemote},
    report::{Report, Subject, history, markdown::tables as markdown_tables},
    rounds::Rounds,
    row::Row,
    shelf::{Kit, Library, evenkeel_libraries, libraries},
    table::Table,
    threads::Threads,
    thresholds::Thresholds,
    timers::Timers,
    versions::version,
    watch::{Clock, Watch},
    workload::Workload,
};
