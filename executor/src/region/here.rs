//! Where the code that runs now stands: the innermost region around it.

use crate::{
    cancel::token::CancelToken,
    outcome::reason::CancelReason,
    region::{
        held::Held,
        inner::Inner,
        region::{Kind, Region},
    },
};
use crate::{
    core::Core,
    raw::{current as enter, number::Number},
};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

/// How often something was cancelled on this thread. What was found out about regions in an older epoch may be wrong.
pub(crate) type Epoch = u64;

thread_local! {
    static EPOCH: Cell<Epoch> = const { Cell::new(1) };
}

#[inline(always)]
pub(crate) fn epoch() -> Epoch {
    EPOCH.get()
}

pub(crate) fn new_epoch() {
    EPOCH.set(EPOCH.get() + 1);
}

/// Where an executor's running task stands.
#[derive(Default)]
pub(crate) struct Here {
    /// The scopes and clean-up points that are being polled, one in the other, the innermost last. Empty in the task's root
    /// scope, and whenever the loop begins a poll, as each takes its frame away again, also when it unwinds.
    frames: RefCell<Vec<Frame>>,
    /// Regions that can be used again.
    spare: RefCell<Vec<Rc<Region>>>,
    /// What regions have once something has registered with them, likewise.
    #[expect(clippy::vec_box, reason = "the boxes themselves are what is used again")]
    spare_inner: RefCell<Vec<Box<Inner>>>,
    /// Counts the clean-up points that were polled for the first time after a cancellation.
    reached: Cell<u64>,
    /// Counts how often those that clean up were asked whether anybody polls them.
    probes: Cell<u64>,
    /// Counts the regions that were made for frames which had none.
    made: Cell<u64>,
}

/// A scope or a clean-up point while it is being polled.
struct Frame {
    /// A timeout has no region as long as nothing in it needs one, and is not cancelled then.
    region: Option<Rc<Region>>,
    /// Without a region: is anything around cancelled, as seen in that epoch?
    outer: bool,
    seen: Epoch,
}

/// The frame is there for as long as this lives.
pub(crate) struct Framed<'a>(&'a Here);

impl Drop for Framed<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.pop();
    }
}

impl Here {
    pub(crate) fn reached(&self) -> u64 {
        self.reached.get()
    }

    pub(crate) fn count_reached(&self) {
        self.reached.set(self.reached.get() + 1);
    }

    pub(crate) fn probes(&self) -> u64 {
        self.probes.get()
    }

    pub(crate) fn count_probe(&self) -> u64 {
        self.probes.set(self.probes.get() + 1);
        self.probes.get()
    }

    /// Gives memory back that one deep tree needed.
    pub(crate) fn trim(&self) {
        const KEPT: usize = 64;
        self.frames.borrow_mut().shrink_to(KEPT);
        let spare = (self.spare.take(), self.spare_inner.take());
        drop(spare);
    }

    /// Calls `poll` inside `region`.
    #[inline]
    pub(crate) fn inside<R>(&self, region: &Rc<Region>, poll: impl FnOnce() -> R) -> R {
        region.set_polled(true);
        self.frames.borrow_mut().push(Frame { region: Some(region.clone()), outer: false, seen: 0 });
        let _framed = Framed(self);
        poll()
    }

    /// Calls `poll` inside a scope that has no region. Returns the one that it has now, if something in it needed one. Nothing
    /// around it was cancelled when this was called.
    #[inline]
    pub(crate) fn inside_bare<R>(&self, poll: impl FnOnce() -> R) -> (R, Option<Rc<Region>>) {
        self.frames.borrow_mut().push(Frame { region: None, outer: false, seen: epoch() });
        let framed = Framed(self);
        let result = poll();
        std::mem::forget(framed);
        (result, self.pop())
    }

