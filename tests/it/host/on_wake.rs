//! `on_wake`: the host is called once per idle period, from wherever the wake-up comes.

use crate::kit::probe::{HandPark, my_waker, text_of, wait_for_wake};
use evenkeel::{
    Executor, Task,
    host::{Budget, Readiness},
    task::Spawner,
};
use std::{
    cell::RefCell,
    future::pending,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::Waker,
    thread::{self, ThreadId},
};

/// An executor that notes the threads on which `on_wake` is called.
fn noting() -> (Executor, Arc<Mutex<Vec<ThreadId>>>) {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let note = calls.clone();
    let executor = Executor::builder().on_wake(move || note.lock().unwrap().push(thread::current().id())).build();
    (executor, calls)
}

fn waiting(executor: &Executor) -> (Task<()>, Rc<RefCell<Option<Waker>>>) {
    let slot = Rc::new(RefCell::new(None));
    let waker = slot.clone();
    let task = executor.spawn(async move {
        loop {
            wait_for_wake(&waker).await;
        }
    });
    (task, slot)
}

#[test]
fn on_wake_is_called_once_per_idle_period_from_another_thread() {
    let (executor, calls) = noting();
    let (_task, slot) = waiting(&executor);
    for round in 0..3 {
        assert_eq!(executor.run_until_stalled().readiness, Readiness::Idle);
        assert_eq!(calls.lock().unwrap().len(), round, "not before a wake-up");
        let waker = slot.borrow().clone().unwrap();
        let thread = thread::spawn(move || {
            (0..100).for_each(|_| waker.wake_by_ref());
            thread::current().id()
        });
        let id = thread.join().unwrap();
        assert_eq!(calls.lock().unwrap().len(), round + 1);
        assert_eq!(calls.lock().unwrap()[round], id);
    }
}

#[test]
fn on_wake_is_called_once_by_many_threads() {
    let (executor, calls) = noting();
    let slots: Vec<_> = (0..8).map(|_| waiting(&executor)).collect();
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Idle);
    let threads: Vec<_> = slots
        .iter()
        .map(|(_, slot)| {
            let waker = slot.borrow().clone().unwrap();
            thread::spawn(move || (0..100).for_each(|_| waker.wake_by_ref()))
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(calls.lock().unwrap().len(), 1);
    assert_eq!(executor.tick(Budget::polls(100)).polled, 8);
}

#[test]
fn on_wake_is_called_for_everything_that_makes_work_on_the_own_thread_between_two_ticks() {
    type Deed = Box<dyn Fn(&Executor, &Spawner, &Task<()>, &Waker)>;
    let deeds: [(&str, Deed); 5] = [
        ("a wake-up", Box::new(|_, _, _, waker| waker.wake_by_ref())),
        ("a spawn", Box::new(|executor, _, _, _| executor.spawn(pending::<()>()).detach())),
        ("a spawner's spawn", Box::new(|_, spawner, _, _| spawner.spawn(pending::<()>()).unwrap().detach())),
        ("a cancellation", Box::new(|_, _, task, _| task.cancel("stop"))),
        ("an abort", Box::new(|_, _, task, _| task.abort())),
    ];
    for (what, deed) in deeds {
        let (executor, calls) = noting();
        let (task, slot) = waiting(&executor);
        // So that there is a task left that waits.
        executor.spawn(pending::<()>()).detach();
        assert_eq!(executor.run_until_stalled().readiness, Readiness::Idle);
        let waker = slot.borrow().clone().unwrap();
        for _ in 0..3 {
            deed(&executor, &executor.spawner(), &task, &waker);
        }
        assert_eq!(*calls.lock().unwrap(), [thread::current().id()], "{what}");
        assert_eq!(executor.run_until_stalled().readiness, Readiness::Idle, "{what}");
        drop((task, executor));
    }
}

#[test]
fn on_wake_is_called_when_a_handle_is_dropped_between_two_ticks() {
    let (executor, calls) = noting();
    let (task, _slot) = waiting(&executor);
    executor.run_until_stalled();
    drop(task);
    assert_eq!(calls.lock().unwrap().len(), 1);
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Finished);
}

#[test]
fn on_wake_is_called_when_a_task_of_another_executor_wakes() {
    let (executor, calls) = noting();
    let (_task, slot) = waiting(&executor);
    executor.run_until_stalled();
    let waker = slot.borrow().clone().unwrap();
    Executor::new().run(async move { waker.wake() });
    assert_eq!(calls.lock().unwrap().len(), 1);
}

