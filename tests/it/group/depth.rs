//! Trees and chains of any depth are walked, cut, written and dropped on a small stack.

use crate::kit::{
    groups::run_with_reports,
    probe::{Record, on_a_small_stack},
};
use evenkeel::{
    CancelReason, Executor, GroupError, Handle, Task, TaskGroup, finally,
    group::{Failure, JoinHandle},
    host::UnhandledKind,
    run, spawn,
    task::Panic,
    threads::RemoteTask,
    to_thread, yield_now,
};
use std::{
    error::Error,
    fmt,
    future::pending,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    thread,
};

const DEPTH: usize = 20_000;

/// The body of a group in a group in a group …; each has an error of its own besides.
fn nest(group: &TaskGroup<usize>, depth: usize) -> Result<(), usize> {
    if depth == 0 {
        return Err(0);
    }
    let here = group.clone();
    group.spawn(finally(pending(), async move |_: Option<&Result<(), usize>>| here.report(depth)));
    group.spawn_group(async move |inner| nest(&inner, depth - 1)).named(format!("group {depth}"));
    Ok(())
}

async fn nested(depth: usize) -> GroupError<usize> {
    TaskGroup::run(async |group| nest(&group, depth)).await.unwrap_err()
}

/// How many levels there are, by the first group in each.
fn depth<E>(error: &GroupError<E>) -> usize {
    let mut depth = 0;
    let mut level = Some(error);
    while let Some(group) = level {
        depth += 1;
        level = group.children().iter().find_map(|child| match &child.error {
            Failure::Group(group) => Some(group),
            _ => None,
        });
    }
    depth
}

#[test]
fn fault_15_a_deep_tree_of_errors_is_cut_and_written_on_a_small_stack() {
    on_a_small_stack(|| {
        let error = run(nested(DEPTH));
        assert_eq!(error.errors().count(), DEPTH + 1);
        let mut sources = 0;
        let mut next: Option<&dyn Error> = error.source();
        while let Some(source) = next {
            sources += 1;
            next = source.source();
        }
        assert_eq!(sources, DEPTH + 1);
        for text in [format!("{error:?}"), format!("{error:#?}"), format!("{error}")] {
            assert!(text.len() < 10_000_000, "a text of {} bytes", text.len());
        }
        let (even, odd) = error.split(|error| error % 2 == 0);
        let (even, odd) = (even.unwrap(), odd.unwrap());
        assert_eq!((depth(&even), depth(&odd)), (DEPTH + 1, DEPTH), "there is nothing odd in the innermost");
        let (none, odd) = odd.split(|error| error % 2 == 0);
        assert!(none.is_none());
        assert_eq!(odd.unwrap().into_errors().len(), DEPTH / 2);
        assert_eq!(even.into_first(), Some(0));
    });
}

#[test]
fn fault_15_a_panic_in_the_middle_of_a_split_drops_all_on_a_small_stack() {
    on_a_small_stack(|| {
        let error = run(nested(DEPTH));
        let split = catch_unwind(AssertUnwindSafe(|| error.split(|&error| error > 0 || panic!("the innermost"))));
        assert!(split.is_err());
    });
}

