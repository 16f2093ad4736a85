//! What is measured: small programs, written once, that run under evenkeel and under its peers.
//!
//! Everything that measures (criterion, `compare`, `scale`, `work` under callgrind) takes its programs from the
//! [`catalogue`], so that all figures speak of the same code. The modules stand in reading order.

mod catalogue;
mod shelf;
mod workload;
mod peer;
mod cancels;
mod timers;
mod threads;
mod remote;
mod peers;
mod peer_name;
pub mod family;
pub mod kit;
mod watch;
pub mod workloads;
mod one_slot;
mod door;
mod table;
mod contest;
mod rounds;
pub mod report;
mod thresholds;
mod machine;
mod versions;

pub use crate::{
    cancels::{Cancels, Ending},
    catalogue::{catalogue, find},
    contest::{Contest, UnknownPart},
    door::Door,
    machine::Machine,
    peer::{Evenkeel, Peer, Tokio},
    peer_name::PeerName,
    peers::{
        AsyncExecutor, AsyncLocalExecutor, Compio, Embassy, Glommio, LocalPool, Monoio, Plain, StaticLocalExecutor,
        TokioLocalRuntime,
    },
    remote::{Flume, Kanal, Remote, TokioRemote, TokioUnboundedRemote},
    report::{Report, Row, Subject, markdown::tables as markdown_tables},
    rounds::Rounds,
    shelf::{Kit, Library, libraries},
    table::Table,
    threads::Threads,
    thresholds::{BadLine, Thresholds},
    timers::Timers,
    versions::version,
    watch::{Clock, Watch},
    workload::Workload,
};
