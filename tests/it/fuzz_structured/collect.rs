//! `gather`, `race`, `as_completed`, `map_concurrent`.

use super::{
    frames::{FrameId, Role},
    program::{End, Fetch, Op},
    record::{Fault, Out, Token},
    step::{Fut, Here, Part},
};
use crate::kit::probe::ms;
use evenkeel::{as_completed, first_ok, gather, map_concurrent, race, sleep, try_gather};
use std::{cell::RefCell, rc::Rc};

pub(super) fn inner(here: Here) -> Fut {
    let both = here.node.kids.len() == 2;
    match here.node.op {
        Op::Gather if both => {
            let (_, mut all) = here.all(Role::Sibling);
            let second = all.pop().expect("there are two");
            let first = all.pop().expect("there are two");
            Box::pin(async move {
                let (first, second) = gather((first, second)).await;
                here.of_all([first, second])
            })
        }
        Op::Gather => {
            let (_, all) = here.all(Role::Sibling);
            Box::pin(async move { here.of_all(gather(all).await) })
        }
        Op::TryGather => {
            let (_, all) = here.all(Role::Sibling);
            Box::pin(async move {
                let gathered: Result<Vec<Token>, _> = try_gather(all).await;
                first_of(&here, gathered.map(|_| here.world.token()))
            })
        }
        Op::Race => {
            let (_, all) = here.all(Role::Rival { only_values: false });
            Box::pin(race(all))
        }
        Op::FirstOk => {
            let (_, all) = here.all(Role::Rival { only_values: true });
            Box::pin(async move { first_of(&here, first_ok(all).await) })
        }
        Op::AsCompleted { take, end, dwells } => Box::pin(completed(here, take, end, dwells)),
        Op::Map { limit, ordered, fetch } => Box::pin(mapped(here, limit as usize, ordered, fetch)),
        _ => unreachable!("nothing to collect"),
    }
}

fn first_of(here: &Here, result: Result<Token, evenkeel::GroupError<Fault>>) -> Out {
    match result {
        Ok(value) => Ok(value),
        Err(errors) => errors.into_first().map_or_else(|| here.ok(), Err),
    }
}

/// Time goes by in which nobody polls them.
async fn dwell(here: &Here, frames: &[FrameId]) {
    frames.iter().for_each(|frame| here.world.frames.park(*frame));
    sleep(ms(3)).await;
    frames.iter().for_each(|frame| here.world.frames.unpark(*frame, here.world.now()));
}

async fn completed(here: Here, take: u32, end: End, dwells: bool) -> Out {
    let (frames, all) = here.all(Role::Sibling);
    let mut completed = as_completed(all);
    let mut outs = Vec::new();
    let most = if end == End::Drain { u32::MAX } else { take };
    for _ in 0..most {
        let Some(out) = completed.next().await else { break };
        outs.push(out);
        if dwells {
            dwell(&here, &frames).await;
        }
    }
    if end == End::Cancel {
        here.world.frames.cancel_kids(here.frame);
        completed.cancel().await;
    } else {
        // Not at the end of the block: there, a panic would leak what the block yields.
        drop(completed);
    }
    here.of_all(outs)
}

async fn mapped(here: Here, limit: usize, ordered: bool, fetch: Fetch) -> Out {
    let frames: Rc<RefCell<Vec<FrameId>>> = Rc::default();
    let (maker, made) = (here.clone(), frames.clone());
    let mapped = map_concurrent(0..here.node.kids.len(), limit, move |index| {
        let (frame, kid) = maker.kid_as(index, Role::Sibling, Part::None);
        made.borrow_mut().push(frame);
        kid
    });
    let mut mapped = if ordered { mapped } else { mapped.unordered() };
    let mut outs = Vec::new();
    match fetch {
        Fetch::Collect => outs = mapped.collect().await,
        Fetch::ForEach => {
            mapped
                .for_each(async |out| {
                    outs.push(out);
                    sleep(ms(3)).await;
                })
                .await;
        }
        Fetch::Next(take, end) => {
            let most = if end == End::Drain { u32::MAX } else { take };
            for _ in 0..most {
                let Some(out) = mapped.next().await else { break };
                outs.push(out);
                let begun = frames.borrow().clone();
                dwell(&here, &begun).await;
            }
            if end == End::Cancel {
                here.world.frames.cancel_kids(here.frame);
                mapped.cancel().await;
            } else {
                drop(mapped);
            }
        }
    }
    here.of_all(outs)
}
