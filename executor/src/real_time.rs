//! Time as it passes outside of executors, where that can be told.

use std::time::Instant;

/// Does the system have a clock?
pub(crate) const HAS_CLOCK: bool = !cfg!(all(target_family = "wasm", target_os = "unknown"));

/// The present moment. `None` on targets that have no clock of their own, as `wasm32-unknown-unknown`: to ask for the time panics there.
#[inline]
pub(crate) fn real_now() -> Option<Instant> {
    HAS_CLOCK.then(Instant::now)
}
