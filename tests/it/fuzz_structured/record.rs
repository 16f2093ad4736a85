//! The record: what happened in one run, and what was made, dropped, thrown, run and reported in it.

use super::frames::{FrameId, Frames, How};
use evenkeel::{
    CancelScope, Instant, JoinError, Task, TaskGroup,
    cancel::Deadline,
    host::{Unhandled, UnhandledKind},
    testing::VirtualClock,
    time::Clock,
};
use std::{
    any::Any,
    cell::{Cell, RefCell},
    fmt,
    rc::Rc,
    task::Waker,
};

pub(super) type World = Rc<Record>;
/// What every node yields.
pub(super) type Out = Result<Token, Fault>;

/// Is dropped once.
pub(super) struct Token(World, usize);

/// An error with an identity. If it was given to a group, somebody must get it.
pub(super) struct Fault {
    pub(super) id: usize,
    _token: Token,
}

#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Seen {
    /// How often it was given to somebody who must not lose it.
    pub(super) given: u32,
    /// How often somebody got it.
    pub(super) got: u32,
}

/// A clean-up point.
#[derive(Clone, Copy, Debug)]
pub(super) struct PointSeen {
    pub(super) frame: FrameId,
    /// It is known to guard; a shield that may have begun in a cancelled scope does not, perhaps.
    pub(super) is_certain: bool,
    /// How often clean-up has begun.
    pub(super) runs: u32,
    pub(super) is_done: bool,
}

#[derive(Default)]
pub(super) struct Record {
    pub(super) clock: VirtualClock,
    pub(super) frames: Frames,
    /// By token: how often it was dropped.
    pub(super) tokens: RefCell<Vec<u32>>,
    pub(super) panics: RefCell<Vec<Seen>>,
    pub(super) faults: RefCell<Vec<Seen>>,
    pub(super) points: RefCell<Vec<PointSeen>>,
    /// How many groups were dropped before they had ended.
    pub(super) groups_dropped: Cell<usize>,
    pub(super) skips_reported: Cell<usize>,
    pub(super) group_skips_reported: Cell<usize>,
    /// Errors that were reported without their text.
    pub(super) nameless: Cell<usize>,
    /// What nobody expects.
    pub(super) strange: RefCell<Vec<String>>,
    pub(super) scopes: RefCell<Vec<(CancelScope, FrameId)>>,
    pub(super) deadlines: RefCell<Vec<(Deadline, FrameId)>>,
    pub(super) groups: RefCell<Vec<(TaskGroup<Fault>, FrameId)>>,
    pub(super) tasks: RefCell<Vec<Option<Owned>>>,
    pub(super) wakers: RefCell<Vec<Waker>>,
    /// The host is closing the executor.
    pub(super) closing: Cell<bool>,
    digest: Cell<u64>,
    /// The tasks whose ids were noted, in order: their ids begin anew with each executor, but not with the same numbers.
    noted_tasks: RefCell<Vec<String>>,
    /// `None`: nobody wants to read it.
    lines: RefCell<Option<Vec<String>>>,
}

impl Record {
    pub(super) fn new(is_read: bool) -> World {
        let record = Record::default();
        record.lines.replace(is_read.then(Vec::new));
        Rc::new(record)
    }

    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Something has happened.
    pub(super) fn note(&self, frame: FrameId, what: impl fmt::Debug) {
        self.say(frame, format_args!("{what:?}"));
    }

