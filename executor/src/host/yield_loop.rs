//! Tasks that wait for time by yielding, where time passes only when nothing is ready.

use crate::{
    core::Core,
    outcome::{
        task_id::TaskId,
        unhandled::{Unhandled, UnhandledKind},
    },
    raw::block::IsEnded,
    task::{current::TaskRef, tasks::Tasks},
    time::instant::Instant,
    turn::{Driver, Next},
};

/// The loop runs for a main future, by a clock that may be one that jumps.
///
/// `while Instant::now() < deadline { yield_now().await }` is ready all the time, so such a clock stands still, for ever. Nothing tells that
/// from a wait for something real but its length, so it is told of and goes on.
pub(crate) struct MainOnGivenClock<'a> {
    main: IsEnded<'a>,
    /// How many turns there were in a row in which nothing was ready but tasks that woke themselves.
    vain: usize,
    /// What the clock showed in the middle of these.
    shown: Option<Instant>,
    /// How many woke themselves in this turn.
    restless: usize,
    /// Who they are, in the turn in which it is told.
    names: Vec<String>,
}

impl MainOnGivenClock<'_> {
    /// Nothing tells a long errand from one without end but its length. This takes some milliseconds.
    const LONGEST: usize = 100_000;

    pub(crate) fn new(main: IsEnded<'_>) -> MainOnGivenClock<'_> {
        MainOnGivenClock { main, vain: 0, shown: None, restless: 0, names: Vec::new() }
    }

    #[cold]
    fn look(&mut self, core: &Core) {
        if self.vain == Self::LONGEST / 2 {
            self.shown = Some(core.now());
        } else if self.vain == Self::LONGEST {
            let now = core.now();
            if self.shown == Some(now) && core.may_jump() && core.jump_to(now) {
                let text = format!(
                    "for {} turns nothing was ready but tasks that wake themselves ({}), and it passes only when nothing is \
                     ready: let them sleep, or await what they wait for",
                    Self::LONGEST,
                    self.names.join(", ")
                );
                core.tasks.unhandler.report(Unhandled::new(UnhandledKind::TimeStands(text.into())));
            }
            self.names = Vec::new();
        }
    }
}

impl Driver for MainOnGivenClock<'_> {
    fn begin(&mut self, _: &Core) -> Option<usize> {
        self.restless = 0;
        Some(usize::MAX)
    }

    fn step(&mut self, tasks: &Tasks) {
        /// More would be no help.
        const NAMED: usize = 3;
        if self.vain + 1 == Self::LONGEST && self.names.len() < NAMED {
            if let Some(number) = tasks.next_to_poll() {
                self.names.push(name(TaskRef::new(TaskId(number))));
            }
        }
        self.restless += usize::from(tasks.step_is_restless());
    }

    fn end(&mut self, core: &Core) -> Next {
        if self.main.get() {
            return Next::Return;
        }
        let ready = core.tasks.ready().len();
        self.vain = if ready > 0 && ready == self.restless { self.vain + 1 } else { 0 };
        if self.vain == Self::LONGEST / 2 || self.vain == Self::LONGEST {
            self.look(core);
        }
        Next::Sleep(None)
    }
}

fn name(task: TaskRef) -> String {
    let unhandled = |location| Unhandled::of(Some(task.id()), task.name(), location, UnhandledKind::GraceExceeded);
    task.location().map_or_else(|| "a task".to_owned(), |location| unhandled(location).task())
}
