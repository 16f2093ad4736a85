//! Descriptors: closed by others, used again, dropped at a bad moment, handed to no other program, leaked by nobody.

use super::kit::{
    Driver, alone, cut_short, descriptors, listen, look, nobody, pair, read_exactly, spawn_counted, watched, with_both,
};
use crate::kit::{
    bomb::{Op, bomb, defuse},
    probe::{Wakes, panic_of},
};
use evenkeel::{
    Executor,
    io::{Async, ExecutorFd, TcpListener, TcpStream},
    run, sleep, spawn, timeout, yield_now,
};
use evenkeel_testkit::close_behind_the_back;
use futures::AsyncRead;
use rustix::{
    fd::{AsFd, AsRawFd},
    io::fcntl_dupfd_cloexec,
};
use std::{
    cell::{Cell, RefCell},
    fs,
    net::Shutdown,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::Context,
    time::Duration,
};

/// The number of a stream's descriptor.
fn number(stream: &impl AsFd) -> i32 {
    stream.as_fd().as_raw_fd()
}

/// The file that a descriptor stands for.
fn target(number: i32) -> String {
    fs::read_link(format!("/proc/self/fd/{number}")).unwrap().into_os_string().into_string().unwrap()
}

#[test]
fn a_stream_that_somebody_else_closed_fails_wherever_it_is_asked_and_the_others_go_on() {
    alone(a_stream_that_somebody_else_closed_fails_wherever_it_is_asked_and_the_others_go_on, || {
        for driver in Driver::ALL {
            driver.run(closed_behind_its_back(driver));
        }
    });
}

async fn closed_behind_its_back(driver: Driver) {
    let (near, far) = pair().await;
    for is_registered in [false, true] {
        let (client, server) = pair().await;
        if is_registered {
            assert!(cut_short(1, server.readable()).await.is_none());
        }
        close_behind_the_back(&server.as_fd());
        let mut text = [0; 8];
        if is_registered && driver == Driver::Portable {
            // The driver has a copy, which keeps the connection, and tells what comes.
            client.write_all(b"ahoy").await.unwrap();
            server.readable().await.unwrap();
            assert!(server.read(&mut text).await.is_err());
        } else {
            assert_eq!(client.read(&mut text).await.unwrap(), 0);
        }
        assert!(server.try_read(&mut text).is_err());
        assert!(server.try_write(b"ahoy").is_err());
        assert!(server.write(b"ahoy").await.is_err());
        assert!(server.shutdown(Shutdown::Both).is_err());
        if !is_registered {
            // What is not open any more cannot be registered.
            assert!(server.readable().await.is_err() && server.peek(&mut text).await.is_err());
        }
        // Who waits in spite of that can be cut short, and disturbs nobody.
        let _ = timeout(Duration::from_millis(1), server.readable()).await;
        near.write_all(b"ahoy").await.unwrap();
        assert_eq!(read_exactly(&far, 4).await, b"ahoy");
        drop(server);
    }
}

#[test]
fn a_listener_that_somebody_else_closed_accepts_nobody_and_says_so() {
    alone(a_listener_that_somebody_else_closed_accepts_nobody_and_says_so, || {
        with_both(async || {
            let (listener, _) = listen().await;
            close_behind_the_back(&listener.as_fd());
            assert!(listener.accept().await.is_err());
        });
    });
}

#[test]
fn a_poller_that_somebody_else_closed_ends_the_run_with_a_clear_panic() {
    alone(a_poller_that_somebody_else_closed_ends_the_run_with_a_clear_panic, || {
        for driver in Driver::ALL {
            let before = descriptors();
            let text = panic_of(|| {
                driver.run(async {
                    let (_client, server) = pair().await;
                    assert!(cut_short(1, server.readable()).await.is_none());
                    let opened = descriptors();
                    let poller = opened.difference(&before).find(|fd| target(**fd).contains("eventpoll")).unwrap();
                    // Its number, as C code has it.
                    struct Number(i32);
                    impl AsRawFd for Number {
                        fn as_raw_fd(&self) -> i32 {
                            self.0
                        }
                    }
                    close_behind_the_back(&Number(*poller));
                    let _ = server.readable().await;
                    sleep(Duration::from_millis(1)).await;
                })
            });
            assert!(text.contains("the I/O driver cannot wait"), "{text}");
            assert_eq!(descriptors(), before);
        }
    });
}

/// The same socket under the lowest number from 500 on.
fn high(stream: TcpStream) -> TcpStream {
    let high = fcntl_dupfd_cloexec(&stream, 500).unwrap();
    TcpStream::from_std(high.into()).unwrap()
}

