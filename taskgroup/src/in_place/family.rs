//! The family: children that live in place, the set that knows which of them were woken, and what happens when one panics.

use super::{
    children::{Children, Row, Running},
    cut::Cut,
};
use evenkeel_executor::{
    CancelReason, Panic, UnhandledKind,
    combinator::{WakeSet, poll_branches, report_unhandled},
};
use pin_project_lite::pin_project;
use std::{
    any::Any,
    cell::Cell,
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    task::Context,
};

pub(crate) type Payload = Box<dyn Any + Send>;

pin_project! {
    /// Dropping it drops the children at once; clean-up in them is skipped, and reported.
    pub(crate) struct Family<C: Children> {
        set: WakeSet,
        #[pin]
        children: C,
        // Every key lies below this.
        keys: usize,
        // How many have not ended.
        running: usize,
        // The first panic of a child. It goes on when all have ended.
        panic: Option<Payload>,
        is_ending: bool,
        cut: Cut,
        // Since that scope is cancelled, all were looked at that have nothing to clean up. Whoever is done with it is looked at then.
        is_swept: bool,
    }
    impl<C: Children> PinnedDrop for Family<C> {
        fn drop(this: Pin<&mut Self>) {
            this.drop_all();
        }
    }
}

impl<C: Children> Family<C> {
    pub(crate) fn new(children: C) -> Family<C> {
        let set = WakeSet::new();
        let running = children.count();
        set.insert_all(running);
        Family {
            set,
            children,
            keys: running,
            running,
            panic: None,
            is_ending: false,
            cut: Cut::default(),
            is_swept: false,
        }
    }

    /// Is there a child that has not ended?
    pub(crate) fn is_alive(self: Pin<&mut Self>) -> bool {
        *self.project().running > 0
    }

    /// Is there no outcome, as a child was stopped by a cancellation from around? The code that awaits this is not to go on then.
    ///
    /// # Panics
    ///
    /// If that code is not cancelled: this future was only borrowed where it was, and is awaited again.
    pub(crate) fn has_no_outcome(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        let cut = self.project().cut;
        cut.is_cut() && cut.wait::<()>("a gather or a race", cx).is_pending()
    }

    pub(crate) fn children(self: Pin<&mut Self>) -> Pin<&mut C> {
        self.project().children
    }

    /// A new child. `put` puts it in the place with that key.
    pub(crate) fn add(self: Pin<&mut Self>, put: impl FnOnce(Pin<&mut C>, usize)) -> usize {
        let this = self.project();
        let key = this.set.insert();
        *this.keys = (*this.keys).max(key + 1);
        *this.running += 1;
        put(this.children, key);
        key
    }

    /// Polls the children that were woken, each once. `ended` is told of each that has ended, with or without a value, and may break
    /// off; it runs no foreign code but destructors.
    ///
    /// After a child's panic all others are cancelled.
    #[inline]
    pub(crate) fn poll_batch(
        mut self: Pin<&mut Self>,
        cx: &Context<'_>,
        mut ended: impl FnMut(Pin<&mut C>, usize) -> ControlFlow<()>,
    ) {
        loop {
            let mut this = self.as_mut().project();
            let set = &*this.set;
            let mut batch = set.begin(cx.waker());
            let polled = Cell::new(None);
            // One `catch_unwind` for all, so that a poll that does not panic costs nothing for it.
            let caught = catch_unwind(AssertUnwindSafe(|| {
                poll_branches(|siblings| {
                    *this.is_swept &= siblings.began_cancelled();
                    while let Some(woken) = batch.next() {
                        let key = woken.key();
                        polled.set(Some(key));
                        let mut cx = Context::from_waker(woken.waker());
                        if this.children.as_mut().poll_child(key, siblings, &mut cx).is_ready() {
                            polled.set(None);
                            set.remove(key);
                            *this.running -= 1;
                            if ended(this.children.as_mut(), key).is_break() {
                                return;
                            }
                        } else if *this.is_swept && is(&mut this.children, key, |child| child.is_abandoned()) {
                            polled.set(None);
                            cut(set, this.children.as_mut(), key, this.running, this.cut);
                        } else if siblings.is_cancelled() && is(&mut this.children, key, |child| child.is_fresh()) {
                            // It may begin in another scope, if this future is only borrowed here.
                            set.keep(key);
                        }
                    }
                    polled.set(None);
                    if !siblings.began_cancelled() || *this.is_swept {
                        return;
                    }
                    // A scope around is cancelled: the children that have nothing to clean up are dropped, if others have. If
                    // none has, they are left as they are: that scope drops them, or this future was only borrowed by it and
                    // goes on elsewhere.
                    let keys = 0..*this.keys;
                    if *this.is_ending
                        || keys.clone().any(|key| is(&mut this.children, key, |child| child.is_cleaning_up()))
                    {
                        for key in keys {
                            if is(&mut this.children, key, |child| child.is_abandoned()) {
                                cut(set, this.children.as_mut(), key, this.running, this.cut);
                            }
                        }
                        // Not if a destructor has panicked: then all are looked at again.
                        *this.is_swept = true;
                    }
                });
            }));
            drop(batch);
            match caught {
                Ok(()) => return,
                // The others are in the next batch, all of them: they are cancelled.
                Err(payload) => self.as_mut().fail(polled.take(), payload),
            }
        }
    }

