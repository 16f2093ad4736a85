//! Three groups, one in the other, and everything that can happen at each of them: every error and every cancellation is
//! delivered once, and no child outlives its block.

use crate::kit::{
    groups::{Group, Outcome, run_with_reports},
    probe::{Record, ms, on_drop},
};
use evenkeel::{CancelScope, GroupError, finally, finally_with, sleep, spawn, timeout};
use std::{cell::Cell, future::pending, pin::Pin, rc::Rc, time::Duration};

const DEPTH: usize = 3;
const CHILD: [&str; DEPTH] = ["child 0", "child 1", "child 2"];
const SIBLING: [&str; DEPTH] = ["sibling 0", "sibling 1", "sibling 2"];
const BODY: [&str; DEPTH] = ["body 0", "body 1", "body 2"];
const CLEANUP: [&str; DEPTH] = ["clean-up 0", "clean-up 1", "clean-up 2"];
const BELOW: [&str; DEPTH] = ["below 0", "below 1", "below 2"];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    ChildFails,
    TwoSiblingsFail,
    BodyFails,
    ScopeAroundIsCancelled,
    TaskIsCancelled,
    TimeIsOver,
    GroupIsCancelled,
}

const EVENTS: [Event; 7] = [
    Event::ChildFails,
    Event::TwoSiblingsFail,
    Event::BodyFails,
    Event::ScopeAroundIsCancelled,
    Event::TaskIsCancelled,
    Event::TimeIsOver,
    Event::GroupIsCancelled,
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Cleanup {
    Quick,
    Awaits,
    Fails,
}

#[derive(Clone, Copy, Debug)]
struct Case {
    event: Event,
    level: usize,
    cleanup: Cleanup,
    /// How the groups below are opened: in the body, or by a child of their own.
    in_place: bool,
    /// A second event, in the same turn.
    second: Option<(Event, usize)>,
}

impl Case {
    fn happens(&self, event: Event, level: usize) -> bool {
        (self.event, self.level) == (event, level) || self.second == Some((event, level))
    }
}

#[derive(Clone)]
struct World {
    raised: Record<&'static str>,
    received: Record<&'static str>,
    alive: Rc<[Cell<usize>; DEPTH]>,
}

impl World {
    fn raise(&self, why: &'static str) -> &'static str {
        self.raised.add(why);
        why
    }

    fn receive(&self, error: GroupError<&'static str>) {
        self.received.add_all(error.into_errors());
    }

    fn enter(&self, level: usize) -> impl Drop + use<> {
        self.alive[level].set(self.alive[level].get() + 1);
        let alive = self.alive.clone();
        on_drop(move || alive[level].set(alive[level].get() - 1))
    }
}

/// Does nothing until it is stopped, and then cleans up as the case says.
async fn bystander(world: World, group: Group, case: Case, level: usize) -> Result<(), &'static str> {
    let _alive = world.enter(level);
    finally(pending(), async |_: Option<&Result<(), &'static str>>| {
        if case.cleanup != Cleanup::Quick {
            sleep(ms(2)).await;
        }
        if case.cleanup == Cleanup::Fails {
            group.report(world.raise(CLEANUP[level]));
        }
    })
    .await
}

async fn fails(world: World, level: usize, why: &'static str) -> Result<(), &'static str> {
    let _alive = world.enter(level);
    sleep(ms(5)).await;
    Err(world.raise(why))
}

async fn block(world: World, case: Case, level: usize, group: Group) -> Result<(), &'static str> {
    group.spawn(bystander(world.clone(), group.clone(), case, level));
    if case.happens(Event::ChildFails, level) {
        group.spawn(fails(world.clone(), level, CHILD[level]));
    }
    if case.happens(Event::TwoSiblingsFail, level) {
        group.spawn(fails(world.clone(), level, CHILD[level]));
        group.spawn(fails(world.clone(), level, SIBLING[level]));
    }
    if case.happens(Event::GroupIsCancelled, level) {
        let own = group.clone();
        group.spawn(async move {
            sleep(ms(5)).await;
            own.cancel("the group");
        });
    }
    group.spawn(bystander(world.clone(), group.clone(), case, level));
    let body_fails = case.happens(Event::BodyFails, level);
    if level + 1 < DEPTH {
        let (below, inside) = (nested(world.clone(), case, level + 1), world.clone());
        let below = async move {
            match below.await {
                Ok(()) => Ok(()),
                Err(error) if error.children().is_empty() => Ok(()),
                Err(error) => {
                    inside.receive(error);
                    Err(inside.raise(BELOW[level]))
                }
            }
        };
        if case.in_place && !body_fails {
            below.await?;
            // It was only cancelled: that is the end here too.
            group.cancel("below");
            return Ok(());
        }
        let own = group.clone();
        group.spawn(async move {
            let ended = below.await;
            own.cancel("below");
            ended
        });
    }
    if body_fails {
        sleep(ms(5)).await;
        return Err(world.raise(BODY[level]));
    }
    Ok(())
}

