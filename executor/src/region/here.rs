//! Where the code that runs now stands: the innermost region around it.

use crate::{
    raw::number::Number,
    region::{
        commons::Commons,
        epoch::{Epoch, epoch},
        layers::Layers,
        region::{Kind, Region},
    },
    wake::seats::Seats,
};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

/// Where an executor's running task stands.
pub(crate) struct Here {
    /// What the executor's regions share.
    pub(crate) commons: Commons,
    /// The scopes and clean-up points that are being polled, one in the other, the innermost last. Empty in the task's root
    /// scope, and whenever the loop begins a poll, as each takes its frame away again, also when it unwinds.
    frames: RefCell<Vec<Frame>>,
    /// The branches that are being polled, one in the other, and what is set in them.
    pub(crate) layers: Layers,
    /// Counts what a branch is looked at for after its poll: the regions that were made for frames which had none, and the task's values
    /// that were covered.
    made: Cell<u64>,
}

/// A scope or a clean-up point while it is being polled.
struct Frame {
    /// A timeout has no region as long as nothing in it needs one, and is not cancelled then.
    region: Option<Rc<Region>>,
    /// Is anything around cancelled, as seen in the epoch `seen`? For frames without a region.
    outer: bool,
    /// Is this the poll that a region has left whose own deadline has come? See [`visit`](crate::cancel::visit).
    is_due: bool,
    seen: Epoch,
}

/// Keeps a frame: it goes when this is dropped.
pub(crate) struct Framed<'a>(&'a Here);

impl Drop for Framed<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.pop();
    }
}

impl Here {
    pub(crate) fn new(seats: Rc<Seats>) -> Here {
        Here { commons: Commons::new(seats), frames: RefCell::default(), layers: Layers::default(), made: Cell::new(0) }
    }

    /// Gives back memory that one deep tree needed.
    pub(crate) fn trim(&self) {
        const KEPT: usize = 64;
        self.frames.borrow_mut().shrink_to(KEPT);
        self.layers.trim();
    }

    /// Calls `poll` inside `region`.
    #[inline]
    pub(crate) fn inside<R>(&self, region: &Rc<Region>, poll: impl FnOnce() -> R) -> R {
        let _framed = self.enter(region, false);
        poll()
    }

    /// Calls `poll` inside a region whose own deadline has come, in the one poll that it has left.
    pub(crate) fn inside_due<R>(&self, region: &Rc<Region>, poll: impl FnOnce() -> R) -> R {
        let _framed = self.enter(region, true);
        poll()
    }

