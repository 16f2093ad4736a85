//! Runs programs, and knows who waits and who was called.

use super::{
    program::{Act, Acts, Op, PLACES, PLAIN},
    rigs::Rig,
};
use crate::kit::{
    bomb::{Op as WakerOp, bomb},
    probe::on_drop,
};
use futures::future::LocalBoxFuture;
use std::{
    any::Any,
    cell::{Cell, RefCell},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    rc::Rc,
    task::{Context, Poll, Waker},
    thread,
};

/// Acts within acts end at some time.
const FUEL: usize = 12;

/// One who waits, from its first poll to its end.
struct Life {
    line: usize,
    newest: u64,
    woken: bool,
    /// Counts first polls. `None` if foreign code ran in that poll, so that its place in line is open.
    order: Option<u64>,
    ended: bool,
}

type Placed = (LocalBoxFuture<'static, ()>, usize);

pub(super) struct World {
    rig: Rig,
    places: RefCell<Vec<Option<Placed>>>,
    lives: RefCell<Vec<Life>>,
    count: Cell<u64>,
    /// How many acts were done.
    acts: Cell<usize>,
    fuel: Cell<usize>,
    wrong: RefCell<Option<String>>,
}

/// A panic that no hook prints.
pub(super) fn blow_up() -> ! {
    resume_unwind(Box::new("fuzz"))
}

fn quietly<R>(f: impl FnOnce() -> R) -> Result<R, Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(f))
}

impl World {
    pub(super) fn new(rig: Rig) -> World {
        World {
            rig,
            places: RefCell::new((0..PLACES).map(|_| None).collect()),
            lives: RefCell::default(),
            count: Cell::new(0),
            acts: Cell::new(0),
            fuel: Cell::new(0),
            wrong: RefCell::new(None),
        }
    }

    pub(super) fn wrong(&self) -> Option<String> {
        self.wrong.borrow().clone()
    }

