//! `scope`: a failure boundary for children that borrow.

use super::{
    brood::{Brood, Closing, Ended, Kid},
    scoped_handle::{ScopedHandle, Shared},
};
use crate::{
    error::{ChildError, Failure, GroupError},
    group::report_errors,
    in_place::{Cut, Payload, go_on, keep_first},
};
use evenkeel_executor::{
    CancelReason, Panic, UnhandledKind,
    combinator::{Branch, WakeSet, poll_branches, report_unhandled, shield_depth},
};
use pin_project_lite::pin_project;
use std::{
    cell::{Cell, OnceCell, RefCell},
    fmt,
    marker::PhantomData,
    panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

/// Runs `body`, which may spawn children into the scope that it is given. Children may borrow whatever outlives the scope, without
/// `Rc` or `'static`. The scope ends after its body and every child have ended.
///
/// It is the same failure boundary as a task group: the first failure (a child's `Err`, or the body's) cancels the other children,
/// newest first, and the body; all are awaited, and every failure is in the [`GroupError`]. A child that is cancelled on its own is
/// no failure.
///
/// Children live inside this future and are polled only while it is, each only when it was woken, and at most once per poll. So they
/// run in one task, and what blocks one of them blocks all. Children that should be tasks of their own, as the executor's `dump` shows
/// them, belong into a task group.
///
/// Always write `async |s| …`, not `|s| async move { … }`: only the first can lend the scope to its own future.
///
/// # Errors
///
/// A [`GroupError`] with every failure; also if the scope was [cancelled](Scope::cancel) before its body had a value.
///
/// # Cancellation
///
/// When the caller is cancelled, the body and all children are, and their clean-up is awaited. Errors that were there already, or come
/// from clean-up, are returned nevertheless. If this future is dropped in the middle, the children are dropped at once, the newest
/// first, and clean-up in them is skipped and reported to `on_unhandled`; so are the errors that were there.
///
/// # Panics
///
/// When polled outside an executor. If a child or the body panics, the others are cancelled and awaited, and the panic goes on; errors
/// that were there besides are reported to `on_unhandled`.
///
/// ```
/// use evenkeel_executor::{run, yield_now};
/// use evenkeel_taskgroup::scope;
/// use std::cell::Cell;
///
/// let words = ["even", "keel"];
/// let total = Cell::new(0);
/// let first = run(scope(async |s| {
///     let lengths = words.each_ref().map(|word| {
///         let total = &total;
///         s.spawn(async move {
///             yield_now().await;
///             total.set(total.get() + word.len());
///             Ok::<_, String>(word.len())
///         })
///     });
///     let [first, _] = lengths;
///     Ok(first.await)
/// }));
/// assert_eq!((first.unwrap(), total.get()), (4, 8));
/// ```
#[track_caller]
pub fn scope<'env, T, E, B>(body: B) -> impl Future<Output = Result<T, GroupError<E>>>
where
    E: fmt::Debug,
    B: for<'scope> AsyncFnOnce(&'scope Scope<'scope, 'env, E>) -> Result<T, E>,
{
    let location = Location::caller();
    async move {
        // The order matters: the last is dropped first, and the children with it. See `brood`.
        let brood = Brood::new();
        let inner = Inner::new();
        let scope = Scope { inner: &inner, brood: &brood, env: PhantomData };
        // Before the body is called: that may spawn children already, and panic.
        let children = Closing::new(&brood);
        let body = body(&scope);
        Running {
            inner: &inner,
            children,
            location,
            body: Body::Running { branch: Branch::new(body) },
            value: None,
            errors: Errors(Vec::new()),
            panic: None,
            is_cancelled: false,
            cut: Cut::default(),
            is_swept: false,
        }
        .await
    }
}

/// What the body of a [`scope`] spawns its children into. Children can have the reference too, and spawn siblings.
pub struct Scope<'scope, 'env: 'scope, E> {
    inner: &'scope Inner,
    brood: &'scope Brood<E>,
    // Both lifetimes are fixed for a scope: nobody can make `'scope` shorter or longer.
    env: PhantomData<(&'scope mut &'scope (), &'env mut &'env ())>,
}

impl<'scope, E> Scope<'scope, '_, E> {
    /// Spawns a child that may borrow what outlives the scope. It runs from the scope's next poll on.
    ///
    /// In a scope that is ending early the child is cancelled from birth: its future is dropped without a poll.
    #[track_caller]
    pub fn spawn<T: 'scope, F>(&'scope self, future: F) -> ScopedHandle<'scope, T>
    where
        F: Future<Output = Result<T, E>> + 'scope,
        E: 'scope,
    {
        let location = Location::caller();
        let shared = Rc::new(Shared::new());
        let child = Box::pin(Child { future, shared: shared.clone(), is_polled: false, location });
        let child = self.brood.add(child, self.inner.reason(), || self.inner.set.insert());
        ScopedHandle { scope: self.inner, shared, child }
    }
}

