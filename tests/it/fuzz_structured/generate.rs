//! Programs from seeds.

use super::program::{End, Fetch, How, Node, Op, Owner, Program, Then};
use evenkeel::testing::{Choice, Schedule, Seeded};
use std::rc::Rc;

pub(super) struct Numbers(Seeded);

impl Numbers {
    pub(super) fn new(seed: u64) -> Numbers {
        Numbers(Seeded::new(seed.wrapping_mul(0x2545_F491_4F6C_DD1D)))
    }

    pub(super) fn below(&mut self, n: u32) -> u32 {
        self.0.choose(Choice::Ready, n as usize) as u32
    }

    pub(super) fn one_in(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u32) as usize]
    }

    /// Few different times, so that things fall together.
    fn ms(&mut self) -> u32 {
        self.of(&[0, 1, 2, 3, 5, 5, 8, 10, 10, 13, 20, 40])
    }

    fn maybe_ms(&mut self) -> Option<u32> {
        if self.one_in(2) { None } else { Some(self.ms()) }
    }
}

pub(super) fn program(seed: u64) -> Program {
    let mut numbers = Numbers::new(seed);
    // Each program does without some kinds of nodes, so that others meet more often.
    let left_out = numbers.0.choose(Choice::Ready, 1 << 24) & numbers.0.choose(Choice::Ready, 1 << 24);
    let mut room = 3 + numbers.below(28) as usize;
    let mut grower = Grower { numbers: &mut numbers, left_out, room: &mut room };
    let root = loop {
        let root = grower.node(0, true, false);
        if root.is_fair(false) {
            break root;
        }
    };
    Program {
        seed,
        root,
        until: numbers.of(&[0, 1, 3, 5, 10, 15, 30, 100, 1000]),
        fifo: numbers.one_in(2),
        polls: numbers.of(&[0, 0, 1, 7, 200]),
        host_wakes: numbers.one_in(4),
    }
}

struct Grower<'a> {
    numbers: &'a mut Numbers,
    left_out: usize,
    room: &'a mut usize,
}

/// What kinds there are, and how often.
#[derive(Clone, Copy)]
enum Family {
    Wait,
    Deed,
    Fail,
    Panic,
    Bomb,
    Catch,
    Seq,
    Finally,
    Shield,
    Timeout,
    Scope,
    Gather,
    Race,
    AsCompleted,
    Map,
    InPlace,
    Group,
    Join,
    Select,
    Unordered,
    Borrow,
    Spawn,
    Move,
}

const FAMILIES: [Family; 34] = {
    use Family::*;
    [
        Wait,
        Wait,
        Wait,
        Deed,
        Deed,
        Fail,
        Panic,
        Bomb,
        Catch,
        Catch,
        Seq,
        Seq,
        Seq,
        Finally,
        Finally,
        Finally,
        Shield,
        Shield,
        Timeout,
        Timeout,
        Scope,
        Scope,
        Gather,
        Race,
        AsCompleted,
        Map,
        InPlace,
        Group,
        Join,
        Select,
        Unordered,
        Borrow,
        Spawn,
        Move,
    ]
};

