//! What comes in: requests at random times, with random amounts of work. The seed is fixed.

use evenkeel::testing::{Choice, Schedule, Seeded};
use std::time::Duration;

/// Requests per second, on average: half as much again as the service can do, and then, in the last third, half of it.
const BUSY: f64 = 1200.0;
const CALM: f64 = 400.0;

/// How long requests come in.
pub(crate) const BUSY_FOR: Duration = Duration::from_secs(6);
pub(crate) const COMES_FOR: Duration = Duration::from_secs(9);

/// The middle of the amounts of work, in milliseconds of the service alone. The mean is 10, one in a hundred takes 60 and more.
const WORK: f64 = 6.0;

/// A request.
#[derive(Clone, Copy)]
pub(crate) struct Request {
    /// When it comes.
    pub(crate) at: Duration,
    /// How much work it is, in milliseconds.
    pub(crate) work: f64,
}

/// All requests, in the order of their coming.
pub(crate) fn requests() -> Vec<Request> {
    let mut dice = Dice(Seeded::new(2026));
    let mut at = Duration::ZERO;
    let mut requests = Vec::new();
    while at < COMES_FOR {
        let rate = if at < BUSY_FOR { BUSY } else { CALM };
        at += Duration::from_secs_f64(-dice.uniform().ln() / rate);
        requests.push(Request { at, work: WORK * dice.normal().exp() });
    }
    requests
}

struct Dice(Seeded);

impl Dice {
    /// Above 0, up to 1.
    fn uniform(&mut self) -> f64 {
        const STEPS: usize = 1 << 30;
        (self.0.choose(Choice::Ready, STEPS) + 1) as f64 / STEPS as f64
    }

    /// Mean 0, deviation 1: the sum of twelve uniform numbers is close enough.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}
