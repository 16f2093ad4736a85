//! The primitives that are compared, behind the few calls that the workloads need.

use std::{
    fmt::Debug,
    future::{Future, ready},
    rc::Rc,
};

/// A channel of numbers.
pub trait Channel: 'static {
    /// The end that sends. Several producers need one that can be cloned, and not every library has that.
    type Sender: 'static;
    /// The end that receives.
    type Receiver: 'static;

    /// Room for so many; `usize::MAX` asks for an unbounded one.
    fn new(capacity: usize) -> (Self::Sender, Self::Receiver);

    /// Sends, and waits for room.
    fn send(sender: &mut Self::Sender, item: u64) -> impl Future<Output: Sent>;

    /// Receives the next one.
    fn receive(receiver: &mut Self::Receiver) -> impl Future<Output: Received>;
}

/// What the futures of channels give: each library's own, so that nothing lies around its futures.
pub trait Sent {
    /// It was sent.
    fn check(self);
}

impl Sent for () {
    fn check(self) {}
}

impl<E: Debug> Sent for Result<(), E> {
    #[inline]
    fn check(self) {
        self.unwrap();
    }
}

/// As [`Sent`].
pub trait Received {
    /// What was received.
    fn item(self) -> u64;
}

impl Received for u64 {
    #[inline]
    fn item(self) -> u64 {
        self
    }
}

impl Received for Option<u64> {
    #[inline]
    fn item(self) -> u64 {
        self.unwrap()
    }
}

impl<E: Debug> Received for Result<u64, E> {
    #[inline]
    fn item(self) -> u64 {
        self.unwrap()
    }
}

/// Lets so many in at a time.
pub trait Gate: 'static {
    /// For so many.
    fn new(permits: usize) -> Self;

    /// Waits for its turn; what comes back is the permission.
    fn enter(&self) -> impl Future<Output = impl Sized>;
}

/// A channel for one number.
pub trait Once: 'static {
    /// The end that sends.
    type Sender: 'static;

    /// Both ends.
    fn new() -> (Self::Sender, impl Future<Output: Received> + 'static);

    /// Sends.
    fn send(sender: Self::Sender, item: u64);
}

macro_rules! channel {
    ($name:ident, $about:literal, $sender:ty, $receiver:ty, |$capacity:ident| $new:expr, |$s:ident, $item:ident| $send:expr, |$r:ident| $receive:expr) => {
        #[doc = $about]
        #[derive(Debug)]
        pub struct $name;

        impl Channel for $name {
            type Sender = $sender;
            type Receiver = $receiver;

            #[inline]
            fn new($capacity: usize) -> (Self::Sender, Self::Receiver) {
                $new
            }

            #[inline]
            fn send($s: &mut Self::Sender, $item: u64) -> impl Future<Output: Sent> {
                $send
            }

            #[inline]
            fn receive($r: &mut Self::Receiver) -> impl Future<Output: Received> {
                $receive
            }
        }
    };
}

channel! {
    EvenkeelChannel, "`evenkeel::sync::channel`", evenkeel::sync::Sender<u64>, evenkeel::sync::Receiver<u64>,
    |capacity| evenkeel::sync::channel(capacity),
    |sender, item| sender.send(item),
    |receiver| receiver.recv()
}

channel! {
    EvenkeelQueue, "`evenkeel::sync::Queue` in an `Rc`", Rc<evenkeel::sync::Queue<u64>>, Rc<evenkeel::sync::Queue<u64>>,
    |capacity| {
        let queue = Rc::new(evenkeel::sync::Queue::new(capacity));
        (queue.clone(), queue)
    },
    |queue, item| queue.put(item),
    |queue| queue.get()
}

channel! {
    TokioChannel, "`tokio::sync::mpsc`", tokio::sync::mpsc::Sender<u64>, tokio::sync::mpsc::Receiver<u64>,
    |capacity| tokio::sync::mpsc::channel(capacity),
    |sender, item| sender.send(item),
    |receiver| receiver.recv()
}

channel! {
    TokioUnbounded, "`tokio::sync::mpsc`, unbounded", tokio::sync::mpsc::UnboundedSender<u64>,
    tokio::sync::mpsc::UnboundedReceiver<u64>,
    |_capacity| tokio::sync::mpsc::unbounded_channel(),
    |sender, item| ready(sender.send(item)),
    |receiver| receiver.recv()
}

