//! A host's loop that runs inside of a task, as that of a window does which shows a dialog.

use crate::kit::probe::{Record, ms, on_drop, panic_of};
use evenkeel::{
    Executor,
    host::{Budget, Readiness},
    run, spawn,
};
use std::{cell::RefCell, rc::Rc};

#[test]
fn met_c4_tick_04_a_loop_in_a_task_that_tries_to_tick_gets_an_error_and_nothing_is_lost() {
    let executor = Rc::new(Executor::new());
    let (own, record) = (executor.clone(), Record::new());
    let says = record.clone();
    let dialog = async move {
        let inside = says.clone();
        spawn(async move { inside.add("a task of the dialog's".to_owned()) }).detach();
        // The dialog's loop.
        for _ in 0..3 {
            let (refused, line) = (own.try_tick(ms(1)).unwrap_err(), line!());
            assert_eq!(refused.inner().line(), line);
            assert!(refused.outer().unwrap().file().ends_with("dialog.rs"));
            assert!(own.try_run_until_stalled().is_err());
        }
        says.add("closed".to_owned());
    };
    executor.spawn(dialog).detach();
    let progress = executor.try_tick(Budget::polls(1)).unwrap();
    assert_eq!((progress.polled, progress.readiness), (1, Readiness::MoreReady));
    assert_eq!(executor.try_run_until_stalled().unwrap().readiness, Readiness::Finished);
    assert_eq!(record.take(), ["closed", "a task of the dialog's"]);
}

thread_local! {
    static HOST: RefCell<Option<Rc<Executor>>> = const { RefCell::new(None) };
}

/// Is the host's executor driven, and is a tick refused?
fn look() -> Option<(bool, bool)> {
    let host = HOST.with_borrow(|host| host.clone())?;
    Some((host.is_driven(), host.try_tick(Budget::polls(0)).is_err()))
}

#[test]
fn met_c4_tick_04_an_executor_says_that_it_is_driven_wherever_a_tick_is_refused() {
    let record = Record::new();
    let says = |what: &'static str| {
        let record = record.clone();
        move || record.add((what, look()))
    };
    let executor = Rc::new(Executor::builder().on_wake_local(says("on_wake")).build());
    HOST.set(Some(executor.clone()));
    look();
    let (in_task, in_destructor, in_other) = (says("task"), says("destructor"), says("another's task"));
    executor
        .spawn(async move {
            let _guard = on_drop(in_destructor);
            in_task();
        })
        .detach();
    says("host")();
    run(async { in_other() });
    executor.run_until_stalled();
    HOST.set(None);
    let expected = [
        ("on_wake", Some((true, true))),
        ("host", Some((false, false))),
        ("another's task", Some((false, false))),
        ("task", Some((true, true))),
        ("destructor", Some((true, true))),
    ];
    assert_eq!(record.take(), expected);
}

#[test]
fn met_c4_tick_04_each_call_that_is_refused_says_what_to_do_instead() {
    let executor = Rc::new(Executor::new());
    let own = executor.clone();
    let messages = executor.run(async move {
        let other = Executor::new();
        [
            panic_of(|| own.tick(ms(1))),
            panic_of(|| own.run_until_stalled()),
            panic_of(|| own.park(ms(1))),
            panic_of(|| other.close(ms(1))),
            panic_of(|| own.run(async {})),
        ]
    });
    let expected = [
        ("was to tick at", "try_tick gives an error"),
        ("was to tick at", "Executor::is_driven tells"),
        ("was to park at", "let the host's loop park outside of tasks"),
        ("was to close at", "call begin_close there"),
        ("was to run at", "await the future there, or spawn it"),
    ];
    for (message, (what, instead)) in messages.iter().zip(expected) {
        assert!(message.contains(what) && message.contains(instead), "{message}");
        assert_eq!(message.matches("dialog.rs:").count(), 2, "{message}");
    }
}
