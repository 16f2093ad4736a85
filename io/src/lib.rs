//! Sockets on the loop of evenkeel: an I/O driver without a thread of its own.
//!
//! Programs use the crate `evenkeel`, whose module `io` has these names.
//!
//! The modules stand in reading order: from what programs use to what it stands on.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg(not(target_family = "wasm"))]

#[cfg(feature = "hyper")]
mod hyper;
mod streams;
mod tcp;
#[cfg(unix)]
mod unix;
mod udp;
mod halves;
mod wire;
mod accept;
mod connect;
mod addresses;
mod asynchronous;
mod sys;
mod driver;
mod fd;
#[expect(unsafe_code, reason = "the raw room")]
mod raw;

#[cfg(feature = "hyper")]
#[cfg_attr(docsrs, doc(cfg(feature = "hyper")))]
pub use crate::hyper::{executor::HyperExecutor, timer::HyperTimer};
#[cfg(unix)]
#[cfg_attr(docsrs, doc(cfg(unix)))]
pub use crate::unix::{
    datagram::UnixDatagram,
    listener::{UnixIncoming, UnixListener},
    stream::UnixStream,
};
pub use crate::{
    addresses::ToSocketAddrs,
    asynchronous::Async,
    driver::{
        attach::DriverBuilder,
        host::{ExecutorFd, LoopFd},
    },
    halves::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf},
    tcp::{
        builder::TcpListenerBuilder,
        listener::{Incoming, TcpListener},
        stream::TcpStream,
    },
    udp::UdpSocket,
};
