//! Task groups.

/// The failure boundary: who is waited for, who is cancelled, what is told first.
mod boundary;
/// What children may do, and what becomes of them.
mod children;
/// A child's handle, slots, `start`, the background.
mod handles;
/// The tree of errors: walked, cut, flattened, printed, passed on.
mod errors;
/// A panic waits for the others and then goes on.
mod panics;
/// Three groups, one in the other.
mod nesting;
/// Groups where futures end up: moved, dropped, forgotten.
mod places;
/// Shields, clean-up, panics, foreign wakers, two executors.
mod edges;
/// What Trio's nurseries promise beyond asyncio's groups.
mod trio;
/// Code that panics where one does not look for it, and clocks.
mod hostile;
/// Wakers that do what is waited for as they are cloned or dropped.
mod wakers;
/// Children are inside their group also when its future is gone.
mod inside;
/// Trees and chains of any depth, on a small stack.
mod depth;
