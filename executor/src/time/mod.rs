//! Time: instants, clocks, the timer wheel, and the futures that wait for it.

pub(crate) mod interval;
pub(crate) mod sleep;
pub(crate) mod alarm;
pub(crate) mod virtual_clock;
#[expect(clippy::module_inception, reason = "the room is named after its first noun")]
pub(crate) mod time;
pub(crate) mod pace;
pub(crate) mod standstill;
pub(crate) mod notices;
pub(crate) mod clock;
pub(crate) mod timers;
pub(crate) mod wheel;
mod pages;
pub(crate) mod buckets;
pub(crate) mod instant;
