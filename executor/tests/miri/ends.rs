//! The end of an executor whose parts spawn or panic when they are dropped.

use crate::tools::{DropGuard, Drops, on_drop};
use evenkeel_executor::{
    CancelReason, Clock, Executor, Instant, JoinError, Park, Readiness, Spawner, Task, TaskLocal, TaskState, finally,
    shield, sleep, spawn,
    testing::{Choice, Schedule},
    to_thread,
};
use std::{
    cell::{Cell, RefCell},
    future::{pending, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    rc::Rc,
    sync::{Arc, mpsc},
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

/// Where something of the host's lies that is dropped when the executor ends.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Place {
    OnWakeLocal,
    OnWake,
    QueuedJob,
    QueuedCall,
    Clock,
    Schedule,
    Park,
    Hook,
    Fresh,
    Suspended,
    CleaningUp,
    Output,
    Local,
    Joiner,
    Timer,
}
use Place::*;

const PLACES: [Place; 15] = [
    OnWakeLocal,
    OnWake,
    QueuedJob,
    QueuedCall,
    Clock,
    Schedule,
    Park,
    Hook,
    Fresh,
    Suspended,
    CleaningUp,
    Output,
    Local,
    Joiner,
    Timer,
];

/// What destructors reach: they may run in things that are `Send`.
struct Reach {
    spawner: Spawner,
    drops: Drops,
    spawned: Vec<Task<DropGuard>>,
    /// How many destructors ran, how many spawns were refused.
    ran: usize,
    refused: usize,
    panics: bool,
    then: Option<fn()>,
}

thread_local! {
    static REACH: RefCell<Option<Reach>> = const { RefCell::new(None) };
}

fn with_reach<R>(f: impl FnOnce(&mut Reach) -> R) -> Option<R> {
    REACH.with_borrow_mut(|reach| reach.as_mut().map(f))
}

/// Spawns through a spawner that was kept, keeps the handle, and may panic.
#[derive(Debug)]
struct Last;

impl Drop for Last {
    fn drop(&mut self) {
        let Some((spawner, value, last, then, panics)) = with_reach(|reach| {
            reach.ran += 1;
            (reach.spawner.clone(), reach.drops.guard(), reach.drops.guard(), reach.then, reach.panics)
        }) else {
            return;
        };
        match spawner.spawn(async move {
            let _last = last;
            pending::<()>().await;
            value
        }) {
            Ok(task) => with_reach(|reach| reach.spawned.push(task)),
            Err(_) => with_reach(|reach| reach.refused += 1),
        };
        then.into_iter().for_each(|then| then());
        assert!(!panics, "the destructor");
    }
}

#[derive(Default)]
struct Host(#[expect(dead_code, reason = "owned to be dropped")] Option<Last>);

impl Clock for Host {
    fn now(&self) -> Instant {
        Instant::from_origin(Duration::ZERO)
    }
}

impl Schedule for Host {
    fn choose(&mut self, _: Choice, _: usize) -> usize {
        0
    }
}

impl Park for Host {
    fn park(&mut self, _: Option<Duration>) {}

    fn unparker(&self) -> Arc<dyn Fn() + Send + Sync> {
        Arc::new(|| ())
    }
}

impl Wake for Host {
    fn wake(self: Arc<Self>) {}
}

static LOCAL: TaskLocal<Rc<Last>> = TaskLocal::new();

/// An executor that has a [`Last`] in that place, and what is to outlive it.
fn build(place: Place) -> (Executor, Vec<Box<dyn std::any::Any>>) {
    let last = |at| Host((at == place).then_some(Last));
    let mut builder = Executor::builder().max_threads(1);
    builder = match place {
        OnWakeLocal => builder.on_wake_local({
            let last = Last;
            move || {
                let _ = &last;
            }
        }),
        OnWake => builder.on_wake({
            let last = Last;
            move || {
                let _ = &last;
            }
        }),
        Clock => builder.clock(last(Clock)),
        Schedule => builder.schedule(last(Schedule)),
        Park => builder.park(last(Park)),
        Hook => builder.on_unhandled({
            let last = Last;
            move |_| {
                let _ = &last;
            }
        }),
        _ => builder.on_unhandled(|_| {}),
    };
    let executor = builder.build();
    let mut kept: Vec<Box<dyn std::any::Any>> = Vec::new();
    let holds = || {
        let last = Last;
        async move {
            let _last = last;
            pending::<()>().await
        }
    };
    match place {
        Fresh => executor.spawn(holds()).detach(),
        Suspended => executor.spawn(holds()).detach(),
        CleaningUp => executor
            .spawn(finally(pending::<()>(), async move |_: Option<&()>| {
                let _last = Last;
                pending::<()>().await
            }))
            .detach(),
        Output => {
            // Nobody has taken it, and its handle is dropped in the last moment.
            let task = executor.spawn(async { Last });
            executor.spawn(async move { (task, pending::<()>().await) }).detach();
        }
        Local => executor
            .spawn(async {
                LOCAL.set(Rc::new(Last));
                pending::<()>().await
            })
            .detach(),
        Joiner => {
            let mut task = executor.spawn(pending::<()>());
            let waker = Waker::from(Arc::new(last(Joiner)));
            assert!(Pin::new(&mut task).poll(&mut Context::from_waker(&waker)).is_pending());
            kept.push(Box::new(task));
        }
        Timer => executor
            .spawn(async {
                let waker = Waker::from(Arc::new(Host(Some(Last))));
                let mut sleep = sleep(Duration::from_secs(1));
                poll_fn(|_| Pin::new(&mut sleep).poll(&mut Context::from_waker(&waker))).await;
            })
            .detach(),
        QueuedJob => {
            // The only thread is at work, so the second job stands in line; its call is not dropped with a task.
            let (release, gate) = mpsc::channel::<()>();
            let mut calls = (
                to_thread(move || {
                    let _ = gate.recv();
                }),
                to_thread({
                    let last = Last;
                    move || drop(last)
                }),
            );
            executor.run(poll_fn(|cx| {
                assert!(Pin::new(&mut calls.0).poll(cx).is_pending());
                assert!(Pin::new(&mut calls.1).poll(cx).is_pending());
                Poll::Ready(())
            }));
            kept.push(Box::new((release, calls)));
        }
        QueuedCall => {
            let last = Last;
            executor.handle().spawn(move || async move { drop(last) }).unwrap().detach();
        }
        _ => {}
    }
    if !matches!(place, Fresh | QueuedCall | QueuedJob) {
        while executor.run_until_stalled().readiness == Readiness::MoreReady {}
    }
    (executor, kept)
}

/// Ends an executor with a [`Last`] in that place. Returns how many were refused of how many spawns.
fn end(place: Place, panics: bool, close: bool, then: Option<fn()>) -> (usize, usize) {
    let drops = Drops::default();
    let (executor, kept) = build(place);
    let reach = Reach {
        spawner: executor.spawner(),
        drops: drops.clone(),
        spawned: Vec::new(),
        ran: 0,
        refused: 0,
        panics,
        then,
    };
    REACH.set(Some(reach));
    let ended = catch_unwind(AssertUnwindSafe(|| match close {
        true => drop(executor.close(Duration::ZERO)),
        false => drop(executor),
    }));
    assert!(ended.is_ok(), "{place:?}: the end of an executor does not panic");
    let reach = REACH.take().unwrap();
    assert_eq!(reach.ran, 1, "{place:?}");
    assert!(reach.spawner.spawn(async {}).is_err());
    for mut task in reach.spawned {
        // The handle knows that its executor is gone, and reads nothing of it.
        assert_eq!((task.state(), task.id(), task.is_finished()), (TaskState::Ended, None, true), "{place:?}");
        task.cancel("late");
        let outcome = task.take_result().unwrap();
        assert!(matches!(outcome, Err(JoinError::Cancelled(CancelReason::Shutdown))), "{place:?}");
    }
    assert_eq!(drops.count(), 2, "{place:?}");
    drop(kept);
    (reach.refused, reach.ran)
}

#[test]
fn fault_45_a_spawn_by_any_destructor_at_the_end_leaves_a_sound_handle() {
    for place in PLACES {
        for close in [false, true] {
            let (refused, _) = end(place, false, close, None);
            // Whatever is dropped when everything has ended comes too late.
            let is_late = matches!(place, Clock | Schedule | Park | Hook);
            assert_eq!(refused, usize::from(is_late), "{place:?}");
        }
    }
}

#[test]
fn fault_45_a_destructor_that_spawns_and_panics_at_the_end_leaves_a_sound_handle() {
    for place in PLACES {
        for close in [false, true] {
            end(place, true, close, None);
        }
    }
}

#[test]
fn fault_45_a_destructor_at_the_end_may_make_tick_and_end_other_executors() {
    fn others() {
        let other = Executor::new();
        let inner = other.spawn(async { 1 });
        other.run_until_stalled();
        assert!(inner.is_finished());
        let waits = other.spawn(pending::<()>());
        drop(other);
        assert!(waits.is_finished());
        drop(Executor::new().close(Duration::ZERO));
    }
    for place in PLACES {
        // A close blocks, which nothing may that runs in a task.
        let blocks = !matches!(place, Fresh | Suspended | CleaningUp | Output | Local | Joiner | Timer | QueuedCall);
        end(place, false, false, if blocks { Some(others) } else { Some(|| drop(Executor::new())) });
    }
}

#[test]
fn fault_45_tasks_that_ended_and_tasks_that_did_not_are_orphans_when_every_part_panics() {
    let drops = Drops::default();
    let bomb = || on_drop(|| panic!("a part"));
    struct Bomb<T>(T);
    impl<T> evenkeel_executor::Clock for Bomb<T> {
        fn now(&self) -> Instant {
            Instant::from_origin(Duration::ZERO)
        }
    }
    impl<T> evenkeel_executor::testing::Schedule for Bomb<T> {
        fn choose(&mut self, _: Choice, _: usize) -> usize {
            0
        }
    }
    let (local, hook, wake) = (bomb(), bomb(), SendBomb(|| panic!("a part")));
    let executor = Executor::builder()
        .clock(Bomb(bomb()))
        .schedule(Bomb(bomb()))
        .on_wake_local(move || {
            let _ = &local;
        })
        .on_wake(move || {
            let _ = &wake;
        })
        .on_unhandled(move |_| {
            let _ = &hook;
        })
        .build();
    let guards = [drops.guard(), drops.guard(), drops.guard()];
    let [one, two, three] = guards;
    let ended = executor.spawn(async move { one });
    executor.run_until_stalled();
    let alive = executor.spawn(async move {
        let (_bomb, _guard) = (on_drop(|| panic!("a future")), two);
        pending::<()>().await
    });
    executor.run_until_stalled();
    let fresh = executor.spawn(async move { three });
    assert!(catch_unwind(AssertUnwindSafe(|| drop(executor))).is_ok());
    for (id, state) in [(ended.id(), ended.state()), (alive.id(), alive.state()), (fresh.id(), fresh.state())] {
        assert_eq!((id, state), (None, TaskState::Ended));
    }
    drop((ended, alive, fresh));
    assert_eq!(drops.count(), 3);
}

struct SendBomb(fn());

impl Drop for SendBomb {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Spawns the next of its kind for as long as its executor takes it.
struct Again(Spawner, Rc<Cell<usize>>);

impl Drop for Again {
    fn drop(&mut self) {
        self.1.set(self.1.get() + 1);
        if futures_task::LocalSpawn::status_local(&self.0).is_ok() {
            let next = Again(self.0.clone(), self.1.clone());
            if let Ok(task) = self.0.spawn(async move { drop(next) }) {
                task.detach();
            }
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "as many tasks as it may be")]
fn fault_45_an_executor_ends_though_each_destructor_spawns_the_next() {
    let executor = Executor::builder().on_unhandled(|_| {}).build();
    let count = Rc::new(Cell::new(0));
    let again = Again(executor.spawner(), count.clone());
    executor
        .spawn(async move {
            let _again = again;
            pending::<()>().await
        })
        .detach();
    executor.run_until_stalled();
    drop(executor);
    assert!(count.get() > 1);
    assert_eq!(Rc::strong_count(&count), 1);
}

/// The same without asking, so often that more are never stopped.
#[derive(Debug)]
struct AndAgain(Rc<Cell<usize>>);

impl AndAgain {
    const MANY: usize = (1 << 20) + 100_000;
}

impl Drop for AndAgain {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
        if self.0.get() == AndAgain::MANY {
            return;
        }
        let next = AndAgain(self.0.clone());
        spawn(async move { drop(next) }).detach();
    }
}

#[test]
#[cfg_attr(miri, ignore = "as many tasks as it may be")]
fn fault_45_an_executor_ends_though_each_destructor_spawns_the_next_whatever_the_answer() {
    for close in [false, true] {
        let executor = Executor::builder().on_unhandled(|_| {}).build();
        let count = Rc::new(Cell::new(0));
        let again = AndAgain(count.clone());
        executor.spawn(async move { (again, pending::<()>().await) }).detach();
        executor.run_until_stalled();
        if close {
            drop(executor.close(Duration::ZERO));
        } else {
            drop(executor);
        }
        assert!(count.get() > 100_000, "a chain that is as long as that is stopped");
        assert!(count.get() < AndAgain::MANY, "and no longer one, in no part of the end");
        assert_eq!(Rc::strong_count(&count), 2, "the last one was not stopped any more");
    }
}

#[test]
fn fault_45_a_job_that_a_destructor_asks_for_at_the_end_is_refused() {
    #[derive(Debug)]
    struct Asks(Rc<RefCell<Vec<bool>>>);
    impl Drop for Asks {
        fn drop(&mut self) {
            let mut call = to_thread(|| ());
            let mut poll = || Pin::new(&mut call).poll(&mut Context::from_waker(Waker::noop()));
            assert!(poll().is_pending());
            // The await panics, and says why.
            self.0.borrow_mut().push(catch_unwind(AssertUnwindSafe(poll)).is_err());
        }
    }
    for close in [false, true] {
        let refused: Rc<RefCell<Vec<bool>>> = Rc::default();
        let asks = Asks(refused.clone());
        let executor = Executor::builder().on_unhandled(|_| {}).build();
        let waits = finally(pending::<()>(), async |_: Option<&()>| pending().await);
        executor.spawn(async move { (asks, waits.await) }).detach();
        executor.run_until_stalled();
        if close {
            drop(executor.close(Duration::ZERO))
        } else {
            drop(executor)
        }
        assert_eq!(refused.take(), [true]);
    }
}

#[test]
fn fault_45_a_detached_task_is_freed_if_its_request_ends_the_executor_on_the_spot() {
    for kind in 0..4 {
        let drops = Drops::default();
        let place: Rc<RefCell<Option<Executor>>> = Rc::default();
        let (armed, drop_it) = (Rc::new(Cell::new(false)), place.clone());
        let is_armed = armed.clone();
        let callback = move || {
            if is_armed.get() {
                drop(drop_it.take())
            }
        };
        let executor = Executor::builder().on_wake_local(callback).on_unhandled(|_| {}).build();
        let handed: Rc<RefCell<Option<Task<DropGuard>>>> = Rc::default();
        let (out, value) = (handed.clone(), drops.guard());
        let main = executor.spawn(finally(pending::<()>(), async move |_: Option<&()>| {
            // A task of clean-up's. The first kind is polled once more when it is cancelled, and has a value then.
            *out.borrow_mut() = Some(spawn(async move {
                match kind {
                    0 => shield(ready_at_second()).await,
                    1 => pending().await,
                    2 => shield(pending()).await,
                    _ => {
                        let _bomb = on_drop(|| panic!("the future"));
                        pending().await
                    }
                }
                value
            }));
            pending::<()>().await
        }));
        executor.run_until_stalled();
        executor.begin_close();
        while executor.run_until_stalled().readiness == Readiness::MoreReady {}
        *place.borrow_mut() = Some(executor);
        let mut task = handed.take().unwrap();
        if kind == 1 {
            // Somebody waits for it, with a waker that owns memory.
            let waker = Waker::from(Arc::new(Host::default()));
            assert!(Pin::new(&mut task).poll(&mut Context::from_waker(&waker)).is_pending());
        }
        armed.set(true);
        task.detach();
        assert!(place.borrow().is_none(), "{kind}: the request has ended the executor");
        // Miri looks for the block.
        assert_eq!(drops.count(), 1, "{kind}");
        drop(main);
    }
}

fn ready_at_second() -> impl Future<Output = ()> {
    let mut first = true;
    poll_fn(move |_| if std::mem::take(&mut first) { Poll::Pending } else { Poll::Ready(()) })
}
