//! Random programs against a simple model: locks and conditions, with waits that are cancelled at any time.
//!
//! `PROPTEST_CASES` raises the number of programs (512 by default).

use super::model::check;
use crate::kit::hosts::Hand;
use evenkeel::sync::{Condition, Mutex};
use futures::{FutureExt, future::LocalBoxFuture};
use proptest::prelude::*;
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::poll_fn,
    pin::pin,
    rc::Rc,
    task::Poll,
};

#[derive(Clone, Copy, Debug)]
enum Deed {
    /// Somebody comes, who wants that lock.
    Come(usize),
    TryLock(usize),
    /// A task is polled, also if nobody woke it.
    Poll(usize),
    /// Who has a lock waits for that condition.
    Wait(usize, usize),
    /// Who waits for a condition, or for the lock behind it, gives up; then it locks again, or unlocks.
    GiveUp(usize, bool),
    Unlock(usize),
    Cancel(usize),
    Notify(usize, usize),
    NotifyAll(usize),
    /// Counts who is in a lock's line.
    Count(usize),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        5 => (0..2_usize).prop_map(Deed::Come),
        2 => (0..2_usize).prop_map(Deed::TryLock),
        8 => any::<usize>().prop_map(Deed::Poll),
        6 => (any::<usize>(), 0..2_usize).prop_map(|(who, condition)| Deed::Wait(who, condition)),
        2 => (any::<usize>(), any::<bool>()).prop_map(|(who, again)| Deed::GiveUp(who, again)),
        4 => any::<usize>().prop_map(Deed::Unlock),
        3 => any::<usize>().prop_map(Deed::Cancel),
        4 => (0..2_usize, 1..3_usize).prop_map(|(condition, count)| Deed::Notify(condition, count)),
        1 => (0..2_usize).prop_map(Deed::NotifyAll),
        1 => (0..2_usize).prop_map(Deed::Count),
    ];
    prop::collection::vec(deed, 1..120)
}

/// What somebody who has a lock, or waits, is to do in its next poll.
#[derive(Clone, Copy)]
enum Order {
    Wait(usize),
    GiveUp(bool),
    Unlock,
}

struct World {
    locks: [Mutex<()>; 2],
    conditions: [Condition; 2],
}

/// Locks, and then does as it is told. It ends when it has unlocked.
async fn life(world: Rc<World>, lock: usize, order: Rc<Cell<Option<Order>>>) {
    let mut guard = world.locks[lock].lock().await;
    loop {
        let next = poll_fn(|_| order.take().map_or(Poll::Pending, Poll::Ready)).await;
        let Order::Wait(condition) = next else { return };
        let gave_up = {
            let mut wait = pin!(world.conditions[condition].wait(&mut guard));
            poll_fn(|cx| match order.take() {
                Some(Order::GiveUp(again)) => Poll::Ready(Some(again)),
                _ => wait.as_mut().poll(cx).map(|()| None),
            })
            .await
        };
        match gave_up {
            Some(true) => guard.relock().await,
            Some(false) => return,
            None => {}
        }
    }
}

/// Where somebody stands.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Place {
    /// It was not polled yet.
    Outside,
    /// In the lock's line.
    InLine,
    /// In a condition's line.
    Waits(usize),
    /// It has the lock, and perhaps does not know.
    Has,
}

struct Person {
    lock: usize,
    place: Place,
    /// The condition that it was notified by, it alone, if it has not returned from that wait.
    notified: Option<usize>,
    /// Does it wait for a condition, as far as it knows?
    in_wait: bool,
    /// Was it given the lock since its last poll, for which it waited?
    woken: bool,
    /// How often it was to be woken so far.
    wakes: usize,
    order: Rc<Cell<Option<Order>>>,
    hand: Hand<LocalBoxFuture<'static, ()>>,
}

/// What locks and conditions are to do, in the plainest way: lists of who stands where.
#[derive(Default)]
struct Model {
    people: RefCell<Vec<(usize, Person)>>,
    holders: [Cell<Option<usize>>; 2],
    lines: [RefCell<VecDeque<usize>>; 2],
    waiting: [RefCell<VecDeque<usize>>; 2],
}

impl Model {
    fn with<R>(&self, id: usize, f: impl FnOnce(&mut Person) -> R) -> R {
        f(&mut self.people.borrow_mut().iter_mut().find(|(other, _)| *other == id).expect("somebody who is here").1)
    }

    /// Wants the lock.
    fn ask(&self, id: usize) {
        let lock = self.with(id, |person| person.lock);
        if self.holders[lock].get().is_none() {
            self.give(lock, id, false);
        } else {
            self.with(id, |person| person.place = Place::InLine);
            self.lines[lock].borrow_mut().push_back(id);
        }
    }

    fn give(&self, lock: usize, id: usize, wakes: bool) {
        self.holders[lock].set(Some(id));
        self.with(id, |person| {
            person.place = Place::Has;
            person.woken |= wakes;
            person.wakes += usize::from(wakes);
        });
    }

    fn unlock(&self, lock: usize) {
        self.holders[lock].set(None);
        let next = self.lines[lock].borrow_mut().pop_front();
        if let Some(next) = next {
            self.give(lock, next, true);
        }
    }

    fn notify(&self, condition: usize, is_one: bool) {
        let Some(id) = self.waiting[condition].borrow_mut().pop_front() else { return };
        self.with(id, |person| person.notified = is_one.then_some(condition));
        self.ask(id);
        self.with(id, |person| {
            if person.place == Place::Has {
                person.woken = true;
                person.wakes += 1;
            }
        });
    }

