//! Sockets on the loop of evenkeel: an I/O driver without a thread of its own.
//!
//! Programs use the crate `evenkeel`, whose module `io` has these names.
//!
//! The modules stand in reading order: from what programs use to what it stands on.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg(not(target_family = "wasm"))]

mod tcp;
mod accept;
mod connect;
mod addresses;
mod sys;
mod asynchronous;
mod driver;
#[expect(unsafe_code, reason = "the raw room")]
mod raw;

pub use crate::{
    addresses::ToSocketAddrs,
    asynchronous::Async,
    driver::{
        attach::DriverBuilder,
        host::{ExecutorFd, LoopFd},
    },
    tcp::{
        builder::TcpListenerBuilder,
        listener::{Incoming, TcpListener},
        split::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf},
        stream::TcpStream,
    },
};
