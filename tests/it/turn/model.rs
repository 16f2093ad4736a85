//! Random programs against a model: who is polled, dropped and reported, in which order, and with which outcome.

use crate::kit::probe::Record;
use evenkeel::{
    CancelReason, Executor, JoinError, Task,
    host::{Budget, Readiness},
    spawn,
    testing::{Choice, Schedule, Seeded},
};
use std::{
    cell::RefCell,
    collections::VecDeque,
    future::poll_fn,
    rc::Rc,
    task::{Poll, Waker},
};

/// What the host does between two ticks, or a task in a poll. The number picks its target among all tasks so far.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Spawn,
    Wake(usize),
    Cancel(usize),
    Abort(usize),
    Drop(usize),
    Detach(usize),
    Take(usize),
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Ending {
    Waits,
    WakesItself,
    Value,
    Panic,
}

#[derive(Clone, PartialEq, Debug)]
enum Event {
    Polled(usize),
    FutureDropped(usize),
    Outcome(usize, Outcome),
    Reported,
}

#[derive(Clone, PartialEq, Debug)]
enum Outcome {
    Value(usize),
    Panicked,
    Cancelled(CancelReason),
}

struct Numbers(Seeded);

impl Numbers {
    fn new(seed: usize, stream: usize) -> Numbers {
        Numbers(Seeded::new(((seed as u64) << 32) + stream as u64))
    }

    fn below(&mut self, n: usize) -> usize {
        self.0.choose(Choice::Ready, n)
    }

    fn deed(&mut self) -> Deed {
        let target = self.below(1 << 16);
        match self.below(12) {
            0..=1 => Deed::Spawn,
            2..=5 => Deed::Wake(target),
            6 => Deed::Cancel(target),
            7 => Deed::Abort(target),
            8..=9 => Deed::Drop(target),
            10 => Deed::Detach(target),
            _ => Deed::Take(target),
        }
    }

    /// What a task does in one poll.
    fn poll(&mut self) -> (Vec<Deed>, Ending) {
        let deeds = (0..self.below(3)).map(|_| self.deed()).collect();
        let ending = [Ending::Waits, Ending::Waits, Ending::Waits, Ending::WakesItself, Ending::Value, Ending::Panic];
        (deeds, ending[self.below(6)])
    }
}

// ---- the real thing

struct World {
    seed: usize,
    events: Record<Event>,
    handles: RefCell<Vec<Option<Task<usize>>>>,
    wakers: RefCell<Vec<Option<Waker>>>,
}

impl World {
    /// Spawns the next task by `how`.
    fn spawn(self: &Rc<Self>, how: impl FnOnce(TaskFuture) -> Task<usize>) {
        let n = self.handles.borrow().len();
        self.handles.borrow_mut().push(None);
        self.wakers.borrow_mut().push(None);
        let task = how(TaskFuture { n, world: self.clone(), numbers: Numbers::new(self.seed, n + 1) });
        self.handles.borrow_mut()[n] = Some(task);
    }

    fn doing(self: &Rc<Self>, deed: Deed, spawning: impl FnOnce(TaskFuture) -> Task<usize>) {
        let count = self.handles.borrow().len();
        let with = |target: usize, f: &dyn Fn(&Task<usize>)| {
            // The handle is out of its place meanwhile, as its call may end in code that looks there.
            let task = self.handles.borrow_mut()[target % count].take();
            task.iter().for_each(f);
            self.handles.borrow_mut()[target % count] = task;
        };
        match deed {
            Deed::Spawn => self.spawn(spawning),
            _ if count == 0 => {}
            Deed::Wake(target) => {
                let waker = self.wakers.borrow()[target % count].clone();
                waker.iter().for_each(Waker::wake_by_ref);
            }
            Deed::Cancel(target) => with(target, &|task| task.cancel("model")),
            Deed::Abort(target) => with(target, &Task::abort),
            Deed::Drop(target) => drop(self.handles.borrow_mut()[target % count].take()),
            Deed::Detach(target) => {
                let task = self.handles.borrow_mut()[target % count].take();
                task.into_iter().for_each(Task::detach);
            }
            Deed::Take(target) => {
                let mut handles = self.handles.borrow_mut();
                let outcome = handles[target % count].as_mut().and_then(Task::take_result);
                self.events.add_all(outcome.map(|outcome| Event::Outcome(target % count, outcome_of(outcome))));
            }
        }
    }
}

