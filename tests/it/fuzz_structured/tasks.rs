//! Tasks: spawned, owned in different ways, and given what was begun elsewhere.

use super::{
    frames::Role,
    program::{Op, Owner},
    record::{Out, Owned, World},
    step::{Fut, Here, Part},
};
use evenkeel::spawn;
use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

pub(super) fn inner(here: Here) -> Fut {
    match here.node.op {
        Op::Spawn(owner) => Box::pin(spawned(here, owner)),
        Op::Move(polls) => Box::pin(moved(here, polls)),
        Op::AwaitTask(which) => Box::pin(async move {
            let Some(owned) = take(&here.world, which) else { return here.ok() };
            owned.join().await
        }),
        _ => unreachable!("not a task"),
    }
}

/// Takes a task's handle that was kept.
pub(super) fn take(world: &World, which: u32) -> Option<Owned> {
    let mut tasks = world.tasks.borrow_mut();
    let count = tasks.len().max(1);
    tasks.get_mut(which as usize % count)?.take()
}

/// Calls `f` with it. It is out of its place meanwhile, as the call may end in code that looks there.
pub(super) fn with(world: &World, which: u32, f: impl FnOnce(&Owned)) {
    let index = which as usize % world.tasks.borrow().len().max(1);
    let Some(owned) = take(world, which) else { return };
    f(&owned);
    let unwanted = match world.tasks.borrow_mut().get_mut(index) {
        Some(place) => place.replace(owned),
        // The host has let go of all.
        None => Some(owned),
    };
    drop(unwanted);
}

impl Owned {
    async fn join(mut self) -> Out {
        let outcome = self.by_reference().await;
        let task = self.task.take();
        drop(task);
        outcome
    }

    async fn by_reference(&mut self) -> Out {
        let outcome = poll_fn(|cx| {
            let task = self.task.as_mut().expect("it is taken when it has ended");
            Pin::new(task).poll(cx)
        });
        let outcome = outcome.await;
        self.world.got_outcome(outcome)
    }
}

fn own(here: &Here, index: usize) -> Owned {
    let (frame, kid) = here.kid_as_task(index);
    Owned { task: Some(spawn(kid)), frame, world: here.world.clone() }
}

async fn spawned(here: Here, owner: Owner) -> Out {
    let mut owned = own(&here, 0);
    let world = &here.world;
    match owner {
        Owner::Await => {
            let out = here.kid(1).await;
            return here.of_all([out, owned.join().await]);
        }
        Owner::Look => {
            let out = here.kid(1).await;
            let looked = owned.by_reference().await;
            return here.of_all([out, looked]);
        }
        Owner::Drop => drop(owned),
        Owner::Detach => owned.task.take().into_iter().for_each(|task| task.detach()),
        Owner::Keep if world.closing.get() => drop(owned),
        Owner::Keep => world.tasks.borrow_mut().push(Some(owned)),
        Owner::Cancel | Owner::Abort => {
            let out = here.kid(1).await;
            world.frames.cancel(owned.frame);
            owned.task.iter().for_each(|task| match owner {
                Owner::Cancel => task.cancel("by its owner"),
                _ => task.abort(),
            });
            return here.of_all([out, owned.join().await]);
        }
    }
    here.kid(1).await
}

async fn moved(here: Here, polls: u32) -> Out {
    let (frame, mut kid) = here.kid_as(0, Role::Alone, Part::None);
    here.world.frames.has_moved();
    let mut left = polls;
    let out = poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        let polled = kid.as_mut().poll(cx).map(Some);
        if polled.is_pending() && left == 0 { Poll::Ready(None) } else { polled }
    });
    if let Some(out) = out.await {
        return out;
    }
    here.world.frames.set(frame, |frame| (frame.parent, frame.is_task) = (None, true));
    let owned = Owned { task: Some(spawn(kid)), frame, world: here.world.clone() };
    owned.join().await
}
