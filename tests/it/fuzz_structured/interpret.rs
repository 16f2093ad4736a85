//! From nodes to futures: leaves, deeds, and what stands for itself. The rest has files of its own.

use super::{
    collect, foreign, groups, points,
    program::Op,
    record::{Out, World},
    scopes,
    step::{Fut, Here},
    tasks,
};
use crate::kit::probe::ms;
use evenkeel::{cancel::cancel_requested, current_task, sleep, yield_now};
use std::{
    future::{pending, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    task::{Poll, Waker},
};

/// The future of a node, without its step.
pub(super) fn inner(here: &Here) -> Fut {
    let here = here.clone();
    here.world.say(here.frame, format_args!("is {:?}", here.node.op));
    match here.node.op {
        Op::Finally | Op::FinallyWith | Op::Settle | Op::Shield => points::inner(here),
        Op::Timeout(_) | Op::TimeoutAt(_) | Op::Deadline(_) | Op::Scope { .. } => scopes::inner(here),
        Op::Gather | Op::TryGather | Op::Race | Op::FirstOk => collect::inner(here),
        Op::AsCompleted { .. } | Op::Map { .. } => collect::inner(here),
        Op::InPlace { .. } | Op::Group { .. } | Op::SpawnInto(_) => groups::inner(here),
        Op::Join | Op::Select | Op::SelectAll | Op::Unordered | Op::Buffered(_) => foreign::inner(here),
        Op::Borrow { .. } | Op::BorrowTimeout { .. } => foreign::inner(here),
        Op::Spawn(_) | Op::Move(_) | Op::AwaitTask(_) => tasks::inner(here),
        // Outside of a group, after shrinking, a child is what is in it.
        Op::Seq | Op::Child(..) => Box::pin(seq(here)),
        Op::Catch => Box::pin(caught(here)),
        Op::Bomb => Box::pin(bomb(here)),
        _ => Box::pin(leaf(here)),
    }
}

async fn leaf(here: Here) -> Out {
    match here.node.op {
        Op::Yields(count) => {
            for _ in 0..count {
                yield_now().await;
            }
        }
        Op::Busy => loop {
            yield_now().await;
        },
        Op::Sleep(millis) => sleep(ms(millis.into())).await,
        Op::Pending => pending().await,
        Op::Panic => here.world.throw(here.frame),
        Op::Fail => return Err(here.world.fault()),
        Op::WaitToken(which) => {
            let token = pick(&here.world.scopes.borrow(), which).map(|(scope, _)| scope.token());
            if let Some(token) = token {
                token.cancelled().await;
            }
        }
        Op::KeepWaker => {
            let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
            here.world.wakers.borrow_mut().push(waker);
        }
        _ => deed(&here),
    }
    here.ok()
}

/// What is done at once. Nothing is borrowed meanwhile.
fn deed(here: &Here) {
    let world = &here.world;
    match here.node.op {
        Op::CancelScope(which) => {
            let picked = pick(&world.scopes.borrow(), which).cloned();
            if let Some((scope, frame)) = picked {
                world.frames.cancel(frame);
                scope.cancel("a deed");
            }
        }
        Op::CancelToken(which) => {
            let picked = pick(&world.scopes.borrow(), which).cloned();
            if let Some((scope, frame)) = picked {
                world.frames.cancel(frame);
                scope.token().cancel("a deed, by a token");
            }
        }
        Op::Reschedule(which, millis) => {
            let picked = pick(&world.deadlines.borrow(), which).cloned();
            if let Some((deadline, frame)) = picked {
                let at = millis.map(|millis| world.now() + ms(millis.into()));
                if deadline.reschedule(at) {
                    world.frames.reschedule(frame, at);
                }
            }
        }
        Op::CancelGroup(which) => {
            let picked = pick(&world.groups.borrow(), which).cloned();
            if let Some((group, frame)) = picked {
                world.frames.cancel_kids(frame);
                group.cancel("a deed");
            }
        }
        Op::ReportTo(which) => {
            let picked = pick(&world.groups.borrow(), which).cloned();
            if let Some((group, frame)) = picked {
                let fault = world.fault();
                world.give(&fault);
                world.frames.cancel_kids(frame);
                group.report(fault);
            }
        }
        Op::CancelTask(which) => tasks::with(world, which, |owned| {
            world.frames.cancel(owned.frame);
            owned.task.iter().for_each(|task| task.cancel("a deed"));
        }),
        Op::AbortTask(which) => tasks::with(world, which, |owned| {
            world.frames.cancel(owned.frame);
            owned.task.iter().for_each(|task| task.abort());
        }),
        Op::DropTask(which) => drop(tasks::take(world, which)),
        Op::CancelSelf => {
            world.frames.cancel(world.frames.task_of(here.frame));
            current_task().cancel("itself");
        }
        Op::Ask => world.note(here.frame, cancel_requested()),
        Op::WakeKept => wake_kept(world),
        _ => {}
    }
}

pub(super) fn wake_kept(world: &World) {
    world.wakers.take().into_iter().for_each(Waker::wake);
}

pub(super) fn pick<T>(all: &[T], which: u32) -> Option<&T> {
    all.get(which as usize % all.len().max(1))
}

async fn seq(here: Here) -> Out {
    for index in 0..here.node.kids.len() {
        here.kid(index).await?;
    }
    here.ok()
}

/// Gets the panics of its kid, also of its destructors.
async fn caught(here: Here) -> Out {
    let mut kid = Some(here.kid(0));
    let polled = poll_fn(|cx| {
        let Some(future) = &mut kid else { return Poll::Pending };
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(polled) => polled.map(Some),
            Err(payload) => {
                here.world.got_payload(payload);
                Poll::Ready(None)
            }
        }
    });
    let out = polled.await;
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| kid = None)) {
        here.world.got_payload(payload);
    }
    out.unwrap_or_else(|| here.ok())
}

struct Bomb(Here);

impl Drop for Bomb {
    fn drop(&mut self) {
        // Two panics at a time end the process.
        if !std::thread::panicking() {
            self.0.world.throw(self.0.frame);
        }
    }
}

async fn bomb(here: Here) -> Out {
    let bomb = Bomb(here.clone());
    let out = here.kid(0).await;
    // Not at the end of the block: there, a panic would leak what the block yields.
    drop(bomb);
    out
}
