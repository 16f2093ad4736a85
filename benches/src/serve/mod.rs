//! The benchmark of servers: raw echo and HTTP over hyper, under one executor after another.
//!
//! Each server runs in a process of its own, which is this program, started again. The load comes from the process that
//! measures, on loopback, from plain non-blocking sockets under epoll: it is the same for all, and no executor runs there.

mod run;
pub mod report;
mod calls;
mod round;
mod child;
mod strace;
mod cpu_time;
mod cores;
mod open_files;
mod load;
mod client;
mod http_answer;
mod latencies;
mod servers;
mod arguments;
mod server_name;
mod kind;

pub use self::{
    arguments::{Arguments, Field, Plan},
    kind::Kind,
    report::{Cell, Report, Server},
    round::Round,
    run::run,
    server_name::ServerName,
};
