//! What a group was told before it ran.

use super::{
    grace::Grace,
    on_failure::{OnFailure, Policy},
};
use std::time::Duration;

/// What a group's builder says.
#[derive(Default)]
pub(super) struct Settings {
    pub(super) name: Option<Box<str>>,
    pub(super) limit: Option<usize>,
    pub(super) grace: Option<Duration>,
    /// `None`: the first failure cancels the group.
    pub(super) on_failure: Option<OnFailure>,
}

impl Settings {
    /// What few groups have, if this one has it.
    #[inline]
    pub(super) fn extras(&self) -> Option<Box<Extras>> {
        if self.grace.is_none() && self.on_failure.is_none() {
            return None;
        }
        let graces = self.grace.map(|period| Graces { all: Grace::new(period), background: Grace::new(period) });
        Some(Box::new(Extras { graces, policy: self.on_failure.map(Policy::new) }))
    }
}

/// What few groups have.
pub(super) struct Extras {
    pub(super) graces: Option<Graces>,
    /// What becomes of failures, if they do not cancel the group.
    pub(super) policy: Option<Policy>,
}

/// How long clean-up may take once all are cancelled, or, when all others have ended, the background.
pub(super) struct Graces {
    pub(super) all: Grace,
    pub(super) background: Grace,
}
