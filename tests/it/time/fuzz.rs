//! Random programs of timers against a model that is a list of deadlines. `FUZZ_CASES` says how many; a failing one is shrunk and
//! printed with its seed, which `FUZZ_SEED` runs alone.
//!
//! Two executors share a clock that a program sets forward and back. Sleeps are polled by hand with wakers that do something when they
//! are called or dropped: start, end or poll other timers, or panic. What must hold: a timer's newest waker is called exactly once, at the
//! first look after its deadline, not before, in the order of deadlines and then of starts; nothing is called for a timer that has ended;
//! a sleep is ready when that has happened, and only then; the next deadline that an executor tells is never later than the earliest, and
//! lies ahead; without a timer there is none.

use crate::kit::probe::HandClock;
use evenkeel::{
    Executor, Instant,
    host::Readiness,
    sleep, sleep_until,
    testing::{Choice, Schedule, Seeded},
    time::{Clock, Sleep},
};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

const TIMERS: usize = 10;
const NEVER: u64 = u64::MAX;

#[derive(Clone, Copy, Debug, PartialEq)]
enum When {
    After(u64),
    At(u64),
}

/// What a waker does, when it is called or dropped.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Act {
    Nothing,
    Start(usize, When),
    End(usize),
    Poll(usize),
    Panic,
}

#[derive(Clone, Copy, Debug)]
struct Acts {
    called: Act,
    dropped: Act,
}

#[derive(Clone, Copy, Debug)]
enum Op {
    /// On that executor. What was in the timer's place ends.
    Start(usize, usize, When, Acts),
    /// On that executor: if it is another's, it moves.
    Poll(usize, usize, Acts),
    End(usize),
    Forward(u64),
    Back(u64),
    /// To the next deadline of that executor.
    ToNext(usize),
    Look(usize),
}

// ---- the model

/// One life of a timer, from its start to its end.
#[derive(Debug)]
struct Life {
    when: When,
    /// Since the first look at the clock after its start.
    deadline: Option<u64>,
    executor: usize,
    /// Counts starts.
    order: u64,
    /// It was started by a waker in this step, so that its order among others of this step is open.
    nested_in: u64,
    newest: u64,
    /// How often its waker was called.
    calls: usize,
    /// It was ready.
    done: bool,
    /// The step in which it was dropped.
    ended_in: Option<u64>,
}

impl Life {
    fn deadline(&self, now: u64) -> u64 {
        self.deadline.unwrap_or(match self.when {
            When::After(after) => now.saturating_add(after),
            When::At(at) => at,
        })
    }

    /// Is there a timer behind it?
    fn is_zero(&self) -> bool {
        self.when == When::After(0)
    }

    /// Was it polled, so that there may be a timer?
    fn has_begun(&self) -> bool {
        self.newest != 0
    }

    fn waits(&self, executor: usize) -> bool {
        self.executor == executor
            && self.has_begun()
            && self.ended_in.is_none()
            && !self.done
            && self.calls == 0
            && !self.is_zero()
    }
}

/// A sleep and its life.
type Placed = (Pin<Box<Sleep>>, u64);

struct World {
    clock: HandClock,
    /// By place: the sleep, and its life.
    sleeps: RefCell<Vec<Option<Placed>>>,
    lives: RefCell<BTreeMap<u64, Life>>,
    /// The executor that is driven.
    driven: Cell<Option<usize>>,
    step: Cell<u64>,
    count: Cell<u64>,
    /// How deep wakers act in wakers.
    depth: Cell<usize>,
    /// The last call in this step: deadline and order.
    last: Cell<Option<(u64, u64)>>,
    /// Every call must come at its very deadline, if that lies behind this.
    exact_after: Cell<u64>,
    wrong: RefCell<Option<String>>,
}

thread_local!(static WORLD: RefCell<Option<Rc<World>>> = const { RefCell::new(None) });

