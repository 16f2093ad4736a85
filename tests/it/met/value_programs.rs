//! Random programs that set and read task-locals, in branches in place and around them, beside what the rules say.

use crate::kit::probe::ms;
use evenkeel::{gather, scope, spawn, task::TaskLocal, testing, timeout, yield_now};
use std::{convert::Infallible, pin::Pin, rc::Rc};

/// A program that sets and reads two keys.
#[derive(Clone, Debug)]
enum Op {
    Set(usize, u32),
    Read,
    Yield,
    Gather(Vec<Program>),
    /// A body, and then its children.
    Scope(Program, Vec<Program>),
    Own(usize, u32, Program),
    Timeout(Program),
    Spawn(Program),
}

type Program = Rc<Vec<Op>>;
/// What a program reads, in the order in which it is written.
type Reads = Vec<[Option<u32>; 2]>;

static KEYS: [TaskLocal<u32>; 2] = [TaskLocal::inherited(), TaskLocal::new()];

fn generate(next: &mut impl FnMut(u32) -> u32, depth: u32) -> Program {
    let length = 1 + next(5);
    let some = |next: &mut _, depth| (0..2).map(|_| generate(next, depth)).collect();
    let op = |_| match next(if depth == 0 { 4 } else { 9 }) {
        0 | 1 => Op::Set(next(2) as usize, next(1000)),
        2 => Op::Read,
        3 => Op::Yield,
        4 | 5 => Op::Gather(some(next, depth - 1)),
        6 => Op::Scope(generate(next, depth - 1), some(next, depth - 1)),
        7 => Op::Own(next(2) as usize, next(1000), generate(next, depth - 1)),
        _ if next(2) == 0 => Op::Timeout(generate(next, depth - 1)),
        _ => Op::Spawn(generate(next, depth - 1)),
    };
    Rc::new((0..length).map(op).chain([Op::Read]).collect())
}

/// What is to be read, by the rules alone.
fn expect(program: &Program, values: &mut [Option<u32>; 2]) -> Reads {
    let mut reads = Vec::new();
    for op in &**program {
        match op {
            Op::Set(key, value) => values[*key] = Some(*value),
            Op::Read => reads.push(*values),
            Op::Yield => {}
            Op::Gather(children) => children.iter().for_each(|child| reads.extend(expect(child, &mut values.clone()))),
            Op::Scope(body, children) => {
                reads.extend(expect(body, values));
                children.iter().for_each(|child| reads.extend(expect(child, &mut values.clone())));
            }
            Op::Own(key, value, inner) => {
                let around = values[*key].replace(*value);
                reads.extend(expect(inner, values));
                values[*key] = around;
            }
            Op::Timeout(inner) => reads.extend(expect(inner, values)),
            Op::Spawn(task) => reads.extend(expect(task, &mut [values[0], None])),
        }
    }
    reads
}

fn perform(program: Program) -> Pin<Box<dyn Future<Output = Reads>>> {
    Box::pin(async move {
        let mut reads = Vec::new();
        for op in &*program {
            match op.clone() {
                Op::Set(key, value) => KEYS[key].set(value),
                Op::Read => reads.push([KEYS[0].get(), KEYS[1].get()]),
                Op::Yield => yield_now().await,
                Op::Gather(children) => reads.extend(gather(children.into_iter().map(perform)).await.concat()),
                Op::Scope(body, children) => {
                    let both = scope(async |s| {
                        let mut reads = perform(body).await;
                        let spawn = |child| s.spawn(async { Ok::<_, Infallible>(perform(child).await) });
                        for child in children.into_iter().map(spawn).collect::<Vec<_>>() {
                            reads.extend(child.await);
                        }
                        Ok(reads)
                    });
                    reads.extend(both.await.unwrap());
                }
                Op::Own(key, value, inner) => reads.extend(KEYS[key].scope(value, perform(inner)).await),
                Op::Timeout(inner) => reads.extend(timeout(ms(1000), perform(inner)).await.unwrap()),
                Op::Spawn(task) => reads.extend(spawn(perform(task)).await.unwrap()),
            }
        }
        reads
    })
}

#[test]
fn met_b4_collect_09_random_programs_read_what_the_rules_say() {
    for seed in 0..1000_u64 {
        let mut state = 0x9e37_79b9_7f4a_7c15 ^ seed;
        let mut next = |end: u32| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) as u32) % end
        };
        let program = generate(&mut next, 4);
        let expected = expect(&program, &mut [None; 2]);
        assert_eq!(testing::run(perform(program.clone())), expected, "seed {seed}: {program:?}");
    }
}
