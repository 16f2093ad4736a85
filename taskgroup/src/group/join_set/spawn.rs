//! Spawning children into a set.

use super::{
    super::{child::Plain, group_slot::GroupSlot, join_handle::JoinHandle, roster::Membership, task_group::TaskGroup},
    delivering::Delivering,
    join_set::JoinSet,
};
use std::{fmt::Debug, panic::Location, rc::Rc};

impl<T: Debug + 'static, E: Debug + 'static> JoinSet<T, E> {
    /// Spawns a child. Its handle names, cancels and watches it; its outcome is the set's. What the handle tells is only
    /// that the child has ended: its [`outcome`](JoinHandle::outcome) is `Ok(())` also if the child has panicked, or failed. The handle has no
    /// value if the child was cancelled or dropped: who *awaits* the handle then ends the group, as with any child of it. `outcome` ends nobody.
    ///
    /// If the group is being cancelled, or has ended, the child is cancelled from birth, and told as such.
    ///
    /// # Panics
    ///
    /// As [`TaskGroup::spawn`] does.
    #[track_caller]
    pub fn spawn<F: Future<Output = T> + 'static>(&self, future: F) -> JoinHandle<()> {
        self.spawn_child(&self.group, future, Membership::Awaited, Location::caller(), || {})
    }

    #[track_caller]
    fn spawn_child<F: Future<Output = T> + 'static>(
        &self,
        group: &TaskGroup<E>,
        future: F,
        membership: Membership,
        location: &'static Location<'static>,
        enrolled: impl FnOnce(),
    ) -> JoinHandle<()> {
        let endings = self.endings.clone();
        let make = |task| {
            enrolled();
            let key = endings.enroll(task);
            Delivering::new(endings, key, task.id(), location, future)
        };
        group.spawn_child::<Plain, _>(make, membership, location)
    }
}

impl<E: Debug + 'static> GroupSlot<'_, E> {
    /// Spawns a child of a [`JoinSet`] in this place, as [`JoinSet::spawn`] does: this is what bounds the fan-out of a set.
    ///
    /// # Panics
    ///
    /// As [`TaskGroup::spawn`] does. If the slot and the set are of different groups.
    ///
    /// ```
    /// use evenkeel::{TaskGroup, run, yield_now};
    ///
    /// let outcome = run(TaskGroup::<String>::builder().limit(2).run(async |group| {
    ///     let mut set = group.join_set();
    ///     for n in 0..10 {
    ///         group.slot().await.spawn_into(&set, async move {
    ///             yield_now().await;
    ///             n
    ///         });
    ///         assert!(group.stats().children <= 2);
    ///     }
    ///     let mut sum = 0;
    ///     while let Some(n) = set.join_next().await {
    ///         sum += n.unwrap();
    ///     }
    ///     Ok(sum)
    /// }));
    /// assert_eq!(outcome.unwrap(), 45);
    /// ```
    #[track_caller]
    pub fn spawn_into<T, F>(mut self, set: &JoinSet<T, E>, future: F) -> JoinHandle<()>
    where
        T: Debug + 'static,
        F: Future<Output = T> + 'static,
    {
        let group = self.group();
        if !Rc::ptr_eq(&group.0.core, &set.group.0.core) {
            panic!(
                "a child was spawned into a slot of one group and a join set of another: take a slot of the set's group"
            );
        }
        set.spawn_child(group, future, Membership::InSlot, Location::caller(), || self.is_used_now())
    }
}
