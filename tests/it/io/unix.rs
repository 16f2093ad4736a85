//! Streams and datagrams within a host.

use super::kit::{alone, bytes, cut_short, descriptors, spawn_counted, watched, with_both};
use crate::kit::{
    probe::{Record, ms},
    stage::run_watched,
};
use evenkeel::{
    Executor, Instant, JoinError,
    host::Unhandled,
    io::{UdpSocket, UnixDatagram, UnixListener, UnixStream},
    run, sleep, spawn, timeout, yield_now,
};
use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use rustix::net::{
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketType, bind, listen, sendmsg,
    socket_with,
};
use rustix::{
    io::Errno,
    process::{Resource, Rlimit, getrlimit, setrlimit},
};
use std::{
    fs::File,
    io::{self, ErrorKind, IoSlice},
    mem::MaybeUninit,
    net::Shutdown,
    os::{fd::AsFd, unix::net},
    path::{Path, PathBuf},
    rc::Rc,
};
use tempfile::TempDir;

/// A folder, and a path in it at which nothing is.
fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    (folder, path)
}

fn kind<T>(result: io::Result<T>) -> ErrorKind {
    result.err().expect("it fails").kind()
}

/// A listener of the system's that lets so many wait, and is full with one more.
fn narrow_listener(path: &Path, waiting: i32) -> net::UnixListener {
    use rustix::net::{AddressFamily, SocketFlags};
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    bind(&socket, &SocketAddrUnix::new(path).unwrap()).unwrap();
    listen(&socket, waiting).unwrap();
    socket.into()
}

#[test]
fn io_unix_a_connection_carries_bytes_both_ways() {
    with_both(async || {
        let (_folder, path) = place();
        let listener = UnixListener::bind(&path).unwrap();
        assert_eq!(listener.local_addr().unwrap().as_pathname(), Some(&*path));
        let client = spawn(async move {
            let stream = UnixStream::connect(&path).await.unwrap();
            assert_eq!(stream.peer_addr().unwrap().as_pathname(), Some(&*path));
            stream.write_all(b"ahoy").await.unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            let mut text = [0; 16];
            let length = stream.read(&mut text).await.unwrap();
            text[..length].to_vec()
        });
        let (stream, address) = listener.accept().await.unwrap();
        assert!(address.is_unnamed(), "{address:?}");
        assert!(stream.peer_addr().unwrap().is_unnamed());
        let mut text = Vec::new();
        (&stream).read_to_end(&mut text).await.unwrap();
        assert_eq!(text, b"ahoy");
        assert_eq!(stream.write(b"there").await.unwrap(), 5);
        assert_eq!(client.await.unwrap(), b"there");
    });
}

#[test]
fn io_unix_what_is_sent_comes_through_a_pipe_that_is_full_again_and_again() {
    const LENGTH: usize = 3 << 20;
    with_both(async || {
        let (one, other) = UnixStream::pair().unwrap();
        let sender = spawn(async move { one.write_all(&bytes(0, LENGTH)).await.unwrap() });
        let (mut came, mut buf) = (Vec::new(), vec![0; 10_007]);
        loop {
            match other.read(&mut buf).await.unwrap() {
                0 => break,
                length => came.extend_from_slice(&buf[..length]),
            }
        }
        sender.await.unwrap();
        assert!(came == bytes(0, LENGTH));
    });
}

#[test]
fn io_unix_an_address_that_is_taken_is_named() {
    let (_folder, path) = place();
    drop(UnixListener::bind(&path).unwrap());
    let errors = [UnixListener::bind(&path).unwrap_err(), UnixDatagram::bind(&path).unwrap_err()];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        let text = error.to_string();
        assert!(
            text.starts_with(&format!("{} is there already", path.display())) && text.contains("remove it"),
            "{text}"
        );
    }
}

