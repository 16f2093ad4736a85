//! How a tree of errors is written: drawn for people, and spelt out for programmers.

use crate::{
    error::{ChildError, Failure, GroupError},
    explain::Explained,
};
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

/// `{:?}` is for people, who see it when `main` or an `unwrap` fails: the tree, with causes. `{:#?}` writes the upper levels as a derived
/// `Debug` would; the first one below writes its errors side by side, those of all groups below; a group error in one of these is only
/// named.
impl<E: fmt::Debug> fmt::Debug for GroupError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return self.draw_whole(f, Causes::Shown);
        }
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

/// Are errors written with what caused them?
#[derive(Clone, Copy)]
enum Causes {
    Shown,
    Hidden,
}

impl Causes {
    fn of(f: &fmt::Formatter<'_>) -> Causes {
        if f.alternate() { Causes::Shown } else { Causes::Hidden }
    }

    /// What the error says. An error may hold a group's, and draw it, so this takes little of the stack.
    fn text(self, error: Explained<'_>) -> String {
        let mut text = error.text.to_string();
        if let Causes::Shown = self {
            // A text takes everything.
            let _ = error.append_causes(&mut text);
        }
        text
    }
}

/// The tree; `{:#}` shows causes.
impl<E> fmt::Display for GroupError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.draw_whole(f, Causes::of(f))
    }
}

impl<E> GroupError<E> {
    fn headline(&self) -> String {
        let count = self.count();
        match (count, self.reason()) {
            (0, Some(reason)) => format!("the task group was cancelled: {reason}"),
            (1, _) => "1 error in a task group".into(),
            (count, _) => format!("{count} errors in a task group"),
        }
    }
}

impl<E> GroupError<E> {
    #[inline(always)]
    fn draw_whole(&self, f: &mut fmt::Formatter<'_>, causes: Causes) -> fmt::Result {
        f.write_str(&self.headline())?;
        self.draw(f, "", causes)
    }

    /// What is large on the stack is not on it while an error writes its text, or a group below its entries.
    fn draw(&self, f: &mut fmt::Formatter<'_>, indent: &str, causes: Causes) -> fmt::Result {
        let level = Level::enter();
        if level.around >= DRAWN {
            return write!(f, "\n{indent}└─ …");
        }
        for (index, child) in self.children().iter().enumerate() {
            let is_last = index + 1 == self.children().len();
            let text = match &child.error {
                Failure::One(error) => causes.text(child.explain(error)),
                Failure::Group(group) => group.headline(),
                other => plain_text(other),
            };
            let below = write_entry(f, indent, is_last, &child.title(), &text)?;
            if let Failure::Group(group) = &child.error {
                group.draw(f, &below, causes)?;
            }
        }
        Ok(())
    }
}

/// What a failure says that has no error of the program's in it.
fn plain_text<E>(failure: &Failure<E>) -> String {
    match failure {
        Failure::One(_) | Failure::Group(_) => String::new(),
        Failure::Panicked(panic) => format!("it panicked: {}", panic.message()),
        Failure::RestartLimit { restarts: 0, .. } => "it has ended, and may not be restarted".into(),
        Failure::RestartLimit { restarts, period } => {
            format!("it has ended once more, after {restarts} restarts within {period:?}")
        }
    }
}

/// Writes one entry, and returns the indent of what stands below it.
fn write_entry(
    f: &mut fmt::Formatter<'_>,
    indent: &str,
    is_last: bool,
    title: &str,
    text: &str,
) -> Result<String, fmt::Error> {
    let (branch, below) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
    let below = format!("{indent}{below}");
    write!(f, "\n{indent}{branch}{title}: {}", text.replace('\n', &format!("\n{below}")))?;
    Ok(below)
}

/// Whose error it is, and what it says; `{:#}` shows causes.
impl<E> fmt::Display for ChildError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.title())?;
        self.write_failure(f, Causes::of(f))
    }
}

/// `{:?}` is for people, as that of a [`GroupError`] is.
impl<E: fmt::Debug> fmt::Debug for ChildError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            write!(f, "{}: ", self.title())?;
            return self.write_failure(f, Causes::Shown);
        }
        let mut text = f.debug_struct("ChildError");
        text.field("error", &self.error).field("name", &self.name).field("location", &self.location).finish()
    }
}

impl<E> ChildError<E> {
    fn write_failure(&self, f: &mut fmt::Formatter<'_>, causes: Causes) -> fmt::Result {
        match &self.error {
            Failure::One(error) => f.write_str(&causes.text(self.explain(error))),
            Failure::Group(group) => group.draw_whole(f, causes),
            other => f.write_str(&plain_text(other)),
        }
    }

    /// What went wrong, with its causes, for a report.
    pub(crate) fn report(&self) -> String {
        struct Report<'a, E>(&'a ChildError<E>);
        impl<E> fmt::Display for Report<'_, E> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.write_failure(f, Causes::Shown)
            }
        }
        Report(self).to_string()
    }

    fn title(&self) -> String {
        match &self.name {
            Some(name) => format!("{} ({})", plain(name), self.location),
            None => format!("spawned at {}", self.location),
        }
    }
}
