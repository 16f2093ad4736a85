//! `to_thread`: what asyncio's has, and what becomes of panics.

use crate::kit::{
    gates::{Gate, until},
    probe::{Drops, Wakes, panic_of},
};
use evenkeel::{Executor, Handle, JoinError, host::UnhandledKind, run, spawn, task::TaskLocal, to_thread, yield_now};
use futures::FutureExt;
use std::{
    cell::RefCell,
    rc::Rc,
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::Context,
    thread,
};

#[test]
fn test_threads_to_thread() {
    assert_eq!(run(to_thread(|| 40 + 2)), 42);
}

#[test]
fn test_threads_to_thread_exception() {
    let outcome: Result<(), String> = run(to_thread(|| Err("something failed".to_owned())));
    assert_eq!(outcome, Err("something failed".to_owned()));
}

#[test]
fn test_threads_to_thread_once() {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    run(to_thread(move || count.fetch_add(1, SeqCst)));
    assert_eq!(calls.load(SeqCst), 1);
}

#[test]
fn test_threads_to_thread_concurrent() {
    // Each waits for the others, so they must all run at once.
    let together = Arc::new(Barrier::new(4));
    let leaders = Executor::builder().max_threads(4).run(async {
        let job = || {
            let together = together.clone();
            to_thread(move || together.wait().is_leader())
        };
        let tasks: Vec<_> = (0..4).map(|_| spawn(job())).collect();
        let mut leaders = 0;
        for task in tasks {
            leaders += usize::from(task.await.unwrap());
        }
        leaders
    });
    assert_eq!(leaders, 1);
}

#[test]
fn test_threads_to_thread_contextvars() {
    static USER: TaskLocal<u32> = TaskLocal::inherited();
    run(async {
        USER.set(7);
        // The values of a task stay on its thread. What a job is to know is given to it.
        assert_eq!(to_thread(|| USER.get()).await, None);
        let user = USER.get();
        assert_eq!(to_thread(move || user).await, Some(7));
    });
}

#[test]
fn asyncio_fact_78_a_panic_of_the_job_goes_on_in_the_task_that_awaits_it() {
    let error = run(async { spawn(to_thread(|| panic!("out of cheese"))).await });
    let Err(JoinError::Panicked(panic)) = error else { panic!("not a panic") };
    assert_eq!(panic.message(), "out of cheese");
    assert_eq!(panic_of(|| run(to_thread(|| panic!("out of bread")))), "out of bread");
}

#[test]
fn threads_01_a_job_runs_elsewhere_and_its_await_lets_others_run() {
    let here = thread::current().id();
    run(async {
        let gate = Gate::default();
        let pass = gate.clone();
        let job = spawn(to_thread(move || {
            pass.pass();
            thread::current().id()
        }));
        for _ in 0..10 {
            yield_now().await;
        }
        assert!(!job.is_finished());
        gate.open();
        assert_ne!(job.await.unwrap(), here);
    });
}

#[test]
fn threads_01_a_job_starts_when_it_is_first_polled_and_not_before() {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    run(async move {
        let call = to_thread(move || count.fetch_add(1, SeqCst));
        drop(call);
    });
    assert_eq!(calls.load(SeqCst), 0);
}

#[test]
fn threads_02_the_panic_of_a_job_that_nobody_awaits_any_more_is_reported() {
    let reports = Rc::new(RefCell::new(Vec::new()));
    let note = reports.clone();
    let executor = Executor::builder().on_unhandled(move |what| {
        assert!(matches!(what.kind(), UnhandledKind::JobPanicked(_)));
        note.borrow_mut().push(what.to_string());
    });
    executor.run(async {
        let (gate, begun) = (Gate::default(), Gate::default());
        let (pass, tell) = (gate.clone(), begun.clone());
        let job = spawn(to_thread(move || {
            tell.open();
            pass.pass();
            panic!("too late");
        }));
        yield_now().await;
        begun.pass();
        drop(job);
        yield_now().await;
        gate.open();
    });
    let reports = reports.take();
    assert_eq!(reports.len(), 1);
    assert!(
        reports[0].contains("to_thread at tests/it/threads/jobs.rs") && reports[0].ends_with("too late"),
        "{reports:?}"
    );
}

