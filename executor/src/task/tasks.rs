//! The tasks of one executor: how they are asked to stop, and seen from outside.
//!
//! Every change of state that a task goes through is a function of [`Tasks`], here or in a file above. Whoever wants to watch tasks (or
//! count them) finds the one place for each.
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
    entered::Entries,
    outcome::{
        attach_error::AttachError,
        reason::CancelReason,
        unhandled::{REPORT, Report, Unhandled, UnhandledKind, Unhandler},
    },
    outside::polled_outside,
    park::Park,
    raw::lent::OnThread,
    raw::{block::Stage, blocks::Blocks, lent::Lent, number::Number, owned::Handle, ready::Ready, tag::flag::*},
    region::{
        epoch::new_epoch,
        here::Here,
        region::Region,
        spare::{SPARE, Spare},
    },
    task::header::{Header, Live, Meta, PlainReason, SpareExtras},
    wake::{
        calls::Calls,
        inbox::Inbox,
        seats::Seats,
        wake::{SEATS, SLOTS},
    },
};
use std::{
    any::Any,
    cell::{Cell, RefCell},
    mem::ManuallyDrop,
    panic::Location,
    rc::{Rc, Weak},
    sync::Arc,
};

/// A task's handle, with its output's type.
pub(crate) type RawTask<T> = Handle<T, Meta>;

pub(crate) struct Tasks {
    pub(super) blocks: Blocks<Meta>,
    /// The children that live inside their owners' futures.
    pub(super) seats: Rc<Seats>,
    /// The task that is being polled, or was last.
    pub(super) current: Cell<Number>,
    /// Tasks that have not ended.
    pub(super) live: Cell<usize>,
    /// How many more tasks that destructors spawn are stopped at the end.
    pub(super) patience: Cell<usize>,
    /// What is unusual about spawning now: flags of [`mode`].
    pub(super) mode: Cell<u8>,
    /// Where the call stands that drives this executor now.
    driver: Cell<Option<&'static Location<'static>>>,
    pub(crate) inbox: &'static Inbox,
    /// What these tasks are part of. A handle's call may end in a hook that drops the executor: it keeps this meanwhile.
    pub(crate) whole: Weak<dyn Whole>,
    pub(super) spare: SpareExtras,
    spare_regions: Spare,
    /// Where the task that is being polled stands in its tree of scopes.
    pub(crate) here: Here,
    /// What is dropped now has been reported, or was asked to end without clean-up.
    quiet: Cell<bool>,
    pub(crate) unhandler: Unhandler,
}

/// An executor, as its tasks know it.
pub(crate) trait Whole {
    fn tasks(&self) -> &Tasks;

    /// What other threads want of it.
    fn calls(&self) -> &Arc<Calls>;

    /// The driver that was attached to it.
    fn driver(&self) -> Option<Rc<dyn Any>>;

    /// Parks in that from now on.
    fn attach_driver(&self, driver: Rc<dyn Any>, park: Box<dyn Park>) -> Result<(), AttachError>;

    /// One of `0..n`: the order in which children that live in place are polled first. In the long run each has the same share.
    fn choose_order(&self, n: usize) -> usize;

    /// One of `0..n`, at random. On each executor it is another one, unless its runs are to be repeated.
    fn choose_jitter(&self, n: usize) -> usize;
}

thread_local! {
    /// The tasks of the executor whose code runs on this thread.
    pub(crate) static TASKS: Lent<Tasks> = const { Lent::none() };
    /// Whose tasks are the current ones where no executor's code runs.
    pub(crate) static ENTERED: Entries<dyn Whole> = const { Entries::none() };
    /// This thread's executors. Like every thread-local here it has no destructor, so that it is there to the very end of its thread,
    /// for executors in other thread-locals' destructors; when it is empty it holds no memory.
    static ALL: RefCell<ManuallyDrop<Vec<Weak<dyn Whole>>>> = const { RefCell::new(ManuallyDrop::new(Vec::new())) };
}

/// The executor that was entered, for code that none runs.
#[cold]
pub(crate) fn entered() -> Option<Rc<dyn Whole>> {
    ENTERED.with(Entries::current).filter(|whole| !whole.tasks().has_ended())
}

/// The executor of this thread that the task of that number belongs to: the current one as a rule.
pub(crate) fn of(number: Number) -> Option<Rc<dyn Whole>> {
    let is_its = |tasks: &Tasks| tasks.executor() == number.executor();
    let current = TASKS.look(|tasks| tasks.filter(|tasks| is_its(tasks))?.whole.upgrade());
    let find = || ALL.with_borrow(|all| all.iter().filter_map(Weak::upgrade).find(|whole| is_its(whole.tasks())));
    current.or_else(find)
}

