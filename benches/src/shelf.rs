//! The list of workloads that several libraries can do: primitives, families of futures, calls on other threads.

use crate::{
    family::{
        Buffered, Concurrency, Family, Gathered, Gathers, InGroup, InJoinSet, InScope, JoinAll, Nest, Scopes, Spawned,
        Unordered, Unordereds,
    },
    kit::{
        AsyncChannel, AsyncLocalChannel, AsyncMutex, AsyncSemaphore, AsyncUnsyncChannel, AsyncUnsyncOnce,
        AsyncUnsyncSemaphore, AsyncUnsyncUnbounded, Channel, EmbassyChannel, EmbassyMutex, EvenkeelChannel,
        EvenkeelMutex, EvenkeelOnce, EvenkeelQueue, EvenkeelSemaphore, Gate, IntrusiveMutex, IntrusiveSemaphore,
        LocalSyncChannel, LocalSyncOnce, LocalSyncSemaphore, LocalSyncUnbounded, Once, TokioChannel, TokioMutex,
        TokioOnce, TokioSemaphore, TokioUnbounded, UnsyncChannel, UnsyncOnce, UnsyncSemaphore,
    },
    list::List,
    peer::Peer,
    peers::{AsyncLocalExecutor, Evenkeel, Flavour, Monoio, OnTokio},
    remote::{Flume, Kanal, Remote, TokioRemote, TokioUnboundedRemote},
    watch::{Clock, Watch},
    workload::Workload,
    workloads::{families, primitives, threads},
};
#[cfg(target_os = "linux")]
use crate::{
    kit::{GlommioChannel, GlommioSemaphore},
    peers::Glommio,
};

const PRIMITIVES: &str = "primitives";
const FAMILY: &str = "family";
const THREADS: &str = "threads";

/// What a peer's users take for these.
pub trait Kit: Peer {
    /// A bounded queue.
    type Bounded: Channel<Sender: Clone>;
    /// A queue without a bound.
    type Unbounded: Channel<Sender: Clone>;
    /// A semaphore.
    type Semaphore: Gate;
    /// A mutex.
    type Mutex: Gate;
    /// A channel for one value.
    type Once: Once;
    /// An owner of tasks.
    type Owner: Family;
    /// A bounded channel that other threads send to.
    type Remote: Remote;
    /// The same without a bound.
    type UnboundedRemote: Remote;
}

impl Kit for Evenkeel {
    type Bounded = EvenkeelQueue;
    type Unbounded = EvenkeelQueue;
    type Semaphore = EvenkeelSemaphore;
    type Mutex = EvenkeelMutex;
    type Once = EvenkeelOnce;
    type Owner = InGroup;
    type Remote = Evenkeel;
    type UnboundedRemote = Evenkeel;
}

impl<F: Flavour> Kit for OnTokio<F> {
    type Bounded = TokioChannel;
    type Unbounded = TokioUnbounded;
    type Semaphore = TokioSemaphore;
    type Mutex = TokioMutex;
    type Once = TokioOnce;
    type Owner = InJoinSet<OnTokio<F>>;
    type Remote = TokioRemote<OnTokio<F>>;
    type UnboundedRemote = TokioUnboundedRemote<OnTokio<F>>;
}

/// The workloads of a peer's own primitives.
pub(crate) fn of<P: Kit>(list: &mut List) {
    bounded::<P, P::Bounded>(list);
    queues::<P, P::Unbounded>(list, usize::MAX);
    semaphores::<P, P::Semaphore>(list);
    mutexes::<P, P::Mutex>(list);
    oneshots::<P, P::Once>(list);
    fan_out::<P::Owner>(list);
}

/// What users of async-executor take.
pub(crate) fn smol<P: Peer>(list: &mut List) {
    bounded::<P, AsyncChannel>(list);
    queues::<P, AsyncChannel>(list, usize::MAX);
    semaphores::<P, AsyncSemaphore>(list);
    mutexes::<P, AsyncMutex>(list);
}

