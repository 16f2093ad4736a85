//! Frames: where each node that runs now lies, which of them are cancelled, and where clean-up is at work.

use crate::kit::probe::ms;
use evenkeel::Instant;
use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

pub(super) type FrameId = usize;

/// How a frame has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum How {
    Value,
    Error,
    Panicked,
    Dropped,
}

/// What the end of a frame means for others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    /// Nothing.
    Alone,
    /// A branch of a race: its value, or any end of it, cancels the others.
    Rival { only_values: bool },
    /// A branch of something that waits for all: its panic cancels the others.
    Sibling,
    /// A child or the body of a group: its failure cancels the others.
    Member,
}

#[derive(Debug)]
pub(super) struct Frame {
    pub(super) parent: Option<FrameId>,
    pub(super) role: Role,
    pub(super) is_task: bool,
    /// A child of a group, which ends it when all others have ended.
    pub(super) in_background: bool,
    /// A shield's future, or a clean-up: nothing that is cancelled around it gets in.
    pub(super) at_work: bool,
    cancelled: bool,
    deadline: Option<Instant>,
    /// The deadline counts from the first poll: where a scope is cancelled around it, that comes later, or never.
    limit: Option<Duration>,
    is_rescheduled: bool,
    /// Nobody polls it now, perhaps.
    parked: bool,
    /// Since when it is polled again.
    polled_since: Instant,
    pub(super) begun: bool,
    ended: bool,
}

#[derive(Default)]
pub(super) struct Frames {
    all: RefCell<Vec<Frame>>,
    /// Futures that were half-way when they moved to another task.
    moved: Cell<bool>,
}

impl Frames {
    pub(super) fn open(&self, parent: Option<FrameId>) -> FrameId {
        let mut all = self.all.borrow_mut();
        all.push(Frame {
            parent,
            role: Role::Alone,
            is_task: false,
            in_background: false,
            at_work: false,
            cancelled: false,
            deadline: None,
            limit: None,
            is_rescheduled: false,
            parked: false,
            polled_since: Instant::from_origin(ms(0)),
            begun: false,
            ended: false,
        });
        all.len() - 1
    }

    pub(super) fn set(&self, frame: FrameId, change: impl FnOnce(&mut Frame)) {
        change(&mut self.all.borrow_mut()[frame]);
    }

    pub(super) fn ended(&self, frame: FrameId, how: How) {
        let (parent, role) = {
            let frame = &mut self.all.borrow_mut()[frame];
            (frame.ended, frame.at_work) = (true, false);
            (frame.parent, frame.role)
        };
        let cancels = match (role, how) {
            (Role::Alone, _) | (_, How::Dropped) => false,
            (_, How::Panicked) => true,
            (Role::Rival { only_values }, How::Value | How::Error) => how == How::Value || !only_values,
            (Role::Member, How::Error) => true,
            _ => false,
        };
        if let (true, Some(parent)) = (cancels, parent) {
            self.cancel_kids(parent);
        }
    }

    pub(super) fn cancel(&self, frame: FrameId) {
        self.all.borrow_mut()[frame].cancelled = true;
    }

    /// Cancels the branches of a combinator, or the members of a group.
    pub(super) fn cancel_kids(&self, parent: FrameId) {
        let mut all = self.all.borrow_mut();
        all.iter_mut()
            .filter(|frame| frame.parent == Some(parent) && frame.role != Role::Alone)
            .for_each(|frame| frame.cancelled = true);
    }

    pub(super) fn cancel_tasks(&self) {
        self.all.borrow_mut().iter_mut().filter(|frame| frame.is_task).for_each(|frame| frame.cancelled = true);
    }

    /// The task that the frame is in.
    pub(super) fn task_of(&self, frame: FrameId) -> FrameId {
        let all = self.all.borrow();
        let mut frame = frame;
        while let (false, Some(parent)) = (all[frame].is_task, all[frame].parent) {
            frame = parent;
        }
        frame
    }

    pub(super) fn park(&self, frame: FrameId) {
        self.set(frame, |frame| frame.parked = true);
    }

    pub(super) fn unpark(&self, frame: FrameId, now: Instant) {
        self.set(frame, |frame| (frame.parked, frame.polled_since) = (false, now));
    }

    /// Its first poll.
    pub(super) fn begin(&self, frame: FrameId, now: Instant) {
        self.set(frame, |frame| {
            frame.begun = true;
            frame.deadline = frame.limit.take().map(|limit| now + limit).or(frame.deadline);
        });
    }

