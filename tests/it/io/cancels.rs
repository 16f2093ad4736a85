//! Every operation, cut short wherever it waits: no byte is lost that its documentation does not name, and no descriptor is leaked.

use super::kit::{
    Driver, alone, bytes, cut_short, descriptors, fill, listen, look, narrow_pair, pair, read_exactly, read_to_end,
    watched, with_both,
};
use crate::kit::{gates::until, hosts::Hand};
use evenkeel::{
    coop::{BUDGET, consume_budget},
    io::{TcpListener, TcpStream},
    spawn, timeout, yield_now,
};
use futures::StreamExt;
use std::{
    io,
    net::{Shutdown, SocketAddr},
    rc::Rc,
    time::Duration,
};

/// Where a future that waits is dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Cut {
    /// Before what it waits for has come.
    Waiting,
    /// When that has come, and the driver has not looked.
    Come,
    /// When its task has been woken, and was not polled.
    Woken,
}

const CUTS: [Cut; 3] = [Cut::Waiting, Cut::Come, Cut::Woken];

/// Polls a future, which must wait, lets what it waits for come, and drops it.
async fn cut<F: Future>(at: Cut, future: F, come: impl AsyncFnOnce()) {
    let hand = Hand::waiting(future);
    if at == Cut::Waiting {
        drop(hand);
        return come().await;
    }
    come().await;
    while at == Cut::Woken && !hand.is_woken() {
        look().await;
    }
    drop(hand);
}

#[test]
fn io_06_what_reads_has_read_nothing_if_it_is_dropped() {
    with_both(async || {
        for at in CUTS {
            for operation in 0..3 {
                let (client, server) = pair().await;
                let mut text = [0; 8];
                for round in 0..3 {
                    let come = async || client.write_all(&bytes(round * 4, 4)).await.unwrap();
                    match operation {
                        0 => cut(at, server.read(&mut text), come).await,
                        1 => cut(at, server.peek(&mut text), come).await,
                        _ => cut(at, server.readable(), come).await,
                    }
                    assert_eq!(text, [0; 8]);
                    assert_eq!(read_exactly(&server, 4).await, bytes(round * 4, 4), "{at:?}");
                    assert!(server.try_read(&mut text).is_err());
                }
            }
        }
    });
}

#[test]
fn io_06_what_reads_and_is_dropped_leaves_the_end_to_the_next() {
    with_both(async || {
        for at in CUTS {
            let (client, server) = pair().await;
            let mut text = [0; 8];
            cut(at, server.read(&mut text), async || client.shutdown(Shutdown::Write).unwrap()).await;
            assert_eq!(server.read(&mut text).await.unwrap(), 0);
        }
    });
}

#[test]
fn io_06_what_writes_has_written_nothing_if_it_is_dropped() {
    with_both(async || {
        for at in CUTS {
            for operation in 0..2 {
                let (client, server) = narrow_pair().await;
                let (mut sent, mut read) = (0, 0);
                for _ in 0..3 {
                    sent += fill(&server, sent);
                    let come = async || {
                        assert!(read_exactly(&client, sent - read).await == bytes(read, sent - read));
                    };
                    match operation {
                        0 => cut(at, server.write(&[0xff; 1000]), come).await,
                        _ => cut(at, server.writable(), come).await,
                    }
                    read = sent;
                }
                server.write_all(&bytes(sent, 100)).await.unwrap();
                drop(server);
                assert!(read_to_end(&client).await.unwrap() == bytes(sent, 100), "{at:?}");
            }
        }
    });
}

#[test]
fn io_06_a_write_of_all_that_is_dropped_anywhere_has_written_a_beginning() {
    with_both(async || {
        const LENGTH: usize = 60_000;
        let mut pendings = 1;
        loop {
            let (client, server) = narrow_pair().await;
            let reads = spawn(async move { read_to_end(&client).await.unwrap() });
            let ended = cut_short(pendings, server.write_all(&bytes(0, LENGTH))).await;
            drop(server);
            let came = reads.await.unwrap();
            assert!(came == bytes(0, came.len()));
            if let Some(ended) = ended {
                ended.unwrap();
                assert_eq!(came.len(), LENGTH);
                break;
            }
            assert!(!came.is_empty() && came.len() < LENGTH);
            pendings += 1;
        }
        assert!(pendings > 3, "it waited {} times", pendings - 1);
    });
}

#[test]
fn io_06_who_accepts_and_is_dropped_leaves_the_connection_to_the_next() {
    with_both(async || {
        for at in CUTS {
            for operation in 0..3 {
                let (listener, address) = listen().await;
                let mut incoming = listener.incoming();
                for _ in 0..3 {
                    let mut clients = Vec::new();
                    let come = async || clients.push(TcpStream::connect(address).await.unwrap());
                    match operation {
                        0 => cut(at, listener.accept(), come).await,
                        1 => cut(at, incoming.next(), come).await,
                        _ => cut(at, Box::pin(listener.incoming()).next(), come).await,
                    }
                    let (_, peer) = listener.accept().await.unwrap();
                    assert_eq!(peer, clients[0].local_addr().unwrap());
                }
                assert!(cut_short(1, listener.accept()).await.is_none());
            }
        }
    });
}