    /// A child has panicked (or what was called for it): it is dropped, and the others are cancelled.
    #[cold]
    pub(crate) fn fail(mut self: Pin<&mut Self>, child: Option<usize>, payload: Payload) {
        let mut this = self.as_mut().project();
        keep_first(this.panic, payload);
        if let Some(key) = child {
            this.set.remove(key);
            *this.running -= 1;
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| this.children.as_mut().remove(key))) {
                keep_first(this.panic, payload);
            }
        }
        self.cancel_all(CancelReason::SiblingFailed { task: None });
    }

    /// Stops every child that has not ended, once. Those that have something to clean up are cancelled, and begin in the next batch.
    /// The others are dropped without another poll: what they only borrow stays as it is.
    #[cold]
    pub(crate) fn cancel_all(self: Pin<&mut Self>, reason: CancelReason) {
        let mut this = self.project();
        if std::mem::replace(this.is_ending, true) {
            return;
        }
        for key in 0..*this.keys {
            let Some(mut child) = this.children.as_mut().running(key) else { continue };
            if child.as_mut().has_cleanup() {
                child.cancel(reason.clone());
                this.set.wake(key);
                continue;
            }
            this.set.remove(key);
            *this.running -= 1;
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| this.children.as_mut().remove(key))) {
                keep_first(this.panic, payload);
            }
        }
    }

    /// Has every child ended? Goes on with a child's panic then, if there was one.
    pub(crate) fn is_over(self: Pin<&mut Self>) -> bool {
        let this = self.project();
        if *this.running > 0 {
            return false;
        }
        if let Some(payload) = this.panic.take() {
            resume_unwind(payload);
        }
        true
    }

    fn drop_all(self: Pin<&mut Self>) {
        let mut this = self.project();
        // If all have ended there is nothing but outputs, perhaps.
        let keys = if *this.running > 0 { *this.keys } else { 0 };
        let mut first = None;
        for key in 0..keys {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| this.children.as_mut().remove(key))) {
                keep_first(&mut first, payload);
            }
        }
        if let Some(payload) = this.panic.take() {
            report_unhandled(UnhandledKind::CleanupPanicked(Panic::new(payload)));
        }
        go_on(first);
    }
}

/// The children of a row lie elsewhere: a plain reference to their family does not touch them.
impl<F: Future> Family<Row<F>> {
    pub(crate) fn running(&self) -> usize {
        self.running
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.is_ending
    }

    /// Does a poll of the owner poll the children, though it has an output to hand out, perhaps? An output goes first; but a family that
    /// is ending hands nothing out before the last child has ended, so nothing else polls those that clean up.
    pub(crate) fn is_to_be_polled(&self, has_output: bool) -> bool {
        self.running > 0 && (self.is_ending || !has_output)
    }

    /// Was a child stopped by a cancellation from around? It has no output, and no more are begun.
    pub(crate) fn is_cut(&self) -> bool {
        self.cut.is_cut()
    }

    /// The same, and the code that awaits this is not to go on.
    pub(crate) fn is_being_cut(&mut self, cx: &mut Context<'_>) -> bool {
        self.cut.is_cut() && self.cut.poll_end(cx).is_pending()
    }
}

/// Asks a child that has not ended.
fn is<C: Children>(children: &mut Pin<&mut C>, key: usize, ask: impl FnOnce(Pin<&mut dyn Running>) -> bool) -> bool {
    children.as_mut().running(key).is_some_and(ask)
}

/// Drops a child that has nothing to clean up, as a scope around is cancelled.
#[cold]
fn cut<C: Children>(set: &WakeSet, children: Pin<&mut C>, key: usize, running: &mut usize, cut: &mut Cut) {
    cut.set();
    *running -= 1;
    set.remove(key);
    children.remove(key);
}

/// Of several panics the first goes on; the others are reported.
pub(crate) fn keep_first(first: &mut Option<Payload>, payload: Payload) {
    match first {
        None => *first = Some(payload),
        Some(_) => report_unhandled(UnhandledKind::CleanupPanicked(Panic::new(payload))),
    }
}

/// In a destructor: goes on with a panic, unless there is one already.
pub(crate) fn go_on(panic: Option<Payload>) {
    match panic {
        Some(payload) if std::thread::panicking() => {
            report_unhandled(UnhandledKind::DestructorPanicked(Panic::new(payload)));
        }
        Some(payload) => resume_unwind(payload),
        None => {}
    }
}
