//! A report as a page.

use super::{
    findings::{Report, Subject},
    history::{history, section},
};
use crate::{peer_name::PeerName, row::Row, watch::Clock};
use std::fmt::Write;

/// The whole page; `plots` are the files beside it.
pub fn page(report: &Report, plots: &[String]) -> String {
    let mut page = String::new();
    let machine = &report.machine;
    let _ = writeln!(page, "# Measured on {}\n", report.date);
    let _ = writeln!(
        page,
        "Nanoseconds per operation: for each workload all who can do it ran in turn in one process, {} rounds of about {} ms \
         each ({}). Thread CPU time, except where another clock is named. “tokio ÷ evenkeel” takes the faster of tokio's \
         flavours that ran.\n",
        report.rounds,
        report.millis,
        crate::rounds::EXCEPTION
    );
    let _ = writeln!(
        page,
        "Machine: {}, {} cores, Linux {}, load {} when it began, {}, release profile, system allocator.\n",
        machine.processor, machine.cores, machine.kernel, machine.load, machine.rustc
    );
    page += &subjects("peer", &report.peers);
    if !report.libraries.is_empty() {
        page +=
            "\nLibraries that are no executor run on evenkeel, where least is added to what they cost themselves:\n\n";
        page += &subjects("library", &report.libraries);
    }
    page += "\n## In short\n\n";
    page += &summary(report);
    page.push('\n');
    page += &section(&history());
    page += "\n## Fastest rounds\n\n“–”: the peer cannot express it.\n\n";
    page += &tables(report, Row::least);
    page += "\n## Medians\n\n";
    page += &tables(report, Row::median);
    page += "\n## What an operation is\n\n| workload | what it does |\n|---|---|\n";
    for row in &report.rows {
        let _ = writeln!(page, "| {} | {} |", row.workload, row.about);
    }
    for plot in plots {
        let _ = write!(page, "\n![{0}]({0})\n", plot);
    }
    page
}

/// Who took part, and how.
fn subjects(kind: &str, subjects: &[Subject]) -> String {
    let mut table = format!("| {kind} | package | version | how |\n|---|---|---|---|\n");
    for subject in subjects {
        let skipped = subject.skipped.as_ref().map_or(String::new(), |reason| format!("; **skipped**: {reason}"));
        let Subject { name, package, version, about, .. } = subject;
        let _ = writeln!(table, "| {name} | {package} | {version} | {about}{skipped} |");
    }
    table
}

/// For each workload of this project that is no point of a curve: tokio, and whoever else is fastest.
pub fn summary(report: &Report) -> String {
    let mut table = String::from("| workload | evenkeel | tokio | tokio ÷ evenkeel | fastest other |\n");
    table += "|---|---:|---:|---:|---:|\n";
    for row in report.rows.iter().filter(|row| row.group != "curve") {
        let Some(ours) = row.least(PeerName::Evenkeel.name()) else { continue };
        let tokio = row.tokio(Row::least).map_or("–".to_owned(), nanoseconds);
        let other = row.best_other().map_or("–".to_owned(), |(name, time)| format!("{} ({name})", nanoseconds(time)));
        let ours = nanoseconds(ours);
        let _ = writeln!(table, "| {} | {ours} | {tokio} | {} | {other} |", title(row), ratio(row.ratio()));
    }
    table
}

/// A line for each workload: a table of the peers, and tables of the libraries.
pub fn tables(report: &Report, figure: impl Fn(&Row, &str) -> Option<f64>) -> String {
    let peers: Vec<&str> = report.ran().collect();
    let rows: Vec<&Row> = report.rows.iter().filter(|row| !row.of(&peers).is_empty()).collect();
    let mut tables = table(&rows, &peers, &figure);
    let libraries: Vec<&str> = report.libraries.iter().map(|library| library.name).collect();
    let [tokio, local_runtime] = PeerName::FLAVOURS.map(PeerName::name);
    let columns = |row: &Row| {
        let mut columns = row.of(&[PeerName::Evenkeel.name(), tokio, local_runtime]);
        columns.extend(row.of(&libraries));
        columns
    };
    let rows: Vec<&Row> = report.rows.iter().filter(|row| !row.of(&libraries).is_empty()).collect();
    // Those that the same libraries can do share a table, so that none has gaps.
    for rows in rows.chunk_by(|a, b| columns(a) == columns(b)) {
        tables += "\n";
        tables += &table(rows, &columns(rows[0]), &figure);
    }
    tables
}

