//! Time: instants, clocks, the timer wheel, and the futures that wait for it.

mod instant;
mod clock;
mod sleep;
mod interval;
mod alarm;
mod timers;
mod pace;
mod wheel;
mod buckets;

pub use clock::{Clock, VirtualClock};
pub use instant::Instant;
pub use interval::{Interval, MissedTick, interval, interval_at};
pub use sleep::{Sleep, sleep, sleep_until};

pub(crate) use alarm::Alarm;
pub(crate) use clock::ClockSource;
pub(crate) use instant::saturating_nanos;
pub(crate) use pace::Pace;
pub(crate) use timers::Timers;
pub(crate) use wheel::When;
