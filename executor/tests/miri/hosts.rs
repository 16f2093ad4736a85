//! Callbacks of the host's that panic, or that end things which the executor is about to use.

use crate::tools::{Drops, OnDrop, on_drop};
use evenkeel_executor::{
    Clock, Executor, Instant, Readiness, Task, TaskLocal, sleep,
    testing::{Choice, Schedule},
    yield_now,
};
use std::{
    cell::{Cell, RefCell},
    future::pending,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    rc::Rc,
    task::{Context, Waker},
    time::Duration,
};

fn quietly<R>(f: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(f)).ok()
}

/// A schedule and a clock that panic when they are told to, once.
#[derive(Clone, Default)]
struct Breaks(Rc<Cell<bool>>);

impl Schedule for Breaks {
    fn choose(&mut self, _: Choice, _: usize) -> usize {
        assert!(!self.0.replace(false), "the schedule");
        0
    }
}

impl Clock for Breaks {
    fn now(&self) -> Instant {
        assert!(!self.0.replace(false), "the clock");
        Instant::from_origin(Duration::from_millis(1))
    }
}

fn waiting(executor: &Executor, drops: &Drops) -> Task<()> {
    let guard = drops.guard();
    executor.spawn(async move {
        let _guard = guard;
        pending::<()>().await
    })
}

#[test]
fn a_schedule_that_panics_while_the_executor_ends() {
    let breaks = Breaks::default();
    let drops = Drops::default();
    let executor = Executor::builder().schedule(breaks.clone()).build();
    let guard = drops.guard();
    let ended = executor.spawn(async move { guard });
    let live = waiting(&executor, &drops);
    executor.run_until_stalled();
    breaks.0.set(true);
    quietly(|| drop(executor));
    live.cancel("late");
    drop((live, ended));
    assert_eq!(drops.count(), 2);
}

#[test]
fn a_schedule_that_panics_after_a_task_has_ended() {
    let breaks = Breaks::default();
    let drops = Drops::default();
    let executor = Executor::builder().schedule(breaks.clone()).on_unhandled(|_| {}).build();
    let guard = drops.guard();
    let set = breaks.clone();
    let ended = executor.spawn(async move {
        set.0.set(true);
        guard
    });
    let other = executor.spawn(yield_now());
    quietly(|| executor.run_until_stalled());
    quietly(|| executor.run_until_stalled());
    executor.run_until_stalled();
    assert!(ended.is_finished() && other.is_finished());
    drop(ended);
    assert_eq!(drops.count(), 1);
}

#[test]
fn a_clock_that_panics_while_the_executor_ends() {
    let breaks = Breaks::default();
    let drops = Drops::default();
    let executor = Executor::builder().clock(breaks.clone()).build();
    let live = waiting(&executor, &drops);
    let mut kept = sleep(Duration::from_millis(5));
    executor.run(async {
        assert!(Pin::new(&mut kept).poll(&mut Context::from_waker(Waker::noop())).is_pending());
    });
    breaks.0.set(true);
    quietly(|| drop(executor));
    live.cancel("late");
    drop((live, kept));
    assert_eq!(drops.count(), 1);
}

#[test]
fn a_hook_that_drops_its_executor() {
    let host: Rc<RefCell<Option<Executor>>> = Rc::default();
    let (mine, calls) = (host.clone(), Rc::new(Cell::new(0)));
    let count = calls.clone();
    let executor = Executor::builder()
        .on_unhandled(move |_| {
            let executor = mine.take();
            drop(executor);
            count.set(count.get() + 1);
        })
        .build();
    let unread: Task<()> = executor.spawn(async { panic!("unread") });
    executor.run_until_stalled();
    *host.borrow_mut() = Some(executor);
    drop(unread);
    assert_eq!(calls.get(), 1);
}

thread_local! {
    static HOST: RefCell<Option<Executor>> = const { RefCell::new(None) };
}

#[test]
fn an_on_wake_callback_that_drops_its_executor() {
    for drop_handle in [false, true] {
        let drops = Drops::default();
        let executor = Executor::builder().on_wake(|| drop(HOST.take())).build();
        let task = waiting(&executor, &drops);
        assert_eq!(executor.run_until_stalled().readiness, Readiness::Idle);
        HOST.set(Some(executor));
        if drop_handle {
            drop(task)
        } else {
            task.cancel("stop")
        }
        assert_eq!(drops.count(), 1);
    }
}

/// Of a size that is not used again.
#[repr(align(64))]
struct Alone(#[expect(dead_code, reason = "it makes a future large")] u8);

#[test]
fn an_on_wake_callback_that_drops_the_executor_of_a_task_that_nobody_has() {
    let drops = Drops::default();
    let executor = Executor::builder().on_wake(|| drop(HOST.take())).build();
    let (alone, counted) = (Alone(1), drops.guard());
    let task = executor.spawn(async move {
        let _both = (alone, counted);
        pending::<()>().await
    });
    let watched = task.task_ref().unwrap();
    task.detach();
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Idle);
    HOST.set(Some(executor));
    // Its block goes while the request for it is on the stack.
    watched.cancel("stop");
    assert_eq!(drops.count(), 1);
}

