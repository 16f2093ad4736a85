//! A program: a tree of what structured concurrency is made of.

use std::{fmt, rc::Rc};

/// One node. What its kids are for is said at its operation.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Node {
    pub(super) op: Op,
    pub(super) kids: Vec<Rc<Node>>,
}

/// Numbers are milliseconds, counts, or pick one of what there is of their kind at that time.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Op {
    // ---- leaves
    Ready,
    Yields(u32),
    /// Wakes itself for ever.
    Busy,
    Sleep(u32),
    Pending,
    Panic,
    Fail,
    /// Waits until that scope is cancelled.
    WaitToken(u32),
    /// Awaits a task whose handle was kept.
    AwaitTask(u32),
    // ---- deeds, done at once
    CancelScope(u32),
    CancelToken(u32),
    Reschedule(u32, Option<u32>),
    CancelGroup(u32),
    ReportTo(u32),
    CancelTask(u32),
    AbortTask(u32),
    DropTask(u32),
    CancelSelf,
    /// Asks whether cancellation was requested.
    Ask,
    KeepWaker,
    /// Wakes everybody who has kept a waker, whether that is still waited for or not.
    WakeKept,
    /// Spawns its kid into that group, from anywhere.
    SpawnInto(u32),
    // ---- one kid after the other
    Seq,
    Catch,
    /// A local value's destructor panics behind the kid.
    Bomb,
    // ---- clean-up points: body, clean-up
    Finally,
    FinallyWith,
    Settle,
    Shield,
    // ---- scopes
    Timeout(u32),
    TimeoutAt(u32),
    Deadline(u32),
    Scope {
        deadline: Option<u32>,
        grace: Option<u32>,
    },
    // ---- side by side
    Gather,
    TryGather,
    Race,
    FirstOk,
    AsCompleted {
        take: u32,
        end: End,
        dwells: bool,
    },
    Map {
        limit: u32,
        ordered: bool,
        fetch: Fetch,
    },
    // ---- owners. Kids that are `Child` are spawned, the others are the body
    InPlace {
        rethrow: bool,
    },
    Group {
        limit: u32,
        grace: Option<u32>,
        rethrow: bool,
    },
    Child(How, Then),
    // ---- other libraries' combinators
    Join,
    Select,
    SelectAll,
    Unordered,
    Buffered(u32),
    /// The first kid is borrowed by a `select` with the second; then the third runs; then the first is awaited, or dropped.
    Borrow {
        again: bool,
    },
    /// The first kid is borrowed by a timeout; then the second runs; then the first is awaited, or dropped.
    BorrowTimeout {
        limit: u32,
        again: bool,
    },
    // ---- tasks
    /// Spawns the first kid, and runs the second.
    Spawn(Owner),
    /// Polls its kid so often, and then gives it to a task of its own, which is awaited.
    Move(u32),
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum End {
    Drain,
    Cancel,
    Drop,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Fetch {
    Collect,
    ForEach,
    Next(u32, End),
}

/// How a child is spawned.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum How {
    Plain,
    Slot,
    Background,
    /// With `start`; it says that it is ready before its work, behind it, or never.
    StartFirst,
    StartLast,
    StartNever,
    /// `spawn_group`: its kids are the body of a group below.
    Nested,
}

/// What becomes of a child's handle.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Then {
    Drop,
    Await,
    AwaitShielded,
    Outcome,
    Cancel,
    Abort,
    /// Awaited behind all other statements.
    Later,
    /// The next child awaits it.
    Pass,
    PassShielded,
}

/// What becomes of a task's handle.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Owner {
    /// Awaited behind the second kid.
    Await,
    /// Awaited by reference, and dropped.
    Look,
    Cancel,
    Abort,
    Drop,
    Detach,
    /// Others reach it.
    Keep,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Program {
    pub(super) seed: u64,
    pub(super) root: Rc<Node>,
    /// The host cancels everything then.
    pub(super) until: u32,
    /// First in, first out; otherwise a random schedule.
    pub(super) fifo: bool,
    /// The host ticks with so many polls; 0 is `run_until_stalled`.
    pub(super) polls: usize,
    /// The host wakes those who have kept their wakers, between ticks.
    pub(super) host_wakes: bool,
}

impl Node {
    pub(super) fn new(op: Op, kids: Vec<Rc<Node>>) -> Rc<Node> {
        Rc::new(Node { op, kids })
    }

    pub(super) fn leaf(op: Op) -> Rc<Node> {
        Node::new(op, Vec::new())
    }

    pub(super) fn size(&self) -> usize {
        1 + self.kids.iter().map(|kid| kid.size()).sum::<usize>()
    }

    pub(super) fn any(&self, is: &dyn Fn(&Node) -> bool) -> bool {
        is(self) || self.kids.iter().any(|kid| kid.any(is))
    }

