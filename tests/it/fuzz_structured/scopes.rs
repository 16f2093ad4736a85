//! Cancel scopes and their deadlines.

use super::{
    frames::{FrameId, Role},
    program::Op,
    record::Out,
    step::{Fut, Here, Part},
};
use crate::kit::probe::ms;
use evenkeel::{
    CancelScope,
    cancel::{Deadline, timeout_at},
    timeout,
};

pub(super) fn inner(here: Here) -> Fut {
    let (region, body) = here.kid_as(0, Role::Alone, Part::None);
    let world = &here.world;
    match here.node.op {
        Op::Deadline(limit) => {
            let deadline = Deadline::after(ms(limit.into()));
            world.deadlines.borrow_mut().push((deadline.clone(), region));
            Box::pin(async move {
                if !here.world.frames.is_rescheduled(region) {
                    begin(&here, region, limit);
                }
                ended(&here, deadline.run(body).await)
            })
        }
        Op::Scope { deadline, grace } => {
            let scope = CancelScope::new();
            scope.set_grace(grace.map(|grace| ms(grace.into())));
            world.scopes.borrow_mut().push((scope.clone(), region));
            Box::pin(async move {
                if let Some(limit) = deadline {
                    if scope.set_deadline(world_at(&here, limit)) {
                        here.world.frames.set_deadline(region, Some(world_at(&here, limit)));
                    }
                }
                ended(&here, scope.run(body).await)
            })
        }
        Op::TimeoutAt(limit) => Box::pin(async move {
            here.world.frames.set_deadline(region, Some(world_at(&here, limit)));
            ended(&here, timeout_at(world_at(&here, limit), body).await)
        }),
        Op::Timeout(limit) => Box::pin(async move {
            begin(&here, region, limit);
            ended(&here, timeout(ms(limit.into()), body).await)
        }),
        _ => unreachable!("not a scope"),
    }
}

fn world_at(here: &Here, limit: u32) -> evenkeel::Instant {
    here.world.now() + ms(limit.into())
}

pub(super) fn begin(here: &Here, region: FrameId, limit: u32) {
    here.world.frames.set_limit(region, ms(limit.into()), here.world.now());
}

fn ended<E: std::fmt::Debug>(here: &Here, result: Result<Out, E>) -> Out {
    result.unwrap_or_else(|error| {
        here.world.note(here.frame, error);
        here.ok()
    })
}