#[test]
fn an_on_wake_callback_that_panics_while_another_executors_task_ends() {
    let drops = Drops::default();
    let panics = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let fuse = panics.clone();
    let one = Executor::builder()
        .on_wake(move || assert!(!fuse.load(std::sync::atomic::Ordering::SeqCst), "on_wake"))
        .build();
    let other = Executor::builder().on_unhandled(|_| {}).build();
    let guard = drops.guard();
    let task = other.spawn(async move { guard });
    let joining = one.spawn(task);
    assert_eq!(one.run_until_stalled().readiness, Readiness::Idle);
    quietly(|| other.run_until_stalled());
    panics.store(false, std::sync::atomic::Ordering::SeqCst);
    one.run_until_stalled();
    assert!(joining.is_finished());
    drop((one, other, joining));
    assert_eq!(drops.count(), 1);
}

/// Sets another local while it is dropped, at its task's end; that one panics.
struct SetsABomb;
static SETS: TaskLocal<SetsABomb> = TaskLocal::new();
static BOMB: TaskLocal<OnDrop<fn()>> = TaskLocal::new();
impl Drop for SetsABomb {
    fn drop(&mut self) {
        BOMB.set(on_drop(|| panic!("late local")));
    }
}

#[test]
fn a_late_local_that_panics_when_its_block_is_freed() {
    for queued in [false, true] {
        let drops = Drops::default();
        let executor = Executor::builder().on_unhandled(|_| {}).build();
        let (first, second) = (drops.guard(), drops.guard());
        let task = executor.spawn(async move {
            SETS.set(SetsABomb);
            if queued {
                crate::tools::my_waker().await.wake();
            }
            first
        });
        quietly(|| executor.tick(evenkeel_executor::Budget::polls(1)));
        quietly(|| drop(task));
        quietly(|| executor.run_until_stalled());
        let task = executor.spawn(async move { second });
        executor.run_until_stalled();
        drop(task);
        assert_eq!(drops.count(), 2);
    }
}

/// A waker that owns memory.
struct Owned;
impl std::task::Wake for Owned {
    fn wake(self: std::sync::Arc<Self>) {}
}

#[test]
fn a_locals_destructor_drops_the_handle_that_somebody_waits_for() {
    type Own = Rc<RefCell<Option<Task<()>>>>;
    static KEY: TaskLocal<OnDrop<Box<dyn FnMut()>>> = TaskLocal::new();
    let own = Own::default();
    let executor = Executor::new();
    let mine = own.clone();
    let mut task = executor.spawn(async move {
        let take: Box<dyn FnMut()> = Box::new(move || drop(mine.take()));
        KEY.set(on_drop(take));
    });
    let waker = Waker::from(std::sync::Arc::new(Owned));
    assert!(Pin::new(&mut task).poll(&mut Context::from_waker(&waker)).is_pending());
    *own.borrow_mut() = Some(task);
    executor.run_until_stalled();
    assert!(own.borrow().is_none());
}

#[test]
fn a_joiner_that_is_stored_while_the_task_ends_is_dropped_and_its_panic_harms_nobody() {
    use crate::tools::{Op, bomb, defuse};
    for named in [false, true] {
        for after in [false, true] {
            let executor = Rc::new(Executor::builder().on_unhandled(|_| {}).build());
            let drops = Drops::default();
            let (guard, other) = (drops.guard(), drops.guard());
            let mut task = executor.spawn(async move { guard });
            if named {
                task = task.named("has extras");
            }
            // The old one panics when it is dropped; the new one lets the task end while it is cloned, and panics late.
            let old = bomb(|op| assert!(op != Op::Drop, "the old waker"));
            let (ticking, balance) = (Rc::downgrade(&executor), Rc::new(Cell::new(1)));
            let count = balance.clone();
            let new = bomb(move |op| match op {
                Op::Clone => {
                    count.set(count.get() + 1);
                    ticking.upgrade().unwrap().run_until_stalled();
                }
                Op::Drop => {
                    count.set(count.get() - 1);
                    assert!(count.get() != 1, "the new waker");
                }
                Op::Wake | Op::WakeByRef => {}
            });
            assert!(Pin::new(&mut task).poll(&mut Context::from_waker(&old)).is_pending());
            quietly(|| Pin::new(&mut task).poll(&mut Context::from_waker(&new)));
            assert!(task.is_finished());
            let second = executor.spawn(async move { other });
            executor.run_until_stalled();
            if after {
                drop(executor);
            }
            quietly(|| drop(task));
            drop(second);
            assert_eq!((drops.count(), balance.get()), (2, 1), "{named}, {after}");
            std::mem::forget(old);
            quietly(|| drop(new));
            defuse();
        }
    }
}

