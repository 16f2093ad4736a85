//! The family: children that live in place, the roll that knows which of them were woken, and what happens when one panics.

use super::{
    children::{Born, Children},
    cut::Cut,
    roll::Roll,
    rows::Row,
};
use crate::caught::{FirstPanic, Payload, catch};
use evenkeel_coop::{has_budget, try_consume_budget, with_some_budget};
use evenkeel_executor::{
    CancelReason,
    combinator::{Batch, Siblings, choose_order, poll_branches},
};
use pin_project_lite::pin_project;
use std::{borrow::Borrow, cell::Cell, ops::ControlFlow, panic::resume_unwind, pin::Pin, task::Context};

pin_project! {
    /// Children that live in place. Dropping it drops them at once; clean-up in them is skipped, and reported.
    ///
    /// Its roll is its own, or lies where others reach it who bring children into the family.
    pub(crate) struct Family<C: Children, R: Borrow<Roll> = Roll> {
        roll: R,
        #[pin]
        children: C,
        standing: Standing,
    }
    impl<C: Children, R: Borrow<Roll>> PinnedDrop for Family<C, R> {
        fn drop(this: Pin<&mut Self>) {
            this.drop_all();
        }
    }
}

/// How a family stands.
#[derive(Default)]
struct Standing {
    /// What went wrong, if anything did.
    mishaps: Option<Box<Mishaps>>,
    /// Are all children cancelled?
    is_ending: bool,
    /// Has no child been polled, and is the order in which they will be one of many that are as good?
    is_unordered: bool,
    /// Were children left in the batch as the budget was used up?
    gave_way: bool,
    /// Since a scope around is cancelled, all were looked at that have nothing to clean up. Whoever is done with it is looked at then.
    is_swept: bool,
}

/// What has gone wrong in a family.
#[derive(Default)]
struct Mishaps {
    /// The first panic of a child. It goes on when all have ended.
    panic: FirstPanic,
    cut: Cut,
}

impl Standing {
    /// What has gone wrong, and more of it.
    #[cold]
    fn mishaps(&mut self) -> &mut Mishaps {
        self.mishaps.get_or_insert_default()
    }
}

/// A panic that ended a poll.
struct Lost {
    /// The child whose panic it was; `None` if it came from what was only called for one.
    key: Option<usize>,
    payload: Payload,
}

impl<C: Born> Family<C> {
    #[inline]
    pub(crate) fn new(children: C) -> Family<C> {
        Family::with_roll(Roll::of(children.count()), children)
    }

    /// A family whose children are polled in a fair order at first, so that of those that are always ready none is always preferred.
    pub(crate) fn unordered(children: C) -> Family<C> {
        let mut family = Family::new(children);
        family.standing.is_unordered = true;
        family
    }
}

impl<C: Children, R: Borrow<Roll>> Family<C, R> {
    /// A family whose children are those on that roll.
    #[inline]
    pub(crate) fn with_roll(roll: R, children: C) -> Family<C, R> {
        Family { roll, children, standing: Standing::default() }
    }

    /// Is there a child that has not ended?
    pub(crate) fn is_alive(self: Pin<&mut Self>) -> bool {
        (*self.project().roll).borrow().running() > 0
    }

    /// Is there no outcome, as a child was stopped by a cancellation from around? The code that awaits `what` is not to go on then.
    ///
    /// # Panics
    ///
    /// If that code is not cancelled: this future was only borrowed where it was, and is awaited again.
    pub(crate) fn has_no_outcome(self: Pin<&mut Self>, what: &str, cx: &mut Context<'_>) -> bool {
        let Some(mishaps) = &mut self.project().standing.mishaps else { return false };
        mishaps.cut.is_cut() && mishaps.cut.wait::<()>(what, cx).is_pending()
    }

    pub(crate) fn children(self: Pin<&mut Self>) -> Pin<&mut C> {
        self.project().children
    }

    /// The keys of all children, in the order in which they are stopped; perhaps there are others among them.
    pub(crate) fn keys(self: Pin<&mut Self>) -> C::Keys {
        let this = self.project();
        this.children.keys((*this.roll).borrow().end())
    }

