//! Seeds, and random programs against a model.

use super::{Run, Words, plays};
use crate::kit::{
    probe::{Record, at, ms},
    stage::run_told,
};
use evenkeel::{
    Executor,
    combinator::choose_jitter,
    group::{Failure, OnFailure, Restart},
    host::UnhandledKind,
    sleep,
    testing::{Seeded, VirtualClock},
};
use proptest::prelude::*;
use std::{future::pending, time::Duration};

#[test]
fn jitter_lies_between_half_and_all_and_the_same_seed_gives_the_same_run() {
    let run = |seed| {
        let begins = Record::new();
        let executor = Executor::builder().clock(VirtualClock::new()).schedule(Seeded::new(seed)).on_unhandled(|_| {});
        let outcome = executor.run(Words::run(async |supervisor| {
            let restart = Restart::on_failure().backoff(ms(1_000), 1, ms(1_000)).jitter().unlimited();
            let mut runs = vec![(0, Run::Fails); 40];
            runs.push((0, Run::Ends));
            supervisor.spawn_restarting(restart, plays(begins.clone(), runs)).await;
            Ok(())
        }));
        outcome.unwrap();
        begins.take()
    };
    let (first, again, other) = (run(7), run(7), run(8));
    assert_eq!(first, again);
    assert_ne!(first, other);
    let waits: Vec<_> = first.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(waits.iter().all(|wait| (500..=1_000).contains(wait)), "{waits:?}");
    assert!(waits.iter().any(|wait| *wait < 650) && waits.iter().any(|wait| *wait > 850), "{waits:?}");
}

/// Two executors, as two processes would: each chooses its own waits, unless the time is virtual.
#[test]
fn jitter_is_another_on_each_executor_but_on_virtual_time() {
    let choices = |executor: Executor| executor.run(async { [(); 8].map(|()| choose_jitter(1 << 16)) });
    assert_ne!(choices(Executor::new()), choices(Executor::new()));
    let repeated = || choices(Executor::builder().clock(VirtualClock::new()).build());
    assert_eq!(repeated(), repeated());
    let patient = || choices(Executor::builder().clock(VirtualClock::new().patience(Duration::MAX)).build());
    assert_eq!(patient(), patient());
    let seeded = |seed| choices(Executor::builder().schedule(Seeded::new(seed)).build());
    assert_eq!(seeded(1), seeded(1));
    assert_ne!(seeded(1), seeded(2));
}

