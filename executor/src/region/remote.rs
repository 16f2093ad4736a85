//! Cancelling a scope from another thread.

use crate::{outcome::reason::CancelReason, wake::call::call};
use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::Waker,
};

/// What a scope shares with other threads.
///
/// The scope looks at `cancelled` whenever it is polled or asked. Why no cancellation is lost: whoever waits stores its
/// waker under the lock and then looks at the reason under the same lock; whoever cancels sets the reason and takes the
/// wakers under it. So either the waiter sees the reason, or the canceller finds the waker.
pub(crate) struct Remote {
    cancelled: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    reason: Option<CancelReason>,
    /// The waker of the scope's future.
    scope: Option<Waker>,
    /// The wakers of those who wait for a token's `cancelled()`, by their key there.
    waiters: Vec<Option<Waker>>,
    /// What is cancelled with this one.
    heirs: BTreeMap<u64, Weak<Remote>>,
    /// What this one is cancelled with, and the key there. Only the scope's thread changes it.
    parent: Option<(Arc<Remote>, u64)>,
}

/// Who is to be told of a cancellation. Who has claimed it cancels what is [below](Claimed::with_all_below): nobody else need.
#[must_use = "what is below is not cancelled yet"]
pub(crate) struct Claimed {
    wakers: Vec<Waker>,
    heirs: Vec<Arc<Remote>>,
}

impl Claimed {
    /// Sets the reason for the heirs, and for theirs, where there is none. Returns the wakers of all who are to be told.
    ///
    /// What has a reason already is left alone with all below it: that is the business of whoever has claimed it.
    pub(crate) fn with_all_below(self, reason: &CancelReason) -> Vec<Waker> {
        let mut wakers = self.wakers;
        let mut left = VecDeque::from(self.heirs);
        while let Some(heir) = left.pop_front() {
            if let Ok(Claimed { wakers: its, heirs }) = heir.claim(reason.clone()) {
                wakers.extend(its);
                left.extend(heirs);
            }
        }
        wakers
    }
}

impl Remote {
    /// What was cancelled for that reason, if there is one, and is cancelled with `parent`, if there is one. The key there is nobody else's.
    pub(crate) fn new(reason: Option<CancelReason>, parent: Option<(Arc<Remote>, u64)>) -> Arc<Remote> {
        let adopted = parent.clone();
        let cancelled = AtomicBool::new(reason.is_some());
        let remote = Arc::new(Remote { cancelled, state: Mutex::new(State { reason, parent, ..State::default() }) });
        if let Some((parent, key)) = adopted {
            parent.adopt(key, &remote);
        }
        remote
    }

    /// Was the scope cancelled? One plain load tells.
    #[inline]
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    pub(crate) fn reason(&self) -> Option<CancelReason> {
        if self.is_cancelled() { self.lock().reason.clone() } else { None }
    }

    /// Sets the reason, if there is none, here and where this one's heirs are, and wakes whoever waits.
    pub(crate) fn cancel(&self, reason: CancelReason) -> bool {
        let Ok(claimed) = self.claim(reason.clone()) else { return false };
        claimed.with_all_below(&reason).into_iter().for_each(call);
        true
    }

    /// Sets the reason, if there is none, and returns whom to tell.
    ///
    /// # Errors
    ///
    /// The reason that was set before.
    pub(crate) fn claim(&self, reason: CancelReason) -> Result<Claimed, CancelReason> {
        let mut state = self.lock();
        if let Some(first) = &state.reason {
            return Err(first.clone());
        }
        state.reason = Some(reason);
        self.cancelled.store(true, Ordering::Release);
        let scope = state.scope.take();
        let wakers = scope.into_iter().chain(std::mem::take(&mut state.waiters).into_iter().flatten()).collect();
        Ok(Claimed { wakers, heirs: state.heirs.values().filter_map(Weak::upgrade).collect() })
    }

    /// From now on it is cancelled with that one, and with what it was before no more. There is no moment in which it is with neither.
    pub(crate) fn move_to(self: &Arc<Self>, parent: Option<(Arc<Remote>, u64)>) {
        if let Some((parent, key)) = &parent {
            parent.adopt(*key, self);
        }
        let old = std::mem::replace(&mut self.lock().parent, parent);
        if let Some((old, key)) = old {
            let gone = old.lock().heirs.remove(&key);
            drop(gone);
        }
    }

    /// Do no handles reach this one but those of the scope's thread? It is the parent of so many. Nobody can make a new one then; but who
    /// cancels its own parent may come here yet.
    pub(crate) fn is_of_its_thread_only(self: &Arc<Self>, heirs: usize) -> bool {
        Arc::strong_count(self) == heirs + 1
    }

