//! What a comparison found.

mod folder;
pub mod markdown;
pub mod plot;
pub mod history;
pub(crate) mod findings;

pub use findings::{Report, Subject};
