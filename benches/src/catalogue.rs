//! The list of all workloads.

use crate::{
    cancels::Cancels,
    list::List,
    peer::Peer,
    peer_name::PeerName,
    peers::{
        AsyncExecutor, AsyncLocalExecutor, Compio, Embassy, Evenkeel, Glommio, LocalPool, Monoio, Nio,
        StaticLocalExecutor, Tokio, TokioLocalRuntime,
    },
    shelf::{self, Kit},
    threads::Threads,
    timers::Timers,
    watch::Clock,
    workload::Workload,
    workloads,
};

/// The sizes of a scale run.
const SCALE: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];

/// The sizes of a curve.
const CURVE: [usize; 7] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];

/// Every workload that `peer` can do, in the order of all reports.
pub fn catalogue(peer: PeerName) -> Vec<Workload> {
    let mut list = List(Vec::new());
    match peer {
        PeerName::Evenkeel => return evenkeel_alone(),
        PeerName::Tokio => complete::<Tokio>(&mut list),
        PeerName::TokioLocalRuntime => complete::<TokioLocalRuntime>(&mut list),
        PeerName::AsyncExecutor => timeless::<AsyncExecutor>(&mut list, shelf::smol::<AsyncExecutor>),
        PeerName::StaticLocalExecutor => timeless::<StaticLocalExecutor>(&mut list, shelf::smol::<StaticLocalExecutor>),
        PeerName::AsyncLocalExecutor => timeless::<AsyncLocalExecutor>(&mut list, shelf::async_local),
        PeerName::LocalPool => timeless::<LocalPool>(&mut list, |_| {}),
        PeerName::Monoio => {
            yields::<Monoio>(&mut list);
            spawns::<Monoio>(&mut list);
            timers::<Monoio>(&mut list);
            foreign_wakes::<Monoio>(&mut list);
            shelf::calls::<Monoio, _>(&mut list, || Monoio::to_thread(|| 1));
            shelf::monoio(&mut list);
            crowds::<Monoio>(&mut list);
            armed_crowds::<Monoio>(&mut list);
            list.0.retain(|work| !takes_turns(&work.name));
        }
        PeerName::Glommio => timely::<Glommio>(&mut list, shelf::glommio),
        PeerName::Compio => {
            timely::<Compio>(&mut list, |_| {});
            // Of many wake-ups at a time from another thread it loses one now and then, and then the workload waits for ever.
            list.0.retain(|work| work.name != "foreign-wake-1000");
        }
        PeerName::Nio => timely::<Nio>(&mut list, |_| {}),
        PeerName::Embassy => {
            yields::<Embassy>(&mut list);
            foreign_wakes::<Embassy>(&mut list);
            shelf::embassy::<Embassy>(&mut list);
        }
    }
    list.0
}

/// Every workload of this project. It is compiled once more in each program that names it, apart from those of all peers: then
/// no change of theirs makes the compiler inline otherwise here.
#[inline]
pub fn evenkeel_alone() -> Vec<Workload> {
    let mut list = List(Vec::new());
    complete::<Evenkeel>(&mut list);
    list.0
}

/// The workload of that name.
pub fn find(peer: PeerName, name: &str) -> Option<Workload> {
    catalogue(peer).into_iter().find(|work| work.name == name)
}

/// Whether its tasks must let others run when they give way.
fn takes_turns(name: &str) -> bool {
    ["yield-", "spawn-detached-", "semaphore-crowd", "oneshot-pending"].iter().any(|kind| name.starts_with(kind))
}

/// All there is.
fn complete<P: Kit + Cancels + Timers + Threads>(list: &mut List) {
    timely::<P>(list, shelf::of::<P>);
    shelf::messages::<P::Remote, P::UnboundedRemote>(list);
}

/// For a peer with timers, with threads for blocking work, and with primitives of its own.
fn timely<P: Cancels + Timers + Threads>(list: &mut List, primitives: impl Fn(&mut List)) {
    yields::<P>(list);
    spawns::<P>(list);
    aborts::<P>(list);
    timers::<P>(list);
    foreign_wakes::<P>(list);
    shelf::calls::<P, _>(list, || P::to_thread(|| 1));
    primitives(list);
    crowds::<P>(list);
    armed_crowds::<P>(list);
    sleepers::<P>(list);
}

