//! Hosts that tick, and wake-ups, calls and jobs from everywhere: none is lost.

use crate::kit::{
    gates::until,
    probe::{panic_of, wait_for_wake},
};
use evenkeel::{
    Executor,
    host::{Budget, Readiness},
    threads::remote,
    to_thread,
};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    task::Waker,
    thread,
    time::Duration,
};

/// An executor, and how often `on_wake_local` was called.
fn counting_host() -> (Executor, Rc<Cell<usize>>) {
    let calls = Rc::new(Cell::new(0));
    let count = calls.clone();
    (Executor::builder().on_wake_local(move || count.set(count.get() + 1)).build(), calls)
}

/// A task that waits for one wake-up after the other. Yields where it leaves its waker.
fn endless(executor: &Executor) -> Rc<RefCell<Option<Waker>>> {
    let slot = Rc::new(RefCell::new(None));
    let waker = slot.clone();
    executor
        .spawn(async move {
            loop {
                wait_for_wake(&waker).await;
            }
        })
        .detach();
    slot
}

#[test]
fn embed_01_on_wake_local_is_called_once_per_idle_period() {
    let (executor, calls) = counting_host();
    let slot = endless(&executor);
    for round in 1..=3 {
        assert_eq!(executor.run_until_stalled().readiness, Readiness::Idle);
        let waker = slot.borrow().clone().unwrap();
        (0..10).for_each(|_| waker.wake_by_ref());
        executor.spawn(async {}).detach();
        assert_eq!(calls.get(), round);
    }
}

#[test]
fn embed_03_on_wake_local_is_not_called_from_other_threads_but_nothing_is_lost() {
    let (executor, calls) = counting_host();
    let slot = Rc::new(RefCell::new(None));
    let waker = slot.clone();
    let mut task = executor.spawn(async move { wait_for_wake(&waker).await });
    executor.run_until_stalled();
    let waker = slot.take().unwrap();
    thread::spawn(move || waker.wake()).join().unwrap();
    assert_eq!(calls.get(), 0);
    executor.run_until_stalled();
    assert!(task.take_result().is_some());
}

#[test]
fn embed_04_on_wake_local_is_dropped_with_its_executor_and_may_hold_it_weakly() {
    let kept = Rc::new(());
    let inside = kept.clone();
    let executor = Rc::new_cyclic(|weak: &std::rc::Weak<Executor>| {
        let weak = weak.clone();
        Executor::builder().on_wake_local(move || drop((weak.upgrade(), inside.clone()))).build()
    });
    executor.run_until_stalled();
    executor.spawn(async {}).detach();
    drop(executor);
    assert_eq!(Rc::strong_count(&kept), 1);
}

#[test]
fn embed_04_on_wake_local_its_panic_is_not_the_wakers() {
    let executor = Executor::builder().on_wake_local(|| panic!("a clumsy host")).build();
    executor.run_until_stalled();
    executor.spawn(async {}).detach();
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Finished);
}