channel! {
    AsyncChannel, "async-channel", async_channel::Sender<u64>, async_channel::Receiver<u64>,
    |capacity| if capacity == usize::MAX { async_channel::unbounded() } else { async_channel::bounded(capacity) },
    |sender, item| sender.send(item),
    |receiver| receiver.recv()
}

channel! {
    LocalSyncChannel, "`local_sync::mpsc::bounded`", local_sync::mpsc::bounded::Tx<u64>, local_sync::mpsc::bounded::Rx<u64>,
    |capacity| local_sync::mpsc::bounded::channel(capacity),
    |sender, item| sender.send(item),
    |receiver| receiver.recv()
}

channel! {
    LocalSyncUnbounded, "`local_sync::mpsc::unbounded`", local_sync::mpsc::unbounded::Tx<u64>,
    local_sync::mpsc::unbounded::Rx<u64>,
    |_capacity| local_sync::mpsc::unbounded::channel(),
    |sender, item| ready(sender.send(item)),
    |receiver| receiver.recv()
}

channel! {
    AsyncUnsyncChannel, "`async_unsync::bounded`", async_unsync::bounded::Sender<u64>, async_unsync::bounded::Receiver<u64>,
    |capacity| async_unsync::bounded::channel(capacity).into_split(),
    |sender, item| sender.send(item),
    |receiver| receiver.recv()
}

channel! {
    AsyncUnsyncUnbounded, "`async_unsync::unbounded`", async_unsync::unbounded::UnboundedSender<u64>,
    async_unsync::unbounded::UnboundedReceiver<u64>,
    |_capacity| async_unsync::unbounded::channel().into_split(),
    |sender, item| ready(sender.send(item)),
    |receiver| receiver.recv()
}

channel! {
    UnsyncChannel, "`unsync::spsc::channel`, for one producer", unsync::spsc::Sender<u64>, unsync::spsc::Receiver<u64>,
    |capacity| if capacity == usize::MAX { unsync::spsc::unbounded() } else { unsync::spsc::channel(capacity) },
    |sender, item| sender.send(item),
    |receiver| receiver.recv()
}

#[cfg(target_os = "linux")]
channel! {
    GlommioChannel, "`glommio::channels::local_channel`", Rc<glommio::channels::local_channel::LocalSender<u64>>,
    glommio::channels::local_channel::LocalReceiver<u64>,
    |capacity| {
        let (sender, receiver) = match capacity {
            usize::MAX => glommio::channels::local_channel::new_unbounded(),
            capacity => glommio::channels::local_channel::new_bounded(capacity),
        };
        (Rc::new(sender), receiver)
    },
    |sender, item| sender.send(item),
    |receiver| receiver.recv()
}

channel! {
    AsyncLocalChannel, "`async_local_channel::mpsc`, which has no bound", async_local_channel::mpsc::Sender<u64>,
    async_local_channel::mpsc::Receiver<u64>,
    |_capacity| {
        let (sender, receiver) = async_local_channel::mpsc::channel();
        (sender, receiver.activate())
    },
    |sender, item| ready(sender.send(item).map(drop)),
    |receiver| receiver.recv()
}

/// `embassy_sync::channel`, whose room is part of its type.
#[derive(Debug)]
pub struct EmbassyChannel<const N: usize>;

type Embassy<const N: usize> = embassy_sync::channel::Channel<embassy_sync::blocking_mutex::raw::NoopRawMutex, u64, N>;

impl<const N: usize> Channel for EmbassyChannel<N> {
    type Sender = Rc<Embassy<N>>;
    type Receiver = Rc<Embassy<N>>;

    fn new(_: usize) -> (Self::Sender, Self::Receiver) {
        let channel = Rc::new(Embassy::new());
        (channel.clone(), channel)
    }

    #[inline]
    fn send(channel: &mut Self::Sender, item: u64) -> impl Future<Output: Sent> {
        channel.send(item)
    }

    #[inline]
    fn receive(channel: &mut Self::Receiver) -> impl Future<Output: Received> {
        channel.receive()
    }
}

macro_rules! gate {
    ($name:ident, $about:literal, $type:ty, |$permits:ident| $new:expr, |$gate:ident| $enter:expr) => {
        #[doc = $about]
        #[expect(missing_debug_implementations, reason = "not all of what it holds has one")]
        pub struct $name($type);

        impl Gate for $name {
            fn new($permits: usize) -> Self {
                $name($new)
            }

            #[inline]
            fn enter(&self) -> impl Future<Output = impl Sized> {
                let $gate = &self.0;
                $enter
            }
        }
    };
}