/// For a peer without timers.
fn timeless<P: Cancels>(list: &mut List, primitives: impl Fn(&mut List)) {
    yields::<P>(list);
    spawns::<P>(list);
    aborts::<P>(list);
    foreign_wakes::<P>(list);
    primitives(list);
    crowds::<P>(list);
}

/// What needs no more than tasks that were spawned beforehand.
fn yields<P: Peer>(list: &mut List) {
    let about = "the main future gives way; one time is an operation";
    list.add("yield-main", "yield", about, 1, workloads::yields::main::<P>);
    for tasks in [1, 100, 10_000] {
        let about = "tasks give way in turn; one time is an operation";
        let body = move |count, watch: &mut _| workloads::yields::tasks::<P>(tasks, count, watch);
        list.add(format!("yield-{tasks}"), "yield", about, tasks, body);
    }
    let about = "a task gives way from within 32 boxed futures; one time is an operation";
    list.add("yield-deep", "yield", about, 1, workloads::yields::deep::<P>);

    let about = "two tasks over hand-written one-slot channels; there and back is an operation";
    list.add("ping-pong", "ping-pong", about, 1, workloads::ping_pong::rounds::<P>);
}

/// What needs tasks that come and go.
fn spawns<P: Peer>(list: &mut List) {
    for batch in [100, 1_000, 100_000] {
        let about = "spawn a batch, then join it; one task is an operation";
        let body = move |count, watch: &mut _| workloads::spawns::joined::<P>(batch, count, watch);
        list.add(format!("spawn-join-{batch}"), "spawn", about, batch, body);
    }
    let about = "spawn a task and join it, then the next; one task is an operation";
    list.add("spawn-join-single", "spawn", about, 1, workloads::spawns::singles::<P>);
    for batch in [100, 100_000] {
        let about = "spawn a batch, detached, and let it end; one task is an operation";
        let body = move |count, watch: &mut _| workloads::spawns::detached::<P>(batch, count, watch);
        let name = format!("spawn-detached-{batch}");
        list.add(name, "spawn", about, batch, body);
    }
}

/// What needs tasks that can be stopped.
fn aborts<P: Cancels>(list: &mut List) {
    let about = "abort a batch of waiting tasks, then await them; one task is an operation";
    list.add("abort-drain", "abort", about, 10_000, workloads::aborts::drains::<P>);
    let about = "cancel a waiting task and await it, then the next; one task is an operation";
    list.add("cancel-await", "abort", about, 10_000, workloads::aborts::singles::<P>);
}

/// What needs timers.
fn timers<P: Timers>(list: &mut List) {
    let about = "100 000 tasks sleep for 0 to 200 ms; one task, with spawn and join, is an operation";
    let unit = workloads::sleeps::CROWD;
    list.add("sleeps", "timer", about, unit, workloads::sleeps::crowds::<P>).clock = Clock::Process;
    for others in [0, 10_000] {
        let about = "make a sleep and drop it, while others are armed";
        let body = move |count, watch: &mut _| workloads::sleeps::made::<P>(others, count, watch);
        list.add(format!("sleep-make-{others}"), "timer", about, 1, body);
    }
    for others in [0, 10_000] {
        let about = "make a sleep, poll it once, so that it is armed, and drop it, while others are armed";
        let body = move |count, watch: &mut _| workloads::sleeps::armed::<P>(others, count, watch);
        list.add(format!("sleep-arm-{others}"), "timer", about, 1, body);
    }
    for others in [0, 10_000] {
        let about = "make a sleep, poll it once, yield, and drop it, while others are armed";
        let body = move |count, watch: &mut _| workloads::sleeps::kept::<P>(others, count, watch);
        list.add(format!("sleep-turn-{others}"), "timer", about, 1, body);
    }
    for others in [0, 10_000] {
        let about = "a timeout around one yield, while others are armed";
        let body = move |count, watch: &mut _| workloads::sleeps::timeouts::<P>(others, count, watch);
        list.add(format!("timeout-{others}"), "timer", about, 1, body);
    }
}

/// What needs wakers that other threads may use.
fn foreign_wakes<P: Peer>(list: &mut List) {
    let about = "another thread wakes one task, which unparks that thread; a round is an operation";
    let body = |count, watch: &mut _| workloads::foreign_wakes::rounds::<P>(1, count, watch);
    list.add("foreign-wake-1", "foreign-wake", about, 1, body).clock = Clock::Wall;
    let about = "another thread wakes 1000 tasks in turn; one wake-up is an operation";
    let body = |count, watch: &mut _| workloads::foreign_wakes::rounds::<P>(1_000, count, watch);
    list.add("foreign-wake-1000", "foreign-wake", about, 1_000, body).clock = Clock::Process;
}

