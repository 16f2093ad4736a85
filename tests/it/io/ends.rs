//! How connections end: half, at once, refused.

use super::kit::{
    bytes, cut_short, fill, listen, narrow_pair, nobody, pair, pair_of, read_exactly, read_to_end, with_both,
};
use evenkeel::{io::TcpStream, spawn, yield_now};
use futures::{AsyncReadExt, AsyncWriteExt};
use std::{io::ErrorKind, net::Shutdown, rc::Rc, time::Duration};

#[test]
fn io_11_an_end_comes_behind_all_bytes_and_stays_and_the_other_direction_goes_on() {
    with_both(async || {
        let (client, server) = pair().await;
        client.write_all(&bytes(0, 100_000)).await.unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        assert!(read_to_end(&server).await.unwrap() == bytes(0, 100_000));
        let mut text = [0; 8];
        for _ in 0..3 {
            assert_eq!(server.read(&mut text).await.unwrap(), 0);
            assert_eq!(server.peek(&mut text).await.unwrap(), 0);
            server.readable().await.unwrap();
        }
        server.write_all(&bytes(5, 100_000)).await.unwrap();
        drop(server);
        assert!(read_to_end(&client).await.unwrap() == bytes(5, 100_000));
        assert_eq!(client.write(b"more").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn io_11_an_end_that_comes_with_the_last_bytes_is_told_though_the_read_was_short() {
    with_both(async || {
        for waits_first in [false, true] {
            let (client, server) = pair().await;
            let reads = spawn(async move {
                let mut text = [0; 64];
                let length = server.read(&mut text).await.unwrap();
                (length, server.read(&mut text).await.unwrap())
            });
            if waits_first {
                yield_now().await;
            }
            client.write_all(b"ahoy").await.unwrap();
            drop(client);
            assert_eq!(reads.await.unwrap(), (4, 0));
        }
    });
}

#[test]
fn io_11_a_reader_that_waits_is_told_of_an_end_of_its_own_side() {
    with_both(async || {
        let (client, server) = pair().await;
        let client = Rc::new(client);
        let reader = client.clone();
        let reads = spawn(async move { reader.read(&mut [0; 8]).await });
        yield_now().await;
        client.shutdown(Shutdown::Read).unwrap();
        assert_eq!(reads.await.unwrap().unwrap(), 0);
        drop(server);
    });
}

#[test]
fn a_writing_half_that_is_dropped_ends_its_direction_and_a_forgotten_one_does_not() {
    with_both(async || {
        let (client, server) = pair().await;
        let (mut read, mut write) = client.into_split();
        write.write_all(b"ahoy").await.unwrap();
        drop(write);
        assert_eq!(read_to_end(&server).await.unwrap(), b"ahoy");
        server.write_all(b"hello").await.unwrap();
        let mut text = [0; 5];
        read.read_exact(&mut text).await.unwrap();
        assert_eq!(&text, b"hello");
        let (client, server) = pair().await;
        let (read, write) = client.into_split();
        write.forget();
        assert!(cut_short(1, server.readable()).await.is_none());
        drop(read);
        assert_eq!(server.read(&mut text).await.unwrap(), 0);
    });
}

#[test]
fn what_was_written_is_sent_though_the_stream_is_dropped_at_once() {
    with_both(async || {
        let (client, server) = narrow_pair().await;
        let sent = fill(&client, 0);
        drop(client);
        assert!(read_to_end(&server).await.unwrap() == bytes(0, sent));
    });
}

/// Drops it so that the peer is reset.
fn reset(stream: TcpStream) {
    stream.set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);
}

#[test]
fn io_11_a_reset_is_an_error_for_who_reads_and_for_who_writes_also_for_both_that_wait() {
    with_both(async || {
        let (client, server) = narrow_pair().await;
        let server = Rc::new(server);
        // The writing side waits, as there is no room.
        let text = vec![0; 1 << 20];
        let (reader, writer) = (server.clone(), server.clone());
        let reads = spawn(async move { reader.read(&mut [0; 8]).await });
        let writes = spawn(async move { writer.write_all(&text).await });
        for _ in 0..3 {
            yield_now().await;
        }
        assert!(!reads.is_finished() && !writes.is_finished());
        reset(client);
        // The system tells the first of them of the reset, and the others what follows from it.
        let ended = [reads.await.unwrap().map(|length| assert_eq!(length, 0)), writes.await.unwrap()];
        let kinds: Vec<_> = ended.into_iter().map(|ended| ended.map_err(|error| error.kind())).collect();
        assert!(kinds.contains(&Err(ErrorKind::ConnectionReset)), "{kinds:?}");
        let ends = [Ok(()), Err(ErrorKind::ConnectionReset), Err(ErrorKind::BrokenPipe)];
        assert!(kinds.iter().all(|kind| ends.contains(kind)) && kinds[1].is_err(), "{kinds:?}");
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
        assert_eq!(server.write(b"more").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        (&mut &*server).close().await.unwrap();
    });
}

#[test]
fn io_11_bytes_that_came_before_a_reset_are_read_before_its_error() {
    with_both(async || {
        for waits_first in [false, true] {
            let (client, server) = pair().await;
            let reads = spawn(async move {
                let came = server.read(&mut [0; 64]).await.unwrap();
                (came, server.read(&mut [0; 64]).await)
            });
            if waits_first {
                yield_now().await;
            }
            client.write_all(b"ahoy").await.unwrap();
            reset(client);
            let (came, ended) = reads.await.unwrap();
            assert_eq!((came, ended.unwrap_err().kind()), (4, ErrorKind::ConnectionReset));
        }
    });
}

#[test]
fn a_stream_that_is_dropped_with_bytes_unread_resets_its_peer() {
    with_both(async || {
        let (client, server) = pair().await;
        client.write_all(b"nobody reads this").await.unwrap();
        server.readable().await.unwrap();
        drop(server);
        assert_eq!(client.read(&mut [0; 8]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn a_reset_that_nobody_has_read_is_taken_as_an_error() {
    with_both(async || {
        let (client, server) = pair().await;
        reset(client);
        server.readable().await.unwrap();
        assert_eq!(server.take_error().unwrap().unwrap().kind(), ErrorKind::ConnectionReset);
        assert!(server.take_error().unwrap().is_none());
    });
}

#[test]
fn a_connection_that_is_refused_is_an_error_and_the_next_address_is_tried() {
    with_both(async || {
        let (_held, nobody) = nobody();
        let refused = TcpStream::connect(nobody).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        let refused = TcpStream::connect([nobody, nobody]).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        let (_listener, address) = listen().await;
        let stream = TcpStream::connect([nobody, nobody, address]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), address);
    });
}

#[test]
fn a_connection_that_was_reset_before_it_was_accepted_does_not_stop_the_listener() {
    with_both(async || {
        let (listener, address) = listen().await;
        for _ in 0..10 {
            reset(TcpStream::connect(address).await.unwrap());
        }
        let client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"ahoy").await.unwrap();
        let came = loop {
            let (stream, _) = listener.accept().await.unwrap();
            match stream.read(&mut [0; 8]).await {
                Ok(length) => break length,
                Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
            }
        };
        assert_eq!(came, 4);
    });
}

#[test]
fn a_listener_that_is_dropped_refuses_who_comes_and_its_connections_go_on() {
    with_both(async || {
        let (listener, address) = listen().await;
        let (client, server) = pair_of(&listener, address).await;
        let waits = TcpStream::connect(address).await.unwrap();
        drop(listener);
        assert_eq!(waits.read(&mut [0; 8]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(TcpStream::connect(address).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        client.write_all(b"ahoy").await.unwrap();
        assert_eq!(read_exactly(&server, 4).await, b"ahoy");
    });
}
