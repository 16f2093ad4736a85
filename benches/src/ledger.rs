//! Instructions per operation in a file, to compare later counts with.

use crate::bad_line::BadLine;
use std::fmt;

/// By how many percent a figure may rise, which no change in the order of the machine code should exceed.
const TOLERANCE: u64 = 3;

/// What is counted: a workload, and who does it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Figure {
    /// The workload's name.
    pub work: String,
    /// A peer's or a library's name.
    pub entrant: String,
}

impl Figure {
    /// A workload of this project's, or another's.
    pub fn new(work: &str, entrant: &str) -> Figure {
        let entrant = if entrant.is_empty() { "evenkeel" } else { entrant };
        Figure { work: work.to_owned(), entrant: entrant.to_owned() }
    }
}

/// The workload's name; behind it who does it, unless that is evenkeel itself.
impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.entrant {
            "evenkeel" => f.pad(&self.work),
            entrant => f.pad(&format!("{} {entrant}", self.work)),
        }
    }
}

/// Figures that were counted together.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// What they were counted with, or of which version.
    pub heading: String,
    /// The figures, in the file's order, and instructions per operation.
    pub counts: Vec<(Figure, u64)>,
}

impl Column {
    /// The instructions of a figure, if it was counted.
    pub fn of(&self, figure: &Figure) -> Option<u64> {
        self.counts.iter().find(|(other, _)| other == figure).map(|(_, count)| *count)
    }

    /// What has become of the figures, in words: those that rose too much, and those that could be lowered.
    pub fn changes(&self, now: &Column) -> (Vec<String>, Vec<String>) {
        let (mut risen, mut fallen) = (Vec::new(), Vec::new());
        for (figure, then) in &self.counts {
            let Some(now) = now.of(figure) else {
                risen.push(format!("{figure} could not be counted"));
                continue;
            };
            let percent = (now as f64 / *then as f64 - 1.0) * 100.0;
            let line = format!("{figure}: {now} instructions, and {then} before ({percent:+.1} %)");
            if now * 100 > then * (100 + TOLERANCE) {
                risen.push(line);
            } else if now * 100 < then * (100 - TOLERANCE) {
                fallen.push(line);
            }
        }
        (risen, fallen)
    }
}

/// A file of columns: comments at its head, then for each column `[HEADING]` and lines of `WORKLOAD [LIBRARY] INSTRUCTIONS`.
#[derive(Debug, Clone, PartialEq)]
pub struct Ledger {
    comments: String,
    /// The columns, the oldest first.
    pub columns: Vec<Column>,
}

impl Ledger {
    /// Reads such a file.
    pub fn parse(text: &str) -> Result<Ledger, BadLine> {
        let mut ledger = Ledger { comments: String::new(), columns: Vec::new() };
        for (index, line) in text.lines().enumerate() {
            let fault = |fault: String| BadLine { number: index + 1, fault };
            let line = line.trim();
            if line.starts_with('#') && ledger.columns.is_empty() {
                ledger.comments += line;
                ledger.comments.push('\n');
            } else if let Some(heading) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                ledger.columns.push(Column { heading: heading.to_owned(), counts: Vec::new() });
            } else if !line.is_empty() {
                let Some(column) = ledger.columns.last_mut() else {
                    return Err(fault("a `[HEADING]` must come first".to_owned()));
                };
                let words: Vec<&str> = line.split_whitespace().collect();
                let read = |(work, rest): (&&str, &[&str])| {
                    let (count, entrant) = rest.split_last()?;
                    let count = count.parse::<u64>().ok().filter(|count| *count > 0)?;
                    Some((Figure::new(work, &entrant.join(" ")), count))
                };
                let Some((figure, count)) = words.split_first().and_then(read) else {
                    return Err(fault(format!("`{line}` is not of the form `WORKLOAD [LIBRARY] INSTRUCTIONS`")));
                };
                if column.of(&figure).is_some() {
                    return Err(fault(format!("`{figure}` stands there already")));
                }
                column.counts.push((figure, count));
            }
        }
        Ok(ledger)
    }

    /// The figures of all columns, in the order in which they first came up.
    pub fn figures(&self) -> Vec<&Figure> {
        let mut figures = Vec::new();
        for (figure, _) in self.columns.iter().flat_map(|column| &column.counts) {
            if !figures.contains(&figure) {
                figures.push(figure);
            }
        }
        figures
    }
}

/// The file again.
impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.comments)?;
        for column in &self.columns {
            write!(f, "\n[{}]\n", column.heading)?;
            for (figure, count) in &column.counts {
                writeln!(f, "{figure:32} {count:>6}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str =
        "# A head.\n\n[rustc 1]\nyield-100                           100\nfamily-1 evenkeel gather           2000\n";

    fn column(counts: &[(&str, u64)]) -> Column {
        let counts = counts.iter().map(|(work, count)| (Figure::new(work, ""), *count)).collect();
        Column { heading: "rustc 1".to_owned(), counts }
    }

    #[test]
    fn a_ledger_is_written_as_it_was_read() {
        let ledger = Ledger::parse(FILE).unwrap();
        assert_eq!(ledger.to_string(), FILE);
        assert_eq!(ledger.columns[0].of(&Figure::new("yield-100", "evenkeel")), Some(100));
        assert_eq!(ledger.columns[0].of(&Figure::new("family-1", "evenkeel gather")), Some(2000));
    }

    #[test]
    fn faults_name_their_line() {
        let fault = |text: &str| Ledger::parse(text).unwrap_err().to_string();
        assert_eq!(fault("# head\nyield 1"), "line 2: a `[HEADING]` must come first");
        for line in ["yield", "yield many", "yield 0", "yield -1", "7"] {
            let expected = format!("line 2: `{line}` is not of the form `WORKLOAD [LIBRARY] INSTRUCTIONS`");
            assert_eq!(fault(&format!("[a]\n{line}")), expected);
        }
        assert_eq!(fault("[a]\nyield 1\nyield 2"), "line 3: `yield` stands there already");
    }

    #[test]
    fn what_rose_by_more_than_three_percent_is_named_and_what_fell_can_be_lowered() {
        let then = column(&[("level", 100), ("rose", 100), ("fell", 100), ("gone", 100)]);
        let now = column(&[("level", 103), ("rose", 104), ("fell", 96)]);
        let (risen, fallen) = then.changes(&now);
        assert_eq!(risen, ["rose: 104 instructions, and 100 before (+4.0 %)", "gone could not be counted"]);
        assert_eq!(fallen, ["fell: 96 instructions, and 100 before (-4.0 %)"]);
    }

    #[test]
    fn the_figures_of_all_columns_come_in_order() {
        let ledger = Ledger::parse("[a]\nx 1\ny 1\n[b]\ny 1\nz 1\n").unwrap();
        let works: Vec<&str> = ledger.figures().iter().map(|figure| &*figure.work).collect();
        assert_eq!(works, ["x", "y", "z"]);
    }
}
