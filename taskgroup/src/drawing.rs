//! How a tree of errors is written: drawn for people, and spelt out for programmers.

use crate::error::{ChildError, Failure, GroupError};
use evenkeel_executor::combinator::plain;
use std::{cell::Cell, fmt};

/// How deep `Display` draws. Deeper trees can be read by nobody, and each level takes some of the stack.
const DRAWN: usize = 65;
/// How many levels `Debug` writes one inside the other.
const NESTED: usize = 16;

thread_local! {
    /// How many group errors are being written by this thread, one inside the other.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// A group error that is being written. How deep it lies is counted in the thread and not in the tree: an `E` may hold group errors,
/// and write them inside.
struct Level {
    /// How many are around it.
    around: usize,
}

impl Level {
    fn enter() -> Level {
        let around = DEPTH.get();
        DEPTH.set(around + 1);
        Level { around }
    }
}

impl Drop for Level {
    fn drop(&mut self) {
        DEPTH.set(self.around);
    }
}

/// The upper levels are written as a derived `Debug` would; the first one below writes its errors side by side, those of all groups
/// below; a group error in one of these is only named.
impl<E: fmt::Debug> fmt::Debug for GroupError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = Level::enter();
        let mut text = f.debug_struct("GroupError");
        if level.around > NESTED {
            return text.finish_non_exhaustive();
        }
        if level.around == NESTED {
            text.field("errors", &Errors(self));
        } else {
            text.field("children", &self.children());
        }
        text.field("reason", &self.reason()).finish()
    }
}

/// The errors of a group and of all groups below, without these groups.
struct Errors<'a, E>(&'a GroupError<E>);

impl<E: fmt::Debug> fmt::Debug for Errors<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.errors()).finish()
    }
}

impl<E: fmt::Display> fmt::Display for GroupError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.headline())?;
        self.draw(f, "")
    }
}

impl<E> GroupError<E> {
    fn headline(&self) -> String {
        let count = self.errors().count();
        match (count, self.reason()) {
            (0, Some(reason)) => format!("the task group was cancelled: {reason}"),
            (1, _) => "1 error in a task group".into(),
            (count, _) => format!("{count} errors in a task group"),
        }
    }
}

impl<E: fmt::Display> GroupError<E> {
    fn draw(&self, f: &mut fmt::Formatter<'_>, indent: &str) -> fmt::Result {
        let level = Level::enter();
        if level.around >= DRAWN {
            return write!(f, "\n{indent}└─ …");
        }
        for (index, child) in self.children().iter().enumerate() {
            let is_last = index + 1 == self.children().len();
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

impl<E: fmt::Display> fmt::Display for ChildError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.error {
            Failure::One(error) => write!(f, "{}: {error}", self.title()),
            Failure::Group(group) => write!(f, "{}: {group}", self.title()),
        }
    }
}

impl<E> ChildError<E> {
    fn title(&self) -> String {
        match &self.name {
            Some(name) => format!("{} ({})", plain(name), self.location),
            None => format!("spawned at {}", self.location),
        }
    }
}
