//! What the proxy has done.

use std::{cell::Cell, fmt};

/// Counts of what has become of clients, and of the bytes.
#[derive(Default)]
pub(crate) struct Stats {
    clients: Cell<u64>,
    refused: Cell<u64>,
    unreachable: Cell<u64>,
    broken: Cell<u64>,
    idle: Cell<u64>,
    cut_off: Cell<u64>,
    /// Those that went from clients to the upstream.
    pub(crate) bytes_up: Cell<u64>,
    /// Those that came from there.
    pub(crate) bytes_down: Cell<u64>,
}

/// How a client's visit has ended.
pub(crate) enum End {
    /// Both sides had said all.
    Whole,
    /// The upstream could not be reached.
    Unreachable,
    /// One side has broken off.
    Broken,
    /// Nobody said anything for too long.
    Idle,
    /// The program ended before.
    CutOff,
}

impl Stats {
    /// A client came when there was no room.
    pub(crate) fn refused(&self) {
        add_one(&self.refused);
    }
}

fn add_one(count: &Cell<u64>) {
    count.set(count.get() + 1);
}

/// A client who is served. When he goes, that is counted.
pub(crate) struct Visit<'a> {
    stats: &'a Stats,
    pub(crate) end: End,
}

impl<'a> Visit<'a> {
    pub(crate) fn begin(stats: &'a Stats) -> Visit<'a> {
        add_one(&stats.clients);
        // Nobody says so when it happens.
        Visit { stats, end: End::CutOff }
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        match self.end {
            End::Whole => {}
            End::Unreachable => add_one(&self.stats.unreachable),
            End::Broken => add_one(&self.stats.broken),
            End::Idle => add_one(&self.stats.idle),
            End::CutOff => add_one(&self.stats.cut_off),
        }
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} taken ({} without upstream, {} broken, {} idle, {} cut off), {} refused; bytes: {} up, {} down",
            self.clients.get(),
            self.unreachable.get(),
            self.broken.get(),
            self.idle.get(),
            self.cut_off.get(),
            self.refused.get(),
            self.bytes_up.get(),
            self.bytes_down.get()
        )
    }
}
