//! A panic over a mistake of the caller's names the caller's line.

use crate::tidy::raw_room::{code, sources};
use evenkeel::{
    CancelReason, CancelScope, Executor, Handle, Instant, JoinError, TaskGroup, combinator, current_task,
    group::{Mapped, OnFailure, Restart},
    interval, map_concurrent, run, spawn,
    sync::{
        AdaptiveLimiter, Barrier, Condition, LoopTimer, Mutex, MutexGuard, RateLimiter, RwLock, Semaphore, broadcast,
    },
    task::{TaskLocal, spawner},
    testing,
    threads::{RemoteTask, ThreadLimiter, ToThread, remote},
    time::interval_at,
    to_thread, yield_now,
};
use evenkeel_testkit::place_of_panic;
use futures::{FutureExt, Stream, poll};
use std::{
    collections::BTreeSet,
    future::{Ready, pending, ready},
    panic::Location,
    pin::pin,
    rc::Rc,
    task::Waker,
    time::Duration,
};

/// A call that panics: the function in its file, the line of the call, and the call.
struct Case(&'static str, u32, Box<dyn FnOnce()>);

/// `case!("the file's path" "the function", the call)`
macro_rules! case {
    ($name:literal, $call:expr) => {
        Case(
            $name,
            line!(),
            Box::new(move || {
                unused($call);
            }),
        )
    };
}

fn unused<T>(_: T) {}

const SECOND: Duration = Duration::from_secs(1);

fn outside() -> Vec<Case> {
    static KEY: TaskLocal<u8> = TaskLocal::new();
    vec![
        case!("task/current.rs current_task", current_task()),
        case!("task/local.rs set", KEY.set(1)),
        case!("task/spawn.rs spawn", spawn(async {})),
        case!("task/spawn.rs spawn_at", combinator::spawn_at(Location::caller(), async {})),
        case!("task/spawn.rs spawn", combinator::Loose::spawn(Location::caller(), |_| async {})),
        case!("task/spawn.rs spawner", spawner()),
        case!("threads/handle.rs current", Handle::current()),
        case!("cancel/branch.rs poll_branches", combinator::poll_branches(|_| ())),
        case!("wake/wake_set.rs begin", combinator::WakeSet::new().begin(Waker::noop())),
    ]
}

/// Mistakes within a task: what is driven there, spawned where there is no room, or into what cannot take it.
fn inside() -> Vec<Case> {
    let nested = |drive: fn(&Executor)| {
        let executor = Executor::new();
        run(async move { drive(&executor) });
    };
    let own = |drive: fn(&Executor)| {
        let executor = Rc::new(Executor::new());
        let itself = executor.clone();
        executor.run(async move { drive(&itself) });
    };
    async fn stopped() {
        current_task().cancel("nobody asks for the outcome");
        pending().await
    }
    let full = || Executor::builder().max_tasks(1).build();
    vec![
        case!("src/run.rs run", run(async { run(async {}) })),
        case!("host/builder.rs run", run(async { Executor::builder().run(async {}) })),
        case!("host/executor.rs run", nested(|executor| executor.run(async {}))),
        case!("host/executor.rs run_outcome", nested(|executor| drop(executor.run_outcome(async {})))),
        case!("host/executor.rs close", run(async { Executor::new().close(SECOND) })),
        case!("host/executor.rs park", nested(|executor| executor.park(SECOND))),
        case!("host/tick.rs tick", own(|executor| assert!(executor.tick(SECOND).polled > 0))),
        case!("host/tick.rs run_until_stalled", own(|executor| assert!(executor.run_until_stalled().polled > 0))),
        case!("src/run.rs run", run(stopped())),
        case!("src/testing.rs run", testing::run(stopped())),
        case!("host/executor.rs run", Executor::builder().max_tasks(0).build().run(async {})),
        case!("host/executor.rs run_outcome", Executor::builder().max_tasks(0).build().run_outcome(async {})),
        case!("host/builder.rs run", Executor::builder().max_tasks(0).run(async {})),
        case!("host/executor.rs spawn", Executor::builder().max_tasks(0).build().spawn(async {})),
        case!("task/spawn.rs spawn", full().run(async { spawn(async {}) })),
        case!("task/spawn.rs spawn_at", full().run(async { combinator::spawn_at(Location::caller(), async {}) })),
        case!("task/spawn.rs spawn", full().run(async { combinator::Loose::spawn(Location::caller(), |_| async {}) })),
    ]
}

fn groups() -> Vec<Case> {
    /// Calls `f` in a group whose executor has no room for a child.
    fn in_full(f: fn(&TaskGroup<u8>)) {
        let group = TaskGroup::<u8>::builder().limit(1).run(async |group| {
            f(&group);
            Ok(())
        });
        let _ = Executor::builder().max_tasks(1).build().run(group);
    }
    /// Calls `f` in a group that never has a slot.
    fn in_empty(f: fn(&TaskGroup<u8>)) {
        let group = TaskGroup::<u8>::builder().limit(0).run(async |group| {
            f(&group);
            Ok(())
        });
        let _ = run(group);
    }
    vec![
        case!("group/task_group.rs spawn", in_full(|group| drop(group.spawn(async { Ok(()) })))),
        case!("group/task_group.rs spawn_background", in_full(|group| drop(group.spawn_background(async { Ok(()) })))),
        case!("group/task_group.rs spawn_group", in_full(|group| drop(group.spawn_group(async |_| Ok(()))))),
        case!("group/group_slot.rs spawn", in_full(|group| drop(group.try_slot().unwrap().spawn(async { Ok(()) })))),
        case!("group/group_slot.rs slot", in_empty(|group| drop(group.slot()))),
        case!("join_set/spawn.rs spawn", in_full(|group| drop(group.join_set().spawn(async {})))),
        case!("join_set/spawn.rs spawn_into", {
            in_full(|group| drop(group.try_slot().unwrap().spawn_into(&group.join_set(), async {})))
        }),
        case!("supervisor/spawn.rs spawn_restarting", {
            in_full(|group| drop(group.spawn_restarting(Restart::never(), async || ())))
        }),
        case!("supervisor/spawn.rs spawn_restarting", {
            in_full(|group| drop(group.try_slot().unwrap().spawn_restarting(Restart::never(), async || ())))
        }),
        case!("supervisor/supervisor.rs spawn_supervisor", {
            in_full(|group| drop(group.spawn_supervisor(OnFailure::Report, async |_| Ok(()))))
        }),
    ]
}

/// Numbers that make no sense, and what was used up.
fn others() -> Vec<Case> {
    fn limits() -> AdaptiveLimiter {
        AdaptiveLimiter::new(SECOND)
    }
    let (free, other) = (Rc::new(Semaphore::new(usize::MAX)), Rc::new(Semaphore::new(1)));
    let (one, two) = (free.clone(), other.clone());
    /// Calls `f` with a guard that lost its lock.
    fn lost(f: fn(MutexGuard<u8>)) {
        let (mutex, changed) = (Mutex::new(1), Condition::new());
        let mut guard = mutex.try_lock().unwrap();
        assert!(changed.wait(&mut guard).now_or_never().is_none());
        f(guard);
    }
    let set = combinator::WakeSet::new();
    set.insert();
    vec![
        case!("time/interval.rs interval", interval(Duration::ZERO)),
        case!("time/interval.rs interval_at", interval_at(Instant::NEVER, Duration::ZERO)),
        case!("host/builder.rs max_threads", Executor::builder().max_threads(0)),
        case!("host/builder.rs thread_name", Executor::builder().thread_name("zero\0")),
        case!("threads/limiter.rs new", ThreadLimiter::new(0)),
        case!("remote/mod.rs channel", remote::channel::<u8>(0)),
        case!("remote/blocking.rs recv_blocking", run(async { remote::channel::<u8>(1).1.recv_blocking() })),
        case!(
            "remote/blocking.rs recv_blocking_timeout",
            run(async { remote::channel::<u8>(1).1.recv_blocking_timeout(SECOND) })
        ),
        case!("collect/map_concurrent.rs map_concurrent", map_concurrent([1], 0, async |n: u8| n)),
        case!("src/barrier.rs new", Barrier::new(0)),
        case!("broadcast/mod.rs channel", broadcast::channel::<u8>(0)),
        case!("broadcast/sender.rs new", broadcast::Sender::<u8>::new(0)),
        case!("src/adaptive_limiter.rs limits", limits().limits(0, 1, 2)),
        case!("src/adaptive_limiter.rs limits", limits().limits(2, 1, 2)),
        case!("src/rate_limiter.rs new", RateLimiter::new(0, SECOND)),
        case!("src/rate_limiter.rs with_timer", RateLimiter::with_timer(1, Duration::ZERO, LoopTimer)),
        case!("src/rate_limiter.rs burst", RateLimiter::new(1, SECOND).burst(0)),
        case!("src/permit.rs merge", one.try_acquire().unwrap().merge(two.try_acquire().unwrap())),
        case!("src/permit.rs merge", free.try_acquire_owned().unwrap().merge(other.try_acquire_owned().unwrap())),
        case!("src/semaphore.rs add_permits", Semaphore::new(usize::MAX).add_permits(1)),
        case!("src/rw_lock.rs with_max_readers", RwLock::with_max_readers(1, 0)),
        case!("src/mutex_guard.rs map", lost(|guard| drop(MutexGuard::map(guard, |value| value)))),
        case!("src/mutex_guard.rs try_map", lost(|guard| drop(MutexGuard::try_map(guard, |value| Some(value))))),
        case!("wake/wake_set.rs insert_all", set.insert_all(2)),
    ]
}

/// What was used up, or has begun.
fn used_up() -> Vec<Case> {
    /// Calls `f` on a task of a handle's that has given its outcome away.
    fn again(f: fn(&mut RemoteTask<()>)) {
        let executor = Executor::new();
        let mut task = executor.handle().spawn(|| async {}).unwrap();
        executor.run_until_stalled();
        task.wait().unwrap();
        f(&mut task);
    }
    /// Calls `f` when the call has begun to wait.
    fn begun(f: fn(ToThread<()>)) {
        let mut call = to_thread(|| ());
        run(async {
            let _ = poll!(&mut call);
        });
        f(call);
    }
    /// Calls `f` when an output was fetched.
    fn fetched() -> Mapped<impl Stream<Item = u8>, impl FnMut(u8) -> Ready<u8>, Ready<u8>> {
        let mut outputs = map_concurrent([1, 2], 1, |n: u8| ready(n));
        run(async { assert_eq!(outputs.next().await, Some(1)) });
        outputs
    }
    /// Calls `f` with a task that has given its outcome away.
    fn spent(f: fn(combinator::Loose<()>)) {
        run(async {
            let mut task = combinator::Loose::new(spawn(async {}));
            yield_now().await;
            task.take_value().unwrap();
            f(task);
        });
    }
    vec![
        case!("outcome/join_error.rs into_panic", {
            let cancelled = JoinError::Cancelled(CancelReason::Shutdown);
            cancelled.into_panic()
        }),
        case!("task/loose.rs take_error", spent(|mut task| drop(task.take_error()))),
        case!("threads/remote_task.rs wait", again(|task| drop(task.wait()))),
        case!("threads/to_thread.rs limited_by", begun(|call| drop(call.limited_by(&ThreadLimiter::new(1))))),
        case!("collect/map_concurrent.rs unordered", fetched().unordered()),
        case!("raw/pinned.rs put", pin!(combinator::PinnedRow::new()).as_mut().put(1, 1)),
        case!("cancel/nest.rs new", {
            let scope = CancelScope::new();
            drop(combinator::Nest::new(&scope, Location::caller(), pending::<()>()));
            combinator::Nest::new(&scope, Location::caller(), pending::<()>())
        }),
        case!("raw/place.rs put", {
            let mut place = pin!(combinator::Place::new(1));
            place.as_mut().put(2)
        }),
    ]
}

fn cases() -> impl Iterator<Item = Case> {
    [outside(), inside(), groups(), others(), used_up()].into_iter().flatten()
}

#[test]
fn met_c6_a_panic_names_the_line_of_the_call() {
    for Case(name, line, call) in cases() {
        let (file, panicked) = place_of_panic(call);
        assert!(file.ends_with("met/callers.rs"), "{name} names {file}:{panicked}");
        assert!((line..line + 5).contains(&panicked), "{name} is called at {line} and names {panicked}");
    }
}

/// Functions that have no case here, though they document a panic.
const WITHOUT: &[(&str, &[&str])] = &[
    (
        "it comes from a poll of the future that is returned, and a poll has no caller in the source",
        &[
            "cancel/cleanup.rs finally",
            "raw/hand_over.rs hand_over",
            "cancel/cleanup.rs settle",
            "cancel/cleanup.rs settle_at",
            "cancel/cleanup.rs shield",
            "cancel/deadline.rs timeout",
            "cancel/deadline.rs timeout_at",
            "cancel/deadline.rs run",
            "cancel/scope.rs run",
            "cancel/until_cancelled.rs run_until_cancelled",
            "threads/to_thread.rs to_thread",
            "threads/to_thread.rs to_thread_with",
            "time/sleep.rs sleep",
            "time/sleep.rs sleep_until",
            "task/local.rs scope",
            "task/task.rs outcome",
            "src/condition.rs wait",
            "src/condition.rs wait_for",
            "src/event.rs wait_owned",
            "src/once_cell.rs wait",
            "src/set_once.rs wait",
            "collect/as_completed.rs next",
            "collect/as_completed.rs cancel",
            "collect/gather.rs gather",
            "collect/gather.rs try_gather",
            "collect/race.rs race",
            "collect/race.rs race_biased",
            "collect/race.rs first_ok",
            "group/start.rs start",
            "group/start.rs outcome",
            "group/task_group.rs run",
            "supervisor/supervisor.rs run",
            "group/join_handle.rs outcome",
            "scope/run.rs scope",
            "scope/scoped_handle.rs outcome",
        ],
    ),
    (
        "a process of its own has too many executors: executor/tests/ids.rs",
        &["host/builder.rs build", "host/executor.rs new"],
    ),
    ("it needs a handler of the signal that another has set", &["host/builder.rs cancel_on_ctrl_c"]),
    ("it needs as many children as there are numbers", &["wake/wake_set.rs insert"]),
    (
        "std has no clock there, and says so itself",
        &["time/time.rs now", "time/time.rs from_std", "time/time.rs into_std"],
    ),
    (
        "it sleeps where no executor is, as sleep does, which is held to it",
        &[
            "tcp/listener.rs accept",
            "unix/listener.rs accept",
            "unix/datagram.rs send_to",
            "unix/datagram.rs send_to_addr",
        ],
    ),
    ("it is the panic of a foreign waker", &["wake/waker_cell.rs keep"]),
];

/// The functions of the published crates that document a panic: the last two parts of the file's path and the name.
fn documented() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (file, text) in sources() {
        let parts: Vec<&str> = file.rsplit('/').take(2).collect();
        let mut panics = false;
        for line in text.lines().map(str::trim) {
            if line.starts_with("///") {
                panics |= line == "/// # Panics";
            } else if !line.starts_with("#[") {
                let function =
                    ["pub fn ", "pub async fn ", "pub const fn "].into_iter().find_map(|is| line.strip_prefix(is));
                if let (true, Some(function)) = (panics, function) {
                    let name = function.split(['(', '<']).next().unwrap_or("");
                    found.insert(format!("{}/{} {name}", parts[1], parts[0]));
                }
                panics = false;
            }
        }
    }
    found
}

