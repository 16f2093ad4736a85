//! What operations do when all is well.

use super::kit::{bytes, cut_short, fill, listen, narrow_pair, nobody, pair, read_exactly, read_to_end, with_both};
use evenkeel::{
    io::{Async, TcpListener, TcpStream},
    spawn, yield_now,
};
use futures::{AsyncReadExt, AsyncWriteExt, StreamExt, io::copy};
use rustix::net::{SendFlags, send};
use std::{
    io::{ErrorKind, IoSlice, IoSliceMut},
    net::{self, Shutdown, SocketAddr},
    rc::Rc,
    time::Duration,
};

/// More than any buffer holds here.
const LONG: usize = 300_000;

#[test]
fn bytes_arrive_once_and_in_order_in_both_directions_at_once_through_buffers_that_hold_few() {
    with_both(async || {
        let (client, server) = narrow_pair().await;
        let [client, server] = [client, server].map(Rc::new);
        let mut tasks = Vec::new();
        for (from, to) in [(&client, &server), (&server, &client)] {
            let (from, to) = (from.clone(), to.clone());
            tasks.push(spawn(async move {
                from.write_all(&bytes(0, LONG)).await.unwrap();
                from.shutdown(Shutdown::Write).unwrap();
            }));
            tasks.push(spawn(async move { assert!(read_to_end(&to).await.unwrap() == bytes(0, LONG)) }));
        }
        for task in tasks {
            task.await.unwrap();
        }
    });
}

#[test]
fn bytes_arrive_through_the_traits_and_through_halves_too() {
    with_both(async || {
        let (client, server) = narrow_pair().await;
        let echo = spawn(async move { copy(&server, &mut &server).await.unwrap() });
        let (mut read, mut write) = client.into_split();
        let writes = spawn(async move {
            write.write_all(&bytes(0, LONG)).await.unwrap();
            write.flush().await.unwrap();
            write
        });
        let mut text = vec![0; LONG];
        read.read_exact(&mut text).await.unwrap();
        assert!(text == bytes(0, LONG));
        let whole = read.reunite(writes.await.unwrap()).unwrap();
        let (mut read, mut write) = whole.split();
        write.write_all(&bytes(7, 1000)).await.unwrap();
        write.close().await.unwrap();
        let mut rest = Vec::new();
        read.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, bytes(7, 1000));
        assert_eq!(echo.await.unwrap(), LONG as u64 + 1000);
    });
}

#[test]
fn slices_are_written_and_filled_in_their_order() {
    with_both(async || {
        let (mut client, mut server) = narrow_pair().await;
        let reads = spawn(async move {
            let mut all = Vec::new();
            loop {
                let (mut one, mut two) = ([0; 5], [0; 700]);
                let length =
                    server.read_vectored(&mut [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)]).await.unwrap();
                if length == 0 {
                    return all;
                }
                all.extend([&one[..], &two].concat().into_iter().take(length));
            }
        });
        let all = bytes(0, LONG);
        let mut sent = 0;
        while sent < LONG {
            // More slices than a system takes at a time.
            let slices: Vec<IoSlice<'_>> = all[sent..].chunks(3).take(2000).map(IoSlice::new).collect();
            sent += client.write_vectored(&slices).await.unwrap();
        }
        client.close().await.unwrap();
        assert!(reads.await.unwrap() == all);
    });
}

#[test]
fn a_peek_leaves_its_bytes_for_the_next_read() {
    with_both(async || {
        let (client, server) = pair().await;
        client.write_all(b"ahoy").await.unwrap();
        let mut text = [0; 16];
        for _ in 0..3 {
            assert_eq!(server.peek(&mut text).await.unwrap(), 4);
            assert_eq!(&text[..4], b"ahoy");
        }
        assert_eq!(server.peek(&mut text[..2]).await.unwrap(), 2);
        assert_eq!(read_exactly(&server, 4).await, b"ahoy");
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(server.peek(&mut text).await.unwrap(), 0);
        assert_eq!(server.read(&mut text).await.unwrap(), 0);
    });
}

#[test]
fn what_is_tried_never_waits_and_says_would_block_where_it_would() {
    with_both(async || {
        let (client, server) = narrow_pair().await;
        let mut text = [0; 16];
        assert_eq!(server.try_read(&mut text).unwrap_err().kind(), ErrorKind::WouldBlock);
        let sent = fill(&client, 0);
        assert!(sent > 0);
        server.readable().await.unwrap();
        let length = server.try_read(&mut text).unwrap();
        assert_eq!(text[..length], bytes(0, length));
        assert!(read_exactly(&server, sent - length).await == bytes(length, sent - length));
        client.writable().await.unwrap();
        assert!(client.try_write(b"more").is_ok());
    });
}

