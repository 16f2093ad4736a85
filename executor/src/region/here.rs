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
///
/// # Frames without a region
///
/// Scopes that have no region lie around each other in *runs*: between two regions, or inside the innermost one, or outside all. Nothing in
/// such a frame is its own. What is around the scopes of a run is cancelled for all of them or for none: no shield lies between them, and
/// none of them can be cancelled itself, as that takes a region. So a run is a count, and what one look found out counts for all that is in
/// it. A scope that comes to a run leaves that as it is, also if something was cancelled since: whoever asks next sees that the look is out
/// of date, and looks again.
///
/// Once something in the innermost scope needs a region, all scopes of the innermost run get one. The run is empty then, so its scopes
/// are gone from there when their regions are: who takes the innermost frame away takes a region if, and only if, the run is empty.
pub(crate) struct Here {
    /// What the executor's regions share.
    pub(crate) commons: Commons,
    /// The regions that are being polled, one in the other, the innermost last. Empty in the task's root scope, and whenever the loop begins
    /// a poll, as each takes its frame away again, also when it unwinds.
    frames: RefCell<Vec<Frame>>,
    /// How many those are.
    regions: Cell<usize>,
    /// The scopes without a region inside the innermost of those. None whenever the loop begins a poll.
    run: Cell<Run>,
    /// The branches that are being polled, one in the other, and what is set in them.
    pub(crate) layers: Layers,
    /// Counts what a branch is looked at for after its poll: the regions that were made for frames which had none, and the task's values
    /// that were covered.
    made: Cell<u64>,
}

/// A scope or a clean-up point with a region, while it is being polled.
struct Frame {
    region: Rc<Region>,
    /// Is this the poll that a region has left whose own deadline has come? See [`visit`](crate::cancel::visit).
    is_due: bool,
    /// The scopes without a region between this one and the next region around.
    around: Run,
}

