//! What a comparison found.

mod folder;
pub mod markdown;
pub mod plot;
pub(crate) mod findings;

pub use findings::{Report, Subject};