#[test]
fn who_waits_until_there_is_room_goes_on_when_the_peer_has_read() {
    with_both(async || {
        let (client, server) = narrow_pair().await;
        let client = Rc::new(client);
        let mut sent = fill(&client, 0);
        let mut read = 0;
        // However often room comes and goes.
        for _ in 0..20 {
            let writer = client.clone();
            let write = spawn(async move {
                writer.writable().await.unwrap();
                fill(&writer, sent)
            });
            let more = loop {
                if write.is_finished() {
                    break write.await.unwrap();
                }
                if sent > read {
                    let length = (sent - read).min(1000);
                    assert!(read_exactly(&server, length).await == bytes(read, length));
                    read += length;
                } else {
                    yield_now().await;
                }
            };
            sent += more;
        }
        assert!(read_exactly(&server, sent - read).await == bytes(read, sent - read));
    });
}

#[test]
fn urgent_data_ends_reads_early_and_no_other_byte_is_lost_for_it() {
    with_both(async || {
        for waits_first in [false, true] {
            let (client, server) = pair().await;
            let reads = spawn(async move { read_to_end(&server).await.unwrap() });
            if waits_first {
                // By now it waits.
                yield_now().await;
            }
            let mut expected = Vec::new();
            for round in 0..50 {
                let text = bytes(round * 10, 10);
                client.write_all(&text).await.unwrap();
                send(&client, b"!", SendFlags::OOB).unwrap();
                client.write_all(&text).await.unwrap();
                expected.extend([text.clone(), text].concat());
                if round % 3 == 0 {
                    yield_now().await;
                }
            }
            client.shutdown(Shutdown::Write).unwrap();
            let came = reads.await.unwrap();
            // A byte that is not urgent any more, as a newer one is, comes with the others.
            let came: Vec<u8> = came.into_iter().filter(|&byte| byte != b'!').collect();
            let expected: Vec<u8> = expected.into_iter().filter(|&byte| byte != b'!').collect();
            assert_eq!(came, expected);
        }
    });
}

#[test]
fn what_stands_behind_urgent_data_is_read_though_nothing_else_comes() {
    with_both(async || {
        let (client, server) = pair().await;
        let reads = spawn(async move {
            let mut text = [0; 64];
            let mut came = Vec::new();
            while came.len() < 4 {
                let length = server.read(&mut text).await.unwrap();
                came.extend_from_slice(&text[..length]);
            }
            (came, server)
        });
        yield_now().await;
        client.write_all(b"ab").await.unwrap();
        send(&client, b"!", SendFlags::OOB).unwrap();
        client.write_all(b"cd").await.unwrap();
        assert_eq!(reads.await.unwrap().0, b"abcd");
    });
}

#[test]
fn an_address_may_be_a_name_a_text_or_several_of_which_one_works() {
    with_both(async || {
        let (listener, address) = listen().await;
        let port = address.port();
        let (_held, nobody) = nobody();
        let texts = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
        for text in &texts {
            let (stream, _) = (TcpStream::connect(text).await.unwrap(), listener.accept().await.unwrap());
            assert_eq!(stream.peer_addr().unwrap().port(), port);
        }
        TcpStream::connect(("localhost", port)).await.unwrap();
        TcpStream::connect((net::Ipv4Addr::LOCALHOST, port)).await.unwrap();
        assert_eq!(TcpStream::connect([nobody, address]).await.unwrap().peer_addr().unwrap(), address);
        // The first one is in use.
        let second = TcpListener::builder().bind([address, SocketAddr::from(([127, 0, 0, 1], 0))]).await.unwrap();
        assert_ne!(second.local_addr().unwrap(), address);
    });
}