#[test]
fn met_c6_every_function_that_documents_a_panic_is_held_to_it() {
    let held: BTreeSet<String> = cases().map(|case| case.0.to_owned()).collect();
    let without: BTreeSet<String> =
        WITHOUT.iter().flat_map(|(_, names)| *names).map(|name| (*name).to_owned()).collect();
    let known: BTreeSet<String> = held.union(&without).cloned().collect();
    let documented = documented();
    let new: Vec<&String> = documented.difference(&known).collect();
    assert!(new.is_empty(), "these document a panic: give each a case here, and `#[track_caller]`: {new:?}");
    let gone: Vec<&String> = known.difference(&documented).collect();
    assert!(gone.is_empty(), "these document no panic any more: {gone:?}");
    let both: Vec<&String> = held.intersection(&without).collect();
    assert!(both.is_empty(), "{both:?}");
}

#[test]
fn met_c6_no_closure_hides_who_called() {
    for (file, text) in sources() {
        // Tests of a file's own stand at its end.
        for line in code(&text).take_while(|line| !line.starts_with("#[cfg(test)]") && !line.starts_with("mod tests")) {
            let hides = line.contains("_or_else(|")
                && ["panic!", "_outside(", "_taken("].iter().any(|ends| line.contains(ends));
            assert!(
                !hides,
                "{file} panics in a closure, which names its own place: use `match` or `or_panic`:\n{line}"
            );
        }
    }
}