fn outcome_of(outcome: Result<usize, JoinError>) -> Outcome {
    match outcome {
        Ok(value) => Outcome::Value(value),
        Err(JoinError::Cancelled(reason)) => Outcome::Cancelled(reason),
        Err(_) => Outcome::Panicked,
    }
}

struct TaskFuture {
    n: usize,
    world: Rc<World>,
    numbers: Numbers,
}

impl TaskFuture {
    async fn run(mut self) -> usize {
        poll_fn(move |cx| {
            let (n, world) = (self.n, self.world.clone());
            world.events.add(Event::Polled(n));
            world.wakers.borrow_mut()[n] = Some(cx.waker().clone());
            let (deeds, ending) = self.numbers.poll();
            deeds.into_iter().for_each(|deed| world.doing(deed, |task| spawn(task.run())));
            match ending {
                Ending::Waits => {}
                Ending::WakesItself => cx.waker().wake_by_ref(),
                Ending::Value => return Poll::Ready(n),
                // Without a message.
                Ending::Panic => std::panic::resume_unwind(Box::new(n)),
            }
            Poll::Pending
        })
        .await
    }
}

impl Drop for TaskFuture {
    fn drop(&mut self) {
        self.world.events.add(Event::FutureDropped(self.n));
    }
}

// ---- the model

#[derive(Default)]
struct Model {
    seed: usize,
    tasks: Vec<Modelled>,
    ready: VecDeque<usize>,
    /// Wake-ups that came between two ticks.
    inbox: Vec<usize>,
    events: Vec<Event>,
}

struct Modelled {
    queued: bool,
    woken: bool,
    fresh: bool,
    cancel: bool,
    abort: bool,
    /// It was polled, so that its waker is known.
    known: bool,
    handle: bool,
    reason: Option<CancelReason>,
    outcome: Option<Outcome>,
    taken: bool,
    numbers: Numbers,
}

impl Model {
    fn doing(&mut self, deed: Deed, inside: bool) {
        let count = self.tasks.len();
        match deed {
            Deed::Spawn => {
                self.ready.push_back(count);
                self.tasks.push(Modelled {
                    queued: true,
                    woken: true,
                    fresh: true,
                    cancel: false,
                    abort: false,
                    known: false,
                    handle: true,
                    reason: None,
                    outcome: None,
                    taken: false,
                    numbers: Numbers::new(self.seed, count + 1),
                });
            }
            _ if count == 0 => {}
            Deed::Wake(target) if self.tasks[target % count].known => {
                if inside {
                    self.wake(target % count);
                } else if !self.inbox.contains(&(target % count)) {
                    self.inbox.push(target % count);
                }
            }
            Deed::Wake(_) => {}
            Deed::Cancel(target) => self.request(target % count, false, CancelReason::from("model")),
            Deed::Abort(target) => self.request(target % count, true, CancelReason::Aborted),
            Deed::Drop(target) => {
                self.request(target % count, false, CancelReason::OwnerDropped);
                self.let_go(target % count);
            }
            Deed::Detach(target) => self.let_go(target % count),
            Deed::Take(target) => {
                let n = target % count;
                let task = &mut self.tasks[n];
                if let (true, false, Some(outcome)) = (task.handle, task.taken, &task.outcome) {
                    self.events.push(Event::Outcome(n, outcome.clone()));
                    task.taken = true;
                }
            }
        }
    }

    fn wake(&mut self, n: usize) {
        let task = &mut self.tasks[n];
        if task.outcome.is_none() && !task.queued && !task.cancel && !task.abort {
            task.queued = true;
            self.ready.push_back(n);
        }
        // Whether it had been woken is decided when it is cancelled.
        task.woken |= task.queued && !task.cancel;
    }

    fn request(&mut self, n: usize, abort: bool, reason: CancelReason) {
        let task = &mut self.tasks[n];
        let already = if abort { task.abort } else { task.cancel };
        if !task.handle || task.outcome.is_some() || already {
            return;
        }
        task.reason.get_or_insert(reason);
        if abort {
            task.abort = true
        } else {
            task.cancel = true;
            task.woken |= self.inbox.contains(&n);
        }
        if !std::mem::replace(&mut task.queued, true) {
            self.ready.push_back(n);
        }
    }

    fn let_go(&mut self, n: usize) {
        let task = &mut self.tasks[n];
        if std::mem::take(&mut task.handle) && !task.taken && task.outcome == Some(Outcome::Panicked) {
            self.events.push(Event::Reported);
        }
    }

