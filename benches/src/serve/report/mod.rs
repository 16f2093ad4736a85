//! What a comparison of servers found.

mod folder;
pub mod page;
mod plot;
mod findings;

pub use findings::{Cell, Report, Server};
