//! The step: a node's future, which notes its beginning and its end.

use super::{
    frames::{FrameId, How, Role},
    program::Node,
    record::{Out, Token, World},
};
use evenkeel::cancel::cancel_requested;
use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

pub(super) type Fut = Pin<Box<dyn Future<Output = Out>>>;

/// Where a node is made: what it needs to make its kids.
#[derive(Clone)]
pub(super) struct Here {
    pub(super) world: World,
    pub(super) node: Rc<Node>,
    pub(super) frame: FrameId,
}

/// What a step is for a clean-up point, whose frame that is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Part {
    None,
    /// The body of a `finally`.
    Body(FrameId),
    Cleanup(FrameId),
    /// What a shield shields.
    Shielded(FrameId),
    /// The whole of a task group.
    Group,
}

pub(super) struct Step {
    // Dropped first.
    inner: Option<Fut>,
    end: End,
}

/// Notes how a step has ended, also if it is dropped.
struct End {
    world: World,
    frame: FrameId,
    part: Part,
    begun: bool,
    how: How,
    _token: Token,
}

impl Step {
    pub(super) fn new(here: &Here, part: Part, inner: Fut) -> Step {
        let (world, frame) = (here.world.clone(), here.frame);
        let _token = world.token();
        Step { inner: Some(inner), end: End { world, frame, part, begun: false, how: How::Dropped, _token } }
    }
}

impl End {
    fn begin(&mut self) {
        self.begun = true;
        self.world.frames.begin(self.frame, self.world.now());
        let (world, frame) = (&self.world, self.frame);
        match self.part {
            Part::None | Part::Group => {}
            Part::Body(point) => world.point_begins(point, true),
            Part::Shielded(point) => {
                // In a scope that is cancelled it shields nothing.
                let shields = cancel_requested().is_none();
                world.point_begins(point, shields);
                world.frames.set(frame, |frame| frame.at_work = shields);
            }
            Part::Cleanup(point) => {
                world.point_cleans(point);
                world.frames.set(frame, |frame| frame.at_work = true);
            }
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let (world, frame, how) = (&self.world, self.frame, self.how);
        world.frames.ended(frame, how);
        if !self.begun {
            return;
        }
        if how == How::Dropped {
            world.note(frame, how);
            if self.part == Part::Group {
                world.frames.cancel_group(frame);
                world.groups_dropped.set(world.groups_dropped.get() + 1);
            }
        }
        if let Part::Cleanup(point) | Part::Shielded(point) = self.part {
            world.point_ends(point, how);
        }
    }
}

impl Future for Step {
    type Output = Out;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Out> {
        let Step { inner, end } = &mut *self;
        if !end.begun {
            end.begin();
        }
        let future = inner.as_mut().expect("a step is polled until it has ended");
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(out)) => {
                end.how = if out.is_ok() { How::Value } else { How::Error };
                end.world.note(end.frame, &out);
                end.world.frames.ended(end.frame, end.how);
                Poll::Ready(out)
            }
            Err(payload) => {
                end.how = How::Panicked;
                end.world.note(end.frame, How::Panicked);
                end.world.frames.ended(end.frame, end.how);
                resume_unwind(payload)
            }
        }
    }
}

impl Here {
    /// The kid with that number.
    pub(super) fn kid(&self, index: usize) -> Fut {
        self.kid_as(index, Role::Alone, Part::None).1
    }

    pub(super) fn kid_as(&self, index: usize, role: Role, part: Part) -> (FrameId, Fut) {
        let kid = self.place(&self.node.kids[index], role);
        (kid.frame, Box::pin(Step::new(&kid, part, super::interpret::inner(&kid))))
    }

    /// A place in this one for that node.
    pub(super) fn place(&self, node: &Rc<Node>, role: Role) -> Here {
        let frame = self.world.frames.open(Some(self.frame));
        self.world.frames.set(frame, |frame| frame.role = role);
        Here { world: self.world.clone(), node: node.clone(), frame }
    }

    /// A kid as a task of its own.
    pub(super) fn kid_as_task(&self, index: usize) -> (FrameId, Fut) {
        let kid = Here {
            world: self.world.clone(),
            node: self.node.kids[index].clone(),
            frame: self.world.frames.open(None),
        };
        self.world.frames.set(kid.frame, |frame| frame.is_task = true);
        (kid.frame, Box::pin(Step::new(&kid, Part::None, super::interpret::inner(&kid))))
    }

    pub(super) fn all(&self, role: Role) -> (Vec<FrameId>, Vec<Fut>) {
        (0..self.node.kids.len()).map(|index| self.kid_as(index, role, Part::None)).unzip()
    }

    pub(super) fn ok(&self) -> Out {
        Ok(self.world.token())
    }

    /// One output of several: the first error, or a value.
    pub(super) fn of_all(&self, all: impl IntoIterator<Item = Out>) -> Out {
        all.into_iter().find(Result::is_err).unwrap_or_else(|| self.ok())
    }
}
