//! What a host's descriptor tells beyond ticks, and accepts that are given up while there is no descriptor.

use super::kit::{alone, listen, pair, watched};
use evenkeel::{
    Executor,
    host::{Budget, UnhandledKind},
    io::{Async, ExecutorFd, TcpStream},
    sleep, spawn, timeout, yield_now,
};
use rustix::{
    event::{
        EventfdFlags, PollFd, PollFlags, Timespec,
        epoll::{self, CreateFlags, EventData, EventFlags},
        eventfd, poll,
    },
    fd::{AsFd, AsRawFd, OwnedFd},
    io::write,
    process::{Resource, Rlimit, getrlimit, setrlimit},
};
use std::{cell::Cell, fs::File, rc::Rc, time::Duration};

const NOW: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

fn is_readable(fd: &impl AsFd) -> bool {
    poll(&mut [PollFd::new(fd, PollFlags::IN)], Some(&NOW)).unwrap() == 1
}

fn waits(fd: &impl AsFd) {
    let minute = Timespec { tv_sec: 60, tv_nsec: 0 };
    assert_eq!(poll(&mut [PollFd::new(fd, PollFlags::IN)], Some(&minute)).unwrap(), 1, "the host waits for ever");
}

#[test]
fn io_12_a_descriptor_is_its_own_executor_s_also_inside_a_task_of_another() {
    let [outer, inner] = [Executor::new(), Executor::new()];
    let inner = Rc::new(inner);
    let fd = inner.as_fd().unwrap().as_raw_fd();
    let other = outer.as_fd().unwrap().as_raw_fd();
    assert_ne!(fd, other);
    inner.tick(Budget::polls(10));
    outer.run(async {
        let nested = inner.as_fd().unwrap();
        assert_eq!(nested.as_raw_fd(), fd);
        // One executor's loop waits for the other's.
        let ready = Rc::new(Cell::new(false));
        let set = ready.clone();
        inner.spawn(async move { set.set(true) }).detach();
        let nested = Async::new(nested).unwrap();
        nested.readable().await.unwrap();
        inner.tick(Budget::polls(10));
        assert!(ready.get());
    });
}

#[test]
fn io_12_an_executor_that_waits_for_another_s_descriptor_ticks_no_more_often_than_there_is_something_to_do() {
    let [outer, inner] = [Executor::new(), Executor::new()];
    let nested = Async::new(inner.as_fd().unwrap()).unwrap();
    let mut sleeps = inner.spawn(async {
        for _ in 0..2 {
            sleep(Duration::from_millis(20)).await;
        }
    });
    let ticks = outer.run(async {
        let mut ticks = 1;
        inner.tick(Budget::polls(10));
        while sleeps.take_result().is_none() {
            nested.readable().await.unwrap();
            inner.tick(Budget::polls(10));
            ticks += 1;
        }
        ticks
    });
    assert!((3..10).contains(&ticks), "{ticks} ticks for two sleeps");
}

#[test]
fn io_12_a_host_that_waits_for_changes_misses_nothing_of_more_sources_than_are_taken_at_a_time() {
    const SOURCES: usize = 1_500;
    alone(io_12_a_host_that_waits_for_changes_misses_nothing_of_more_sources_than_are_taken_at_a_time, || {
        let limits = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: limits.maximum.map(|most| most.min(4_096)), ..limits }).unwrap();
        let executor = Executor::new();
        let fd = executor.as_fd().unwrap();
        let outer = epoll::create(CreateFlags::CLOEXEC).unwrap();
        epoll::add(&outer, &fd, EventData::new_u64(0), EventFlags::IN | EventFlags::ET).unwrap();
        let seen = Rc::new(Cell::new(0));
        let counters: Vec<Rc<Async<OwnedFd>>> =
            (0..SOURCES).map(|_| Rc::new(Async::new(eventfd(0, EventfdFlags::CLOEXEC).unwrap()).unwrap())).collect();
        for counter in &counters {
            let (counter, seen) = (counter.clone(), seen.clone());
            executor
                .spawn(async move {
                    counter.readable().await.unwrap();
                    seen.set(seen.get() + 1);
                })
                .detach();
        }
        executor.tick(Budget::polls(usize::MAX));
        for counter in &counters {
            write(counter.get_ref(), &1_u64.to_ne_bytes()).unwrap();
        }
        let minute = Timespec { tv_sec: 60, tv_nsec: 0 };
        while seen.get() < SOURCES {
            let mut events = Vec::with_capacity(4);
            epoll::wait(&outer, rustix::buffer::spare_capacity(&mut events), Some(&minute)).unwrap();
            assert_eq!(events.len(), 1, "stuck after {} of {SOURCES}", seen.get());
            executor.tick(Budget::polls(usize::MAX));
        }
    });
}

