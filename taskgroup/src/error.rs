//! What went wrong in a group: a tree of errors.

use evenkeel_executor::{CancelReason, combinator::plain};
use std::{error::Error, fmt, panic::Location};

/// Every failure of a group, in the order in which they happened.
///
/// It is a tree: an entry holds one error, or the group error of a group below. A lone error is in a group as well. `Display`
/// draws the tree, with each child's name and the place where it was spawned.
///
/// A group that was cancelled by [`TaskGroup::cancel`](crate::TaskGroup::cancel) before its body had a value yields one too;
/// it holds no errors then, or those that were there besides.
///
/// It is an [`Error`] whenever `E` can be printed, so also for `E = anyhow::Error`, `Box<dyn Error>` and `String`.
///
/// ```
/// use evenkeel_executor::{run, yield_now};
/// use evenkeel_taskgroup::TaskGroup;
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

/// One failure: whose it was, and what.
#[derive(Debug)]
#[non_exhaustive]
pub struct ChildError<E> {
    /// What went wrong.
    pub error: Failure<E>,
    /// The child's name, if it has one.
    pub name: Option<Box<str>>,
    /// Where the child was spawned; for the group's body, where the group was run.
    pub location: &'static Location<'static>,
}

/// One error, or those of a group below.
#[derive(Debug)]
pub enum Failure<E> {
    /// One error.
    One(E),
    /// Those of a group below.
    Group(GroupError<E>),
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

    /// Every error, those of groups below included, in the order in which they happened in each group.
    pub fn errors(&self) -> impl Iterator<Item = &E> {
        let mut levels = vec![self.children.iter()];
        std::iter::from_fn(move || {
            loop {
                match levels.last_mut()?.next() {
                    Some(ChildError { error: Failure::One(error), .. }) => return Some(error),
                    Some(ChildError { error: Failure::Group(group), .. }) => levels.push(group.children.iter()),
                    None => drop(levels.pop()),
                }
            }
        })
    }

    /// The first of them.
    pub fn first(&self) -> Option<&E> {
        self.errors().next()
    }

    /// The first of them, for good.
    pub fn into_first(self) -> Option<E> {
        self.into_errors().into_iter().next()
    }

    /// All of them, for good.
    pub fn into_errors(self) -> Vec<E> {
        let flat = self.flatten().into_children().into_iter();
        flat.filter_map(|child| if let Failure::One(error) = child.error { Some(error) } else { None }).collect()
    }

    /// Was the group cancelled by [`TaskGroup::cancel`](crate::TaskGroup::cancel), or by a child's?
    pub fn is_cancelled(&self) -> bool {
        self.reason.is_some()
    }

    /// Why it was cancelled.
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

    /// The same errors without groups below. Each keeps the name and the place of the child that it came from.
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
                Some(ChildError { error: Failure::One(error), name, location }) => match nested(error) {
                    Ok(group) => levels.push(group.into_children().into_iter()),
                    Err(error) => flat.push(ChildError { error: Failure::One(error), name, location }),
                },
                None => drop(levels.pop()),
            }
        }
        GroupError { children: flat, reason: self.reason.take() }
    }

    /// Cuts the tree in two: the errors that `pred` likes, and the others, each with the groups that they were in. `None` where
    /// there are none. This is what Python's `except*` does.
    pub fn split(self, mut pred: impl FnMut(&E) -> bool) -> (Option<GroupError<E>>, Option<GroupError<E>>) {
        self.split_by(&mut pred)
    }

    fn split_by(mut self, pred: &mut dyn FnMut(&E) -> bool) -> (Option<GroupError<E>>, Option<GroupError<E>>) {
        let (mut yes, mut no) = (Vec::new(), Vec::new());
        for ChildError { error, name, location } in self.take_children() {
            let (liked, other) = match error {
                Failure::One(error) if pred(&error) => (Some(Failure::One(error)), None),
                Failure::One(error) => (None, Some(Failure::One(error))),
                Failure::Group(group) => {
                    let (liked, other) = group.split_by(pred);
                    (liked.map(Failure::Group), other.map(Failure::Group))
                }
            };
            yes.extend(liked.map(|error| ChildError { error, name: name.clone(), location }));
            no.extend(other.map(|error| ChildError { error, name, location }));
        }
        let reason = self.reason.take();
        let part = |children: Vec<_>| (!children.is_empty()).then(|| GroupError { children, reason: reason.clone() });
        (part(yes), part(no))
    }
}

impl<E> ChildError<E> {
    pub(crate) fn new(
        error: Failure<E>,
        name: Option<Box<str>>,
        location: &'static Location<'static>,
    ) -> ChildError<E> {
        ChildError { error, name, location }
    }

    fn title(&self) -> String {
        match &self.name {
            Some(name) => format!("{} ({})", plain(name), self.location),
            None => format!("spawned at {}", self.location),
        }
    }
}

/// Groups may be nested deeply: their errors are dropped one after the other, not one inside the other.
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

impl<E: fmt::Debug> fmt::Debug for GroupError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupError").field("children", &self.children).field("reason", &self.reason).finish()
    }
}

impl<E> GroupError<E> {
    fn headline(&self) -> String {
        let count = self.errors().count();
        match (count, &self.reason) {
            (0, Some(reason)) => format!("the task group was cancelled: {reason}"),
            (1, _) => "1 error in a task group".into(),
            (count, _) => format!("{count} errors in a task group"),
        }
    }
}

impl<E: fmt::Display> GroupError<E> {
    fn draw(&self, f: &mut fmt::Formatter<'_>, indent: &str) -> fmt::Result {
        /// Deeper trees can be read by nobody, and each level takes some of the stack.
        const DEEPEST: usize = 64;
        if indent.chars().count() > 3 * DEEPEST {
            return write!(f, "\n{indent}└─ …");
        }
        for (index, child) in self.children.iter().enumerate() {
            let is_last = index + 1 == self.children.len();
            let (branch, below) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            let below = format!("{indent}{below}");
            match &child.error {
                Failure::One(error) => {
                    let text = error.to_string().replace('\n', &format!("\n{below}"));
                    write!(f, "\n{indent}{branch}{}: {text}", child.title())?;
                }
                Failure::Group(group) => {
                    write!(f, "\n{indent}{branch}{}: {}", child.title(), group.headline())?;
                    group.draw(f, &below)?;
                }
            }
        }
        Ok(())
    }
}

impl<E: fmt::Display> fmt::Display for GroupError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.headline())?;
        self.draw(f, "")
    }
}

impl<E: fmt::Debug + fmt::Display + 'static> Error for GroupError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.children.first().map(|child| child as &(dyn Error + 'static))
    }
}

impl<E: fmt::Display> fmt::Display for ChildError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.error {
            Failure::One(error) => write!(f, "{}: {error}", self.title()),
            Failure::Group(group) => write!(f, "{}: {group}", self.title()),
        }
    }
}

impl<E: fmt::Debug + fmt::Display + 'static> Error for ChildError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.error {
            Failure::One(_) => None,
            Failure::Group(group) => group.source(),
        }
    }
}