#[test]
fn group_16_halves_keep_names_places_and_reasons() {
    let whole = run(async {
        let tidy = |group: &TaskGroup<usize>, error| {
            let here = group.clone();
            finally(pending(), async move |_: Option<&Result<(), usize>>| here.report(error))
        };
        let outcome = TaskGroup::run(async |group| {
            group.spawn(tidy(&group, 1));
            group.spawn_group(async move |inner| tidy(&inner, 2).await);
            yield_now().await;
            group.cancel("enough");
            pending::<Result<(), usize>>().await
        });
        outcome.await.unwrap_err()
    });
    let enough = CancelReason::from("enough");
    assert_eq!((whole.errors().count(), whole.reason()), (2, Some(&enough)));
    let (liked, others) = whole.split(|&error| error == 1);
    assert_eq!(liked.unwrap().reason(), Some(&enough));
    assert_eq!(others.unwrap().reason(), Some(&enough));

    let (liked, others) = run(nested(3)).split(|&error| error == 0 || error == 3);
    let names = |error: &GroupError<usize>| -> Vec<String> {
        let mut names = Vec::new();
        let mut level = Some(error);
        while let Some(group) = level.take() {
            for child in group.children() {
                assert!(child.location.file().ends_with("depth.rs"));
                names.extend(child.name.as_deref().map(str::to_owned));
                match &child.error {
                    Failure::One(error) => names.push(error.to_string()),
                    Failure::Group(group) => level = Some(group),
                    _ => unreachable!("only a supervisor has others"),
                }
            }
        }
        names
    };
    assert_eq!(names(&liked.unwrap()), ["group 3", "3", "group 2", "group 1", "0"]);
    assert_eq!(names(&others.unwrap()), ["group 3", "group 2", "2", "1"]);
}

#[test]
fn group_16_debug_nests_sixteen_groups_and_writes_what_is_below_side_by_side() {
    let data = |error| format!("{error:#?}").split_whitespace().collect::<String>();
    let text = data(run(nested(15)));
    assert_eq!((text.matches("GroupError").count(), text.matches("errors").count()), (16, 0));

    let text = data(run(nested(19)));
    assert_eq!((text.matches("GroupError").count(), text.matches("children").count()), (17, 16));
    assert!(text.contains("GroupError{errors:[0,1,2,3,],reason:None,}"), "{text}");
}

#[test]
fn fault_15_the_library_writes_a_deep_tree_on_a_small_stack() {
    on_a_small_stack(|| {
        let (outcome, reports) = run_with_reports(async {
            let work = TaskGroup::run(async |group| {
                group.spawn_group(async move |inner| nest(&inner, DEPTH));
                group.spawn(finally(pending(), async |_: Option<&Result<(), usize>>| panic!("beside it")));
                Ok(())
            });
            spawn(work).await.map(drop)
        });
        assert!(outcome.is_err());
        assert_eq!(reports.len(), 1);
        assert!(reports[0].starts_with("error: 20001 errors in a task group\n"), "{}", &reports[0][..100]);
    });
}

/// An error that holds a group's.
struct Wrap(Option<GroupError<Wrap>>);

impl Error for Wrap {}

impl fmt::Debug for Wrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(group) => write!(f, "Wrap({group:?})"),
            None => panic!("the innermost"),
        }
    }
}

impl fmt::Display for Wrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(group) => write!(f, "wrapped: {group}"),
            None => panic!("the innermost"),
        }
    }
}

fn wrapped(depth: usize) -> GroupError<Wrap> {
    let fail = |error| run(TaskGroup::run(async |_| Err::<(), _>(error))).unwrap_err();
    (0..depth).fold(fail(Wrap(None)), |error, _| fail(Wrap(Some(error))))
}

#[test]
fn fault_15_errors_that_hold_group_errors_are_written_on_a_small_stack() {
    on_a_small_stack(|| {
        let error = wrapped(1000);
        // If this fails, the stack overflows: what is dropped then is nested.
        let counts = |text: String| ["Wrap(", "wrapped", "└─ …"].map(|what| text.matches(what).count());
        let found = [format!("{error}"), format!("{error:?}"), format!("{error:#?}")].map(counts);
        if found != [[0, 65, 1], [0, 65, 1], [1, 64, 1]] {
            eprintln!("{found:?}");
        }
        assert_eq!(found, [[0, 65, 1], [0, 65, 1], [1, 64, 1]]);
        // A panic in one leaves the next as it would be.
        let inner = wrapped(5);
        assert!(catch_unwind(AssertUnwindSafe(|| format!("{inner:?}"))).is_err());
        assert!(catch_unwind(AssertUnwindSafe(|| format!("{inner}"))).is_err());
        assert_eq!(format!("{error:?}").matches("wrapped").count(), 65);
        let mut next = Some(error);
        while let Some(error) = next {
            next = error.into_first().and_then(|mut wrap| wrap.0.take());
        }
    });
}

