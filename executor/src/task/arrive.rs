//! Where a region lies: found out at each of its polls, and what follows from it. Whose waker brings the next poll of a member is argued
//! in [`members`](crate::region::members).

use crate::{
    raw::number::Number,
    region::{
        members::{Members, State},
        region::{Kind, Place, Region, leave},
    },
    task::tasks::Tasks,
    wake::wake::drop_wakers,
};
use std::{rc::Rc, task::Waker};

impl Region {
    /// To be called when a poll begins: the region lies in what is polled now. `true` if that is cancelled.
    #[inline]
    pub(crate) fn arrive(self: &Rc<Self>, tasks: &Tasks) -> bool {
        let task = tasks.current();
        let is_here = is_at(&self.place.borrow(), task, tasks);
        if !is_here {
            let was_at_work = self.reached.get() || self.told.get();
            if let Some(place) = if was_at_work { self.stays() } else { None } {
                let outer = place.is_cancelled();
                self.see(outer);
                return outer;
            }
            self.move_to(Place { task, around: tasks.here.nearest(), seat: None });
        }
        let outer = tasks.is_cancelled_here();
        self.see(outer);
        if !outer && self.reason().is_none() {
            self.told.set(false);
        }
        outer
    }

    /// The region is polled for the first time since what is around it was cancelled, or goes on being so.
    pub(crate) fn reach(self: &Rc<Self>, tasks: &Tasks) {
        if !self.reached.replace(true) {
            tasks.here.commons.count_reached();
        }
        if self.place.borrow().seat.is_none() {
            self.take_seat(tasks, State::Called, None);
        }
    }

    /// The region's future waits; `given` is the waker that it was polled with. A clean-up point is a member of the region around, and at
    /// work there if `reached`; a scope is for as long as it has members.
    #[inline]
    pub(crate) fn wait(self: &Rc<Self>, tasks: &Tasks, given: &Waker, reached: bool) {
        let members = self.inner.get().map(|inner| &inner.members);
        let is_working = match self.kind.get() {
            Kind::Root => None,
            Kind::Scope if members.is_none_or(Members::is_empty) => {
                self.leave();
                None
            }
            Kind::Scope => Some(self.is_at_work() && self.is_outer_cancelled()),
            Kind::Guarded | Kind::Shielded => Some(reached),
        };
        if let Some(is_working) = is_working {
            self.register(tasks, given, if is_working { State::Working } else { State::Idle });
        }
        if let Some(members) = members.filter(|members| members.are_seated()) {
            members.link(&self.own_waker(&tasks.here.commons, given));
        }
    }

    /// The region is a member of the one around it, in that state, and has that waker.
    #[inline]
    fn register(&self, tasks: &Tasks, newest: &Waker, state: State) {
        let seat = match &self.place.borrow().seat {
            Some((around, key)) if around.inner().members.wait_again(*key, state, newest) => return,
            seat => seat.clone(),
        };
        match seat {
            Some((around, key)) => around.inner().members.wait(key, state, newest),
            None => self.take_seat(tasks, state, Some(newest.clone())),
        }
    }

    /// The region becomes a member of the one around it; but not if it is polled outside of any task, by a
    /// waker that does more than wake. Nothing there can be cancelled.
    fn take_seat(&self, tasks: &Tasks, state: State, waker: Option<Waker>) {
        // Here the frame of this region is gone, and the innermost is that of the scope around it.
        let Some(around) = tasks.region_here() else { return drop_wakers([waker, None]) };
        let key = around.inner().members.insert(state, waker);
        let nearest = (around.kind.get() != Kind::Root).then(|| around.clone());
        let mut place = self.place.borrow_mut();
        place.seat = Some((around, key));
        let old = std::mem::replace(&mut place.around, nearest);
        drop(place);
        drop(old);
    }

    /// The region's future answers that it waits for no other reason than that something around it is cancelled. It may outlive that, when it
    /// was only borrowed: whoever polls it is called then.
    #[cold]
    pub(crate) fn wait_for_end_around(&self, tasks: &Tasks, newest: &Waker) {
        let around = tasks.nearest_cancelled();
        let place = &self.inner().end_around;
        let waits = match (place.take(), around) {
            (Some((noted, key)), Some(around)) if Rc::ptr_eq(&noted, &around) => Some((noted, key)),
            (noted, around) => {
                let waits = around.map(|around| (around.clone(), around.new_waiter()));
                leave(noted);
                waits
            }
        };
        let Some((around, key)) = waits else { return };
        place.set(Some((around.clone(), key)));
        if !around.is_waiter(key, newest) {
            around.set_waiter(key, newest);
        }
    }
}

impl Tasks {
    /// The innermost region around the code that runs now.
    pub(crate) fn region_here(&self) -> Option<Rc<Region>> {
        self.here.innermost(self.current()).or_else(|| self.root_region())
    }

    /// The region with whose end the code that runs now may be in nothing cancelled any more, up to the next shield: the nearest one around
    /// that was cancelled itself, which waits for the next in turn; or what a clean-up point guards, as its clean-up is shielded.
    pub(crate) fn nearest_cancelled(&self) -> Option<Rc<Region>> {
        let mut next = self.here.nearest();
        while let Some(region) = next {
            match region.kind() {
                Kind::Shielded => return None,
                Kind::Guarded if region.is_outer_cancelled() => return Some(region),
                _ if region.reason().is_some() => return Some(region),
                _ => next = region.around(),
            }
        }
        if self.is_cancelled(self.current()) { self.root_region() } else { None }
    }
}

/// Is that where the code stands that runs now, in the task of that number?
#[inline]
fn is_at(place: &Place, task: Number, tasks: &Tasks) -> bool {
    // Numbers of tasks come round. A root scope that has ended lies nowhere, so a region that is registered there is elsewhere.
    let is_up_to_date = |(around, _): &(Rc<Region>, usize)| around.place.borrow().task == task;
    place.task == task && tasks.here.is_nearest(place.around.as_ref()) && place.seat.as_ref().is_none_or(is_up_to_date)
}