/// One level, with what happens to it from around.
fn nested(world: World, case: Case, level: usize) -> Pin<Box<dyn Future<Output = Outcome<()>>>> {
    Box::pin(async move {
        let (inside, after, alive) = (world.clone(), world.clone(), world.alive.clone());
        let group = async move {
            let outcome = Group::run(async |group| block(inside, case, level, group).await).await;
            assert_eq!(alive[level].get(), 0, "a child outlives its block: {case:?}");
            outcome
        };
        if case.happens(Event::ScopeAroundIsCancelled, level) {
            let scope = CancelScope::new();
            let handle = scope.clone();
            spawn(async move {
                sleep(ms(5)).await;
                handle.cancel("the scope");
            })
            .detach();
            scope.run(group).await.unwrap_or(Ok(()))
        } else if case.happens(Event::TimeIsOver, level) {
            timeout(ms(5), group).await.unwrap_or(Ok(()))
        } else if case.happens(Event::TaskIsCancelled, level) {
            let task = spawn(group);
            sleep(ms(5)).await;
            task.cancel("the task");
            let ended = finally_with(
                task,
                async |task| task.outcome().await.unwrap_or(Ok(())),
                async |mut task, ended: Option<&Outcome<()>>| {
                    if ended.is_none() {
                        // This code is not resumed, so the errors stay here.
                        if let Ok(Err(error)) = task.outcome().await {
                            after.receive(error);
                        }
                    }
                },
            );
            ended.await
        } else {
            group.await
        }
    })
}

fn check(case: Case) {
    let world = World { raised: Record::new(), received: Record::new(), alive: Rc::default() };
    let outer = world.clone();
    let (outcome, reports) = run_with_reports(async {
        let outcome = timeout(Duration::from_secs(3600), nested(outer.clone(), case, 0)).await;
        // What belongs to a task of its own may still clean up.
        sleep(ms(100)).await;
        outcome
    });
    match outcome.unwrap_or_else(|_| panic!("it hangs: {case:?}")) {
        Ok(()) => {}
        Err(error) => world.receive(error),
    }
    let left: usize = world.alive.iter().map(Cell::get).sum();
    assert_eq!(left, 0, "{case:?}");
    let (mut raised, mut received) = (world.raised.take(), world.received.take());
    raised.sort_unstable();
    received.sort_unstable();
    assert_eq!(reports, Vec::<String>::new(), "{case:?}");
    assert_eq!(raised, received, "{case:?}");
    if case.cleanup == Cleanup::Fails {
        let cleaned = raised.iter().filter(|why| CLEANUP.contains(why)).count();
        assert_eq!(cleaned, 2 * DEPTH, "{case:?}: {raised:?}");
    }
}

fn cases() -> impl Iterator<Item = Case> {
    EVENTS.into_iter().flat_map(|event| {
        (0..DEPTH).flat_map(move |level| {
            [Cleanup::Quick, Cleanup::Awaits, Cleanup::Fails].into_iter().flat_map(move |cleanup| {
                [false, true].map(|in_place| Case { event, level, cleanup, in_place, second: None })
            })
        })
    })
}

#[test]
fn fault_19_three_nested_groups_and_one_event_at_each_of_them() {
    cases().for_each(check);
}

#[test]
fn fault_19_three_nested_groups_and_two_events_in_one_turn() {
    for case in cases() {
        for event in EVENTS {
            for level in 0..DEPTH {
                if (event, level) != (case.event, case.level) {
                    check(Case { second: Some((event, level)), ..case });
                }
            }
        }
    }
}