const LENGTH: usize = 100_000;

/// Counts its drops, on any thread.
#[derive(Clone, Debug, Default)]
struct Drops(Arc<AtomicUsize>);

impl Drops {
    fn count(&self) -> usize {
        self.0.load(SeqCst)
    }
}

/// What is dropped with a link of a chain.
#[derive(Debug)]
struct Guard {
    drops: Drops,
    says: &'static str,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.drops.0.fetch_add(1, SeqCst);
        if !self.says.is_empty() {
            panic!("{}", self.says);
        }
    }
}

/// A task's output that owns the handle of the task before.
#[derive(Debug)]
struct Link<H> {
    _guard: Guard,
    _before: Option<H>,
}

#[derive(Debug)]
struct Remote {
    _link: Link<RemoteTask<Remote>>,
}

/// A chain of tasks that have ended: the last one's handle.
async fn remote_chain(drops: &Drops, says: impl Fn(usize) -> &'static str) -> RemoteTask<Remote> {
    let handle = Handle::current();
    let mut last = None;
    for n in 0..LENGTH {
        let link = Link { _guard: Guard { drops: drops.clone(), says: says(n) }, _before: last };
        last = Some(handle.spawn(move || async move { Remote { _link: link } }).unwrap());
    }
    let last = last.unwrap();
    while !last.is_finished() {
        yield_now().await;
    }
    last
}

#[test]
fn fault_15_a_chain_of_remote_tasks_is_dropped_on_a_small_stack() {
    on_a_small_stack(|| {
        let drops = Drops::default();
        run(async {
            let last = remote_chain(&drops, |_| "").await;
            assert_eq!(drops.count(), 0);
            drop(last);
            assert_eq!(drops.count(), LENGTH, "all are gone when the call returns");
        });
    });
}

#[test]
fn fault_15_a_chain_of_remote_tasks_is_dropped_elsewhere_and_after_its_executor() {
    on_a_small_stack(|| {
        let drops = Drops::default();
        let last = run(remote_chain(&drops, |_| ""));
        let there = thread::Builder::new().stack_size(256 * 1024).spawn(move || drop(last)).unwrap();
        there.join().unwrap();
        assert_eq!(drops.count(), LENGTH);
    });
}

#[test]
fn fault_15_a_chain_of_remote_tasks_that_nobody_is_left_to_get_is_dropped_on_a_small_stack() {
    on_a_small_stack(|| {
        let drops = Drops::default();
        run(async {
            // As the output of a task of this thread, of one that is detached, and of a job.
            let last = remote_chain(&drops, |_| "").await;
            drop(spawn(async { last }).await.unwrap());
            assert_eq!(drops.count(), LENGTH);
            let last = remote_chain(&drops, |_| "").await;
            spawn(async { last }).detach();
            let last = remote_chain(&drops, |_| "").await;
            Handle::current().spawn(move || async move { last }).unwrap().detach();
            while drops.count() < 3 * LENGTH {
                yield_now().await;
            }
            let last = remote_chain(&drops, |_| "").await;
            evenkeel::to_thread(move || drop(last)).await;
            assert_eq!(drops.count(), 4 * LENGTH);
        });
    });
}

#[test]
fn fault_15_panics_in_a_chain_are_all_reported() {
    on_a_small_stack(|| {
        let drops = Drops::default();
        let ((), mut reports) = run_with_reports(async {
            let says = |n: usize| match LENGTH - n {
                1 => "the last",
                100 => "one before",
                LENGTH => "the very first",
                _ => "",
            };
            let last = remote_chain(&drops, says).await;
            drop(last);
        });
        reports.sort();
        assert_eq!(reports, ["panic: one before", "panic: the last", "panic: the very first"]);
        assert_eq!(drops.count(), LENGTH);
    });
}

#[derive(Debug)]
struct Local {
    _link: Link<Task<Local>>,
}

#[derive(Debug)]
struct Child {
    _link: Link<JoinHandle<Child>>,
}