/// A clock whose destructor panics.
struct PanicsLast;
impl Clock for PanicsLast {
    fn now(&self) -> Instant {
        Instant::from_origin(Duration::ZERO)
    }
}
impl Drop for PanicsLast {
    fn drop(&mut self) {
        panic!("the clock's destructor");
    }
}

#[test]
fn outputs_that_panic_while_a_hook_drops_an_executor_whose_parts_panic() {
    #[derive(Debug)]
    struct Bomb(#[expect(dead_code, reason = "owned to be dropped")] Option<Task<Bomb>>);
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("output");
        }
    }
    let host: Rc<RefCell<Option<Executor>>> = Rc::default();
    let mine = host.clone();
    let executor = Executor::builder().clock(PanicsLast).on_unhandled(move |_| drop(mine.take())).build();
    let last = executor.spawn(async { Bomb(None) });
    let first = executor.spawn(async { Bomb(Some(last)) });
    executor.run_until_stalled();
    *host.borrow_mut() = Some(executor);
    // The first panic is the caller's, the second is reported: there the executor ends.
    quietly(|| drop(first));
    let drops = Drops::default();
    let next = Executor::new();
    let guard = drops.guard();
    let task = next.spawn(async move { guard });
    next.run_until_stalled();
    drop(task);
    assert_eq!(drops.count(), 1);
}

#[test]
fn an_on_wake_callback_that_panics_leaves_nothing_behind() {
    let panics = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let fuse = panics.clone();
    let executor = Executor::builder()
        .on_wake(move || assert!(!fuse.load(std::sync::atomic::Ordering::SeqCst), "on_wake"))
        .build();
    let drops = Drops::default();
    let tasks = [waiting(&executor, &drops), waiting(&executor, &drops)];
    let idle = || while executor.run_until_stalled().readiness == Readiness::MoreReady {};
    let set = |on| panics.store(on, std::sync::atomic::Ordering::SeqCst);
    for task in tasks {
        idle();
        set(true);
        quietly(|| drop(task));
        set(false);
    }
    waiting(&executor, &drops).detach();
    idle();
    set(true);
    quietly(|| waiting(&executor, &drops));
    set(false);
    drop(executor);
    // Miri looks for what is left.
    assert_eq!(drops.count(), 4);
}

#[test]
fn a_joiner_that_panics_when_it_is_dropped_after_the_task_has_ended() {
    let executor = Rc::new(Executor::builder().on_unhandled(|_| {}).build());
    let drops = Drops::default();
    let guard = drops.guard();
    let mut task = executor.spawn(async move { guard });
    let ticking = executor.clone();
    let first = crate::tools::bomb(move |op| {
        if op == crate::tools::Op::Drop {
            ticking.run_until_stalled();
            panic!("the old waker");
        }
    });
    let second = Waker::from(std::sync::Arc::new(Owned));
    assert!(Pin::new(&mut task).poll(&mut Context::from_waker(&first)).is_pending());
    quietly(|| Pin::new(&mut task).poll(&mut Context::from_waker(&second)));
    crate::tools::defuse();
    drop(task);
    assert_eq!(drops.count(), 1);
    drop(first);
}

#[test]
#[cfg_attr(miri, ignore = "what a panicking payload's panic carries is leaked on purpose, which Miri reports")]
fn payloads_that_panic_while_a_chain_of_outputs_is_dropped() {
    /// A payload whose own destructor panics.
    struct Payload;
    impl Drop for Payload {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("the payload");
            }
        }
    }
    /// A part of the executor that panics with it when it is dropped.
    struct Part;
    impl Schedule for Part {
        fn choose(&mut self, _: Choice, _: usize) -> usize {
            0
        }
    }
    impl Drop for Part {
        fn drop(&mut self) {
            std::panic::panic_any(Payload);
        }
    }
    let host: Rc<RefCell<Option<Executor>>> = Rc::default();
    let mine = host.clone();
    let executor = Executor::builder().schedule(Part).on_unhandled(move |_| drop(mine.take())).build();
    let inner = executor.spawn(async { on_drop(|| panic!("inner")) });
    let outer = executor.spawn(async move { (on_drop(|| panic!("outer")), inner) });
    executor.run_until_stalled();
    executor.run_until_stalled();
    *host.borrow_mut() = Some(executor);
    quietly(|| drop(outer));
    // The next output is dropped by its own handle, and not put on a list that is gone.
    let drops = Drops::default();
    let executor = Executor::new();
    let guard = drops.guard();
    let task = executor.spawn(async move { guard });
    executor.run_until_stalled();
    drop(task);
    assert_eq!(drops.count(), 1);
}
