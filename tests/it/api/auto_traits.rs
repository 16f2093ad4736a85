//! Which types may cross threads, and which may be moved: a table that does not compile when it is wrong.

use evenkeel::{
    CancelReason, Executor, Handle, Instant, JoinError, Task,
    host::{
        Budget, Entered, ExecutorBuilder, NestedRun, Progress, Readiness, TooManyExecutors, Unhandled, UnhandledKind,
    },
    task::{AbortHandle, Panic, Spawner, TaskId, TaskLocal, TaskRef, YieldNow},
    testing::{Choice, Fifo, Seeded, VirtualClock},
    threads::{CallError, JobContext, RemoteTask, ThreadLimiter, ToThread, remote},
    time::{Interval, MissedTick, Sleep},
};
use std::{
    cell::Cell,
    marker::PhantomPinned,
    panic::{RefUnwindSafe, UnwindSafe},
    rc::Rc,
};

/// `yes!(Send: A, B)`: these are; `no!(Send: A, B)`: these are not.
macro_rules! yes {
    ($trait:path: $($type:ty),+ $(,)?) => {
        const _: () = {
            const fn check<T: $trait + ?Sized>() {}
            $(check::<$type>();)+
        };
    };
}

macro_rules! no {
    ($trait:path: $($type:ty),+ $(,)?) => {
        $(const _: fn() = || {
            // Two ways to choose `A`, if the type implements the trait: which one is then ambiguous.
            trait Ambiguous<A> { fn some() {} }
            impl<T: ?Sized> Ambiguous<()> for T {}
            struct Implemented;
            impl<T: ?Sized + $trait> Ambiguous<Implemented> for T {}
            let _ = <$type as Ambiguous<_>>::some;
        };)+
    };
}

// What goes to other threads, and what comes from there. The await of a job stays where it is.
yes!(Send: Handle, RemoteTask<u8>, CallError, ThreadLimiter, JobContext, remote::Sender<u8>, remote::Receiver<u8>);
yes!(Sync: Handle, RemoteTask<u8>, CallError, ThreadLimiter, JobContext, remote::Sender<u8>, remote::Receiver<u8>);
yes!(Send: remote::WeakSender<u8>, remote::WeakSender<Cell<u8>>);
yes!(Sync: remote::WeakSender<u8>);
no!(Send: remote::WeakSender<Rc<u8>>);
yes!(Send: RemoteTask<Cell<u8>>, remote::Sender<Cell<u8>>, remote::Receiver<Cell<u8>>);
no!(Send: ToThread<u8>, remote::Sender<Rc<u8>>, remote::Receiver<Rc<u8>>);
yes!(Unpin: ToThread<PhantomPinned>, RemoteTask<PhantomPinned>, remote::Receiver<PhantomPinned>);

// A panic leaves them whole.
yes!(UnwindSafe: Handle, RemoteTask<u8>, ThreadLimiter, JobContext, remote::Sender<u8>, remote::Receiver<u8>);
yes!(RefUnwindSafe: Handle, RemoteTask<u8>, ThreadLimiter, JobContext, remote::Sender<u8>, remote::Receiver<u8>);

// Nothing of a task that panics is left half done in what others hold of it, and no call leaves these half done that panics itself.
yes!(UnwindSafe: Task<u8>, Task<Rc<Cell<u8>>>, AbortHandle, Executor, Spawner, Sleep, Interval, Instant);
yes!(RefUnwindSafe: Task<u8>, Task<Rc<Cell<u8>>>, AbortHandle, Executor, Spawner, Sleep, Interval, Instant);

