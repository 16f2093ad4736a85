//! What belongs to one executor, shared by its loop, its handles and its wakers, all on one thread.

use crate::{
    lookout::Lookout,
    outcome::{
        attach_error::AttachError,
        nested_run::{Drive, NestedRun},
        panic::Panic,
        panics::Panics,
        unhandled::{Unhandled, UnhandledKind, Unhandler, report_panic},
    },
    park::Park,
    parking::{OnWake, Parking},
    raw::lent::OnThread,
    raw::number::{EXECUTOR_IDS, Number},
    schedule::{Choice, Schedule, Seeded},
    task::tasks::{self, TASKS, Tasks, Whole},
    threads::{
        pool::{THREADS, Threads},
        settings::Settings,
    },
    time::{
        clock::ClockSource,
        instant::Instant,
        notices::Notices,
        time::{TIME, Time, Timekeeper},
    },
    wake::{
        calls::{Call, Calls},
        local_callback::LocalCallback,
        registry::Registration,
    },
};
use evenkeel_coop::{BUDGET, with_budget};
use std::{
    any::Any,
    cell::{Cell, RefCell},
    collections::{VecDeque, hash_map::RandomState},
    hash::BuildHasher,
    panic::Location,
    rc::{Rc, Weak},
    sync::Arc,
    time::Duration,
};

pub(crate) struct Core {
    pub(crate) tasks: Tasks,
    pub(crate) time: Time,
    /// `None`: first in, first out.
    pub(crate) schedule: Option<RefCell<Box<dyn Schedule>>>,
    /// Which of several orders is next, if none is better; a schedule says how far to go on from there.
    fair: RefCell<Seeded>,
    /// The jitter of waits, once there was one.
    jitter: RefCell<Option<Seeded>>,
    pub(crate) parking: Parking,
    /// When there was a look at its driver.
    pub(crate) lookout: Lookout,
    /// Room for what is taken from the inbox.
    pub(crate) entries: Cell<Vec<Number>>,
    /// Panics of the schedule's, which wait for the end of the turn.
    pub(crate) schedule_panics: Cell<Panics>,
    /// The main future's task.
    pub(crate) main: Cell<Number>,
    /// Nothing can go on any more, and there is no main future to be told.
    pub(crate) is_stalled: Cell<bool>,
    pub(crate) notices: Notices,
    /// What other threads want.
    pub(crate) calls: Arc<Calls>,
    /// Room for the calls that are taken from there.
    pub(crate) taken_calls: Cell<VecDeque<Call>>,
    /// Was there time for calls only, when this was driven last, and not for tasks? Then it is their turn.
    pub(crate) calls_were_first: Cell<bool>,
    /// When memory was given back last.
    pub(crate) trimmed: Cell<Instant>,
    /// How many polls there had been then.
    pub(crate) trimmed_at_poll: Cell<u32>,
    /// Where blocking work is done.
    pub(crate) threads: Threads,
    /// The host's callback that stays on this thread.
    on_wake_local: Cell<Option<LocalCallback>>,
    #[cfg(feature = "ctrl-c")]
    pub(crate) cancel_on_ctrl_c: bool,
    /// Where it was driven last, or made.
    home: Cell<&'static Location<'static>>,
    registration: Cell<Option<Registration>>,
}

/// What a builder has collected.
pub(crate) struct Parts {
    pub(crate) clock: ClockSource,
    pub(crate) schedule: Option<Box<dyn Schedule>>,
    pub(crate) park: Option<Box<dyn Park>>,
    pub(crate) on_wake: Option<OnWake>,
    pub(crate) unhandler: Unhandler,
    pub(crate) max_tasks: usize,
    pub(crate) notice_after: Duration,
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

impl Core {
    pub(crate) fn new(parts: Parts) -> Result<Rc<Core>, TooManyExecutors> {
        let local = parts.on_wake_local.as_ref().map(LocalCallback::key);
        let parking = Parking::new(parts.park, parts.on_wake);
        let registration = Registration::new(parking.signal(), local).ok_or(TooManyExecutors)?;
        let calls = Arc::new(Calls::new(registration.inbox));
        let core = Rc::new_cyclic(|core: &Weak<Core>| Core {
            tasks: Tasks::new(registration.first, parts.max_tasks, registration.inbox, core.clone(), parts.unhandler),
            time: Time::new(parts.clock),
            schedule: parts.schedule.map(RefCell::new),
            fair: RefCell::new(Seeded::new(0)),
            jitter: RefCell::new(None),
            lookout: Lookout::new(parking.is_driver()),
            parking,
            entries: Cell::new(Vec::new()),
            schedule_panics: Cell::default(),
            main: Cell::new(Number::NONE),
            is_stalled: Cell::new(false),
            notices: Notices::new(parts.notice_after),
            threads: Threads::new(parts.threads, calls.clone()),
            calls,
            taken_calls: Cell::new(VecDeque::new()),
            calls_were_first: Cell::new(false),
            trimmed: Cell::new(Instant(0)),
            trimmed_at_poll: Cell::new(0),
            on_wake_local: Cell::new(parts.on_wake_local),
            #[cfg(feature = "ctrl-c")]
            cancel_on_ctrl_c: parts.cancel_on_ctrl_c,
            home: Cell::new(parts.location),
            registration: Cell::new(Some(registration)),
        });
        if core.lookout.is_driver() {
            core.time.timers.watch();
        }
        tasks::begin(core.tasks.whole.clone());
        Ok(core)
    }

