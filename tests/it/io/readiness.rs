//! What `readable` and `writable` say is so when they say it, whoever reads and writes by what means; and what is always ready gives way.

use super::kit::{Driver, listen, look, nobody, pair, with_both};
use evenkeel::{
    Executor, Instant,
    io::{Async, TcpListener, TcpStream, UdpSocket, UnixStream},
    run, spawn, timeout, yield_now,
};
use rustix::{
    event::{EventfdFlags, eventfd},
    io::{read, write},
    net::{RecvFlags, recv},
};
use std::{
    cell::Cell,
    future::{Future, poll_fn},
    io::{ErrorKind, IoSlice, IoSliceMut},
    pin::Pin,
    rc::Rc,
    task::Context,
    time::Duration,
};

/// Is that over after the driver has looked a few times?
async fn is_over(future: impl Future<Output = ()> + 'static) -> bool {
    let done = Rc::new(Cell::new(false));
    let seen = done.clone();
    let _task = spawn(async move {
        future.await;
        seen.set(true);
    });
    for _ in 0..3 {
        look().await;
    }
    done.get()
}

#[test]
fn io_14_what_was_read_by_other_means_is_not_readable_any_more() {
    with_both(async || {
        let counter = Rc::new(Async::new(eventfd(0, EventfdFlags::CLOEXEC).unwrap()).unwrap());
        for _ in 0..3 {
            write(counter.get_ref(), &1_u64.to_ne_bytes()).unwrap();
            counter.readable().await.unwrap();
            counter.readable().await.unwrap();
            // Not through the source.
            assert_eq!(read(counter.get_ref(), &mut [0; 8]).unwrap(), 8);
            let waits = counter.clone();
            assert!(!is_over(async move { waits.readable().await.unwrap() }).await, "there is nothing to read");
        }
        counter.writable().await.unwrap();
    });
}

#[test]
fn io_14_a_read_that_fits_exactly_leaves_nothing_to_read() {
    with_both(async || {
        let (near, far) = pair().await;
        near.write_all(b"abcd").await.unwrap();
        assert_eq!(far.read(&mut [0; 4]).await.unwrap(), 4);
        let far = Rc::new(far);
        let waits = far.clone();
        assert!(!is_over(async move { waits.readable().await.unwrap() }).await);
        near.write_all(b"e").await.unwrap();
        far.readable().await.unwrap();
        assert_eq!(recv(&*far, &mut [0; 4][..], RecvFlags::DONTWAIT).unwrap().0, 1);
        let waits = far.clone();
        assert!(!is_over(async move { waits.readable().await.unwrap() }).await);
        drop(near);
        far.readable().await.unwrap();
        far.readable().await.unwrap();
        assert_eq!(far.read(&mut [0; 4]).await.unwrap(), 0);
    });
}

#[test]
fn io_14_an_empty_buffer_is_read_and_written_at_once_whether_the_socket_is_ready_or_not() {
    with_both(async || {
        let (near, _far) = pair().await;
        let task = spawn(async move {
            assert_eq!(near.try_read(&mut [0; 4]).unwrap_err().kind(), ErrorKind::WouldBlock);
            assert_eq!(near.read(&mut []).await.unwrap(), 0);
            assert_eq!(near.write(&[]).await.unwrap(), 0);
            // And by the traits, in slices and without.
            let mut near = near;
            let mut empty = [0; 0];
            let slices = &mut [IoSliceMut::new(&mut empty)];
            assert_eq!(futures::AsyncReadExt::read_vectored(&mut near, slices).await.unwrap(), 0);
            let slices = &[IoSlice::new(&[]), IoSlice::new(&[])];
            assert_eq!(futures::AsyncWriteExt::write_vectored(&mut near, slices).await.unwrap(), 0);
            assert_eq!(tokio::io::AsyncReadExt::read(&mut near, &mut []).await.unwrap(), 0);
            let mut cursor = hyper::rt::ReadBuf::new(&mut []);
            let read = |cx: &mut Context<'_>| hyper::rt::Read::poll_read(Pin::new(&mut near), cx, cursor.unfilled());
            poll_fn(read).await.unwrap();
        });
        task.await.unwrap();
    });
}