/// Siblings: handles of one thread.
#[test]
fn fault_15_chains_of_tasks_and_children_are_dropped_on_a_small_stack() {
    on_a_small_stack(|| {
        let drops = Drops::default();
        run(async {
            let mut last = None;
            for _ in 0..LENGTH {
                let link = Link { _guard: Guard { drops: drops.clone(), says: "" }, _before: last };
                last = Some(spawn(async { Local { _link: link } }));
            }
            while !last.as_ref().is_none_or(Task::is_finished) {
                yield_now().await;
            }
            drop(last);
            assert_eq!(drops.count(), LENGTH);
            let outcome = TaskGroup::<String>::run(async |group| {
                let mut last = None;
                for _ in 0..LENGTH {
                    let link = Link { _guard: Guard { drops: drops.clone(), says: "" }, _before: last };
                    last = Some(group.spawn(async { Ok(Child { _link: link }) }));
                }
                Ok(last)
            });
            drop(outcome.await.unwrap());
            assert_eq!(drops.count(), 2 * LENGTH);
        });
    });
}

/// Siblings: what a panic carries.
#[test]
fn fault_15_a_panic_that_carries_a_panic_is_dropped_on_a_small_stack() {
    on_a_small_stack(|| {
        let drops = Drops::default();
        let first = Panic::new(Box::new(Guard { drops: drops.clone(), says: "" }));
        let last = (1..LENGTH).fold(first, |panic, _| Panic::new(Box::new(panic)));
        drop(last);
        assert_eq!(drops.count(), 1);
        // A payload that is taken is nobody else's.
        let payload = Panic::new(Box::new(Guard { drops: drops.clone(), says: "" })).into_payload();
        assert_eq!(drops.count(), 1);
        assert!(payload.is::<Guard>());
    });
}

/// What a hook drops is dropped after what it was told of.
#[test]
fn fault_15_a_chain_of_tasks_that_panicked_with_one_another_is_reported_once() {
    on_a_small_stack(|| {
        let reports = Record::new();
        let says = reports.clone();
        let executor = Executor::builder()
            .on_unhandled(move |unhandled| {
                if let UnhandledKind::TaskPanicked(panic) = unhandled.kind() {
                    says.add(panic.message().to_owned());
                }
            })
            .build();
        executor.run(async {
            let mut last = spawn(async { std::panic::panic_any("the first") });
            for _ in 0..1000 {
                let before = last;
                last = spawn(async {
                    if let Err(error) = before.await {
                        std::panic::panic_any(error)
                    }
                });
            }
            while !last.is_finished() {
                yield_now().await;
            }
            drop(last);
        });
        assert_eq!(reports.take(), ["(a payload that is not text)"]);
    });
}

/// Waits in its destructor for what another one's does.
#[derive(Debug)]
struct Waits(Option<RemoteTask<Tells>>, mpsc::Receiver<()>, Arc<AtomicBool>);

#[derive(Debug)]
struct Tells(#[expect(dead_code, reason = "owned to be dropped")] mpsc::Sender<()>);

impl Drop for Waits {
    fn drop(&mut self) {
        drop(self.0.take());
        self.2.store(self.1.try_recv() == Err(mpsc::TryRecvError::Disconnected), SeqCst);
    }
}

#[test]
fn fault_15_a_destructor_finds_what_it_has_dropped_gone() {
    let is_gone = Arc::new(AtomicBool::new(false));
    let told = is_gone.clone();
    run(async {
        let handle = Handle::current();
        to_thread(move || {
            let (sender, receiver) = mpsc::channel();
            let tells = handle.spawn(move || async move { Tells(sender) }).expect("the loop runs");
            while !tells.is_finished() {
                std::thread::yield_now();
            }
            let waits = handle.spawn(move || async move { Waits(Some(tells), receiver, told) }).expect("the loop runs");
            while !waits.is_finished() {
                std::thread::yield_now();
            }
            drop(waits);
        })
        .await;
    });
    assert!(is_gone.load(SeqCst));
}
