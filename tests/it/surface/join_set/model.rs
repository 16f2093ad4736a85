//! Random programs against a model.

use super::Set;
use crate::kit::{groups::Group, probe::at, stage::run_clean};
use evenkeel::{CancelReason, Instant, JoinError, sleep_until, yield_now};
use proptest::prelude::*;
use std::collections::VecDeque;

#[derive(Clone, Copy, Debug)]
enum Ending {
    Value,
    Panic,
    /// It is cancelled from outside, after so many milliseconds.
    Cancelled(u64),
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Spawn(u64, Ending),
    Join,
    TryJoin,
    /// Gives up waiting after so many milliseconds.
    JoinFor(u64),
    Pass(u64),
    CancelAll,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let ending = prop_oneof![
        4 => Just(Ending::Value),
        1 => Just(Ending::Panic),
        2 => (0..20_u64).prop_map(Ending::Cancelled),
    ];
    let step = prop_oneof![
        6 => (1..20_u64, ending).prop_map(|(after, ending)| Step::Spawn(after, ending)),
        3 => Just(Step::Join),
        2 => Just(Step::TryJoin),
        2 => (0..10_u64).prop_map(Step::JoinFor),
        2 => (1..10_u64).prop_map(Step::Pass),
        1 => Just(Step::CancelAll),
    ];
    prop::collection::vec(step, 1..40)
}

/// Times in a unit of 1024 ticks; each child ends at a tick of its own, so that the order is known.
#[derive(Default)]
struct Model {
    now: u64,
    /// When who ends, and how.
    running: Vec<(u64, usize, &'static str)>,
    ended: VecDeque<(usize, &'static str)>,
}

impl Model {
    fn pass_to(&mut self, time: u64) {
        self.now = self.now.max(time);
        self.running.sort();
        while self.running.first().is_some_and(|(end, ..)| *end <= self.now) {
            let (_, who, how) = self.running.remove(0);
            self.ended.push_back((who, how));
        }
    }

    /// Waits for the next, until a time.
    fn join(&mut self, until: u64) -> Option<(usize, &'static str)> {
        if self.ended.is_empty() {
            let first = self.running.iter().map(|(end, ..)| *end).min();
            self.pass_to(first?.min(until));
        }
        self.ended.pop_front()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn random_programs_join_what_a_model_says(steps in steps()) {
        let (seen, said) = run_clean(async {
            let outcome = Group::run(async |group| {
                let (mut seen, mut said) = (Vec::new(), Vec::new());
                let mut set: Set<usize> = group.join_set();
                let mut model = Model::default();
                let mut count = 0;
                let tick = |ticks: u64| at(0) + std::time::Duration::from_micros(ticks);
                let ticks = || (Instant::now() - at(0)).as_micros() as u64;
                let tell = |outcome: Option<Result<usize, JoinError>>| outcome.map(|outcome| match outcome {
                    Ok(who) => (who, "value"),
                    Err(JoinError::Panicked(panic)) => (panic.message().parse().unwrap(), "panic"),
                    Err(JoinError::Cancelled(CancelReason::Requested(who))) => {
                        (who.parse().unwrap_or(usize::MAX), "cancelled")
                    }
                    Err(error) => panic!("{error}"),
                });
                for step in steps {
                    match step {
                        Step::Spawn(after, ending) => {
                            let who = count;
                            count += 1;
                            // No two end in one tick, nor anything else.
                            let own = 2 * who as u64 + 1;
                            let end = model.now - model.now % 1024 + after * 1024 + own;
                            let child = set.spawn(async move {
                                sleep_until(tick(end)).await;
                                assert!(!matches!(ending, Ending::Panic), "{who}");
                                who
                            });
                            let (time, how) = match ending {
                                Ending::Value => (end, "value"),
                                Ending::Panic => (end, "panic"),
                                Ending::Cancelled(early) => {
                                    let cancelled = model.now - model.now % 1024 + (early + 1) * 1024 + own;
                                    group.spawn(async move {
                                        sleep_until(tick(cancelled)).await;
                                        child.cancel(who.to_string());
                                    });
                                    if cancelled < end { (cancelled, "cancelled") } else { (end, "value") }
                                }
                            };
                            // In one tick with its own cancellation, the value counts, as the child was woken before.
                            model.running.push((time, who, how));
                        }
                        Step::Join => {
                            let joined = tell(set.join_next().await);
                            let expected = model.join(u64::MAX);
                            seen.push(joined);
                            said.push(expected);
                        }
                        Step::TryJoin => {
                            seen.push(tell(set.try_join_next()));
                            said.push(model.ended.pop_front());
                        }
                        Step::JoinFor(millis) => {
                            let until = model.now - model.now % 1024 + (millis + 1) * 1024;
                            let joined = evenkeel::cancel::timeout_at(tick(until), set.join_next()).await;
                            seen.push(tell(joined.unwrap_or(None)));
                            said.push(model.join(until));
                        }
                        Step::Pass(millis) => {
                            let time = model.now - model.now % 1024 + millis * 1024;
                            sleep_until(tick(time)).await;
                            model.pass_to(time);
                        }
                        Step::CancelAll => {
                            set.cancel_all("all");
                            // All are told in the next turn, the newest first.
                            yield_now().await;
                            yield_now().await;
                            model.running.sort_by_key(|(_, who, _)| std::cmp::Reverse(*who));
                            for _ in std::mem::take(&mut model.running) {
                                model.ended.push_back((usize::MAX, "cancelled"));
                            }
                        }
                    }
                    model.now = model.now.max(ticks());
                    model.pass_to(ticks());
                    assert_eq!(set.len(), model.running.len() + model.ended.len());
                }
                while let Some(outcome) = set.join_next().await {
                    seen.push(tell(Some(outcome)));
                    said.push(model.join(u64::MAX));
                }
                assert_eq!(model.join(u64::MAX), None);
                Ok((seen, said))
            });
            outcome.await.unwrap()
        });
        prop_assert_eq!(seen, said);
    }
}
