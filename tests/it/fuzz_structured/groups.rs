//! Owners of children: task groups, and scopes in place. Nothing else in this file has clean-up that can be skipped than a group.

use super::{
    frames::{FrameId, Role},
    interpret,
    program::{How, Node, Op, Then},
    record::{Fault, Out, Token},
    step::{Fut, Here, Part, Step},
};
use crate::kit::probe::ms;
use evenkeel::{GroupError, TaskGroup, group::JoinHandle, scope};
use std::{cell::Cell, rc::Rc};

pub(super) fn inner(here: Here) -> Fut {
    match here.node.op {
        Op::Group { limit, grace, rethrow } => {
            let whole = here.clone();
            let group = Box::pin(group(here, limit as usize, grace, rethrow));
            Box::pin(Step::new(&whole.place(&whole.node, Role::Alone), Part::Group, group))
        }
        Op::InPlace { rethrow } => Box::pin(in_place(here, rethrow)),
        Op::SpawnInto(which) => Box::pin(async move {
            let picked = interpret::pick(&here.world.groups.borrow(), which).cloned();
            if let Some((group, frame)) = picked {
                drop(group.spawn(child(&here, &group, frame, &here.node.kids[0])));
            }
            here.ok()
        }),
        _ => unreachable!("not an owner"),
    }
}

/// What goes to a group.
fn given(here: &Here, out: Out) -> Out {
    out.inspect_err(|fault| here.world.give(fault))
}

/// What a group yields. Somebody got its errors.
fn got<T>(here: &Here, result: Result<T, GroupError<Fault>>, rethrow: bool) -> Out {
    let Err(errors) = result else { return here.ok() };
    errors.errors().for_each(|fault| here.world.got_fault(fault));
    here.world.say(here.frame, format_args!("got {:?}", errors.errors().collect::<Vec<_>>()));
    if rethrow && errors.first().is_some() { Err(here.world.fault()) } else { here.ok() }
}

async fn group(here: Here, limit: usize, grace: Option<u32>, rethrow: bool) -> Out {
    let options = TaskGroup::<Fault>::builder();
    let options = if limit > 0 { options.limit(limit) } else { options };
    let options = if let Some(grace) = grace { options.grace(ms(grace.into())) } else { options };
    let result = options.run(async |group| body(&here, group, here.frame).await).await;
    got(&here, result, rethrow)
}

/// The statements of a group's body, in a frame of its own in that of the group.
async fn body(here: &Here, group: TaskGroup<Fault>, frame: FrameId) -> Out {
    here.world.groups.borrow_mut().push((group.clone(), frame));
    let place = Here { frame, ..here.clone() }.place(&here.node, Role::Member);
    let statements = Box::pin(statements(place.clone(), group, frame));
    given(here, Step::new(&place, Part::None, statements).await)
}

async fn statements(here: Here, group: TaskGroup<Fault>, frame: FrameId) -> Out {
    let mut later = Vec::new();
    let mut passed: Option<(JoinHandle<Token>, bool)> = None;
    for node in here.node.kids.clone() {
        let Op::Child(how, then) = node.op else {
            let kid = here.place(&node, Role::Alone);
            Step::new(&kid, Part::None, interpret::inner(&kid)).await?;
            continue;
        };
        let Some(handle) = spawned(&here, &group, frame, &node, how, passed.take()).await else { continue };
        match then {
            Then::Drop => drop(handle),
            Then::Await => drop(handle.await),
            Then::AwaitShielded => drop(super::points::shielded(&here.world, here.frame, handle).await),
            Then::Outcome => {
                let mut handle = handle;
                let outcome = handle.outcome().await;
                here.world.say(here.frame, format_args!("outcome {}", outcome.is_ok()));
            }
            Then::Cancel => handle.cancel("by the body"),
            Then::Abort => handle.abort(),
            Then::Later => later.push(handle),
            Then::Pass => passed = Some((handle, false)),
            Then::PassShielded => passed = Some((handle, true)),
        }
    }
    for handle in later {
        drop(handle.await);
    }
    here.ok()
}

