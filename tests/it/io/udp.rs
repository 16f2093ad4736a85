//! Datagrams over IP: each comes as a whole, and to one.

use super::kit::{alone, cut_short, descriptors, watched, with_both};
use evenkeel::{io::UdpSocket, run, spawn};
use std::{
    io::{self, ErrorKind},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    rc::Rc,
};

async fn socket() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// Two sockets that are connected to each other.
async fn pair() -> (UdpSocket, UdpSocket) {
    let ((one, first), (other, second)) = (socket().await, socket().await);
    one.connect(second).await.unwrap();
    other.connect(first).await.unwrap();
    (one, other)
}

fn kind<T>(result: io::Result<T>) -> ErrorKind {
    result.err().expect("it fails").kind()
}

#[test]
fn io_udp_a_datagram_comes_as_a_whole_with_its_senders_address() {
    with_both(async || {
        let ((one, first), (other, second)) = (socket().await, socket().await);
        assert_eq!(one.send_to(b"ahoy", second).await.unwrap(), 4);
        assert_eq!(one.try_send_to(b"there", second).unwrap(), 5);
        assert_eq!(one.send_to(b"", second).await.unwrap(), 0);
        let mut text = [0; 64];
        assert_eq!(other.peek_from(&mut text).await.unwrap(), (4, first), "it stays there");
        assert_eq!(other.recv_from(&mut text).await.unwrap(), (4, first));
        assert_eq!(&text[..4], b"ahoy");
        assert_eq!(other.try_recv_from(&mut text).unwrap(), (5, first));
        assert_eq!(&text[..5], b"there");
        assert_eq!(other.recv_from(&mut text).await.unwrap(), (0, first), "an empty one is one, too");
        assert_eq!(kind(other.try_recv_from(&mut text)), ErrorKind::WouldBlock);
    });
}

#[test]
fn io_udp_connected_sockets_send_and_receive_without_addresses() {
    with_both(async || {
        let (one, other) = pair().await;
        assert_eq!(one.peer_addr().unwrap(), other.local_addr().unwrap());
        let (stranger, _) = socket().await;
        stranger.send_to(b"from elsewhere", other.local_addr().unwrap()).await.unwrap();
        assert_eq!(one.send(b"ahoy").await.unwrap(), 4);
        assert_eq!(one.try_send(b"there").unwrap(), 5);
        let mut text = [0; 64];
        assert_eq!(other.peek(&mut text).await.unwrap(), 4, "what others send is not for it");
        assert_eq!(other.recv(&mut text).await.unwrap(), 4);
        assert_eq!(&text[..4], b"ahoy");
        assert_eq!(other.try_recv(&mut text).unwrap(), 5);
        assert_eq!(kind(other.try_recv(&mut text)), ErrorKind::WouldBlock);
    });
}

#[test]
fn io_udp_who_waits_gets_what_comes_later_and_each_datagram_goes_to_one() {
    with_both(async || {
        let (sender, _) = socket().await;
        let (receiver, address) = socket().await;
        let receiver = Rc::new(receiver);
        let receive = |receiver: Rc<UdpSocket>| async move {
            let mut text = [0; 64];
            let length = receiver.recv(&mut text).await.unwrap();
            text[..length].to_vec()
        };
        let waits: Vec<_> = (0..3).map(|_| spawn(receive(receiver.clone()))).collect();
        evenkeel::yield_now().await;
        for text in ["one", "two", "three"] {
            sender.send_to(text.as_bytes(), address).await.unwrap();
        }
        let mut all = Vec::new();
        for task in waits {
            all.push(String::from_utf8(task.await.unwrap()).unwrap());
        }
        all.sort();
        assert_eq!(all, ["one", "three", "two"]);
    });
}

#[test]
fn io_udp_a_short_datagram_does_not_hide_the_next_one() {
    with_both(async || {
        let (one, other) = pair().await;
        let mut text = [0; 64];
        // It has waited once, so that what follows is told by the driver.
        assert!(cut_short(1, other.recv(&mut text)).await.is_none());
        for sent in 0..100_u8 {
            one.send(&[sent]).await.unwrap();
        }
        for sent in 0..100_u8 {
            assert_eq!(other.recv(&mut text).await.unwrap(), 1);
            assert_eq!(text[0], sent);
        }
    });
}

#[test]
fn io_udp_a_refusal_is_told_once_and_the_socket_works_on() {
    with_both(async || {
        let (one, other) = pair().await;
        let address = other.local_addr().unwrap();
        drop(other);
        one.send(b"is anybody there?").await.unwrap();
        let mut text = [0; 64];
        let refused = kind(one.recv(&mut text).await);
        assert!([ErrorKind::ConnectionRefused, ErrorKind::ConnectionReset].contains(&refused), "{refused:?}");
        let again = UdpSocket::bind(address).await.unwrap();
        again.connect(one.local_addr().unwrap()).await.unwrap();
        again.send(b"now").await.unwrap();
        assert_eq!(one.recv(&mut text).await.unwrap(), 3);
        assert!(one.take_error().unwrap().is_none());
    });
}

#[test]
fn io_udp_what_does_not_fit_is_cut_off() {
    with_both(async || {
        let (one, other) = pair().await;
        one.send(b"a long datagram").await.unwrap();
        one.send(b"next").await.unwrap();
        let mut text = [0; 6];
        if cfg!(unix) {
            assert_eq!(other.recv(&mut text).await.unwrap(), 6);
            assert_eq!(&text, b"a long");
        } else {
            other.recv(&mut text).await.unwrap_err();
        }
        assert_eq!(other.recv(&mut text).await.unwrap(), 4);
        one.send(&vec![0; 70_000]).await.unwrap_err();
    });
}