#[test]
fn io_06_who_has_no_budget_left_and_is_dropped_has_done_nothing() {
    with_both(async || {
        let (client, server) = pair().await;
        let (listener, address) = listen().await;
        let waits = TcpStream::connect(address).await.unwrap();
        client.write_all(&bytes(0, 100)).await.unwrap();
        server.readable().await.unwrap();
        let mut text = [0; 8];
        for operation in 0..4 {
            // A poll of its own, so that the budget is whole.
            yield_now().await;
            for _ in 0..BUDGET {
                consume_budget().await;
            }
            let is_cut = match operation {
                0 => cut_short(1, server.read(&mut text)).await.is_none(),
                1 => cut_short(1, server.peek(&mut text)).await.is_none(),
                2 => cut_short(1, server.write(b"never")).await.is_none(),
                _ => cut_short(1, listener.accept()).await.is_none(),
            };
            assert!(is_cut, "operation {operation} had no budget");
            yield_now().await;
        }
        drop(listener.accept().await.unwrap());
        assert_eq!(waits.read(&mut text).await.unwrap(), 0);
        assert_eq!(read_exactly(&server, 100).await, bytes(0, 100));
        drop(server);
        assert_eq!(read_to_end(&client).await.unwrap(), b"");
    });
}

#[test]
fn io_06_a_connection_that_is_dropped_anywhere_on_its_way_is_none() {
    with_both(async || {
        let (listener, address) = listen().await;
        let port = address.port();
        for text in [format!("127.0.0.1:{port}"), format!("localhost:{port}")] {
            let mut pendings = 1;
            let connected = loop {
                match cut_short(pendings, TcpStream::connect(&text)).await {
                    Some(connected) => break connected.unwrap(),
                    None => pendings += 1,
                }
            };
            assert!(pendings > 1);
            // Those that the peer has seen are closed.
            loop {
                let (server, peer) = listener.accept().await.unwrap();
                if peer == connected.local_addr().unwrap() {
                    break;
                }
                assert!(server.read(&mut [0; 8]).await.map_or_else(is_reset, |length| length == 0));
            }
        }
    });
}

fn is_reset(error: io::Error) -> bool {
    error.kind() == io::ErrorKind::ConnectionReset
}

#[test]
fn io_06_a_connection_that_was_made_when_its_future_is_dropped_is_closed() {
    with_both(async || {
        for at in CUTS {
            let (listener, address) = listen().await;
            let mut servers = Vec::new();
            cut(at, TcpStream::connect(address), async || servers.push(listener.accept().await.unwrap().0)).await;
            assert!(servers[0].read(&mut [0; 8]).await.map_or_else(is_reset, |length| length == 0));
        }
    });
}

#[test]
fn io_06_a_listener_whose_name_is_looked_up_listens_nowhere_if_it_is_dropped() {
    with_both(async || {
        let mut pendings = 1;
        while cut_short(pendings, TcpListener::bind("localhost:0")).await.is_none() {
            pendings += 1;
        }
        assert!(pendings > 1);
    });
}

#[test]
fn io_06_a_reader_that_is_cut_short_by_a_timeout_again_and_again_loses_nothing() {
    with_both(async || {
        const LENGTH: usize = 20_000;
        let (client, server) = narrow_pair().await;
        let writes = spawn(async move {
            let mut sent = 0;
            while sent < LENGTH {
                let length = (sent % 97 + 1).min(LENGTH - sent);
                match timeout(Duration::from_nanos(1), client.write(&bytes(sent, length))).await {
                    Ok(written) => sent += written.unwrap(),
                    Err(_) => yield_now().await,
                }
            }
        });
        let mut came = Vec::new();
        let mut text = [0; 64];
        loop {
            match timeout(Duration::from_nanos(1), server.read(&mut text)).await {
                Ok(Ok(0)) => break,
                Ok(length) => came.extend_from_slice(&text[..length.unwrap()]),
                Err(_) => yield_now().await,
            }
        }
        writes.await.unwrap();
        assert!(came == bytes(0, LENGTH));
    });
}

#[test]
fn io_06_no_descriptor_is_left_of_what_was_cut_short() {
    alone(io_06_no_descriptor_is_left_of_what_was_cut_short, || {
        let before = descriptors();
        for driver in Driver::ALL {
            driver.run(async {
                let (listener, address) = listen().await;
                let name = ("localhost", address.port());
                let with_listener = descriptors();
                for pendings in 1..4 {
                    let _ = cut_short(pendings, TcpStream::connect(address)).await;
                    let _ = cut_short(pendings, TcpStream::connect(name)).await;
                    let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
                    let _ = cut_short(pendings, TcpStream::connect([nobody, address])).await;
                    let _ = cut_short(pendings, TcpListener::bind("localhost:0")).await;
                    while cut_short(1, listener.accept()).await.is_some() {}
                    let (client, server) = narrow_pair().await;
                    assert!(cut_short(1, server.read(&mut [0; 8])).await.is_none());
                    assert!(cut_short(1, server.write_all(&[0; 100_000])).await.is_none());
                    let server = Rc::new(server);
                    let waits = server.clone();
                    let task = spawn(async move { waits.read(&mut [0; 8]).await });
                    yield_now().await;
                    drop((server, task));
                    drop(client);
                    yield_now().await;
                }
                // Those that wait in the listener's line are the system's. A look-up may have some for a moment.
                watched(async {
                    while descriptors().len() > with_listener.len() + 2 {
                        yield_now().await;
                    }
                })
                .await;
            });
            until(|| descriptors() == before);
        }
    });
}