    /// All the time that there is in it.
    pub(super) fn time(&self) -> u64 {
        let own = match self.op {
            Op::Sleep(ms) | Op::Timeout(ms) | Op::TimeoutAt(ms) | Op::Deadline(ms) => ms,
            Op::BorrowTimeout { limit: ms, .. } | Op::Reschedule(_, Some(ms)) => ms,
            Op::Scope { deadline, grace } => deadline.unwrap_or(0) + grace.unwrap_or(0),
            Op::Group { grace, .. } => grace.unwrap_or(0),
            Op::AsCompleted { dwells: true, .. } => 3 * (1 + self.kids.len() as u32),
            Op::Map { .. } => 3 * (1 + self.kids.len() as u32),
            _ => 0,
        };
        u64::from(own) + self.kids.iter().map(|kid| kid.time()).sum::<u64>()
    }

    /// How many kids the operation needs at least, and takes at most.
    pub(super) fn arity(op: Op) -> (usize, usize) {
        match op {
            Op::Seq | Op::Gather | Op::TryGather | Op::FirstOk | Op::Unordered | Op::Buffered(_) => (0, 5),
            Op::AsCompleted { .. } | Op::Map { .. } | Op::Join | Op::InPlace { .. } | Op::Group { .. } => (0, 5),
            Op::Child(How::Nested, _) => (0, 4),
            Op::Race | Op::SelectAll => (1, 5),
            Op::Catch | Op::Bomb | Op::Shield | Op::Timeout(_) | Op::TimeoutAt(_) | Op::Deadline(_) => (1, 1),
            Op::Scope { .. } | Op::Move(_) | Op::Child(..) | Op::SpawnInto(_) => (1, 1),
            Op::Finally | Op::FinallyWith | Op::Settle | Op::Select | Op::BorrowTimeout { .. } | Op::Spawn(_) => (2, 2),
            Op::Borrow { .. } => (3, 3),
            _ => (0, 0),
        }
    }

    /// Does it certainly end, if nobody cancels it?
    pub(super) fn ends(&self) -> bool {
        let all = || self.kids.iter().all(|kid| kid.ends());
        let any = || self.kids.iter().any(|kid| kid.ends());
        match self.op {
            Op::Busy | Op::Pending | Op::WaitToken(_) | Op::AwaitTask(_) => false,
            Op::Timeout(_) | Op::TimeoutAt(_) | Op::Scope { deadline: Some(_), .. } => true,
            Op::Race | Op::Select | Op::SelectAll => any(),
            Op::Borrow { again: false } => (self.kids[0].ends() || self.kids[1].ends()) && self.kids[2].ends(),
            // It may have cleaned up when the timeout was over, and waits for ever then.
            Op::BorrowTimeout { again, .. } => !again && self.kids[1].ends(),
            Op::Spawn(Owner::Await | Owner::Look) => all(),
            Op::Spawn(_) => self.kids[1].ends(),
            Op::Child(How::Background, _) => true,
            _ => all(),
        }
    }

    /// Is nothing in it that may wait for ever, rightly? What shields, and clean-up, must end by itself; and what is spawned there must
    /// too, as the executor may be closing.
    pub(super) fn is_fair(&self, sheltered: bool) -> bool {
        let (fewest, most) = Node::arity(self.op);
        if self.kids.len() < fewest || self.kids.len() > most {
            return false;
        }
        if sheltered && matches!(self.op, Op::Spawn(Owner::Detach | Owner::Keep)) && !self.kids[0].ends() {
            return false;
        }
        match self.op {
            Op::Shield => self.kids[0].ends() && self.kids[0].is_fair(true),
            Op::Finally | Op::FinallyWith | Op::Settle => {
                self.kids[1].ends() && self.kids[0].is_fair(sheltered) && self.kids[1].is_fair(true)
            }
            Op::SpawnInto(_) => self.kids[0].ends() && self.kids[0].is_fair(true),
            // They leak the others when one panics in its destructor.
            Op::Unordered | Op::Buffered(_) if self.any(&|node| node.op == Op::Bomb) => false,
            _ => self.kids.iter().all(|kid| kid.is_fair(sheltered)),
        }
    }
}

impl Program {
    /// Are clean-up points dropped on purpose, without a word?
    pub(super) fn is_quiet(&self) -> bool {
        self.root.any(&|node| {
            matches!(
                node.op,
                Op::AbortTask(_)
                    | Op::Spawn(Owner::Abort)
                    | Op::Child(_, Then::Abort)
                    | Op::Scope { grace: Some(_), .. }
                    | Op::Group { grace: Some(_), .. }
            )
        })
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let schedule = if self.fifo { "first in, first out" } else { "a random schedule" };
        let ticks = match self.polls {
            0 => "run_until_stalled".to_owned(),
            polls => format!("ticks of {polls} polls"),
        };
        let wakes = if self.host_wakes { ", wakes from outside" } else { "" };
        writeln!(f, "// {schedule}, {ticks}{wakes}; the host cancels everything at {} ms", self.until)?;
        write(f, &self.root, 0)
    }
}

fn write(f: &mut fmt::Formatter<'_>, node: &Node, depth: usize) -> fmt::Result {
    let indent = "    ".repeat(depth);
    if node.kids.is_empty() {
        return writeln!(f, "{indent}{:?}", node.op);
    }
    writeln!(f, "{indent}{:?} {{", node.op)?;
    node.kids.iter().try_for_each(|kid| write(f, kid, depth + 1))?;
    writeln!(f, "{indent}}}")
}