#[test]
fn what_is_no_address_is_an_error_that_says_so() {
    with_both(async || {
        for wrong in ["", "8080", ":8080", "localhost", "localhost:http", "localhost:99999"] {
            let error = TcpStream::connect(wrong).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{wrong}: {error}");
            assert!(error.to_string().contains("host:port"), "{error}");
            assert_eq!(TcpListener::bind(wrong).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        }
        let none: [SocketAddr; 0] = [];
        assert_eq!(TcpStream::connect(none).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(TcpListener::bind(none).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn settings_are_the_systems() {
    with_both(async || {
        let (client, server) = pair().await;
        assert!(!client.nodelay().unwrap());
        client.set_nodelay(true).unwrap();
        assert_eq!((client.nodelay().unwrap(), server.nodelay().unwrap()), (true, false));
        client.set_ttl(7).unwrap();
        assert_eq!(client.ttl().unwrap(), 7);
        assert_eq!(client.linger().unwrap(), None);
        client.set_linger(Some(Duration::from_secs(3))).unwrap();
        assert_eq!(client.linger().unwrap(), Some(Duration::from_secs(3)));
        assert_eq!((client.local_addr().unwrap(), client.peer_addr().unwrap()), {
            (server.peer_addr().unwrap(), server.local_addr().unwrap())
        });
        assert!(client.take_error().unwrap().is_none());
        let (listener, _) = listen().await;
        listener.set_ttl(9).unwrap();
        assert_eq!(listener.ttl().unwrap(), 9);
    });
}

#[test]
fn a_socket_goes_to_std_and_comes_back_with_what_is_in_it() {
    with_both(async || {
        let (client, server) = pair().await;
        let mut text = [0; 4];
        // It has waited here, and is off the loop then.
        assert!(cut_short(1, server.readable()).await.is_none());
        client.write_all(b"ahoy").await.unwrap();
        let server = TcpStream::from_std(server.into_std()).unwrap();
        assert_eq!(read_exactly(&server, 4).await, b"ahoy");
        let client = client.into_std();
        client.set_nonblocking(false).unwrap();
        let client = TcpStream::from_std(client).unwrap();
        assert_eq!(client.try_read(&mut text).unwrap_err().kind(), ErrorKind::WouldBlock, "it would hang");
        let (listener, address) = listen().await;
        let connected = net::TcpStream::connect(address).unwrap();
        let listener = TcpListener::from_std(listener.into_std()).unwrap();
        let (_, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, connected.local_addr().unwrap());
    });
}

#[test]
fn halves_of_two_connections_are_not_one() {
    with_both(async || {
        let (one, other) = pair().await;
        let (read, write) = one.into_split();
        let (other_read, other_write) = other.into_split();
        let error = read.reunite(other_write).unwrap_err();
        assert!(error.to_string().contains("two connections"), "{error}");
        // Nothing was shut down.
        let (one, other) = (error.0.reunite(write).unwrap(), other_read.reunite(error.1).unwrap());
        one.write_all(b"ahoy").await.unwrap();
        other.write_all(b"hello").await.unwrap();
        assert_eq!(read_exactly(&other, 4).await, b"ahoy");
        assert_eq!(read_exactly(&one, 5).await, b"hello");
    });
}

#[test]
fn a_listener_gives_its_connections_as_a_stream() {
    with_both(async || {
        let (listener, address) = listen().await;
        let clients = spawn(async move {
            for n in 0..20 {
                let client = TcpStream::connect(address).await.unwrap();
                client.write_all(&[n]).await.unwrap();
            }
        });
        let came: Vec<u8> = listener
            .incoming()
            .take(20)
            .then(async |stream| read_to_end(&stream.unwrap()).await.unwrap()[0])
            .collect()
            .await;
        assert_eq!(came, Vec::from_iter(0..20));
        clients.await.unwrap();
    });
}

#[test]
fn an_error_of_the_listeners_own_ends_its_stream() {
    with_both(async || {
        let (listener, _) = listen().await;
        let std = listener.into_std();
        rustix::net::shutdown(&std, rustix::net::Shutdown::Both).unwrap();
        let listener = TcpListener::from_std(std).unwrap();
        assert_eq!(listener.accept().await.unwrap_err().kind(), ErrorKind::InvalidInput);
        let all: Vec<_> = listener.incoming().collect().await;
        assert_eq!(all.len(), 1);
        assert!(all[0].is_err());
    });
}

#[test]
fn anything_that_can_be_polled_is_waited_for() {
    with_both(async || {
        let (near, far) = net_pair();
        let (mut near, far) = (Async::new_nonblocking(near), Async::new_nonblocking(far));
        assert!(cut_short(1, far.readable()).await.is_none());
        near.write_all(b"ahoy").await.unwrap();
        near.flush().await.unwrap();
        far.readable().await.unwrap();
        let mut text = [0; 8];
        let read = |stream: &net::TcpStream| std::io::Read::read(&mut &*stream, &mut text);
        assert_eq!(far.read_with(read).await.unwrap(), 4);
        let written = far.write_with(|stream| std::io::Write::write(&mut &*stream, b"hello")).await.unwrap();
        let mut text = vec![0; written];
        near.read_exact(&mut text).await.unwrap();
        assert_eq!(text, b"hello");
    });
}

fn net_pair() -> (net::TcpStream, net::TcpStream) {
    let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
    let near = net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (far, _) = listener.accept().unwrap();
    near.set_nonblocking(true).unwrap();
    far.set_nonblocking(true).unwrap();
    (near, far)
}

#[test]
fn what_cannot_be_polled_is_refused_and_the_loop_goes_on() {
    with_both(async || {
        let file = Async::new_nonblocking(std::fs::File::open(std::env::current_exe().unwrap()).unwrap());
        assert!(file.readable().await.is_err());
        let (client, server) = pair().await;
        client.write_all(b"ahoy").await.unwrap();
        assert_eq!(read_exactly(&server, 4).await, b"ahoy");
    });
}
