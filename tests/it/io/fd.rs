//! A host waits for an executor's descriptor, which is readable exactly when a tick has something to do.

use super::kit::{bytes, narrow_pair, pair, read_exactly};
use crate::kit::{
    probe::{HandPark, ms, wait_for_wake},
    stage::spawn_restless,
};
use evenkeel::{
    Executor,
    host::{Budget, Readiness},
    io::{DriverBuilder, ExecutorFd, LoopFd},
    sleep, spawn, to_thread, yield_now,
};
use rustix::{
    event::{
        PollFd, PollFlags, Timespec,
        epoll::{self, CreateFlags, EventData, EventFlags},
        poll,
    },
    fd::OwnedFd,
};
use std::{
    cell::RefCell,
    io::ErrorKind,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::Waker,
    thread,
    time::{Duration, Instant},
};

/// Is it readable within that time?
fn is_readable_within(fd: &LoopFd, time: Duration) -> bool {
    let timeout = Timespec::try_from(time).unwrap();
    poll(&mut [PollFd::new(fd, PollFlags::IN)], Some(&timeout)).unwrap() == 1
}

fn is_readable(fd: &LoopFd) -> bool {
    is_readable_within(fd, Duration::ZERO)
}

/// It must become readable.
#[track_caller]
fn wait(fd: &LoopFd) {
    assert!(is_readable_within(fd, Duration::from_secs(60)), "the host waits for ever");
}

/// An executor whose first tick is done.
fn idle() -> (Executor, LoopFd) {
    let executor = Executor::new();
    let fd = executor.as_fd().unwrap();
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Finished);
    assert!(!is_readable(&fd));
    (executor, fd)
}

#[test]
fn io_12_it_is_readable_when_a_socket_is_and_not_when_that_is_taken() {
    let (executor, fd) = idle();
    let (client, server) = executor.run(pair());
    let mut task = executor.spawn(async move {
        for n in 0..5 {
            assert_eq!(read_exactly(&server, 1).await, [n]);
        }
    });
    executor.run_until_stalled();
    // The system tells of a new source what it is ready for: here, to be written.
    executor.run_until_stalled();
    for n in 0..5 {
        assert_eq!(executor.run_until_stalled().readiness, Readiness::Idle);
        assert!(!is_readable(&fd) && !is_readable(&fd), "there is nothing to do");
        client.try_write(&[n]).unwrap();
        wait(&fd);
        assert!(is_readable(&fd), "nobody has ticked");
    }
    executor.run_until_stalled();
    task.take_result().unwrap().unwrap();
    assert!(!is_readable(&fd));
}

#[test]
fn io_12_it_is_readable_when_there_is_room_to_write() {
    let (executor, fd) = idle();
    let (client, server) = executor.run(narrow_pair());
    let mut task = executor.spawn(async move { server.write_all(&bytes(0, 100_000)).await.unwrap() });
    let mut came = 0;
    let mut text = vec![0; 1 << 16];
    while task.take_result().is_none() {
        executor.run_until_stalled();
        match client.try_read(&mut text) {
            Ok(length) => {
                assert!(text[..length] == bytes(came, length));
                came += length;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => wait(&fd),
            Err(error) => panic!("{error}"),
        }
    }
    assert!(came > 0);
}

#[test]
fn io_12_it_is_readable_when_another_thread_wakes_a_task_once_for_each_tick() {
    let (executor, fd) = idle();
    let slot = Rc::new(RefCell::new(None::<Waker>));
    let waits = slot.clone();
    let _task = executor.spawn(async move {
        loop {
            wait_for_wake(&waits).await;
        }
    });
    for _ in 0..5 {
        assert_eq!(executor.run_until_stalled().readiness, Readiness::Idle);
        assert!(!is_readable(&fd));
        let waker = slot.borrow().clone().unwrap();
        thread::spawn(move || waker.wake()).join().unwrap();
        assert!(is_readable(&fd));
        assert_eq!(executor.run_until_stalled().polled, 1);
    }
}

#[test]
fn io_12_it_is_readable_when_a_thread_that_works_for_a_task_is_done() {
    let (executor, fd) = idle();
    let mut task = executor.spawn(async { to_thread(|| 7).await });
    loop {
        executor.run_until_stalled();
        match task.take_result() {
            Some(value) => break assert_eq!(value.unwrap(), 7),
            None => wait(&fd),
        }
    }
}

#[test]
fn io_12_it_is_readable_when_this_thread_wakes_or_spawns_between_two_ticks() {
    let (executor, fd) = idle();
    let task = executor.spawn(async {});
    assert!(is_readable(&fd), "a task was spawned");
    executor.run_until_stalled();
    assert!(task.is_finished() && !is_readable(&fd));
    let slot = Rc::new(RefCell::new(None::<Waker>));
    let waits = slot.clone();
    let task = executor.spawn(async move { wait_for_wake(&waits).await });
    executor.run_until_stalled();
    assert!(!is_readable(&fd));
    slot.take().unwrap().wake();
    assert!(is_readable(&fd), "a task was woken");
    executor.run_until_stalled();
    assert!(task.is_finished() && !is_readable(&fd));
    let task = executor.spawn(std::future::pending::<()>());
    executor.run_until_stalled();
    assert!(!is_readable(&fd));
    drop(task);
    assert!(is_readable(&fd), "a task is to be dropped");
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Finished);
    assert!(!is_readable(&fd));
}

