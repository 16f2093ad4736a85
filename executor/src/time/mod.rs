//! Time: instants, clocks, the timer wheel, and the futures that wait for it.

pub(crate) mod sleep;
pub(crate) mod interval;
pub(crate) mod pace;
pub(crate) mod alarm;
pub(crate) mod timers;
pub(crate) mod buckets;
pub(crate) mod wheel;
pub(crate) mod clock;
pub(crate) mod instant;
