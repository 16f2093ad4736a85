//! A line of jobs that wait: first in, first out, and out of order for those whose callers go away.

use std::collections::VecDeque;

/// What stands in a line.
pub(crate) trait InLine {
    /// Is this entry still waiting? One that is not never waits again.
    fn is_waiting(&self) -> bool;
}

/// A line of those who wait. Who leaves is not looked for: the entry stays behind, empty, until it comes to the front or until empty entries are the
/// greater part. So leaving costs constant time on average, and a line in which everybody leaves stays short.
pub(crate) struct Line<E> {
    entries: VecDeque<E>,
    /// How many have left since the line was last cleared of those.
    left: usize,
}

impl<E: InLine> Line<E> {
    pub(crate) fn new() -> Line<E> {
        Line { entries: VecDeque::new(), left: 0 }
    }

    pub(crate) fn push(&mut self, entry: E) {
        self.entries.push_back(entry);
    }

    /// The oldest that waits, as far as this moment tells.
    pub(crate) fn pop(&mut self) -> Option<E> {
        while let Some(entry) = self.entries.pop_front() {
            if entry.is_waiting() {
                return Some(entry);
            }
            self.left = self.left.saturating_sub(1);
        }
        self.left = 0;
        None
    }

    /// The newest entry.
    pub(crate) fn pop_newest(&mut self) -> Option<E> {
        self.entries.pop_back()
    }

    /// One that was here, or is on its way, waits no more.
    pub(crate) fn one_left(&mut self) {
        /// Shorter lines are not worth the trouble.
        const SHORT: usize = 16;
        self.left += 1;
        if self.left > SHORT && self.left * 2 > self.entries.len() {
            self.entries.retain(InLine::is_waiting);
            self.entries.shrink_to(SHORT.max(self.entries.len() * 2));
            self.left = 0;
        }
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &E> {
        self.entries.iter()
    }

    /// How many entries there are, also of those who have left.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many of them wait.
    pub(crate) fn waiting(&self) -> usize {
        self.entries.iter().filter(|entry| entry.is_waiting()).count()
    }

    /// Takes those of whom that is true.
    pub(crate) fn take_if(&mut self, is_meant: impl Fn(&E) -> bool) -> Vec<E> {
        let (taken, kept) = self.entries.drain(..).partition::<Vec<E>, _>(is_meant);
        self.entries.extend(kept);
        taken
    }

    pub(crate) fn take_all(&mut self) -> VecDeque<E> {
        self.left = 0;
        std::mem::take(&mut self.entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{cell::Cell, rc::Rc};

    impl InLine for Rc<Cell<bool>> {
        fn is_waiting(&self) -> bool {
            self.get()
        }
    }

    #[test]
    fn fault_32_a_line_in_which_everybody_leaves_stays_short() {
        let mut line = Line::new();
        for _ in 0..if cfg!(miri) { 300 } else { 10_000 } {
            let entry = Rc::new(Cell::new(true));
            line.push(entry.clone());
            entry.set(false);
            line.one_left();
            assert!(line.entries.len() <= 64);
        }
    }

    #[test]
    fn those_who_stay_keep_their_order() {
        let entries: Vec<_> = (0..100).map(|_| Rc::new(Cell::new(true))).collect();
        let mut line = Line::new();
        entries.iter().for_each(|entry| line.push(entry.clone()));
        for (index, entry) in entries.iter().enumerate().filter(|(index, _)| index % 3 != 0) {
            let _ = index;
            entry.set(false);
            line.one_left();
        }
        let mut stayed = Vec::new();
        while let Some(entry) = line.pop() {
            stayed.extend(entry.is_waiting().then_some(entry));
        }
        let expected: Vec<_> = entries.iter().step_by(3).collect();
        assert!(stayed.len() == expected.len() && stayed.iter().zip(expected).all(|(a, b)| Rc::ptr_eq(a, b)));
    }
}
