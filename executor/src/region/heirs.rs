//! Heirs: regions that are cancelled with another one, though they do not lie in it. They are of tokens' children, and of what runs until a
//! token is cancelled.
//!
//! An heir keeps its parent, so that the way from every ancestor to it stays open; the parent does not keep its heirs. Nobody else may have
//! a parent any more: then nobody can cancel it, and it is [left out](Region::leave_out). The chain from an ancestor to its heir is
//! no longer than the tokens that are kept.
//!
//! Of regions that are related all have a part that other threads reach, or none has. The parts are a tree of their own, of the same form: so
//! an heir is cancelled there before this thread has looked, and also when this thread has nothing left of it. Then the part is an heir
//! yet, though the region is none; a region with such a part below, or whose part another thread has a handle of, is not left out.
//!
//! Two threads may cancel related parts at the same time. Each part is [claimed](Remote::claim) by one of them, who goes on to all below.

use crate::{
    outcome::reason::CancelReason,
    region::{
        region::{Inner, Kind, Region},
        remote::Remote,
    },
    wake::call::call,
};
use std::{collections::VecDeque, mem::take, rc::Rc, sync::Arc, task::Waker};

/// Heirs that are cancelled from now on, and do not know it yet; and those who wait for that on other threads' account.
#[derive(Default)]
pub(crate) struct Marked {
    heirs: Vec<Rc<Region>>,
    wakers: Vec<Waker>,
}

impl Marked {
    /// Tells all who wait. That may be foreign code, to which all of them are cancelled.
    #[inline]
    pub(crate) fn tell(self) {
        if !self.heirs.is_empty() || !self.wakers.is_empty() {
            self.tell_each();
        }
    }

    #[cold]
    fn tell_each(self) {
        for heir in self.heirs {
            heir.tell();
            heir.wake_waiters();
            heir.limit.take_waker().into_iter().for_each(call);
        }
        self.wakers.into_iter().for_each(call);
    }
}

impl Region {
    /// A region that is cancelled with this one.
    pub(crate) fn heir(self: &Rc<Self>) -> Rc<Region> {
        if let Some(parent) = self.parent() {
            // It may have been kept for a thread's handle that has gone since.
            parent.leave_out();
        }
        let heir = Region::new(Kind::Scope);
        self.look();
        if self.reason().is_none() {
            self.adopt(&heir);
            // Another thread may have cancelled it meanwhile.
            self.look();
        }
        if let Some(reason) = self.reason() {
            heir.cancel_once(reason.clone());
        }
        heir
    }

    /// That region, which has no parent, is an heir from now on.
    fn adopt(self: &Rc<Self>, heir: &Rc<Region>) {
        let inner = self.inner();
        let key = inner.heirs_made.get();
        inner.heirs_made.set(key + 1);
        inner.heirs.borrow_mut().insert(key, Rc::downgrade(heir));
        let none = heir.inner().parent.replace(Some((self.clone(), key)));
        debug_assert!(none.is_none(), "an heir of two regions");
        if let Some(remote) = self.limit.remote.get() {
            heir.place_part(Some((remote.clone(), key)));
        }
    }

    /// The region's part that other threads reach is cancelled with that one from now on, and made if there is none.
    #[cold]
    fn place_part(&self, parent: Option<(Arc<Remote>, u64)>) {
        match self.limit.remote.get() {
            Some(remote) => remote.move_to(parent),
            None => _ = self.share_alone(parent),
        }
    }

    /// The heirs that there are, with their keys.
    fn heirs(&self) -> Vec<(u64, Rc<Region>)> {
        let Some(inner) = self.inner.get() else { return Vec::new() };
        inner.heirs.borrow().iter().filter_map(|(key, heir)| Some((*key, heir.upgrade()?))).collect()
    }

    /// The region is cancelled now: so are its heirs, and theirs. Nobody is told yet.
    #[inline]
    pub(crate) fn mark_heirs(&self) -> Marked {
        match self.inner.get() {
            Some(inner) if !inner.heirs.borrow().is_empty() => self.mark_each(),
            _ => Marked::default(),
        }
    }