/// What users of async-local-executor take. Its channels have no bound.
pub(crate) fn async_local(list: &mut List) {
    ping_pong::<AsyncLocalExecutor, AsyncLocalChannel>(list);
    queues::<AsyncLocalExecutor, AsyncLocalChannel>(list, usize::MAX);
}

/// What users of monoio take, from local-sync.
pub(crate) fn monoio(list: &mut List) {
    bounded::<Monoio, LocalSyncChannel>(list);
    queues::<Monoio, LocalSyncUnbounded>(list, usize::MAX);
    semaphores::<Monoio, LocalSyncSemaphore>(list);
    oneshots::<Monoio, LocalSyncOnce>(list);
}

/// What users of glommio take.
#[cfg(target_os = "linux")]
pub(crate) fn glommio(list: &mut List) {
    bounded::<Glommio, GlommioChannel>(list);
    queues::<Glommio, GlommioChannel>(list, usize::MAX);
    semaphores::<Glommio, GlommioSemaphore>(list);
}

/// Nothing, where glommio cannot be compiled.
#[cfg(not(target_os = "linux"))]
pub(crate) fn glommio(_: &mut List) {}

/// Those of embassy-sync.
pub(crate) fn embassy<P: Peer>(list: &mut List) {
    queues::<P, EmbassyChannel<1>>(list, 1);
    queues::<P, EmbassyChannel<100>>(list, 100);
    ping_pong::<P, EmbassyChannel<1>>(list);
    mutexes::<P, EmbassyMutex>(list);
}

/// A library that is no executor, with the workloads that it has something for. They run on evenkeel, where least is added to
/// what the library itself costs.
#[derive(Debug)]
pub struct Library {
    /// Its name in reports.
    pub name: &'static str,
    /// The package that it comes from.
    pub package: &'static str,
    /// What of it is used.
    pub about: &'static str,
    /// What it can do.
    pub workloads: Vec<Workload>,
}

impl Library {
    fn new(name: &'static str, package: &'static str, about: &'static str, fill: impl FnOnce(&mut List)) -> Library {
        let mut list = List(Vec::new());
        fill(&mut list);
        Library { name, package, about, workloads: list.0 }
    }
}

/// What evenkeel has for the same ends as other libraries. As [`evenkeel_alone`](crate::evenkeel_alone) it is compiled apart
/// from all others, where it is named.
#[inline]
pub fn evenkeel_libraries() -> Vec<Library> {
    vec![
        Library::new("evenkeel spawn", "evenkeel", "`spawn` and the handles, without an owner", fan_out::<Spawned>),
        Library::new("evenkeel scope", "evenkeel", "`scope`, whose children may borrow", |list| {
            fan_out::<InScope>(list);
            nested::<Scopes>(list);
        }),
        Library::new("evenkeel gather", "evenkeel", "`gather`, in place", |list| {
            fan_out::<Gathered>(list);
            nested::<Gathers>(list);
        }),
        Library::new("evenkeel channel", "evenkeel", "`sync::channel`", |list| {
            bounded::<Evenkeel, EvenkeelChannel>(list);
            queues::<Evenkeel, EvenkeelChannel>(list, usize::MAX);
        }),
    ]
}