gate!(
    EvenkeelSemaphore,
    "`evenkeel::sync::Semaphore`",
    evenkeel::sync::Semaphore,
    |permits| evenkeel::sync::Semaphore::new(permits),
    |gate| gate.acquire()
);
gate!(
    EvenkeelMutex,
    "`evenkeel::sync::Mutex`",
    evenkeel::sync::Mutex<u64>,
    |_permits| evenkeel::sync::Mutex::new(0),
    |gate| gate.lock()
);
gate!(
    TokioSemaphore,
    "`tokio::sync::Semaphore`",
    tokio::sync::Semaphore,
    |permits| tokio::sync::Semaphore::new(permits),
    |gate| gate.acquire()
);
gate!(TokioMutex, "`tokio::sync::Mutex`", tokio::sync::Mutex<u64>, |_permits| tokio::sync::Mutex::new(0), |gate| gate
    .lock());
gate!(
    AsyncSemaphore,
    "`async_lock::Semaphore`",
    async_lock::Semaphore,
    |permits| async_lock::Semaphore::new(permits),
    |gate| gate.acquire()
);
gate!(AsyncMutex, "`async_lock::Mutex`", async_lock::Mutex<u64>, |_permits| async_lock::Mutex::new(0), |gate| gate
    .lock());
gate!(
    LocalSyncSemaphore,
    "`local_sync::semaphore`",
    local_sync::semaphore::Semaphore,
    |permits| local_sync::semaphore::Semaphore::new(permits),
    |gate| gate.acquire()
);
gate!(
    AsyncUnsyncSemaphore,
    "`async_unsync::semaphore`",
    async_unsync::semaphore::Semaphore,
    |permits| async_unsync::semaphore::Semaphore::new(permits),
    |gate| gate.acquire()
);
gate!(
    UnsyncSemaphore,
    "`unsync::semaphore`",
    unsync::semaphore::Semaphore,
    |permits| unsync::semaphore::Semaphore::new(permits),
    |gate| gate.acquire(1)
);
gate!(
    IntrusiveSemaphore,
    "`futures_intrusive::sync::LocalSemaphore`, fair",
    futures_intrusive::sync::LocalSemaphore,
    |permits| futures_intrusive::sync::LocalSemaphore::new(true, permits),
    |gate| gate.acquire(1)
);
gate!(
    IntrusiveMutex,
    "`futures_intrusive::sync::LocalMutex`, fair",
    futures_intrusive::sync::LocalMutex<u64>,
    |_permits| futures_intrusive::sync::LocalMutex::new(0, true),
    |gate| gate.lock()
);
#[cfg(target_os = "linux")]
gate!(
    GlommioSemaphore,
    "`glommio::sync::Semaphore`",
    glommio::sync::Semaphore,
    |permits| glommio::sync::Semaphore::new(permits as u64),
    |gate| gate.acquire_permit(1)
);
gate!(
    EmbassyMutex,
    "`embassy_sync::mutex`, for few waiters",
    embassy_sync::mutex::Mutex<embassy_sync::blocking_mutex::raw::NoopRawMutex, u64>,
    |_permits| embassy_sync::mutex::Mutex::new(0),
    |gate| gate.lock()
);

macro_rules! once {
    ($name:ident, $about:literal, $sender:ty, $new:expr) => {
        #[doc = $about]
        #[derive(Debug)]
        pub struct $name;

        impl Once for $name {
            type Sender = $sender;

            #[inline]
            fn new() -> (Self::Sender, impl Future<Output: Received> + 'static) {
                $new
            }

            #[inline]
            fn send(sender: Self::Sender, item: u64) {
                sender.send(item).unwrap();
            }
        }
    };
}

once!(
    EvenkeelOnce,
    "`evenkeel::sync::oneshot`",
    evenkeel::sync::oneshot::Sender<u64>,
    evenkeel::sync::oneshot::channel()
);
once!(TokioOnce, "`tokio::sync::oneshot`", tokio::sync::oneshot::Sender<u64>, tokio::sync::oneshot::channel());
once!(LocalSyncOnce, "`local_sync::oneshot`", local_sync::oneshot::Sender<u64>, local_sync::oneshot::channel());
once!(
    AsyncUnsyncOnce,
    "`async_unsync::oneshot`",
    async_unsync::oneshot::Sender<u64>,
    async_unsync::oneshot::channel().into_split()
);
once!(UnsyncOnce, "`unsync::oneshot`", unsync::oneshot::Sender<u64>, unsync::oneshot::channel());