    /// A group's future, which is that frame, is dropped: its children are cancelled.
    pub(super) fn cancel_group(&self, whole: FrameId) {
        let group = self.all.borrow()[whole].parent;
        group.into_iter().for_each(|group| self.cancel_kids(group));
    }

    pub(super) fn set_limit(&self, frame: FrameId, limit: Duration, now: Instant) {
        self.set(frame, |frame| (frame.limit, frame.deadline) = (Some(limit), Some(now + limit)));
    }

    pub(super) fn set_deadline(&self, frame: FrameId, deadline: Option<Instant>) {
        self.set(frame, |frame| (frame.limit, frame.deadline) = (None, deadline));
    }

    /// Before it begins, too.
    pub(super) fn reschedule(&self, frame: FrameId, deadline: Option<Instant>) {
        self.set_deadline(frame, deadline);
        self.set(frame, |frame| frame.is_rescheduled = true);
    }

    pub(super) fn is_rescheduled(&self, frame: FrameId) -> bool {
        self.all.borrow()[frame].is_rescheduled
    }

    pub(super) fn has_moved(&self) {
        self.moved.set(true);
    }

    /// A cancelled frame that is alive although no clean-up is at work in it. To be asked when all that was ready has been polled.
    pub(super) fn lingering(&self, now: Instant) -> Option<FrameId> {
        let mut all = self.all.borrow_mut();
        // Who nobody polls now. A frame's parent comes before it.
        let mut parked: Vec<bool> = all.iter().map(|frame| frame.parked).collect();
        let mut polled_since: Vec<Instant> = all.iter().map(|frame| frame.polled_since).collect();
        for (id, frame) in all.iter().enumerate() {
            let (Some(parent), false) = (frame.parent, frame.is_task) else { continue };
            parked[id] |= parked[parent];
            polled_since[id] = polled_since[id].max(polled_since[parent]);
        }
        end_background(&mut all, &parked);
        if self.moved.get() && all.iter().any(Frame::works) {
            return None;
        }
        // Who stands below something cancelled, from where nothing shields it: in its task, or in that of a group, whose future must be
        // polled to cancel its children.
        let mut covered = vec![false; all.len()];
        for (id, frame) in all.iter().enumerate() {
            let Some(parent) = frame.parent else { continue };
            let (around, is_told) = (&all[parent], !(frame.is_task && parked[parent]));
            covered[id] = is_told && !around.at_work && (around.is_cancelled(now) || covered[parent]);
        }
        let mut working: Vec<bool> = all.iter().map(Frame::works).collect();
        for (id, frame) in all.iter().enumerate().rev() {
            frame.parent.into_iter().for_each(|parent| working[parent] |= working[id]);
        }
        (0..all.len()).find(|&id| {
            let frame = &all[id];
            let is_free = frame.is_task || (frame.begun && !parked[id] && !covered[id]);
            // Its timer may be late by a millisecond; and it begins anew when it is polled again.
            let is_late = |deadline: Instant| deadline.max(polled_since[id]) + ms(2) <= now;
            let is_cancelled = !frame.ended && (frame.cancelled || frame.deadline.is_some_and(is_late));
            is_cancelled && is_free && !working[id]
        })
    }
}

/// Cancels what is in the background of groups whose other children have ended, and those of groups below them.
fn end_background(all: &mut [Frame], parked: &[bool]) {
    if !all.iter().any(|frame| frame.in_background && !frame.ended) {
        return;
    }
    let mut alive: Vec<bool> = all.iter().map(|frame| !frame.ended).collect();
    let mut has_others = vec![false; all.len()];
    for (id, frame) in all.iter().enumerate().rev() {
        let Some(parent) = frame.parent else { continue };
        alive[parent] |= alive[id];
        has_others[parent] |= alive[id] && frame.role == Role::Member && !frame.in_background;
    }
    let is_over = |group: FrameId| !has_others[group] && !parked[group];
    all.iter_mut()
        .filter(|frame| frame.in_background && frame.parent.is_some_and(is_over))
        .for_each(|frame| frame.cancelled = true);
}

impl Frame {
    /// Also if it has ended, as the body of a group below has before its children.
    fn is_cancelled(&self, now: Instant) -> bool {
        self.cancelled || self.deadline.is_some_and(|deadline| deadline <= now)
    }

    fn works(&self) -> bool {
        !self.ended && self.at_work
    }
}
