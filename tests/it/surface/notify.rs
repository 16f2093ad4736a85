//! Notify: enabled early, owned, last first.

use crate::kit::{
    bomb::{Op, bomb, defuse},
    hosts::{Hand, everywhere, now, pass},
    probe::{Record, panic_of},
};
use crate::sync::model::check;
use evenkeel::{
    coop::with_budget,
    sync::{Event, Notify, OwnedNotified},
};
use proptest::prelude::*;
use std::{collections::VecDeque, rc::Rc};

// ---- scenarios

#[test]
fn notify_last_before_anybody_comes_is_stored_once() {
    let notify = Notify::new();
    notify.notify_last();
    notify.notify_last();
    notify.notify_one();
    now(notify.notified());
    assert!(Hand::new(notify.notified()).is_pending());
}

#[test]
fn notify_last_is_for_the_one_who_came_last_and_then_for_the_one_before() {
    let notify = Notify::new();
    let [mut one, mut two, mut three] = [0; 3].map(|_| Hand::waiting(notify.notified()));
    notify.notify_last();
    assert!(three.is_woken() && !two.is_woken() && !one.is_woken());
    notify.notify_last();
    assert!(two.is_woken() && !one.is_woken());
    notify.notify_one();
    three.ready();
    two.ready();
    one.ready();
    assert!(Hand::new(notify.notified()).is_pending(), "nothing was stored");
}

#[test]
fn notify_last_that_was_given_to_one_who_goes_is_for_the_last_of_those_who_are_left() {
    let notify = Notify::new();
    let [mut one, mut two, three] = [0; 3].map(|_| Hand::waiting(notify.notified()));
    notify.notify_last();
    drop(three);
    two.ready();
    assert!(one.is_pending());
}

#[test]
fn notify_one_that_was_given_to_one_who_goes_is_for_the_first_of_those_who_are_left() {
    let notify = Notify::new();
    let [one, mut two, mut three] = [0; 3].map(|_| Hand::waiting(notify.notified()));
    notify.notify_one();
    drop(one);
    two.ready();
    assert!(three.is_pending());
}

#[test]
fn a_notification_that_its_only_waiter_leaves_is_stored() {
    for last in [false, true] {
        let notify = Notify::new();
        let waiter = Hand::waiting(notify.notified());
        if last {
            notify.notify_last()
        } else {
            notify.notify_one()
        }
        drop(waiter);
        now(notify.notified());
        assert!(Hand::new(notify.notified()).is_pending());
    }
}

#[test]
fn notify_waiters_leaves_what_notify_one_says_next_to_the_next() {
    let notify = Notify::new();
    let waiter = Hand::waiting(notify.notified());
    notify.notify_waiters();
    notify.notify_one();
    drop(waiter);
    now(notify.notified());
}

#[test]
fn a_future_that_was_made_before_notify_waiters_has_heard_it_and_leaves_the_stored_one_to_others() {
    let notify = Notify::new();
    let early = notify.notified();
    notify.notify_waiters();
    notify.notify_one();
    now(early);
    now(notify.notified());
}

#[test]
fn who_is_not_enabled_finds_a_notification_stored_and_who_is_was_given_it() {
    let notify = Notify::new();
    let mut late = notify.notified();
    notify.notify_one();
    assert!(late.enable());
    now(late);

    let (mut first, mut second) = (notify.notified(), notify.notified());
    assert!(!first.enable());
    notify.notify_one();
    assert!(first.enable(), "it is told of it");
    assert!(!second.enable(), "nothing is stored");
    now(first);
}

#[test]
fn who_is_enabled_stands_in_line_before_those_who_are_polled_later() {
    let notify = Notify::new();
    let mut enabled = Hand::new(notify.notified());
    assert!(!enabled.with(|notified| notified.enable()));
    assert_eq!(notify.waiting(), 1);
    let mut polled = Hand::waiting(notify.notified());
    notify.notify_one();
    assert!(!polled.is_woken());
    enabled.ready();
    assert!(polled.is_pending());
}

#[test]
fn enabled_twice_or_after_a_poll_or_after_the_end_changes_nothing() {
    let notify = Notify::new();
    let mut waiter = Hand::waiting(notify.notified());
    assert!(!waiter.with(|notified| notified.enable()));
    assert!(!waiter.with(|notified| notified.enable()));
    assert_eq!(notify.waiting(), 1);
    notify.notify_one();
    assert!(waiter.is_woken());
    waiter.ready();
    assert!(waiter.with(|notified| notified.enable()), "it was notified");
    assert!(Hand::new(notify.notified()).is_pending());
}

#[test]
fn enabled_takes_the_stored_notification_and_gives_it_back_when_dropped() {
    let notify = Notify::new();
    notify.notify_one();
    let mut first = notify.notified();
    assert!(first.enable());
    assert!(!notify.notified().enable());
    drop(first);
    now(notify.notified());
}

#[test]
fn who_was_enabled_is_woken_by_the_waker_of_the_last_poll() {
    let notify = Notify::new();
    let mut waiter = Hand::new(notify.notified());
    waiter.with(|notified| notified.enable());
    assert!(waiter.poll_with(std::task::Waker::noop()).is_pending());
    assert!(waiter.is_pending());
    notify.notify_one();
    assert_eq!(waiter.wakes(), 1);
}

