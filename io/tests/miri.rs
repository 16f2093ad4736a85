//! What Miri can run of the drivers: pairs of Unix streams, on one thread and two.
#![cfg(target_os = "linux")]

use evenkeel_executor::{run, spawn, to_thread, yield_now};
use evenkeel_io::{Async, DriverBuilder};
use rustix::{
    fd::OwnedFd,
    io::{read, write},
    net::{AddressFamily, SocketFlags, SocketType, socketpair},
};

fn pair() -> [Async<OwnedFd>; 2] {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let (one, two) = socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None).unwrap();
    [one, two].map(Async::new_nonblocking)
}

async fn talk() {
    let [one, two] = pair();
    let answer = spawn(async move {
        let mut byte = [0];
        two.read_with(|fd| Ok(read(fd, &mut byte)?)).await.unwrap();
        two.write_with(|fd| Ok(write(fd, &[byte[0] + 1])?)).await.unwrap();
    });
    one.write_with(|fd| Ok(write(fd, &[7])?)).await.unwrap();
    let mut byte = [0];
    one.read_with(|fd| Ok(read(fd, &mut byte)?)).await.unwrap();
    assert_eq!(byte, [8]);
    answer.await.unwrap();
}

#[test]
fn two_tasks_talk_over_epoll() {
    run(talk());
}

#[test]
fn threads_wake_a_loop_that_parks_in_epoll() {
    run(async {
        // A wait for a socket attaches the driver.
        let [one, _two] = pair();
        let waits = spawn(async move { one.readable().await });
        yield_now().await;
        for n in 0..3 {
            assert_eq!(to_thread(move || n).await, n);
        }
        waits.abort();
    });
}

// Miri knows no timerfd, which the crate polling asks for.
#[cfg_attr(miri, ignore)]
#[test]
fn two_tasks_talk_over_the_portable_driver() {
    run(async {
        DriverBuilder::new().portable().attach().unwrap();
        talk().await;
    });
}