impl Grower<'_> {
    /// A node. It may wait for ever if `free`; `sheltered` is inside of a shield or clean-up.
    fn node(&mut self, depth: u32, free: bool, sheltered: bool) -> Rc<Node> {
        if *self.room == 0 || depth > 9 {
            return self.leaf(free);
        }
        *self.room -= 1;
        for _ in 0..20 {
            let family = self.numbers.of(&FAMILIES);
            if self.left_out >> (family as usize) & 1 == 1 {
                continue;
            }
            let node = self.grow(family, depth + 1, free, sheltered);
            if (free || node.ends()) && node.is_fair(sheltered) {
                return node;
            }
        }
        self.leaf(free)
    }

    fn leaf(&mut self, free: bool) -> Rc<Node> {
        let n = self.numbers.below(14);
        let ms = self.numbers.ms();
        Node::leaf(match n {
            0..=1 => Op::Ready,
            2..=3 => Op::Yields(1 + self.numbers.below(4)),
            4 if free => Op::Busy,
            5..=6 if free => Op::Pending,
            7 if free => Op::WaitToken(self.numbers.below(4)),
            8 if free => Op::AwaitTask(self.numbers.below(4)),
            9 => Op::Fail,
            10 => Op::Yields(1 + self.numbers.below(14)),
            _ => Op::Sleep(ms),
        })
    }

    fn deed(&mut self) -> Rc<Node> {
        let which = self.numbers.below(4);
        let ms = self.numbers.maybe_ms();
        Node::leaf(match self.numbers.below(13) {
            0..=2 => Op::CancelScope(which),
            3 => Op::CancelToken(which),
            4 => Op::Reschedule(which, ms),
            5 => Op::CancelGroup(which),
            6 => Op::ReportTo(which),
            7 => Op::CancelTask(which),
            8 => self.numbers.of(&[Op::AbortTask(which), Op::DropTask(which), Op::DropTask(which)]),
            9 => Op::CancelSelf,
            10 => Op::Ask,
            11 => Op::KeepWaker,
            _ => Op::WakeKept,
        })
    }

    fn several(&mut self, fewest: u32, depth: u32, free: bool, sheltered: bool) -> Vec<Rc<Node>> {
        let count = fewest + self.numbers.below(4 - fewest.min(2));
        (0..count).map(|_| self.node(depth, free, sheltered)).collect()
    }

    fn grow(&mut self, family: Family, depth: u32, free: bool, sheltered: bool) -> Rc<Node> {
        let ms = self.numbers.ms();
        let (op, kids) = match family {
            Family::Wait => return self.leaf(free),
            Family::Deed if self.numbers.one_in(9) => {
                (Op::SpawnInto(self.numbers.below(3)), vec![self.node(depth, false, true)])
            }
            Family::Deed => return self.deed(),
            Family::Fail => return Node::leaf(Op::Fail),
            Family::Panic => return Node::leaf(Op::Panic),
            Family::Bomb if !self.numbers.one_in(3) => return self.leaf(free),
            Family::Bomb => (Op::Bomb, vec![self.node(depth, free, sheltered)]),
            Family::Catch => (Op::Catch, vec![self.node(depth, free, sheltered)]),
            Family::Seq => (Op::Seq, self.several(2, depth, free, sheltered)),
            Family::Finally => {
                let op = self.numbers.of(&[Op::Finally, Op::Finally, Op::FinallyWith, Op::Settle]);
                (op, vec![self.node(depth, free, sheltered), self.node(depth, false, true)])
            }
            Family::Shield => (Op::Shield, vec![self.node(depth, false, true)]),
            Family::Timeout => {
                let op = self.numbers.of(&[Op::Timeout(ms), Op::TimeoutAt(ms), Op::Deadline(ms)]);
                (op, vec![self.node(depth, free || !matches!(op, Op::Deadline(_)), sheltered)])
            }
            Family::Scope => {
                let deadline = if self.numbers.one_in(3) { Some(ms) } else { None };
                let grace = if self.numbers.one_in(8) { Some(self.numbers.ms()) } else { None };
                (Op::Scope { deadline, grace }, vec![self.node(depth, free || deadline.is_some(), sheltered)])
            }
            Family::Gather => {
                let op = self.numbers.of(&[Op::Gather, Op::Gather, Op::TryGather]);
                (op, self.several(1, depth, free, sheltered))
            }
            Family::Race => {
                let op = self.numbers.of(&[Op::Race, Op::Race, Op::FirstOk]);
                (op, self.several(2, depth, free, sheltered))
            }
            Family::AsCompleted => {
                let end = self.numbers.of(&[End::Drain, End::Cancel, End::Cancel, End::Drop]);
                let op = Op::AsCompleted { take: self.numbers.below(4), end, dwells: self.numbers.one_in(3) };
                (op, self.several(2, depth, free, sheltered))
            }
            Family::Map => {
                let end = self.numbers.of(&[End::Drain, End::Cancel, End::Drop]);
                let next = Fetch::Next(self.numbers.below(4), end);
                let fetch = self.numbers.of(&[Fetch::Collect, Fetch::ForEach, next, next]);
                let op = Op::Map { limit: 1 + self.numbers.below(3), ordered: self.numbers.one_in(2), fetch };
                (op, self.several(2, depth, free, sheltered))
            }
            Family::InPlace => {
                let op = Op::InPlace { rethrow: self.numbers.one_in(2) };
                (op, self.statements(depth, free, sheltered, false))
            }
            Family::Group => {
                let grace = if self.numbers.one_in(8) { Some(ms) } else { None };
                let limit = self.numbers.below(3);
                let op = Op::Group { limit, grace, rethrow: self.numbers.one_in(2) };
                (op, self.statements(depth, free, sheltered, true))
            }
            Family::Join => (Op::Join, self.several(2, depth, free, sheltered)),
            Family::Select => {
                let op = self.numbers.of(&[Op::Select, Op::SelectAll]);
                (op, vec![self.node(depth, free, sheltered), self.node(depth, free, sheltered)])
            }
            Family::Unordered => {
                let op = self.numbers.of(&[Op::Unordered, Op::Unordered, Op::Buffered(1), Op::Buffered(2)]);
                (op, self.several(2, depth, free, sheltered))
            }
            Family::Borrow => {
                let again = self.numbers.one_in(2);
                let mut kids = vec![self.node(depth, free, sheltered), self.node(depth, free, sheltered)];
                if self.numbers.one_in(3) {
                    (Op::BorrowTimeout { limit: ms, again }, kids)
                } else {
                    kids.push(self.node(depth, free, sheltered));
                    (Op::Borrow { again }, kids)
                }
            }
            Family::Spawn => {
                let owner = self.numbers.of(&[
                    Owner::Await,
                    Owner::Await,
                    Owner::Look,
                    Owner::Cancel,
                    Owner::Abort,
                    Owner::Drop,
                    Owner::Detach,
                    Owner::Keep,
                    Owner::Keep,
                ]);
                let owner = if owner == Owner::Abort && !self.numbers.one_in(4) { Owner::Drop } else { owner };
                (Op::Spawn(owner), vec![self.node(depth, free, sheltered), self.node(depth, free, sheltered)])
            }
            Family::Move => (Op::Move(1 + self.numbers.below(3)), vec![self.node(depth, free, sheltered)]),
        };
        Node::new(op, kids)
    }

    /// The body of a group or a scope.
    fn statements(&mut self, depth: u32, free: bool, sheltered: bool, tasks: bool) -> Vec<Rc<Node>> {
        let count = 1 + self.numbers.below(4);
        (0..count)
            .map(|_| {
                if self.numbers.one_in(3) {
                    return self.node(depth, free, sheltered);
                }
                let how = match self.numbers.below(9) {
                    0 => How::Slot,
                    1 => How::Background,
                    2 => self.numbers.of(&[How::StartFirst, How::StartLast, How::StartNever]),
                    3 => How::Nested,
                    _ => How::Plain,
                };
                let how = if tasks { how } else { How::Plain };
                let then = match self.numbers.below(13) {
                    0 => Then::Await,
                    1 => Then::AwaitShielded,
                    2 => Then::Outcome,
                    3 => Then::Cancel,
                    4 if self.numbers.one_in(5) => Then::Abort,
                    5 => Then::Later,
                    6 => Then::Pass,
                    7 => Then::PassShielded,
                    _ => Then::Drop,
                };
                let kids = match how {
                    How::Nested => self.statements(depth + 1, free, sheltered, true),
                    How::Background => vec![self.node(depth, true, sheltered)],
                    _ => vec![self.node(depth, free, sheltered)],
                };
                Node::new(Op::Child(how, then), kids)
            })
            .collect()
    }
}
