//! What can be polled on each system: what has a descriptor, and on Windows what has a socket.
//!
//! There rustix has an `AsFd` of its own, for all that has std's `AsSocket`, which is the one to implement.

#[cfg(not(windows))]
pub(crate) use rustix::fd::AsFd;
#[cfg(windows)]
pub(crate) use rustix::fd::AsSocket as AsFd;
use rustix::fd::BorrowedFd;

/// The descriptor of that.
#[inline]
pub(crate) fn fd_of<T: AsFd>(io: &T) -> BorrowedFd<'_> {
    rustix::fd::AsFd::as_fd(io)
}

/// `lends_fd!(Type, this => inner)`: a value of that type has the descriptor that `inner` has.
macro_rules! lends_fd {
    ($Type:ty $([$T:ident])?, $this:ident => $inner:expr) => {
        #[cfg(not(windows))]
        impl $(<$T: crate::fd::AsFd>)? rustix::fd::AsFd for $Type {
            fn as_fd(&self) -> rustix::fd::BorrowedFd<'_> {
                let $this = self;
                $inner.as_fd()
            }
        }

        #[cfg(windows)]
        impl $(<$T: crate::fd::AsFd>)? rustix::fd::AsSocket for $Type {
            fn as_socket(&self) -> rustix::fd::BorrowedFd<'_> {
                let $this = self;
                $inner.as_socket()
            }
        }
    };
}
pub(crate) use lends_fd;