#[test]
fn fault_34_wake_ups_calls_jobs_and_messages_between_ticks_are_never_lost() {
    const EACH: usize = 2_000;
    let (tell, told) = mpsc::channel();
    let executor = Executor::builder().max_threads(2).on_wake(move || tell.send(()).unwrap_or(())).build();
    let done = Arc::new(AtomicUsize::new(0));
    let (sender, mut receiver) = remote::channel(4);
    let handle = executor.handle();
    let mut threads = vec![thread::spawn(move || (0..EACH).for_each(|n| sender.send_blocking(n).unwrap()))];
    for _ in 0..2 {
        let (handle, done) = (handle.clone(), done.clone());
        threads.push(thread::spawn(move || {
            for n in 0..EACH {
                let done = done.clone();
                assert_eq!(handle.call(move || (done.fetch_add(1, SeqCst), n).1).unwrap(), n);
            }
        }));
    }
    let received = executor.spawn(async move {
        let mut count = 0;
        while receiver.recv().await.is_some() {
            count += 1;
        }
        count
    });
    let jobs = executor.spawn(async {
        for n in 0..EACH {
            assert_eq!(to_thread(move || n).await, n);
        }
    });
    let mut tasks = (Some(received), Some(jobs));
    // The host sleeps whenever it was told that there is nothing to do: a lost wake-up is a hang here, which the limit ends.
    while tasks.0.is_some() || tasks.1.is_some() || done.load(SeqCst) < 2 * EACH {
        let progress = executor.tick(Budget::polls(3));
        if tasks.0.as_mut().is_some_and(|task| task.is_finished()) {
            assert_eq!(tasks.0.take().unwrap().take_result().unwrap().unwrap(), EACH);
        }
        if tasks.1.as_mut().is_some_and(|task| task.is_finished()) {
            tasks.1.take();
        }
        let all_called = done.load(SeqCst) == 2 * EACH;
        if progress.readiness != Readiness::MoreReady && !(tasks.0.is_none() && tasks.1.is_none() && all_called) {
            told.recv_timeout(Duration::from_secs(60)).expect("a wake-up was lost");
        }
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    until(|| executor.run_until_stalled().readiness == Readiness::Finished);
}

#[test]
fn embed_02_on_wake_is_called_without_a_lock_so_that_it_may_use_the_handle() {
    let slot: Arc<std::sync::Mutex<Option<evenkeel::Handle>>> = Arc::default();
    let inside = slot.clone();
    let executor = Executor::builder()
        .on_wake(move || {
            // Once: what it asks for may make it be called again.
            let handle = inside.lock().unwrap().take();
            if let Some(handle) = handle {
                handle.spawn(|| async {}).unwrap().detach();
            }
        })
        .build();
    *slot.lock().unwrap() = Some(executor.handle());
    executor.run_until_stalled();
    let handle = executor.handle();
    let thread = thread::spawn(move || handle.call(|| 1));
    // A tick now would take the call in, and leave nothing to be told of.
    until(|| slot.lock().unwrap().is_none());
    until(|| {
        executor.run_until_stalled();
        thread.is_finished()
    });
    assert_eq!(thread.join().unwrap().unwrap(), 1);
}

#[test]
fn embed_03_on_wake_local_is_called_from_here_also_after_a_wake_up_from_elsewhere() {
    let (executor, calls) = counting_host();
    let slot = endless(&executor);
    for round in 1..=3 {
        assert_eq!(executor.run_until_stalled().readiness, Readiness::Idle);
        let waker = slot.borrow().clone().unwrap();
        let foreign = waker.clone();
        thread::spawn(move || foreign.wake()).join().unwrap();
        assert_eq!(calls.get(), round - 1, "it cannot be heard");
        // Nobody else tells the host, so this must.
        (0..5).for_each(|_| waker.wake_by_ref());
        executor.spawn(async {}).detach();
        assert_eq!(calls.get(), round);
    }
}

thread_local! {
    static HOST: RefCell<Option<Rc<Executor>>> = const { RefCell::new(None) };
}

/// Ticks the executor in [`HOST`], and returns what that panicked with.
fn tick_the_host() -> Option<String> {
    let executor = HOST.with_borrow(Clone::clone)?;
    Some(panic_of(|| executor.tick(Budget::polls(1))))
}

#[test]
fn tick_04_a_tick_inside_on_wake_local_panics_and_says_so() {
    let messages = Rc::new(RefCell::new(Vec::new()));
    let note = messages.clone();
    let builder = Executor::builder().on_wake_local(move || note.borrow_mut().extend(tick_the_host()));
    let executor = Rc::new(builder.build());
    executor.run_until_stalled();
    HOST.set(Some(executor.clone()));
    executor.spawn(async {}).detach();
    HOST.set(None);
    assert!(matches!(messages.take().as_slice(), [text] if text.contains("inside its own on_wake callback")));
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Finished);
}