    #[cold]
    fn mark_each(&self) -> Marked {
        let mut marked = Marked::default();
        let Some(reason) = self.reason() else { return marked };
        let of = |region: &Region, reason: CancelReason| {
            region.heirs().into_iter().map(move |(_, heir)| (heir, reason.clone()))
        };
        let mut left: VecDeque<_> = of(self, reason.clone()).collect();
        while let Some((heir, reason)) = left.pop_front() {
            // Where other threads may cancel it too, their lock decides who was first.
            let reason = match heir.limit.remote.get().map(|remote| remote.claim(reason.clone())) {
                None => reason,
                Some(Ok(claimed)) => {
                    // This thread may have nothing left of some that are below.
                    marked.wakers.extend(claimed.with_all_below(&reason));
                    reason
                }
                Some(Err(first)) => first,
            };
            if heir.reason.set(reason.clone()).is_ok() {
                heir.note_stillness();
                left.extend(of(&heir, reason));
                marked.heirs.push(heir);
            }
        }
        marked
    }

    /// Is the region cancelled whose heir this is, or one around that; or an ancestor?
    pub(crate) fn is_ancestor_cancelled(&self) -> bool {
        std::iter::successors(self.parent(), |region| region.parent()).any(|region| {
            region.look();
            region.is_cancelled_now()
        })
    }

    /// The part of the region that other threads reach. Its ancestors have one too from now on, and all their heirs.
    pub(crate) fn remote(self: &Rc<Self>) -> &Arc<Remote> {
        if self.limit.remote.get().is_none() {
            let mut top = self.clone();
            while let Some(parent) = top.parent() {
                top = parent;
            }
            top.share();
        }
        self.limit.remote.get().expect("it was made just now, if it was not there")
    }

    /// Region and heirs get the parts that other threads reach.
    #[cold]
    fn share(self: Rc<Self>) {
        let mut left = vec![(None, self)];
        while let Some((parent, region)) = left.pop() {
            let remote = region.share_alone(parent);
            left.extend(region.heirs().into_iter().map(|(key, heir)| (Some((remote.clone(), key)), heir)));
            // Those who wait already are to make themselves known there.
            region.limit.take_waker().into_iter().for_each(call);
            region.wake_waiters();
        }
    }

    /// The region gets a part that other threads reach. `parent` is its parent's, and the key there.
    fn share_alone(&self, parent: Option<(Arc<Remote>, u64)>) -> &Arc<Remote> {
        self.limit.remote.get_or_init(|| Remote::new(self.reason().cloned(), parent))
    }

    /// The region whose heir this one is.
    pub(crate) fn parent(&self) -> Option<Rc<Region>> {
        Some(self.inner.get()?.parent.borrow().as_ref()?.0.clone())
    }

    /// A handle of the region goes. If its heirs are all that have it then, nobody can cancel it any more, and they become those of its parent.
    pub(crate) fn leave_out(self: &Rc<Self>) {
        let Some(inner) = self.inner.get() else { return };
        let heirs = inner.heirs.borrow().len();
        if heirs == 0
            || Rc::strong_count(self) != heirs + 1
            || self.limit.remote.get().is_some_and(|remote| !remote.is_of_its_thread_only(heirs))
            || self.reason().is_some()
        {
            return;
        }
        let parent = inner.parent.borrow().as_ref().map(|(parent, _)| parent.clone());
        for (_, heir) in self.heirs() {
            let own = heir.inner().parent.take();
            match (&parent, heir.limit.remote.get()) {
                (Some(parent), _) => parent.adopt(&heir),
                (None, Some(remote)) => remote.move_to(None),
                (None, None) => {}
            }
            drop(own);
        }
        let none = take(&mut *inner.heirs.borrow_mut());
        drop(none);
    }

    /// An heir is gone.
    fn remove_heir(&self, key: u64) {
        let gone = self.inner().heirs.borrow_mut().remove(&key);
        drop(gone);
    }
}

impl Drop for Inner {
    /// An heir that goes may be the last that keeps its parent, and so on: they go one after the other, so that the stack does not grow with
    /// the chain.
    fn drop(&mut self) {
        let mut link = self.parent.take();
        while let Some((parent, key)) = link {
            parent.remove_heir(key);
            let is_last = Rc::strong_count(&parent) == 1;
            link = if is_last { parent.inner.get().and_then(|inner| inner.parent.take()) } else { None };
        }
    }
}