#[test]
fn threads_02_the_result_of_a_job_is_dropped_here_if_the_await_is_dropped_after_it_came() {
    #[derive(Debug)]
    struct OnDropHere(thread::ThreadId);
    impl Drop for OnDropHere {
        fn drop(&mut self) {
            assert_eq!(thread::current().id(), self.0);
        }
    }
    let here = thread::current().id();
    let (wakes, waker) = Wakes::new();
    run(async move {
        let mut call = to_thread(move || OnDropHere(here));
        assert!(call.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
        until(|| wakes.count() == 1);
        drop(call);
    });
}

#[test]
fn threads_03_a_job_may_call_back_into_the_loop_and_the_loops_values_stay_on_their_thread() {
    let drops = Drops::default();
    thread_local!(static KEPT: RefCell<Option<crate::kit::probe::DropGuard>> = const { RefCell::new(None) });
    KEPT.set(Some(drops.guard()));
    run(async {
        let handle = Handle::current();
        to_thread(move || {
            handle.call(|| drop(KEPT.take())).unwrap();
            let text = handle.block_on_from_thread(|| async {
                let local = Rc::new("a value that is not Send");
                yield_now().await;
                local.len()
            });
            assert_eq!(text.unwrap(), 24);
        })
        .await;
    });
    assert_eq!(drops.count(), 1);
}

#[test]
fn threads_03_a_job_may_use_to_thread_itself_in_a_run_of_its_own() {
    assert_eq!(run(to_thread(|| run(to_thread(|| run(to_thread(|| 3)))))), 3);
}

#[test]
fn threads_04_a_call_outside_an_executor_says_so() {
    let text = panic_of(|| crate::kit::probe::poll_with_noop(&mut to_thread(|| ())));
    assert!(text.contains("outside an executor"), "{text}");
}

#[test]
fn threads_04_an_await_on_an_executor_that_has_ended_says_so() {
    let executor = Executor::new();
    let mut call = to_thread(|| ());
    // Nobody is left who could run it: the first poll is in an executor that closes its pool before the second.
    let gate = Gate::default();
    let begun = Gate::default();
    let (pass, tell) = (gate.clone(), begun.clone());
    let first = Executor::builder().max_threads(1).build();
    let blocker = first.spawn(to_thread(move || {
        tell.open();
        pass.pass();
    }));
    first.run_until_stalled();
    // Otherwise it would be taken out of line when its owner goes, and leave the thread to the call.
    begun.pass();
    first.run(async { assert!(futures::poll!(&mut call).is_pending()) });
    drop((blocker, first));
    gate.open();
    let text = panic_of(|| executor.run(call));
    assert!(text.contains("has ended"), "{text}");
}

#[test]
fn threads_01_threads_have_names() {
    let name = |builder: evenkeel::host::ExecutorBuilder| {
        builder.run(to_thread(|| thread::current().name().map(str::to_owned)))
    };
    assert_eq!(name(Executor::builder()).as_deref(), Some("evenkeel-1"));
    assert_eq!(name(Executor::builder().thread_name("db")).as_deref(), Some("db-1"));
}

#[test]
fn threads_02_a_panic_that_the_caller_did_not_stay_for_is_reported() {
    let reports = Rc::new(RefCell::new(Vec::new()));
    let note = reports.clone();
    let builder = Executor::builder().on_unhandled(move |what| note.borrow_mut().push(what.to_string()));
    builder.run(async {
        let (wakes, waker) = Wakes::new();
        let mut call = to_thread(|| -> u8 { panic!("nobody looked") });
        assert!(call.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
        until(|| wakes.count() == 1);
        // It has ended, and the caller was told, but leaves without looking.
        drop(call);
    });
    assert!(matches!(reports.take().as_slice(), [report] if report.ends_with("nobody looked")));
}