impl<E> Scope<'_, '_, E> {
    /// Ends the scope early: its children, newest first, and its body are cancelled, and their clean-up is awaited. The first reason
    /// stays; `false` if the scope was ending already.
    pub fn cancel(&self, reason: impl Into<CancelReason>) -> bool {
        self.inner.cancel(reason.into())
    }

    /// Is the scope ending early: was it cancelled, or has something in it failed?
    pub fn is_ending(&self) -> bool {
        self.inner.is_ending()
    }
}

impl<E> fmt::Debug for Scope<'_, '_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("reason", &self.inner.reason()).finish_non_exhaustive()
    }
}

/// What a scope's handles reach, whatever its error type.
pub(super) struct Inner {
    set: WakeSet,
    /// Why the scope is ending early.
    reason: OnceCell<CancelReason>,
    /// The scope was cancelled, as opposed to: something failed.
    requested: Cell<bool>,
    /// Children that are to be cancelled alone, by key and number.
    requests: RefCell<Vec<(usize, u64, CancelReason)>>,
    depth: Cell<usize>,
}

/// The body's key. It stays the body's when that has ended, so no child ever has it.
const BODY: usize = 0;

impl Inner {
    fn new() -> Inner {
        let set = WakeSet::new();
        set.insert_all(1);
        Inner {
            set,
            reason: OnceCell::new(),
            requested: Cell::new(false),
            requests: RefCell::default(),
            depth: Cell::new(0),
        }
    }

    pub(super) fn reason(&self) -> Option<CancelReason> {
        self.reason.get().cloned()
    }

    pub(super) fn is_ending(&self) -> bool {
        self.reason.get().is_some()
    }

    /// The future of the scope does it: nobody else may touch its children.
    pub(super) fn cancel(&self, reason: CancelReason) -> bool {
        let is_first = self.reason.set(reason).is_ok();
        if is_first {
            self.requested.set(true);
            self.set.wake_owner();
        }
        is_first
    }

    pub(super) fn cancel_child(&self, key: usize, number: u64, reason: CancelReason) {
        self.requests.borrow_mut().push((key, number, reason));
        self.set.wake_owner();
    }

    /// How many regions lay around the scope's future when it was polled last.
    pub(super) fn depth(&self) -> usize {
        self.depth.get()
    }
}

pin_project! {
    /// A child's future, with the way to its handle.
    struct Child<T, F> {
        #[pin]
        future: F,
        shared: Rc<Shared<T>>,
        is_polled: bool,
        location: &'static Location<'static>,
    }
    impl<T, F> PinnedDrop for Child<T, F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if *this.is_polled {
                this.shared.panic();
            } else if this.shared.is_running() {
                this.shared.stop();
            }
        }
    }
}

impl<T, E, F: Future<Output = Result<T, E>>> Future for Child<T, F> {
    type Output = Ended<E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended<E>> {
        let this = self.project();
        *this.is_polled = true;
        let polled = this.future.poll(cx);
        *this.is_polled = false;
        polled.map(|result| match result {
            Ok(value) => {
                this.shared.succeed(value);
                Ok(())
            }
            Err(error) => {
                this.shared.fail();
                Err(ChildError::new(Failure::One(error), this.shared.name.take(), this.location))
            }
        })
    }
}

pin_project! {
    #[project = BodyProjection]
    enum Body<B> {
        Running {
            #[pin]
            branch: Branch<B>,
        },
        Ended,
    }
}

pin_project! {
    /// The future of a scope: polls the body and the children.
    ///
    /// Everything in it is reached by projecting a pinned `&mut`. A plain reference to all of it (such as `self.inner` is) would touch
    /// what the body has borrowed from itself.
    struct Running<'a, T, E: fmt::Debug, B> {
        inner: &'a Inner,
        // Dropped before the body.
        children: Closing<'a, E>,
        location: &'static Location<'static>,
        #[pin]
        body: Body<B>,
        value: Option<T>,
        errors: Errors<E>,
        panic: Option<Payload>,
        is_cancelled: bool,
        // A child or the body was stopped as a scope around is cancelled: the body's value does not count, nor that this was
        // cancelled too.
        cut: Cut,
        // Since that scope is cancelled, all were looked at that have nothing to clean up. Whoever is done with it is looked at then.
        is_swept: bool,
    }
    impl<T, E: fmt::Debug, B> PinnedDrop for Running<'_, T, E, B> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let mut first = this.children.close();
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| this.body.set(Body::Ended))) {
                keep_first(&mut first, payload);
            }
            if let Some(payload) = this.panic.take() {
                report_unhandled(UnhandledKind::CleanupPanicked(Panic::new(payload)));
            }
            go_on(first);
        }
    }
}

