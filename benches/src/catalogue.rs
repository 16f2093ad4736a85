//! The list of all workloads.

use crate::{
    peer::{Evenkeel, PeerName, Tokio},
    shelf::{self, Kit},
    watch::{Clock, Watch},
    workload::Workload,
    workloads::{aborts, crowds, foreign_wakes, ping_pong, sleeps, spawns, threads, yields},
};

/// The sizes of a scale run.
const SCALE: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];

/// Every workload, to be run under `peer`.
pub fn catalogue(peer: PeerName) -> Vec<Workload> {
    match peer {
        PeerName::Evenkeel => of::<Evenkeel>(),
        PeerName::Tokio => of::<Tokio>(),
    }
}

/// The workload of that name.
pub fn find(peer: PeerName, name: &str) -> Option<Workload> {
    catalogue(peer).into_iter().find(|work| work.name == name)
}

fn of<P: Kit>() -> Vec<Workload> {
    let mut list = List(Vec::new());

    let about = "the main future gives way; one time is an operation";
    list.add("yield-main", "yield", about, 1, yields::main::<P>);
    for tasks in [1, 100, 10_000] {
        let about = "tasks give way in turn; one time is an operation";
        let body = move |count, watch: &mut _| yields::tasks::<P>(tasks, count, watch);
        list.add(format!("yield-{tasks}"), "yield", about, tasks, body);
    }

    for batch in [100, 1_000, 100_000] {
        let about = "spawn a batch, then join it; one task is an operation";
        let body = move |count, watch: &mut _| spawns::joined::<P>(batch, count, watch);
        list.add(format!("spawn-join-{batch}"), "spawn", about, batch, body);
    }
    let about = "spawn a task and join it, then the next; one task is an operation";
    list.add("spawn-join-single", "spawn", about, 1, spawns::singles::<P>);
    for batch in [100, 100_000] {
        let about = "spawn a batch, detached, and let it end; one task is an operation";
        let body = move |count, watch: &mut _| spawns::detached::<P>(batch, count, watch);
        let name = format!("spawn-detached-{batch}");
        list.add(name, "spawn", about, batch, body);
    }

    let about = "two tasks over hand-written one-slot channels; there and back is an operation";
    list.add("ping-pong", "ping-pong", about, 1, ping_pong::rounds::<P>);

    let about = "abort a batch of waiting tasks, then await them; one task is an operation";
    list.add("abort-drain", "abort", about, 10_000, aborts::drains::<P>);
    let about = "cancel a waiting task and await it, then the next; one task is an operation";
    list.add("cancel-await", "abort", about, 10_000, aborts::singles::<P>);

    let about = "100 000 tasks sleep for 0 to 200 ms; one task, with spawn and join, is an operation";
    let unit = sleeps::CROWD;
    list.add("sleeps", "timer", about, unit, sleeps::crowds::<P>).clock = Clock::Process;
    for others in [0, 10_000] {
        let about = "make a sleep and drop it, while others are armed";
        let body = move |count, watch: &mut _| sleeps::made::<P>(others, count, watch);
        list.add(format!("sleep-make-{others}"), "timer", about, 1, body);
    }
    for others in [0, 10_000] {
        let about = "make a sleep, poll it once, so that it is armed, and drop it, while others are armed";
        let body = move |count, watch: &mut _| sleeps::armed::<P>(others, count, watch);
        list.add(format!("sleep-arm-{others}"), "timer", about, 1, body);
    }
    for others in [0, 10_000] {
        let about = "make a sleep, poll it once, yield, and drop it, while others are armed";
        let body = move |count, watch: &mut _| sleeps::kept::<P>(others, count, watch);
        list.add(format!("sleep-turn-{others}"), "timer", about, 1, body);
    }
    for others in [0, 10_000] {
        let about = "a timeout around one yield, while others are armed";
        let body = move |count, watch: &mut _| sleeps::timeouts::<P>(others, count, watch);
        list.add(format!("timeout-{others}"), "timer", about, 1, body);
    }

    let about = "another thread wakes one task, which unparks that thread; a round is an operation";
    let body = |count, watch: &mut _| foreign_wakes::rounds::<P>(1, count, watch);
    list.add("foreign-wake-1", "foreign-wake", about, 1, body).clock = Clock::Wall;
    let about = "another thread wakes 1000 tasks in turn; one wake-up is an operation";
    let body = |count, watch: &mut _| foreign_wakes::rounds::<P>(1_000, count, watch);
    list.add("foreign-wake-1000", "foreign-wake", about, 1_000, body).clock = Clock::Process;

    let about = "a call on another thread, then the next; a round trip is an operation";
    list.add("to-thread-1", "threads", about, 1, |count, watch| threads::calls::<P>(1, count, watch)).clock =
        Clock::Wall;
    let about = "1000 calls on other threads at a time; one call is an operation";
    let body = |count, watch: &mut _| threads::calls::<P>(1_000, count, watch);
    list.add("to-thread-1000", "threads", about, 1_000, body).clock = Clock::Wall;
    for capacity in [1, 100] {
        let about = "another thread sends through a bounded channel; one message is an operation";
        let body = move |count, watch: &mut _| threads::messages::<P>(capacity, count, watch);
        list.add(format!("remote-{capacity}"), "threads", about, 100, body).clock = Clock::Wall;
    }

    shelf::of::<P>(&mut list);

    for size in SCALE {
        let about = "100 tasks give way in turn, while others wait; one time is an operation";
        let body = move |count, watch: &mut _| crowds::yields::<P>(size, count, watch);
        list.add(format!("yield-among-{size}"), "scale", about, 100, body);
    }
    for size in SCALE {
        let about = "that many tasks give way in turn; one time is an operation";
        let body = move |count, watch: &mut _| yields::tasks::<P>(size as u64, count, watch);
        let name = format!("yield-all-{size}");
        list.add(name, "scale", about, size as u64, body);
    }
    for size in SCALE {
        let about = "spawn a task and join it, while others wait; one task is an operation";
        let body = move |count, watch: &mut _| crowds::spawns::<P>(size, count, watch);
        list.add(format!("spawn-among-{size}"), "scale", about, 1, body);
    }
    for size in SCALE {
        let about = "make a sleep, poll it once, yield and drop it, while others are armed";
        let body = move |count, watch: &mut _| sleeps::kept::<P>(size, count, watch);
        list.add(format!("sleep-among-{size}"), "scale", about, 1, body);
    }
    for size in SCALE {
        let about = "that many sleeps are armed, each in a task, and cancelled; one task is an operation";
        let body = move |count, watch: &mut _| crowds::sleepers::<P>(size as u64, count, watch);
        let name = format!("sleepers-{size}");
        list.add(name, "scale", about, size as u64, body);
    }
    list.0
}