/// `again` is tried for as long as a task lives that would never end. It gives way to the others.
async fn gives_way(again: impl AsyncFn() + 'static) {
    let polls = Rc::new(Cell::new(0));
    let task = spawn(async move {
        loop {
            again().await;
        }
    });
    for _ in 0..20 {
        polls.set(polls.get() + 1);
        yield_now().await;
    }
    task.abort();
    assert_eq!(polls.get(), 20);
}

#[test]
fn io_05_who_tries_again_and_again_what_fails_at_once_gives_way() {
    with_both(async || {
        gives_way(async || drop(UnixStream::connect("/nowhere/at/all").await.unwrap_err())).await;
        gives_way(async || drop(TcpListener::bind("192.0.2.1:1").await.unwrap_err())).await;
        gives_way(async || drop(TcpStream::connect("255.255.255.255:1").await.unwrap_err())).await;
        gives_way(async || drop(TcpStream::connect("no address").await.unwrap_err())).await;
        let (_socket, address) = nobody();
        gives_way(async move || drop(TcpStream::connect(address).await.unwrap_err())).await;
        let socket = Rc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        gives_way(async move || drop(socket.send_to(b"x", "no address").await.unwrap_err())).await;
    });
}

#[test]
fn io_08_two_executors_that_both_read_one_stream_get_an_error_whatever_else_becomes_ready() {
    let [first, second] = [Executor::new(), Executor::new()];
    let (near, _far) = run(pair());
    let near = Rc::new(near);
    let errors = Rc::new(Cell::new(0));
    let read = |executor: &Executor| {
        let (near, errors) = (near.clone(), errors.clone());
        executor
            .spawn(async move {
                let error = near.read(&mut [0]).await.unwrap_err();
                assert!(error.to_string().contains("two executors at once"), "{error}");
                errors.set(errors.get() + 1);
            })
            .detach();
    };
    read(&first);
    read(&second);
    // The stream can be written to all the time, which each driver is told anew.
    let until = Instant::now() + Duration::from_secs(60);
    while errors.get() == 0 {
        assert!(Instant::now() < until, "they pass it to and fro for ever");
        for executor in [&first, &first, &second, &second] {
            executor.run_until_stalled();
        }
    }
    assert_eq!(errors.get(), 1, "the other one waits on");
}

#[test]
fn io_15_outside_an_executor_there_is_an_error_also_for_names() {
    for error in [
        futures::executor::block_on(TcpStream::connect("localhost:1")).map(drop).unwrap_err(),
        futures::executor::block_on(TcpStream::connect(("localhost", 1))).map(drop).unwrap_err(),
        futures::executor::block_on(TcpListener::bind("localhost:0")).map(drop).unwrap_err(),
    ] {
        assert!(error.to_string().contains("outside an executor"), "{error}");
    }
}

#[test]
fn io_15_stds_sockets_become_ours_and_go_back() {
    run(async {
        let (listener, address) = listen().await;
        let listener = TcpListener::try_from(std::net::TcpListener::from(listener)).unwrap();
        assert_eq!(listener.local_addr().unwrap(), address);
        let (near, far) = super::kit::pair_of(&listener, address).await;
        let near = TcpStream::try_from(std::net::TcpStream::from(near)).unwrap();
        near.write_all(b"x").await.unwrap();
        assert_eq!(far.read(&mut [0; 2]).await.unwrap(), 1);
        let fd: std::os::fd::OwnedFd = far.into();
        assert!(timeout(Duration::from_millis(1), Async::new(fd).unwrap().readable()).await.is_err());
    });
}

#[test]
fn io_15_a_source_sets_the_mode_that_it_needs() {
    Driver::Best.run(async {
        let (near, far) = std::os::unix::net::UnixStream::pair().unwrap();
        let near = Async::new(near).unwrap();
        let waits = spawn(async move {
            use std::io::Read;
            near.read_with(|mut near| near.read(&mut [0; 4])).await.unwrap()
        });
        look().await;
        std::io::Write::write_all(&mut &far, b"abc").unwrap();
        assert_eq!(waits.await.unwrap(), 3);
    });
}
