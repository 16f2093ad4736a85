//! The tasks of one executor, and every change of state that they go through: spawned, woken, polled, stopped, ended,
//! freed. Whoever wants to watch tasks (or count them) finds the one place for each here.
//!
//! ```text
//!            admit                  step                wake
//!   (none) ───────► queued, fresh ───────► being polled ◄──────┐
//!                        ▲                  │        │         │
//!                        │ wake             │pending │ready    │ step
//!                        │                  ▼        │         │
//!                      waiting ◄────────────┘        │       queued
//!                        │ wake ───────────────────► │ ──────► ▲
//!                        │ request ─► queued, to be stopped    │
//!                        │                  │ step             │
//!                        │                  ▼                  │
//!                        └──────────────► ended ──(no handle, not queued)──► (none)
//! ```

use crate::{
    core::Core,
    outcome::{
        join_error::Panic,
        reason::CancelReason,
        task_state::TaskState,
        unhandled::{Unhandled, UnhandledKind, Unhandler},
    },
    raw::number::{MAX_SLOTS, Number},
    region::{
        drive::{Verdict, decide},
        held::Held,
        here::{Here, new_epoch},
        region::Region,
    },
    wake::{
        inbox::Inbox,
        seats::{Called, Seats},
        wake_set::child_of,
    },
};
use crate::{
    raw::{
        block::{Block, Header, SpareExtras, Stage},
        pool::{KEPT_PER_CLASS, Pool, Size},
        ready::Ready,
        table::{Full, Table, Turn, flag::*},
        waker,
    },
    task::handle::RawTask,
};
use std::{
    any::Any,
    cell::Cell,
    panic::{AssertUnwindSafe, Location, catch_unwind},
    ptr::NonNull,
    rc::{Rc, Weak},
    task::{Context, Poll, Waker},
};

pub(crate) struct Tasks {
    pub(super) table: Table,
    pub(crate) ready: Ready,
    /// The children that live inside their owners' futures.
    pub(crate) seats: Rc<Seats>,
    /// The task that is being polled, or was last.
    pub(super) current: Cell<Number>,
    /// Tasks that have not ended.
    pub(super) live: Cell<usize>,
    /// How many more tasks that destructors spawn are stopped at the end.
    pub(super) patience: Cell<usize>,
    /// What is unusual about spawning now: flags of [`mode`].
    pub(super) mode: Cell<u8>,
    pub(crate) inbox: &'static Inbox,
    /// What these tasks are part of. A handle's call may end in a hook that drops the executor: it keeps this meanwhile.
    pub(crate) core: Weak<Core>,
    pub(super) pool: Pool,
    pub(super) spare: SpareExtras,
    /// Where the task that is being polled stands in its tree of scopes.
    pub(crate) here: Here,
    /// What is dropped now has been reported, or was asked to end without clean-up.
    pub(super) quiet: Cell<bool>,
    pub(crate) unhandler: Unhandler,
}

/// What makes spawning leave the straight path.
pub(super) mod mode {
    /// No frame up the stack drives the executor. Its host may sleep, and must be told of new work.
    pub(in crate::task) const IDLE: u8 = 1;
    /// New tasks are cancelled from birth.
    pub(in crate::task) const CLOSING: u8 = 2;
    /// The same, also for what clean-up spawns.
    pub(in crate::task) const ENDING: u8 = 8;
    /// The executor ends, and what asks whether it takes tasks is told no.
    pub(in crate::task) const ENDED: u8 = 16;
    /// Some task has, or had, a task-local that children inherit.
    pub(in crate::task) const INHERITS: u8 = 4;
}

/// How hard a task is to be stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stop {
    /// Cancel its root scope: it is polled once more if it had been woken.
    Cancel,
    /// Drop it.
    Abort,
}

/// How a task ended that has no value.
pub(super) enum End {
    Cancelled,
    Panicked(Box<dyn Any + Send>),
}

impl Tasks {
    pub(crate) fn new(
        first: Number,
        limit: usize,
        inbox: &'static Inbox,
        core: Weak<Core>,
        unhandler: Unhandler,
    ) -> Tasks {
        Tasks {
            table: Table::new(first, limit),
            ready: Ready::new(),
            seats: Rc::new(Seats::new(first)),
            patience: Cell::new(crate::task::end::PATIENCE),
            current: Cell::new(Number::NONE),
            live: Cell::new(0),
            mode: Cell::new(mode::IDLE),
            inbox,
            core,
            pool: Pool::new(),
            spare: SpareExtras::default(),
            here: Here::default(),
            quiet: Cell::new(false),
            unhandler,
        }
    }