    /// A new child. `put` puts it in the place with that key.
    pub(crate) fn add(self: Pin<&mut Self>, put: impl FnOnce(Pin<&mut C>, usize)) -> usize {
        let this = self.project();
        let key = (*this.roll).borrow().add();
        put(this.children, key);
        key
    }

    /// Polls the children that were woken, each once. `ended` is told of each that has ended, with or without a value, and may break
    /// off; it runs no foreign code but destructors.
    ///
    /// After a child's panic all others are cancelled, and polled for that.
    #[inline(always)]
    pub(crate) fn poll_batch(
        mut self: Pin<&mut Self>,
        cx: &Context<'_>,
        mut ended: impl FnMut(Pin<&mut C>, usize) -> ControlFlow<()>,
    ) {
        loop {
            let this = self.as_mut().project();
            let roll = (*this.roll).borrow();
            let mut batch = roll.set().begin(cx.waker());
            if std::mem::take(&mut this.standing.is_unordered) && !batch.is_empty() {
                batch.reorder(choose_order(batch.orders()));
            }
            let polled = poll_woken(roll, this.children, this.standing, &mut batch, &mut ended);
            give_way(this.standing, cx);
            // The others are in the next batch, all of them: they are cancelled.
            let Err(lost) = polled else { return };
            self.as_mut().fail(lost.key, lost.payload);
        }
    }

    /// Polls the children that were woken, each once. `panicked` is told of a child's panic, after which the others are polled as
    /// before.
    #[inline]
    pub(crate) fn poll_whole_batch(self: Pin<&mut Self>, cx: &Context<'_>, mut panicked: impl FnMut(Pin<&mut C>)) {
        let mut this = self.project();
        let roll = (*this.roll).borrow();
        let mut batch = roll.set().begin(cx.waker());
        let mut ended = |_: Pin<&mut C>, _| ControlFlow::Continue(());
        while let Err(lost) = poll_woken(roll, this.children.as_mut(), this.standing, &mut batch, &mut ended) {
            panicked(this.children.as_mut());
            lose(roll, this.children.as_mut(), this.standing, lost);
        }
        give_way(this.standing, cx);
    }

    /// A child has panicked (or what was called for it): it is dropped, and the others are cancelled.
    #[cold]
    pub(crate) fn fail(mut self: Pin<&mut Self>, key: Option<usize>, payload: Payload) {
        let this = self.as_mut().project();
        lose((*this.roll).borrow(), this.children, this.standing, Lost { key, payload });
        self.cancel_all(CancelReason::SiblingFailed { task: None });
    }

    /// Stops every child that has not ended, once. Those that have something to clean up are cancelled, and begin in the next batch.
    /// The others are dropped without another poll: what they only borrow stays as it is.
    #[cold]
    pub(crate) fn cancel_all(mut self: Pin<&mut Self>, reason: CancelReason) {
        if !self.as_mut().begin_end() {
            return;
        }
        for key in self.as_mut().keys() {
            let has_cleanup = self.as_mut().children().ask(key, |child| child.has_cleanup());
            match has_cleanup {
                None => {}
                Some(true) => self.as_mut().cancel_child(key, &reason),
                Some(false) => {
                    let this = self.as_mut().project();
                    (*this.roll).borrow().remove(key);
                    if let Err(payload) = catch(|| this.children.remove(key)) {
                        this.standing.mishaps().panic.keep(payload);
                    }
                }
            }
        }
    }

    /// Notes that all children are cancelled from now on. `true` once.
    pub(crate) fn begin_end(self: Pin<&mut Self>) -> bool {
        !std::mem::replace(&mut self.project().standing.is_ending, true)
    }

    /// Cancels a child, unless it has ended or was cancelled before. It is stopped in the next batch.
    pub(crate) fn cancel_child(self: Pin<&mut Self>, key: usize, reason: &CancelReason) {
        let this = self.project();
        if this.children.ask(key, |child| child.cancel(reason.clone())) == Some(true) {
            (*this.roll).borrow().set().wake(key);
        }
    }

    /// Has every child ended? Goes on with a child's panic then, if there was one.
    pub(crate) fn is_over(mut self: Pin<&mut Self>) -> bool {
        if self.as_mut().is_alive() {
            return false;
        }
        if let Some(payload) = self.take_panic() {
            resume_unwind(payload);
        }
        true
    }

