//! A report as a page.

use super::findings::{Cell, Report};
use crate::table::Table;
use std::fmt::Write;

/// The whole page.
pub(super) fn page(report: &Report) -> String {
    let machine = &report.machine;
    let mut page = format!("# Servers, measured on {}\n\n", report.date);
    let _ = writeln!(
        page,
        "Each server is one thread that runs tasks, in a process of its own; the load comes from another process on the same machine, over \
         loopback: each connection sends a request when it has the answer to its last. An echo has 128 bytes; an HTTP server is \
         hyper 1, with connections that are kept and a body of {} bytes. Every answer is checked. CPU time is that of all threads of \
         the server's process, in user and in system mode, and nothing of the load's. {} of about {} s, of all servers in turn; for \
         each the round with the least CPU time counts, and the other figures are of that round. The load needs a \
         core nearly for itself, too, and bounds requests per second: what to compare is CPU time. Where hyper runs through \
         smol-hyper's adaptor, that fills the whole read buffer with zeroes at each poll, which is the adaptor's cost.\n",
        crate::serve::servers::BODY.len(),
        if report.rounds == 1 { "One round".to_owned() } else { format!("{} rounds", report.rounds) },
        report.seconds
    );
    match &report.uncounted {
        Some(reason) => {
            let _ = writeln!(page, "System calls were not counted: {reason}.\n");
        }
        None => {
            page += "System calls were counted by strace in runs of their own, in step: all connections send, and do so again when all have \
                     their answers and the server sleeps. On io_uring one call may carry many operations.\n\n";
        }
    }
    page += match report.pinned {
        true => "Each server, with all its threads, has one core, and the load has another.\n\n",
        false => "There was one core for servers and load, so that each waited for the other.\n\n",
    };
    let _ = writeln!(
        page,
        "Machine: {}, {} cores, Linux {}, load {} when it began, {}, release profile, system allocator.\n",
        machine.processor, machine.cores, machine.kernel, machine.load, machine.rustc
    );
    page += "| server | package | version | how | waits with |\n|---|---|---|---|---|\n";
    for server in &report.servers {
        let subject = &server.subject;
        let skipped = subject.skipped.as_ref().map_or(String::new(), |reason| format!("; **skipped**: {reason}"));
        let driver = server.driver.as_deref().unwrap_or("–");
        let _ = writeln!(
            page,
            "| {} | {} | {} | {}{skipped} | {driver} |",
            subject.name, subject.package, subject.version, subject.about
        );
    }
    page += &tables(report);
    page += &calls(report);
    page += "\n![CPU time for a request](report.svg)\n";
    page
}

/// A table for each load.
pub fn tables(report: &Report) -> String {
    let mut tables = String::new();
    for (kind, connections, cells) in report.loads() {
        let _ = writeln!(tables, "\n## {}\n", kind.over(connections));
        let mut table =
            Table::new(["server", "CPU µs/request", "system calls/request", "requests/s", "p50 µs", "p99 µs"]);
        for cell in cells {
            table.row(row(cell));
        }
        let _ = write!(tables, "{table}");
    }
    tables
}

fn row(cell: &Cell) -> [String; 6] {
    const NONE: &str = "–";
    let calls = cell.all_calls().map_or(NONE.to_owned(), times);
    let Some(best) = cell.best() else {
        return [cell.server.to_owned(), NONE.into(), calls, NONE.into(), NONE.into(), NONE.into()];
    };
    let [cpu, p50, p99] = [best.cpu, best.p50, best.p99].map(microseconds);
    [cell.server.to_owned(), cpu, calls, format!("{:.0}", best.per_second()), p50, p99]
}

fn microseconds(time: f64) -> String {
    if time < 100.0 { format!("{time:.2}") } else { format!("{time:.0}") }
}

fn times(calls: f64) -> String {
    if calls < 0.1 { format!("{calls:.3}") } else { format!("{calls:.2}") }
}

/// The system calls of each server by name, if they were counted.
fn calls(report: &Report) -> String {
    if report.cells.iter().all(|cell| cell.calls.is_none()) {
        return String::new();
    }
    let mut text = "\n## System calls per request\n\n| load | server | calls |\n|---|---|---|\n".to_owned();
    for (kind, connections, cells) in report.loads() {
        for cell in cells {
            let Some(calls) = &cell.calls else { continue };
            // What is rarer would be written as nothing.
            let mut calls: Vec<(&String, &f64)> = calls.iter().filter(|(_, calls)| **calls >= 0.0005).collect();
            calls.sort_by(|a, b| b.1.total_cmp(a.1));
            let calls: Vec<String> = calls.iter().map(|(name, calls)| format!("{name} {}", times(**calls))).collect();
            let _ = writeln!(text, "| {} | {} | {} |", kind.over(connections), cell.server, calls.join(", "));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::report::findings::tests::sample;

    #[test]
    fn each_load_has_a_table_and_what_was_not_measured_a_dash() {
        let expected = "
## echo, 1 connection

| server   | CPU µs/request | system calls/request | requests/s | p50 µs | p99 µs |
|----------|---------------:|---------------------:|-----------:|-------:|-------:|
| evenkeel |           5.00 |                 2.25 |      12000 |  40.25 |   1234 |
| tokio    |           7.12 |                    – |      11000 |  40.25 |   1234 |

## http, 64 connections

| server   | CPU µs/request | system calls/request | requests/s | p50 µs | p99 µs |
|----------|---------------:|---------------------:|-----------:|-------:|-------:|
| evenkeel |           4.00 |                 2.00 |      18000 |  40.25 |   1234 |
| tokio    |              – |                    – |          – |      – |      – |
";
        assert_eq!(tables(&sample()), expected);
    }

    #[test]
    fn the_page_names_who_was_skipped_how_each_waits_and_its_calls() {
        let page = page(&sample());
        assert!(page.contains("| glommio | glommio | 1.2.3 | a loop; **skipped**: no io_uring | – |"));
        assert!(page.contains("| tokio | tokio | 1.2.3 | a loop | epoll |"));
        assert!(!page.contains("munmap"), "it is too rare");
        assert!(page.contains("| echo, 1 connection | evenkeel | recvfrom 1.00, sendto 1.00, epoll_wait 0.25 |"));
        assert!(page.contains("has one core, and the load has another") && page.contains("in step"));
        assert!(page.contains("Machine: P, 2 cores, Linux K, load 0.00 when it began, R,"));
        assert!(page.contains("2 rounds of about 0.5 s") && page.contains("(report.svg)"));
    }

    #[test]
    fn without_strace_the_page_says_so_and_lists_no_calls() {
        let mut report = sample();
        report.uncounted = Some("there is no strace".to_owned());
        report.cells.iter_mut().for_each(|cell| cell.calls = None);
        let page = page(&report);
        assert!(page.contains("System calls were not counted: there is no strace."));
        assert!(!page.contains("## System calls") && !page.contains("recvfrom"));
    }
}