    fn finish(&mut self, n: usize, outcome: Outcome) {
        self.events.push(Event::FutureDropped(n));
        if !self.tasks[n].handle && outcome == Outcome::Panicked {
            self.events.push(Event::Reported);
        }
        self.tasks[n].outcome = Some(outcome);
    }

    /// `true` if the task ended.
    fn poll(&mut self, n: usize) -> bool {
        self.events.push(Event::Polled(n));
        self.tasks[n].known = true;
        let (deeds, ending) = self.tasks[n].numbers.poll();
        deeds.into_iter().for_each(|deed| self.doing(deed, true));
        match ending {
            Ending::Waits => return false,
            Ending::WakesItself => {
                self.wake(n);
                return false;
            }
            Ending::Value => self.finish(n, Outcome::Value(n)),
            Ending::Panic => self.finish(n, Outcome::Panicked),
        }
        true
    }

    fn step(&mut self, n: usize) {
        let task = &mut self.tasks[n];
        task.queued = false;
        let (woken, fresh) = (std::mem::take(&mut task.woken), std::mem::take(&mut task.fresh));
        if task.outcome.is_some() {
            return;
        }
        if !task.cancel && !task.abort {
            self.poll(n);
            return;
        }
        let last_poll = !task.abort && !fresh && woken;
        if !last_poll || !self.poll(n) {
            let reason = self.tasks[n].reason.clone().unwrap();
            self.finish(n, Outcome::Cancelled(reason));
        }
    }

    fn tick(&mut self, most: usize) -> (usize, Readiness) {
        for n in std::mem::take(&mut self.inbox) {
            self.wake(n);
        }
        let mut polled = 0;
        while polled < most {
            let Some(n) = self.ready.pop_front() else { break };
            polled += 1;
            self.step(n);
        }
        let readiness = if self.tasks.iter().all(|task| task.outcome.is_some()) {
            Readiness::Finished
        } else if self.ready.is_empty() {
            Readiness::Idle
        } else {
            Readiness::MoreReady
        };
        (polled, readiness)
    }
}

// ---- both

fn compare(seed: usize, steps: usize) {
    let mut numbers = Numbers::new(seed, 0);
    let events = Record::new();
    let world =
        Rc::new(World { seed, events: events.clone(), handles: RefCell::default(), wakers: RefCell::default() });
    let reports = events.clone();
    let executor = Executor::builder().on_unhandled(move |_| reports.add(Event::Reported)).build();
    let mut model = Model { seed, ..Model::default() };
    for step in 0..steps {
        if numbers.below(3) == 0 {
            let most = numbers.below(12);
            let progress = executor.tick(Budget::polls(most));
            assert_eq!((progress.polled, progress.readiness), model.tick(most), "seed {seed}, step {step}");
        } else {
            let deed = numbers.deed();
            // From outside, only those are woken that live: a number of an earlier task may wake its place's next one.
            let ended = |target: usize| model.tasks.get(target % model.tasks.len().max(1));
            if matches!(deed, Deed::Wake(target) if ended(target).is_some_and(|task| task.outcome.is_some())) {
                continue;
            }
            world.doing(deed, |task| executor.spawn(task.run()));
            model.doing(deed, false);
        }
        assert_eq!(events.take(), std::mem::take(&mut model.events), "seed {seed}, step {step}");
    }
    // The end: in which order tasks are stopped there is nobody's business, but each future is dropped, once.
    let handles: Vec<_> = world.handles.borrow_mut().iter_mut().map(Option::take).collect();
    let spawned = handles.len();
    drop(handles);
    drop(executor);
    let mut dropped = vec![0; spawned];
    for task in model.tasks.iter().enumerate().filter(|(_, task)| task.outcome.is_some()) {
        dropped[task.0] = 1;
    }
    let at_the_end = world.handles.take().len() - spawned;
    dropped.resize(spawned + at_the_end, 0);
    for event in events.take() {
        if let Event::FutureDropped(n) = event {
            dropped[n] += 1;
        }
    }
    assert!(dropped.iter().all(|&times| times == 1), "seed {seed}: {dropped:?}");
    assert_eq!(Rc::strong_count(&world), 1, "seed {seed}: something is left");
}

/// `EVENKEEL_SEEDS=100000 cargo test --release --test it turn::model` looks at more programs.
#[test]
fn fault_30_random_programs_agree_with_a_model() {
    let wanted = std::env::var("EVENKEEL_SEEDS").ok().and_then(|text| text.parse().ok());
    let seeds = wanted.unwrap_or(if cfg!(miri) { 3 } else { 400 });
    for seed in 0..seeds {
        compare(seed, 150);
    }
}
