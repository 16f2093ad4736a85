//! Errors that have nobody left to receive them.

use crate::{
    outcome::{panic::Panic, plain::plain, task_id::TaskId},
    raw::lent::Lent,
    raw::lent::OnThread,
};
use std::{fmt, io::Write, panic::Location};

/// An error or a panic that nobody is left to receive, as the `on_unhandled` hook gets it.
///
/// Its `Display` is one line that names the task and the place where it was spawned. Texts of the program's stand there as they are, but for
/// what would begin another line or command a terminal: that is escaped.
#[derive(Debug)]
pub struct Unhandled {
    id: Option<TaskId>,
    name: Option<String>,
    location: Option<&'static Location<'static>>,
    kind: UnhandledKind,
}

/// What it is that nobody received: the kind of an [`Unhandled`].
#[derive(Debug)]
#[non_exhaustive]
pub enum UnhandledKind {
    /// A task that nobody can await any more (it was detached, or its handle was dropped) panicked.
    TaskPanicked(Panic),
    /// A run of a child panicked that is restarted: there will be another one.
    RunPanicked(Panic),
    /// A run of a child had an error, and the child is restarted: there will be another run. As text.
    RunFailed(Box<str>),
    /// A destructor panicked, and the outcome of its task was already decided, or was it and nobody took it; or it was the destructor of something that an executor
    /// owned, a callback or a clock say, when that ended. There is no location then.
    DestructorPanicked(Panic),
    /// A waker that is not evenkeel's panicked when it was called.
    WakerPanicked(Panic),
    /// Clean-up (or what it was there for) panicked, and another panic, or a value, was first.
    CleanupPanicked(Panic),
    /// A `finally` or `shield` was dropped before it was done, by code that does not wait for it: a `select!` of another
    /// library, a panic that went past it, the end of a scope that could not reach it. It stands there in the source.
    CleanupSkipped(&'static Location<'static>),
    /// Clean-up took longer than its grace period, and was dropped.
    GraceExceeded,
    /// The job of a [`to_thread`](crate::to_thread) panicked, and nobody awaits it any more. The location is the call's.
    JobPanicked(Panic),
    /// The job of a [`to_thread`](crate::to_thread) still ran when the time for shutting down was over. It was left alone; the process
    /// may end in the middle of it. The location is the call's.
    JobLeft,
    /// The result of a [`to_thread`](crate::to_thread)'s job was an error, and nobody awaits it any more. As text. The location is the
    /// call's.
    JobFailed(Box<str>),
    /// Virtual time stands still, and something waits for it: a job was out or the clock held for longer than a second; or nothing was
    /// ready for a very long time but tasks that wake themselves. As text. It is told once, and everything goes on.
    TimeStands(Box<str>),
    /// An executor has waited at its end for longer than [`notice_after`](crate::ExecutorBuilder::notice_after) says: for clean-up, or for jobs.
    /// Who it is, as text. It is told once, and everything goes on.
    EndWaits(Box<str>),
    /// No thread has come free for a [`to_thread`](crate::to_thread) for longer than [`notice_after`](crate::ExecutorBuilder::notice_after) says.
    /// The jobs that keep the threads, as text. It is told once, and everything goes on.
    JobsWait(Box<str>),
    /// An operation that fails for want of something, and is tried again after a pause: a listener that can accept no connection, since the process has
    /// no descriptor left. What it is, as text. It is told at the first failure of several in a row.
    Retried(Box<str>),
    /// An error that came when nobody was left to get it: the output of a task that was detached, or whose handle was dropped; that of a
    /// child whose group is gone, or beside a panic. As text.
    Error(Box<str>),
}

impl Unhandled {
    pub(crate) fn new(kind: UnhandledKind) -> Unhandled {
        Unhandled { id: None, name: None, location: None, kind }
    }

    /// Something that belongs to a call at that place.
    pub(crate) fn at(location: &'static Location<'static>, kind: UnhandledKind) -> Unhandled {
        Unhandled { id: None, name: None, location: Some(location), kind }
    }

