//! Tables on a terminal, which are Markdown too.

use std::fmt;

/// A table whose columns are as wide as they must be: the first one to the left, figures to the right.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    pub fn new<S: Into<String>>(headings: impl IntoIterator<Item = S>) -> Table {
        let mut table = Table { rows: Vec::new() };
        table.row(headings);
        table
    }

    /// Adds a row.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        for (index, row) in self.rows.iter().enumerate() {
            for (column, cell) in row.iter().enumerate() {
                match column {
                    0 => write!(f, "| {cell:<0$} |", width(0))?,
                    _ => write!(f, " {cell:>0$} |", width(column))?,
                }
            }
            writeln!(f)?;
            if index == 0 {
                let rule = |column| format!("{:-<1$}:|", "", width(column) + 1);
                writeln!(f, "|{:-<1$}|{2}", "", width(0) + 2, (1..row.len()).map(rule).collect::<String>())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_markdown_in_which_columns_line_up() {
        let mut table = Table::new(["work", "evenkeel", "–"]);
        table.row(["yield-100", "7.6", "1000"]);
        let lines =
            ["| work      | evenkeel |    – |", "|-----------|---------:|-----:|", "| yield-100 |      7.6 | 1000 |"];
        assert_eq!(table.to_string().lines().collect::<Vec<_>>(), lines);
    }
}
