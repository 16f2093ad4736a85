//! What belongs to one executor, shared by its loop, its handles and its wakers, all on one thread.

use crate::{
    outcome::{
        join_error::Panic,
        unhandled::{Unhandled, UnhandledKind, Unhandler, report_panic},
    },
    park::Park,
    raw::{
        current::{Entered, with_current},
        number::{EXECUTOR_IDS, Number},
    },
    run::NestedRun,
    schedule::Schedule,
    task::tasks::Tasks,
    threads::{
        handle::{Call, Shared},
        pool::{Settings, Threads},
    },
    time::{clock::ClockSource, pace::Pace, timers::Timers},
    wake::{inbox::Signal, local_callback::LocalCallback, registry::Registration},
};
use std::{
    any::Any,
    cell::{Cell, RefCell},
    mem::ManuallyDrop,
    panic::{AssertUnwindSafe, Location, catch_unwind},
    rc::{Rc, Weak},
    sync::Arc,
    time::Duration,
};

pub(crate) struct Core {
    pub(crate) tasks: Tasks,
    pub(crate) timers: Rc<Timers>,
    pub(crate) clock: ClockSource,
    pub(crate) pace: Pace,
    /// `None`: first in, first out.
    pub(crate) schedule: Option<RefCell<Box<dyn Schedule>>>,
    pub(crate) park: RefCell<Box<dyn Park>>,
    /// Room for what is taken from the inbox.
    pub(crate) entries: Cell<Vec<Number>>,
    /// A panic of the schedule's that waits for the end of the turn.
    pub(crate) schedule_panic: Cell<Option<Box<dyn Any + Send>>>,
    /// The main future's task.
    pub(crate) main: Cell<Number>,
    /// What other threads want.
    pub(crate) shared: Arc<Shared>,
    /// Room for the calls that are taken from there.
    pub(crate) calls: Cell<Vec<Call>>,
    /// Where blocking work is done.
    pub(crate) threads: Threads,
    /// The host's callback that stays on this thread.
    on_wake_local: Cell<Option<LocalCallback>>,
    #[cfg(feature = "ctrl-c")]
    pub(crate) cancel_on_ctrl_c: bool,
    /// Where the call stands that drives this executor now.
    driver: Cell<Option<&'static Location<'static>>>,
    /// Where it was driven last, or made.
    home: Cell<&'static Location<'static>>,
    registration: Cell<Option<Registration>>,
}

/// What a builder has collected.
pub(crate) struct Parts {
    pub(crate) clock: ClockSource,
    pub(crate) schedule: Option<Box<dyn Schedule>>,
    pub(crate) park: Box<dyn Park>,
    pub(crate) signal: Signal,
    pub(crate) unhandler: Unhandler,
    pub(crate) max_tasks: usize,
    pub(crate) threads: Settings,
    pub(crate) on_wake_local: Option<LocalCallback>,
    #[cfg(feature = "ctrl-c")]
    pub(crate) cancel_on_ctrl_c: bool,
    pub(crate) location: &'static Location<'static>,
}

/// The process has as many executors as it can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this process has {} live executors, which is all that it can have: drop some, or share them", EXECUTOR_IDS - 1)]
pub struct TooManyExecutors;

thread_local! {
    /// This thread's executors. Like every thread-local here it has no destructor, so that it is there to the very end of its thread,
    /// for executors in other thread-locals' destructors; when it is empty it holds no memory.
    static HERE: RefCell<ManuallyDrop<Vec<Weak<Core>>>> = const { RefCell::new(ManuallyDrop::new(Vec::new())) };
}

impl Core {
    pub(crate) fn new(parts: Parts) -> Result<Rc<Core>, TooManyExecutors> {
        let local = parts.on_wake_local.as_ref().map(LocalCallback::key);
        let registration = Registration::new(parts.signal, local).ok_or(TooManyExecutors)?;
        let core = Rc::new_cyclic(|core| Core {
            tasks: Tasks::new(registration.first, parts.max_tasks, registration.inbox, core.clone(), parts.unhandler),
            timers: Rc::new(Timers::new()),
            pace: Pace::new(&parts.clock),
            clock: parts.clock,
            schedule: parts.schedule.map(RefCell::new),
            park: RefCell::new(parts.park),
            entries: Cell::new(Vec::new()),
            schedule_panic: Cell::new(None),
            main: Cell::new(Number::NONE),
            shared: Arc::new(Shared::new(registration.inbox)),
            calls: Cell::new(Vec::new()),
            threads: Threads::new(parts.threads),
            on_wake_local: Cell::new(parts.on_wake_local),
            #[cfg(feature = "ctrl-c")]
            cancel_on_ctrl_c: parts.cancel_on_ctrl_c,
            driver: Cell::new(None),
            home: Cell::new(parts.location),
            registration: Cell::new(Some(registration)),
        });
        HERE.with_borrow_mut(|here| here.push(Rc::downgrade(&core)));
        Ok(core)
    }

    /// The executor of this thread that the task of that number belongs to: the current one as a rule.
    pub(crate) fn of(number: Number) -> Option<Rc<Core>> {
        let is_its = |core: &Core| core.tasks.executor() == number.executor();
        let current = with_current(|core| core.filter(|core| is_its(core))?.tasks.core.upgrade());
        let find = || HERE.with_borrow(|here| here.iter().filter_map(Weak::upgrade).find(|core| is_its(core)));
        current.or_else(find)
    }

