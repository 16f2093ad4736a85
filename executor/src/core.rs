//! What belongs to one executor, shared by its loop, its handles and its wakers, all on one thread.

use crate::{
    handle::{Call, Shared},
    inbox::Signal,
    number::{EXECUTOR_IDS, Number},
    park::Park,
    raw::{
        enter::{Entered, with_current},
        tasks::Tasks,
    },
    registry::Registration,
    run::NestedRun,
    schedule::Schedule,
    threads::{LocalCallback, Settings, Threads},
    time::{ClockSource, Pace, Timers},
    unhandled::Unhandler,
};
use std::{
    any::Any,
    cell::{Cell, RefCell},
    panic::Location,
    rc::{Rc, Weak},
    sync::Arc,
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
    /// This thread's executors.
    static HERE: RefCell<Vec<Weak<Core>>> = const { RefCell::new(Vec::new()) };
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
        // At the very end of a thread the list is gone; then its tasks are found while they run only.
        let _ = HERE.try_with(|here| here.borrow_mut().push(Rc::downgrade(&core)));
        Ok(core)
    }

    /// The executor of this thread that the task of that number belongs to: the current one as a rule.
    pub(crate) fn of(number: Number) -> Option<Rc<Core>> {
        let is_its = |core: &Core| core.tasks.executor() == number.executor();
        let current = with_current(|core| core.filter(|core| is_its(core))?.tasks.core.upgrade());
        let find =
            || HERE.try_with(|here| here.borrow().iter().filter_map(Weak::upgrade).find(|core| is_its(core))).ok()?;
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
        self.enter_anywhere(location)
    }

    fn enter_anywhere(self: &Rc<Self>, location: &'static Location<'static>) -> Result<Driving<'_>, NestedRun> {
        if let Some(outer) = self.driver.get() {
            return Err(NestedRun { outer, inner: location });
        }
        self.driver.set(Some(location));
        self.home.set(location);
        self.tasks.set_driven(true);
        Ok(Driving { core: self, _entered: Entered::new(self) })
    }

    /// The same for a call that blocks until some future has ended: an error inside any executor's task.
    pub(crate) fn enter_blocking(
        self: &Rc<Self>,
        location: &'static Location<'static>,
    ) -> Result<Driving<'_>, NestedRun> {
        check_not_nested(location)?;
        self.enter(location)
    }

    pub(crate) fn has_ended(&self) -> bool {
        let registration = self.registration.take();
        let ended = registration.is_none();
        self.registration.set(registration);
        ended
    }

    /// Ends the executor: cancels what is alive, drops it, and leaves ended tasks to the handles that still reach them.
    pub(crate) fn end(self: &Rc<Self>) {
        if self.has_ended() {
            return;
        }
        // Borrows forbid that an executor's value is dropped while it is driven. But `process::exit` in a task runs the
        // destructors of this thread's thread-locals above frames that never go on, and the executor may lie in one.
        // Its task is being polled then: everything is left as it is, for the few moments that the process has.
        let Ok(driving) = self.enter_anywhere(self.home.get()) else {
            std::mem::forget(self.clone());
            return;
        };
        // First of all, so that what another thread has asked for is dropped here, and whoever waits for it goes on.
        self.drop_calls(self.shared.end());
        self.shut_down();
        drop(driving);
        self.threads.end();
        drop(self.on_wake_local.take());
        let _ = HERE.try_with(|here| here.borrow_mut().retain(|core| !std::ptr::eq(core.as_ptr(), Rc::as_ptr(self))));
        let beyond = self.tasks.abandon();
        if let Some(registration) = self.registration.take() {
            registration.end(beyond);
        }
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