    /// Something that concerns a task.
    pub(crate) fn of(
        id: Option<TaskId>,
        name: Option<String>,
        location: &'static Location<'static>,
        kind: UnhandledKind,
    ) -> Unhandled {
        Unhandled { id, name, location: Some(location), kind }
    }

    /// The task that it comes from.
    pub fn id(&self) -> Option<TaskId> {
        self.id
    }

    /// The task's name.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Where the task was spawned.
    pub fn location(&self) -> Option<&'static Location<'static>> {
        self.location
    }

    /// What it is that nobody received.
    pub fn kind(&self) -> &UnhandledKind {
        &self.kind
    }
}

impl Unhandled {
    /// What is known of the task, in words.
    pub(crate) fn task(&self) -> String {
        let is_job =
            matches!(self.kind, UnhandledKind::JobPanicked(_) | UnhandledKind::JobFailed(_) | UnhandledKind::JobLeft);
        if let (true, Some(location)) = (is_job, self.location) {
            return format!("a job (of the to_thread at {location})");
        }
        let is_no_tasks = matches!(
            self.kind,
            UnhandledKind::DestructorPanicked(_)
                | UnhandledKind::TimeStands(_)
                | UnhandledKind::EndWaits(_)
                | UnhandledKind::JobsWait(_)
        );
        if is_no_tasks && self.location.is_none() {
            return "an executor".to_owned();
        }
        let mut words = String::from("a task");
        if let Some(name) = &self.name {
            words += &format!(" named \"{}\"", plain(name));
        }
        if let Some(location) = self.location {
            words += &format!(" (spawned at {location})");
        }
        words
    }
}

impl Unhandled {
    fn end_here(self) {
        match self.kind {
            UnhandledKind::TaskPanicked(panic)
            | UnhandledKind::RunPanicked(panic)
            | UnhandledKind::DestructorPanicked(panic)
            | UnhandledKind::WakerPanicked(panic)
            | UnhandledKind::CleanupPanicked(panic)
            | UnhandledKind::JobPanicked(panic) => panic.end_here(),
            UnhandledKind::CleanupSkipped(_)
            | UnhandledKind::RunFailed(_)
            | UnhandledKind::GraceExceeded
            | UnhandledKind::JobFailed(_)
            | UnhandledKind::JobLeft
            | UnhandledKind::TimeStands(_)
            | UnhandledKind::EndWaits(_)
            | UnhandledKind::JobsWait(_)
            | UnhandledKind::Retried(_)
            | UnhandledKind::Error(_) => {}
        }
    }
}

impl fmt::Display for Unhandled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "evenkeel: {} ", self.task())?;
        let (what, panic) = match &self.kind {
            UnhandledKind::TaskPanicked(panic) => ("panicked, and nobody awaits it", panic),
            UnhandledKind::RunPanicked(panic) => ("panicked, and is restarted", panic),
            UnhandledKind::RunFailed(text) => return write!(f, "failed, and is restarted: {}", plain(text)),
            UnhandledKind::DestructorPanicked(panic) => ("had a destructor that panicked", panic),
            UnhandledKind::WakerPanicked(panic) => ("was to wake a foreign waker that panicked", panic),
            UnhandledKind::JobPanicked(panic) => ("panicked, and nobody awaits it", panic),
            UnhandledKind::CleanupPanicked(panic) => ("panicked in clean-up, after its outcome was decided", panic),
            UnhandledKind::CleanupSkipped(site) => {
                return write!(
                    f,
                    "was dropped in the middle of the clean-up point at {site}: its clean-up was skipped"
                );
            }
            UnhandledKind::Error(text) | UnhandledKind::JobFailed(text) => {
                return write!(f, "had an error that nobody is left to get: {}", plain(text));
            }
            UnhandledKind::EndWaits(who) => return write!(f, "waits at its end, for {}", plain(who)),
            UnhandledKind::JobsWait(jobs) => {
                return write!(f, "has jobs that wait for a thread, and none comes free; at work are {}", plain(jobs));
            }
            UnhandledKind::Retried(text) => return write!(f, "has to wait: {}", plain(text)),
            UnhandledKind::TimeStands(text) => return write!(f, "has virtual time that stands still: {}", plain(text)),
            UnhandledKind::JobLeft => {
                return f.write_str("still runs on its thread, and was left alone: the time to shut down is over");
            }
            UnhandledKind::GraceExceeded => {
                return f.write_str("was stopped hard: clean-up took longer than its grace period");
            }
        };
        write!(f, "{what}: {}", plain(panic.message()))
    }
}