#[test]
fn tick_04_a_tick_inside_a_task_or_a_call_from_another_thread_panics_and_says_so() {
    let executor = Rc::new(Executor::new());
    HOST.set(Some(executor.clone()));
    let mut task = executor.spawn(async { tick_the_host() });
    let mut remote = executor.handle().spawn(|| {
        let while_called = tick_the_host();
        async { (while_called, tick_the_host()) }
    });
    executor.run_until_stalled();
    let (while_called, in_its_task) = remote.as_mut().unwrap().wait().unwrap();
    HOST.set(None);
    for message in [task.take_result().unwrap().unwrap(), while_called, in_its_task] {
        let message = message.unwrap();
        assert!(message.contains("inside a task of the one that runs"), "{message}");
        assert_eq!(message.matches("hosts.rs:").count(), 2, "{message}");
    }
}

#[test]
fn embed_02_on_wake_may_wake_spawn_and_cancel_as_no_lock_is_held() {
    type Deed = Box<dyn FnOnce() + Send>;
    let deeds: Arc<std::sync::Mutex<Vec<Deed>>> = Arc::default();
    let inside = deeds.clone();
    let on_wake = move || {
        let deeds = std::mem::take(&mut *inside.lock().unwrap());
        deeds.into_iter().for_each(|deed| deed());
    };
    let executor = Executor::builder().on_wake(on_wake).build();
    let slot = Rc::new(RefCell::new(None));
    let waker = slot.clone();
    let mut task = executor.spawn(async move { wait_for_wake(&waker).await });
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Idle);
    let (waker, handle) = (slot.borrow().clone().unwrap(), executor.handle());
    let (clone, again) = (waker.clone(), executor.handle());
    *deeds.lock().unwrap() = vec![
        Box::new(move || clone.wake()),
        Box::new(move || again.spawn(|| async {}).unwrap().detach()),
        Box::new(move || handle.cancel_main("it is none").unwrap()),
    ];
    thread::spawn(move || waker.wake()).join().unwrap();
    assert!(deeds.lock().unwrap().is_empty());
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Finished);
    assert!(task.take_result().is_some());
}

#[test]
fn embed_01_on_wake_is_called_at_most_once_per_idle_period_by_a_crowd_of_threads_and_none_is_lost() {
    const THREADS: usize = 4;
    const EACH: usize = 25_000;
    let (tell, told) = mpsc::channel();
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    let on_wake = move || {
        count.fetch_add(1, SeqCst);
        tell.send(()).unwrap();
    };
    let executor = Executor::builder().on_wake(on_wake).build();
    // Ping and pong: a thread wakes its task, and goes on when the task has run. A wake-up that is lost ends that.
    let pairs: Vec<_> = (0..THREADS)
        .map(|_| {
            let (seen, slot) = (Arc::new(AtomicUsize::new(0)), Rc::new(RefCell::new(None)));
            let (note, waker) = (seen.clone(), slot.clone());
            let task = executor.spawn(async move {
                for round in 1..=EACH {
                    wait_for_wake(&waker).await;
                    note.store(round, SeqCst);
                }
            });
            (task, seen, slot)
        })
        .collect();
    let mut idle = usize::from(executor.run_until_stalled().readiness == Readiness::Idle);
    let threads: Vec<_> = pairs
        .iter()
        .map(|(_, seen, slot)| {
            let (seen, waker) = (seen.clone(), slot.borrow().clone().unwrap());
            thread::spawn(move || {
                for round in 1..=EACH {
                    waker.wake_by_ref();
                    until(|| seen.load(SeqCst) >= round);
                }
            })
        })
        .collect();
    while !pairs.iter().all(|(task, ..)| task.is_finished()) {
        told.recv_timeout(Duration::from_secs(60)).expect("a wake-up was lost");
        while executor.tick(Budget::polls(2)).readiness == Readiness::MoreReady {}
        idle += 1;
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert!(calls.load(SeqCst) <= idle, "{} calls in {idle} idle periods", calls.load(SeqCst));
}