pub(crate) struct List(pub(crate) Vec<Workload>);

impl List {
    /// Adds a workload that is measured by its thread's time, which is right for most.
    pub(crate) fn add(
        &mut self,
        name: impl Into<String>,
        group: &'static str,
        about: &'static str,
        unit: u64,
        body: impl Fn(u64, &mut Watch) -> u64 + 'static,
    ) -> &mut Workload {
        self.0.push(Workload { name: name.into(), group, about, unit, clock: Clock::Thread, body: Box::new(body) });
        self.0.last_mut().expect("one was added just now")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_workload_does_its_operations_under_every_peer() {
        for peer in PeerName::ALL {
            for work in catalogue(peer).iter().filter(|work| work.group != "scale") {
                work.run(999, &mut Watch::off());
            }
        }
    }

    #[test]
    fn a_name_means_one_workload() {
        let [ours, theirs] = PeerName::ALL.map(catalogue);
        let names = |works: &[Workload]| works.iter().map(|work| work.name.clone()).collect();
        let (ours, theirs): (Vec<_>, Vec<_>) = (names(&ours), names(&theirs));
        assert_eq!(ours, theirs);
        let distinct: std::collections::BTreeSet<_> = ours.iter().collect();
        assert_eq!(distinct.len(), ours.len());
    }
}