fn table(rows: &[&Row], names: &[&str], figure: &impl Fn(&Row, &str) -> Option<f64>) -> String {
    let mut table = format!("| workload | {} | tokio ÷ evenkeel |\n", names.join(" | "));
    table += &format!("|---|{}---:|\n", "---:|".repeat(names.len()));
    for row in rows {
        let cells = names.iter().map(|name| figure(row, name).map_or("–".to_owned(), nanoseconds));
        let of_tokio =
            row.tokio(figure).zip(figure(row, PeerName::Evenkeel.name())).map(|(theirs, ours)| theirs / ours);
        let _ = writeln!(table, "| {} | {} | {} |", title(row), cells.collect::<Vec<_>>().join(" | "), ratio(of_tokio));
    }
    table
}

/// A row's name, with its clock where that is not the usual one.
fn title(row: &Row) -> String {
    let clock = match row.clock {
        Clock::Thread => "",
        Clock::Process => " (process)",
        Clock::Wall => " (wall)",
    };
    format!("{}{clock}", row.workload)
}

fn nanoseconds(time: f64) -> String {
    if time < 100.0 { format!("{time:.1}") } else { format!("{time:.0}") }
}

fn ratio(ratio: Option<f64>) -> String {
    ratio.map_or("–".to_owned(), |ratio| format!("{ratio:.1}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::findings::tests::sample;

    #[test]
    fn the_table_has_a_cell_for_each_peer_that_ran() {
        let tables = tables(&sample(), Row::least);
        let lines: Vec<&str> = tables.lines().collect();
        assert_eq!(lines[0], "| workload | evenkeel | tokio | compio | tokio ÷ evenkeel |");
        assert_eq!(lines[2], "| yield-1 | 5.0 | 50.0 | 20.0 | 10.0 |");
        assert_eq!(lines[3], "| spawn | 9.0 | – | – | – |");
    }

    #[test]
    fn libraries_have_tables_without_gaps() {
        let tables = tables(&sample(), Row::least);
        let (peers, libraries) = tables.split_once("\n\n").unwrap();
        assert!(!peers.contains("kanal") && !peers.contains("wake"), "{peers}");
        let expected = "| workload | evenkeel | tokio | kanal | flume | tokio ÷ evenkeel |\n\
                        |---|---:|---:|---:|---:|---:|\n\
                        | remote-1 (wall) | 40.0 | 80.0 | 30.0 | 50.0 | 2.0 |\n\
                        | remote-2 (wall) | 40.0 | 80.0 | 20.0 | 60.0 | 2.0 |\n\
                        \n\
                        | workload | flume | tokio ÷ evenkeel |\n\
                        |---|---:|---:|\n\
                        | wake | 7.0 | – |\n";
        assert_eq!(libraries, expected);
    }

    #[test]
    fn the_summary_names_the_fastest_other() {
        let summary = summary(&sample());
        let lines: Vec<&str> = summary.lines().collect();
        assert_eq!(lines[2], "| yield-1 | 5.0 | 50.0 | 10.0 | 20.0 (compio) |");
        assert_eq!(lines[3], "| spawn | 9.0 | – | – | – |");
        assert_eq!(lines[4], "| remote-1 (wall) | 40.0 | 80.0 | 2.0 | 30.0 (kanal) |");
        assert!(!summary.contains("wake"), "it is no workload of this project's");
        assert!(!summary.contains("-among-"), "a plot shows it better");
    }

    #[test]
    fn the_page_names_who_was_skipped_and_why() {
        let page = page(&sample(), &["ratio.svg".to_owned()]);
        assert!(page.contains("| glommio | glommio | 1.2.3 |"));
        assert!(page.contains("**skipped**: no io_uring"));
        assert!(page.contains("| kanal | kanal | 1.2.3 |"));
        assert!(page.contains("Machine: P, 2 cores, Linux K, load 0.00 when it began, R,"));
        assert!(page.contains("![ratio.svg](ratio.svg)"));
    }

    #[test]
    fn the_page_shows_the_history() {
        assert!(page(&sample(), &[]).contains(&section(&history())));
    }
}
