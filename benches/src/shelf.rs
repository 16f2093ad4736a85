//! The list of workloads that several libraries can do: primitives, families of futures, calls on other threads.

use crate::{
    catalogue::List,
    family::{
        Buffered, Concurrency, Family, Gathered, Gathers, InGroup, InJoinSet, InScope, JoinAll, Nest, Scopes,
        Unordered, Unordereds,
    },
    kit::{
        AsyncChannel, AsyncMutex, AsyncSemaphore, Channel, EmbassyChannel, EmbassyMutex, EvenkeelChannel,
        EvenkeelMutex, EvenkeelOnce, EvenkeelQueue, EvenkeelSemaphore, Gate, IntrusiveMutex, IntrusiveSemaphore,
        LocalSyncChannel, LocalSyncOnce, LocalSyncSemaphore, LocalSyncUnbounded, Once, TokioChannel, TokioMutex,
        TokioOnce, TokioSemaphore, TokioUnbounded, UnsyncChannel, UnsyncOnce, UnsyncSemaphore, UnsyncUnbounded,
    },
    peer::{Evenkeel, Peer, Tokio},
    watch::{Clock, Watch},
    workload::Workload,
    workloads::{families, primitives, threads},
};

const PRIMITIVES: &str = "primitives";
const FAMILY: &str = "family";

/// What a peer's users take for these.
pub trait Kit: Peer {
    /// A bounded queue.
    type Bounded: Channel;
    /// A queue without a bound.
    type Unbounded: Channel;
    /// A semaphore.
    type Semaphore: Gate;
    /// A mutex.
    type Mutex: Gate;
    /// A channel for one value.
    type Once: Once;
    /// An owner of tasks.
    type Owner: Family;
}

impl Kit for Evenkeel {
    type Bounded = EvenkeelQueue;
    type Unbounded = EvenkeelQueue;
    type Semaphore = EvenkeelSemaphore;
    type Mutex = EvenkeelMutex;
    type Once = EvenkeelOnce;
    type Owner = InGroup;
}

impl Kit for Tokio {
    type Bounded = TokioChannel;
    type Unbounded = TokioUnbounded;
    type Semaphore = TokioSemaphore;
    type Mutex = TokioMutex;
    type Once = TokioOnce;
    type Owner = InJoinSet;
}

/// The workloads of a peer's own primitives.
pub(crate) fn of<P: Kit>(list: &mut List) {
    queues::<P, P::Bounded>(list, "", 1);
    queues::<P, P::Bounded>(list, "", 100);
    queues::<P, P::Unbounded>(list, "", usize::MAX);
    ping_pong::<P, P::Bounded>(list, "");
    semaphores::<P, P::Semaphore>(list, "");
    mutexes::<P, P::Mutex>(list, "");
    oneshots::<P, P::Once>(list, "");
    fan_out::<P::Owner>(list, "");
}

/// The workloads of every library, as `WORKLOAD/LIBRARY`. tokio's run on tokio, all others on evenkeel: they know no
/// executor, and on this one least is added to what they cost themselves.
pub fn libraries() -> Vec<Workload> {
    let mut list = List(Vec::new());
    fan_out::<InGroup>(&mut list, "/evenkeel group");
    fan_out::<InScope>(&mut list, "/evenkeel scope");
    fan_out::<Gathered>(&mut list, "/evenkeel gather");
    fan_out::<InJoinSet>(&mut list, "/tokio JoinSet");
    fan_out::<Unordered>(&mut list, "/FuturesUnordered");
    fan_out::<JoinAll>(&mut list, "/futures join_all");
    fan_out::<Concurrency>(&mut list, "/futures-concurrency");
    fan_out::<Buffered>(&mut list, "/futures-buffered");
    nested::<Scopes>(&mut list, "/evenkeel scope");
    nested::<Gathers>(&mut list, "/evenkeel gather");
    nested::<Unordereds>(&mut list, "/FuturesUnordered");

    bounded::<Evenkeel, EvenkeelQueue>(&mut list, "/evenkeel");
    bounded::<Evenkeel, EvenkeelChannel>(&mut list, "/evenkeel channel");
    bounded::<Tokio, TokioChannel>(&mut list, "/tokio");
    bounded::<Evenkeel, AsyncChannel>(&mut list, "/async-channel");
    bounded::<Evenkeel, LocalSyncChannel>(&mut list, "/local-sync");
    bounded::<Evenkeel, UnsyncChannel>(&mut list, "/async-unsync");
    queues::<Evenkeel, EmbassyChannel<1>>(&mut list, "/embassy-sync", 1);
    queues::<Evenkeel, EmbassyChannel<100>>(&mut list, "/embassy-sync", 100);
    ping_pong::<Evenkeel, EmbassyChannel<1>>(&mut list, "/embassy-sync");

    queues::<Evenkeel, EvenkeelQueue>(&mut list, "/evenkeel", usize::MAX);
    queues::<Evenkeel, EvenkeelChannel>(&mut list, "/evenkeel channel", usize::MAX);
    queues::<Tokio, TokioUnbounded>(&mut list, "/tokio", usize::MAX);
    queues::<Evenkeel, AsyncChannel>(&mut list, "/async-channel", usize::MAX);
    queues::<Evenkeel, LocalSyncUnbounded>(&mut list, "/local-sync", usize::MAX);
    queues::<Evenkeel, UnsyncUnbounded>(&mut list, "/async-unsync", usize::MAX);

    semaphores::<Evenkeel, EvenkeelSemaphore>(&mut list, "/evenkeel");
    semaphores::<Tokio, TokioSemaphore>(&mut list, "/tokio");
    semaphores::<Evenkeel, AsyncSemaphore>(&mut list, "/async-lock");
    semaphores::<Evenkeel, LocalSyncSemaphore>(&mut list, "/local-sync");
    semaphores::<Evenkeel, UnsyncSemaphore>(&mut list, "/async-unsync");
    semaphores::<Evenkeel, IntrusiveSemaphore>(&mut list, "/futures-intrusive");

    mutexes::<Evenkeel, EvenkeelMutex>(&mut list, "/evenkeel");
    mutexes::<Tokio, TokioMutex>(&mut list, "/tokio");
    mutexes::<Evenkeel, AsyncMutex>(&mut list, "/async-lock");
    mutexes::<Evenkeel, IntrusiveMutex>(&mut list, "/futures-intrusive");
    mutexes::<Evenkeel, EmbassyMutex>(&mut list, "/embassy-sync");

    oneshots::<Evenkeel, EvenkeelOnce>(&mut list, "/evenkeel");
    oneshots::<Tokio, TokioOnce>(&mut list, "/tokio");
    oneshots::<Evenkeel, LocalSyncOnce>(&mut list, "/local-sync");
    oneshots::<Evenkeel, UnsyncOnce>(&mut list, "/async-unsync");

    calls::<Evenkeel, _>(&mut list, "/evenkeel", || Evenkeel::to_thread(|| 1));
    calls::<Tokio, _>(&mut list, "/tokio", || Tokio::to_thread(|| 1));
    calls::<Evenkeel, _>(&mut list, "/blocking", || blocking::unblock(|| 1));
    list.0
}

