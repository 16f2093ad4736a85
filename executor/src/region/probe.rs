//! Whether those that clean up are still polled by anybody.

use crate::{
    region::{
        commons::Commons,
        members::{MOST_PROBES, Member, Members, State},
    },
    wake::{few::Few, wake::wake_owner},
};
use std::task::Waker;

impl Members {
    /// Finds out whether those that work are still polled by anybody, when some that were called cannot be reached. They are called
    /// when one is found out of reach, and whenever something has happened since. A region in here that is polled for that finds out
    /// the same about those in it. To be asked after a poll.
    pub(crate) fn probe(&self, commons: &Commons) {
        if !self.has(State::Working) || !self.are_seated() || self.is_worth_a_poll() {
            return;
        }
        let is_asked = self.probed.replace(commons.probes()) != commons.probes();
        if self.find_unreached() {
            self.probes_left.set(MOST_PROBES);
        }
        let left = self.probes_left.get();
        if left > 0 {
            self.probes_left.set(left - 1);
            self.probed.set(commons.count_probe());
        } else if !is_asked {
            return;
        }
        self.probes.set(true);
        self.renew(self.list.borrow().len());
        let call = |(_, member): (usize, &mut Member)| {
            if member.state == State::Working { self.call(member).0 } else { None }
        };
        let wakers: Few<Waker> = self.list.borrow_mut().iter_mut().filter_map(call).collect();
        wakers.for_each(wake_owner);
        self.wake_region();
    }

    /// Gives up those that were called and not reached. `true` if there are any that were not given up before.
    fn find_unreached(&self) -> bool {
        if !self.has(State::Called) {
            self.probes_left.set(0);
            return false;
        }
        let mut list = self.list.borrow_mut();
        let unreached = list.iter_mut().filter(|(_, member)| member.state == State::Called);
        unreached.fold(false, |is_news, (_, member)| !std::mem::replace(&mut member.is_given_up, true) || is_news)
    }
}