/// Every library, in the order of all reports. What evenkeel and tokio use under their own names is [`Kit`]'s choice.
pub fn libraries() -> Vec<Library> {
    let mut libraries = evenkeel_libraries();
    libraries.extend([
        Library::new("FuturesUnordered", "futures", "`FuturesUnordered`, in place", |list| {
            fan_out::<Unordered>(list);
            nested::<Unordereds>(list);
        }),
        Library::new("join_all", "futures", "`join_all`, in place", fan_out::<JoinAll>),
        Library::new(
            "futures-concurrency",
            "futures-concurrency",
            "`Join` of a `Vec`, in place",
            fan_out::<Concurrency>,
        ),
        Library::new("futures-buffered", "futures-buffered", "`join_all`, in place", fan_out::<Buffered>),
        Library::new("async-channel", "async-channel", "both kinds", |list| {
            bounded::<Evenkeel, AsyncChannel>(list);
            queues::<Evenkeel, AsyncChannel>(list, usize::MAX);
        }),
        Library::new("async-local-channel", "async-local-channel", "`mpsc`, without a bound", |list| {
            ping_pong::<Evenkeel, AsyncLocalChannel>(list);
            queues::<Evenkeel, AsyncLocalChannel>(list, usize::MAX);
        }),
        Library::new("async-lock", "async-lock", "`Semaphore`, `Mutex`", |list| {
            semaphores::<Evenkeel, AsyncSemaphore>(list);
            mutexes::<Evenkeel, AsyncMutex>(list);
        }),
        Library::new("local-sync", "local-sync", "`mpsc`, `semaphore`, `oneshot`", |list| {
            bounded::<Evenkeel, LocalSyncChannel>(list);
            queues::<Evenkeel, LocalSyncUnbounded>(list, usize::MAX);
            semaphores::<Evenkeel, LocalSyncSemaphore>(list);
            oneshots::<Evenkeel, LocalSyncOnce>(list);
        }),
        Library::new("async-unsync", "async-unsync", "`bounded`, `unbounded`, `semaphore`, `oneshot`", |list| {
            bounded::<Evenkeel, AsyncUnsyncChannel>(list);
            queues::<Evenkeel, AsyncUnsyncUnbounded>(list, usize::MAX);
            semaphores::<Evenkeel, AsyncUnsyncSemaphore>(list);
            oneshots::<Evenkeel, AsyncUnsyncOnce>(list);
        }),
        Library::new("unsync", "unsync", "`spsc`, for one producer, `semaphore`, `oneshot`", |list| {
            for capacity in [1, 100, usize::MAX] {
                queue::<Evenkeel, UnsyncChannel>(list, capacity, 1, |sender| vec![sender]);
            }
            ping_pong::<Evenkeel, UnsyncChannel>(list);
            semaphores::<Evenkeel, UnsyncSemaphore>(list);
            oneshots::<Evenkeel, UnsyncOnce>(list);
        }),
        Library::new("embassy-sync", "embassy-sync", "`Channel`, `Mutex`, without locks", embassy::<Evenkeel>),
        Library::new("futures-intrusive", "futures-intrusive", "`LocalSemaphore`, `LocalMutex`, fair", |list| {
            semaphores::<Evenkeel, IntrusiveSemaphore>(list);
            mutexes::<Evenkeel, IntrusiveMutex>(list);
        }),
        Library::new("blocking", "blocking", "`unblock`", |list| {
            calls::<Evenkeel, _>(list, || blocking::unblock(|| 1));
        }),
        Library::new("kanal", "kanal", "from a thread to a task", messages::<Kanal, Kanal>),
        Library::new("flume", "flume", "from a thread to a task", messages::<Flume, Flume>),
    ]);
    libraries
}

fn fan_out<F: Family>(list: &mut List) {
    for size in [1, 10, 1_000, 100_000] {
        let about = "so many children, each of which gives way once; one child is an operation";
        let body = move |count, watch: &mut Watch| families::fan_out::<F>(size, count, watch);
        list.add(format!("family-{size}"), FAMILY, about, size, body);
    }
}

fn nested<N: Nest>(list: &mut List) {
    for depth in [1, 4, 16] {
        let about = "a child nested so many deep gives way; one time is an operation";
        let body = move |count, watch: &mut Watch| families::wakes::<N, Evenkeel>(depth, count, watch);
        list.add(format!("wake-nested-{depth}"), FAMILY, about, 1, body);
    }
}

/// What needs channels that other threads send to.
pub(crate) fn messages<B: Remote, U: Remote>(list: &mut List) {
    for capacity in [1, 100] {
        let about = "another thread sends through a bounded channel; one message is an operation";
        let body = move |count, watch: &mut Watch| threads::messages::<B>(capacity, count, watch);
        list.add(format!("remote-{capacity}"), THREADS, about, 100, body).clock = Clock::Wall;
    }
    let about = "another thread sends through an unbounded channel; one message is an operation";
    let body = |count, watch: &mut Watch| threads::messages::<U>(usize::MAX, count, watch);
    list.add("remote-unbounded", THREADS, about, 100, body).clock = Clock::Wall;
}