    /// What is cancelled with this one from now on; at once, if this one is.
    fn adopt(&self, key: u64, heir: &Arc<Remote>) {
        let mut state = self.lock();
        state.heirs.insert(key, Arc::downgrade(heir));
        let reason = state.reason.clone();
        drop(state);
        if let Some(reason) = reason {
            heir.cancel(reason);
        }
    }

    /// Keeps the waker of the scope's future, which waits. `false` if the scope was cancelled meanwhile.
    pub(crate) fn keep_scope(&self, newest: &Waker) -> bool {
        let newest = newest.clone();
        let mut state = self.lock();
        let old = state.scope.replace(newest);
        let waits = state.reason.is_none();
        drop(state);
        drop(old);
        waits
    }

    /// Keeps the waker of a waiter. `false` if the scope was cancelled meanwhile.
    pub(crate) fn keep_waiter(&self, key: usize, newest: &Waker) -> bool {
        let newest = newest.clone();
        let mut state = self.lock();
        if state.waiters.len() <= key {
            state.waiters.resize(key + 1, None);
        }
        let old = state.waiters[key].replace(newest);
        let waits = state.reason.is_none();
        drop(state);
        drop(old);
        waits
    }

    pub(crate) fn remove_waiter(&self, key: usize) {
        let old = self.lock().waiters.get_mut(key).and_then(Option::take);
        drop(old);
    }

    #[cfg(test)]
    pub(crate) fn parent(&self) -> Option<Arc<Remote>> {
        self.lock().parent.as_ref().map(|(parent, _)| parent.clone())
    }

    fn take_parent(&mut self) -> Option<(Arc<Remote>, u64)> {
        self.state.get_mut().unwrap_or_else(PoisonError::into_inner).parent.take()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing foreign runs in a critical section.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Remote {
    /// One that goes may be the last that keeps its parent, and so on: they go one after the other.
    fn drop(&mut self) {
        let mut link = self.take_parent();
        while let Some((parent, key)) = link {
            let gone = parent.lock().heirs.remove(&key);
            drop(gone);
            link = Arc::into_inner(parent).and_then(|mut last| last.take_parent());
        }
    }
}

/// A [`CancelToken`](crate::CancelToken) that may go to other threads. Made by
/// [`CancelToken::remote`](crate::CancelToken::remote).
///
/// ```
/// use evenkeel::{CancelReason, CancelScope, Cancelled, run};
///
/// let outcome = run(async {
///     let scope = CancelScope::new();
///     let remote = scope.token().remote();
///     std::thread::spawn(move || remote.cancel("the disk is full"));
///     scope.run(std::future::pending::<()>()).await
/// });
/// assert_eq!(outcome, Err(Cancelled(CancelReason::from("the disk is full"))));
/// ```
#[derive(Clone)]
pub struct RemoteToken(pub(crate) Arc<Remote>);

impl RemoteToken {
    /// Cancels the scope, and the token's children. The first reason stays. `false` if it was cancelled before, from another thread or its
    /// own; who has cancelled it then may not have come to the last child yet.
    ///
    /// The scope's thread learns of it when it next looks: at once if it is parked, at the end of its turn if it is at work.
    pub fn cancel(&self, reason: impl Into<CancelReason>) -> bool {
        self.0.cancel(reason.into())
    }

    /// Was the scope cancelled? A cancellation of a scope around it is seen here once its own thread has seen it.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Why the scope was cancelled.
    pub fn reason(&self) -> Option<CancelReason> {
        self.0.reason()
    }
}

impl fmt::Debug for RemoteToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteToken").field("reason", &self.reason()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use evenkeel_testkit::on_a_small_stack;

    /// So many are many.
    const MANY: u64 = if cfg!(miri) { 20 } else { 1_000 };
    /// A recursion of so many would not fit.
    const DEEP: u64 = if cfg!(miri) { 50 } else { 50_000 };

    fn child(parent: &Arc<Remote>, key: u64) -> Arc<Remote> {
        Remote::new(None, Some((parent.clone(), key)))
    }

    #[test]
    fn token_remote_parts_of_children_leave_nothing_in_a_parent_that_lives_on() {
        let parent = Remote::new(None, None);
        let crowd: Vec<_> = (0..MANY).map(|key| child(&child(&parent, key), 0)).collect();
        assert_eq!(parent.lock().heirs.len() as u64, MANY);
        drop(crowd);
        assert_eq!((parent.lock().heirs.len(), Arc::strong_count(&parent)), (0, 1));
    }

    #[test]
    fn token_remote_parts_in_a_long_chain_are_cancelled_and_dropped_on_a_small_stack() {
        on_a_small_stack(|| {
            let root = Remote::new(None, None);
            let leaf = (0..DEEP).fold(root.clone(), |parent, _| child(&parent, 0));
            assert!(root.cancel("deep".into()));
            assert_eq!(leaf.reason(), Some("deep".into()));
            drop(root);
            drop(leaf);
        });
    }
}