fn fan_out<F: Family>(list: &mut List, library: &str) {
    for size in [1, 10, 1_000, 100_000] {
        let about = "so many children, each of which gives way once; one child is an operation";
        let body = move |count, watch: &mut Watch| families::fan_out::<F>(size, count, watch);
        list.add(format!("family-{size}{library}"), FAMILY, about, size, body);
    }
}

fn nested<N: Nest>(list: &mut List, library: &str) {
    for depth in [1, 4, 16] {
        let about = "a child nested so many deep gives way; one time is an operation";
        let body = move |count, watch: &mut Watch| families::wakes::<N, Evenkeel>(depth, count, watch);
        list.add(format!("wake-nested-{depth}{library}"), FAMILY, about, 1, body);
    }
}

fn calls<P, F>(list: &mut List, library: &str, call: impl Fn() -> F + Copy + 'static)
where
    P: Peer,
    F: Future<Output = u64> + 'static,
{
    for at_once in [1, 1_000] {
        let about = "calls on other threads, so many at a time; one call is an operation";
        let body = move |count, watch: &mut Watch| threads::calls_of::<P, F>(call, at_once, count, watch);
        list.add(format!("to-thread-{at_once}{library}"), "threads", about, at_once, body).clock = Clock::Wall;
    }
}

fn bounded<P: Peer, C: Channel>(list: &mut List, library: &str) {
    queues::<P, C>(list, library, 1);
    queues::<P, C>(list, library, 100);
    ping_pong::<P, C>(list, library);
}

fn queues<P: Peer, C: Channel>(list: &mut List, library: &str, capacity: usize) {
    for producers in [1, 10] {
        let about = "producers put into one queue, a task takes it all; one item is an operation";
        let body = move |count, watch: &mut Watch| primitives::queue::<P, C>(capacity, producers, count, watch);
        let room = if capacity == usize::MAX { "unbounded".to_owned() } else { capacity.to_string() };
        list.add(format!("queue-{room}-by-{producers}{library}"), PRIMITIVES, about, producers, body);
    }
}

fn ping_pong<P: Peer, C: Channel>(list: &mut List, library: &str) {
    let about = "two tasks send a number to and fro over channels of one; a round is an operation";
    let body = |count, watch: &mut Watch| primitives::ping_pong::<P, C>(count, watch);
    list.add(format!("channel-ping-pong{library}"), PRIMITIVES, about, 1, body);
}

fn semaphores<P: Peer, G: Gate>(list: &mut List, library: &str) {
    let about = "take a permit and return it; one time is an operation";
    let body = |count, watch: &mut Watch| primitives::uncontended::<P, G>(count, watch);
    list.add(format!("semaphore-alone{library}"), PRIMITIVES, about, 1, body);
    let about = "1000 tasks take one of 10 permits, give way and return it; one time is an operation";
    let body = |count, watch: &mut Watch| primitives::contended::<P, G>(1_000, 10, count, watch);
    list.add(format!("semaphore-crowd{library}"), PRIMITIVES, about, 1_000, body);
}

fn mutexes<P: Peer, G: Gate>(list: &mut List, library: &str) {
    let about = "lock and unlock; one time is an operation";
    let body = |count, watch: &mut Watch| primitives::uncontended::<P, G>(count, watch);
    list.add(format!("mutex-alone{library}"), PRIMITIVES, about, 1, body);
    let about = "100 tasks lock, give way and unlock; one time is an operation";
    let body = |count, watch: &mut Watch| primitives::contended::<P, G>(100, 1, count, watch);
    list.add(format!("mutex-crowd{library}"), PRIMITIVES, about, 100, body);
}

fn oneshots<P: Peer, O: Once>(list: &mut List, library: &str) {
    let about = "make a oneshot, send, receive; one of them is an operation";
    let body = |count, watch: &mut Watch| primitives::oneshot_ready::<P, O>(count, watch);
    list.add(format!("oneshot-ready{library}"), PRIMITIVES, about, 1, body);
    let about = "make a oneshot and wait until another task sends; one of them is an operation";
    let body = |count, watch: &mut Watch| primitives::oneshot_pending::<P, O>(count, watch);
    list.add(format!("oneshot-pending{library}"), PRIMITIVES, about, 1, body);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_library_does_its_operations() {
        for work in libraries() {
            work.run(1999, &mut Watch::off());
        }
    }
}