    /// A frame without a region, for several scopes one after the other. `outer`: something around is cancelled.
    #[inline]
    pub(crate) fn enter_bare(&self, outer: bool) -> Framed<'_> {
        self.frames.borrow_mut().push(Frame { region: None, outer, seen: epoch() });
        Framed(self)
    }

    /// As long as this stays the same, no frame without a region gets one.
    #[inline]
    pub(crate) fn made(&self) -> u64 {
        self.made.get()
    }

    /// Has the innermost frame a region?
    pub(crate) fn is_made(&self) -> bool {
        self.frames.borrow().last().is_some_and(|frame| frame.region.is_some())
    }

    /// The region that was made for the innermost frame, which has none again.
    pub(crate) fn take_made(&self) -> Option<Rc<Region>> {
        let region = self.frames.borrow_mut().last_mut()?.region.take()?;
        region.set_polled(false);
        Some(region)
    }

    #[inline]
    fn pop(&self) -> Option<Rc<Region>> {
        let region = self.frames.borrow_mut().pop()?.region?;
        region.set_polled(false);
        Some(region)
    }

    /// Is that the innermost region that there is?
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
    pub(crate) fn innermost(&self, task: Number) -> Option<Rc<Region>> {
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

    /// The regions that are being polled, the innermost last.
    fn regions(&self) -> Vec<Rc<Region>> {
        self.frames.borrow().iter().filter_map(|frame| frame.region.clone()).collect()
    }

    /// Is the innermost scope cancelled, or one around it up to the next shield? `None`: the task's root scope tells.
    #[inline]
    fn is_cancelled(&self) -> Option<bool> {
        let frames = self.frames.borrow();
        match frames.last()? {
            Frame { region: Some(region), .. } => Some(region.is_cancelled()),
            Frame { region: None, outer, seen } if *seen == epoch() => Some(*outer),
            _ => {
                drop(frames);
                self.look_around()
            }
        }
    }

    /// Something was cancelled since the innermost scope, which has no region, has looked.
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

impl crate::task::tasks::Tasks {
    /// Is the code that runs now in a cancelled region?
    #[inline]
    pub(crate) fn is_cancelled_here(&self) -> bool {
        self.here.is_cancelled().unwrap_or_else(|| self.is_cancelled(self.current()))
    }

    /// The innermost region around the code that runs now.
    pub(crate) fn region_here(&self) -> Option<Rc<Region>> {
        self.here.innermost(self.current()).or_else(|| self.root_region())
    }

    /// The region with whose end the code that runs now may be in nothing cancelled any more, up to the next shield: the nearest one around
    /// that was cancelled itself, which waits for the next in turn; or what a clean-up point guards, as its clean-up is shielded.
    pub(crate) fn nearest_cancelled(&self) -> Option<Rc<Region>> {
        let mut next = self.here.nearest();
        while let Some(region) = next {
            match region.kind() {
                Kind::Shielded => return None,
                Kind::Guarded if region.is_outer_cancelled() => return Some(region),
                _ if region.reason().is_some() => return Some(region),
                _ => next = region.around(),
            }
        }
        if self.is_cancelled(self.current()) { self.root_region() } else { None }
    }
}

/// Was something cancelled that the running code will be stopped for, at its next suspension or when it is done with what it
/// does in a shield?
///
/// Code of a shield's or of clean-up can ask whether to hurry; it is woken when the answer becomes yes. It hears of what is around
/// that shield, up to the next one, which shields it from this question too; and so does code in a scope inside a shield. The
/// answer is the reason; `None` is no.
///
/// ```
/// use evenkeel::{CancelReason, cancel::cancel_requested, run, shield, spawn, yield_now};
/// use std::future::poll_fn;
///
/// run(async {
///     let saver = spawn(shield(async {
///         let mut saved = 0;
///         while cancel_requested().is_none() {
///             saved += 1;
///             yield_now().await;
///         }
///         assert_eq!(cancel_requested(), Some(CancelReason::from("enough")));
///         saved
///     }));
///     yield_now().await;
///     saver.cancel("enough");
///     assert_eq!(saver.await.unwrap(), 1);
/// });
/// ```
pub fn cancel_requested() -> Option<CancelReason> {
    enter::with_current(|core| {
        let tasks = &core?.tasks;
        let frames = tasks.here.frames.borrow();
        match frames.iter().rev().find_map(|frame| frame.region.as_ref()) {
            Some(region) => region.requested(),
            None => tasks.reason_of(tasks.current()),
        }
    })
}

/// Is the future that is being dropped now dropped because its clean-up has taken too long? For destructors of those who build
/// scopes: what belongs to them is to be stopped hard then too.
pub fn is_stopping_hard() -> bool {
    enter::with_current(|core| core.is_some_and(|core| core.tasks.is_stopping_hard()))
}

/// Takes the panic in clean-up that waits in the running task for the rest of its clean-up, and would be the task's outcome. For
/// those who own tasks and have another use for it.
pub fn take_cleanup_panic() -> Option<Box<dyn std::any::Any + Send>> {
    enter::with_current(|core| core?.tasks.root_region()?.take_panic()).map(Held::into_payload)
}

/// Gives up every shield and every clean-up that the running code stands in, up to the scope with that token (or up to the task's
/// root scope, without one): when this poll is over, they are dropped as they are, and reported as skipped.
///
/// For those who build combinators and find that what is awaited here can never come, so that a shield around it would wait for
/// ever.
pub fn open_shields(up_to: Option<&CancelToken>) {
    enter::with_current(|core| {
        let Some(core) = core else { return };
        for region in core.tasks.here.regions().into_iter().rev() {
            if up_to.is_some_and(|token| Rc::ptr_eq(&token.0, &region)) {
                return;
            }
            region.open();
        }
    });
}

/// How many scopes and clean-up points the running code stands in, within its task: a mark for [`open_shields_above`].
pub fn shield_depth() -> usize {
    enter::with_current(|core| core.map_or(0, |core| core.tasks.here.frames.borrow().len()))
}

/// [`open_shields`] up to where [`shield_depth`] was `depth`, for combinators that have no token.
pub fn open_shields_above(depth: usize) {
    enter::with_current(|core| {
        let Some(core) = core else { return };
        let above =
            core.tasks.here.frames.borrow().iter().skip(depth).filter_map(|frame| frame.region.clone()).collect();
        let above: Vec<Rc<Region>> = above;
        above.iter().for_each(|region| region.open());
    });
}

/// A region that was used before.
#[inline]
pub(crate) fn spare_region() -> Option<Rc<Region>> {
    enter::with_current(|core| core?.tasks.here.spare.borrow_mut().pop())
}

/// What a region that was used before had.
pub(crate) fn spare_inner() -> Option<Box<Inner>> {
    enter::with_current(|core| core?.tasks.here.spare_inner.borrow_mut().pop())
}

/// Keeps what a region had, in which nothing is any more, for another region.
pub(crate) fn keep_spare_inner(inner: Box<Inner>) {
    /// As for regions; some hundred bytes each.
    const MOST: usize = 64;
    enter::with_current(|core| {
        let Some(core) = core else { return };
        let mut spare = core.tasks.here.spare_inner.borrow_mut();
        if spare.len() < MOST {
            spare.push(inner);
        }
    });
}

/// Nobody has that region any more.
#[inline]
pub(crate) fn keep_spare_region(region: &Rc<Region>) {
    /// As many as a crowd of tasks may be waiting with a timeout each; 200 bytes each.
    const MOST: usize = 256;
    enter::with_current(|core| {
        let Some(core) = core else { return };
        let mut spare = core.tasks.here.spare.borrow_mut();
        if spare.len() < MOST {
            spare.push(region.clone());
        }
    });
}

/// Why that task's root scope was cancelled, whoever asks: its executor need not be the current one.
pub(crate) fn reason_of_task(task: Number) -> Option<CancelReason> {
    Core::of(task)?.tasks.reason_of(task)
}

/// Was that task's root scope cancelled?
pub(crate) fn is_task_cancelled(task: Number) -> bool {
    Core::of(task).is_some_and(|core| core.tasks.is_cancelled(task))
}

/// The root scope's region of a task that is running.
pub(crate) fn root_region_of(task: Number) -> Option<Rc<Region>> {
    enter::with_current(|core| core.filter(|core| core.tasks.current() == task)?.tasks.root_region())
}

/// Calls `f` with the executor that polls now.
#[inline]
pub(crate) fn polled_by<R>(what: &str, f: impl FnOnce(&Core) -> R) -> R {
    enter::with_current(|core| match core {
        Some(core) => f(core),
        None => no_executor(what),
    })
}

#[cold]
fn no_executor(what: &str) -> ! {
    panic!("{what} was polled outside an executor: await it in a future that evenkeel::run drives")
}
