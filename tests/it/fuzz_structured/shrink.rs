//! Smaller programs with the same fault.

use super::{
    invariants::Wrong,
    program::{Node, Op, Owner, Program, Then},
    run,
};
use std::rc::Rc;

/// The smallest program that is found in which the same class of things is wrong.
pub(super) fn shrink(program: &Program, wrong: &Wrong) -> (Program, Wrong) {
    let (mut best, mut best_wrong) = (program.clone(), wrong.clone());
    let mut tries = 20_000;
    while let Some((smaller, its_wrong)) = candidates(&best)
        .take_while(|_| {
            tries -= 1;
            tries > 0
        })
        .filter(|smaller| smaller.root.is_fair(false))
        .find_map(|smaller| {
            let its_wrong = run::run(&smaller, false).wrong.filter(|its_wrong| its_wrong.class == wrong.class)?;
            Some((smaller, its_wrong))
        })
    {
        (best, best_wrong) = (smaller, its_wrong);
    }
    (best, best_wrong)
}

fn candidates(program: &Program) -> impl Iterator<Item = Program> + use<> {
    let with = |change: &dyn Fn(&mut Program)| {
        let mut changed = program.clone();
        change(&mut changed);
        changed
    };
    let mut settings = Vec::new();
    if !program.fifo {
        settings.push(with(&|program| program.fifo = true));
    }
    if program.host_wakes {
        settings.push(with(&|program| program.host_wakes = false));
    }
    if program.polls != 0 {
        settings.push(with(&|program| program.polls = 0));
    }
    settings.extend(smaller(program.until).map(|until| with(&|program| program.until = until)));
    let program = program.clone();
    let trees = smaller_trees(&program.root);
    settings.into_iter().chain(trees.into_iter().map(move |root| Program { root, ..program.clone() }))
}

fn smaller(number: u32) -> impl Iterator<Item = u32> {
    let mut all = vec![0, 1, number / 2, number.saturating_sub(1)];
    all.retain(|&other| other < number);
    all.dedup();
    all.into_iter()
}

/// The tree with one change in it, the greatest first.
fn smaller_trees(node: &Rc<Node>) -> Vec<Rc<Node>> {
    let mut all: Vec<Rc<Node>> = node.kids.clone();
    if !node.kids.is_empty() || !matches!(node.op, Op::Ready) {
        all.push(Node::leaf(Op::Ready));
    }
    let (fewest, _) = Node::arity(node.op);
    if node.kids.len() > fewest {
        for index in 0..node.kids.len() {
            let mut kids = node.kids.clone();
            kids.remove(index);
            all.push(Node::new(node.op, kids));
        }
    }
    for (index, kid) in node.kids.iter().enumerate() {
        for smaller in smaller_trees(kid) {
            let mut kids = node.kids.clone();
            kids[index] = smaller;
            all.push(Node::new(node.op, kids));
        }
    }
    all.extend(smaller_ops(node.op).into_iter().map(|op| Node::new(op, node.kids.clone())));
    all
}

fn smaller_ops(op: Op) -> Vec<Op> {
    let fewer = |number, make: fn(u32) -> Op| smaller(number).map(make).collect::<Vec<_>>();
    match op {
        Op::Yields(count) => fewer(count, Op::Yields).into_iter().filter(|op| *op != Op::Yields(0)).collect(),
        Op::Sleep(ms) => [Op::Yields(1)].into_iter().chain(fewer(ms, Op::Sleep)).collect(),
        Op::Busy => vec![Op::Pending],
        Op::Timeout(ms) => fewer(ms, Op::Timeout),
        Op::TimeoutAt(ms) => vec![Op::Timeout(ms)],
        Op::Deadline(ms) => vec![Op::Timeout(ms)],
        Op::Scope { grace: Some(_), deadline } => vec![Op::Scope { deadline, grace: None }],
        Op::Scope { deadline: Some(ms), grace: None } => vec![Op::Timeout(ms)],
        Op::FinallyWith | Op::Settle => vec![Op::Finally],
        Op::TryGather | Op::FirstOk => vec![Op::Gather, Op::Race],
        Op::Unordered | Op::Buffered(_) => vec![Op::Join],
        Op::SelectAll => vec![Op::Select],
        Op::AsCompleted { take, end, dwells } => {
            let without = dwells.then_some(Op::AsCompleted { take, end, dwells: false });
            let fewer = smaller(take).map(|take| Op::AsCompleted { take, end, dwells });
            without.into_iter().chain(fewer).collect()
        }
        Op::Map { limit, ordered, fetch } => {
            smaller(limit).filter(|&limit| limit > 0).map(|limit| Op::Map { limit, ordered, fetch }).collect()
        }
        Op::Group { limit, grace, rethrow } => {
            let plain = Op::Group { limit: 0, grace: None, rethrow: false };
            let one = Op::Group { limit, grace: None, rethrow };
            [plain, one].into_iter().filter(|other| *other != Op::Group { limit, grace, rethrow }).collect()
        }
        Op::InPlace { rethrow: true } => vec![Op::InPlace { rethrow: false }],
        Op::Child(how, then) if then != Then::Drop => vec![Op::Child(how, Then::Drop)],
        Op::Spawn(owner) if owner != Owner::Await => vec![Op::Spawn(Owner::Await)],
        Op::Move(polls) => smaller(polls).filter(|&polls| polls > 0).map(Op::Move).collect(),
        Op::Borrow { again: true } => vec![Op::Borrow { again: false }],
        Op::BorrowTimeout { limit, again } => {
            let mut all: Vec<Op> = smaller(limit).map(|limit| Op::BorrowTimeout { limit, again }).collect();
            all.extend(again.then_some(Op::BorrowTimeout { limit, again: false }));
            all
        }
        Op::CancelScope(which) => fewer(which, Op::CancelScope),
        Op::CancelToken(which) => vec![Op::CancelScope(which)],
        Op::CancelGroup(which) => fewer(which, Op::CancelGroup),
        Op::CancelTask(which) => fewer(which, Op::CancelTask),
        Op::AbortTask(which) => vec![Op::CancelTask(which)],
        Op::DropTask(which) => fewer(which, Op::DropTask),
        Op::AwaitTask(which) => fewer(which, Op::AwaitTask),
        Op::WaitToken(which) => [Op::Pending].into_iter().chain(fewer(which, Op::WaitToken)).collect(),
        _ => Vec::new(),
    }
}
