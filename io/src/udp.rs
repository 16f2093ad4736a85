//! Datagrams over IP.

use crate::{
    addresses::{ToSocketAddrs, resolve},
    asynchronous::Async,
    driver::side::Direction,
    fd::{converts, lends_fd},
};
use std::{
    fmt, io,
    net::{self, Ipv4Addr, Ipv6Addr, SocketAddr},
};

/// A socket for datagrams over UDP: to anybody, or [connected](UdpSocket::connect) to one peer.
///
/// Each datagram arrives as a whole, twice, late, or not at all. All methods need a shared reference only, so that several tasks can share a socket, in
/// an `Rc`: each datagram goes to one that receives.
///
/// **Room.** A datagram that is larger than the buffer that it is received into is cut off: the rest of it is lost. (Windows says so with an error.) None
/// is larger than 65 535 bytes.
///
/// **Refusals.** A peer may answer that nobody listens there. The next operation of a connected socket fails then, once, with
/// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused) ([`ConnectionReset`](io::ErrorKind::ConnectionReset) on Windows), and the socket works on.
///
/// ```
/// use evenkeel::{io::UdpSocket, run};
///
/// run(async {
///     let one = UdpSocket::bind("127.0.0.1:0").await.unwrap();
///     let two = UdpSocket::bind("127.0.0.1:0").await.unwrap();
///     one.send_to(b"ahoy", two.local_addr().unwrap()).await.unwrap();
///     let mut text = [0; 1500];
///     let (length, whose) = two.recv_from(&mut text).await.unwrap();
///     assert_eq!((&text[..length], whose), (&b"ahoy"[..], one.local_addr().unwrap()));
/// });
/// ```
pub struct UdpSocket(Async<net::UdpSocket>);

