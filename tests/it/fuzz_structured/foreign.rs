//! Combinators of another library, which know nothing of cancellation.

use super::{
    frames::{FrameId, Role},
    program::Op,
    record::Out,
    scopes,
    step::{Fut, Here, Part},
};
use crate::kit::probe::ms;
use evenkeel::timeout;
use futures::{
    StreamExt,
    future::{Either, join, join_all, select, select_all},
    stream::{self, FuturesUnordered},
};

pub(super) fn inner(here: Here) -> Fut {
    match here.node.op {
        Op::Borrow { again } => return Box::pin(borrow(here, again)),
        Op::BorrowTimeout { limit, again } => return Box::pin(borrow_timeout(here, limit, again)),
        _ => {}
    }
    let (_, mut all) = here.all(Role::Alone);
    match here.node.op {
        Op::Join if all.len() == 2 => Box::pin(async move {
            let second = all.pop().expect("there are two");
            let first = all.pop().expect("there are two");
            let (first, second) = join(first, second).await;
            here.of_all([first, second])
        }),
        Op::Join => Box::pin(async move { here.of_all(join_all(all).await) }),
        Op::Select => Box::pin(async move {
            let second = all.pop().expect("there are two");
            let first = all.pop().expect("there are two");
            match select(first, second).await {
                Either::Left((out, rest)) | Either::Right((out, rest)) => {
                    drop(rest);
                    out
                }
            }
        }),
        Op::SelectAll => Box::pin(async move {
            let (out, _, rest) = select_all(all).await;
            drop(rest);
            out
        }),
        Op::Unordered => Box::pin(async move {
            let all: FuturesUnordered<Fut> = all.into_iter().collect();
            here.of_all(all.collect::<Vec<Out>>().await)
        }),
        Op::Buffered(limit) => Box::pin(async move {
            here.of_all(stream::iter(all).buffer_unordered(limit as usize).collect::<Vec<Out>>().await)
        }),
        _ => unreachable!("not foreign"),
    }
}

async fn borrow(here: Here, again: bool) -> Out {
    let (frame, mut borrowed) = here.kid_as(0, Role::Alone, Part::None);
    let other = here.kid(1);
    let first = match select(borrowed.as_mut(), other).await {
        Either::Left((out, _)) => Some(out),
        Either::Right((out, _)) => {
            drop(out);
            None
        }
    };
    finish(&here, frame, borrowed, first, 2, again).await
}

async fn borrow_timeout(here: Here, limit: u32, again: bool) -> Out {
    let (frame, mut borrowed) = here.kid_as(0, Role::Alone, Part::None);
    scopes::begin(&here, frame, limit);
    let first = timeout(ms(limit.into()), borrowed.as_mut()).await.ok();
    here.world.frames.set_deadline(frame, None);
    finish(&here, frame, borrowed, first, 1, again).await
}

/// What comes behind the borrow: something else, while nobody polls what was borrowed; and then that again, perhaps.
async fn finish(here: &Here, frame: FrameId, mut borrowed: Fut, first: Option<Out>, then: usize, again: bool) -> Out {
    here.world.frames.park(frame);
    let then = here.kid(then).await;
    here.world.frames.unpark(frame, here.world.now());
    let out = match first {
        Some(out) => here.of_all([out, then]),
        None if again => here.of_all([borrowed.as_mut().await, then]),
        None => then,
    };
    // Not at the end of the block: there, a panic would leak what the block yields.
    drop(borrowed);
    out
}