#[test]
fn io_12_it_is_readable_at_a_deadline_and_not_before() {
    let (executor, fd) = idle();
    for sleeps in [ms(3), Duration::from_micros(300), ms(30)] {
        let begin = Instant::now();
        let mut task = executor.spawn(sleep(sleeps));
        let mut ticks = 0;
        loop {
            executor.run_until_stalled();
            ticks += 1;
            if task.take_result().is_some() {
                break;
            }
            wait(&fd);
        }
        assert!(begin.elapsed() >= sleeps);
        // A timer may be a moment too early for a clock.
        assert!(ticks <= 3, "{ticks} ticks");
        assert!(!is_readable(&fd));
    }
}

#[test]
fn io_12_a_deadline_that_is_gone_or_moved_makes_nothing_readable() {
    let (executor, fd) = idle();
    let task = executor.spawn(sleep(ms(5)));
    let later = executor.spawn(sleep(Duration::from_secs(3600)));
    executor.run_until_stalled();
    drop(task);
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Idle);
    assert!(!is_readable_within(&fd, ms(20)));
    drop(later);
    executor.run_until_stalled();
    assert!(!is_readable_within(&fd, ms(20)));
}

#[test]
fn a_deadline_that_is_further_than_any_timer_reaches_is_none() {
    let (executor, fd) = idle();
    let _task = executor.spawn(sleep(Duration::from_nanos(u64::MAX / 2)));
    executor.run_until_stalled();
    assert!(!is_readable_within(&fd, ms(2)));
    let _task = executor.spawn(sleep(Duration::MAX));
    executor.run_until_stalled();
    assert!(!is_readable_within(&fd, ms(2)));
}

#[test]
fn io_12_it_stays_readable_while_more_is_ready() {
    let (executor, fd) = idle();
    let polls = spawn_restless(&executor);
    for n in 1..50 {
        wait(&fd);
        assert_eq!(executor.tick(Budget::polls(1)).readiness, Readiness::MoreReady);
        assert_eq!(polls.get(), n);
    }
}

/// A host's own loop, which waits for two executors.
fn outer(fds: [&LoopFd; 2], flags: EventFlags) -> OwnedFd {
    let outer = epoll::create(CreateFlags::CLOEXEC).unwrap();
    for (key, fd) in (0..).zip(fds) {
        epoll::add(&outer, fd, EventData::new_u64(key), flags).unwrap();
    }
    outer
}

#[test]
fn it_can_be_waited_for_in_an_epoll_of_the_hosts_level_or_edge_triggered_with_others() {
    for flags in [EventFlags::IN, EventFlags::IN | EventFlags::ET] {
        let executors = [idle(), idle()];
        let outer = outer([&executors[0].1, &executors[1].1], flags);
        let (client, server) = executors[0].0.run(narrow_pair());
        // The two ends are on two executors; one polls a little at a time.
        let mut sends = executors[0].0.spawn(async move {
            for round in 0..20 {
                client.write_all(&bytes(round * 3000, 3000)).await.unwrap();
                sleep(Duration::from_micros(50)).await;
                yield_now().await;
            }
        });
        let mut receives = executors[1].0.spawn(async move {
            let text = read_exactly(&server, 60_000).await;
            spawn(async {}).await.unwrap();
            assert!(text == bytes(0, 60_000));
        });
        executors.iter().for_each(|(executor, _)| _ = executor.tick(Budget::polls(1)));
        let (mut sent, mut received) = (false, false);
        while !(sent && received) {
            let mut events = Vec::with_capacity(4);
            let timeout = Timespec { tv_sec: 60, tv_nsec: 0 };
            let came = epoll::wait(&outer, rustix::buffer::spare_capacity(&mut events), Some(&timeout)).unwrap();
            assert!(came > 0, "the host waits for ever");
            for event in &events {
                let key = event.data.u64() as usize;
                executors[key].0.tick(Budget::polls(if key == 0 { 1 } else { 100 }));
            }
            sent |= sends.take_result().is_some_and(|outcome| outcome.is_ok());
            received |= receives.take_result().is_some_and(|outcome| outcome.is_ok());
        }
    }
}

#[test]
fn on_wake_is_called_as_ever() {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    let on_wake = move || {
        count.fetch_add(1, SeqCst);
    };
    let executor = Executor::builder().on_wake(on_wake).build();
    let fd = executor.as_fd().unwrap();
    executor.run_until_stalled();
    let before = calls.load(SeqCst);
    executor.spawn(async {}).detach();
    assert_eq!(calls.load(SeqCst), before + 1);
    assert!(is_readable(&fd));
}

#[test]
fn there_is_none_of_the_portable_driver_nor_beside_a_park_of_ones_own() {
    let executor = Executor::new();
    executor.run(async { DriverBuilder::new().portable().attach().unwrap() });
    let error = executor.as_fd().unwrap_err();
    assert!(error.kind() == ErrorKind::Unsupported && error.to_string().contains("on_wake"), "{error}");
    let executor = Executor::builder().park(HandPark::new(|_| ())).build();
    assert!(executor.as_fd().unwrap_err().to_string().contains("park of its own"));
}