impl UdpSocket {
    /// A socket at the first of these addresses that can be bound. Port 0 lets the system choose one, which
    /// [`local_addr`](UdpSocket::local_addr) tells.
    ///
    /// # Errors
    ///
    /// If the name has no address, or none of them can be bound: the last one's error.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped, there is no socket.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<UdpSocket> {
        UdpSocket::from_std(net::UdpSocket::bind(&*resolve(address).await?)?)
    }

    /// A socket of std's, which is in non-blocking mode from now on.
    ///
    /// # Errors
    ///
    /// If the mode cannot be set.
    pub fn from_std(socket: net::UdpSocket) -> io::Result<UdpSocket> {
        socket.set_nonblocking(true)?;
        Ok(UdpSocket(Async::new_nonblocking(socket)))
    }

    /// The socket as std has it. It stays in non-blocking mode.
    pub fn into_std(self) -> net::UdpSocket {
        self.0.into_inner()
    }

    /// From now on the socket sends to this peer, and receives from it only: the first of these addresses that the system takes. Nothing is sent for
    /// it. It may be connected again.
    ///
    /// # Errors
    ///
    /// If the name has no address, or the system takes none of them: the last one's error.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped, the socket is as it was.
    pub async fn connect(&self, peer: impl ToSocketAddrs) -> io::Result<()> {
        self.0.get_ref().connect(&*resolve(peer).await?)
    }

    /// Sends a datagram to the peer that the socket is [connected](UdpSocket::connect) to, and waits while the system takes none. Returns its length.
    ///
    /// # Errors
    ///
    /// If the socket is not connected; if the datagram is too large; a refusal that came for an earlier one; the system's. Outside an executor, or
    /// on one that cannot have a driver.
    ///
    /// # Cancel safety
    ///
    /// It can be dropped at any time: then nothing was sent.
    pub async fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.0.write_with(|socket| socket.send(datagram)).await
    }

    /// Sends a datagram to the first of these addresses, and waits while the system takes none. Returns its length.
    ///
    /// # Errors
    ///
    /// If the name has no address; if the datagram is too large; the system's. Outside an executor, or on one that cannot have a driver.
    ///
    /// # Cancel safety
    ///
    /// It can be dropped at any time: then nothing was sent.
    pub async fn send_to(&self, datagram: &[u8], target: impl ToSocketAddrs) -> io::Result<usize> {
        let targets = resolve(target).await?;
        self.0.write_with(|socket| socket.send_to(datagram, targets[0])).await
    }

    /// Receives a datagram from the peer that the socket is [connected](UdpSocket::connect) to, or from anybody. Returns its length.
    ///
    /// # Errors
    ///
    /// A refusal that came for a datagram that was sent; the system's. Outside an executor, or on one that cannot have a driver.
    ///
    /// # Cancel safety
    ///
    /// It can be dropped at any time: then nothing was received.
    pub async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read_with(|socket| socket.recv(buf)).await
    }

    /// Receives a datagram, and tells whose it is. Otherwise as [`recv`](UdpSocket::recv).
    ///
    /// # Errors
    ///
    /// As [`recv`](UdpSocket::recv).
    ///
    /// # Cancel safety
    ///
    /// It can be dropped at any time: then nothing was received.
    pub async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.read_with(|socket| socket.recv_from(buf)).await
    }

    /// Looks at the next datagram, which stays there. Otherwise as [`recv`](UdpSocket::recv).
    ///
    /// # Errors
    ///
    /// As [`recv`](UdpSocket::recv).
    ///
    /// # Cancel safety
    ///
    /// It can be dropped at any time.
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read_with(|socket| socket.peek(buf)).await
    }

    /// Looks at the next datagram, which stays there, and tells whose it is. Otherwise as [`recv`](UdpSocket::recv).
    ///
    /// # Errors
    ///
    /// As [`recv`](UdpSocket::recv).
    ///
    /// # Cancel safety
    ///
    /// It can be dropped at any time.
    pub async fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.read_with(|socket| socket.peek_from(buf)).await
    }

    /// Sends a datagram to the peer that the socket is [connected](UdpSocket::connect) to, if the system takes one now.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if it takes none now; as [`send`](UdpSocket::send).
    pub fn try_send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.0.try_op(Direction::Write, |socket| socket.send(datagram))
    }

    /// Sends a datagram to that address, if the system takes one now.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if it takes none now; as [`send_to`](UdpSocket::send_to).
    pub fn try_send_to(&self, datagram: &[u8], target: SocketAddr) -> io::Result<usize> {
        self.0.try_op(Direction::Write, |socket| socket.send_to(datagram, target))
    }

    /// Receives a datagram, if one is there.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if none is there; as [`recv`](UdpSocket::recv).
    pub fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.try_op(Direction::Read, |socket| socket.recv(buf))
    }

    /// Receives a datagram, if one is there, and tells whose it is.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if none is there; as [`recv`](UdpSocket::recv).
    pub fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.try_op(Direction::Read, |socket| socket.recv_from(buf))
    }

    /// Waits until there is a datagram to receive, or an error. Another may have received it before this one's task goes on.
    ///
    /// # Errors
    ///
    /// Outside an executor, or on one that cannot have a driver.
    ///
    /// # Cancel safety
    ///
    /// It can be dropped at any time, and nothing is lost.
    pub async fn readable(&self) -> io::Result<()> {
        self.0.readable().await
    }

    /// Waits until the system takes a datagram, or there is an error.
    ///
    /// # Errors
    ///
    /// Outside an executor, or on one that cannot have a driver.
    ///
    /// # Cancel safety
    ///
    /// It can be dropped at any time, and nothing is lost.
    pub async fn writable(&self) -> io::Result<()> {
        self.0.writable().await
    }

    /// The socket's own address.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.get_ref().local_addr()
    }

    /// The address that the socket is [connected](UdpSocket::connect) to.
    ///
    /// # Errors
    ///
    /// If it is connected to none; the system's.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.get_ref().peer_addr()
    }

    /// May it send to broadcast addresses? [`set_broadcast`](UdpSocket::set_broadcast) says so.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn broadcast(&self) -> io::Result<bool> {
        self.0.get_ref().broadcast()
    }

    /// Says whether it may send to broadcast addresses (`SO_BROADCAST`), which by default it may not.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn set_broadcast(&self, may: bool) -> io::Result<()> {
        self.0.get_ref().set_broadcast(may)
    }

    /// How many hops its packets may take. [`set_ttl`](UdpSocket::set_ttl) sets it.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn ttl(&self) -> io::Result<u32> {
        self.0.get_ref().ttl()
    }

    /// Sets how many hops its packets may take.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn set_ttl(&self, hops: u32) -> io::Result<()> {
        self.0.get_ref().set_ttl(hops)
    }

    /// From now on the socket receives what is sent to that multicast group, on the interface that has the address `interface`
    /// ([`UNSPECIFIED`](Ipv4Addr::UNSPECIFIED): one that the system chooses).
    ///
    /// # Errors
    ///
    /// If that is no multicast address; if there is no such interface; the system's.
    pub fn join_multicast_v4(&self, group: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        self.0.get_ref().join_multicast_v4(&group, &interface)
    }

    /// From now on the socket receives what is sent to that multicast group, on the interface with that number (0: one that the system chooses).
    ///
    /// # Errors
    ///
    /// If that is no multicast address; if there is no such interface; the system's.
    pub fn join_multicast_v6(&self, group: Ipv6Addr, interface: u32) -> io::Result<()> {
        self.0.get_ref().join_multicast_v6(&group, interface)
    }

    /// Ends what [`join_multicast_v4`](UdpSocket::join_multicast_v4) began.
    ///
    /// # Errors
    ///
    /// If the socket is not in that group; the system's.
    pub fn leave_multicast_v4(&self, group: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        self.0.get_ref().leave_multicast_v4(&group, &interface)
    }

    /// Ends what [`join_multicast_v6`](UdpSocket::join_multicast_v6) began.
    ///
    /// # Errors
    ///
    /// If the socket is not in that group; the system's.
    pub fn leave_multicast_v6(&self, group: Ipv6Addr, interface: u32) -> io::Result<()> {
        self.0.get_ref().leave_multicast_v6(&group, interface)
    }

    /// Says whether what the socket sends to multicast groups over IPv4 comes to receivers on this host, too, as it does by default.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn set_multicast_loop_v4(&self, loops: bool) -> io::Result<()> {
        self.0.get_ref().set_multicast_loop_v4(loops)
    }

    /// Says whether what the socket sends to multicast groups over IPv6 comes to receivers on this host, too, as it does by default.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn set_multicast_loop_v6(&self, loops: bool) -> io::Result<()> {
        self.0.get_ref().set_multicast_loop_v6(loops)
    }

    /// Sets how many hops packets to multicast groups over IPv4 may take: 1 by default, which keeps them in the local network.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn set_multicast_ttl_v4(&self, hops: u32) -> io::Result<()> {
        self.0.get_ref().set_multicast_ttl_v4(hops)
    }

    /// The error that came since the last operation, if one did (`SO_ERROR`).
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.get_ref().take_error()
    }
}

lends_fd!(UdpSocket, this => this.0);
converts!(UdpSocket, net::UdpSocket);

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UdpSocket").field(self.0.get_ref()).finish()
    }
}