    /// The first panic of a child, which is to go on.
    pub(crate) fn take_panic(self: Pin<&mut Self>) -> Option<Payload> {
        self.project().standing.mishaps.as_mut()?.panic.take()
    }

    fn drop_all(self: Pin<&mut Self>) {
        let mut this = self.project();
        this.children.as_mut().close();
        if let Some(mishaps) = &mut this.standing.mishaps {
            mishaps.panic.report();
        }
        let roll = (*this.roll).borrow();
        // If all have ended there is nothing but outputs, perhaps.
        if roll.running() > 0 {
            drop_running(this.children, roll.end());
        }
    }
}

/// Drops children that have not ended, and what others have left. The first panic of a destructor goes on.
#[cold]
fn drop_running<C: Children>(mut children: Pin<&mut C>, end: usize) {
    let mut first = FirstPanic::default();
    for key in children.as_mut().keys(end) {
        first.catch(|| children.as_mut().remove(key));
    }
    first.go_on();
}

/// Polls the children of a batch, each once. A panic breaks it off; the batch can go on after that.
#[inline]
fn poll_woken<C: Children>(
    roll: &Roll,
    mut children: Pin<&mut C>,
    standing: &mut Standing,
    batch: &mut Batch<'_>,
    ended: &mut impl FnMut(Pin<&mut C>, usize) -> ControlFlow<()>,
) -> Result<(), Lost> {
    let polled = Cell::new(NOBODY);
    // One `catch_unwind` for all, so that a poll that does not panic costs nothing for it.
    let caught = catch(|| {
        poll_branches(|siblings| {
            standing.is_swept &= siblings.began_cancelled();
            loop {
                if !has_budget() {
                    match poll_last(roll, children.as_mut(), standing, batch, siblings, &polled, ended) {
                        None => break,
                        Some(ControlFlow::Continue(())) => continue,
                        Some(ControlFlow::Break(())) => return,
                    }
                }
                let Some(woken) = batch.next() else { break };
                let key = woken.key();
                polled.set(key);
                let mut cx = Context::from_waker(woken.waker());
                if children.as_mut().poll_child(key, siblings, &mut cx).is_ready() {
                    polled.set(NOBODY);
                    roll.remove(key);
                    if ended(children.as_mut(), key).is_break() {
                        return;
                    }
                } else if siblings.is_cancelled() {
                    polled.set(NOBODY);
                    look_after(roll, children.as_mut(), standing, key);
                }
            }
            polled.set(NOBODY);
            if siblings.began_cancelled() && !standing.is_swept {
                sweep(roll, children, standing);
            }
        });
    });
    caught.map_err(|payload| Lost { key: Some(polled.get()).filter(|key| *key != NOBODY), payload })
}

/// No child has this key.
const NOBODY: usize = usize::MAX;

/// Wakes the owner if children were left in a batch for lack of a budget. Its waker may be foreign, and panic.
#[inline]
fn give_way(standing: &mut Standing, cx: &Context<'_>) {
    if std::mem::take(&mut standing.gave_way) {
        cx.waker().wake_by_ref();
    }
}

/// There is no budget: would the children that are left be polled in vain? They come first in the next batch then. What is cancelled has to
/// be polled now, though.
#[cold]
fn is_in_vain(batch: &Batch<'_>, siblings: &Siblings<'_>) -> bool {
    !batch.is_empty() && !siblings.is_cancelled() && !try_consume_budget()
}

/// Polls the next child of a batch where the budget is used up: it is cancelled, perhaps, and this its last poll. `None`: it is not polled now.
#[cold]
fn poll_last<C: Children>(
    roll: &Roll,
    mut children: Pin<&mut C>,
    standing: &mut Standing,
    batch: &mut Batch<'_>,
    siblings: &mut Siblings<'_>,
    polled: &Cell<usize>,
    ended: &mut impl FnMut(Pin<&mut C>, usize) -> ControlFlow<()>,
) -> Option<ControlFlow<()>> {
    if is_in_vain(batch, siblings) {
        standing.gave_way = true;
        return None;
    }
    let woken = batch.next()?;
    let key = woken.key();
    polled.set(key);
    let mut cx = Context::from_waker(woken.waker());
    let polled_child = with_some_budget(|| children.as_mut().poll_child(key, siblings, &mut cx));
    polled.set(NOBODY);
    if polled_child.is_ready() {
        roll.remove(key);
        return Some(ended(children, key));
    }
    if siblings.is_cancelled() {
        look_after(roll, children, standing, key);
    }
    Some(ControlFlow::Continue(()))
}

