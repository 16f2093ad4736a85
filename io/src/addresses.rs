//! What a socket is to be bound or connected to.

use crate::driver;
use evenkeel_coop::consume_budget;
use evenkeel_executor::to_thread;
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6},
};

/// What names one or more socket addresses: addresses, a host's name with a port (`("example.org", 80)`), or a text of both
/// (`"example.org:80"`), as in std's trait of that name.
///
/// Names are looked up by the system's resolver, which blocks, so it is asked on a [thread](to_thread). Addresses need none, in texts neither.
///
/// The trait is sealed: there are no other implementations.
pub trait ToSocketAddrs: sealed::Named {}

mod sealed {
    use std::net::SocketAddr;

    /// What is known of a socket's addresses before the resolver is asked.
    #[derive(Debug)]
    pub enum Addresses {
        Known(Vec<SocketAddr>),
        Host(String, u16),
        /// It is neither.
        Wrong(String),
    }

    pub trait Named {
        fn addresses(&self) -> Addresses;
    }
}
use sealed::{Addresses, Named};

/// All addresses that it names, in the order in which they are to be tried.
pub(crate) async fn resolve(name: impl ToSocketAddrs) -> io::Result<Vec<SocketAddr>> {
    // Also where all that follows fails at once: who tries again and again gives way.
    consume_budget().await;
    let addresses = match name.addresses() {
        Addresses::Known(addresses) => addresses,
        Addresses::Wrong(text) => {
            let text = format!("\"{text}\" is no address: write host:port, 127.0.0.1:8080 say");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        Addresses::Host(host, port) => {
            driver::check()?;
            let look_up = move || std::net::ToSocketAddrs::to_socket_addrs(&(&*host, port)).map(Vec::from_iter);
            to_thread(look_up).await?
        }
    };
    if addresses.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "there is no address for that name"));
    }
    Ok(addresses)
}

macro_rules! known {
    ($($type:ty),*) => {$(
        impl ToSocketAddrs for $type {}
        impl Named for $type {
            fn addresses(&self) -> Addresses {
                Addresses::Known(vec![(*self).into()])
            }
        }
    )*};
}
known!(SocketAddr, SocketAddrV4, SocketAddrV6, (IpAddr, u16), (Ipv4Addr, u16), (Ipv6Addr, u16));

impl ToSocketAddrs for (&str, u16) {}
impl Named for (&str, u16) {
    fn addresses(&self) -> Addresses {
        match self.0.parse::<IpAddr>() {
            Ok(ip) => Addresses::Known(vec![(ip, self.1).into()]),
            Err(_) => Addresses::Host(self.0.to_owned(), self.1),
        }
    }
}

impl ToSocketAddrs for (String, u16) {}
impl Named for (String, u16) {
    fn addresses(&self) -> Addresses {
        (&*self.0, self.1).addresses()
    }
}

impl ToSocketAddrs for str {}
impl Named for str {
    fn addresses(&self) -> Addresses {
        if let Ok(address) = self.parse::<SocketAddr>() {
            return Addresses::Known(vec![address]);
        }
        match self.rsplit_once(':').map(|(host, port)| (host, port.parse())) {
            Some((host, Ok(port))) if !host.is_empty() => Addresses::Host(host.to_owned(), port),
            _ => Addresses::Wrong(self.to_owned()),
        }
    }
}

impl ToSocketAddrs for String {}
impl Named for String {
    fn addresses(&self) -> Addresses {
        (**self).addresses()
    }
}

impl ToSocketAddrs for [SocketAddr] {}
impl Named for [SocketAddr] {
    fn addresses(&self) -> Addresses {
        Addresses::Known(self.to_vec())
    }
}

impl<const N: usize> ToSocketAddrs for [SocketAddr; N] {}
impl<const N: usize> Named for [SocketAddr; N] {
    fn addresses(&self) -> Addresses {
        Addresses::Known(self.to_vec())
    }
}

impl ToSocketAddrs for Vec<SocketAddr> {}
impl Named for Vec<SocketAddr> {
    fn addresses(&self) -> Addresses {
        Addresses::Known(self.clone())
    }
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {}
impl<T: Named + ?Sized> Named for &T {
    fn addresses(&self) -> Addresses {
        (**self).addresses()
    }
}
