//! The summary of `strace -c`.

use crate::bad_line::BadLine;
use std::collections::BTreeMap;

/// How often each system call was made.
pub(crate) type Calls = BTreeMap<String, u64>;

/// Reads a summary: what stands between the two rules, `% time, seconds, usecs/call, calls, [errors,] syscall`.
pub(crate) fn parse(text: &str) -> Result<Calls, BadLine> {
    let is_rule = |line: &str| line.starts_with("------");
    let mut lines = text.lines().enumerate();
    if !lines.any(|(_, line)| is_rule(line)) {
        return Err(BadLine { number: text.lines().count(), fault: "the summary of strace has not begun".to_owned() });
    }
    let mut calls = Calls::new();
    for (index, line) in lines {
        if is_rule(line) {
            return Ok(calls);
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let read = match words[..] {
            [_, _, _, count, name] | [_, _, _, count, _, name] => count.parse::<u64>().ok().map(|count| (name, count)),
            _ => None,
        };
        let Some((name, count)) = read else {
            return Err(BadLine {
                number: index + 1,
                fault: format!("`{}` is no line of strace's summary", line.trim()),
            });
        };
        *calls.entry(name.to_owned()).or_insert(0) += count;
    }
    Err(BadLine { number: text.lines().count(), fault: "the summary of strace does not end".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUMMARY: &str = "\
strace: Process 12 attached
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 61.54    0.000040          20      2002           sendto
 38.46    0.000025          12      2003         1 recvfrom
  0.00    0.000000           0         1           execve
------ ----------- ----------- --------- --------- ----------------
100.00    0.000065           5      4006         1 total
";

    #[test]
    fn calls_are_read_with_and_without_errors_and_the_total_is_none() {
        let calls = parse(SUMMARY).unwrap();
        let expected = [("execve", 1), ("recvfrom", 2003), ("sendto", 2002)];
        assert_eq!(calls, expected.map(|(name, count)| (name.to_owned(), count)).into());
    }

    #[test]
    fn what_is_no_summary_is_a_fault_with_its_line() {
        let fault = |text: &str| parse(text).unwrap_err().to_string();
        assert_eq!(fault(""), "line 0: the summary of strace has not begun");
        assert_eq!(fault("strace: attach: denied\n"), "line 1: the summary of strace has not begun");
        let cut: String = SUMMARY.lines().take(5).map(|line| format!("{line}\n")).collect();
        assert_eq!(fault(&cut), "line 5: the summary of strace does not end");
        let spoilt = SUMMARY.replace("2003 ", "many ");
        assert_eq!(
            fault(&spoilt),
            "line 5: `38.46    0.000025          12      many         1 recvfrom` is no line of strace's summary"
        );
    }
}