    /// Calls `f`, which drives this executor. An error if it is already being driven, and in its own `on_wake` callback.
    pub(crate) fn enter<R>(
        &self,
        drive: Drive,
        location: &'static Location<'static>,
        f: impl FnOnce() -> R,
    ) -> Result<R, NestedRun> {
        if self.tasks.inbox.is_signalling_here() {
            return Err(NestedRun::inside_on_wake(location, drive));
        }
        match self.tasks.driver() {
            Some(outer) => Err(NestedRun::inside(outer, location, drive)),
            None => Ok(self.drive(location, f)),
        }
    }

    /// [`Core::enter`] for a call that blocks until something has happened: an error inside any executor's task.
    pub(crate) fn enter_blocking<R>(
        &self,
        drive: Drive,
        location: &'static Location<'static>,
        f: impl FnOnce() -> R,
    ) -> Result<R, NestedRun> {
        check_not_nested(drive, location)?;
        self.enter(drive, location, f)
    }

    /// Tells the driver, if there is one, that the host may wait now until something comes, at most for so long. It must not be told so while it
    /// is driven.
    pub(crate) fn host_waits(&self, max: Option<Duration>) {
        if self.lookout.is_driver() {
            // Whatever the driver calls meanwhile finds this executor driven.
            let _ = self.enter(Drive::Tick, self.home.get(), || self.parking.host_waits(max));
        }
    }

    /// Would a call that drives this executor be refused here?
    pub(crate) fn is_driven(&self) -> bool {
        self.tasks.driver().is_some() || self.tasks.inbox.is_signalling_here()
    }

    /// Calls `f`. Meanwhile this is the thread's current executor, and is being driven; nobody drives it yet.
    fn drive<R>(&self, location: &'static Location<'static>, f: impl FnOnce() -> R) -> R {
        struct Driven<'a>(&'a Tasks);
        impl Drop for Driven<'_> {
            fn drop(&mut self) {
                self.0.clear_current();
                self.0.set_driver(None);
            }
        }
        self.tasks.set_driver(Some(location));
        self.home.set(location);
        let _driven = Driven(&self.tasks);
        let f = || with_budget(BUDGET, f);
        TIME.enter(&self.time, || THREADS.enter(&self.threads, || self.tasks.enter(f)))
    }

    /// Ends the executor: cancels what is alive, drops it, and leaves ended tasks to the handles that still reach them.
    ///
    /// Foreign code runs in most of these steps: destructors of tasks, of jobs, of callbacks. It may spawn, and it may panic, and no
    /// handle may believe afterwards that its executor lives. So the last step is taken by a guard: whatever is alive then is stopped,
    /// and nothing can be spawned any more ([`Tasks::seal`]). Until then what is spawned is cancelled from birth.
    ///
    /// `shut_down` cancels every task and steps once through those that are alive.
    pub(crate) fn end(self: &Rc<Self>, shut_down: impl FnOnce(&Core)) {
        // Borrows forbid that an executor's value is dropped while it is driven. But `process::exit` in a task runs the
        // destructors of this thread's thread-locals above frames that never go on, and the executor may lie in one.
        // Its task is being polled then: everything is left as it is, for the few moments that the process has.
        if self.tasks.driver().is_some() {
            std::mem::forget(self.clone());
            return;
        }
        let sealing = Sealing(self);
        self.drive(self.home.get(), || {
            // First of all, so that what another thread has asked for is dropped here, and whoever waits for it goes on.
            self.drop_calls(self.calls.end());
            shut_down(self);
            self.threads.end();
        });
        self.drop_foreign(self.on_wake_local.take());
        self.drop_foreign(self.parking.take_on_wake());
        self.drop_foreign(self.tasks.inbox.close());
        drop(sealing);
    }

    /// Ends calls that will not be done any more.
    fn drop_calls(&self, calls: VecDeque<Call>) {
        for call in calls {
            match call {
                Call::Run(run) => self.drop_foreign(run),
                Call::Report(unhandled) => self.tasks.unhandler.report(unhandled),
            }
        }
    }

    /// Drops something foreign that belongs to no task. Its panic is reported.
    pub(crate) fn drop_foreign<T>(&self, value: T) {
        if let Err(panic) = Panic::catch(|| drop(value)) {
            self.tasks.unhandler.report(Unhandled::new(UnhandledKind::DestructorPanicked(panic)));
        }
    }
}