    #[inline]
    fn enter(&self, region: &Rc<Region>, is_due: bool) -> Framed<'_> {
        region.set_polled(true);
        self.frames.borrow_mut().push(Frame { region: Some(region.clone()), outer: false, is_due, seen: 0 });
        Framed(self)
    }

    /// Calls `poll` inside a scope that has no region. Returns the one that it has now, if something in it needed one. Nothing
    /// around it was cancelled when this was called.
    #[inline]
    pub(crate) fn inside_bare<R>(&self, poll: impl FnOnce() -> R) -> (R, Option<Rc<Region>>) {
        self.frames.borrow_mut().push(Frame { region: None, outer: false, is_due: false, seen: epoch() });
        let framed = Framed(self);
        let result = poll();
        std::mem::forget(framed);
        (result, self.pop())
    }

    /// Makes a frame without a region, for several scopes one after the other. `outer`: something around is cancelled.
    #[inline]
    pub(crate) fn enter_bare(&self, outer: bool) -> Framed<'_> {
        self.frames.borrow_mut().push(Frame { region: None, outer, is_due: false, seen: epoch() });
        Framed(self)
    }

    /// How many regions were made for frames that had none, and how many values were covered. As long as this stays the same, no frame
    /// without a region gets one, and no branch sets anything.
    #[inline]
    pub(crate) fn made(&self) -> u64 {
        self.made.get()
    }

    /// A branch has set something, which covers what the code around has.
    pub(crate) fn note_covered(&self) {
        self.made.set(self.made.get() + 1);
    }

    /// Has the innermost frame a region?
    pub(crate) fn is_made(&self) -> bool {
        self.frames.borrow().last().is_some_and(|frame| frame.region.is_some())
    }

    /// Takes the region that was made for the innermost frame, which has none again.
    pub(crate) fn take_made(&self) -> Option<Rc<Region>> {
        let region = self.frames.borrow_mut().last_mut()?.region.take()?;
        region.set_polled(false);
        Some(region)
    }

    /// Takes the innermost frame away. Returns its region.
    #[inline]
    fn pop(&self) -> Option<Rc<Region>> {
        let region = self.frames.borrow_mut().pop()?.region?;
        region.set_polled(false);
        Some(region)
    }

    /// Is `region` the innermost region that there is? `None` stands for the root scope.
    #[inline]
    pub(crate) fn is_nearest(&self, region: Option<&Rc<Region>>) -> bool {
        let frames = self.frames.borrow();
        let nearest = frames.iter().rev().find_map(|frame| frame.region.as_ref());
        nearest.map(Rc::as_ptr) == region.map(Rc::as_ptr)
    }

    /// The innermost region that there is.
    #[inline]
    pub(crate) fn nearest(&self) -> Option<Rc<Region>> {
        self.frames.borrow().iter().rev().find_map(|frame| frame.region.clone())
    }

    /// The innermost scope's region, which is made if need be, as are those around it. `None`: the task's root scope.
    #[inline]
    pub(crate) fn innermost(&self, task: Number) -> Option<Rc<Region>> {
        if self.frames.borrow().is_empty() { None } else { self.innermost_frame(task) }
    }

    fn innermost_frame(&self, task: Number) -> Option<Rc<Region>> {
        let mut frames = self.frames.borrow_mut();
        let bare = frames.iter().rposition(|frame| frame.region.is_some()).map_or(0, |last| last + 1);
        for index in bare..frames.len() {
            let around = index.checked_sub(1).and_then(|below| frames[below].region.clone());
            let region = Region::new(Kind::Scope);
            region.begin_in(task, around, frames[index].outer, frames[index].seen);
            frames[index].region = Some(region);
            self.made.set(self.made.get() + 1);
        }
        frames.last().and_then(|frame| frame.region.clone())
    }

    /// How many scopes and clean-up points the running code stands in.
    pub(crate) fn depth(&self) -> usize {
        self.frames.borrow().len()
    }

    /// The regions that are being polled above `depth`, the outermost first.
    pub(crate) fn regions_above(&self, depth: usize) -> Vec<Rc<Region>> {
        self.frames.borrow().iter().skip(depth).filter_map(|frame| frame.region.clone()).collect()
    }

    /// Is the innermost scope cancelled, or one around it up to the next shield? `None`: the task's root scope tells.
    #[inline]
    pub(crate) fn is_cancelled(&self) -> Option<bool> {
        let frames = self.frames.borrow();
        match frames.last()? {
            Frame { region: Some(region), .. } => Some(region.is_cancelled()),
            Frame { region: None, outer, seen, .. } if *seen == epoch() => Some(*outer),
            _ => {
                drop(frames);
                self.look_around()
            }
        }
    }

    /// Was every scope around that is cancelled, up to the next shield, cancelled by its own deadline, for which this is the poll that it
    /// has left? `None`: yes, and there is no shield, so the task's root scope tells.
    pub(crate) fn is_due(&self) -> Option<bool> {
        for frame in self.frames.borrow().iter().rev() {
            match &frame.region {
                Some(region) if region.reason().is_some() && !frame.is_due => return Some(false),
                Some(region) if region.kind() == Kind::Shielded => return Some(true),
                _ => {}
            }
        }
        None
    }

    /// Had nothing been woken when a scope around, up to the next shield, was cancelled, so that what waits here is stopped without another
    /// poll? `None`: not for a scope here, and there is no shield, so the task's root scope tells.
    pub(crate) fn is_still(&self) -> Option<bool> {
        for region in self.frames.borrow().iter().rev().filter_map(|frame| frame.region.as_ref()) {
            if region.is_still() {
                return Some(true);
            }
            if region.kind() == Kind::Shielded {
                return Some(false);
            }
        }
        None
    }

    /// Looks again for the innermost scope, which has no region: something was cancelled since it has looked.
    #[cold]
    fn look_around(&self) -> Option<bool> {
        let mut frames = self.frames.borrow_mut();
        let last = frames.iter().rposition(|frame| frame.region.is_some() || frame.seen == epoch());
        let frame = &frames[last?];
        let outer = frame.region.as_ref().map_or(frame.outer, |region| region.is_cancelled());
        for frame in &mut frames[last? + 1..] {
            (frame.outer, frame.seen) = (outer, epoch());
        }
        Some(outer)
    }
}