    pub(super) fn say(&self, frame: FrameId, what: fmt::Arguments<'_>) {
        let now = self.now().since_origin().as_millis();
        let line = self.with_tasks_by_order(format!("{now:>4} ms  #{frame:<3} {what}"));
        // FNV-1a of all lines.
        let mix = |digest: u64, byte| (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        self.digest.set(line.bytes().fold(self.digest.get(), mix));
        if let Some(lines) = &mut *self.lines.borrow_mut() {
            lines.push(line);
        }
    }

    /// The line, with a task's place among those that were noted instead of its id: of that, two runs in one process have different
    /// ones, as an executor goes on with the numbers of one that has ended.
    fn with_tasks_by_order(&self, mut line: String) -> String {
        const MARK: &str = "TaskId(";
        let mut from = 0;
        while let Some(begin) = line[from..].find(MARK).map(|at| from + at + MARK.len()) {
            let end = line[begin..].find(')').map_or(line.len(), |at| begin + at);
            let mut noted = self.noted_tasks.borrow_mut();
            let order = noted.iter().position(|id| *id == line[begin..end]).unwrap_or_else(|| {
                noted.push(line[begin..end].to_owned());
                noted.len() - 1
            });
            line.replace_range(begin..end, &format!("the {order}th"));
            from = begin;
        }
        line
    }

    /// What two runs are compared by.
    pub(super) fn digest(&self) -> u64 {
        self.digest.get()
    }

    pub(super) fn take_lines(&self) -> Vec<String> {
        self.lines.take().unwrap_or_default()
    }

    // ---- made

    pub(super) fn token(self: &Rc<Self>) -> Token {
        let mut tokens = self.tokens.borrow_mut();
        tokens.push(0);
        Token(self.clone(), tokens.len() - 1)
    }

    pub(super) fn fault(self: &Rc<Self>) -> Fault {
        let mut faults = self.faults.borrow_mut();
        faults.push(Seen::default());
        Fault { id: faults.len() - 1, _token: self.token() }
    }

    /// A panic of its own, without the hook of the process.
    pub(super) fn throw(&self, frame: FrameId) -> ! {
        let id = self.panics.borrow().len();
        self.panics.borrow_mut().push(Seen { given: 1, got: 0 });
        self.say(frame, format_args!("throws panic#{id}"));
        std::panic::resume_unwind(Box::new(format!("panic#{id}")))
    }

    /// The error goes to a group.
    pub(super) fn give(&self, fault: &Fault) {
        self.faults.borrow_mut()[fault.id].given += 1;
    }

    // ---- got

    pub(super) fn got_fault(&self, fault: &Fault) {
        self.faults.borrow_mut()[fault.id].got += 1;
    }

    pub(super) fn got_panic(&self, message: &str) {
        match numbers_in(message, "panic#").first() {
            Some(&id) => self.panics.borrow_mut()[id].got += 1,
            // A gather or a race was borrowed by a scope that was cancelled: as documented.
            None if message.contains("was awaited again after a scope around it") => {}
            None => self.strange.borrow_mut().push(message.to_owned()),
        }
    }

    pub(super) fn got_payload(&self, payload: Box<dyn Any + Send>) {
        let text = payload.downcast::<String>().map(|text| *text);
        let text = text.or_else(|other| other.downcast::<&str>().map(|text| (*text).to_owned()));
        self.got_panic(&text.unwrap_or_else(|_| "not a text".to_owned()));
    }

    /// What a task's handle yields.
    pub(super) fn got_outcome(self: &Rc<Self>, outcome: Result<Out, JoinError>) -> Out {
        match outcome {
            Ok(out) => out,
            Err(JoinError::Panicked(panic)) => {
                self.got_panic(panic.message());
                Ok(self.token())
            }
            Err(_) => Ok(self.token()),
        }
    }

    pub(super) fn got_report(&self, unhandled: &Unhandled) {
        self.say(0, format_args!("reported: {}", report_in_words(unhandled.kind())));
        match unhandled.kind() {
            UnhandledKind::TaskPanicked(panic)
            | UnhandledKind::DestructorPanicked(panic)
            | UnhandledKind::WakerPanicked(panic)
            | UnhandledKind::CleanupPanicked(panic) => self.got_panic(panic.message()),
            UnhandledKind::CleanupSkipped(place) if place.file().ends_with("groups.rs") => {
                self.group_skips_reported.set(self.group_skips_reported.get() + 1);
            }
            UnhandledKind::CleanupSkipped(_) => self.skips_reported.set(self.skips_reported.get() + 1),
            UnhandledKind::GraceExceeded => {}
            UnhandledKind::Error(text) if text.contains("every slot of a task group") => {}
            // A group's error names all that are in it.
            UnhandledKind::Error(text) => match numbers_in(text, "fault#") {
                ids if ids.is_empty() => self.nameless.set(self.nameless.get() + 1),
                ids => ids.into_iter().for_each(|id| self.faults.borrow_mut()[id].got += 1),
            },
            other => self.strange.borrow_mut().push(format!("{other:?}")),
        }
    }

    // ---- clean-up points

    /// Its first poll.
    pub(super) fn point_begins(&self, frame: FrameId, is_certain: bool) {
        self.points.borrow_mut().push(PointSeen { frame, is_certain, runs: 0, is_done: false });
    }

    fn point(&self, frame: FrameId, change: impl FnOnce(&mut PointSeen)) {
        match self.points.borrow_mut().iter_mut().find(|point| point.frame == frame) {
            Some(point) => change(point),
            None => self.strange.borrow_mut().push(format!("clean-up of #{frame}, whose body never began")),
        }
    }

    pub(super) fn point_cleans(&self, frame: FrameId) {
        self.say(frame, format_args!("clean-up begins"));
        self.point(frame, |point| point.runs += 1);
    }

    pub(super) fn point_ends(&self, frame: FrameId, how: How) {
        if how != How::Dropped {
            self.point(frame, |point| point.is_done = true);
        }
    }

    // ---- the end

    /// Lets go of everything that was kept. Nothing is borrowed while it is dropped.
    pub(super) fn let_go(&self) {
        drop(self.tasks.take());
        drop((self.scopes.take(), self.deadlines.take(), self.wakers.take()));
        drop(self.groups.take());
    }
}

fn report_in_words(cause: &UnhandledKind) -> String {
    match cause {
        UnhandledKind::CleanupSkipped(place) if place.file().ends_with("groups.rs") => "a group was skipped".to_owned(),
        // Not its line: that would change with the text of the tests.
        UnhandledKind::CleanupSkipped(_) => "clean-up skipped".to_owned(),
        other => format!("{other:?}"),
    }
}

fn numbers_in(text: &str, mark: &str) -> Vec<usize> {
    let number = |behind: &str| behind.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok();
    text.split(mark).skip(1).filter_map(number).collect()
}

impl Drop for Token {
    fn drop(&mut self) {
        self.0.tokens.borrow_mut()[self.1] += 1;
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fault#{}", self.id)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fault#{}", self.id)
    }
}

impl std::error::Error for Fault {}

/// A task's handle, which notes in the frames that dropping it cancels the task.
pub(super) struct Owned {
    pub(super) task: Option<Task<Out>>,
    pub(super) frame: FrameId,
    pub(super) world: World,
}

impl Drop for Owned {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            self.world.frames.cancel(self.frame);
            drop(task);
        }
    }
}

#[test]
fn fuzz_structured_a_record_does_not_depend_on_what_numbers_tasks_have() {
    let executor = evenkeel::Executor::builder().clock(VirtualClock::new()).build();
    let record = || {
        let record = Record::new(true);
        let (first, second) = (evenkeel::current_task().id(), evenkeel::spawn(async {}).id().expect("it is alive"));
        record.note(0, evenkeel::CancelReason::SiblingFailed { task: Some(first) });
        record.note(1, (second, first));
        (record.digest(), record.take_lines())
    };
    let before = executor.run(async { record() });
    let behind = executor.run(async { record() });
    assert_eq!(before, behind);
    assert!(before.1[1].ends_with("(TaskId(the 1th), TaskId(the 0th))"), "{:?}", before.1);
}
