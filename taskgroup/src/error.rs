//! What went wrong in a group: a tree of errors.

use crate::explain::{Explained, Explains};
use evenkeel_executor::{CancelReason, Panic, UnhandledKind, combinator::report_unhandled_of};
use std::{error::Error, fmt, panic::Location, time::Duration, vec};

/// Every failure of a group, in the order in which they happened.
///
/// A group error is a tree: an entry holds one error, or the group error of a group below. A lone error is in a group as well. `Display`
/// draws the tree, with each child's name and the place where it was spawned.
///
/// Groups may be nested as deeply as there is memory: nothing here takes stack for each level. So a drawing has 65 levels, and
/// `{:#?}` writes 16 levels one inside the other, and below them only the errors, side by side. (An `E` that holds group errors itself
/// takes part in that. But it is dropped by its own code, one inside the other.)
///
/// A group that was cancelled by [`TaskGroup::cancel`](crate::TaskGroup::cancel) before its body had a value yields one too;
/// it holds no errors then, or those that were there besides.
///
/// A group error is an [`Error`] whatever `E` is, so also for `E = anyhow::Error`, `Box<dyn Error>` and `String`. Its [`source`](Error::source)
/// is the first child's error, whose source is what caused that.
///
/// `{}` draws the tree, and `{:#}` writes behind each error what caused it. So does `{:?}`, as `main() -> Result<_, GroupError<E>>` prints
/// an error in that way; `{:#?}` shows the tree as data.
///
/// ```
/// use evenkeel::{TaskGroup, run, yield_now};
///
/// let outcome = run(TaskGroup::<String>::run(async |group| {
///     let fail = async |why: &str| {
///         yield_now().await;
///         Err::<(), _>(why.to_string())
///     };
///     group.spawn(fail("no such host")).named("profile");
///     group.spawn(fail("no space left"));
///     Ok(())
/// }));
/// let error = outcome.unwrap_err();
/// assert_eq!(error.errors().collect::<Vec<_>>(), ["no such host", "no space left"]);
/// assert!(error.to_string().starts_with("2 errors in a task group\n├─ profile ("));
/// ```
pub struct GroupError<E> {
    children: Vec<ChildError<E>>,
    reason: Option<CancelReason>,
}

/// A failure: whose it was, and what.
#[non_exhaustive]
pub struct ChildError<E> {
    /// What went wrong.
    pub error: Failure<E>,
    /// The child's name, if it has one.
    pub name: Option<Box<str>>,
    /// Where the child was spawned; for the group's body, where the group was run.
    pub location: &'static Location<'static>,
    explains: Explains<E>,
}

/// What went wrong with a child.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure<E> {
    /// The child's error.
    One(E),
    /// The errors of a group below.
    Group(GroupError<E>),
    /// The child's panic, in a [`Supervisor`](crate::Supervisor) that [collects](crate::OnFailure::Collect), or before a
    /// [`RestartLimit`](Failure::RestartLimit). (That of a task group's child goes on as a panic.)
    Panicked(Panic),
    /// The child has ended, and was restarted as often as [`Restart::limit`](crate::Restart::limit) allows. If it has failed, that is the
    /// entry before this one.
    RestartLimit {
        /// So often it was restarted.
        restarts: usize,
        /// Within that time.
        period: Duration,
    },
}

impl<E> GroupError<E> {
    pub(crate) fn new(children: Vec<ChildError<E>>, reason: Option<CancelReason>) -> GroupError<E> {
        GroupError { children, reason }
    }

    /// The entries of this group.
    pub fn children(&self) -> &[ChildError<E>] {
        &self.children
    }

    /// The entries of this group, for good.
    pub fn into_children(mut self) -> Vec<ChildError<E>> {
        self.take_children()
    }

    fn take_children(&mut self) -> Vec<ChildError<E>> {
        std::mem::take(&mut self.children)
    }

    /// How many entries there are, those of groups below included.
    pub(crate) fn count(&self) -> usize {
        let (mut levels, mut count) = (vec![self], 0);
        while let Some(level) = levels.pop() {
            for child in &level.children {
                match &child.error {
                    Failure::Group(group) => levels.push(group),
                    _ => count += 1,
                }
            }
        }
        count
    }

    /// Every error, those of groups below included, in the order in which they happened in each group. Entries that hold no `E`, panics that
    /// a supervisor has collected for one, are not among them: [`children`](GroupError::children) has these.
    pub fn errors(&self) -> impl Iterator<Item = &E> {
        let mut levels = vec![self.children.iter()];
        std::iter::from_fn(move || {
            loop {
                match levels.last_mut()?.next() {
                    Some(ChildError { error: Failure::One(error), .. }) => return Some(error),
                    Some(ChildError { error: Failure::Group(group), .. }) => levels.push(group.children.iter()),
                    Some(_) => {}
                    None => drop(levels.pop()),
                }
            }
        })
    }

    /// The first error. `None` also if nothing but entries without an `E` is there, as for [`errors`](GroupError::errors).
    pub fn first(&self) -> Option<&E> {
        self.errors().next()
    }

    /// The first error, for good. What becomes of entries without an `E`, [`into_errors`](GroupError::into_errors) says.
    pub fn into_first(self) -> Option<E> {
        self.into_errors().into_iter().next()
    }

