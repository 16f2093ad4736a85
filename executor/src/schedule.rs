//! The schedule: who is next, wherever the loop could go more than one way.

/// What is to be chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[non_exhaustive]
pub enum Choice {
    /// Which ready task of the batch is polled next.
    Ready,
    /// Which of several timers with one deadline fires next.
    Timer,
    /// Which wake-up from another thread is taken next.
    ForeignWake,
    /// In which order a `race` polls its futures first, and those who are like it. The choice is added to one that is fair: whoever always
    /// chooses the first leaves it so.
    FirstPolled,
    /// How long a wait with jitter is, in so many steps between its bounds. The choice is added to one at random.
    Jitter,
}

/// Decides wherever the loop could go more than one way. Production loops have none and are first in, first out.
///
/// ```
/// use evenkeel::{Executor, spawn, testing::{Choice, Schedule}, yield_now};
/// use std::{cell::RefCell, rc::Rc};
///
/// /// Always the last one.
/// struct Backwards;
/// impl Schedule for Backwards {
///     fn choose(&mut self, _: Choice, n: usize) -> usize {
///         n - 1
///     }
/// }
///
/// let order = Rc::new(RefCell::new(Vec::new()));
/// Executor::builder().schedule(Backwards).build().run(async {
///     let tasks: Vec<_> = (0..3)
///         .map(|n| {
///             let order = order.clone();
///             spawn(async move { order.borrow_mut().push(n) })
///         })
///         .collect();
///     for task in tasks {
///         task.await.unwrap();
///     }
/// });
/// assert_eq!(*order.borrow(), [2, 1, 0]);
/// ```
pub trait Schedule {
    /// One of `0..n`, oldest first; `n` is at least 1.
    fn choose(&mut self, choice: Choice, n: usize) -> usize;
}

/// First in, first out: what an executor does that has no schedule.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fifo;

impl Schedule for Fifo {
    fn choose(&mut self, _: Choice, _: usize) -> usize {
        0
    }
}

/// Random choices that a seed repeats.
///
/// The generator is SplitMix64 (Steele, Lea and Flood, *Fast splittable pseudorandom number generators*, 2014).
#[derive(Clone, Debug)]
pub struct Seeded {
    state: u64,
}

impl Seeded {
    /// A schedule with this seed: equal seeds make equal choices.
    pub fn new(seed: u64) -> Seeded {
        Seeded { state: seed }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

impl Schedule for Seeded {
    fn choose(&mut self, _: Choice, n: usize) -> usize {
        // The bias of the remainder is below n / 2⁶⁴.
        (self.next() % n as u64) as usize
    }
}
