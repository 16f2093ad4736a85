//! Random programs on every primitive, with wakers that come back in or panic when they are cloned, called or dropped. `FUZZ_CASES`
//! says how many; a failing one is shrunk and printed with its seed, which `FUZZ_SEED` runs alone.
//!
//! What must hold for all: whoever could go on was called; those who were called stand before those who were not; in the end everybody
//! can go on. What must hold for each is in its rig: nothing lost, nothing doubled, the right order.

mod items;
mod news;
mod notes;
mod program;
mod queues;
mod rigs;
mod world;

use evenkeel_sync as sync;
use program::{Maker, Op, plainer};
use std::rc::Rc;
use world::World;

/// What goes wrong in a program.
fn run(which: usize, program: &[Op]) -> Option<String> {
    let world = Rc::new(World::new(rigs::make(which)));
    world.run(program);
    crate::kit::bomb::defuse();
    world.wrong()
}

/// The shortest and plainest program that still goes wrong.
fn shrink(which: usize, mut program: Vec<Op>) -> Vec<Op> {
    let mut size = program.len().div_ceil(2);
    while size > 0 {
        let mut at = 0;
        while at < program.len() {
            let mut shorter = program.clone();
            shorter.drain(at..(at + size).min(program.len()));
            if run(which, &shorter).is_some() { program = shorter } else { at += size }
        }
        size /= 2;
    }
    for at in 0..program.len() {
        for plainer in plainer(program[at]) {
            let mut next = program.clone();
            next[at] = plainer;
            if run(which, &next).is_some() {
                program = next;
            }
        }
    }
    program
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn fuzz_sync_nothing_is_lost_whatever_wakers_do() {
    let cases = number("FUZZ_CASES").unwrap_or(if cfg!(miri) { 60 } else { 5000 });
    let seeds = number("FUZZ_SEED").map_or(0..cases, |seed| seed..seed + 1);
    for seed in seeds {
        let (which, program) = Maker::program(seed, rigs::COUNT);
        if let Some(wrong) = run(which, &program) {
            let program = shrink(which, program);
            let still = run(which, &program).unwrap_or(wrong);
            panic!("seed {seed}, {}: {still}\n{program:#?}", rigs::make(which).name);
        }
    }
}
