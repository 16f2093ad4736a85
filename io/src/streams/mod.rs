//! What all streams of bytes have, of whichever family they are: their methods, and the traits of others.

mod methods;
mod futures;
#[cfg(feature = "hyper")]
mod hyper;
#[cfg(feature = "tokio-io")]
mod tokio;
