//! Children that live in place, inside the future that polls them.

mod family;
mod children;
mod cut;

pub(crate) use children::*;
pub(crate) use cut::Cut;
pub(crate) use family::{Family, Payload, go_on, keep_first};