#[test]
fn on_wake_is_not_called_while_the_executor_is_being_driven() {
    let (executor, calls) = noting();
    let (_task, slot) = waiting(&executor);
    executor.run_until_stalled();
    let before = calls.lock().unwrap().len();
    let waker = slot.borrow().clone().unwrap();
    executor
        .spawn(async move {
            waker.wake_by_ref();
            let mine = my_waker().await;
            thread::spawn(move || (waker.wake(), mine.wake())).join().unwrap();
            evenkeel::spawn(async {}).detach();
        })
        .detach();
    let by_the_spawn = calls.lock().unwrap().len() - before;
    assert_eq!(by_the_spawn, 1);
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Idle);
    assert_eq!(calls.lock().unwrap().len(), before + by_the_spawn);
}

#[test]
fn on_wake_is_not_called_while_the_executor_runs_a_future_to_its_end() {
    let (executor, calls) = noting();
    let (_task, slot) = waiting(&executor);
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Idle);
    let waker = slot.borrow().clone().unwrap();
    executor.run(async {
        // The loop is awake: it needs no call.
        thread::spawn(move || waker.wake()).join().unwrap();
        evenkeel::yield_now().await;
    });
    assert_eq!(calls.lock().unwrap().len(), 0);
}

#[test]
fn on_wake_is_not_called_after_a_tick_that_left_something_ready() {
    let (executor, calls) = noting();
    let (_task, slot) = waiting(&executor);
    executor.run_until_stalled();
    executor.spawn(evenkeel::yield_now()).detach();
    calls.lock().unwrap().clear();
    assert_eq!(executor.tick(Budget::polls(1)).readiness, Readiness::MoreReady);
    slot.borrow().as_ref().unwrap().wake_by_ref();
    executor.spawn(async {}).detach();
    assert_eq!(calls.lock().unwrap().len(), 0);
}

#[test]
fn on_wake_and_the_unparker_are_both_called() {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    let park = HandPark::new(|_| panic!("parked"));
    let signals = park.signals();
    let executor = Executor::builder()
        .park(park)
        .on_wake(move || {
            count.fetch_add(1, SeqCst);
        })
        .build();
    let (_task, slot) = waiting(&executor);
    executor.run_until_stalled();
    slot.borrow().as_ref().unwrap().wake_by_ref();
    assert_eq!((calls.load(SeqCst), signals.load(SeqCst)), (1, 1));
}

#[test]
fn on_wake_is_dropped_with_its_executor() {
    let kept = Arc::new(());
    let inside = kept.clone();
    let executor = Executor::builder().on_wake(move || drop(inside.clone())).build();
    let (_task, slot) = waiting(&executor);
    executor.run_until_stalled();
    drop(executor);
    slot.take().unwrap().wake();
    assert_eq!(Arc::strong_count(&kept), 1);
}

thread_local! {
    static HOST: RefCell<Option<Rc<Executor>>> = const { RefCell::new(None) };
}

/// An executor whose `on_wake` ticks it, once the host has put it where that can find it, and notes what came of it.
fn ticking(messages: &Arc<Mutex<Vec<Option<String>>>>) -> Rc<Executor> {
    let messages = messages.clone();
    let on_wake = move || {
        if let Some(executor) = HOST.with_borrow(|host| host.clone()) {
            let ticked = catch_unwind(AssertUnwindSafe(|| executor.run_until_stalled()));
            messages.lock().unwrap().push(ticked.err().map(text_of));
        }
    };
    Rc::new(Executor::builder().on_wake(on_wake).build())
}

#[test]
fn on_wake_a_tick_inside_it_panics_and_says_why() {
    let messages = Arc::default();
    let executor = ticking(&messages);
    let (_task, slot) = waiting(&executor);
    executor.run_until_stalled();
    let waker = slot.borrow().clone().unwrap();
    HOST.set(Some(executor.clone()));
    waker.wake();
    HOST.set(None);
    let messages = messages.lock().unwrap();
    assert!(matches!(messages.as_slice(), [Some(text)] if text.contains("on_wake")), "{messages:?}");
}

#[test]
fn on_wake_a_handle_that_is_dropped_while_it_ticks_leaves_no_task_behind() {
    let messages = Arc::default();
    let executor = ticking(&messages);
    let (task, _slot) = waiting(&executor);
    executor.run_until_stalled();
    HOST.set(Some(executor.clone()));
    drop(task);
    HOST.set(None);
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Finished);
    drop(executor);
}

#[test]
fn on_wake_is_called_for_a_wake_up_after_a_park_that_ended_without_one() {
    let (executor, calls) = noting();
    let (_task, slot) = waiting(&executor);
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Idle);
    // The host waited here for a moment, and does something else now.
    executor.park(std::time::Duration::from_millis(1));
    let waker = slot.borrow().clone().unwrap();
    thread::spawn(move || waker.wake()).join().unwrap();
    assert_eq!(calls.lock().unwrap().len(), 1);
}
