//! What connections cost in memory. A counting allocator stands behind this binary; each test counts its own thread.

#![cfg(target_os = "linux")]

#[path = "../../executor/tests/counting/mod.rs"]
mod counting;

use counting::{BYTES, CALLS, LIVE};
use evenkeel::{
    Task,
    io::{Async, DriverBuilder, TcpListener, TcpStream},
    run, spawn, yield_now,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::{
    cell::Cell,
    fs::File,
    future::poll_fn,
    io::{self, Read, Write},
    net,
    pin::pin,
    rc::Rc,
    sync::Mutex,
    task::Poll,
};

/// The tests share one process's descriptors, so they come one after the other.
static DESCRIPTORS: Mutex<()> = Mutex::new(());

/// How many connections there may be, if each takes so many descriptors, and the most that are wanted.
fn room(each: u64, wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
    let most = limit.maximum.unwrap_or(1 << 20).saturating_sub(200) / each;
    wanted.min(most as usize)
}

/// Runs it with each of the drivers, and says how many descriptors a connection takes then.
fn with_both(test: impl AsyncFn(u64)) {
    let _alone = DESCRIPTORS.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    // What a process has once.
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (peer, stream) = accept(&listener).await;
        let task = idle(stream);
        yield_now().await;
        drop(peer);
        assert_eq!(task.await.unwrap().unwrap(), 0);
    });
    let before = BYTES.get();
    run(test(2));
    all_is_given_back(before);
    run(async {
        DriverBuilder::new().portable().attach().unwrap();
        test(3).await;
    });
    all_is_given_back(before);
}

/// All goes with the executor, but for some bytes that executors on all threads share.
fn all_is_given_back(before: isize) {
    let left = BYTES.get() - before;
    assert!(left.abs() < 1_000, "{left} bytes are left");
}

/// A connection, the peer's end as std has it.
async fn accept(listener: &TcpListener) -> (net::TcpStream, TcpStream) {
    let peer = net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    (peer, stream)
}

/// A task that reads one byte, and then ends.
fn idle(stream: TcpStream) -> Task<io::Result<usize>> {
    spawn(async move { stream.read(&mut [0]).await })
}

/// Polls a future once, which must wait.
async fn wait_once(future: impl Future) {
    let mut future = pin!(future);
    let is_pending = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_pending())).await;
    assert!(is_pending, "it was to wait");
}

#[test]
fn ten_thousand_idle_connections_and_their_tasks_cost_at_most_400_bytes_each_and_all_are_given_back() {
    with_both(async |each| {
        let count = room(each, 10_000);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (mut peers, mut streams) = (Vec::with_capacity(count), Vec::with_capacity(count));
        // What the driver has for all of them.
        let (_peer, stream) = accept(&listener).await;
        wait_once(stream.readable()).await;
        let before = BYTES.get();
        for _ in 0..count {
            let (peer, stream) = accept(&listener).await;
            peers.push(peer);
            streams.push(stream);
        }
        for stream in &streams {
            wait_once(stream.readable()).await;
        }
        let bytes = (BYTES.get() - before) / count as isize;
        println!("{bytes} bytes for each of {count} connections");
        let before_tasks = BYTES.get();
        let mut tasks = Vec::with_capacity(count);
        tasks.extend(streams.into_iter().map(idle));
        yield_now().await;
        assert!(tasks.iter().all(|task| !task.is_finished()));
        let of_tasks = (BYTES.get() - before_tasks) / count as isize;
        println!("{of_tasks} bytes for each task that reads");
        assert!(bytes + of_tasks <= 400, "{bytes} bytes for a connection and {of_tasks} for its task");
        // They work still.
        for peer in &mut peers {
            peer.write_all(b"x").unwrap();
        }
        for task in tasks {
            assert_eq!(task.await.unwrap().unwrap(), 1);
        }
    });
}

#[test]
fn beside_idle_connections_one_that_works_allocates_nothing() {
    with_both(async |each| {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut idles = Vec::new();
        for _ in 0..room(each, 500) {
            let (peer, stream) = accept(&listener).await;
            idles.push((peer, idle(stream)));
        }
        let (mut peer, stream) = accept(&listener).await;
        let mut text = [0; 8];
        let mut round = async || {
            peer.write_all(b"ahoy").unwrap();
            assert_eq!(stream.read(&mut text).await.unwrap(), 4);
            stream.write_all(&text[..4]).await.unwrap();
            let mut back = [0; 4];
            peer.read_exact(&mut back).unwrap();
            assert_eq!(&back, b"ahoy");
            assert!(stream.try_read(&mut text).is_err());
        };
        for _ in 0..10 {
            round().await;
        }
        let before = (CALLS.get(), LIVE.get());
        for _ in 0..500 {
            round().await;
        }
        assert_eq!((CALLS.get(), LIVE.get()), before);
    });
}

#[test]
fn a_client_that_never_reads_costs_its_server_no_memory() {
    with_both(async |_| {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (peer, stream) = accept(&listener).await;
        let written = Rc::new(Cell::new(0));
        let count = written.clone();
        let stuck = spawn(async move {
            loop {
                match stream.write(&[7; 1000]).await {
                    Ok(length) => count.set(count.get() + length),
                    Err(error) => return error,
                }
            }
        });
        // Until the system takes no more.
        while grows(&written).await || written.get() == 0 {}
        let before = BYTES.get();
        for _ in 0..1000 {
            yield_now().await;
        }
        assert_eq!(BYTES.get(), before);
        drop(peer);
        stuck.await.unwrap();
    });
}

/// Does it still grow?
async fn grows(written: &Cell<usize>) -> bool {
    let before = written.get();
    for _ in 0..200 {
        yield_now().await;
    }
    written.get() != before
}

#[test]
fn what_cannot_be_waited_for_leaves_nothing_behind() {
    with_both(async |_| {
        let path = std::env::current_exe().unwrap();
        let refused = async || {
            let file = Async::new(File::open(&path).unwrap()).unwrap();
            file.readable().await.unwrap_err();
        };
        for _ in 0..10 {
            refused().await;
        }
        let before = BYTES.get();
        for _ in 0..1_000 {
            refused().await;
        }
        assert_eq!(BYTES.get(), before);
    });
}