/// Calls `f` with the tasks of the executor that polls now.
#[inline]
#[track_caller]
pub(crate) fn polled_by<R>(what: &str, f: impl FnOnce(&Tasks) -> R) -> R {
    // Asked first, so that there is nothing left to tell apart in what `f` returns.
    if !TASKS.look(|tasks| tasks.is_some()) {
        polled_outside(what);
    }
    TASKS.look(|tasks| f(tasks.expect("there are tasks: nothing has run since")))
}

/// An executor lives on this thread.
pub(crate) fn begin(whole: Weak<dyn Whole>) {
    ALL.with_borrow_mut(|all| all.push(whole));
}

/// The executor lives no more.
pub(crate) fn end(executor: &Weak<dyn Whole>) {
    ALL.with_borrow_mut(|all| {
        all.retain(|one| !Weak::ptr_eq(one, executor));
        if all.is_empty() {
            **all = Vec::new();
        }
    });
}

/// What makes spawning leave the straight path.
pub(super) mod mode {
    /// No frame up the stack drives the executor. Its host may sleep, and must be told of new work.
    pub(crate) const IDLE: u8 = 1;
    /// New tasks are cancelled from birth.
    pub(crate) const CLOSING: u8 = 2;
    /// New tasks are cancelled from birth, also those that clean-up spawns.
    pub(crate) const ENDING: u8 = 8;
    /// The executor ends, and what asks whether it takes tasks is told no.
    pub(crate) const ENDED: u8 = 16;
    /// Some task has, or had, a task-local that children inherit.
    pub(crate) const INHERITS: u8 = 4;
}

/// How hard a task is to be stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stop {
    /// Cancel its root scope: it is polled once more if it had been woken.
    Cancel,
    /// Drop it.
    Abort,
}

/// Destructors may spawn tasks whose destructors spawn others, and so on. So many of those are stopped while an executor ends; what
/// comes then is never dropped, so that the end has one.
const PATIENCE: usize = 1 << 20;

impl Tasks {
    pub(crate) fn new(
        first: Number,
        limit: usize,
        inbox: &'static Inbox,
        whole: Weak<dyn Whole>,
        unhandler: Unhandler,
    ) -> Tasks {
        let seats = Rc::new(Seats::new(first));
        Tasks {
            blocks: Blocks::new(first, limit),
            here: Here::new(seats.clone()),
            seats,
            patience: Cell::new(PATIENCE),
            current: Cell::new(Number::NONE),
            live: Cell::new(0),
            mode: Cell::new(mode::IDLE),
            driver: Cell::new(None),
            inbox,
            whole,
            spare: SpareExtras::default(),
            spare_regions: Spare::new(),
            quiet: Cell::new(false),
            unhandler,
        }
    }

    /// Calls `f`. Meanwhile these are the current tasks of this thread.
    pub(crate) fn enter<R>(&self, f: impl FnOnce() -> R) -> R {
        let reported = || REPORT.enter(self, || TASKS.enter(self, f));
        SLOTS.enter(&self.blocks.slots, || SEATS.enter(&self.seats, || SPARE.enter(&self.spare_regions, reported)))
    }

    /// The tasks that are ready, the oldest first.
    #[inline(always)]
    pub(crate) fn ready(&self) -> &Ready {
        &self.blocks.slots.ready
    }

    // ---- what is unusual

    pub(super) fn has(&self, flag: u8) -> bool {
        self.mode.get() & flag != 0
    }

    pub(super) fn set_mode(&self, flag: u8, on: bool) {
        let rest = self.mode.get() & !flag;
        self.mode.set(if on { rest | flag } else { rest });
    }

    /// Where the call stands that drives this executor now, if one does.
    pub(crate) fn driver(&self) -> Option<&'static Location<'static>> {
        self.driver.get()
    }

    /// Notes where the call stands, up the stack, that drives this executor from now on; `None` if nobody does.
    pub(crate) fn set_driver(&self, driver: Option<&'static Location<'static>>) {
        self.driver.set(driver);
        self.set_mode(mode::IDLE, driver.is_none());
    }

    /// Some task has a value that its children inherit.
    pub(crate) fn set_inherits(&self) {
        self.set_mode(mode::INHERITS, true);
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.has(mode::CLOSING)
    }