struct FuzzWaker {
    life: u64,
    token: u64,
    acts: Acts,
}

impl Wake for FuzzWaker {
    fn wake(self: Arc<Self>) {
        if let Some(world) = world() {
            world.called(self.life, self.token);
            world.act(self.acts.called);
        }
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.clone().wake();
    }
}

impl Drop for FuzzWaker {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        if let Some(world) = world() {
            world.act(self.acts.dropped);
        }
    }
}

fn world() -> Option<Rc<World>> {
    WORLD.try_with(|world| world.borrow().clone()).ok().flatten()
}

impl World {
    fn wrong(&self, what: impl FnOnce() -> String) {
        self.wrong.borrow_mut().get_or_insert_with(|| format!("step {}: {}", self.step.get(), what()));
    }

    fn check(&self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.wrong(what);
        }
    }

    fn now(&self) -> u64 {
        self.clock.now().since_origin().as_nanos() as u64
    }

    fn next(&self) -> u64 {
        self.count.set(self.count.get() + 1);
        self.count.get()
    }

    fn act(&self, act: Act) {
        const DEEPEST: usize = 4;
        if self.depth.get() == DEEPEST {
            return;
        }
        struct Deeper<'a>(&'a Cell<usize>);
        impl Drop for Deeper<'_> {
            fn drop(&mut self) {
                self.0.set(self.0.get() - 1);
            }
        }
        self.depth.set(self.depth.get() + 1);
        let _deeper = Deeper(&self.depth);
        const PLAIN: Acts = Acts { called: Act::Nothing, dropped: Act::Nothing };
        match act {
            Act::Nothing => {}
            Act::Start(place, when) => self.start(place, when, PLAIN),
            Act::End(place) => self.end(place),
            Act::Poll(place) => self.poll(place, PLAIN),
            Act::Panic => resume_unwind(Box::new("a waker's panic")),
        }
    }

    fn start(&self, place: usize, when: When, acts: Acts) {
        let Some(executor) = self.driven.get() else { return };
        let future = match when {
            When::After(nanos) => sleep(Duration::from_nanos(nanos)),
            When::At(nanos) => sleep_until(Instant::from_origin(Duration::from_nanos(nanos))),
        };
        let life = self.next();
        let nested_in = if self.depth.get() > 0 { self.step.get() } else { 0 };
        let new = Life {
            when,
            deadline: None,
            executor,
            order: 0,
            nested_in,
            newest: 0,
            calls: 0,
            done: false,
            ended_in: None,
        };
        self.lives.borrow_mut().insert(life, new);
        self.put(place, Box::pin(future), life);
        self.poll(place, acts);
    }

    /// What was there ends.
    fn put(&self, place: usize, sleep: Pin<Box<Sleep>>, life: u64) {
        let before = self.sleeps.borrow_mut()[place].replace((sleep, life));
        self.drop_sleep(before);
    }

    fn end(&self, place: usize) {
        let sleep = self.sleeps.borrow_mut()[place].take();
        self.drop_sleep(sleep);
    }

    fn drop_sleep(&self, sleep: Option<Placed>) {
        let Some((sleep, life)) = sleep else { return };
        if let Some(life) = self.lives.borrow_mut().get_mut(&life) {
            life.ended_in = Some(self.step.get());
        }
        drop(sleep);
    }

    fn poll(&self, place: usize, acts: Acts) {
        let Some(executor) = self.driven.get() else { return };
        let Some((mut sleep, id)) = self.sleeps.borrow_mut()[place].take() else { return };
        let token = self.next();
        let now = self.now();
        let (was_due, is_first) = {
            let mut lives = self.lives.borrow_mut();
            let life = lives.get_mut(&id).unwrap();
            let is_first = !life.has_begun();
            let was_due = life.done || life.calls > 0 || life.is_zero() && !is_first;
            if (is_first || life.executor != executor) && !was_due {
                life.executor = executor;
                life.order = token;
                life.nested_in = if self.depth.get() > 0 { self.step.get() } else { 0 };
            }
            if !was_due {
                life.newest = token;
            }
            (was_due, is_first)
        };
        let waker = FuzzWaker { life: id, token, acts };
        let waker = Waker::from(Arc::new(waker));
        let polled = catch_unwind(AssertUnwindSafe(|| sleep.as_mut().poll(&mut Context::from_waker(&waker))));
        {
            let mut lives = self.lives.borrow_mut();
            let life = lives.get_mut(&id).unwrap();
            match polled {
                Ok(Poll::Ready(())) => {
                    // In a batch of timers that are due, those whose turn comes later are ready too.
                    let is_due = was_due || !is_first && life.deadline(now) <= now;
                    self.check(is_due, || format!("ready early: {life:?} at {now}"));
                    life.done = true;
                }
                Ok(Poll::Pending) => self.check(!was_due, || format!("not ready, though it was called: {life:?}")),
                // A waker's: the zero sleep's that was called, or the old one's that was dropped.
                Err(_) => {}
            }
        }
        let is_free = self.sleeps.borrow()[place].is_none();
        if is_free {
            self.sleeps.borrow_mut()[place] = Some((sleep, id));
        } else {
            self.drop_sleep(Some((sleep, id)));
        }
        drop(waker);
    }

    fn called(&self, id: u64, token: u64) {
        let (now, step) = (self.now(), self.step.get());
        let mut lives = self.lives.borrow_mut();
        let life = lives.get_mut(&id).unwrap();
        life.calls += 1;
        let deadline = life.deadline(now);
        self.check(life.calls == 1, || format!("called twice: {life:?}"));
        if life.is_zero() {
            return;
        }
        self.check(deadline <= now && deadline != NEVER, || format!("called early: {life:?} at {now}"));
        let ended_here = life.ended_in.is_none_or(|ended| ended == step);
        self.check(ended_here, || format!("called after its end: {life:?}"));
        self.check(self.driven.get() == Some(life.executor), || format!("called by another executor: {life:?}"));
        self.check(life.done || life.newest == token, || format!("an old waker was called: {life:?}"));
        let exact = self.exact_after.get();
        let may_be_late = exact == NEVER || deadline <= exact || life.nested_in == step;
        self.check(may_be_late || deadline == now, || format!("called late: {life:?} at {now}"));
        if life.nested_in != step {
            let this = (deadline, life.order);
            let in_order = self.last.replace(Some(this)).is_none_or(|last| last < this);
            self.check(in_order, || format!("called out of order: {life:?}"));
        }
    }

    /// Drives an executor until it has nothing to do, after `first` was done inside it.
    fn drive(&self, executors: &[Executor; 2], which: usize, first: impl FnOnce()) {
        let executor = &executors[which];
        self.driven.set(Some(which));
        self.last.set(None);
        let main = catch_unwind(AssertUnwindSafe(|| {
            executor.run(async { drop(catch_unwind(AssertUnwindSafe(first))) });
            let mut turns = 0;
            while executor.run_until_stalled().readiness == Readiness::MoreReady {
                turns += 1;
                assert!(turns < 1000, "it never rests");
            }
        }));
        self.driven.set(None);
        if let Err(payload) = main {
            self.wrong(|| format!("a panic came through: {}", crate::kit::probe::text_of(payload)));
        }
        self.check_rest(executor, which);
    }

    /// The executor has looked at the clock, and everything that is due was called.
    fn check_rest(&self, executor: &Executor, which: usize) {
        let now = self.now();
        let mut first = NEVER;
        for life in self.lives.borrow_mut().values_mut().filter(|life| life.executor == which && life.has_begun()) {
            life.deadline = Some(life.deadline(now));
            if life.waits(which) {
                let deadline = life.deadline(now);
                self.check(deadline > now || deadline == NEVER, || format!("not called: {life:?} at {now}"));
                first = first.min(deadline);
            }
        }
        let next = executor.next_deadline().map(|next| next.since_origin().as_nanos() as u64);
        match next {
            None => self.check(first == NEVER, || format!("no next deadline, but {first}")),
            Some(next) => {
                self.check(first != NEVER, || format!("the next deadline is {next}, but there is no timer"));
                self.check(next <= first, || format!("the next deadline is {next}, too late for {first}"));
                self.check(next > now, || format!("the next deadline {next} has passed at {now}"));
            }
        }
        let step = self.step.get();
        self.lives.borrow_mut().retain(|_, life| life.ended_in.is_none_or(|ended| ended == step));
    }
}