no!(Send: AbortHandle, Entered<'static>);
no!(Sync: AbortHandle, Entered<'static>);
no!(Send: Executor, ExecutorBuilder, Spawner, Task<u8>, TaskRef, Sleep, Interval, VirtualClock);
no!(Sync: Executor, ExecutorBuilder, Spawner, Task<u8>, TaskRef, Sleep, Interval, VirtualClock);

yes!(Send: JoinError, Panic, CancelReason, Instant, NestedRun, TooManyExecutors, TaskId, Budget, Progress, Readiness, Choice);
yes!(Sync: JoinError, Panic, CancelReason, Instant, NestedRun, TooManyExecutors, TaskId, Budget, Progress, Readiness, Choice);
yes!(Send: MissedTick, Fifo, Seeded, Unhandled, UnhandledKind, YieldNow);
yes!(Sync: MissedTick, Fifo, Seeded, Unhandled, UnhandledKind, YieldNow);
// A key is not the value: it may name values that stay on their threads.
yes!(Send: TaskLocal<u8>, TaskLocal<Rc<Cell<u8>>>);
yes!(Sync: TaskLocal<u8>, TaskLocal<Rc<Cell<u8>>>);

yes!(Unpin: Task<u8>, Task<PhantomPinned>, Sleep, Interval, YieldNow, Executor, Spawner, AbortHandle, Entered<'static>);
yes!(std::error::Error: JoinError, NestedRun, TooManyExecutors);

#[test]
fn fault_06_the_table_above_compiles() {
    fn is_a_boxed_error(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> String {
        error.into().to_string()
    }
    assert_eq!(
        is_a_boxed_error(JoinError::Cancelled(CancelReason::Shutdown)),
        "the task was cancelled: the executor is shutting down"
    );
}

mod sync {
    use evenkeel::sync::{
        AcquireError, AdaptiveLimiter, Barrier, Broken, Closed, Condition, Event, Job, LifoQueue, LimiterSlot, Mutex,
        MutexGuard, Notified, Notify, OnceCell, OwnedJob, OwnedMutexGuard, OwnedNotified, OwnedPermit, OwnedReadGuard,
        OwnedWriteGuard, Permit, PriorityQueue, PutError, Queue, QueueItems, RateLimiter, ReadGuard, Receiver,
        ReceiverItems, Refused, RwLock, Semaphore, Sender, SetOnce, TryAcquireError, TryGetError, WaitQueue,
        WriteGuard, broadcast, oneshot, watch,
    };
    use evenkeel::sync::{
        MappedMutexGuard, MappedReadGuard, MappedWriteGuard, OwnedMappedMutexGuard, OwnedMappedReadGuard,
        OwnedMappedWriteGuard, OwnedQueueItems, OwnedSendPermit, OwnedUpgradableReadGuard, SendPermit, SendPermits,
        SenderSink, UpgradableReadGuard, WeakReceiver, WeakSender,
    };
    use std::{marker::PhantomPinned, panic::UnwindSafe};

    // Everything stays on its thread.
    no!(Send: Semaphore, Mutex<u8>, RwLock<u8>, Event, Condition, Barrier, Queue<u8>, LifoQueue<u8>, PriorityQueue<u8>);
    no!(Send: Notify, OnceCell<u8>, SetOnce<u8>, WaitQueue, RateLimiter, AdaptiveLimiter);
    no!(Sync: Semaphore, Mutex<u8>, RwLock<u8>, Event, Condition, Barrier, Queue<u8>, LifoQueue<u8>, PriorityQueue<u8>);
    no!(Sync: Notify, OnceCell<u8>, SetOnce<u8>, WaitQueue, RateLimiter, AdaptiveLimiter);
    no!(Send: Permit<'static>, OwnedPermit, MutexGuard<'static, u8>, OwnedMutexGuard<u8>, ReadGuard<'static, u8>);
    no!(Send: WriteGuard<'static, u8>, OwnedReadGuard<u8>, OwnedWriteGuard<u8>, Job<'static, u8>, OwnedJob<u8>);
    no!(Send: Notified<'static>, QueueItems<'static, u8>, ReceiverItems<'static, u8>, LimiterSlot<'static>, RwLock<u8>);
    no!(Send: Sender<u8>, Receiver<u8>, oneshot::Sender<u8>, oneshot::Receiver<u8>, watch::Sender<u8>);
    no!(Send: watch::Receiver<u8>, watch::Ref<u8>, broadcast::Sender<u8>, broadcast::Receiver<u8>);
    no!(Send: OwnedNotified, watch::Items<'static, u8>, watch::OwnedItems<u8>, broadcast::WeakSender<u8>);
    no!(Send: broadcast::Items<'static, u8>, broadcast::OwnedItems<u8>);
    no!(Sync: Sender<u8>, Receiver<u8>, oneshot::Sender<u8>, oneshot::Receiver<u8>, broadcast::Receiver<u8>);

    // Neither do guards of a part, nor those who may become writers.
    no!(Send: MappedMutexGuard<'static, u8>, OwnedMappedMutexGuard<u8, u8>, MappedReadGuard<'static, u8>);
    no!(Send: OwnedMappedReadGuard<u8, u8>, MappedWriteGuard<'static, u8>, OwnedMappedWriteGuard<u8, u8>);
    no!(Send: UpgradableReadGuard<'static, u8>, OwnedUpgradableReadGuard<u8>);
    no!(Sync: MutexGuard<'static, u8>, OwnedMutexGuard<u8>, MappedMutexGuard<'static, u8>, ReadGuard<'static, u8>);
    no!(Sync: OwnedMappedMutexGuard<u8, u8>, MappedReadGuard<'static, u8>, OwnedMappedReadGuard<u8, u8>);
    no!(Sync: MappedWriteGuard<'static, u8>, OwnedMappedWriteGuard<u8, u8>, WriteGuard<'static, u8>);
    no!(Sync: UpgradableReadGuard<'static, u8>, OwnedUpgradableReadGuard<u8>);
    no!(Send: SendPermit<'static, u8>, SendPermits<'static, u8>, OwnedSendPermit<u8>, SenderSink<u8>, OwnedQueueItems<u8>);
    no!(Send: WeakSender<u8>, WeakReceiver<u8>);
    yes!(Unpin: Receiver<PhantomPinned>, SenderSink<PhantomPinned>, OwnedQueueItems<PhantomPinned>);

    // A panic leaves them whole.
    yes!(UnwindSafe: Semaphore, Mutex<u8>, Condition, Event, Notify, WaitQueue, Queue<u8>);

    yes!(Send: Closed, Broken, AcquireError, TryAcquireError, PutError<u8>, TryGetError, Refused);
    yes!(Sync: Closed, Broken, AcquireError, TryAcquireError, PutError<u8>, TryGetError, Refused);
    yes!(Unpin: OwnedNotified, broadcast::Receiver<PhantomPinned>, broadcast::OwnedItems<PhantomPinned>);
    yes!(Unpin: watch::Items<'static, PhantomPinned>, watch::OwnedItems<PhantomPinned>);
    yes!(Unpin: Notified<'static>, oneshot::Receiver<PhantomPinned>, QueueItems<'static, PhantomPinned>);
    yes!(std::error::Error: Closed, Broken, AcquireError, TryAcquireError, PutError<PhantomPinned>, TryGetError);
    yes!(std::error::Error: broadcast::RecvError, broadcast::TryRecvError);
}

mod sockets {
    use evenkeel::io::{
        Async, DriverBuilder, HyperExecutor, HyperTimer, Incoming, LoopFd, OwnedReadHalf, OwnedWriteHalf, ReadHalf,
        ReuniteError, TcpListener, TcpListenerBuilder, TcpStream, UdpSocket, WriteHalf,
    };
    use std::{marker::PhantomPinned, net};

    // A socket stays on the thread of the executor that it waits on. As std has it, it goes anywhere.
    no!(Send: TcpListener, TcpStream, UdpSocket, Async<net::TcpStream>, LoopFd, Incoming<'static>);
    no!(Sync: TcpListener, TcpStream, UdpSocket, Async<net::TcpStream>, LoopFd, Incoming<'static>);
    no!(Send: ReadHalf<'static, TcpStream>, WriteHalf<'static, TcpStream>, OwnedReadHalf<u8>, OwnedWriteHalf<u8>);
    no!(Sync: ReadHalf<'static, TcpStream>, WriteHalf<'static, TcpStream>, OwnedReadHalf<u8>, OwnedWriteHalf<u8>);
    yes!(Send: TcpListenerBuilder, DriverBuilder, HyperTimer, HyperExecutor);
    yes!(Sync: TcpListenerBuilder, DriverBuilder, HyperTimer, HyperExecutor);

    // Adaptors want them to be so.
    yes!(Unpin: TcpListener, TcpStream, UdpSocket, Async<net::TcpStream>, Incoming<'static>);
    yes!(Unpin: ReadHalf<'static, PhantomPinned>, WriteHalf<'static, PhantomPinned>);
    yes!(Unpin: OwnedReadHalf<PhantomPinned>, OwnedWriteHalf<PhantomPinned>);
    yes!(std::error::Error: ReuniteError<TcpStream>);

    #[cfg(unix)]
    mod unix {
        use evenkeel::io::{UnixDatagram, UnixIncoming, UnixListener, UnixStream};

        no!(Send: UnixListener, UnixStream, UnixDatagram, UnixIncoming<'static>);
        no!(Sync: UnixListener, UnixStream, UnixDatagram, UnixIncoming<'static>);
        yes!(Unpin: UnixListener, UnixStream, UnixDatagram, UnixIncoming<'static>);
    }
}

mod cancelling {
    use evenkeel::{
        CancelScope, Cancelled, Elapsed, Handle,
        cancel::{CancelToken, Deadline, DropGuard, RemoteToken, RunUntilCancelled, Timeout},
    };
    use std::{
        future::Pending,
        panic::{RefUnwindSafe, UnwindSafe},
    };

    no!(Send: CancelScope, CancelToken, Deadline, DropGuard, Timeout<Pending<u8>>, RunUntilCancelled<Pending<u8>>);
    no!(Sync: CancelScope, CancelToken, Deadline, DropGuard, Timeout<Pending<u8>>, RunUntilCancelled<Pending<u8>>);
    yes!(Send: Cancelled, Elapsed, RemoteToken, Handle);
    yes!(Sync: Cancelled, Elapsed, RemoteToken, Handle);
    yes!(UnwindSafe: CancelScope, CancelToken, DropGuard, RemoteToken);
    yes!(RefUnwindSafe: CancelScope, CancelToken, DropGuard, RemoteToken);
    yes!(Unpin: CancelScope, CancelToken, Deadline, DropGuard, RunUntilCancelled<Pending<u8>>);
    yes!(std::error::Error: Cancelled, Elapsed);
}

mod groups {
    use evenkeel::{
        GroupError, Scope, Supervisor, TaskGroup,
        combinator::{Batch, Branch, PinnedRow, WakeSet},
        group::{
            ChildError, Completed, Failure, GroupSlot, GroupStats, JoinHandle, JoinSet, Mapped, OnFailure, ReadySignal,
            Restart, RestartHandle, ScopedHandle, SupervisorBuilder, TaskGroupBuilder,
        },
    };
    use futures::stream::Empty;
    use std::{cell::Cell, future::Pending, io, marker::PhantomPinned, rc::Rc};

    type Row = Mapped<Empty<u8>, fn(u8) -> Pending<u8>, Pending<u8>>;
    /// A future that may not be moved.
    struct Pinned(PhantomPinned);

    impl Future for Pinned {
        type Output = PhantomPinned;
        fn poll(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<PhantomPinned> {
            std::task::Poll::Ready(self.0)
        }
    }

    no!(Unpin: Pinned);
    no!(Send: TaskGroup<u8>, JoinHandle<u8>, GroupSlot<'static, u8>, ReadySignal<u8>, Scope<'static, 'static, u8>);
    no!(Sync: TaskGroup<u8>, JoinHandle<u8>, GroupSlot<'static, u8>, ReadySignal<u8>, Scope<'static, 'static, u8>);
    no!(Send: Supervisor<u8>, RestartHandle<u8>, JoinSet<u8, u8>);
    no!(Sync: Supervisor<u8>, RestartHandle<u8>, JoinSet<u8, u8>);
    yes!(Send: TaskGroupBuilder<Rc<u8>>, SupervisorBuilder<Rc<u8>>, Restart, OnFailure);
    yes!(Sync: TaskGroupBuilder<Rc<u8>>, SupervisorBuilder<Rc<u8>>, Restart, OnFailure);
    no!(Send: Row, ScopedHandle<'static, u8>, Completed<Pending<u8>>, WakeSet, Batch<'static>, Branch<Pending<u8>>);
    no!(Sync: Row, ScopedHandle<'static, u8>, Completed<Pending<u8>>, WakeSet, Batch<'static>, Branch<Pending<u8>>);

    // An error crosses threads when what it holds does.
    yes!(Send: GroupError<io::Error>, ChildError<io::Error>, Failure<io::Error>, GroupStats, PinnedRow<u8>);
    yes!(Sync: GroupError<io::Error>, ChildError<io::Error>, Failure<io::Error>, GroupStats, PinnedRow<u8>);
    no!(Send: GroupError<Rc<u8>>, ChildError<Rc<u8>>, Failure<Rc<u8>>, PinnedRow<Rc<u8>>);
    no!(Sync: GroupError<Cell<u8>>, ChildError<Cell<u8>>, Failure<Cell<u8>>, PinnedRow<Cell<u8>>);

    yes!(Unpin: RestartHandle<PhantomPinned>, JoinSet<PhantomPinned, PhantomPinned>);
    yes!(Unpin: JoinHandle<PhantomPinned>, ScopedHandle<'static, PhantomPinned>, Completed<Pinned>);
    yes!(std::error::Error: GroupError<String>, GroupError<Box<dyn std::error::Error>>, ChildError<anyhow::Error>);
}