    /// The executor takes no tasks any more.
    pub(crate) fn has_ended(&self) -> bool {
        self.has(mode::ENDED)
    }

    // ---- asked to stop

    /// Asks the loop to stop the task. The first reason stays; a task that has ended stays as it is. Whether the task is polled once more
    /// is decided now, by whether it was woken: see [`step_unusual`](Tasks::step_unusual).
    ///
    /// The block may be freed before this is over, by what a host's callback does. So nothing here has a reference into it across calls:
    /// a `Live` is one to the pointer.
    #[inline(always)]
    pub(crate) fn request(&self, task: &Live, how: Stop, reason: CancelReason) {
        match (how, PlainReason::of(&reason)) {
            (_, PlainReason::Other) => self.request_with_data(task, how, reason),
            (Stop::Cancel, plain) => self.cancel_plainly(task, plain),
            (Stop::Abort, plain) => self.abort_plainly(task, plain),
        }
    }

    /// [`Tasks::request`] for a reason that carries no data.
    #[inline(never)]
    fn cancel_plainly(&self, task: &Live, reason: PlainReason) {
        self.request_noting(task, Stop::Cancel, || task.set_reason(reason));
    }

    /// [`Tasks::request`] for a reason that carries no data.
    #[inline(never)]
    fn abort_plainly(&self, task: &Live, reason: PlainReason) {
        self.request_noting(task, Stop::Abort, || task.set_reason(reason));
    }

    #[inline(never)]
    fn request_with_data(&self, task: &Live, how: Stop, reason: CancelReason) {
        self.request_noting(task, how, || task.set_reason_with_data(&self.spare, reason));
    }

    /// `note` notes the reason.
    #[inline(always)]
    fn request_noting(&self, task: &Live, how: Stop, note: impl FnOnce()) {
        let flags = task.flags();
        let mut wanted = if how == Stop::Abort { ABORT } else { CANCEL };
        if flags & (DONE | wanted) != 0 || task.stage() != Stage::Future {
            return;
        }
        if flags & (CANCEL | ABORT) == 0 {
            // The first reason stays.
            note();
            if how == Stop::Cancel {
                // The scopes inside a task that is being polled find out.
                new_epoch();
            }
        }
        if how == Stop::Cancel && flags & WOKEN == 0 && self.inbox.is_pending() && self.is_in_inbox(task) {
            // It was woken from elsewhere, before this request, and that was not taken yet.
            wanted |= WOKEN;
        }
        if task.has_root() {
            return self.queue_and_tell(task, wanted);
        }
        if !self.blocks.set_flags_and_queue(task, wanted) {
            self.tell_host();
        }
    }

    /// Has a wake-up for the task come from elsewhere, perhaps?
    #[cold]
    #[inline(never)]
    fn is_in_inbox(&self, task: &Header) -> bool {
        self.inbox.may_wake(task.number())
    }

    /// Sets flags of a task, queues it, and tells those who have registered in its root scope.
    #[cold]
    #[inline(never)]
    fn queue_and_tell(&self, task: &Live, flags: u8) {
        let root = task.root();
        if !self.blocks.set_flags_and_queue(task, flags) {
            self.tell_host();
        }
        // From here on the block may be gone: a host's callback was called, and these wakers may be foreign.
        if let Some(root) = root {
            root.tell();
        }
    }

    /// There is new work. If nobody drives this executor now, its host may be asleep.
    #[inline]
    pub(super) fn tell_host(&self) {
        if self.has(mode::IDLE) {
            self.poke_host();
        }
    }

    #[cold]
    #[inline(never)]
    fn poke_host(&self) {
        self.inbox.poke();
    }

    /// [`Tasks::request`] for a task known by number. `false` if it has ended.
    pub(crate) fn request_number(&self, number: Number, how: Stop, reason: CancelReason) -> bool {
        let Some(task) = self.blocks.find(number) else { return false };
        let lives = !task.stage().is_end();
        self.request(&task, how, reason);
        lives
    }

    /// A group's grace period is over: the task is to be dropped, and is reported.
    pub(crate) fn end_grace(&self, number: Number) {
        let overdue = |task: &Header| {
            task.with_extras(|extras| extras.overdue = true);
            task.unhandled(Some(number), UnhandledKind::GraceExceeded)
        };
        let unhandled = self.with_header(number, overdue);
        if self.request_number(number, Stop::Abort, CancelReason::Aborted) {
            unhandled.into_iter().for_each(|unhandled| self.unhandler.report(unhandled));
        }
    }