// ---- running programs

fn run_op(world: &World, executors: &[Executor; 2], op: Op) {
    let set = |nanos: u64| world.clock.set(Duration::from_nanos(nanos));
    match op {
        Op::Start(which, place, when, acts) => world.drive(executors, which, || world.start(place, when, acts)),
        Op::Poll(which, place, acts) => world.drive(executors, which, || world.poll(place, acts)),
        // Outside of any executor.
        Op::End(place) => drop(catch_unwind(AssertUnwindSafe(|| world.end(place)))),
        Op::Forward(by) => set(world.now().saturating_add(by)),
        Op::Back(by) => set(world.now().saturating_sub(by)),
        Op::ToNext(which) => {
            if let Some(next) = executors[which].next_deadline() {
                set(next.since_origin().as_nanos() as u64);
            }
            world.drive(executors, which, || {});
        }
        Op::Look(which) => world.drive(executors, which, || {}),
    }
}

/// What goes wrong in a program.
fn run(program: &[Op]) -> Option<String> {
    let clock = HandClock::default();
    let make = || Executor::builder().clock(clock.clone()).on_unhandled(|_| {}).build();
    let executors = [make(), make()];
    let world = Rc::new(World {
        clock: clock.clone(),
        sleeps: RefCell::new((0..TIMERS).map(|_| None).collect()),
        lives: RefCell::default(),
        driven: Cell::new(None),
        step: Cell::new(0),
        count: Cell::new(0),
        depth: Cell::new(0),
        last: Cell::new(None),
        exact_after: Cell::new(NEVER),
        wrong: RefCell::new(None),
    });
    WORLD.set(Some(world.clone()));
    for &op in program {
        world.step.set(world.step.get() + 1);
        run_op(&world, &executors, op);
    }
    // To the end, from one next deadline to the next: now nothing may be late at all.
    world.exact_after.set(world.now());
    for round in 0.. {
        world.step.set(world.step.get() + 1);
        world.drive(&executors, 0, || {});
        world.drive(&executors, 1, || {});
        let next = executors.iter().filter_map(Executor::next_deadline).min();
        let Some(next) = next.filter(|_| world.wrong.borrow().is_none()) else { break };
        world.check(round < 10_000, || "it never ends".to_owned());
        clock.set(next.since_origin());
    }
    world.exact_after.set(NEVER);
    for place in 0..TIMERS {
        drop(catch_unwind(AssertUnwindSafe(|| world.end(place))));
    }
    WORLD.set(None);
    drop(executors);
    world.wrong.take()
}