    // ---- spawned

    /// Makes a task of `future` and queues it.
    #[inline]
    pub(crate) fn spawn<F: Future + 'static>(
        &self,
        future: F,
        location: &'static Location<'static>,
    ) -> Result<RawTask<F::Output>, Full> {
        // SAFETY: the future is `'static`.
        unsafe { self.admit(future, location) }
    }

    /// Makes a task of `future` and queues it.
    ///
    /// # Safety
    ///
    /// `F` is `'static`, or the task has ended and its output was taken before anything that `F` borrows is gone.
    #[inline]
    pub(crate) unsafe fn admit<F: Future>(
        &self,
        future: F,
        location: &'static Location<'static>,
    ) -> Result<RawTask<F::Output>, Full> {
        let size = &Block::<F>::SIZE;
        let (memory, slot) = match self.pool.take(size) {
            Some(recycled) => recycled,
            None => self.fresh(size)?,
        };
        // SAFETY: the memory has this size, and nobody else has it.
        let block = unsafe { Block::write(memory, future, location, self.current.get(), slot) };
        self.table.occupy(slot, QUEUED | WOKEN | FRESH);
        self.live.set(self.live.get() + 1);
        self.ready.push(slot);
        if self.mode.get() != 0 {
            self.admit_unusual(block);
        }
        // SAFETY: the block was made for this output type, its handle flag is set, and this is the only handle.
        Ok(unsafe { RawTask::new(block, self) })
    }

    /// A new block, with a slot.
    #[cold]
    pub(super) fn fresh(&self, size: &Size) -> Result<(NonNull<u8>, u32), Full> {
        let attach = || self.table.attach(MAX_SLOTS - self.seats.len(), || size.alloc());
        let made = attach().or_else(|_| {
            // Slots may lie idle with recycled blocks of other sizes.
            self.trim_to(0);
            attach()
        })?;
        self.ready.reserve(self.table.len());
        Ok(made)
    }

    #[cold]
    fn admit_unusual(&self, block: NonNull<Header>) {
        // While the executor closes, a task that runs and is not cancelled was spawned by clean-up, or is in the middle of it.
        let is_clean_up = || self.table.find(self.current.get()).is_some() && !self.is_cancelled_here();
        if self.has(mode::ENDING) || (self.has(mode::CLOSING) && !is_clean_up()) {
            self.request(block, Stop::Cancel, CancelReason::Shutdown);
        }
        if self.has(mode::INHERITS) {
            // SAFETY: the block was made just now.
            self.inherit(unsafe { block.as_ref() });
        }
        self.tell_host();
    }

    pub(super) fn has(&self, flag: u8) -> bool {
        self.mode.get() & flag != 0
    }

    pub(super) fn set_mode(&self, flag: u8, on: bool) {
        let rest = self.mode.get() & !flag;
        self.mode.set(if on { rest | flag } else { rest });
    }

    /// Does some frame up the stack drive this executor?
    pub(crate) fn set_driven(&self, driven: bool) {
        self.set_mode(mode::IDLE, !driven);
    }

    /// Some task has a value that its children inherit.
    pub(crate) fn set_inherits(&self) {
        self.set_mode(mode::INHERITS, true);
    }

    /// Hands the parent's inheritable task-locals down.
    pub(super) fn inherit(&self, child: &Header) {
        let Some(parent) = self.table.find(child.parent) else {
            return;
        };
        // SAFETY: `find` returns blocks that live.
        let parent = unsafe { parent.as_ref() };
        if let Some(locals) = parent.peek_extras(|extras| extras.locals.for_child()).flatten() {
            child.with_extras(|extras| extras.locals = locals);
        }
    }

    // ---- woken

    /// Queues the task of that number if it is ours and waits.
    #[inline(always)]
    pub(crate) fn wake_waiting(&self, number: Number) -> bool {
        let waiting = self.table.wake_waiting(number);
        if waiting {
            self.ready.push(number.slot() as u32);
        }
        waiting
    }

    /// Wakes the task of that number if it is ours, for tasks that [`Tasks::wake_waiting`] does not find: those that are
    /// queued already, or wait for their clean-up, and for children that live inside a task.
    pub(crate) fn wake_unusual(&self, number: Number) -> Called {
        if number.slot() >= self.table.len() {
            return self.seats.wake(number);
        }
        if self.table.wake_unusual(number) {
            self.ready.push(number.slot() as u32);
        }
        if number.executor() == self.table.executor() { Called::Done } else { Called::Elsewhere }
    }

    /// Wakes the task that an entry of the inbox names, perhaps just by its slot.
    pub(crate) fn wake_entry(&self, entry: Number) {
        if entry.slot() >= self.table.len() {
            return child_of(&self.seats, entry).map_or((), waker::wake_number);
        }
        let number = if entry.generation() == 0 {
            let Some((number, _)) = self.table.occupant(entry.slot()) else {
                return;
            };
            number
        } else {
            entry
        };
        if !self.wake_waiting(number) {
            self.wake_unusual(number);
        }
    }

    // ---- polled

    /// Takes the oldest task from the ready queue and does what is due with it. Unwinds if the task's future panics:
    /// [`Tasks::recover`] must be called then.
    #[inline(always)]
    pub(crate) fn step(&self) {
        match self.table.dequeue(self.ready.pop() as usize) {
            Turn::Poll(block, number) => {
                if self.poll(block, number) {
                    self.finish(block);
                }
            }
            Turn::Unusual(block, number, flags) => self.step_unusual(block, number, flags),
        }
    }

    /// [`Tasks::step`]; `true` if the task woke itself meanwhile.
    pub(crate) fn step_is_restless(&self) -> bool {
        let slot = self.ready.front();
        let number = |occupant: Option<(Number, NonNull<Header>)>| occupant.map(|(number, _)| number);
        let before = number(self.table.occupant(slot as usize));
        self.step();
        let flags = self.table.flags(slot);
        let is_waiting_to_be_stopped = flags & (DONE | ABORT) != 0 || flags & (CANCEL | CLEANING) == CANCEL;
        before == number(self.table.occupant(slot as usize)) && flags & QUEUED != 0 && !is_waiting_to_be_stopped
    }

    #[inline(always)]
    fn poll(&self, block: NonNull<Header>, number: Number) -> bool {
        self.current.set(number);
        let waker = waker::waker(number);
        self.poll_with(block, &mut Context::from_waker(&waker))
    }

    #[inline(always)]
    pub(super) fn poll_with(&self, block: NonNull<Header>, cx: &mut Context<'_>) -> bool {
        // SAFETY: the block lives (its slot was queued and not `DONE`), so its stage is `Future`. Nobody else polls it: a
        // slot is polled only from here, and it is in the queue once. It is not freed meanwhile, as it has not ended.
        unsafe { (block.as_ref().vtable.poll)(block, cx) }
    }

    /// A task that is to be stopped, or has ended while it was queued.
    #[cold]
    fn step_unusual(&self, block: NonNull<Header>, number: Number, flags: usize) {
        if flags & DONE != 0 {
            // It was woken during its last poll, or stopped in it; nothing is left but to free it.
            return self.free_if_forgotten(block);
        }
        self.current.set(number);
        if flags & (ABORT | FRESH) != 0 || !self.deliver(block, number, flags) {
            self.stop(block, End::Cancelled);
        }
    }

    /// The task's root scope was cancelled. `false`: the task is to be stopped where it is suspended. `true`: a completed
    /// result was not lost, or clean-up is at work.
    fn deliver(&self, block: NonNull<Header>, number: Number, flags: usize) -> bool {
        // SAFETY: the block lives: its task has not ended.
        let head = unsafe { block.as_ref() };
        let root = head.root();
        if root.as_ref().is_some_and(|root| root.has_members()) {
            // From now on it may wait. Without members it hardly ever has to, and a wake-up in its last poll is no concern.
            self.table.set_flags(head.slot, CLEANING);
        } else if flags & (WOKEN | CLEANING) == 0 {
            return false;
        }
        let waker = waker::waker(number);
        let mut cx = Context::from_waker(&waker);
        let mut again = 0;
        loop {
            let reached = self.here.reached();
            let poll = |cx: &mut Context<'_>| if self.poll_with(block, cx) { Poll::Ready(()) } else { Poll::Pending };
            let polled = match head.root() {
                Some(root) => root.while_polled(|| root.poll_inside(self, &mut cx, poll)),
                None => poll(&mut cx),
            };
            if polled.is_ready() {
                self.finish(block);
                return true;
            }
            if self.table.flags(head.slot) & ABORT != 0 {
                // In this poll; it is in the queue again.
                return true;
            }
            let Some(root) = head.root() else { return false };
            match decide(self, &root, reached, again) {
                Verdict::Wait => {}
                Verdict::Again => {
                    again += 1;
                    continue;
                }
                Verdict::Stop => return false,
            }
            let is_begun = self.table.set_flags(head.slot, CLEANING) & CLEANING != 0;
            root.wait(self, &waker, true);
            if !is_begun {
                // The clean-up was begun in this very poll, in which no wake-up has queued the task.
                self.wake_unusual(number);
            }
            return true;
        }
    }

    /// Something below the loop panicked. If it was the future that was being polled, that is its task's outcome; if no
    /// task was being polled, it was a callback of the host's, and the panic goes on to the host.
    #[cold]
    pub(crate) fn recover(&self, payload: Box<dyn Any + Send>) {
        // SAFETY: `find` returns blocks that live.
        let polled =
            self.table.find(self.current.get()).filter(|block| unsafe { block.as_ref() }.stage.get() == Stage::Future);
        match polled {
            Some(block) => self.stop(block, End::Panicked(payload)),
            None => std::panic::resume_unwind(payload),
        }
        self.clear_current();
    }

    // ---- stopped

    /// Asks the loop to stop the task. The first reason stays; a task that has ended stays as it is.
    pub(crate) fn request(&self, block: NonNull<Header>, how: Stop, reason: CancelReason) {
        // SAFETY: callers hold a handle, so the block lives.
        let head = unsafe { block.as_ref() };
        let slot = head.slot;
        let flags = self.table.flags(slot);
        let wanted = if how == Stop::Abort { ABORT } else { CANCEL };
        if flags & (DONE | wanted) != 0 || head.stage.get() != Stage::Future {
            return;
        }
        if flags & (CANCEL | ABORT) == 0 {
            // The first reason stays.
            if matches!(reason, CancelReason::Requested(_)) {
                self.spare.lend(head);
            }
            head.set_reason(reason);
            if how == Stop::Cancel {
                // The scopes inside a task that is being polled find out.
                new_epoch();
            }
        }
        let root = head.root();
        if self.table.set_flags(slot, wanted | QUEUED) & QUEUED == 0 {
            self.ready.push(slot);
            self.tell_host();
        }
        // From here on the block may be gone: a host's callback was called, and these wakers may be foreign.
        if let Some(root) = root {
            root.tell();
        }
    }

    /// There is new work. If nobody drives this executor now, its host may be asleep.
    pub(super) fn tell_host(&self) {
        if self.has(mode::IDLE) {
            self.inbox.poke();
        }
    }

    /// [`Tasks::request`] for a task known by number. `false` if it has ended.
    pub(crate) fn request_number(&self, number: Number, how: Stop, reason: CancelReason) -> bool {
        let Some(block) = self.table.find(number) else { return false };
        // SAFETY: `find` returns blocks that live.
        let lives = !unsafe { block.as_ref() }.stage.get().is_end();
        self.request(block, how, reason);
        lives
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.has(mode::CLOSING)
    }

    /// The executor takes no tasks any more.
    pub(crate) fn has_ended(&self) -> bool {
        self.has(mode::ENDED)
    }

    /// Every task is cancelled, and those that are spawned later are so from birth, unless clean-up spawns them.
    pub(crate) fn close(&self) {
        if self.has(mode::CLOSING) {
            return;
        }
        self.set_mode(mode::CLOSING, true);
        for index in 0..self.table.len() {
            if let Some((_, block)) = self.table.occupant(index) {
                self.request(block, Stop::Cancel, CancelReason::Shutdown);
            }
        }
    }

    /// Every task that has not ended is to be dropped by the loop, and is reported. Returns their names.
    pub(crate) fn abort_all(&self) -> Vec<Box<str>> {
        self.set_mode(mode::ENDING, true);
        self.clear_current();
        let mut stuck = Vec::new();
        for index in 0..self.table.len() {
            let Some((number, block)) = self.table.occupant(index) else { continue };
            // SAFETY: an occupied slot's block lives.
            let head = unsafe { block.as_ref() };
            if head.stage.get() != Stage::Future {
                continue;
            }
            if self.table.flags(head.slot) & (FRESH | CANCEL) == FRESH | CANCEL {
                // A destructor has spawned it, just now: it has no clean-up, and the loop comes to it.
                continue;
            }
            let unhandled = Unhandled::of(head, Some(number), UnhandledKind::GraceExceeded);
            head.with_extras(|extras| extras.overdue = true);
            // The hook may do anything, but not free a task that has not ended: that is for the loop, which waits for us.
            self.request(block, Stop::Abort, CancelReason::Aborted);
            stuck.push(unhandled.task().into());
            self.unhandler.report(unhandled);
        }
        stuck
    }

    /// Stops the task on this stack, if it has not ended. It is not being polled: the caller's frame would be above that.
    #[cold]
    pub(crate) fn stop_now(&self, block: NonNull<Header>) {
        // SAFETY: callers hold a handle, so the block lives.
        let head = unsafe { block.as_ref() };
        if head.stage.get() == Stage::Future {
            head.set_reason(CancelReason::Aborted);
            self.stop(block, End::Cancelled);
        }
    }

    /// Drops the future where it is. Its destructor's panic is the task's outcome, unless there is a panic already.
    pub(super) fn stop(&self, block: NonNull<Header>, mut end: End) {
        // SAFETY: the block lives: its task has not ended.
        let head = unsafe { block.as_ref() };
        debug_assert_eq!(head.stage.get(), Stage::Future);
        head.stage.set(Stage::Ending);
        if let Some(root) = head.root() {
            root.unlink();
        }
        // SAFETY: the stage was `Future`, and from now on nobody will touch the future, also if its destructor panics.
        let dropped = catch_unwind(AssertUnwindSafe(|| unsafe { (head.vtable.drop_future)(block) }));
        if dropped.is_ok() && !head.has_extras() && matches!(end, End::Cancelled) {
            head.stage.set(Stage::Cancelled);
            return self.finish(block);
        }
        // A panic in clean-up has waited for the rest of it.
        let stashed = head.root().and_then(|root| root.take_panic());
        for payload in stashed.into_iter().map(Held::into_payload).chain(dropped.err()) {
            match end {
                End::Cancelled => end = End::Panicked(payload),
                End::Panicked(_) => self.report(head, UnhandledKind::DestructorPanicked(Panic::new(payload))),
            }
        }
        match end {
            End::Cancelled => head.stage.set(Stage::Cancelled),
            End::Panicked(payload) => {
                let panic = Panic::new(payload);
                head.with_extras(|extras| extras.panic = Some(panic));
                head.stage.set(Stage::Panicked);
            }
        }
        self.finish(block);
    }

    // ---- ended

    /// There is an outcome: tells whoever waits for it, or gets rid of it.
    #[inline(always)]
    fn finish(&self, block: NonNull<Header>) {
        // SAFETY: the block lives: it is freed after this at the earliest.
        let head = unsafe { block.as_ref() };
        self.live.set(self.live.get() - 1);
        if head.has_extras() {
            self.finish_extras(head);
        }
        self.table.set_flags(head.slot, DONE);
        if !head.handle.get() {
            return self.let_go(block);
        }
        if let Some(joiner) = head.joiner.take() {
            // From here on the block may be gone: the waker may be one that drops the handle.
            match waker::number_of(&joiner) {
                Some(number) if self.wake_waiting(number) => {}
                _ => self.wake_joiner(joiner),
            }
        }
    }

    /// Drops the task-locals, and reports what came too late for the outcome.
    #[cold]
    fn finish_extras(&self, head: &Header) {
        let Some((locals, mut root, late)) =
            head.peek_extras(|extras| (std::mem::take(&mut extras.locals), extras.root.take(), extras.late.take()))
        else {
            return;
        };
        if let Some(panic) = root.as_ref().and_then(|root| root.take_panic()) {
            self.report(head, UnhandledKind::CleanupPanicked(Panic::new(panic.into_payload())));
        }
        // The region may own wakers of points that have moved away.
        let end = || {
            if let Some(root) = &mut root {
                root.end();
                Region::recycle(root);
            }
            drop((locals, root));
        };
        if let Err(payload) = catch_unwind(AssertUnwindSafe(end)) {
            self.report(head, UnhandledKind::DestructorPanicked(Panic::new(payload)));
        }
        if let Some(panic) = late {
            self.report(head, UnhandledKind::DestructorPanicked(panic));
        }
    }

    /// Wakes a waker that is not ours, and may do anything, also panic; or one of ours that is not waiting here.
    #[cold]
    fn wake_joiner(&self, waker: Waker) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
            self.unhandler.report(Unhandled::new(UnhandledKind::WakerPanicked(Panic::new(payload))));
        }
    }

    /// The task has ended and nobody has a handle: its outcome is dropped or reported, and the task is freed.
    pub(crate) fn let_go(&self, block: NonNull<Header>) {
        // SAFETY: the block lives: it is `DONE` and has not been freed.
        let head = unsafe { block.as_ref() };
        if let Some(joiner) = head.joiner.take() {
            // Its handle was dropped in the middle of the end, by the destructor of a task-local.
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(joiner))) {
                self.report(head, UnhandledKind::WakerPanicked(Panic::new(payload)));
            }
        }
        match head.stage.replace(Stage::Taken) {
            Stage::Value if head.vtable.value_needs_drop => {
                // SAFETY: the stage was `Value`, and now says that nobody will touch it again.
                let dropped = catch_unwind(AssertUnwindSafe(|| unsafe { (head.vtable.drop_value)(block) }));
                if let Err(payload) = dropped {
                    self.report(head, UnhandledKind::DestructorPanicked(Panic::new(payload)));
                }
            }
            Stage::Panicked => {
                if let Some(panic) = head.peek_extras(|extras| extras.panic.take()).flatten() {
                    self.report(head, UnhandledKind::TaskPanicked(panic));
                }
            }
            _ => {}
        }
        self.free_if_forgotten(block);
    }

    // ---- freed

    /// Frees block and slot if the task has ended, no handle is left, and the slot is not in the ready queue.
    #[inline(always)]
    pub(crate) fn free_if_forgotten(&self, block: NonNull<Header>) {
        // SAFETY: the block lives, being still in its slot.
        let head = unsafe { block.as_ref() };
        if head.handle.get() || !self.table.vacate_if_done(head.slot) {
            return;
        }
        if head.has_extras() || !head.vtable.size.is_recycled() {
            return self.free_unusual(block);
        }
        // SAFETY: the payload is gone (every way here has taken or dropped it), and so is what the header owned. No handle
        // and no number leads to the block any more, so it can be given back.
        unsafe { self.pool.give(block.cast(), head.slot, &head.vtable.size) }
    }

    #[cold]
    fn free_unusual(&self, block: NonNull<Header>) {
        // SAFETY: the block lives, and its slot is vacant, so that nothing else leads to it.
        unsafe {
            let (slot, size) = (block.as_ref().slot, &block.as_ref().vtable.size);
            self.spare.take_back(block.as_ref());
            drop_header(block);
            if size.is_recycled() {
                self.pool.give(block.cast(), slot, size);
            } else {
                self.table.detach(slot);
                size.free(block.cast());
            }
        }
    }

    // ---- seen from outside

    pub(crate) fn executor(&self) -> usize {
        self.table.executor()
    }

    pub(crate) fn current(&self) -> Number {
        self.current.get()
    }

    /// No task is being polled any more.
    pub(crate) fn clear_current(&self) {
        self.current.set(Number::NONE);
    }

    /// How many slots there are, for tasks.
    pub(crate) fn slots(&self) -> usize {
        self.table.len()
    }

    pub(crate) fn live(&self) -> usize {
        self.live.get()
    }

    /// Calls `f` with the header of the task of that number, if it still has its slot. `f` runs no user code.
    pub(crate) fn with_header<R>(&self, number: Number, f: impl FnOnce(&Header) -> R) -> Option<R> {
        let block = self.table.find(number)?;
        // SAFETY: `find` returns blocks that live, and `f` runs no code that could free this one.
        Some(f(unsafe { block.as_ref() }))
    }

    /// Was that task's root scope cancelled?
    #[inline]
    pub(crate) fn is_cancelled(&self, number: Number) -> bool {
        self.table.is_flagged(number, CANCEL)
    }

    /// Why it was.
    pub(crate) fn reason_of(&self, number: Number) -> Option<CancelReason> {
        if self.is_cancelled(number) { self.with_header(number, Header::reason).flatten() } else { None }
    }

    /// A group's grace period is over: the task is to be dropped, and is reported.
    pub(crate) fn end_grace(&self, number: Number) {
        let unhandled =
            self.with_header(number, |head| Unhandled::of(head, Some(number), UnhandledKind::GraceExceeded));
        self.with_header(number, |head| head.with_extras(|extras| extras.overdue = true));
        if self.request_number(number, Stop::Abort, CancelReason::Aborted) {
            unhandled.into_iter().for_each(|unhandled| self.unhandler.report(unhandled));
        }
    }

    /// The running task's root scope as a region, unless the task has ended.
    pub(crate) fn root_region(&self) -> Option<Rc<Region>> {
        let number = self.current.get();
        let root = |head: &Header| {
            if head.stage.get().is_end() {
                return None;
            }
            head.root().or_else(|| {
                self.spare.lend(head);
                let root = Region::root_of(number);
                head.with_extras(|extras| extras.root = Some(root.clone()));
                Some(root)
            })
        };
        self.with_header(number, root).flatten()
    }

    /// Calls `drop`; clean-up that is skipped in it is not reported.
    pub(crate) fn quietly(&self, drop: impl FnOnce()) {
        struct Loud<'a>(&'a Cell<bool>, bool);
        impl Drop for Loud<'_> {
            fn drop(&mut self) {
                self.0.set(self.1);
            }
        }
        let _loud = Loud(&self.quiet, self.quiet.replace(true));
        drop();
    }

    pub(crate) fn is_stopping_hard(&self) -> bool {
        let is_overdue = |head: &Header| head.peek_extras(|extras| extras.overdue).unwrap_or(false);
        self.quiet.get() || self.with_header(self.current.get(), is_overdue).unwrap_or(false)
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet.get() || self.table.is_flagged(self.current.get(), ABORT)
    }

    pub(crate) fn state(&self, head: &Header) -> TaskState {
        let flags = self.table.flags(head.slot);
        match (head.stage.get(), flags & CLEANING != 0, flags & (CANCEL | ABORT) != 0) {
            (stage, ..) if stage.is_end() => TaskState::Ended,
            (Stage::Ending, ..) => TaskState::CleaningUp,
            (_, true, _) => TaskState::CleaningUp,
            (_, false, true) => TaskState::CancelRequested,
            _ => TaskState::Running,
        }
    }

    /// Reports something in the name of the task that is running, if there is one.
    pub(crate) fn report_here(&self, kind: UnhandledKind) {
        let number = self.current.get();
        let mut kind = Some(kind);
        let named = self.with_header(number, |head| Some(Unhandled::of(head, Some(number), kind.take()?))).flatten();
        if let Some(unhandled) = named.or_else(|| kind.map(Unhandled::new)) {
            self.unhandler.report(unhandled);
        }
    }

    pub(crate) fn report(&self, head: &Header, kind: UnhandledKind) {
        self.unhandler.report(Unhandled::of(head, self.number(head), kind));
    }

    pub(crate) fn number(&self, head: &Header) -> Option<Number> {
        self.table.occupant(head.slot as usize).map(|(number, _)| number)
    }

    /// The executor has nothing to do: memory that it does not need goes back.
    pub(crate) fn trim(&self) {
        self.trim_to(KEPT_PER_CLASS);
        self.here.trim();
    }

    fn trim_to(&self, bytes: usize) {
        self.pool.trim(bytes, |slot| self.table.detach(slot));
    }
}

/// Drops what the header owns.
///
/// # Safety
///
/// The block lives, and its header is not used afterwards.
pub(crate) unsafe fn drop_header(block: NonNull<Header>) {
    // SAFETY: the caller's promise. No user code runs: a joiner's waker and an unread panic were taken out before, on every
    // path that leads here.
    unsafe {
        debug_assert!(block.as_ref().joiner.take().is_none());
        block.drop_in_place();
    }
}
