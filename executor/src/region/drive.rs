//! Whether a cancelled region ends, is polled again, or waits: decided here for scopes, for what clean-up points guard, and for tasks.

use crate::region::{
    commons::Commons,
    region::{Kind, Region},
};
use std::{
    rc::Rc,
    task::{Context, Poll},
};

/// What is to be done with a cancelled region whose poll has yielded nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// Clean-up is at work in it, which brings the next poll; or one around it decides.
    Wait,
    /// Clean-up was begun, and has ended, in this very poll: others may go on now.
    Again,
    /// There is nothing to wait for: what is left is dropped.
    Stop,
}

/// How often a region is polled in a row because clean-up was begun and has ended: code that begins more of it in each poll, for ever,
/// would keep the thread.
const MOST_IN_A_ROW: usize = 1_000;

/// What a cancelled region does after a poll. `reached`: [`Commons::reached`](Commons::reached) before it. `again`: how often the
/// answer was `Again`.
pub(crate) fn decide(commons: &Commons, region: &Region, reached: u64, again: usize) -> Verdict {
    region.probe(commons);
    if region.is_at_work() || (region.kind() == Kind::Scope && region.is_outer_cancelled()) {
        return Verdict::Wait;
    }
    if commons.reached() == reached || again == MOST_IN_A_ROW { Verdict::Stop } else { Verdict::Again }
}

/// Polls what is in a region, with `poll`, until there is a value or a verdict. A region that is not cancelled waits.
#[inline]
pub(crate) fn drive<T>(
    commons: &Commons,
    region: &Rc<Region>,
    is_cancelled: bool,
    cx: &mut Context<'_>,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Result<T, Verdict> {
    let mut again = 0;
    loop {
        let reached = commons.reached();
        if let Poll::Ready(value) = region.poll_inside(commons, cx, &mut poll) {
            return Ok(value);
        }
        if !is_cancelled {
            return Err(Verdict::Wait);
        }
        match decide(commons, region, reached, again) {
            Verdict::Again => again += 1,
            verdict => return Err(verdict),
        }
    }
}
