//! Every interleaving, in small: clean-up points that end, wait, wake themselves and panic, in a combinator that polls those that were woken,
//! all, one, or none, and drops some; from outside they are woken, dropped, and moved into another task. So many choices are free; behind
//! them everything goes the straight way. `MODEL_CHOICES` sets how many.

use crate::kit::scopes::{Boxed, reporting};
use evenkeel::{CancelScope, Executor, JoinError, Task, finally, host::Readiness, timeout};
use std::{
    cell::{Cell, RefCell},
    future::pending,
    panic::resume_unwind,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

/// Goes through all sequences of choices, like the wheels of a counter.
struct Choices {
    taken: RefCell<Vec<(usize, usize)>>,
    next: Cell<usize>,
    free: usize,
}

impl Choices {
    fn new(free: usize) -> Choices {
        Choices { taken: RefCell::default(), next: Cell::new(0), free }
    }

    /// One of so many; the first when no choice is free any more.
    fn choose(&self, of: usize) -> usize {
        let at = self.next.get();
        if of < 2 || at >= self.free {
            return 0;
        }
        self.next.set(at + 1);
        let mut taken = self.taken.borrow_mut();
        if at == taken.len() {
            taken.push((0, of));
        }
        assert_eq!(taken[at].1, of, "the same choices lead to the same question");
        taken[at].0
    }

    /// Turns to the next sequence; `false` after the last.
    fn turn(&self) -> bool {
        self.next.set(0);
        let mut taken = self.taken.borrow_mut();
        while let Some((choice, of)) = taken.pop() {
            if choice + 1 < of {
                taken.push((choice + 1, of));
                return true;
            }
        }
        false
    }
}

const POINTS: usize = 2;

struct World {
    choices: Rc<Choices>,
    /// The branches, as long as they are in the combinator.
    branches: RefCell<[Option<Boxed<'static>>; POINTS]>,
    /// Who waits for a wake-up from outside.
    waiting: RefCell<[Option<Waker>; POINTS]>,
    /// How many clean-ups have ended, and how many have panicked.
    ended: Cell<usize>,
    panicked: Cell<usize>,
    /// The combinator polls whoever was woken, and nobody drops a branch.
    is_fair: Cell<bool>,
}

/// A clean-up: what it does in each poll is free.
struct Cleans(Rc<World>, usize);

impl Future for Cleans {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let world = &self.0;
        match world.choices.choose(4) {
            0 => {
                world.ended.set(world.ended.get() + 1);
                return Poll::Ready(());
            }
            1 => {
                let old = world.waiting.borrow_mut()[self.1].replace(cx.waker().clone());
                drop(old);
            }
            2 => cx.waker().wake_by_ref(),
            _ => {
                world.panicked.set(world.panicked.get() + 1);
                resume_unwind(Box::new("in clean-up"));
            }
        }
        Poll::Pending
    }
}

/// A branch's waker, as combinators have it that poll only who was woken.
#[derive(Default)]
struct Called {
    is_called: AtomicBool,
    parent: Mutex<Option<Waker>>,
}

impl Wake for Called {
    fn wake(self: Arc<Self>) {
        self.is_called.store(true, SeqCst);
        let parent = self.parent.lock().unwrap().take();
        parent.into_iter().for_each(Waker::wake);
    }
}

struct Combinator {
    world: Rc<World>,
    called: [Arc<Called>; POINTS],
    is_begun: bool,
}

impl Combinator {
    /// Polls a branch. `false` if there is no such branch, or it was not called and need not be polled.
    fn poll_branch(&self, index: usize, if_called: bool) -> bool {
        let called = &self.called[index];
        if !called.is_called.swap(false, SeqCst) && if_called {
            return false;
        }
        // It is taken out meanwhile.
        let Some(mut branch) = self.world.branches.borrow_mut()[index].take() else { return false };
        if branch.as_mut().poll(&mut Context::from_waker(&Waker::from(called.clone()))).is_pending() {
            self.world.branches.borrow_mut()[index] = Some(branch);
        }
        true
    }
}

impl Drop for Combinator {
    fn drop(&mut self) {
        let left = self.world.branches.take();
        drop(left);
    }
}

impl Future for Combinator {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        for called in &self.called {
            *called.parent.lock().unwrap() = Some(cx.waker().clone());
        }
        let is_begun = std::mem::replace(&mut self.is_begun, true);
        match if is_begun { self.world.choices.choose(5) } else { 1 } {
            all_or_called @ 0..=1 => {
                for index in 0..POINTS {
                    self.poll_branch(index, all_or_called == 0);
                }
            }
            // One now, the others next time.
            2 if (0..POINTS).any(|index| self.poll_branch(index, true)) => cx.waker().wake_by_ref(),
            2 => {}
            3 => self.world.is_fair.set(false),
            _ => {
                self.world.is_fair.set(false);
                let branch = self.world.branches.borrow_mut().iter_mut().find_map(Option::take);
                drop(branch);
            }
        }
        let is_over = self.world.branches.borrow().iter().all(Option::is_none);
        if is_over { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Where the combinator and its branches lie.
#[derive(Clone, Copy, Debug)]
enum Shape {
    Task,
    Scope,
    /// Each branch in a timeout, the combinator in a clean-up point's body.
    Nested,
}

fn start(shape: Shape, executor: &Executor, world: &Rc<World>, scope: CancelScope) -> Task<()> {
    for index in 0..POINTS {
        let point_world = world.clone();
        let point = finally(pending::<()>(), async move |_: Option<&()>| Cleans(point_world, index).await);
        let branch: Boxed<'static> = match shape {
            Shape::Nested => Box::pin(async move { timeout(Duration::MAX, point).await.unwrap_or(()) }),
            Shape::Task | Shape::Scope => Box::pin(point),
        };
        world.branches.borrow_mut()[index] = Some(branch);
    }
    let combinator = Combinator { world: world.clone(), called: Default::default(), is_begun: false };
    executor.spawn(async move {
        match shape {
            Shape::Task => combinator.await,
            Shape::Scope => scope.run(combinator).await.unwrap_or(()),
            Shape::Nested => scope.run(finally(combinator, async |_: Option<&()>| {})).await.unwrap_or(()),
        }
    })
}

/// Runs until nothing is ready, also nothing that wakes itself.
fn settle(executor: &Executor) {
    let turns = (0..1_000).take_while(|_| executor.run_until_stalled().readiness == Readiness::MoreReady).count();
    assert!(turns < 1_000, "it is polled for ever");
}

/// Runs one sequence of choices.
fn play(shape: Shape, choices: &Rc<Choices>) {
    let (executor, reports) = reporting();
    let world = Rc::new(World {
        choices: choices.clone(),
        branches: RefCell::default(),
        waiting: RefCell::default(),
        ended: Cell::new(0),
        panicked: Cell::new(0),
        is_fair: Cell::new(true),
    });
    let scope = CancelScope::new();
    let task = start(shape, &executor, &world, scope.clone());
    settle(&executor);
    match shape {
        Shape::Task => task.cancel("enough"),
        Shape::Scope | Shape::Nested => assert!(scope.cancel("enough")),
    }
    let mut tasks = vec![task];
    // Those that have moved are cancelled when nothing else is left, one by one.
    let mut cancelled = 1;
    loop {
        settle(&executor);
        if tasks.iter().all(Task::is_finished) {
            break;
        }
        let waiting: Vec<usize> = (0..POINTS).filter(|&index| world.waiting.borrow()[index].is_some()).collect();
        if waiting.is_empty() {
            let is_stuck = tasks[..cancelled].iter().any(|task| !task.is_finished());
            assert!(!is_stuck, "{shape:?} {:?}: it waits, and nothing will wake it", choices.taken);
            tasks[cancelled].cancel("moved");
            cancelled += 1;
            continue;
        }
        let index = waiting[choices.choose(waiting.len())];
        match choices.choose(3) {
            0 => {}
            1 => {
                world.is_fair.set(false);
                let branch = world.branches.borrow_mut()[index].take();
                executor.spawn(async move { drop(branch) }).detach();
            }
            _ => {
                world.is_fair.set(false);
                let branch = world.branches.borrow_mut()[index].take();
                tasks.extend(branch.map(|branch| executor.spawn(branch)));
            }
        }
        let waker = world.waiting.borrow_mut()[index].take();
        waker.into_iter().for_each(Waker::wake);
    }
    let thrown =
        tasks.iter_mut().filter_map(Task::take_result).filter(|outcome| matches!(outcome, Err(JoinError::Panicked(_))));
    let thrown = thrown.count();
    drop(tasks);
    drop(executor);
    let reports = reports.take();
    let count = |what: &str| reports.iter().filter(|report| report.contains(what)).count();
    let (skipped, told) = (count("clean-up skipped"), count("panicked: in clean-up"));
    let found = format!(
        "{shape:?} {:?}: {} ended, {} panicked, {thrown} thrown; {reports:?}",
        choices.taken,
        world.ended.get(),
        world.panicked.get()
    );
    assert_eq!(world.ended.get() + world.panicked.get() + skipped, POINTS, "each is run or reported, once: {found}");
    assert_eq!(world.panicked.get(), thrown + told, "each panic goes on or is reported, once: {found}");
    assert!(skipped == 0 || !world.is_fair.get(), "nothing is skipped that is polled when it was woken: {found}");
    assert_eq!(reports.len(), skipped + told, "and nothing else is reported: {found}");
}

#[test]
fn cleanup_03_every_interleaving_of_small_clean_ups_ends_and_loses_nothing() {
    let free = std::env::var("MODEL_CHOICES").map_or(6, |free| free.parse().expect("MODEL_CHOICES is a number"));
    for shape in [Shape::Task, Shape::Scope, Shape::Nested] {
        let choices = Rc::new(Choices::new(free));
        let mut played = 0;
        loop {
            play(shape, &choices);
            played += 1;
            if !choices.turn() {
                break;
            }
        }
        println!("{shape:?}: {played} sequences");
        assert!(played > 1_000, "{shape:?}: {played}");
    }
}