/// Takes the last step of an executor's end when it is dropped.
struct Sealing<'a>(&'a Rc<Core>);

impl Drop for Sealing<'_> {
    fn drop(&mut self) {
        let core = self.0;
        // Destructors of tasks find their executor.
        let beyond = core.drive(core.home.get(), || core.tasks.seal());
        tasks::end(&core.tasks.whole);
        let signal = core.registration.take().map(|registration| registration.end(beyond));
        // There is one only if the end was broken off.
        core.drop_foreign(signal);
    }
}

impl Drop for Core {
    /// Each of the host's things may panic, and may do anything else; but nothing leads here any more.
    fn drop(&mut self) {
        let clock = std::mem::replace(&mut self.time.clock, ClockSource::System);
        let (park, driver) = self.parking.take();
        let schedule = self.schedule.take();
        self.drop_foreign(clock);
        self.drop_foreign(park);
        self.drop_foreign(driver);
        self.drop_foreign(schedule);
        self.drop_foreign(self.schedule_panics.take());
        let unhandler = std::mem::take(&mut self.tasks.unhandler);
        report_panic("the destructor of an on_unhandled hook", || drop(unhandler));
    }
}

impl Whole for Core {
    fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    fn calls(&self) -> &Arc<Calls> {
        &self.calls
    }

    fn driver(&self) -> Option<Rc<dyn Any>> {
        self.parking.driver()
    }

    fn attach_driver(&self, driver: Rc<dyn Any>, park: Box<dyn Park>) -> Result<(), AttachError> {
        self.parking.attach(driver, park, self.tasks.inbox)?;
        self.lookout.has_driver_now();
        self.time.timers.watch();
        Ok(())
    }

    fn choose_order(&self, n: usize) -> usize {
        let fair = self.fair.borrow_mut().choose(Choice::FirstPolled, n);
        self.choose_from(fair, Choice::FirstPolled, n)
    }

    fn choose_jitter(&self, n: usize) -> usize {
        if self.jitter.borrow().is_none() {
            let seed = self.tasks.without_current(|| self.entropy());
            self.jitter.replace(Some(Seeded::new(seed)));
        }
        let random = self.jitter.borrow_mut().as_mut().map_or(0, |jitter| jitter.choose(Choice::Jitter, n));
        self.choose_from(random, Choice::Jitter, n)
    }
}

impl Core {
    /// What was chosen of `0..n`, or what the schedule makes of it.
    fn choose_from(&self, chosen: usize, choice: Choice, n: usize) -> usize {
        if self.schedule.is_none() {
            return chosen;
        }
        let more = self.tasks.without_current(|| self.choose_wake(choice, n));
        (chosen + more) % n
    }

    /// Another number for each executor. 0 where runs are to be repeated: there is a schedule, or a clock that was given, as a virtual one is.
    fn entropy(&self) -> u64 {
        let is_repeated = self.schedule.is_some() || self.time.clock.may_jump();
        if is_repeated { 0 } else { RandomState::new().hash_one(()) }
    }
}

impl Timekeeper for Core {
    fn time(&self) -> &Time {
        &self.time
    }
}

/// An error, with both call sites, inside a task.
pub(crate) fn check_not_nested(drive: Drive, inner: &'static Location<'static>) -> Result<(), NestedRun> {
    match TASKS.look(|tasks| tasks.and_then(Tasks::driver)) {
        Some(outer) => Err(NestedRun::inside(outer, inner, drive)),
        None => Ok(()),
    }
}