/// A child waits in a scope that is cancelled.
#[cold]
fn look_after<C: Children>(roll: &Roll, mut children: Pin<&mut C>, standing: &mut Standing, key: usize) {
    if standing.is_swept && is_abandoned(children.as_mut(), key) {
        cut(roll, children, standing, key);
    } else if is_fresh(children, key) {
        // It may begin in another scope, if this future is only borrowed here.
        roll.set().keep(key);
    }
}

/// A scope around is cancelled: the children that have nothing to clean up are dropped, if others have. If none has, they are left as
/// they are: that scope drops them, or this future was only borrowed by it and goes on elsewhere.
#[cold]
fn sweep<C: Children>(roll: &Roll, mut children: Pin<&mut C>, standing: &mut Standing) {
    let is_ending = standing.is_ending || children.as_mut().is_ending();
    if !is_ending && !children.as_mut().keys(roll.end()).any(|key| is_cleaning_up(children.as_mut(), key)) {
        return;
    }
    for key in children.as_mut().keys(roll.end()) {
        if is_abandoned(children.as_mut(), key) {
            cut(roll, children.as_mut(), standing, key);
        }
    }
    // Not if a destructor has panicked: then all are looked at again.
    standing.is_swept = true;
}

/// Drops a child that has nothing to clean up, as a scope around is cancelled.
#[cold]
fn cut<C: Children>(roll: &Roll, children: Pin<&mut C>, standing: &mut Standing, key: usize) {
    standing.mishaps().cut.set();
    roll.remove(key);
    children.remove(key);
}

/// Keeps a panic, and drops the child whose it was.
#[cold]
fn lose<C: Children>(roll: &Roll, children: Pin<&mut C>, standing: &mut Standing, Lost { key, payload }: Lost) {
    let panic = &mut standing.mishaps().panic;
    panic.keep(payload);
    if let Some(key) = key {
        roll.remove(key);
        panic.catch(|| children.remove(key));
    }
}

fn is_abandoned<C: Children>(children: Pin<&mut C>, key: usize) -> bool {
    children.ask(key, |child| child.is_abandoned()) == Some(true)
}

fn is_fresh<C: Children>(children: Pin<&mut C>, key: usize) -> bool {
    children.ask(key, |child| child.is_fresh()) == Some(true)
}

fn is_cleaning_up<C: Children>(children: Pin<&mut C>, key: usize) -> bool {
    children.ask(key, |child| child.is_cleaning_up()) == Some(true)
}

/// A plain reference to a family of a row touches no child: they lie elsewhere.
impl<F: Future> Family<Row<F>> {
    /// How many children have not ended.
    pub(crate) fn running(&self) -> usize {
        self.roll.running()
    }

    /// Are all cancelled?
    pub(crate) fn is_ending(&self) -> bool {
        self.standing.is_ending
    }

    /// Does a poll of the owner poll the children, though it has an output to hand out, perhaps? An output goes first; but a family that
    /// is ending hands nothing out before the last child has ended, so nothing else polls those that clean up.
    pub(crate) fn is_to_be_polled(&self, has_output: bool) -> bool {
        self.roll.running() > 0 && (self.standing.is_ending || !has_output)
    }

    /// Was a child stopped by a cancellation from around? It has no output, and no more are begun.
    pub(crate) fn is_cut(&self) -> bool {
        self.standing.mishaps.as_ref().is_some_and(|mishaps| mishaps.cut.is_cut())
    }

    /// Was a child stopped by a cancellation from around, and is that still under way? Then the code that awaits this is not to go on.
    pub(crate) fn is_being_cut(&mut self, cx: &mut Context<'_>) -> bool {
        self.is_cut() && self.standing.mishaps().cut.poll_end(cx).is_pending()
    }
}
