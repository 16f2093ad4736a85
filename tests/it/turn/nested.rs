//! One `run` inside another is an error with a message, never a deadlock.

use crate::kit::probe::{Record, on_drop, panic_of};
use evenkeel::{Executor, host::try_run, run, spawn, testing, yield_now};
use std::future::pending;

#[test]
fn fault_27_try_run_in_a_task_is_an_error_that_names_both_calls() {
    let outer = line!() + 1;
    let error = run(async { (try_run(async {}).unwrap_err(), line!()) });
    let (error, inner) = error;
    let place = error.outer().unwrap();
    assert_eq!((place.line(), error.inner().line()), (outer, inner));
    assert!(place.file().ends_with("nested.rs") && error.inner().file().ends_with("nested.rs"));
    let text = error.to_string();
    assert_eq!(text.matches("nested.rs:").count(), 2, "{text}");
    assert!(text.contains("await the future there, or spawn it"), "{text}");
}

#[test]
fn fault_27_run_in_a_task_panics_with_that_message() {
    for message in [
        run(async { panic_of(|| run(async {})) }),
        run(async { spawn(async { panic_of(|| run(async {})) }).await.unwrap() }),
        run(async { panic_of(|| testing::run(async {})) }),
        run(async { panic_of(|| Executor::new().run(async {})) }),
        Executor::new().run(async { panic_of(|| run(async {})) }),
    ] {
        assert_eq!(message.matches("nested.rs:").count(), 2, "{message}");
    }
}

#[test]
fn fault_27_the_refused_future_is_dropped_and_the_outer_run_goes_on() {
    let drops = crate::kit::probe::Drops::default();
    let value = run(async {
        let guard = drops.guard();
        assert!(
            try_run(async move {
                let _guard = guard;
                pending::<()>().await
            })
            .is_err()
        );
        assert_eq!(drops.count(), 1);
        spawn(async { 5 }).await.unwrap()
    });
    assert_eq!(value, 5);
}

#[test]
fn fault_27_a_destructor_that_runs_while_run_ends_is_refused_too() {
    let errors = Record::new();
    let at_the_end = || {
        let errors = errors.clone();
        on_drop(move || errors.add(try_run(async {}).unwrap_err().to_string()))
    };
    run(async {
        let guard = at_the_end();
        spawn(async move {
            let _guard = guard;
            pending::<()>().await
        })
        .detach();
        yield_now().await;
        let _mine = at_the_end();
    });
    let executor = Executor::new();
    let guard = at_the_end();
    executor.spawn(async move { drop(guard) }).abort();
    drop(executor);
    assert_eq!(errors.take().len(), 3);
}

#[test]
fn fault_27_that_error_too_names_two_places_of_the_program() {
    let errors = Record::new();
    let says = errors.clone();
    run(async {
        spawn(async move {
            let _guard = on_drop(move || says.add(try_run(async {}).unwrap_err().to_string()));
            pending::<()>().await
        })
        .detach();
        yield_now().await;
    });
    let text = errors.take().pop().unwrap();
    assert_eq!(text.matches("nested.rs:").count(), 2, "{text}");
}

#[test]
fn run_after_run_and_after_an_executor_is_no_nesting() {
    for n in 0..3 {
        assert_eq!(run(async { n }), n);
    }
    let executor = Executor::new();
    executor.spawn(pending::<()>()).detach();
    executor.run_until_stalled();
    assert_eq!(run(async { 7 }), 7);
    drop(executor);
    assert_eq!(try_run(async { 8 }).unwrap(), 8);
}

#[test]
fn run_works_on_every_thread_at_once_and_inside_a_thread_that_a_task_waits_for() {
    let sum = run(async {
        let threads: Vec<_> = (0..4).map(|n| std::thread::spawn(move || run(async { n }))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum::<u32>()
    });
    assert_eq!(sum, 6);
}
