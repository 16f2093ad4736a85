//! A place for one child in a group with a bound.

use super::{
    bound::HolderMark, child::Plain, group_core::GroupCore, join_handle::JoinHandle, roster::Membership,
    task_group::TaskGroup,
};
use crate::output::ChildOutput;
use evenkeel_executor::{UnhandledKind, combinator::report_unhandled, try_current_task};
use evenkeel_sync::{Attempt, Line, Wait, WaitQueue};
use std::{
    fmt,
    panic::Location,
    pin::Pin,
    task::{Context, Poll},
};

impl<E: fmt::Debug + 'static> TaskGroup<E> {
    /// Waits until one of the group's slots is free, and takes it; what is spawned into it gives it back at its end. This is what
    /// bounds a fan-out: the child does not exist before there is room for it. First come, first served.
    ///
    /// In a group without a limit, or one that has ended or is being cancelled, there is a slot at once.
    ///
    /// A child that waits for a slot of its own group, while all of them are held by children that do the same, waits for ever:
    /// use [`try_slot`](TaskGroup::try_slot) there, and go on inline where it refuses. Debug builds report it.
    ///
    /// Cancel-safe: a wait that is dropped loses its place, and a slot that it was given goes to the next.
    ///
    /// # Panics
    ///
    /// In a group with a limit of 0, unless it has ended or is being cancelled: there will never be a slot.
    ///
    /// ```
    /// use evenkeel::{TaskGroup, run, yield_now};
    ///
    /// let outcome = run(TaskGroup::<String>::builder().limit(2).run(async |group| {
    ///     for _ in 0..10 {
    ///         group.slot().await.spawn(async { Ok(yield_now().await) });
    ///         assert!(group.stats().children <= 2);
    ///     }
    ///     Ok(())
    /// }));
    /// outcome.unwrap();
    /// ```
    #[track_caller]
    pub fn slot(&self) -> WaitSlot<'_, E> {
        if self.0.core.bound().has_no_slots() {
            no_slots();
        }
        WaitSlot::new(self)
    }

    /// A slot, if one is free and nobody waits for it. In a group with a limit of 0 none ever is.
    pub fn try_slot(&self) -> Option<GroupSlot<'_, E>> {
        self.0.core.bound().try_take().then(|| GroupSlot::new(self))
    }
}

#[cold]
#[track_caller]
fn no_slots() -> ! {
    panic!("a task group with a limit of 0 never has a slot: give it at least 1");
}

/// A place for one child. Dropped unused, it goes to the next who waits.
#[must_use = "a slot that is dropped goes to the next who waits, and `let _ = …` drops it: call spawn()"]
pub struct GroupSlot<'g, E> {
    group: &'g TaskGroup<E>,
    is_used: bool,
}

impl<'g, E> GroupSlot<'g, E> {
    fn new(group: &'g TaskGroup<E>) -> GroupSlot<'g, E> {
        GroupSlot { group, is_used: false }
    }
}

impl<'g, E> GroupSlot<'g, E> {
    pub(super) fn group(&self) -> &'g TaskGroup<E> {
        self.group
    }

    /// A child has it, and gives it back.
    pub(super) fn is_used_now(&mut self) {
        self.is_used = true;
    }
}

impl<E: fmt::Debug + 'static> GroupSlot<'_, E> {
    /// Spawns a child in this place, as [`TaskGroup::spawn`] does.
    ///
    /// # Panics
    ///
    /// As [`TaskGroup::spawn`] does.
    #[track_caller]
    pub fn spawn<F>(mut self, future: F) -> JoinHandle<<F::Output as ChildOutput<E>>::Value>
    where
        F: Future<Output: ChildOutput<E>> + 'static,
        <F::Output as ChildOutput<E>>::Value: 'static,
    {
        // If there is no room for the task, the slot goes to the next who waits.
        let make = |_| {
            self.is_used = true;
            future
        };
        self.group.spawn_child::<Plain, F>(make, Membership::InSlot, Location::caller())
    }
}

impl<E> Drop for GroupSlot<'_, E> {
    fn drop(&mut self) {
        if !self.is_used {
            self.group.0.core.bound().give_back();
        }
    }
}

impl<E> fmt::Debug for GroupSlot<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupSlot").finish_non_exhaustive()
    }
}

/// The future of [`TaskGroup::slot`].
#[must_use = "nothing is waited for until this is awaited"]
pub struct WaitSlot<'g, E> {
    group: &'g TaskGroup<E>,
    wait: Wait<&'g GroupCore, SlotLine>,
}

impl<'g, E> WaitSlot<'g, E> {
    fn new(group: &'g TaskGroup<E>) -> WaitSlot<'g, E> {
        WaitSlot { group, wait: Wait::new(&group.0.core, None) }
    }
}

impl<'g, E> Future for WaitSlot<'g, E> {
    type Output = GroupSlot<'g, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<GroupSlot<'g, E>> {
        let is_first = !self.wait.has_begun();
        // It is never refused.
        let polled = Pin::new(&mut self.wait).poll(cx).map(|_granted| GroupSlot::new(self.group));
        if polled.is_pending() && is_first {
            check_deadlock(&self.group.0.core);
        }
        polled
    }
}

/// Somebody begins to wait. If every slot is held by a child that waits for another one, that never ends: debug builds report it.
fn check_deadlock(core: &GroupCore) {
    if is_holder(core) && core.bound().is_held_by_waiters() {
        report_unhandled(UnhandledKind::Error(
            "every slot of a task group is held by a child that waits for another slot of it: \
             use TaskGroup::try_slot there, and go on inline where it refuses"
                .into(),
        ));
    }
}

/// Is the code that runs now a child that holds a slot? Only debug builds ask.
fn is_holder(core: &GroupCore) -> bool {
    cfg!(debug_assertions) && try_current_task().is_some_and(|task| core.has_slot(task))
}

/// The rules of the line for slots. A request says whether it is that of a child which holds a slot itself.
struct SlotLine;

impl Line for SlotLine {
    type Owner = GroupCore;
    type Request = Option<HolderMark>;
    type Grant = ();

    fn queue(core: &GroupCore) -> &WaitQueue<Option<HolderMark>, ()> {
        core.bound().line()
    }

    fn attempt(core: &GroupCore, mark: Option<HolderMark>) -> Attempt<Option<HolderMark>, ()> {
        if core.bound().try_take() {
            return Attempt::Granted(());
        }
        Attempt::Wait(mark.or_else(|| is_holder(core).then(|| core.bound().mark_holder())))
    }

    fn give_back(core: &GroupCore, _: ()) {
        core.bound().give_back();
    }
}

impl<E> fmt::Debug for WaitSlot<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitSlot").finish_non_exhaustive()
    }
}