impl<T, E: fmt::Debug, B: Future<Output = Result<T, E>>> Future for Running<'_, T, E, B> {
    type Output = Result<T, GroupError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.as_mut().project().inner.depth.set(shield_depth());
        self.as_mut().cancel_some();
        self.as_mut().cancel_all();
        self.as_mut().poll_batch(cx);
        if self.as_mut().cancel_all() {
            // In this poll. Those without clean-up are stopped now.
            self.as_mut().poll_batch(cx);
        }
        self.finish(cx)
    }
}

impl<T, E: fmt::Debug, B: Future<Output = Result<T, E>>> Running<'_, T, E, B> {
    /// Polls the body and the children, those that were woken, each once.
    fn poll_batch(mut self: Pin<&mut Self>, cx: &Context<'_>) {
        let inner = *self.as_mut().project().inner;
        let mut batch = inner.set.begin(cx.waker());
        let polled = Cell::new(None);
        // It lies outside of what may unwind, so that its destructor does not run while that does.
        let mut kid = None;
        while let Err(payload) = catch_unwind(AssertUnwindSafe(|| {
            poll_branches(|siblings| {
                *self.as_mut().project().is_swept &= siblings.began_cancelled();
                while let Some(woken) = batch.next() {
                    let mut this = self.as_mut().project();
                    let mut cx = Context::from_waker(woken.waker());
                    let key = woken.key();
                    if key == BODY {
                        let BodyProjection::Running { mut branch } = this.body.as_mut().project() else { continue };
                        polled.set(Some(BODY));
                        let ended = siblings.poll(branch.as_mut(), &mut cx);
                        polled.set(None);
                        if let Poll::Ready(ended) = ended {
                            self.as_mut().end_body(ended.ok());
                        } else if *this.is_swept && branch.as_mut().is_abandoned() {
                            this.cut.set();
                            self.as_mut().end_body(None);
                        } else if siblings.is_cancelled() && branch.is_fresh() {
                            // It may begin in another scope, if this future is only borrowed here. So may a child.
                            inner.set.keep(BODY);
                        }
                    } else if let Some(taken) = this.children.take(key) {
                        polled.set(Some(key));
                        let branch = Pin::new(&mut kid.insert(taken).branch);
                        let ended = siblings.poll(branch, &mut cx);
                        polled.set(None);
                        match (ended, kid.take()) {
                            (Poll::Ready(ended), kid) => self.as_mut().end_child(key, kid, ended.ok()),
                            (Poll::Pending, Some(mut kid)) => {
                                let mut branch = Pin::new(&mut kid.branch);
                                if *this.is_swept && branch.as_mut().is_abandoned() {
                                    this.cut.set();
                                    self.as_mut().end_child(key, Some(kid), None);
                                    continue;
                                }
                                if siblings.is_cancelled() && branch.is_fresh() {
                                    inner.set.keep(key);
                                }
                                this.children.put_back(key, kid);
                            }
                            (Poll::Pending, None) => {}
                        }
                    }
                }
                if siblings.began_cancelled() && !*self.as_mut().project().is_swept {
                    self.as_mut().drop_left();
                }
            });
        })) {
            self.as_mut().fail(polled.take(), kid.take(), payload);
        }
    }

    /// A scope around is cancelled: drops those that have nothing to clean up, if others have. If none has, they are left as they are:
    /// that scope drops them, or this future was only borrowed by it and goes on elsewhere.
    #[cold]
    fn drop_left(mut self: Pin<&mut Self>) {
        let this = self.as_mut().project();
        let body_cleans_up = match this.body.project() {
            BodyProjection::Running { branch } => branch.is_cleaning_up(),
            BodyProjection::Ended => false,
        };
        let children = &*this.children;
        if !this.inner.is_ending() && !body_cleans_up && !children.any(|kid| Pin::new(&mut kid.branch).is_cleaning_up())
        {
            return;
        }
        for key in children.keys() {
            let this = self.as_mut().project();
            let Some(mut kid) = this.children.take(key) else { continue };
            if Pin::new(&mut kid.branch).is_abandoned() {
                this.cut.set();
                self.as_mut().end_child(key, Some(kid), None);
            } else {
                this.children.put_back(key, kid);
            }
        }
        let this = self.as_mut().project();
        // Not if a destructor has panicked: then all are looked at again.
        *this.is_swept = true;
        if let BodyProjection::Running { branch } = this.body.project() {
            if branch.is_abandoned() {
                this.cut.set();
                self.end_body(None);
            }
        }
    }

    fn end_body(self: Pin<&mut Self>, ended: Option<Result<T, E>>) {
        let mut this = self.project();
        match ended {
            Some(Ok(value)) => *this.value = Some(value),
            Some(Err(error)) => {
                this.errors.0.push(ChildError::new(Failure::One(error), None, this.location));
                let _ = this.inner.reason.set(CancelReason::SiblingFailed { task: None });
            }
            None => {}
        }
        this.body.set(Body::Ended);
    }

    fn end_child(self: Pin<&mut Self>, key: usize, kid: Option<Kid<E>>, ended: Option<Ended<E>>) {
        let this = self.project();
        this.inner.set.remove(key);
        this.children.forget();
        if let Some(Err(error)) = ended {
            this.errors.0.push(error);
            let _ = this.inner.reason.set(CancelReason::SiblingFailed { task: None });
        }
        drop(kid);
    }

    /// The body or a child has panicked, or a destructor of it: it is dropped, and the others are cancelled.
    #[cold]
    fn fail(self: Pin<&mut Self>, polled: Option<usize>, kid: Option<Kid<E>>, payload: Payload) {
        let mut this = self.project();
        keep_first(this.panic, payload);
        let _ = this.inner.reason.set(CancelReason::SiblingFailed { task: None });
        let Some(key) = polled else { return };
        if key != BODY {
            this.inner.set.remove(key);
            this.children.forget();
        }
        let dropped = catch_unwind(AssertUnwindSafe(|| {
            drop(kid);
            if key == BODY {
                this.body.set(Body::Ended);
            }
        }));
        if let Err(payload) = dropped {
            keep_first(this.panic, payload);
        }
    }

    /// If the scope is ending early: cancels the body and the children, once.
    fn cancel_all(self: Pin<&mut Self>) -> bool {
        let mut this = self.project();
        let Some(reason) = this.inner.reason.get().filter(|_| !*this.is_cancelled) else { return false };
        *this.is_cancelled = true;
        for key in this.children.keys() {
            cancel_kid(this.inner, this.children, key, None, reason);
        }
        if let BodyProjection::Running { branch } = this.body.as_mut().project() {
            if branch.cancel(reason.clone()) {
                this.inner.set.wake(BODY);
            }
        }
        true
    }

    /// Cancels children that were to be cancelled alone.
    fn cancel_some(self: Pin<&mut Self>) {
        let this = self.project();
        for (key, number, reason) in this.inner.requests.take() {
            cancel_kid(this.inner, this.children, key, Some(number), &reason);
        }
    }

    /// Is there nothing more to wait for?
    fn finish(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, GroupError<E>>> {
        let this = self.project();
        if !matches!(this.body.project(), BodyProjection::Ended) || !this.children.is_empty() {
            return Poll::Pending;
        }
        let errors = std::mem::take(&mut this.errors.0);
        if let Some(payload) = this.panic.take() {
            drop(Errors(errors));
            resume_unwind(payload);
        }
        let reason = this.inner.reason().filter(|_| this.inner.requested.get());
        match (this.value.take(), reason) {
            _ if this.cut.is_cut() && errors.is_empty() => this.cut.wait("a scope", cx),
            (Some(value), _) if errors.is_empty() => Poll::Ready(Ok(value)),
            (None, None) if errors.is_empty() => Poll::Pending,
            (_, reason) => Poll::Ready(Err(GroupError::new(errors, reason))),
        }
    }
}

/// Errors that are not handed out yet. If that never comes, as the scope's future is dropped or a panic goes first, they are reported.
struct Errors<E: fmt::Debug>(Vec<ChildError<E>>);

impl<E: fmt::Debug> Drop for Errors<E> {
    fn drop(&mut self) {
        report_errors(std::mem::take(&mut self.0));
    }
}

/// Cancels the child with that key, if it has that number.
fn cancel_kid<E>(inner: &Inner, children: &Closing<'_, E>, key: usize, number: Option<u64>, reason: &CancelReason) {
    // It is taken out meanwhile: wakers of clean-up points in it may be foreign code.
    let Some(mut kid) = children.take(key) else { return };
    let is_meant = number.is_none_or(|number| number == kid.number);
    let is_first = is_meant && Pin::new(&mut kid.branch).cancel(reason.clone());
    children.put_back(key, kid);
    if is_first {
        inner.set.wake(key);
    }
}
