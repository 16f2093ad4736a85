//! Clean-up points. Nothing else in this file has clean-up that can be skipped.

use super::{
    frames::{FrameId, How, Role},
    program::Op,
    record::{Out, Token, World},
    step::{Fut, Here, Part},
};
use evenkeel::{combinator::settle, finally, finally_with, shield};

pub(super) fn inner(here: Here) -> Fut {
    let point = here.frame;
    if here.node.op == Op::Shield {
        return Box::pin(shield(here.kid_as(0, Role::Alone, Part::Shielded(point)).1));
    }
    let body = here.kid_as(0, Role::Alone, Part::Body(point)).1;
    let cleanup = here.clone();
    let cleanup = async move || {
        // What fails in clean-up is nobody's.
        drop(cleanup.kid_as(1, Role::Alone, Part::Cleanup(point)).1.await);
    };
    match here.node.op {
        Op::FinallyWith => Box::pin(finally_with(
            here.world.token(),
            async |_: &mut Token| body.await,
            async move |resource: Token, _: Option<&Out>| {
                cleanup().await;
                drop(resource);
            },
        )),
        Op::Settle => Box::pin(settle(body, async move |ended: Option<Out>| {
            cleanup().await;
            Some(ended.unwrap_or_else(|| here.ok()))
        })),
        _ => Box::pin(finally(body, async move |_: Option<&Out>| cleanup().await)),
    }
}

/// A handle, shielded. Counts as a point of its own, which may be open.
pub(super) async fn shielded<T>(world: &World, around: FrameId, handle: impl Future<Output = T>) -> T {
    let frame = world.frames.open(Some(around));
    world.frames.set(frame, |frame| frame.at_work = true);
    world.point_begins(frame, false);
    let mut end = End(world, frame, How::Dropped);
    let value = shield(handle).await;
    end.2 = How::Value;
    value
}

struct End<'a>(&'a World, FrameId, How);

impl Drop for End<'_> {
    fn drop(&mut self) {
        let End(world, frame, how) = *self;
        world.frames.ended(frame, how);
        world.point_ends(frame, how);
    }
}