#[test]
fn io_12_behind_a_run_and_a_park_it_is_readable_so_that_a_tick_follows() {
    let executor = Executor::new();
    let fd = executor.as_fd().unwrap();
    executor.run_until_stalled();
    assert!(!is_readable(&fd));
    let left = executor.run(async {
        let left = spawn(sleep(Duration::from_millis(5)));
        yield_now().await;
        left
    });
    assert!(is_readable(&fd));
    executor.run_until_stalled();
    // The deadline that the run has left.
    waits(&fd);
    while !left.is_finished() {
        executor.run_until_stalled();
    }
    executor.run_until_stalled();
    executor.park(Duration::from_millis(1));
    assert!(is_readable(&fd));
    executor.run_until_stalled();
    assert!(!is_readable(&fd));
}

#[test]
fn io_12_when_its_executor_has_ended_it_tells_of_nothing() {
    let executor = Executor::new();
    let fd = executor.as_fd().unwrap();
    executor.spawn(sleep(Duration::from_millis(1))).detach();
    let handle = executor.handle();
    executor.run_until_stalled();
    drop(executor);
    assert!(handle.spawn(|| async {}).is_err());
    std::thread::sleep(Duration::from_millis(5));
    assert!(!is_readable(&fd));
}

#[test]
fn io_13_who_waits_on_an_executor_that_ends_looks_again_though_its_descriptor_is_kept() {
    let [ends, stays] = [Executor::new(), Executor::new()];
    let fd = ends.as_fd().unwrap();
    let (near, far) = stays.run(pair());
    // A task of the one waits on the driver of the other, whose code polls it.
    let reads = Rc::new(std::cell::RefCell::new(Box::pin(async move { far.read(&mut [0; 4]).await.unwrap() })));
    let foreign = reads.clone();
    let mut task = stays.spawn(std::future::poll_fn(move |cx| foreign.borrow_mut().as_mut().poll(cx)));
    let polled_there = reads.clone();
    let waker = Rc::new(std::cell::RefCell::new(None));
    let of_task = waker.clone();
    stays.run(async move {
        std::future::poll_fn(|cx| {
            of_task.replace(Some(cx.waker().clone()));
            std::task::Poll::Ready(())
        })
        .await;
    });
    ends.run(std::future::poll_fn(move |_| {
        let waker = waker.take().unwrap();
        let mut cx = std::task::Context::from_waker(&waker);
        assert!(polled_there.borrow_mut().as_mut().poll(&mut cx).is_pending());
        std::task::Poll::Ready(())
    }));
    drop(ends);
    stays.run(async {
        near.write_all(b"x").await.unwrap();
        assert_eq!((&mut task).await.unwrap(), 1);
    });
    drop(fd);
}

#[test]
fn io_07_accepts_that_are_given_up_keep_the_pause_and_are_told_of_once() {
    alone(io_07_accepts_that_are_given_up_keep_the_pause_and_are_told_of_once, || {
        setrlimit(Resource::Nofile, Rlimit { current: Some(64), ..getrlimit(Resource::Nofile) }).unwrap();
        let told = Rc::new(Cell::new(0));
        let count = told.clone();
        let hook = move |what: &evenkeel::host::Unhandled| {
            assert!(matches!(what.kind(), UnhandledKind::Retried(_)), "{what}");
            count.set(count.get() + 1);
        };
        Executor::builder().on_unhandled(hook).run(watched(async {
            let (listener, address) = listen().await;
            let _client = TcpStream::connect(address).await.unwrap();
            let mut taken = Vec::new();
            while let Ok(file) = File::open("/dev/null") {
                taken.push(file);
            }
            for _ in 0..50 {
                assert!(timeout(Duration::from_millis(1), listener.accept()).await.is_err());
            }
            drop(taken);
            listener.accept().await.unwrap();
        }));
        assert_eq!(told.get(), 1);
    });
}