    /// Every error, for good. Of entries without an `E` a panic goes to `on_unhandled`, with the child's name and place, and a
    /// [`RestartLimit`](Failure::RestartLimit) is dropped: who has a supervisor's error looks at its [`children`](GroupError::children), or prints it.
    pub fn into_errors(self) -> Vec<E> {
        let mut errors = Vec::new();
        for ChildError { error, name, location, .. } in self.flatten().into_children() {
            match error {
                Failure::One(error) => errors.push(error),
                Failure::Panicked(panic) => {
                    report_unhandled_of(None, name.map(Into::into), location, UnhandledKind::TaskPanicked(panic));
                }
                Failure::Group(_) | Failure::RestartLimit { .. } => {}
            }
        }
        errors
    }

    /// Was the group cancelled by [`TaskGroup::cancel`](crate::TaskGroup::cancel), or by a child's?
    pub fn is_cancelled(&self) -> bool {
        self.reason.is_some()
    }

    /// Why the group was cancelled, if it was.
    pub fn reason(&self) -> Option<&CancelReason> {
        self.reason.as_ref()
    }

    /// `Ok(())` if the group was cancelled, and nothing failed.
    ///
    /// # Errors
    ///
    /// The error as it is, if something failed.
    pub fn ignore_cancelled(self) -> Result<(), GroupError<E>> {
        if self.children.is_empty() { Ok(()) } else { Err(self) }
    }

    /// Takes the errors out of the groups below. Each keeps the name and the place of the child that it came from.
    pub fn flatten(self) -> GroupError<E> {
        self.flatten_with(Err)
    }

    /// [`flatten`](GroupError::flatten) for errors that may themselves hold a group error: `nested` takes it out, or gives the
    /// error back. `anyhow::Error::downcast` fits.
    pub fn flatten_with(mut self, mut nested: impl FnMut(E) -> Result<GroupError<E>, E>) -> GroupError<E> {
        let mut flat = Vec::new();
        let mut levels = vec![self.take_children().into_iter()];
        while let Some(level) = levels.last_mut() {
            match level.next() {
                Some(ChildError { error: Failure::Group(group), .. }) => levels.push(group.into_children().into_iter()),
                Some(ChildError { error: Failure::One(error), name, location, explains }) => match nested(error) {
                    Ok(group) => levels.push(group.into_children().into_iter()),
                    Err(error) => flat.push(ChildError { error: Failure::One(error), name, location, explains }),
                },
                Some(other) => flat.push(other),
                None => drop(levels.pop()),
            }
        }
        GroupError { children: flat, reason: self.reason.take() }
    }

    /// Cuts the tree in two: the errors that `pred` likes, and the others, each with the groups that they were in. `None` where
    /// there are none. An entry that holds no `E` is with the others. This is what Python's `except*` does.
    pub fn split(self, mut pred: impl FnMut(&E) -> bool) -> (Option<GroupError<E>>, Option<GroupError<E>>) {
        let (mut level, mut around) = (Halves::of(self), Vec::new());
        loop {
            match level.rest.next() {
                Some(ChildError { error: Failure::One(error), name, location, explains }) => {
                    let half = if pred(&error) { &mut level.liked } else { &mut level.others };
                    half.push(ChildError { error: Failure::One(error), name, location, explains });
                }
                Some(ChildError { error: Failure::Group(group), name, location, explains }) => {
                    around.push((std::mem::replace(&mut level, Halves::of(group)), name, location, explains));
                }
                Some(other) => level.others.push(other),
                None => {
                    let (liked, others) = level.into_groups();
                    let Some((above, name, location, explains)) = around.pop() else { return (liked, others) };
                    level = above;
                    let entry = |group, name| ChildError { error: Failure::Group(group), name, location, explains };
                    level.liked.extend(liked.map(|group| entry(group, name.clone())));
                    level.others.extend(others.map(|group| entry(group, name)));
                }
            }
        }
    }
}

/// A group that is being cut in two.
struct Halves<E> {
    rest: vec::IntoIter<ChildError<E>>,
    liked: Vec<ChildError<E>>,
    others: Vec<ChildError<E>>,
    reason: Option<CancelReason>,
}

impl<E> Halves<E> {
    fn of(mut group: GroupError<E>) -> Halves<E> {
        let (rest, reason) = (group.take_children().into_iter(), group.reason.take());
        Halves { rest, liked: Vec::new(), others: Vec::new(), reason }
    }

    /// Both halves, if there is anything in them.
    fn into_groups(self) -> (Option<GroupError<E>>, Option<GroupError<E>>) {
        let group = |children: Vec<_>, reason| (!children.is_empty()).then_some(GroupError { children, reason });
        (group(self.liked, self.reason.clone()), group(self.others, self.reason))
    }
}

impl<E> ChildError<E> {
    pub(crate) fn new(
        error: Failure<E>,
        name: Option<Box<str>>,
        location: &'static Location<'static>,
        explains: Explains<E>,
    ) -> ChildError<E> {
        ChildError { error, name, location, explains }
    }

    /// What an error of this child's kind says.
    pub(crate) fn explain<'a>(&self, error: &'a E) -> Explained<'a> {
        (self.explains)(error)
    }
}

/// Drops errors one after the other, not one inside the other, as groups may be nested deeply.
impl<E> Drop for GroupError<E> {
    fn drop(&mut self) {
        let mut waiting = self.take_children();
        while let Some(child) = waiting.pop() {
            if let Failure::Group(mut group) = child.error {
                waiting.append(&mut group.take_children());
            }
        }
    }
}

/// The source is the first child's error.
impl<E: fmt::Debug + 'static> Error for GroupError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.children.first().map(|child| child as &(dyn Error + 'static))
    }
}

/// The source is what caused the error.
impl<E: fmt::Debug + 'static> Error for ChildError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.error {
            Failure::One(error) => self.explain(error).source,
            Failure::Group(group) => group.source(),
            Failure::Panicked(_) | Failure::RestartLimit { .. } => None,
        }
    }
}