#[test]
fn who_was_enabled_and_had_to_wait_needs_no_budget_when_it_is_woken() {
    let notify = Notify::new();
    let mut waiter = Hand::new(notify.notified());
    waiter.with(|notified| notified.enable());
    assert!(waiter.is_pending());
    notify.notify_one();
    assert!(with_budget(0, || waiter.poll().is_ready()));
    // Notified before the first poll, it had not to wait.
    let mut ready = Hand::new(notify.notified());
    ready.with(|notified| notified.enable());
    notify.notify_one();
    assert!(with_budget(0, || ready.is_pending()));
    ready.ready();
}

#[test]
fn an_owned_future_outlives_every_other_handle_and_stands_in_the_same_line() {
    let notify = Rc::new(Notify::new());
    let mut owned = Hand::waiting(notify.notified_owned());
    let mut borrowed = Hand::waiting(notify.notified());
    notify.notify_one();
    owned.ready();
    assert!(borrowed.is_pending());
    drop(borrowed);
    let mut last = Hand::waiting(notify.notified_owned());
    let weak = Rc::downgrade(&notify);
    drop(notify);
    assert!(last.is_pending());
    weak.upgrade().unwrap().notify_last();
    last.ready();
    drop((owned, last));
    assert!(weak.upgrade().is_none());
}

#[test]
fn nothing_is_missed_by_who_enables_looks_and_then_waits() {
    let record = everywhere(|tasks, record: Record<u8>| {
        let (items, came) = (Rc::new(std::cell::RefCell::new(Vec::new())), Rc::new(Notify::new()));
        for name in 0..2_u8 {
            let (items, came, record) = (items.clone(), came.clone(), record.clone());
            tasks.spawn(async move {
                loop {
                    let mut notified = came.notified();
                    notified.enable();
                    let item = items.borrow_mut().pop();
                    if let Some(item) = item {
                        return record.add(10 * name + item);
                    }
                    notified.await;
                }
            });
        }
        tasks.spawn(async move {
            for item in 1..3 {
                pass().await;
                items.borrow_mut().push(item);
                came.notify_one();
            }
        });
    });
    assert_eq!(record, [1, 12]);
}

#[test]
fn an_event_is_waited_for_by_futures_that_own_it() {
    let event = Rc::new(Event::new());
    let mut first = Hand::waiting(event.wait_owned());
    let mut second = Hand::waiting(Rc::clone(&event).wait_owned());
    event.set();
    event.clear();
    first.ready();
    second.ready();
    let mut last = Hand::waiting(event.wait_owned());
    let weak = Rc::downgrade(&event);
    drop(event);
    weak.upgrade().unwrap().set();
    last.ready();
}

// ---- wakers that do harm

#[test]
fn a_waker_that_panics_does_not_lose_what_notify_last_gave() {
    let notify = Notify::new();
    let mut first = Hand::waiting(notify.notified());
    let mut last = Hand::new(notify.notified());
    let waker = bomb(|op| assert!(!matches!(op, Op::Wake | Op::WakeByRef), "bang"));
    assert!(last.poll_with(&waker).is_pending());
    assert_eq!(panic_of(|| notify.notify_last()), "bang");
    assert!(first.is_pending());
    last.ready();
    // And one that is passed on to such a waker is not lost either.
    let mut victim = Hand::new(notify.notified());
    assert!(victim.poll_with(&waker).is_pending());
    let newest = Hand::waiting(notify.notified());
    notify.notify_last();
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(newest))).is_err());
    victim.ready();
    defuse();
}

#[test]
fn a_waker_that_notifies_while_it_is_cloned_finds_the_one_who_was_enabled() {
    let notify = Rc::new(Notify::new());
    let notifies = notify.clone();
    let waker = bomb(move |op| {
        if op == Op::Clone {
            notifies.notify_last();
        }
    });
    let mut waiter = Hand::new(notify.notified());
    waiter.with(|notified| notified.enable());
    assert!(waiter.poll_with(&waker).is_ready());
    assert!(Hand::new(notify.notified()).is_pending());
    defuse();
}

// ---- against a model