    fn check(&self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.wrong.borrow_mut().get_or_insert_with(what);
        }
    }

    fn next(&self) -> u64 {
        self.count.set(self.count.get() + 1);
        self.count.get()
    }

    pub(super) fn run(self: &Rc<Self>, program: &[Op]) {
        for &op in program {
            self.fuel.set(FUEL);
            self.checked(|| match op {
                Op::Start(place, what, acts) => self.start(place, what, acts),
                Op::Poll(place, acts) => self.poll(place, acts),
                Op::Next(acts) => self.woken().into_iter().for_each(|place| self.poll(place, acts)),
                Op::End(place) => self.end(place),
                Op::Do(what) => (self.rig.deed)(what),
            });
            self.check_order();
            self.look(false);
        }
        self.fuel.set(0);
        self.finish();
    }

    fn look(&self, at_rest: bool) {
        if let Some(what) = (self.rig.look)(at_rest) {
            self.check(false, || what);
        }
    }

    /// Only panics of the program's own come through.
    fn checked(&self, f: impl FnOnce()) {
        if let Err(payload) = quietly(f) {
            let ours = payload.downcast_ref::<&str>().is_some_and(|text| *text == "fuzz");
            self.check(ours, || format!("a panic: {}", crate::kit::probe::text_of(payload)));
        }
    }

    // ---- those who wait

    fn start(self: &Rc<Self>, place: usize, what: usize, acts: Acts) {
        let line = what % self.rig.lines;
        let life = Life { line, newest: 0, woken: false, order: None, ended: false };
        let id = self.lives.borrow().len();
        self.lives.borrow_mut().push(life);
        let future = (self.rig.wait)(line);
        let before = self.places.borrow_mut()[place].replace((future, id));
        self.checked(|| self.drop_placed(before));
        self.poll(place, acts);
    }

    fn end(&self, place: usize) {
        let placed = self.places.borrow_mut()[place].take();
        self.drop_placed(placed);
    }

    fn drop_placed(&self, placed: Option<Placed>) {
        if let Some((future, id)) = placed {
            let woken = {
                let mut lives = self.lives.borrow_mut();
                lives[id].ended = true;
                lives[id].woken
            };
            (self.rig.left)(woken);
            drop(future);
        }
    }

    fn poll(self: &Rc<Self>, place: usize, acts: Acts) {
        let Some((mut future, id)) = self.places.borrow_mut()[place].take() else { return };
        let token = self.next();
        let (is_first, was_woken) = {
            let life = &mut self.lives.borrow_mut()[id];
            let before = (life.newest == 0, life.woken);
            (life.newest, life.woken) = (token, false);
            before
        };
        let acts_before = self.acts.get();
        let waker = self.waker(id, token, acts);
        let polled = quietly(|| future.as_mut().poll(&mut Context::from_waker(&waker)));
        let pending = matches!(polled, Ok(Poll::Pending));
        {
            let life = &mut self.lives.borrow_mut()[id];
            if is_first && self.acts.get() == acts_before {
                life.order = Some(token);
            }
            life.ended |= !pending;
        }
        let is_free = self.places.borrow()[place].is_none();
        if pending && is_free {
            self.places.borrow_mut()[place] = Some((future, id));
        } else if pending {
            self.drop_placed(Some((future, id)));
        } else {
            if polled.is_err() {
                (self.rig.left)(was_woken);
            }
            // A waker that the panic did not leave may do so now.
            self.checked(|| drop(future));
        }
        self.checked(|| drop(waker));
        #[expect(clippy::single_match, reason = "the two arms stand side by side")]
        match polled {
            Err(payload) => resume_unwind(payload),
            Ok(_) => {}
        }
    }

    fn waker(self: &Rc<Self>, id: usize, token: u64, acts: Acts) -> Waker {
        let acts = [acts.cloned, acts.called, acts.dropped].map(Cell::new);
        let world = self.clone();
        bomb(move |op| {
            let act = match op {
                WakerOp::Clone => &acts[0],
                WakerOp::Drop => &acts[2],
                WakerOp::Wake | WakerOp::WakeByRef => {
                    let life = &mut world.lives.borrow_mut()[id];
                    life.woken |= life.newest == token;
                    &acts[1]
                }
            };
            let may_panic = !thread::panicking() || matches!(op, WakerOp::Wake);
            world.act(act.replace(Act::Nothing), may_panic);
        })
    }

    fn act(self: &Rc<Self>, act: Act, may_panic: bool) {
        if act == Act::Nothing || self.fuel.get() == 0 {
            return;
        }
        self.fuel.set(self.fuel.get() - 1);
        self.acts.set(self.acts.get() + 1);
        let deed = || match act {
            Act::Nothing => {}
            Act::Start(place, what) => self.start(place, what, PLAIN),
            Act::Poll(place) => self.poll(place, PLAIN),
            Act::End(place) => self.end(place),
            Act::Do(what) => (self.rig.deed)(what),
            Act::Panic if may_panic => blow_up(),
            Act::Fall(place) if may_panic => {
                let _falls = on_drop(|| self.end(place));
                blow_up()
            }
            Act::Panic | Act::Fall(_) => {}
        };
        // A panic further in goes on from here, if two at a time are no harm.
        if matches!(act, Act::Panic | Act::Fall(_)) { deed() } else { self.checked(deed) }
    }

    // ---- what must hold

    fn woken(&self) -> Option<usize> {
        let lives = self.lives.borrow();
        self.places.borrow().iter().position(|placed| placed.as_ref().is_some_and(|(_, id)| lives[*id].woken))
    }

    /// Of those whose place in line is known, who was called stands before who was not.
    fn check_order(&self) {
        if !self.rig.fair {
            return;
        }
        let lives = self.lives.borrow();
        let waiting = || lives.iter().filter(|life| !life.ended && life.newest != 0);
        for late in waiting().filter(|life| life.woken) {
            let overtaken = waiting().any(|early| {
                early.line == late.line && !early.woken && early.order.is_some() && early.order < late.order
            });
            self.check(!overtaken, || "who came later was served first".to_owned());
        }
    }

    /// Polls whoever was called, until nobody is left who was.
    fn settle(self: &Rc<Self>) {
        for _ in 0..1000 {
            let Some(place) = self.woken() else { return };
            self.checked(|| self.poll(place, PLAIN));
        }
        self.check(false, || "it never rests".to_owned());
    }

    fn finish(self: &Rc<Self>) {
        self.settle();
        for place in 0..PLACES {
            let there = |world: &World| world.places.borrow()[place].as_ref().map(|(_, id)| *id);
            let Some(id) = there(self) else { continue };
            if self.lives.borrow()[id].woken {
                continue;
            }
            self.checked(|| self.poll(place, PLAIN));
            self.check(there(self).is_some(), || "it could go on, and nobody called it".to_owned());
        }
        self.settle();
        self.look(true);
        for _ in 0..20 {
            self.checked(|| (self.rig.last)());
            self.settle();
        }
        let alive = self.places.borrow().iter().flatten().count();
        self.check(alive == 0, || "it waits in vain".to_owned());
        for place in 0..PLACES {
            self.checked(|| self.end(place));
        }
        if let Some(what) = (self.rig.check)() {
            self.check(false, || what);
        }
    }
}
