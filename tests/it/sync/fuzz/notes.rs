//! `Notify` and `Condition`: each notification that finds somebody lets one go on.

use super::{
    rigs::{Held, Rig, rig, wrong},
    sync::{Condition, Mutex, Notify},
};
use futures::{FutureExt, future::LocalBoxFuture};
use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

/// Notifications for one, and what became of them.
#[derive(Default)]
struct Tally {
    /// How many found somebody.
    given: Cell<usize>,
    /// How many who stood in line have gone on.
    through: Cell<usize>,
    /// How many went on in their first poll: with a notification that was stored, or that found them in line while their waker was cloned.
    at_once: Cell<usize>,
    /// How many went when nobody else was there, to whom a notification could have been passed on.
    gone: Cell<usize>,
    /// How many have panicked, on whichever way they were.
    panicked: Cell<usize>,
}

impl Tally {
    fn add(count: &Cell<usize>, more: usize) {
        count.set(count.get() + more);
    }

    /// So many are notified of those who wait.
    fn notifies(&self, count: usize, waiting: usize) {
        Tally::add(&self.given, count.min(waiting));
    }

    fn look(&self, at_rest: bool) -> Option<String> {
        let [given, through, at_once, gone, panicked] =
            [&self.given, &self.through, &self.at_once, &self.gone, &self.panicked].map(Cell::get);
        let too_many = through > given + panicked;
        let too_few = at_rest && through + at_once + gone + panicked < given;
        wrong(
            too_many || too_few,
            format!(
                "of {given} notified {through} have gone on, {at_once} at once; {gone} left nobody, {panicked} have panicked"
            ),
        )
    }
}

/// A wait whose end is counted.
struct Counted<W: Fn() -> usize> {
    wait: Option<LocalBoxFuture<'static, ()>>,
    tally: Rc<Tally>,
    /// How many wait.
    waiting: W,
    has_begun: bool,
}

impl<W: Fn() -> usize> Counted<W> {
    fn new(wait: LocalBoxFuture<'static, ()>, tally: Rc<Tally>, waiting: W) -> Counted<W> {
        Counted { wait: Some(wait), tally, waiting, has_begun: false }
    }
}

impl<W: Fn() -> usize + Unpin> Future for Counted<W> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let was_in_line = std::mem::replace(&mut self.has_begun, true);
        let wait = self.wait.as_mut().expect("it is polled until it has ended");
        let polled = catch_unwind(AssertUnwindSafe(|| wait.as_mut().poll(cx)));
        match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(())) if was_in_line => Tally::add(&self.tally.through, 1),
            Ok(Poll::Ready(())) => Tally::add(&self.tally.at_once, 1),
            Err(_) => Tally::add(&self.tally.panicked, 1),
        }
        let over = self.wait.take();
        drop(over);
        polled.unwrap_or_else(|payload| resume_unwind(payload))
    }
}

impl<W: Fn() -> usize> Drop for Counted<W> {
    fn drop(&mut self) {
        let Some(wait) = self.wait.take() else { return };
        let left_some = (self.waiting)() > 0;
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(wait)));
        // Foreign code may have sent them away before they were passed anything.
        let leaves_some = (self.waiting)() > 0;
        Tally::add(&self.tally.gone, usize::from(!(left_some && leaves_some)));
        if let Err(payload) = dropped {
            resume_unwind(payload);
        }
    }
}

pub(super) fn notify() -> Rig {
    let wait = |p: Rc<Notify>, _| async move { p.notified().await }.boxed_local();
    let deed = |p: &Rc<Notify>, what| match what % 3 {
        0 => p.notify_waiters(),
        _ => p.notify_one(),
    };
    rig(
        "notify",
        Notify::new(),
        1,
        wait,
        deed,
        |p| p.notify_waiters(),
        |p| wrong(p.waiting() > 0, "somebody is in line"),
    )
}

/// Some are enabled before their first poll, and the last may be first.
pub(super) fn notify_last() -> Rig {
    let tally: Rc<Tally> = Rc::default();
    let checked = tally.clone();
    let mut rig = rig(
        "notify, the last one",
        (Rc::new(Notify::new()), tally),
        2,
        |p, kind| {
            let waiting = p.clone();
            let mut notified = p.0.notified_owned();
            let wait = async move {
                if kind == 0 {
                    notified.enable();
                }
                notified.await;
            };
            Counted::new(wait.boxed_local(), p.1.clone(), move || waiting.0.waiting()).boxed_local()
        },
        |p, what| {
            p.1.notifies(1, p.0.waiting());
            if what % 3 == 0 { p.0.notify_one() } else { p.0.notify_last() }
        },
        |p| p.0.notify_waiters(),
        |p| wrong(p.0.waiting() > 0, "somebody is in line"),
    );
    rig.look = Box::new(move |at_rest| checked.look(at_rest));
    rig.unfair()
}

/// Some wait for a condition, others only lock, and stand in the same line.
pub(super) fn condition() -> Rig {
    rig(
        "condition",
        (Rc::new(Mutex::new(0)), Condition::new(), Held::default()),
        2,
        |p, kind| {
            async move {
                if kind == 0 {
                    let mut guard = p.0.lock().await;
                    p.1.wait(&mut guard).await;
                    *guard += 1;
                } else {
                    p.2.add(p.0.lock_owned().await);
                }
            }
            .boxed_local()
        },
        |p, what| match what % 8 {
            0 => p.1.notify_all(),
            1 => p.1.notify(2),
            2 | 3 => p.1.notify_one(),
            4 => p.0.try_lock_owned().into_iter().for_each(|guard| p.2.add(guard)),
            5 => drop(p.0.try_lock()),
            _ => drop(p.2.release()),
        },
        |p| {
            p.1.notify_all();
            p.2.release_all();
        },
        |p| wrong(p.0.try_lock().is_none() || p.0.waiting() + p.1.waiting() > 0, "it is locked for ever"),
    )
    .unfair()
}

pub(super) fn notify_one() -> Rig {
    let tally: Rc<Tally> = Rc::default();
    let checked = tally.clone();
    let mut rig = rig(
        "notify, one by one",
        (Notify::new(), tally),
        1,
        |p, _| {
            let (inner, waiting) = (p.clone(), p.clone());
            let wait = async move { inner.0.notified().await }.boxed_local();
            Counted::new(wait, p.1.clone(), move || waiting.0.waiting()).boxed_local()
        },
        |p, _| {
            p.1.notifies(1, p.0.waiting());
            p.0.notify_one();
        },
        |p| p.0.notify_waiters(),
        |_| None,
    );
    rig.look = Box::new(move |at_rest| checked.look(at_rest));
    rig
}

pub(super) fn condition_one() -> Rig {
    let tally: Rc<Tally> = Rc::default();
    let checked = tally.clone();
    let mut rig = rig(
        "condition, one by one",
        (Mutex::new(0), Condition::new(), tally),
        1,
        |p, _| {
            let (inner, waiting) = (p.clone(), p.clone());
            let wait = async move {
                let mut guard = inner.0.lock().await;
                inner.1.wait(&mut guard).await;
            };
            Counted::new(wait.boxed_local(), p.2.clone(), move || waiting.1.waiting()).boxed_local()
        },
        |p, what| {
            let count = 1 + what % 2;
            p.2.notifies(count, p.1.waiting());
            p.1.notify(count);
        },
        |p| p.1.notify_all(),
        |_| None,
    )
    .unfair();
    rig.look = Box::new(move |at_rest| checked.look(at_rest));
    rig
}