// ---- making programs

struct Maker {
    seeded: Seeded,
    /// Deadlines that were used, so that some are equal.
    used: Vec<u64>,
}

impl Maker {
    fn below(&mut self, n: usize) -> usize {
        self.seeded.choose(Choice::Ready, n)
    }

    fn nanos(&mut self) -> u64 {
        match self.below(8) {
            0 => self.below(4) as u64,
            1 => NEVER - self.below(3) as u64,
            // The borders of the wheel's levels.
            2 | 3 => {
                let (level, times) = (self.below(8) as u32, 1 + self.below(70) as u64);
                let border = (1_u64 << (20 + 6 * level).min(63)).saturating_mul(times);
                border.saturating_add(self.below(3) as u64).saturating_sub(1)
            }
            _ => {
                let bits = self.below(64);
                (0..bits).fold(1_u64, |nanos, _| nanos.wrapping_shl(1) | self.below(2) as u64)
            }
        }
    }

    fn when(&mut self) -> When {
        match self.below(6) {
            0 | 1 => When::After(self.nanos()),
            // In one bucket with another, or at the same time.
            2 | 3 if !self.used.is_empty() => {
                let used = self.below(self.used.len());
                let behind = self.below(3) * self.below(1 << 20);
                When::At(self.used[used].saturating_add(behind as u64))
            }
            _ => {
                let at = self.nanos();
                self.used.push(at);
                When::At(at)
            }
        }
    }