    // ---- seen from outside

    pub(crate) fn executor(&self) -> usize {
        self.blocks.slots.executor()
    }

    pub(crate) fn current(&self) -> Number {
        self.current.get()
    }

    /// No task is being polled any more.
    pub(crate) fn clear_current(&self) {
        self.current.set(Number::NONE);
    }

    /// Calls host's code within a task's poll: meanwhile no task is being polled.
    pub(crate) fn without_current<R>(&self, f: impl FnOnce() -> R) -> R {
        let current = self.current.replace(Number::NONE);
        let result = f();
        self.current.set(current);
        result
    }

    pub(crate) fn live(&self) -> usize {
        self.live.get()
    }

    /// Calls `f` with the header of the task of that number, if it still has its slot. `f` runs no user code.
    pub(super) fn with_header<R>(&self, number: Number, f: impl FnOnce(&Header) -> R) -> Option<R> {
        Some(f(&*self.blocks.find(number)?))
    }

    /// Was that task's root scope cancelled?
    #[inline]
    pub(crate) fn is_cancelled(&self, number: Number) -> bool {
        self.blocks.slots.is_flagged(number, CANCEL)
    }

    /// Why it was.
    pub(crate) fn reason_of(&self, number: Number) -> Option<CancelReason> {
        if self.is_cancelled(number) { self.with_header(number, Header::reason).flatten() } else { None }
    }

    /// Is the code that runs now in a cancelled region?
    #[inline]
    pub(crate) fn is_cancelled_here(&self) -> bool {
        self.here.is_cancelled().unwrap_or_else(|| self.is_cancelled(self.current()))
    }

    /// Does code that begins here have the one poll that is left at a deadline? Whatever is cancelled around is cancelled by its own
    /// deadline, and this is that poll. To be asked where something is cancelled.
    #[cold]
    pub(crate) fn is_due_here(&self) -> bool {
        self.here.is_due().unwrap_or_else(|| !self.is_cancelled(self.current()))
    }

    /// Is what waits here, and is cancelled, to be stopped without another poll? It had not been woken when that was asked for.
    #[cold]
    pub(crate) fn is_still_here(&self) -> bool {
        let root_is = || self.with_header(self.current(), Header::root).flatten().is_some_and(|root| root.is_still());
        self.here.is_still().unwrap_or_else(root_is)
    }

    /// The running task's root scope as a region, unless the task has ended.
    pub(crate) fn root_region(&self) -> Option<Rc<Region>> {
        let number = self.current.get();
        let root = |head: &Header| {
            if head.stage().is_end() {
                return None;
            }
            head.root().or_else(|| {
                self.spare.lend(head);
                let root = Region::root_of(number);
                head.set_root(root.clone());
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
        self.quiet.get() || self.blocks.slots.is_flagged(self.current.get(), ABORT)
    }

    pub(super) fn report(&self, head: &Header, kind: UnhandledKind) {
        self.unhandler.report(head.unhandled(Some(head.number()), kind));
    }

    /// The executor has nothing to do: memory that it does not need goes back.
    ///
    /// Blocks whose slot lies far beyond the tasks that live go in any case, and with them the slots, down to the last that is in use.
    pub(crate) fn trim(&self, kept_slots: usize) {
        /// What each size of blocks may keep while the executor sleeps, in bytes.
        const KEPT: usize = 256 * 1024;
        /// What it may keep of extras.
        const KEPT_EXTRAS: usize = 8 * 1024;
        self.blocks.trim_to(KEPT, kept_slots.max(2 * self.live()));
        self.blocks.trim_slots(kept_slots);
        self.seats.trim(kept_slots);
        self.here.trim();
        self.spare_regions.trim(KEPT);
        self.spare.trim(KEPT_EXTRAS);
    }

    /// How many slots there are, or seats, whichever are more.
    pub(crate) fn slots(&self) -> usize {
        self.blocks.slots.len().max(self.seats.len())
    }
}

impl Report for Tasks {
    fn report(&self, unhandled: Unhandled) {
        self.unhandler.report(unhandled);
    }

    fn report_here(&self, kind: UnhandledKind) {
        let number = self.current.get();
        let mut kind = Some(kind);
        let named = self.with_header(number, |head| Some(head.unhandled(Some(number), kind.take()?))).flatten();
        if let Some(unhandled) = named.or_else(|| kind.map(Unhandled::new)) {
            self.unhandler.report(unhandled);
        }
    }
}