#[test]
fn io_udp_readable_and_writable_wait_for_what_they_say() {
    with_both(async || {
        let (one, other) = pair().await;
        one.writable().await.unwrap();
        assert!(cut_short(1, other.readable()).await.is_none());
        let waits = spawn(async move {
            other.readable().await.unwrap();
            other.try_recv(&mut [0; 8]).unwrap()
        });
        evenkeel::yield_now().await;
        one.send(b"ahoy").await.unwrap();
        assert_eq!(waits.await.unwrap(), 4);
    });
}

#[test]
fn io_udp_a_cancelled_operation_loses_no_datagram_and_sends_none() {
    with_both(async || {
        let (one, other) = pair().await;
        let mut text = [0; 64];
        for _ in 0..3 {
            assert!(cut_short(1, other.recv(&mut text)).await.is_none());
            assert!(cut_short(1, other.recv_from(&mut text)).await.is_none());
            assert!(cut_short(1, other.peek(&mut text)).await.is_none());
            assert!(cut_short(1, other.peek_from(&mut text)).await.is_none());
            assert!(cut_short(1, other.readable()).await.is_none());
            one.send(b"ahoy").await.unwrap();
            assert_eq!(other.recv(&mut text).await.unwrap(), 4);
        }
        // A future that is never polled sends nothing.
        drop(one.send(b"nothing"));
        drop(one.send_to(b"nothing", other.local_addr().unwrap()));
        assert_eq!(kind(other.try_recv(&mut text)), ErrorKind::WouldBlock);
    });
}

#[test]
fn io_udp_bad_input_is_an_error_in_plain_words() {
    with_both(async || {
        let (one, _) = socket().await;
        assert_eq!(kind(UdpSocket::bind("nonsense").await), ErrorKind::InvalidInput);
        assert_eq!(kind(one.send_to(b"", "nonsense").await), ErrorKind::InvalidInput);
        assert_eq!(kind(one.connect(&[][..]).await), ErrorKind::InvalidInput);
        one.send(b"to whom?").await.unwrap_err();
        one.peer_addr().unwrap_err();
        one.join_multicast_v4(Ipv4Addr::LOCALHOST, Ipv4Addr::UNSPECIFIED).unwrap_err();
        one.leave_multicast_v4(Ipv4Addr::new(224, 0, 0, 99), Ipv4Addr::LOCALHOST).unwrap_err();
        one.join_multicast_v6(Ipv6Addr::LOCALHOST, 0).unwrap_err();
        let taken = one.local_addr().unwrap();
        assert_eq!(kind(UdpSocket::bind(taken).await), ErrorKind::AddrInUse);
        // Of several addresses the first is taken that can be bound.
        let bound = UdpSocket::bind([taken, "127.0.0.1:0".parse().unwrap()]).await.unwrap();
        assert_ne!(bound.local_addr().unwrap(), taken);
    });
}

#[test]
fn io_udp_settings_are_the_systems() {
    with_both(async || {
        let (one, _) = socket().await;
        assert!(!one.broadcast().unwrap());
        one.set_broadcast(true).unwrap();
        assert!(one.broadcast().unwrap());
        one.set_ttl(7).unwrap();
        assert_eq!(one.ttl().unwrap(), 7);
        one.set_multicast_ttl_v4(3).unwrap();
        assert!(format!("{one:?}").contains("UdpSocket"), "{one:?}");
    });
}

#[test]
fn io_udp_a_group_reaches_who_has_joined_it_and_nobody_else() {
    with_both(async || {
        let group = Ipv4Addr::new(239, 77, 66, 55);
        let sender = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        sender.set_multicast_loop_v4(true).unwrap();
        let member = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        if member.join_multicast_v4(group, Ipv4Addr::LOCALHOST).is_err() {
            eprintln!("skipped: there is no multicast on the loopback interface here");
            return;
        }
        let target = SocketAddr::from((group, member.local_addr().unwrap().port()));
        let mut text = [0; 16];
        sender.send_to(b"all hands", target).await.unwrap();
        assert_eq!(watched(member.recv(&mut text)).await.unwrap(), 9);
        member.leave_multicast_v4(group, Ipv4Addr::LOCALHOST).unwrap();
        // On the loopback interface what is sent has come when the call returns.
        sender.send_to(b"all hands", target).await.unwrap();
        assert_eq!(kind(member.try_recv(&mut text)), ErrorKind::WouldBlock);
    });
}

#[test]
fn io_udp_a_socket_of_stds_comes_and_goes() {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let socket = run(async {
        let socket = UdpSocket::from_std(socket).unwrap();
        socket.send_to(b"ahoy", address).await.unwrap();
        assert_eq!(socket.recv(&mut [0; 8]).await.unwrap(), 4);
        assert!(cut_short(1, socket.recv(&mut [0; 8])).await.is_none());
        socket.into_std()
    });
    assert_eq!(kind(socket.recv(&mut [0; 8])), ErrorKind::WouldBlock, "it stays non-blocking");
}

#[cfg(target_os = "linux")]
#[test]
fn io_udp_no_socket_outlives_its_value() {
    alone(io_udp_no_socket_outlives_its_value, || {
        with_both(async || {
            // The driver's own are there.
            drop(pair().await);
            let before = descriptors();
            let (one, other) = pair().await;
            assert!(cut_short(1, other.recv(&mut [0; 8])).await.is_none());
            assert!(cut_short(1, UdpSocket::bind(("localhost", 0))).await.is_none());
            drop((one, other));
            assert_eq!(descriptors(), before);
        });
    });
}