    fn act(&mut self) -> Act {
        match self.below(12) {
            0 | 1 => Act::Start(self.below(TIMERS), self.when()),
            2 | 3 => Act::End(self.below(TIMERS)),
            4 => Act::Poll(self.below(TIMERS)),
            5 => Act::Panic,
            _ => Act::Nothing,
        }
    }

    fn acts(&mut self) -> Acts {
        Acts { called: self.act(), dropped: self.act() }
    }

    fn program(seed: u64) -> Vec<Op> {
        let mut maker = Maker { seeded: Seeded::new(seed), used: Vec::new() };
        let steps = 5 + maker.below(40);
        (0..steps).map(|_| maker.op()).collect()
    }

    fn op(&mut self) -> Op {
        let (which, place) = (self.below(2), self.below(TIMERS));
        match self.below(16) {
            0..=5 => Op::Start(which, place, self.when(), self.acts()),
            6 | 7 => Op::Poll(which, place, self.acts()),
            8 => Op::End(place),
            9 | 10 => Op::Forward(self.nanos()),
            11 => Op::Back(self.nanos()),
            12 | 13 => Op::ToNext(which),
            _ => Op::Look(which),
        }
    }
}

// ---- shrinking programs

/// The shortest and plainest program that still goes wrong.
fn shrink(mut program: Vec<Op>) -> Vec<Op> {
    let mut size = program.len().div_ceil(2);
    while size > 0 {
        let mut at = 0;
        while at < program.len() {
            let mut shorter = program.clone();
            shorter.drain(at..(at + size).min(program.len()));
            if run(&shorter).is_some() { program = shorter } else { at += size }
        }
        size /= 2;
    }
    for at in 0..program.len() {
        for plainer in plainer(program[at]) {
            let mut next = program.clone();
            next[at] = plainer;
            if run(&next).is_some() {
                program = next;
            }
        }
    }
    program
}

fn plainer(op: Op) -> Vec<Op> {
    let with = |acts: Acts| -> Option<Op> {
        match op {
            Op::Start(which, place, when, _) => Some(Op::Start(which, place, when, acts)),
            Op::Poll(which, place, _) => Some(Op::Poll(which, place, acts)),
            _ => None,
        }
    };
    let acts = match op {
        Op::Start(.., acts) | Op::Poll(.., acts) => acts,
        _ => return Vec::new(),
    };
    let (called, dropped) = (Act::Nothing, Act::Nothing);
    [Acts { called, ..acts }, Acts { dropped, ..acts }, Acts { called, dropped }].into_iter().filter_map(with).collect()
}

fn cases(ordinary: u64) -> u64 {
    std::env::var("FUZZ_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(ordinary)
}

#[test]
fn fuzz_timers_agree_with_a_sorted_list() {
    let alone: Option<u64> = std::env::var("FUZZ_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = alone.map_or(0..cases(if cfg!(miri) { 5 } else { 2000 }), |seed| seed..seed + 1);
    for seed in seeds {
        let program = Maker::program(seed);
        if let Some(wrong) = run(&program) {
            let program = shrink(program);
            let still = run(&program).unwrap_or(wrong);
            panic!("seed {seed}: {still}\n{program:#?}");
        }
    }
}