#[test]
fn a_number_that_is_used_again_at_once_is_another_socket() {
    alone(a_number_that_is_used_again_at_once_is_another_socket, || {
        with_both(async || {
            // The old peers are kept, and send.
            let mut peers = Vec::new();
            for round in 0..20 {
                let (client, server) = pair().await;
                let server = Rc::new(high(server));
                assert_eq!(number(&*server), 500);
                let reader = server.clone();
                let (reads, polls) = spawn_counted(async move { read_exactly(&reader, 1).await });
                yield_now().await;
                for peer in &peers {
                    let _ = TcpStream::try_write(peer, b"late");
                }
                look().await;
                assert_eq!(polls.get(), 1, "it was woken for another one");
                client.write_all(&[round]).await.unwrap();
                assert_eq!(reads.await.unwrap(), [round]);
                // Dropped while somebody waits for it, and what he waits for has come and was not looked at.
                let waits = server.clone();
                let waits = spawn(async move { waits.peek(&mut [0; 8]).await });
                yield_now().await;
                client.write_all(b"more").await.unwrap();
                waits.abort();
                drop(server);
                // Its task's reference goes in the next turn, without a look.
                yield_now().await;
                peers.push(client);
            }
        });
    });
}

#[test]
fn a_socket_whose_copy_lives_on_is_off_the_loop_when_it_is_dropped() {
    with_both(async || {
        let (client, server) = pair().await;
        assert!(cut_short(1, server.readable()).await.is_none());
        let copy = server.as_fd().try_clone_to_owned().unwrap();
        drop(server);
        let (near, far) = pair().await;
        let (reads, polls) = spawn_counted(async move { read_exactly(&far, 1).await });
        yield_now().await;
        // The system would tell of the copy.
        for _ in 0..10 {
            client.write_all(b"ahoy").await.unwrap();
            look().await;
        }
        assert_eq!(polls.get(), 1);
        near.write_all(b"x").await.unwrap();
        reads.await.unwrap();
        // The copy is a socket as any.
        let copy = TcpStream::from_std(copy.into()).unwrap();
        assert_eq!(read_exactly(&copy, 40).await, b"ahoy".repeat(10));
    });
}

/// Drops that stream when it is woken.
type Slot = Rc<RefCell<Option<TcpStream>>>;

#[test]
fn a_stream_may_be_dropped_by_who_is_woken_in_the_look_that_found_it_ready() {
    with_both(async || {
        for _ in 0..10 {
            let ((one, first), (two, second)) = (pair().await, pair().await);
            let streams: [Slot; 2] = [Rc::new(RefCell::new(Some(first))), Rc::new(RefCell::new(Some(second)))];
            let woken = Rc::new(Cell::new(0));
            for (own, other) in [(0, 1), (1, 0)] {
                let (other, count) = (streams[other].clone(), woken.clone());
                let waker = bomb(move |op| {
                    if matches!(op, Op::Wake | Op::WakeByRef) {
                        count.set(count.get() + 1);
                        drop(other.take());
                    }
                });
                let stream = streams[own].borrow();
                let mut buf = [0; 8];
                let mut shared = stream.as_ref().unwrap();
                let polled = AsyncRead::poll_read(Pin::new(&mut shared), &mut Context::from_waker(&waker), &mut buf);
                assert!(polled.is_pending());
            }
            // Both become ready before the next look.
            assert_eq!(one.try_write(b"x").unwrap() + two.try_write(b"x").unwrap(), 2);
            while woken.get() == 0 {
                yield_now().await;
            }
            yield_now().await;
            assert_eq!(woken.get(), 1, "who is gone is woken no more");
            let left: usize = streams.iter().map(|slot| usize::from(slot.borrow().is_some())).sum();
            assert_eq!(left, 1);
            defuse();
        }
    });
}

#[test]
fn a_task_may_make_sockets_in_the_places_of_those_that_it_drops_when_it_is_woken() {
    with_both(async || {
        let (listener, address) = listen().await;
        let listener = Rc::new(listener);
        let (client, server) = super::kit::pair_of(&listener, address).await;
        let streams = Rc::new(RefCell::new(Vec::new()));
        for _ in 0..20 {
            let both = pair().await;
            streams.borrow_mut().push(both);
        }
        // Each of the others waits for its own.
        let others: Vec<_> = (0..20)
            .map(|at| {
                let streams = streams.clone();
                spawn(async move {
                    let stream = streams.borrow_mut()[at].1.as_fd().try_clone_to_owned().unwrap();
                    let stream = TcpStream::from_std(stream.into()).unwrap();
                    stream.read(&mut [0; 8]).await
                })
            })
            .collect();
        let first = spawn({
            let streams = streams.clone();
            async move {
                read_exactly(&server, 1).await;
                // All of them are ready, too.
                drop(streams.take());
                others.iter().for_each(|other| other.abort());
                let (near, far) = pair().await;
                assert!(cut_short(1, far.readable()).await.is_none(), "it has another's readiness");
                near.write_all(b"ahoy").await.unwrap();
                read_exactly(&far, 4).await
            }
        });
        yield_now().await;
        client.write_all(b"x").await.unwrap();
        streams.borrow().iter().for_each(|(near, _)| assert_eq!(near.try_write(b"x").unwrap(), 1));
        assert_eq!(first.await.unwrap(), b"ahoy");
    });
}