    /// Whatever it has and wants it has and wants no longer.
    fn leave(&self, id: usize) {
        let (lock, place, notified) = self.with(id, |person| {
            (person.lock, std::mem::replace(&mut person.place, Place::Outside), person.notified.take())
        });
        match place {
            Place::Outside => {}
            Place::InLine => self.lines[lock].borrow_mut().retain(|other| *other != id),
            Place::Waits(condition) => self.waiting[condition].borrow_mut().retain(|other| *other != id),
            Place::Has => self.unlock(lock),
        }
        if let Some(condition) = notified {
            self.notify(condition, true);
        }
    }

    /// Compares it with the real ones.
    fn look(&self, world: &World) {
        for lock in 0..2 {
            assert_eq!(world.locks[lock].is_locked(), self.holders[lock].get().is_some(), "lock {lock}");
            assert_eq!(world.conditions[lock].waiting(), self.waiting[lock].borrow().len(), "condition {lock}");
        }
        for (id, person) in &*self.people.borrow() {
            assert_eq!(person.hand.wakes(), person.wakes, "wakes of {id}, who is {:?}", person.place);
        }
    }

    /// Somebody for whom `which` is true.
    fn choose(&self, number: usize, which: impl Fn(&Person) -> bool) -> Option<usize> {
        let people = self.people.borrow();
        let fit: Vec<usize> = people.iter().filter(|(_, person)| which(person)).map(|(id, _)| *id).collect();
        fit.get(number.checked_rem(fit.len())?).copied()
    }

    /// Polls somebody, and returns whether it has gone.
    fn poll(&self, id: usize) -> bool {
        let mut hand = self.with(id, |person| std::mem::replace(&mut person.hand, Hand::new(async {}.boxed_local())));
        let is_ready = hand.poll().is_ready();
        self.with(id, |person| person.hand = hand);
        is_ready
    }

    fn remove(&self, id: usize) {
        self.people.borrow_mut().retain(|(other, _)| *other != id);
    }
}

/// Has the lock, and knows it.
fn is_free_to_act(person: &Person) -> bool {
    person.place == Place::Has && !person.woken
}

fn act(world: &Rc<World>, model: &Model, id: usize, deed: Deed) {
    match deed {
        Deed::Come(lock) => {
            let order = Rc::default();
            let hand = Hand::new(life(world.clone(), lock, Rc::clone(&order)).boxed_local());
            let (place, notified, in_wait, woken, wakes) = (Place::Outside, None, false, false, 0);
            model.people.borrow_mut().push((id, Person { lock, place, notified, in_wait, woken, wakes, order, hand }));
        }
        Deed::TryLock(lock) => {
            assert_eq!(
                world.locks[lock].try_lock().is_some(),
                model.holders[lock].get().is_none(),
                "try_lock of {lock}"
            );
        }
        Deed::Poll(number) => {
            let Some(id) = model.choose(number, |_| true) else { return };
            assert!(!model.poll(id), "{id} ended");
            if model.with(id, |person| person.place == Place::Outside) {
                model.ask(id);
            }
            model.with(id, |person| {
                if person.place == Place::Has {
                    (person.woken, person.notified, person.in_wait) = (false, None, false);
                }
            });
        }
        Deed::Wait(number, condition) => {
            let Some(id) = model.choose(number, is_free_to_act) else { return };
            model.with(id, |person| person.order.set(Some(Order::Wait(condition))));
            assert!(!model.poll(id));
            let lock = model.with(id, |person| {
                (person.place, person.in_wait) = (Place::Waits(condition), true);
                person.lock
            });
            model.waiting[condition].borrow_mut().push_back(id);
            model.unlock(lock);
        }
        Deed::GiveUp(number, again) => {
            let Some(id) = model.choose(number, |person| person.in_wait) else { return };
            model.with(id, |person| person.order.set(Some(Order::GiveUp(again))));
            assert_eq!(model.poll(id), !again);
            model.leave(id);
            if again {
                model.with(id, |person| (person.woken, person.in_wait) = (false, false));
                model.ask(id);
            } else {
                model.remove(id);
            }
        }
        Deed::Unlock(number) => {
            let Some(id) = model.choose(number, is_free_to_act) else { return };
            model.with(id, |person| person.order.set(Some(Order::Unlock)));
            assert!(model.poll(id));
            model.leave(id);
            model.remove(id);
        }
        Deed::Cancel(number) => {
            let Some(id) = model.choose(number, |_| true) else { return };
            let hand = model.with(id, |person| std::mem::replace(&mut person.hand, Hand::new(async {}.boxed_local())));
            drop(hand);
            model.leave(id);
            model.remove(id);
        }
        Deed::Notify(condition, count) => {
            world.conditions[condition].notify(count);
            (0..count).for_each(|_| model.notify(condition, true));
        }
        Deed::NotifyAll(condition) => {
            world.conditions[condition].notify_all();
            let count = model.waiting[condition].borrow().len();
            (0..count).for_each(|_| model.notify(condition, false));
        }
        Deed::Count(lock) => {
            assert_eq!(world.locks[lock].waiting(), model.lines[lock].borrow().len(), "line of lock {lock}")
        }
    }
}

fn run(program: Vec<Deed>) -> usize {
    let world =
        Rc::new(World { locks: [Mutex::new(()), Mutex::new(())], conditions: [Condition::new(), Condition::new()] });
    let model = Model::default();
    for (id, deed) in program.iter().enumerate() {
        act(&world, &model, id, *deed);
        model.look(&world);
    }
    model.people.take().clear();
    for lock in &world.locks {
        assert!(lock.try_lock().is_some() && lock.waiting() == 0);
    }
    program.len()
}

#[test]
fn met_c10_sync_01_random_programs_agree_with_a_plain_model() {
    check("conditions", deeds(), run);
}