/// What needs threads for work that blocks.
pub(crate) fn calls<P, F>(list: &mut List, call: impl Fn() -> F + Copy + 'static)
where
    P: Peer,
    F: Future<Output = u64> + 'static,
{
    let about = "a call on another thread, then the next; a round trip is an operation";
    let body = move |count, watch: &mut Watch| threads::calls::<P, F>(call, 1, count, watch);
    list.add("to-thread-1", THREADS, about, 1, body).clock = Clock::Wall;
    let about = "1000 calls on other threads at a time; one call is an operation";
    let body = move |count, watch: &mut Watch| threads::calls::<P, F>(call, 1_000, count, watch);
    list.add("to-thread-1000", THREADS, about, 1_000, body).clock = Clock::Wall;
}

fn bounded<P: Peer, C: Channel<Sender: Clone>>(list: &mut List) {
    queues::<P, C>(list, 1);
    queues::<P, C>(list, 100);
    ping_pong::<P, C>(list);
}

fn queues<P: Peer, C: Channel<Sender: Clone>>(list: &mut List, capacity: usize) {
    queue::<P, C>(list, capacity, 1, |sender| vec![sender]);
    queue::<P, C>(list, capacity, 10, |sender| vec![sender; 10]);
}

/// A queue that so many producers put into, for which `senders` gives each of them an end.
fn queue<P: Peer, C: Channel>(
    list: &mut List,
    capacity: usize,
    producers: u64,
    senders: fn(C::Sender) -> Vec<C::Sender>,
) {
    let about = "producers put into one queue, a task takes it all; one item is an operation";
    let body = move |count, watch: &mut Watch| primitives::queue::<P, C>(capacity, senders, count, watch);
    let room = if capacity == usize::MAX { "unbounded".to_owned() } else { capacity.to_string() };
    list.add(format!("queue-{room}-by-{producers}"), PRIMITIVES, about, producers, body);
}

fn ping_pong<P: Peer, C: Channel>(list: &mut List) {
    let about = "two tasks send a number to and fro over channels of one; a round is an operation";
    let body = |count, watch: &mut Watch| primitives::ping_pong::<P, C>(count, watch);
    list.add("channel-ping-pong", PRIMITIVES, about, 1, body);
}

fn semaphores<P: Peer, G: Gate>(list: &mut List) {
    let about = "take a permit and return it; one time is an operation";
    let body = |count, watch: &mut Watch| primitives::uncontended::<P, G>(count, watch);
    list.add("semaphore-alone", PRIMITIVES, about, 1, body);
    let about = "1000 tasks take one of 10 permits, give way and return it; one time is an operation";
    let body = |count, watch: &mut Watch| primitives::contended::<P, G>(1_000, 10, count, watch);
    list.add("semaphore-crowd", PRIMITIVES, about, 1_000, body);
}

fn mutexes<P: Peer, G: Gate>(list: &mut List) {
    let about = "lock and unlock; one time is an operation";
    let body = |count, watch: &mut Watch| primitives::uncontended::<P, G>(count, watch);
    list.add("mutex-alone", PRIMITIVES, about, 1, body);
    let about = "100 tasks lock, give way and unlock; one time is an operation";
    let body = |count, watch: &mut Watch| primitives::contended::<P, G>(100, 1, count, watch);
    list.add("mutex-crowd", PRIMITIVES, about, 100, body);
}

fn oneshots<P: Peer, O: Once>(list: &mut List) {
    let about = "make a oneshot, send, receive; one of them is an operation";
    let body = |count, watch: &mut Watch| primitives::oneshot_ready::<P, O>(count, watch);
    list.add("oneshot-ready", PRIMITIVES, about, 1, body);
    let about = "make a oneshot and wait until another task sends; one of them is an operation";
    let body = |count, watch: &mut Watch| primitives::oneshot_pending::<P, O>(count, watch);
    list.add("oneshot-pending", PRIMITIVES, about, 1, body);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_library_does_its_operations() {
        for library in libraries() {
            library.workloads.iter().for_each(|work| work.run(1999, &mut Watch::off()));
        }
    }
}