/// Reports something that nobody is left to receive, in the name of the task that is running: to the executor's `on_unhandled`
/// hook, or to stderr where there is none.
///
/// ```
/// use evenkeel::{Executor, combinator::report_unhandled, host::UnhandledKind};
///
/// let executor = Executor::builder().on_unhandled(|what| assert!(what.to_string().ends_with("no ink left"))).build();
/// executor.run(async { report_unhandled(UnhandledKind::Error("no ink left".into())) });
/// ```
pub fn report_unhandled(kind: UnhandledKind) {
    REPORT.look(|report| match report {
        Some(report) => report.report_here(kind),
        None => Unhandler::default().report(Unhandled::new(kind)),
    });
}

/// [`report_unhandled`] in the name of another task, which may have ended: with its identity and its name, as far as they are known, and the
/// place where it was spawned.
///
/// ```
/// use evenkeel::{Executor, combinator::report_unhandled_of, host::UnhandledKind};
/// use std::panic::Location;
///
/// let executor = Executor::builder().on_unhandled(|what| assert_eq!(what.name(), Some("printer"))).build();
/// executor.run(async {
///     let error = UnhandledKind::Error("no ink left".into());
///     report_unhandled_of(None, Some("printer".into()), Location::caller(), error);
/// });
/// ```
pub fn report_unhandled_of(
    id: Option<TaskId>,
    name: Option<String>,
    location: &'static Location<'static>,
    kind: UnhandledKind,
) {
    let unhandled = Unhandled::of(id, name, location, kind);
    REPORT.look(|report| match report {
        Some(report) => report.report(unhandled),
        None => Unhandler::default().report(unhandled),
    });
}

thread_local! {
    /// Where reports go of what happens on this thread now.
    pub(crate) static REPORT: Lent<dyn Report> = const { Lent::none() };
}

/// Who knows what is running, and whose hook is to hear of it.
pub(crate) trait Report {
    /// Reports something in the name of the task that is running, if there is one.
    fn report_here(&self, kind: UnhandledKind);

    /// Reports something that says itself where it comes from.
    fn report(&self, unhandled: Unhandled);
}

type Hook = Box<dyn Fn(&Unhandled)>;

/// The hook. Without one, one line goes to stderr.
#[derive(Default)]
pub(crate) struct Unhandler(Option<Hook>);

impl Unhandler {
    pub(crate) fn new(hook: Hook) -> Unhandler {
        Unhandler(Some(hook))
    }

    /// Calls the hook. A hook that panics is itself reported on stderr, and so is a payload that panics when it is
    /// dropped; the panics end here.
    pub(crate) fn report(&self, unhandled: Unhandled) {
        let line = unhandled.to_string();
        let Some(hook) = &self.0 else {
            print_to_stderr(&line);
            return unhandled.end_here();
        };
        if let Err(panic) = Panic::catch(|| hook(&unhandled)) {
            print_to_stderr(&format!(
                "{line}\nevenkeel: and the on_unhandled hook panicked: {}",
                plain(panic.message())
            ));
            panic.end_here();
        }
        unhandled.end_here();
    }
}

/// Calls a function of the host's that may be called from any thread and in any state. Its panic is printed on stderr.
pub(crate) fn report_panic(what: &str, call: impl FnOnce()) {
    if let Err(panic) = Panic::catch(call) {
        print_to_stderr(&format!("evenkeel: {what} panicked: {}", plain(panic.message())));
        panic.end_here();
    }
}

/// Unlike `eprintln!` it does not panic if stderr is closed.
fn print_to_stderr(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