/// Is it closed when the process becomes another program?
fn is_close_on_exec(number: i32) -> bool {
    const CLOEXEC: u32 = 0o2000000;
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{number}")).unwrap();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
    u32::from_str_radix(flags.trim(), 8).unwrap() & CLOEXEC != 0
}

#[test]
fn io_09_every_descriptor_is_closed_on_exec() {
    alone(io_09_every_descriptor_is_closed_on_exec, || {
        for driver in Driver::ALL {
            let before = descriptors();
            let executor = Executor::new();
            executor.run(watched(async { driver.attach() }));
            let fd = executor.as_fd();
            assert_eq!(fd.is_ok(), driver == Driver::Best);
            executor.run(watched(async {
                let (client, server) = pair().await;
                // Registered, since the portable driver has a copy then.
                assert!(cut_short(1, client.readable()).await.is_none());
                assert!(cut_short(1, server.readable()).await.is_none());
                let (listener, _) = listen().await;
                assert!(cut_short(1, listener.accept()).await.is_none());
                let now = descriptors();
                let kinds: Vec<String> = now.difference(&before).map(|fd| target(*fd)).collect();
                let expected = ["eventpoll", "eventfd", "timerfd", "socket"];
                assert!(expected.iter().all(|kind| kinds.iter().any(|target| target.contains(kind))), "{kinds:?}");
                assert!(now.len() - before.len() >= 6);
                for fd in now.difference(&before) {
                    assert!(is_close_on_exec(*fd), "{}", target(*fd));
                }
            }));
        }
    });
}

#[test]
fn none_is_leaked_whatever_becomes_of_sockets_and_executors() {
    alone(none_is_leaked_whatever_becomes_of_sockets_and_executors, || {
        let before = descriptors();
        for driver in Driver::ALL {
            driver.run(async {
                let with_driver = descriptors();
                for _ in 0..5 {
                    let (client, server) = pair().await;
                    assert!(cut_short(1, server.readable()).await.is_none());
                    let (read, write) = client.into_split();
                    drop((write, server, read));
                    let (_held, nobody) = nobody();
                    TcpStream::connect(nobody).await.unwrap_err();
                    let (one, two) = pair().await;
                    let (one, two) = (one.into_std(), TcpStream::from_std(two.into_std()).unwrap());
                    assert!(cut_short(1, two.readable()).await.is_none());
                    drop(Async::new_nonblocking(two.into_std()));
                    drop(one);
                    let (listener, address) = listen().await;
                    TcpListener::bind([address, nobody]).await.unwrap_err();
                    drop(listener);
                    TcpListener::bind(address).await.unwrap();
                }
                assert_eq!(descriptors(), with_driver);
            });
            // Who waits still goes with the executor.
            let executor = Executor::new();
            executor.run(async {
                driver.attach();
                let (client, server) = pair().await;
                spawn(async move { server.read(&mut [0; 8]).await.map(|_| client) }).detach();
                spawn(async { listen().await.0.accept().await.map(drop) }).detach();
                yield_now().await;
            });
            drop(executor);
            assert_eq!(descriptors(), before, "{driver:?}");
        }
        // A host's descriptor keeps what it stands for.
        let executor = Executor::new();
        let fd = executor.as_fd().unwrap();
        drop(executor);
        let kept = descriptors().len();
        assert!(kept > before.len());
        rustix::io::fcntl_getfd(fd.as_fd()).unwrap();
        drop(fd);
        assert_eq!(descriptors(), before);
        run(async {});
        assert_eq!(descriptors(), before, "an executor without sockets has none");
    });
}

#[test]
fn a_source_that_is_dropped_forgets_its_wakers() {
    with_both(async || {
        let (_client, server) = pair().await;
        let (wakes, waker) = Wakes::new();
        let mut wait = Box::pin(server.readable());
        assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        assert_eq!(Arc::strong_count(&wakes), 3);
        drop(wait);
        assert_eq!(Arc::strong_count(&wakes), 2);
        let mut shared = &server;
        let mut buf = [0; 8];
        let poll = AsyncRead::poll_read(Pin::new(&mut shared), &mut Context::from_waker(&waker), &mut buf);
        assert!(poll.is_pending());
        assert_eq!(Arc::strong_count(&wakes), 3);
        drop(server);
        assert_eq!((Arc::strong_count(&wakes), wakes.count()), (2, 0));
    });
}