/// Scopes without a region, one in the other. A timeout has none as long as nothing in it needs one, and is not cancelled then.
#[derive(Clone, Copy, Default)]
struct Run {
    count: u32,
    /// Is anything around them cancelled, as seen in the epoch `seen`? It says nothing if there are none.
    outer: bool,
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
        Here {
            commons: Commons::new(seats),
            frames: RefCell::default(),
            regions: Cell::new(0),
            run: Cell::default(),
            layers: Layers::default(),
            made: Cell::new(0),
        }
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
        self.push(region.clone(), is_due);
        Framed(self)
    }

    #[inline]
    fn push(&self, region: Rc<Region>, is_due: bool) {
        let around = self.run.get();
        self.frames.borrow_mut().push(Frame { region, is_due, around });
        self.regions.set(self.regions.get() + 1);
        self.run.set(Run { count: 0, ..around });
    }

    /// Calls `poll` inside a scope that has no region. Returns the one that it has now, if something in it needed one. Nothing
    /// around it was cancelled when this was called.
    #[inline(always)]
    pub(crate) fn inside_bare<R>(&self, poll: impl FnOnce() -> R) -> (R, Option<Rc<Region>>) {
        let framed = self.enter_bare(false);
        let result = poll();
        std::mem::forget(framed);
        (result, self.pop())
    }

    /// Makes a frame without a region, for several scopes one after the other. `outer`: something around is cancelled.
    #[inline(always)]
    pub(crate) fn enter_bare(&self, outer: bool) -> Framed<'_> {
        let run = self.run.get();
        self.run.set(match run.count {
            0 => Run { count: 1, outer, seen: epoch() },
            count => Run { count: count + 1, ..run },
        });
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
        self.run.get().count == 0 && self.regions.get() != 0
    }

    /// Takes the region that was made for the innermost frame, which has none again.
    pub(crate) fn take_made(&self) -> Option<Rc<Region>> {
        if self.run.get().count != 0 {
            return None;
        }
        let region = self.pop_region()?;
        // That frame was the innermost of its run, and is all that is left of it.
        self.run.set(Run { count: 1, ..self.run.get() });
        Some(region)
    }

    /// Takes the innermost frame away. Returns its region.
    #[inline(always)]
    fn pop(&self) -> Option<Rc<Region>> {
        let run = self.run.get();
        if run.count == 0 {
            return self.pop_region();
        }
        self.run.set(Run { count: run.count - 1, ..run });
        None
    }

    /// Takes the innermost region away, with its frame.
    fn pop_region(&self) -> Option<Rc<Region>> {
        let Frame { region, around, .. } = self.frames.borrow_mut().pop()?;
        self.regions.set(self.regions.get() - 1);
        self.run.set(around);
        region.set_polled(false);
        Some(region)
    }

    /// Is `region` the innermost region that there is? `None` stands for the root scope.
    #[inline]
    pub(crate) fn is_nearest(&self, region: Option<&Rc<Region>>) -> bool {
        let frames = self.frames.borrow();
        frames.last().map(|frame| Rc::as_ptr(&frame.region)) == region.map(Rc::as_ptr)
    }

    /// The innermost region that there is.
    #[inline]
    pub(crate) fn nearest(&self) -> Option<Rc<Region>> {
        self.frames.borrow().last().map(|frame| frame.region.clone())
    }

    /// The innermost scope's region, which is made if need be, as are those around it. `None`: the task's root scope.
    #[inline]
    pub(crate) fn innermost(&self, task: Number) -> Option<Rc<Region>> {
        match self.run.get().count {
            0 => self.nearest(),
            _ => self.make_regions(task),
        }
    }

    /// Makes a region for each scope of the innermost run. Returns the innermost.
    #[cold]
    fn make_regions(&self, task: Number) -> Option<Rc<Region>> {
        let run = self.run.get();
        self.run.set(Run { count: 0, ..run });
        let mut innermost = self.nearest();
        for _ in 0..run.count {
            let region = Region::new(Kind::Scope);
            region.begin_in(task, innermost, run.outer, run.seen);
            self.push(region.clone(), false);
            self.made.set(self.made.get() + 1);
            innermost = Some(region);
        }
        innermost
    }

    /// How many scopes and clean-up points the running code stands in.
    pub(crate) fn depth(&self) -> usize {
        let scopes = self.frames.borrow().iter().map(Frame::depth).sum::<usize>();
        scopes + self.run.get().count as usize
    }

    /// The regions that are being polled above `depth`, the outermost first.
    pub(crate) fn regions_above(&self, depth: usize) -> Vec<Rc<Region>> {
        let mut scopes = 0;
        let is_above = |frame: &&Frame| {
            scopes += frame.depth();
            scopes > depth
        };
        self.frames.borrow().iter().filter(is_above).map(|frame| frame.region.clone()).collect()
    }

    /// Is the innermost scope cancelled, or one around it up to the next shield? `None`: the task's root scope tells.
    #[inline(always)]
    pub(crate) fn is_cancelled(&self) -> Option<bool> {
        let run = self.run.get();
        match run.count {
            0 if self.regions.get() == 0 => None,
            0 => self.is_nearest_cancelled(),
            _ if run.seen == epoch() => Some(run.outer),
            _ => self.look_around(),
        }
    }

    /// Is the innermost region cancelled that there is?
    fn is_nearest_cancelled(&self) -> Option<bool> {
        self.frames.borrow().last().map(|frame| frame.region.is_cancelled())
    }

    /// Was every scope around that is cancelled, up to the next shield, cancelled by its own deadline, for which this is the poll that it
    /// has left? `None`: yes, and there is no shield, so the task's root scope tells.
    pub(crate) fn is_due(&self) -> Option<bool> {
        for frame in self.frames.borrow().iter().rev() {
            if frame.region.reason().is_some() && !frame.is_due {
                return Some(false);
            }
            if frame.region.kind() == Kind::Shielded {
                return Some(true);
            }
        }
        None
    }

    /// Had nothing been woken when a scope around, up to the next shield, was cancelled, so that what waits here is stopped without another
    /// poll? `None`: not for a scope here, and there is no shield, so the task's root scope tells.
    pub(crate) fn is_still(&self) -> Option<bool> {
        for Frame { region, .. } in self.frames.borrow().iter().rev() {
            if region.is_still() {
                return Some(true);
            }
            if region.kind() == Kind::Shielded {
                return Some(false);
            }
        }
        None
    }

    /// Looks again for the innermost run: something was cancelled since it was looked at.
    #[cold]
    fn look_around(&self) -> Option<bool> {
        let outer = self.is_nearest_cancelled()?;
        self.run.set(Run { outer, seen: epoch(), ..self.run.get() });
        Some(outer)
    }
}

