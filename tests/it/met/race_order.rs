//! Who is first among those that are always ready.

use crate::kit::stage::run_clean;
use evenkeel::{
    Executor, as_completed, first_ok, race, race_biased,
    sync::{Event, Queue},
    testing::{Fifo, Seeded, VirtualClock},
};
use std::future::{pending, ready};

const RACES: usize = 1_000;

/// Whose item is taken, in a thousand races of queues that are never empty.
async fn winners<const N: usize>(race: impl AsyncFn(&[Queue<usize>; N]) -> usize) -> [usize; N] {
    let queues: [Queue<usize>; N] = std::array::from_fn(|_| Queue::unbounded());
    let mut wins = [0; N];
    for _ in 0..RACES {
        for (n, queue) in queues.iter().enumerate() {
            if queue.is_empty() {
                queue.try_put(n).unwrap();
            }
        }
        wins[race(&queues).await] += 1;
    }
    assert!(queues.iter().all(|queue| queue.len() <= 1), "who loses has taken nothing");
    wins
}

async fn get(queue: &Queue<usize>) -> usize {
    queue.get().await.unwrap()
}

/// Each has its share, but for a seventh of it.
#[track_caller]
fn is_fair(wins: &[usize]) {
    let share = RACES / wins.len();
    assert!(wins.iter().all(|&wins| wins.abs_diff(share) <= share / 7), "{wins:?}");
}

#[test]
fn met_a2_collect_08_receivers_that_are_never_empty_win_races_equally_often() {
    is_fair(&run_clean(winners(async |[a, b]: &[_; 2]| race((get(a), get(b))).await)));
    is_fair(&run_clean(winners(async |[a, b, c]: &[_; 3]| race((get(a), get(b), get(c))).await)));
    is_fair(&run_clean(winners(async |all: &[_; 4]| race(all.iter().map(get)).await)));
}

#[test]
fn met_a2_collect_08_first_ok_and_as_completed_are_as_fair() {
    is_fair(&run_clean(winners(async |all: &[_; 2]| {
        first_ok(all.iter().map(async |queue| Ok::<_, ()>(get(queue).await))).await.unwrap()
    })));
    let firsts = run_clean(async {
        let mut firsts = [0; 3];
        for _ in 0..RACES {
            firsts[as_completed((0..3).map(async |n| n)).next().await.unwrap()] += 1;
        }
        firsts
    });
    is_fair(&firsts);
}

#[test]
fn met_a2_collect_08_where_one_never_comes_the_others_have_equal_shares() {
    for silent in 0..3 {
        let mut wins = run_clean(winners(async |all: &[Queue<usize>; 3]| {
            race(
                all.iter()
                    .enumerate()
                    .map(async |(n, queue)| if n == silent { pending().await } else { get(queue).await }),
            )
            .await
        }))
        .to_vec();
        assert_eq!(wins.remove(silent), 0);
        is_fair(&wins);
    }
}

#[test]
fn met_a2_collect_08_a_stop_event_behind_a_busy_receiver_is_heard() {
    let items = run_clean(async {
        let (queue, stop) = (Queue::unbounded(), Event::new());
        stop.set();
        let mut items = 0;
        loop {
            queue.try_put(1).unwrap();
            let item = async { Some(queue.get().await.unwrap()) };
            let stopped = async {
                stop.wait().await;
                None
            };
            match race((item, stopped)).await {
                Some(item) => items += item,
                None => return items,
            }
        }
    });
    assert!(items < 20, "{items}");
}

#[test]
fn met_a2_collect_08_a_biased_race_takes_the_first_in_the_list() {
    assert_eq!(run_clean(winners(async |[a, b]: &[_; 2]| race_biased((get(a), get(b))).await)), [RACES, 0]);
    assert_eq!(run_clean(winners(async |all: &[_; 3]| race_biased(all.iter().map(get)).await)), [RACES, 0, 0]);
}

#[test]
fn met_a2_collect_08_an_executor_and_a_seed_repeat_the_order() {
    fn order(executor: Executor) -> Vec<usize> {
        executor.run(async {
            let mut order = Vec::new();
            for _ in 0..20 {
                order.push(race((0..4).map(ready)).await);
            }
            order
        })
    }
    let with = || Executor::builder().clock(VirtualClock::new());
    let plain = order(with().build());
    assert_eq!(plain, order(with().build()));
    assert_eq!(plain, order(with().schedule(Fifo).build()), "first in, first out leaves the fair order as it is");
    let seeded: Vec<_> = (0..3).map(|seed| order(with().schedule(Seeded::new(seed)).build())).collect();
    for (seed, first) in (0..).zip(&seeded) {
        assert_eq!(*first, order(with().schedule(Seeded::new(seed)).build()), "seed {seed}");
        assert_ne!(*first, plain, "seed {seed}");
    }
    assert_ne!(seeded[0], seeded[1]);
}