async fn spawned(
    here: &Here,
    group: &TaskGroup<Fault>,
    frame: FrameId,
    node: &Rc<Node>,
    how: How,
    passed: Option<(JoinHandle<Token>, bool)>,
) -> Option<JoinHandle<Token>> {
    if how == How::Nested {
        let below = Here { frame: member(here, group, frame), ..here.clone() };
        let below = Here { node: node.clone(), ..below };
        let end = Ended(below.clone());
        return Some(group.spawn_group(async move |inner| {
            let _end = end;
            body(&below, inner, below.frame).await
        }));
    }
    let kid = &node.kids[0];
    match how {
        How::Slot => return Some(group.slot().await.spawn(child(here, group, frame, kid))),
        How::Background => {
            let member = member(here, group, frame);
            here.world.frames.set(member, |frame| frame.in_background = true);
            let child = child_in(here, member, kid);
            drop(group.spawn_background(async move { child.await.map(drop) }));
        }
        How::StartFirst | How::StartLast | How::StartNever => {
            let child = child(here, group, frame, kid);
            let started = group.start(async move |ready| {
                if how == How::StartFirst {
                    ready.set(());
                    return child.await;
                }
                let out = child.await;
                // Otherwise whoever awaits the start cancels the group, when it is polled.
                if how == How::StartLast {
                    ready.set(());
                }
                out
            });
            started.await;
        }
        _ => {
            let member = member(here, group, frame);
            let child = child_in(here, member, kid);
            let world = here.world.clone();
            return Some(group.spawn(async move {
                match passed {
                    None => {}
                    Some((handle, false)) => drop(handle.await),
                    Some((handle, true)) => drop(super::points::shielded(&world, member, handle).await),
                }
                child.await
            }));
        }
    }
    None
}

/// The frame of a child's task.
fn member(here: &Here, group: &TaskGroup<Fault>, frame: FrameId) -> FrameId {
    let child = here.world.frames.open(Some(frame));
    here.world.frames.set(child, |child| (child.role, child.is_task) = (Role::Member, true));
    if group.is_cancelled() {
        here.world.frames.cancel(child);
    }
    child
}

/// A child's future. Its error goes to the group.
fn child(here: &Here, group: &TaskGroup<Fault>, frame: FrameId, node: &Rc<Node>) -> impl Future<Output = Out> + use<> {
    child_in(here, member(here, group, frame), node)
}

fn child_in(here: &Here, member: FrameId, node: &Rc<Node>) -> impl Future<Output = Out> + use<> {
    let kid = Here { world: here.world.clone(), node: node.clone(), frame: member };
    let step = Step::new(&kid, Part::None, interpret::inner(&kid));
    async move { given(&kid, step.await) }
}

/// The body of a group below has ended, or is gone.
struct Ended(Here);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.world.frames.ended(self.0.frame, super::frames::How::Dropped);
    }
}

async fn in_place(here: Here, rethrow: bool) -> Out {
    // Children borrow it.
    let count = Cell::new(0);
    let result = scope(async |s| {
        let place = here.place(&here.node, Role::Member);
        let _end = Ended(place.clone());
        let mut later = Vec::new();
        let statements = async {
            for node in &here.node.kids {
                let Op::Child(_, then) = node.op else {
                    let kid = place.place(node, Role::Alone);
                    Step::new(&kid, Part::None, interpret::inner(&kid)).await?;
                    continue;
                };
                let kid = here.place(node, Role::Member);
                let (count, step) = (&count, Step::new(&kid, Part::None, interpret::inner(&kid)));
                if s.is_ending() {
                    here.world.frames.cancel(kid.frame);
                }
                let mut handle = s.spawn(async move {
                    count.set(count.get() + 1);
                    given(&kid, step.await)
                });
                match then {
                    Then::Await => drop(handle.await),
                    Then::AwaitShielded => drop(super::points::shielded(&place.world, place.frame, handle).await),
                    Then::Outcome => drop(handle.outcome().await),
                    Then::Cancel | Then::Abort => drop(handle.cancel("by the body")),
                    Then::Later => later.push(handle),
                    Then::Drop | Then::Pass | Then::PassShielded => {}
                }
            }
            for handle in later {
                drop(handle.await);
            }
            Ok(here.world.token())
        };
        // A body that borrows from its scope is no step: its end is noted here.
        let out = statements.await;
        if out.is_err() {
            here.world.frames.cancel_kids(here.frame);
        }
        given(&here, out)
    })
    .await;
    got(&here, result, rethrow)
}