#[test]
fn io_unix_who_connects_to_nobody_is_told_so() {
    with_both(async || {
        let (_folder, path) = place();
        assert_eq!(kind(UnixStream::connect(&path).await), ErrorKind::NotFound);
        drop(UnixListener::bind(&path).unwrap());
        assert_eq!(kind(UnixStream::connect(&path).await), ErrorKind::ConnectionRefused);
        let long = "x".repeat(200);
        assert_eq!(kind(UnixStream::connect(&long).await), ErrorKind::InvalidInput);
        assert_eq!(kind(UnixListener::bind(&long)), ErrorKind::InvalidInput);
        let unnamed = UnixStream::pair().unwrap().0.local_addr().unwrap();
        assert_eq!(kind(UnixStream::connect_addr(&unnamed).await), ErrorKind::InvalidInput);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn io_unix_abstract_names_need_no_file() {
    use std::os::linux::net::SocketAddrExt;
    with_both(async || {
        let (folder, _) = place();
        let name = folder.path().as_os_str().as_encoded_bytes();
        let address = net::SocketAddr::from_abstract_name(name).unwrap();
        let listener = UnixListener::bind_addr(&address).unwrap();
        assert_eq!(kind(UnixListener::bind_addr(&address)), ErrorKind::AddrInUse);
        let client = UnixStream::connect_addr(&address);
        let (connected, accepted) = evenkeel::gather((client, listener.accept())).await;
        assert_eq!(connected.unwrap().peer_addr().unwrap().as_abstract_name(), Some(name));
        drop(accepted.unwrap());
        // A client that has a name of its own is known by it.
        let own = net::SocketAddr::from_abstract_name([name, b"-client"].concat()).unwrap();
        let socket = rustix::net::socket(rustix::net::AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
        bind(&socket, &SocketAddrUnix::new_abstract_name(own.as_abstract_name().unwrap()).unwrap()).unwrap();
        rustix::net::connect(&socket, &SocketAddrUnix::new_abstract_name(name).unwrap()).unwrap();
        let (_, address) = listener.accept().await.unwrap();
        assert_eq!(address.as_abstract_name(), own.as_abstract_name());
    });
}

/// Linux says at once that it is full, and nothing when it is not any more.
#[cfg(target_os = "linux")]
#[test]
fn io_unix_who_connects_to_a_listener_that_is_full_waits_for_room() {
    with_both(async || {
        let (_folder, path) = place();
        let listener = UnixListener::from_std(narrow_listener(&path, 0)).unwrap();
        let first = UnixStream::connect(&path).await.unwrap();
        let second = spawn({
            let path = path.clone();
            async move { UnixStream::connect(&path).await.map(drop) }
        });
        // Nobody is served while it is full, and a wait has a bound.
        timeout(ms(20), UnixStream::connect(&path)).await.unwrap_err();
        assert!(!second.is_finished());
        drop((listener.accept().await.unwrap(), first));
        watched(second).await.unwrap().unwrap();
    });
}

#[cfg(target_os = "linux")]
#[test]
fn io_unix_the_pauses_of_who_waits_for_room_grow() {
    let (_folder, path) = place();
    let listener = narrow_listener(&path, 0);
    let _first = net::UnixStream::connect(&path).unwrap();
    // In virtual time a wait of a minute takes as long as its attempts.
    let (polls, told) = run_watched(async {
        let begin = Instant::now();
        let polls = Rc::default();
        let connecting = crate::kit::stage::counted(&polls, UnixStream::connect(&path));
        timeout(ms(60_000), connecting).await.unwrap_err();
        assert_eq!(begin.elapsed(), ms(60_000));
        polls.get()
    });
    // Pauses of 1, 2, 4, 8, 16, 32 and then always 64 ms.
    assert!((900..1000).contains(&polls), "{polls}");
    assert!(told.is_empty(), "{told:?}");
    drop(listener);
}

#[test]
fn io_unix_incoming_gives_one_connection_after_the_other() {
    with_both(async || {
        let (_folder, path) = place();
        let listener = UnixListener::bind(&path).unwrap();
        let clients = spawn(async move {
            for text in ["one", "two", "three"] {
                UnixStream::connect(&path).await.unwrap().write_all(text.as_bytes()).await.unwrap();
            }
        });
        let mut texts = Vec::new();
        let mut incoming = listener.incoming();
        while texts.len() < 3 {
            let mut text = String::new();
            incoming.next().await.unwrap().unwrap().read_to_string(&mut text).await.unwrap();
            texts.push(text);
        }
        clients.await.unwrap();
        assert_eq!(texts, ["one", "two", "three"]);
        assert!(format!("{incoming:?}").contains("UnixListener"), "{incoming:?}");
    });
}

#[test]
fn io_unix_a_listener_that_listens_no_more_ends_its_stream() {
    with_both(async || {
        // A socket that never listened.
        let socket = rustix::net::socket(rustix::net::AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
        let listener = UnixListener::from_std(socket.into()).unwrap();
        assert_eq!(kind(listener.accept().await), ErrorKind::InvalidInput);
        let mut incoming = listener.incoming();
        assert!(incoming.next().await.unwrap().is_err());
        assert!(incoming.next().await.is_none());
    });
}

#[test]
fn io_unix_a_read_that_ends_early_does_not_hide_what_follows() {
    with_both(async || {
        let (one, other) = UnixStream::pair().unwrap();
        assert!(cut_short(1, other.read(&mut [0; 64])).await.is_none(), "from here on the driver tells");
        // Descriptors that are passed along end a read, though more bytes have come.
        for text in [&b"first"[..], b"second", b"third"] {
            let fds = [one.as_fd()];
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut ancillary = SendAncillaryBuffer::new(&mut space);
            assert!(ancillary.push(SendAncillaryMessage::ScmRights(&fds)));
            sendmsg(&one, &[IoSlice::new(text)], &mut ancillary, SendFlags::empty()).unwrap();
        }
        let (mut came, mut buf) = (Vec::new(), [0; 64]);
        while came.len() < 16 {
            let length = watched(other.read(&mut buf)).await.unwrap();
            came.extend_from_slice(&buf[..length]);
        }
        assert_eq!(came, b"firstsecondthird");
    });
}

#[test]
fn io_unix_halves_share_a_connection_and_the_writing_one_ends_its_direction() {
    with_both(async || {
        let (one, mut other) = UnixStream::pair().unwrap();
        let (mut reads, mut writes) = one.into_split();
        let task = spawn(async move {
            writes.write_all(b"ahoy").await.unwrap();
        });
        let mut text = String::new();
        other.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "ahoy");
        task.await.unwrap();
        {
            let (_, mut writes) = UnixStream::split(&mut other);
            writes.write_all(b"there").await.unwrap();
            writes.close().await.unwrap();
        }
        text.clear();
        reads.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "there");
        assert!(reads.as_ref().peer_addr().unwrap().is_unnamed());
    });
}

#[test]
fn io_unix_halves_are_reunited_or_stay_what_they_were() {
    with_both(async || {
        let (one, other) = UnixStream::pair().unwrap();
        let ((one_reads, one_writes), (other_reads, other_writes)) = (one.into_split(), other.into_split());
        let error = one_reads.reunite(other_writes).unwrap_err();
        assert!(error.to_string().contains("two connections"));
        let (one_reads, other_writes) = (error.0, error.1);
        let one = one_reads.reunite(one_writes).unwrap();
        let other = other_reads.reunite(other_writes).unwrap();
        one.write_all(b"whole").await.unwrap();
        assert_eq!(other.read(&mut [0; 8]).await.unwrap(), 5);
        // A half that is forgotten leaves its direction open.
        let (reads, writes) = one.into_split();
        writes.forget();
        assert!(cut_short(1, other.read(&mut [0; 8])).await.is_none());
        drop(reads);
        assert_eq!(other.read(&mut [0; 8]).await.unwrap(), 0);
    });
}

#[test]
fn io_unix_a_peer_that_is_gone_is_told_of() {
    with_both(async || {
        let (one, other) = UnixStream::pair().unwrap();
        assert!(cut_short(1, one.read(&mut [0; 8])).await.is_none());
        let waits = spawn(async move {
            assert_eq!(one.read(&mut [0; 8]).await.unwrap(), 0);
            one
        });
        yield_now().await;
        drop(other);
        let one = watched(waits).await.unwrap();
        assert_eq!(kind(one.write(b"hello?").await), ErrorKind::BrokenPipe);
        one.shutdown(Shutdown::Write).unwrap();
        assert!(one.take_error().unwrap().is_none());
    });
}

#[test]
fn io_unix_a_cancelled_operation_loses_no_byte_and_writes_none() {
    with_both(async || {
        let (one, other) = UnixStream::pair().unwrap();
        let mut buf = [0; 64];
        for _ in 0..3 {
            assert!(cut_short(1, other.read(&mut buf)).await.is_none());
            assert!(cut_short(1, other.readable()).await.is_none());
            assert_eq!(kind(other.try_read(&mut buf)), ErrorKind::WouldBlock);
            one.write_all(b"ahoy").await.unwrap();
            assert_eq!(other.read(&mut buf).await.unwrap(), 4);
        }
        let mut sent = 0;
        loop {
            match one.try_write(&bytes(sent, 1000)) {
                Ok(length) => sent += length,
                Err(error) => break assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
        for _ in 0..3 {
            assert!(cut_short(1, one.write(&[0xff; 1000])).await.is_none());
            assert!(cut_short(1, one.writable()).await.is_none());
        }
        drop(one);
        let mut came = Vec::new();
        loop {
            match other.read(&mut buf).await.unwrap() {
                0 => break,
                length => came.extend_from_slice(&buf[..length]),
            }
        }
        assert!(came == bytes(0, sent));
    });
}

#[test]
fn io_unix_an_accept_that_is_cancelled_loses_no_connection() {
    with_both(async || {
        let (_folder, path) = place();
        let listener = UnixListener::bind(&path).unwrap();
        for _ in 0..3 {
            assert!(cut_short(1, listener.accept()).await.is_none());
            let client = UnixStream::connect(&path).await.unwrap();
            let (server, _) = watched(listener.accept()).await.unwrap();
            client.write_all(b"x").await.unwrap();
            assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 1);
        }
    });
}

#[test]
fn io_unix_streams_of_stds_come_and_go() {
    let (one, other) = net::UnixStream::pair().unwrap();
    let (one, _other) = run(async {
        let (one, other) = (UnixStream::from_std(one).unwrap(), UnixStream::from_std(other).unwrap());
        one.write_all(b"ahoy").await.unwrap();
        assert_eq!(other.read(&mut [0; 8]).await.unwrap(), 4);
        (one.into_std(), other)
    });
    assert_eq!(kind(io::Read::read(&mut &one, &mut [0; 8])), ErrorKind::WouldBlock, "it stays non-blocking");
    let (_folder, path) = place();
    let listener = UnixListener::bind(&path).unwrap().into_std();
    assert_eq!(kind(listener.accept()), ErrorKind::WouldBlock);
}

#[test]
fn io_unix_a_datagram_comes_as_a_whole_with_its_senders_address() {
    with_both(async || {
        let (folder, path) = place();
        let receiver = UnixDatagram::bind(&path).unwrap();
        let own = folder.path().join("own");
        let sender = UnixDatagram::bind(&own).unwrap();
        let nameless = UnixDatagram::unbound().unwrap();
        assert_eq!(sender.send_to(b"ahoy", &path).await.unwrap(), 4);
        assert_eq!(nameless.try_send_to(b"there", &path).unwrap(), 5);
        let mut text = [0; 64];
        let (length, address) = receiver.recv_from(&mut text).await.unwrap();
        assert_eq!((&text[..length], address.as_pathname()), (&b"ahoy"[..], Some(&*own)));
        let (length, address) = receiver.try_recv_from(&mut text).unwrap();
        assert_eq!((&text[..length], address.is_unnamed()), (&b"there"[..], true));
        assert_eq!(kind(receiver.try_recv(&mut text)), ErrorKind::WouldBlock);
        sender.connect(&path).unwrap();
        assert_eq!(sender.peer_addr().unwrap().as_pathname(), Some(&*path));
        assert_eq!(sender.local_addr().unwrap().as_pathname(), Some(&*own));
        assert_eq!(sender.send(b"connected").await.unwrap(), 9);
        assert_eq!(receiver.recv(&mut text).await.unwrap(), 9);
    });
}

#[test]
fn io_unix_datagrams_that_nobody_takes_are_refused() {
    with_both(async || {
        let (_folder, path) = place();
        let sender = UnixDatagram::unbound().unwrap();
        assert_eq!(kind(sender.send_to(b"x", &path).await), ErrorKind::NotFound);
        assert_eq!(kind(sender.connect(&path)), ErrorKind::NotFound);
        assert_eq!(kind(sender.send(b"x").await), ErrorKind::NotConnected);
        drop(UnixDatagram::bind(&path).unwrap());
        assert_eq!(kind(sender.send_to(b"x", &path).await), ErrorKind::ConnectionRefused);
        let (one, other) = UnixDatagram::pair().unwrap();
        one.send(&vec![0; 8 << 20]).await.unwrap_err();
        drop(other);
        one.send(b"x").await.unwrap_err();
        one.shutdown(Shutdown::Both).unwrap();
        assert!(one.take_error().unwrap().is_none());
    });
}

/// So many datagrams, in order, through a line that is full after a few.
async fn sends_all(sender: impl AsyncFn(&[u8]) + 'static, receiver: UnixDatagram) {
    let sender = spawn(async move {
        for number in 0..100_u32 {
            sender(&number.to_le_bytes()).await;
        }
    });
    // The line is full before the first is received.
    for _ in 0..20 {
        yield_now().await;
    }
    assert!(!sender.is_finished(), "it is to be full");
    let mut buf = [0; 64];
    for number in 0..100_u32 {
        assert_eq!(watched(receiver.recv(&mut buf)).await.unwrap(), 4);
        assert_eq!(buf[..4], number.to_le_bytes());
    }
    sender.await.unwrap();
}

#[test]
fn io_unix_who_is_connected_is_told_when_a_receiver_has_room_again() {
    with_both(async || {
        let (_folder, path) = place();
        let receiver = UnixDatagram::bind(&path).unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        sender.connect(&path).unwrap();
        sends_all(async move |datagram| assert_eq!(sender.send(datagram).await.unwrap(), 4), receiver).await;
    });
}

#[test]
fn io_unix_who_is_not_connected_tries_until_a_receiver_has_room_again() {
    with_both(async || {
        let (_folder, path) = place();
        let receiver = UnixDatagram::bind(&path).unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        sends_all(async move |datagram| assert_eq!(sender.send_to(datagram, &path).await.unwrap(), 4), receiver).await;
    });
}

/// The system tells those only who are connected; whoever is not it tells again and again that he may try.
#[test]
fn io_unix_who_finds_a_line_that_others_have_filled_sends_when_there_is_room_and_does_not_spin() {
    with_both(async || {
        for connects in [false, true] {
            let (_folder, path) = place();
            let receiver = UnixDatagram::bind(&path).unwrap();
            let [fills, sends] = [(); 2].map(|()| UnixDatagram::unbound().unwrap());
            let mut filled = 0;
            while fills.try_send_to(b"fills", &path).is_ok() {
                filled += 1;
            }
            let (waits, polls) = spawn_counted(async move {
                if connects {
                    sends.connect(&path).unwrap();
                    sends.send(b"waits").await.unwrap()
                } else {
                    sends.send_to(b"waits", &path).await.unwrap()
                }
            });
            sleep(ms(20)).await;
            // After 0, 1, 3, 7 and 15 ms.
            assert!(!waits.is_finished() && polls.get() <= 6, "{}", polls.get());
            let mut text = [0; 8];
            for _ in 0..filled {
                assert_eq!(receiver.recv(&mut text).await.unwrap(), 5);
                assert_eq!(&text[..5], b"fills");
            }
            assert_eq!(watched(receiver.recv(&mut text)).await.unwrap(), 5);
            assert_eq!(&text[..5], b"waits");
            assert_eq!(waits.await.unwrap(), 5);
        }
    });
}

#[test]
fn io_unix_a_cancelled_send_or_receive_loses_no_datagram() {
    with_both(async || {
        let (one, other) = UnixDatagram::pair().unwrap();
        let mut buf = [0; 64];
        for _ in 0..3 {
            assert!(cut_short(1, other.recv(&mut buf)).await.is_none());
            assert!(cut_short(1, other.recv_from(&mut buf)).await.is_none());
            assert!(cut_short(1, other.readable()).await.is_none());
            one.send(b"ahoy").await.unwrap();
            assert_eq!(other.recv(&mut buf).await.unwrap(), 4);
        }
        let mut sent = 0_u32;
        while one.try_send(&sent.to_le_bytes()).is_ok() {
            sent += 1;
        }
        assert!(cut_short(1, one.send(b"cut short")).await.is_none());
        assert!(cut_short(1, one.writable()).await.is_none());
        for number in 0..sent {
            assert_eq!(other.recv(&mut buf).await.unwrap(), 4);
            assert_eq!(buf[..4], number.to_le_bytes());
        }
        assert_eq!(kind(other.try_recv(&mut buf)), ErrorKind::WouldBlock, "what was cut short was not sent");
        let one = UnixDatagram::from_std(one.into_std()).unwrap();
        one.send(b"again").await.unwrap();
        assert_eq!(other.recv(&mut buf).await.unwrap(), 5);
    });
}

#[test]
fn io_unix_a_stream_may_move_to_another_executor() {
    let (one, other) = run(async {
        let (one, other) = UnixStream::pair().unwrap();
        assert!(cut_short(1, other.read(&mut [0; 8])).await.is_none());
        (one, other)
    });
    run(async {
        let waits = spawn(async move { other.read(&mut [0; 8]).await.unwrap() });
        yield_now().await;
        one.write_all(b"ahoy").await.unwrap();
        assert_eq!(watched(waits).await.unwrap(), 4);
    });
}

#[test]
fn io_unix_a_task_that_is_cancelled_gives_its_sockets_back() {
    with_both(async || {
        let (one, other) = UnixStream::pair().unwrap();
        let task = spawn(async move { one.read(&mut [0; 8]).await.map(drop) });
        yield_now().await;
        task.cancel("enough");
        assert!(matches!(task.await, Err(JoinError::Cancelled(_))));
        assert_eq!(watched(other.read(&mut [0; 8])).await.unwrap(), 0);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn io_unix_who_accepts_waits_for_a_descriptor_and_others_get_errors() {
    alone(io_unix_who_accepts_waits_for_a_descriptor_and_others_get_errors, || {
        setrlimit(Resource::Nofile, Rlimit { current: Some(64), ..getrlimit(Resource::Nofile) }).unwrap();
        let heard = Record::new();
        let ear = heard.clone();
        let hook = move |unhandled: &Unhandled| ear.add(unhandled.to_string());
        Executor::builder().on_unhandled(hook).run(watched(async {
            let (_folder, path) = place();
            let listener = UnixListener::bind(&path).unwrap();
            // The driver has its descriptors.
            assert!(cut_short(1, listener.accept()).await.is_none());
            let client = UnixStream::connect(&path).await.unwrap();
            client.write_all(b"ahoy").await.unwrap();
            let taken: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
            let errors = [
                UnixStream::connect(&path).await.unwrap_err(),
                UnixStream::pair().unwrap_err(),
                UnixDatagram::unbound().unwrap_err(),
                UnixDatagram::pair().unwrap_err(),
                UnixListener::bind(path.with_extension("other")).unwrap_err(),
                UdpSocket::bind("127.0.0.1:0").await.unwrap_err(),
            ];
            for error in errors {
                assert_eq!(Errno::from_io_error(&error), Some(Errno::MFILE), "{error}");
            }
            assert!(cut_short(4, listener.accept()).await.is_none());
            let told = heard.take();
            assert!(told.len() == 1 && told[0].contains(path.to_str().unwrap()), "{told:?}");
            drop(taken);
            let (server, _) = listener.accept().await.unwrap();
            assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 4);
        }));
    });
}

#[cfg(target_os = "linux")]
#[test]
fn io_unix_no_socket_outlives_its_value_and_none_outlives_an_exec() {
    alone(io_unix_no_socket_outlives_its_value_and_none_outlives_an_exec, || {
        with_both(async || {
            let (_folder, path) = place();
            // The driver's own are there.
            let (first, _) = UnixStream::pair().unwrap();
            assert_eq!(first.read(&mut [0; 8]).await.unwrap(), 0);
            let before = descriptors();
            let full = path.with_extension("full");
            let narrow = narrow_listener(&full, 0);
            let _one = net::UnixStream::connect(&full).unwrap();
            for most in 1..4 {
                assert!(cut_short(most, UnixStream::connect(&full)).await.is_none());
            }
            let listener = UnixListener::bind(&path).unwrap();
            let client = UnixStream::connect(&path).await.unwrap();
            let (server, _) = listener.accept().await.unwrap();
            let (one, other) = UnixDatagram::pair().unwrap();
            let bound = UnixDatagram::bind(path.with_extension("datagrams")).unwrap();
            let pair = UnixStream::pair().unwrap();
            for fd in [
                listener.as_fd(),
                client.as_fd(),
                server.as_fd(),
                one.as_fd(),
                other.as_fd(),
                bound.as_fd(),
                pair.0.as_fd(),
                pair.1.as_fd(),
            ] {
                assert!(rustix::io::fcntl_getfd(fd).unwrap().contains(rustix::io::FdFlags::CLOEXEC), "{fd:?}");
            }
            drop((listener, client, server, one, other, bound, pair, narrow, _one));
            assert_eq!(descriptors(), before);
        });
    });
}
