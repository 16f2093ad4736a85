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

        #[cfg(not(windows))]
        impl $(<$T: crate::fd::AsFd>)? std::os::fd::AsRawFd for $Type {
            fn as_raw_fd(&self) -> std::os::fd::RawFd {
                crate::fd::fd_of(self).as_raw_fd()
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

/// `converts!(Type, std)`: between a type and std's, by `from_std` and `into_std`.
macro_rules! converts {
    ($Type:ty, $std:ty) => {
        impl TryFrom<$std> for $Type {
            type Error = std::io::Error;

            /// What `from_std` does.
            fn try_from(std: $std) -> std::io::Result<Self> {
                Self::from_std(std)
            }
        }

        impl From<$Type> for $std {
            /// What `into_std` does.
            fn from(ours: $Type) -> $std {
                ours.into_std()
            }
        }

        #[cfg(not(windows))]
        impl From<$Type> for std::os::fd::OwnedFd {
            /// The descriptor. It stays in non-blocking mode.
            fn from(ours: $Type) -> std::os::fd::OwnedFd {
                ours.into_std().into()
            }
        }
    };
}
pub(crate) use converts;