/// One child of a random program.
#[derive(Clone, Debug)]
struct Plan {
    starts: u64,
    runs: Vec<(u64, Run)>,
    rule: Rule,
    backoff: (u64, u32, u64),
    limit: Option<(usize, u64)>,
    cancelled: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Rule {
    Always,
    OnFailure,
    Never,
}

/// Times of the program are odd where the test acts, and even where a child does, so that no two are in one turn by chance.
fn plan() -> impl Strategy<Value = Plan> {
    let run = prop_oneof![1 => Just(Run::Ends), 3 => Just(Run::Fails), 1 => Just(Run::Panics)];
    let runs = prop::collection::vec((1..30_u64, run), 1..6)
        .prop_map(|runs| runs.into_iter().map(|(after, run)| (after * 2, run)).collect::<Vec<_>>());
    let rule = prop_oneof![1 => Just(Rule::Always), 2 => Just(Rule::OnFailure), 1 => Just(Rule::Never)];
    let backoff = (0..10_u64, 0..4_u32, 0..40_u64).prop_map(|(initial, factor, max)| (initial * 2, factor, max * 2));
    let limit = prop::option::weighted(0.8, (0..5_usize, 1..100_u64));
    let cancelled = prop::option::weighted(0.3, (0..100_u64).prop_map(|time| time * 2 + 1));
    (0..20_u64, runs, rule, backoff, limit, cancelled).prop_map(|(starts, runs, rule, backoff, limit, cancelled)| {
        Plan { starts: starts * 2, runs, rule, backoff, limit, cancelled }
    })
}

/// What is to come of a child, in the plainest way: when its runs begin, what is told of it, and when the supervisor fails by it.
#[derive(Debug, Default, PartialEq)]
struct Story {
    begins: Vec<u64>,
    told: Vec<(u64, &'static str)>,
    fails: Option<u64>,
}

fn story(plan: &Plan, end: u64) -> Story {
    let mut story = Story::default();
    let stops = plan.cancelled.filter(|at| *at > plan.starts).unwrap_or(u64::MAX).min(end);
    let (mut now, mut restarts, mut in_a_row) = (plan.starts, Vec::<u64>::new(), 0_u32);
    for n in 0.. {
        if now > stops {
            break;
        }
        story.begins.push(now);
        let (lasts, run) = plan.runs[n.min(plan.runs.len() - 1)];
        now += lasts;
        if now > stops {
            break;
        }
        let what = match run {
            Run::Ends => None,
            Run::Fails => Some("it failed"),
            Run::Panics => Some("it panicked"),
        };
        let again = plan.rule == Rule::Always || plan.rule == Rule::OnFailure && what.is_some();
        let (initial, factor, max) = plan.backoff;
        if lasts >= max {
            in_a_row = 0;
        }
        let next = now + initial.saturating_mul(u64::from(factor.max(1)).saturating_pow(in_a_row)).min(max);
        if again {
            if let Some((most, period)) = plan.limit {
                if restarts.iter().filter(|then| next - **then < period).count() >= most {
                    story.fails = Some(now);
                    break;
                }
            }
        }
        story.told.extend(what.map(|what| (now, what)));
        if !again {
            break;
        }
        restarts.push(next);
        now = next;
        in_a_row += 1;
    }
    story
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn random_children_are_restarted_and_told_of_as_a_model_says(
        plans in prop::collection::vec(plan(), 1..6),
        collects in any::<bool>(),
        last in (100..400_u64).prop_map(|time| time * 2 + 1),
    ) {
        // Who fails first ends the story of all. Two that fail in one turn may both be told: such programs are not looked at.
        let alone: Vec<_> = plans.iter().map(|plan| story(plan, last)).collect();
        let failing = alone.iter().filter_map(|story| story.fails).min();
        prop_assume!(alone.iter().filter(|story| story.fails == failing).count() <= 1 || failing.is_none());
        let end = failing.unwrap_or(last);
        let stories: Vec<_> = plans.iter().map(|plan| story(plan, end)).collect();
        // Whatever else happens in the very turn of the end may or may not.
        let busy = stories.iter().flat_map(|story| story.begins.iter().chain(story.told.iter().map(|(at, _)| at)));
        prop_assume!(!busy.into_iter().any(|at| *at == end));

        let begins: Vec<Record<u64>> = plans.iter().map(|_| Record::new()).collect();
        let rule = if collects { OnFailure::Collect { most: usize::MAX } } else { OnFailure::Report };
        let (outcome, heard) = run_told(
            Words::builder().on_failure(rule).run(async |supervisor| {
                let ends = supervisor.clone();
                let mut starts: Vec<_> = plans.iter().cloned().zip(begins.iter().cloned()).enumerate().collect();
                starts.sort_by_key(|(_, (plan, _))| plan.starts);
                supervisor.spawn_background(async move {
                    sleep(ms(last)).await;
                    ends.cancel("the end");
                    Ok(())
                });
                for (n, (plan, begins)) in starts {
                    evenkeel::sleep_until(at(plan.starts)).await;
                    let (initial, factor, max) = plan.backoff;
                    let mut restart = match plan.rule {
                        Rule::Always => Restart::always(),
                        Rule::OnFailure => Restart::on_failure(),
                        Rule::Never => Restart::never(),
                    };
                    restart = restart.backoff(ms(initial), factor, ms(max)).unlimited();
                    if let Some((most, period)) = plan.limit {
                        restart = restart.limit(most, ms(period));
                    }
                    let child = supervisor.spawn_restarting(restart, plays(begins, plan.runs)).named(n.to_string());
                    if let Some(time) = plan.cancelled.filter(|time| *time > plan.starts) {
                        supervisor.spawn_background(async move {
                            evenkeel::sleep_until(at(time)).await;
                            child.cancel("alone");
                            Ok(())
                        });
                    }
                }
                pending::<()>().await;
                Ok(())
            }),
            |unhandled| {
                let what = match unhandled.kind() {
                    UnhandledKind::RunFailed(text) => text.to_string(),
                    UnhandledKind::RunPanicked(panic) | UnhandledKind::TaskPanicked(panic) => panic.message().to_owned(),
                    UnhandledKind::Error(text) => text.to_string(),
                    other => format!("{other:?}"),
                };
                format!("{}: {what}", unhandled.name().unwrap_or("?"))
            },
        );
        let error = outcome.unwrap_err();
        for (story, begins) in stories.iter().zip(&begins) {
            prop_assert_eq!(&story.begins, &begins.take());
        }
        let mut told: Vec<_> = stories.iter().enumerate().flat_map(|(n, story)| {
            story.told.iter().map(move |(at, what)| (*at, format!("{n}: {what}")))
        }).collect();
        told.sort();
        let told: Vec<_> = told.into_iter().map(|(_, line)| line).collect();
        let sorted = |mut lines: Vec<String>| { lines.sort(); lines };
        let mut kept: Vec<_> = error.children().iter().map(|child| {
            let what = match &child.error {
                Failure::One(error) => (*error).to_owned(),
                Failure::Panicked(panic) => panic.message().to_owned(),
                other => format!("{other:?}"),
            };
            format!("{}: {what}", child.name.as_deref().unwrap_or("?"))
        }).collect();
        let failed = stories.iter().position(|story| story.fails.is_some());
        match failed {
            Some(n) => {
                let (most, period) = plans[n].limit.unwrap();
                let limit: Failure<&str> = Failure::RestartLimit { restarts: most, period: ms(period) };
                prop_assert_eq!(kept.pop(), Some(format!("{n}: {limit:?}")));
                // Its last failure, if it has failed, and not ended.
                if plans[n].rule != Rule::Always || kept.len() > if collects { told.len() } else { 0 } {
                    let last = kept.pop().unwrap_or_default();
                    prop_assert!(last.starts_with(&format!("{n}: it ")), "{}", last);
                }
                prop_assert!(!error.is_cancelled());
            }
            None => {
                let end = "the end".into();
                prop_assert_eq!(error.reason(), Some(&end));
            }
        }
        if collects {
            prop_assert_eq!(sorted(kept), sorted(told));
            prop_assert!(heard.is_empty(), "{:?}", heard);
        } else {
            prop_assert!(kept.is_empty(), "{:?}", kept);
            prop_assert_eq!(sorted(heard), sorted(told));
        }
    }
}
