//! Every way through the raw room, in small sizes, for Miri:
//!
//! ```text
//! MIRIFLAGS="-Zmiri-strict-provenance -Zmiri-symbolic-alignment-check -Zmiri-disable-isolation" \
//!     cargo +nightly miri test -p evenkeel-executor --test miri
//! ```
//!
//! The module `threads` is meant to run with many seeds (`-Zmiri-many-seeds=0..64`); all of it also with
//! `-Zmiri-tree-borrows` and with `--target i686-unknown-linux-gnu`.

#![expect(clippy::async_yields_async, reason = "tasks are handed out of tasks on purpose")]

mod tools;

mod endings;
mod ends;
mod blocks;
mod main_future;
mod joiners;
mod threads;
mod thread_locals;
mod hosts;
mod cleanups;
mod half_way;
mod handed;