impl Frame {
    /// How many scopes and clean-up points these are: this one, and those without a region around it.
    fn depth(&self) -> usize {
        self.around.count as usize + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::reason::CancelReason;

    fn here() -> Here {
        Here::new(Rc::new(Seats::new(Number::NONE)))
    }

    #[test]
    fn each_scope_of_the_innermost_run_gets_a_region_that_goes_with_it() {
        let (here, given) = (here(), Region::new(Kind::Scope));
        let outermost = here.enter_bare(false);
        here.inside(&given, || {
            let ((), made) = here.inside_bare(|| {
                let ((), made) = here.inside_bare(|| {
                    let region = here.innermost(Number::NONE).unwrap();
                    let around = region.around().unwrap();
                    assert!(Rc::ptr_eq(&around.around().unwrap(), &given));
                    assert_eq!((here.made(), here.depth(), here.is_made()), (2, 4, true));
                    // What comes now is in a run of its own.
                    assert!(here.inside_bare(|| assert!(here.is_nearest(Some(&region)))).1.is_none());
                });
                assert!(Rc::ptr_eq(&made.unwrap().around().unwrap(), &here.nearest().unwrap()));
            });
            assert!(Rc::ptr_eq(&made.unwrap().around().unwrap(), &given));
            assert_eq!(here.depth(), 2);
        });
        assert!(here.nearest().is_none() && !here.is_made(), "the outermost needed none");
        assert_eq!((here.depth(), here.is_cancelled()), (1, Some(false)));
        drop(outermost);
        assert_eq!((here.depth(), here.is_cancelled()), (0, None));
    }

    #[test]
    fn a_scope_whose_region_was_taken_is_what_is_left_of_its_run() {
        let here = here();
        let (outer, inner) = (here.enter_bare(true), here.enter_bare(true));
        here.innermost(Number::NONE);
        assert!(here.take_made().is_some() && here.take_made().is_none());
        assert_eq!((here.depth(), here.is_made(), here.is_cancelled()), (2, false, Some(true)));
        drop(inner);
        assert!(here.is_made() && here.depth() == 1);
        drop(outer);
        assert_eq!(here.depth(), 0);
    }

    #[test]
    fn a_scope_that_comes_to_a_run_does_not_hide_what_was_cancelled_since() {
        let (here, given) = (here(), Region::new(Kind::Scope));
        here.inside(&given, || {
            let _one = here.enter_bare(false);
            assert_eq!(here.is_cancelled(), Some(false));
            given.cancel(CancelReason::RaceLost);
            let _two = here.enter_bare(false);
            assert_eq!(here.is_cancelled(), Some(true));
            let shield = Region::new(Kind::Shielded);
            here.inside(&shield, || {
                assert_eq!(here.is_cancelled(), Some(false));
                assert_eq!(here.inside_bare(|| here.is_cancelled()).0, Some(false));
            });
            assert_eq!(here.is_cancelled(), Some(true), "the run is as it was");
        });
    }

    #[test]
    fn scopes_without_a_region_count_for_the_depth_above_which_regions_are_found() {
        let (here, outer, inner) = (here(), Region::new(Kind::Scope), Region::new(Kind::Scope));
        here.inside(&outer, || {
            let _bare = here.enter_bare(false);
            let depth = here.depth();
            here.inside(&inner, || {
                assert!(Rc::ptr_eq(&here.regions_above(depth)[0], &inner));
                assert_eq!([0, 1, 2, 3].map(|depth| here.regions_above(depth).len()), [2, 1, 1, 0]);
            });
        });
    }
}
