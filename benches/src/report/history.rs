//! How many instructions the operations took in each version.

use crate::ledger::Ledger;
use std::fmt::Write;

const TITLE: &str = "## Instructions per operation by version";

/// What `history.txt` says.
pub fn history() -> Ledger {
    Ledger::parse(include_str!("../../history.txt")).expect("a test has read it")
}

/// The section of the page that shows a history.
pub fn section(history: &Ledger) -> String {
    let mut section = format!(
        "{TITLE}\n\nOf evenkeel, counted by callgrind. A name behind the workload is a library; the children of a family without \
         one are tasks in a group. Where tasks are stopped their spawn is counted too.\n\n"
    );
    let headings: Vec<&str> = history.columns.iter().map(|column| &*column.heading).collect();
    let _ = writeln!(section, "| workload | {} |\n|---|{}", headings.join(" | "), "---:|".repeat(headings.len()));
    for figure in history.figures() {
        let cell = |count: Option<u64>| count.map_or("–".to_owned(), |count| count.to_string());
        let cells: Vec<_> = history.columns.iter().map(|column| cell(column.of(figure))).collect();
        let _ = writeln!(section, "| {figure} | {} |", cells.join(" | "));
    }
    section
}

/// The page with its section put anew; `None`, if it has none.
pub fn renewed(page: &str, history: &Ledger) -> Option<String> {
    let (before, old) = page.split_once(TITLE)?;
    let after = old.find("\n## ").map_or("", |end| &old[end..]);
    Some(format!("{before}{}{after}", section(history)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_a_version_and_a_gap_is_a_dash() {
        let history = Ledger::parse("[0.1.0]\nx 1\n[0.2.0]\nx 2\ny gather 3\n").unwrap();
        let table = "| workload | 0.1.0 | 0.2.0 |\n|---|---:|---:|\n| x | 1 | 2 |\n| y gather | – | 3 |\n";
        assert!(section(&history).ends_with(table), "{}", section(&history));
    }

    #[test]
    fn a_page_is_renewed_where_its_section_stands() {
        let history = Ledger::parse("[0.1.0]\nx 1\n").unwrap();
        let page = format!("# Title\n\n{TITLE}\n\nold\n\n## Next\n\nword\n");
        assert_eq!(renewed(&page, &history).unwrap(), format!("# Title\n\n{}\n## Next\n\nword\n", section(&history)));
        assert_eq!(renewed("# Title\n", &history), None);
    }

    #[test]
    fn the_book_shows_the_history() {
        let page = include_str!("../../../docs/src/figures.md");
        assert!(
            page.contains(&section(&history())),
            "renew it with `benches/callgrind.sh --record VERSION`, or `compare`"
        );
    }
}