/// Scale: many tasks.
fn crowds<P: Peer>(list: &mut List) {
    for size in CURVE {
        let about = "100 tasks give way in turn, while others wait; one time is an operation";
        let body = move |count, watch: &mut _| workloads::crowds::yields::<P>(size, count, watch);
        list.add(format!("yield-among-{size}"), "curve", about, 100, body);
    }
    for size in SCALE {
        let about = "that many tasks give way in turn, ten times or more; one time is an operation";
        let body = move |count, watch: &mut _| workloads::yields::tasks::<P>(size as u64, count, watch);
        // Often enough that it is not their first poll and their end that is measured.
        list.add(format!("yield-all-{size}"), "crowd", about, 10 * size as u64, body);
    }
    for size in CURVE {
        let about = "spawn a task and join it, while others wait; one task is an operation";
        let body = move |count, watch: &mut _| workloads::crowds::spawns::<P>(size, count, watch);
        list.add(format!("spawn-among-{size}"), "curve", about, 1, body);
    }
}

/// Scale: many timers.
fn armed_crowds<P: Timers>(list: &mut List) {
    for size in SCALE {
        let about = "make a sleep, poll it once, yield and drop it, while others are armed";
        let body = move |count, watch: &mut _| workloads::sleeps::kept::<P>(size, count, watch);
        list.add(format!("sleep-among-{size}"), "scale", about, 1, body);
    }
}

/// Scale: many tasks that sleep, and are stopped.
fn sleepers<P: Cancels + Timers>(list: &mut List) {
    for size in SCALE {
        let about = "that many sleeps are armed, each in a task, and cancelled; one task is an operation";
        let body = move |count, watch: &mut _| workloads::crowds::sleepers::<P>(size as u64, count, watch);
        let name = format!("sleepers-{size}");
        list.add(name, "scale", about, size as u64, body);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{watch::Watch, with_peer};
    use std::{cell::RefCell, collections::BTreeSet, rc::Rc};

    #[test]
    fn every_workload_does_its_operations_under_every_peer() {
        for peer in PeerName::ALL {
            if let Some(obstacle) = peer.obstacle() {
                println!("{peer} cannot run here: {obstacle}");
                continue;
            }
            for work in catalogue(peer).iter().filter(|work| !["scale", "curve", "crowd"].contains(&work.group)) {
                println!("{peer}: {}", work.name);
                work.run(999, &mut Watch::off());
            }
        }
    }

    #[test]
    fn tasks_that_give_way_take_turns() {
        fn order<P: Peer>() -> Vec<u32> {
            let record = Rc::new(RefCell::new(Vec::new()));
            P::run(async {
                let task = |number| {
                    let record = record.clone();
                    P::spawn(async move {
                        for _ in 0..3 {
                            record.borrow_mut().push(number);
                            P::yield_now().await;
                        }
                    })
                };
                let tasks: Vec<_> = (0..3).map(task).collect();
                for task in tasks {
                    task.await.unwrap();
                }
            });
            record.take()
        }
        for peer in PeerName::ALL.into_iter().filter(|peer| peer.obstacle().is_none()) {
            let order = with_peer!(peer, P => order::<P>());
            // Each round is one of all tasks, in whatever order; under a peer that has no turns it is one of one task.
            let rounds: Vec<BTreeSet<_>> = order.chunks(3).map(|round| round.iter().collect()).collect();
            let of_all = peer != PeerName::Monoio;
            assert!(rounds.iter().all(|round| (round.len() == 3) == of_all), "{peer}: {order:?}");
        }
    }

    #[test]
    fn a_name_means_one_workload() {
        let names = |peer| -> Vec<String> { catalogue(peer).into_iter().map(|work| work.name).collect() };
        let ours: BTreeSet<_> = names(PeerName::Evenkeel).into_iter().collect();
        assert_eq!(ours.len(), names(PeerName::Evenkeel).len());
        assert_eq!(names(PeerName::Evenkeel), names(PeerName::Tokio));
        for peer in PeerName::ALL {
            let theirs = names(peer);
            let distinct: BTreeSet<_> = theirs.iter().cloned().collect();
            assert_eq!(distinct.len(), theirs.len(), "{peer}");
            assert!(distinct.is_subset(&ours), "{peer} has a workload that is not of this project");
        }
    }
}
