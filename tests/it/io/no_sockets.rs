//! Executors without sockets.

use evenkeel::{
    Handle,
    io::{DriverBuilder, TcpListener, TcpStream},
    run, sleep, spawn, timeout, to_thread,
};
use std::{future::poll_fn, io::ErrorKind, pin::pin, task::Poll, time::Duration};

/// There is room for one driver, so this tells whether there was one, and leaves one.
fn had_none() -> bool {
    DriverBuilder::new().attach().is_ok()
}

#[test]
fn io_01_tasks_timers_and_threads_bring_no_driver() {
    run(async {
        spawn(async { sleep(Duration::from_millis(1)).await }).await.unwrap();
        let handle = Handle::current();
        assert_eq!(to_thread(move || handle.call(|| 7).unwrap()).await, 7);
        timeout(Duration::from_secs(60), sleep(Duration::ZERO)).await.unwrap();
        assert!(had_none());
        assert!(!had_none(), "a second one is refused");
    });
}

#[test]
fn io_01_sockets_bring_a_driver_with_their_first_wait_and_not_before() {
    let listener = run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        assert!(had_none());
        listener
    });
    // What needs no wait needs no driver either.
    let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    run(async {
        let client = TcpStream::from_std(client).unwrap();
        let (server, _) = listener.accept().await.unwrap();
        assert_eq!(server.write(b"ahoy").await.unwrap(), 4);
        assert_eq!(server.try_read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        drop(client);
        assert!(had_none());
    });
    run(async {
        let mut accept = pin!(listener.accept());
        let is_pending = poll_fn(|cx| Poll::Ready(accept.as_mut().poll(cx).is_pending())).await;
        assert!(is_pending, "nobody connects");
        assert!(!had_none());
    });
}