#[derive(Clone, Copy, Debug)]
enum Deed {
    Make,
    Poll(usize),
    Enable(usize),
    Drop(usize),
    One,
    Last,
    Waiters,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Nudge {
    One,
    Last,
    All,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum State {
    /// It came in that round.
    New(u64),
    InLine,
    Given(Nudge),
    Over,
}

/// What a notifier is to do, in the plainest way.
#[derive(Default)]
struct Model {
    stored: bool,
    rounds: u64,
    line: VecDeque<usize>,
    states: Vec<State>,
}

impl Model {
    fn begin(&mut self, id: usize) {
        let State::New(round) = self.states[id] else { return };
        self.states[id] = if round != self.rounds {
            State::Given(Nudge::All)
        } else if std::mem::take(&mut self.stored) {
            State::Given(Nudge::One)
        } else {
            self.line.push_back(id);
            State::InLine
        };
    }

    fn notify(&mut self, nudge: Nudge) {
        let next = if nudge == Nudge::Last { self.line.pop_back() } else { self.line.pop_front() };
        match next {
            Some(id) => self.states[id] = State::Given(nudge),
            None => self.stored = true,
        }
    }

    fn notify_waiters(&mut self) {
        self.rounds += 1;
        for id in self.line.drain(..) {
            self.states[id] = State::Given(Nudge::All);
        }
    }

    fn leave(&mut self, id: usize) {
        self.line.retain(|&other| other != id);
        let before = std::mem::replace(&mut self.states[id], State::Over);
        if let State::Given(nudge @ (Nudge::One | Nudge::Last)) = before {
            self.notify(nudge);
        }
    }
}

/// Does the same to a notifier and to the model, and compares.
struct Pair {
    notify: Rc<Notify>,
    model: Model,
    hands: Vec<Option<Hand<OwnedNotified>>>,
    /// Who was polled, and so is to be woken.
    polled: Vec<bool>,
}

impl Pair {
    fn new(waiters: usize) -> Pair {
        let mut pair =
            Pair { notify: Rc::new(Notify::new()), model: Model::default(), hands: Vec::new(), polled: Vec::new() };
        (0..waiters).for_each(|_| pair.make());
        pair
    }

    fn make(&mut self) {
        self.hands.push(Some(Hand::new(self.notify.notified_owned())));
        self.polled.push(false);
        self.model.states.push(State::New(self.model.rounds));
    }

    /// One of those who are there.
    fn one_of(&self, n: usize) -> Option<usize> {
        let there: Vec<usize> = (0..self.hands.len()).filter(|&id| self.hands[id].is_some()).collect();
        (!there.is_empty()).then(|| there[n % there.len()])
    }

    fn step(&mut self, deed: Deed) {
        match deed {
            Deed::Make => self.make(),
            Deed::One => {
                self.notify.notify_one();
                self.model.notify(Nudge::One);
            }
            Deed::Last => {
                self.notify.notify_last();
                self.model.notify(Nudge::Last);
            }
            Deed::Waiters => {
                self.notify.notify_waiters();
                self.model.notify_waiters();
            }
            Deed::Poll(n) => {
                let Some(id) = self.one_of(n) else { return };
                self.model.begin(id);
                let is_ready = self.hands[id].as_mut().unwrap().poll().is_ready();
                assert_eq!(is_ready, matches!(self.model.states[id], State::Given(_)), "poll {id}");
                self.polled[id] = true;
                if is_ready {
                    self.model.states[id] = State::Over;
                    self.hands[id] = None;
                }
            }
            Deed::Enable(n) => {
                let Some(id) = self.one_of(n) else { return };
                self.model.begin(id);
                let is_met = self.hands[id].as_mut().unwrap().with(OwnedNotified::enable);
                assert_eq!(is_met, matches!(self.model.states[id], State::Given(_)), "enable {id}");
            }
            Deed::Drop(n) => {
                let Some(id) = self.one_of(n) else { return };
                self.hands[id] = None;
                self.model.leave(id);
            }
        }
        assert_eq!(self.notify.waiting(), self.model.line.len());
        for (id, hand) in self.hands.iter().enumerate() {
            let Some(hand) = hand else { continue };
            let is_given = matches!(self.model.states[id], State::Given(_));
            assert_eq!(hand.is_woken(), is_given && self.polled[id], "{id} is {:?}", self.model.states[id]);
        }
    }

    fn ends(mut self) {
        while let Some(id) = self.one_of(0) {
            self.step(Deed::Drop(id));
        }
        assert_eq!(self.notify.notified().enable(), self.model.stored);
    }
}

#[test]
fn random_programs_of_notifications_agree_with_the_model() {
    let deed = prop_oneof![
        4 => Just(Deed::Make),
        6 => any::<usize>().prop_map(Deed::Poll),
        3 => any::<usize>().prop_map(Deed::Enable),
        3 => any::<usize>().prop_map(Deed::Drop),
        3 => Just(Deed::One),
        3 => Just(Deed::Last),
        1 => Just(Deed::Waiters),
    ];
    check("notify", prop::collection::vec(deed, 1..80), |program| {
        let mut pair = Pair::new(0);
        program.iter().for_each(|&deed| pair.step(deed));
        pair.ends();
        program.len()
    });
}

#[test]
fn every_order_of_notifications_polls_and_drops_agrees_with_the_model() {
    const LENGTH: u32 = 5;
    let deeds = [
        Deed::Poll(0),
        Deed::Poll(1),
        Deed::Poll(2),
        Deed::Enable(0),
        Deed::Drop(0),
        Deed::Drop(2),
        Deed::One,
        Deed::Last,
        Deed::Waiters,
    ];
    for number in 0..deeds.len().pow(LENGTH) {
        let mut pair = Pair::new(3);
        let mut rest = number;
        for _ in 0..LENGTH {
            pair.step(deeds[rest % deeds.len()]);
            rest /= deeds.len();
        }
        pair.ends();
    }
}
