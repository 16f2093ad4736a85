//! The timer wheel against a model that sorts.

use crate::kit::probe::Record;
use evenkeel::{
    Executor, Instant, Task, sleep, sleep_until, spawn,
    testing::{self, Choice, Schedule, Seeded, VirtualClock},
    time::Clock,
};
use std::time::Duration;

/// A small source of numbers that a seed repeats.
struct Numbers(Seeded);

impl Numbers {
    fn below(&mut self, n: usize) -> usize {
        self.0.choose(Choice::Ready, n)
    }

    /// From nanoseconds to years, each order of magnitude alike.
    fn duration(&mut self) -> Duration {
        let bits = self.below(58);
        Duration::from_nanos((0..bits).fold(1, |nanos, _| (nanos << 1) | self.below(2) as u64))
    }
}

#[test]
fn time_08_ten_thousand_random_timers_fire_in_the_order_of_their_deadlines() {
    for seed in 0..4 {
        let mut numbers = Numbers(Seeded::new(seed));
        let durations: Vec<Duration> = (0..10_000).map(|_| numbers.duration()).collect();
        let mut expected: Vec<(Duration, usize)> =
            durations.iter().copied().enumerate().map(|(n, duration)| (duration, n)).collect();
        expected.sort();
        let record = Record::new();
        testing::run(async {
            let tasks: Vec<Task<()>> = durations
                .into_iter()
                .enumerate()
                .map(|(n, duration)| {
                    let record = record.clone();
                    spawn(async move {
                        sleep(duration).await;
                        record.add((Instant::now().since_origin(), n));
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        assert!(record.take() == expected, "seed {seed}: another order, or another time");
    }
}

#[test]
fn time_08_timers_that_start_end_and_move_at_random_times_agree_with_the_model() {
    for seed in 0..20 {
        let mut numbers = Numbers(Seeded::new(100 + seed));
        let clock = VirtualClock::new();
        let executor = Executor::builder().clock(clock.clone()).build();
        let record = Record::new();
        // The model: what is to fire, by deadline and then by age.
        let mut model: Vec<(Instant, usize)> = Vec::new();
        let mut tasks: Vec<Option<Task<()>>> = Vec::new();
        for step in 0..400 {
            let now = clock.now();
            match numbers.below(10) {
                0..=5 => {
                    let (n, deadline) = (tasks.len(), now + numbers.duration());
                    let record = record.clone();
                    tasks.push(Some(executor.spawn(async move {
                        sleep_until(deadline).await;
                        record.add((Instant::now(), n));
                    })));
                    model.push((deadline, n));
                }
                6..=7 if !tasks.is_empty() => {
                    let n = numbers.below(tasks.len());
                    if tasks[n].take().is_some() {
                        model.retain(|&(_, other)| other != n);
                    }
                }
                _ => {
                    model.sort();
                    // As far as the next one, less far, or over several at once.
                    let next = model.first().map_or(now, |&(deadline, _)| deadline);
                    let jump = match numbers.below(3) {
                        0 => next - now,
                        1 => (next - now) / 2,
                        _ => numbers.duration(),
                    };
                    clock.advance(jump);
                    let now = now + jump;
                    executor.run_until_stalled();
                    executor.run_until_stalled();
                    let due = model.iter().take_while(|&&(deadline, _)| deadline <= now).count();
                    let expected: Vec<_> = model.drain(..due).map(|(_, n)| (now, n)).collect();
                    assert_eq!(record.take(), expected, "seed {seed}, step {step}");
                }
            }
            executor.run_until_stalled();
            model.sort();
            if let Some(&(first, _)) = model.first() {
                let next = executor.next_deadline().expect("a timer is armed");
                assert!(next <= first.max(clock.now()), "seed {seed}, step {step}");
            }
        }
        // The rest, by jumps.
        model.sort();
        let expected: Vec<_> = model.iter().map(|&(deadline, n)| (deadline.max(clock.now()), n)).collect();
        executor.run(async {
            for task in tasks.into_iter().flatten() {
                task.await.unwrap();
            }
        });
        assert_eq!(record.take(), expected, "seed {seed}, the rest");
    }
}

#[test]
fn time_08_deadlines_at_the_borders_of_every_level_are_exact() {
    let record = Record::new();
    let mut expected = Vec::new();
    testing::run(async {
        let mut tasks = Vec::new();
        for level in 0..=7_u32 {
            let border = 1_u64 << (20 + 6 * level);
            for nanos in [border - 1, border, border + 1, border * 3 - 1, border * 3] {
                expected.push(nanos);
                let record = record.clone();
                tasks.push(spawn(async move {
                    sleep_until(Instant::from_origin(Duration::from_nanos(nanos))).await;
                    record.add(Instant::now().since_origin().as_nanos() as u64);
                }));
            }
        }
        for task in tasks {
            task.await.unwrap();
        }
    });
    expected.sort();
    assert_eq!(record.take(), expected);
}
