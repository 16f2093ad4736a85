//! What the tests of sockets look with: both drivers, connected pairs, bytes that are told apart, and processes of a test's own.

use evenkeel::{
    Task,
    io::{DriverBuilder, TcpListener, TcpStream},
    run, spawn, timeout,
};
use rustix::{
    fd::OwnedFd,
    net::{
        AddressFamily, SocketType, bind, connect, getsockname, listen as listen_with, socket,
        sockopt::{set_socket_recv_buffer_size, set_socket_send_buffer_size},
    },
};
use std::{
    any::type_name_of_val,
    cell::Cell,
    collections::BTreeSet,
    env,
    fmt::Debug,
    fs,
    future::poll_fn,
    io,
    net::{self, SocketAddr},
    pin::pin,
    process::Command,
    rc::Rc,
    task::Poll,
    time::Duration,
};

/// Which driver an executor has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Driver {
    Best,
    Portable,
}

impl Driver {
    pub(crate) const ALL: [Driver; 2] = [Driver::Best, Driver::Portable];

    /// Gives it to the current executor.
    pub(crate) fn attach(self) {
        let builder = match self {
            Driver::Best => DriverBuilder::new(),
            Driver::Portable => DriverBuilder::new().portable(),
        };
        builder.attach().unwrap();
    }

    /// Runs a future with it, which must end.
    pub(crate) fn run<F: Future>(self, main: F) -> F::Output {
        run(async {
            self.attach();
            watched(main).await
        })
    }
}

/// Runs a test with each of the drivers.
pub(crate) fn with_both(test: impl AsyncFn()) {
    for driver in Driver::ALL {
        driver.run(test());
    }
}

/// A future that must end. What takes a minute has been lost.
pub(crate) async fn watched<F: Future>(future: F) -> F::Output {
    match timeout(Duration::from_secs(60), future).await {
        Ok(output) => output,
        Err(_) => panic!("it waits for something that never comes"),
    }
}

/// A listener on a port that the system chooses.
pub(crate) async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Both ends of a connection: that which connected, and that which was accepted.
pub(crate) async fn pair() -> (TcpStream, TcpStream) {
    let (listener, address) = listen().await;
    pair_of(&listener, address).await
}

/// Both ends of a connection with that listener, to which nobody else connects.
pub(crate) async fn pair_of(listener: &TcpListener, address: SocketAddr) -> (TcpStream, TcpStream) {
    let connects = spawn(TcpStream::connect(address));
    let (accepted, peer) = listener.accept().await.unwrap();
    let connected = connects.await.unwrap().unwrap();
    assert_eq!(connected.local_addr().unwrap(), peer);
    (connected, accepted)
}

/// Both ends of a connection that holds a few kilobytes only.
pub(crate) async fn narrow_pair() -> (TcpStream, TcpStream) {
    // A window that is narrowed later makes the system drop what it has promised to take, and wait.
    let narrow = || {
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        set_socket_send_buffer_size(&socket, 1 << 12).unwrap();
        set_socket_recv_buffer_size(&socket, 1 << 12).unwrap();
        socket
    };
    let (listener, connected) = (narrow(), narrow());
    bind(&listener, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    listen_with(&listener, 1).unwrap();
    let listener = net::TcpListener::from(listener);
    connect(&connected, &listener.local_addr().unwrap()).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    (TcpStream::from_std(connected.into()).unwrap(), TcpStream::from_std(accepted).unwrap())
}

/// An address at which nobody listens, for as long as the socket is kept.
pub(crate) fn nobody() -> (OwnedFd, SocketAddr) {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&socket, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = getsockname(&socket).unwrap().try_into().unwrap();
    (socket, address)
}

/// The bytes of a sending from `from` on: lost, doubled or swapped ones are seen.
pub(crate) fn bytes(from: usize, length: usize) -> Vec<u8> {
    (from..from + length).map(byte).collect()
}

pub(crate) fn byte(at: usize) -> u8 {
    (at ^ (at >> 8) ^ (at >> 16)) as u8
}

/// Reads until the peer sends no more.
pub(crate) async fn read_to_end(stream: &TcpStream) -> io::Result<Vec<u8>> {
    let (mut all, mut buf) = (Vec::new(), [0; 1 << 14]);
    loop {
        match stream.read(&mut buf).await? {
            0 => return Ok(all),
            length => all.extend_from_slice(&buf[..length]),
        }
    }
}

/// Reads so many bytes.
pub(crate) async fn read_exactly(stream: &TcpStream, length: usize) -> Vec<u8> {
    let mut all = vec![0; length];
    let mut filled = 0;
    while filled < length {
        match stream.read(&mut all[filled..]).await.unwrap() {
            0 => panic!("an end after {filled} of {length} bytes"),
            read => filled += read,
        }
    }
    all
}

/// Sends as much as the system takes at once, and returns how much that was. What is sent begins with byte `from`.
pub(crate) fn fill(stream: &TcpStream, from: usize) -> usize {
    let mut sent = 0;
    loop {
        match stream.try_write(&bytes(from + sent, 1 << 12)) {
            Ok(length) => sent += length,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return sent,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Polls a future until it has been pending so many times, and drops it. Its output, if it came before.
pub(crate) async fn cut_short<F: Future>(most: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut pendings = 0;
    poll_fn(|cx| {
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => return Poll::Ready(Some(output)),
            Poll::Pending => pendings += 1,
        }
        if pendings < most { Poll::Pending } else { Poll::Ready(None) }
    })
    .await
}

/// Lets the driver look.
pub(crate) async fn look() {
    let (near, far) = pair().await;
    near.write_all(b"x").await.unwrap();
    read_exactly(&far, 1).await;
}

/// A task that waits, and counts how often it is polled.
pub(crate) fn spawn_counted<T: Debug + 'static>(
    future: impl Future<Output = T> + 'static,
) -> (Task<T>, Rc<Cell<usize>>) {
    let polls = Rc::new(Cell::new(0));
    (spawn(crate::kit::stage::counted(&polls, future)), polls)
}

/// The descriptors of this process, by number. The one that looks is not among them.
pub(crate) fn descriptors() -> BTreeSet<i32> {
    let looks: Vec<i32> = fs::read_dir("/proc/self/fd")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap().parse().unwrap())
        .collect();
    looks.into_iter().filter(|fd| fs::read_link(format!("/proc/self/fd/{fd}")).is_ok()).collect()
}

/// Runs a test's body in a process of its own, whose descriptors and limits nobody shares. `test` is the test.
#[track_caller]
pub(crate) fn alone(test: impl Fn(), body: impl FnOnce()) {
    const CHILD: &str = "EVENKEEL_ALONE";
    // The crate's name, and the test as the harness knows it.
    let (_, name) = type_name_of_val(&test).split_once("::").unwrap();
    if env::var(CHILD).is_ok_and(|alone| alone == name) {
        return body();
    }
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", name, "--include-ignored", "--nocapture", "--test-threads=1"])
        .env(CHILD, name)
        .output()
        .unwrap();
    let [says, complains] = [child.stdout, child.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    // What it says is for those who asked to see it.
    eprint!("{complains}");
    assert!(child.status.success() && says.contains("1 passed"), "{}\n{says}", child.status);
}
