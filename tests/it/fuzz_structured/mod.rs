//! Random programs of structured concurrency: each ends, and nothing is lost in it.
//!
//! A program is a tree of scopes, clean-up points, combinators, groups and tasks, with failures, panics and cancellations anywhere. It
//! runs in virtual time, by a schedule that its seed repeats, until the host cancels everything. Then each value was dropped once,
//! each panic and each error was seen once, each clean-up that was due was run or reported once; and whatever was cancelled
//! was stopped in the same instant, unless clean-up was at work in it.
//!
//! `FUZZ_CASES=1000000 cargo test --release --test it fuzz_structured` looks at more programs, `FUZZ_FIRST=n` begins with that seed,
//! and `FUZZ_SEED=n` looks at one, in words. With `FUZZ_SURVEY=1` it goes on behind a failure, and counts them by class.

mod program;
mod generate;
mod interpret;
mod step;
mod points;
mod scopes;
mod collect;
mod groups;
mod foreign;
mod tasks;
mod record;
mod frames;
mod run;
mod invariants;
mod shrink;

use invariants::Wrong;
use program::Program;
use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    str::FromStr,
};

/// Programs that were once taken for wrong: causes meet in them that seldom do.
const ONCE_WRONG: [u64; 10] =
    [548_621, 617_847, 622_724, 636_305, 742_768, 889_349, 949_026, 7_777_357_851, 7_777_770_876, 7_777_815_670];

fn setting<T: FromStr>(name: &str) -> Option<T> {
    env::var(name).ok()?.parse().ok()
}

/// What is wrong with that program; also if it does not do the same twice.
fn look(program: &Program) -> Option<Wrong> {
    let run = run::run(program, false);
    if run.wrong.is_none() && program.seed % 8 == 0 && run::run(program, false).digest != run.digest {
        return Some(Wrong::new("not the same twice", String::new()));
    }
    run.wrong
}

/// The shortest program that fails in the same way, with what happened in it.
fn tell(program: &Program, wrong: &Wrong) -> (String, String) {
    let (program, wrong) = shrink::shrink(program, wrong);
    let lines = run::run(&program, true).lines.join("\n");
    (format!("seed {}: {}: {}\n", program.seed, wrong.class, wrong.text), format!("{program}\n{lines}\n"))
}

#[test]
fn fuzz_structured_programs_end_and_lose_nothing() {
    if let Some(seed) = setting("FUZZ_SEED") {
        let program = generate::program(seed);
        let run = run::run(&program, true);
        println!("{program}\n{}\n{:?}", run.lines.join("\n"), run.wrong);
        assert!(look(&program).is_none());
        return;
    }
    let first = setting("FUZZ_FIRST").unwrap_or(0);
    let cases = setting("FUZZ_CASES").unwrap_or(if cfg!(miri) { 20 } else { 2000 });
    let survey = env::var("FUZZ_SURVEY").is_ok();
    let mut found: BTreeMap<&str, Vec<(Program, Wrong)>> = BTreeMap::new();
    for seed in ONCE_WRONG.into_iter().chain(first..first + cases) {
        let program = generate::program(seed);
        let Some(wrong) = look(&program) else { continue };
        if !survey {
            let (seed, text) = tell(&program, &wrong);
            panic!("{seed}{text}");
        }
        found.entry(wrong.class).or_default().push((program, wrong));
    }
    for (class, all) in &mut found {
        println!("==== {class}: {} of {cases}", all.len());
        all.sort_by_key(|(program, _)| program.root.size());
        let mut told = BTreeSet::new();
        for (program, wrong) in all.iter().take(setting("FUZZ_SURVEY").unwrap_or(1)) {
            let (seed, text) = tell(program, wrong);
            if told.insert(text.clone()) {
                println!("{seed}{text}");
            }
        }
    }
    assert!(found.is_empty());
}