    /// Makes this the thread's current executor until the guard is dropped. An error if it is already being driven.
    ///
    /// # Panics
    ///
    /// In this executor's own `on_wake` callback.
    pub(crate) fn enter(self: &Rc<Self>, location: &'static Location<'static>) -> Result<Driving<'_>, NestedRun> {
        if self.tasks.inbox.is_signalling_here() {
            panic!(
                "an evenkeel executor was to run at {location}, inside its own on_wake callback: \
                 tell the host's loop to tick, and return"
            );
        }
        match self.driver.get() {
            Some(outer) => Err(NestedRun { outer, inner: location }),
            None => Ok(self.drive(location)),
        }
    }

    /// Nobody drives it yet.
    fn drive(self: &Rc<Self>, location: &'static Location<'static>) -> Driving<'_> {
        self.driver.set(Some(location));
        self.home.set(location);
        self.tasks.set_driven(true);
        Driving { core: self, _entered: Entered::new(self) }
    }

    /// The same for a call that blocks until some future has ended: an error inside any executor's task.
    pub(crate) fn enter_blocking(
        self: &Rc<Self>,
        location: &'static Location<'static>,
    ) -> Result<Driving<'_>, NestedRun> {
        check_not_nested(location)?;
        self.enter(location)
    }

    /// Ends the executor: cancels what is alive, drops it, and leaves ended tasks to the handles that still reach them.
    ///
    /// Foreign code runs in most of these steps: destructors of tasks, of jobs, of callbacks. It may spawn, and it may panic, and no
    /// handle may believe afterwards that its executor lives. So the last step is taken by a guard: whatever is alive then is stopped,
    /// and nothing can be spawned any more ([`Tasks::seal`]). Until then what is spawned is cancelled from birth.
    pub(crate) fn end(self: &Rc<Self>) {
        // Borrows forbid that an executor's value is dropped while it is driven. But `process::exit` in a task runs the
        // destructors of this thread's thread-locals above frames that never go on, and the executor may lie in one.
        // Its task is being polled then: everything is left as it is, for the few moments that the process has.
        if self.driver.get().is_some() {
            std::mem::forget(self.clone());
            return;
        }
        let sealing = Sealing(self);
        let driving = self.drive(self.home.get());
        // First of all, so that what another thread has asked for is dropped here, and whoever waits for it goes on.
        self.drop_calls(self.shared.end());
        self.shut_down();
        self.threads.end();
        drop(driving);
        self.drop_foreign(self.on_wake_local.take());
        self.drop_foreign(self.tasks.inbox.close());
        drop(sealing);
    }

    /// Drops something foreign that belongs to no task. Its panic is reported.
    pub(crate) fn drop_foreign<T>(&self, value: T) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
            self.tasks.unhandler.report(Unhandled::new(UnhandledKind::DestructorPanicked(Panic::new(payload))));
        }
    }
}

/// Takes the last step of an executor's end when it is dropped.
struct Sealing<'a>(&'a Rc<Core>);

impl Drop for Sealing<'_> {
    fn drop(&mut self) {
        let core = self.0;
        // Destructors of tasks find their executor.
        let driving = core.drive(core.home.get());
        let beyond = core.tasks.seal();
        drop(driving);
        HERE.with_borrow_mut(|here| {
            here.retain(|here| !std::ptr::eq(here.as_ptr(), Rc::as_ptr(core)));
            if here.is_empty() {
                **here = Vec::new();
            }
        });
        let signal = core.registration.take().map(|registration| registration.end(beyond));
        // There is one only if the end was broken off.
        core.drop_foreign(signal);
    }
}

impl Drop for Core {
    /// Each of the host's things may panic, and may do anything else; but nothing leads here any more.
    fn drop(&mut self) {
        let clock = std::mem::replace(&mut self.clock, ClockSource::System);
        let park = self.park.replace(Box::new(Gone));
        let schedule = self.schedule.take();
        self.drop_foreign(clock);
        self.drop_foreign(park);
        self.drop_foreign(schedule);
        self.drop_foreign(self.schedule_panic.take());
        let unhandler = std::mem::take(&mut self.tasks.unhandler);
        report_panic("the destructor of an on_unhandled hook", || drop(unhandler));
    }
}

/// Stands where a park was.
struct Gone;

impl Park for Gone {
    fn park(&mut self, _: Option<Duration>) {}

    fn unparker(&self) -> Arc<dyn Fn() + Send + Sync> {
        Arc::new(|| ())
    }
}

/// An error, with both call sites, inside a task.
pub(crate) fn check_not_nested(inner: &'static Location<'static>) -> Result<(), NestedRun> {
    match with_current(|core| core.and_then(|core| core.driver.get())) {
        Some(outer) => Err(NestedRun { outer, inner }),
        None => Ok(()),
    }
}

/// While this lives, its executor is being driven, and is the thread's current one.
pub(crate) struct Driving<'a> {
    core: &'a Rc<Core>,
    _entered: Entered<'a>,
}

impl Drop for Driving<'_> {
    fn drop(&mut self) {
        self.core.tasks.clear_current();
        self.core.tasks.set_driven(false);
        self.core.driver.set(None);
    }
}
