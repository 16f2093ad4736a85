//! What ratios must not fall below.

use crate::{bad_line::BadLine, report::Report};

/// How many times as fast as tokio each of some workloads must be.
#[derive(Debug, PartialEq)]
pub struct Thresholds(Vec<(String, f64)>);

impl Thresholds {
    /// Reads lines of `WORKLOAD RATIO`; a `#` begins a comment. `known` are the workloads that there are.
    pub fn parse(text: &str, known: &[String]) -> Result<Thresholds, BadLine> {
        let mut thresholds: Vec<(String, f64)> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let fault = |fault: String| BadLine { number: index + 1, fault };
            let line = line.split('#').next().unwrap_or_default();
            let words: Vec<&str> = line.split_whitespace().collect();
            let (name, ratio) = match words[..] {
                [] => continue,
                [name, ratio] => (name, ratio),
                _ => return Err(fault(format!("`{}` is not of the form `WORKLOAD RATIO`", line.trim()))),
            };
            if !known.iter().any(|known| known == name) {
                return Err(fault(format!("there is no workload `{name}`; there are {}", known.join(", "))));
            }
            if thresholds.iter().any(|(other, _)| other == name) {
                return Err(fault(format!("`{name}` has a threshold already")));
            }
            match ratio.parse::<f64>() {
                Ok(ratio) if ratio.is_finite() && ratio > 0.0 => thresholds.push((name.to_owned(), ratio)),
                _ => return Err(fault(format!("`{ratio}` is not a positive number"))),
            }
        }
        Ok(Thresholds(thresholds))
    }

    /// Each ratio that fell short, and each that was not measured though its workload was wanted, in words.
    pub fn unmet(&self, report: &Report) -> Vec<String> {
        let mut unmet = Vec::new();
        for (name, wanted) in &self.0 {
            let Some(row) = report.rows.iter().find(|row| row.workload == *name) else { continue };
            match row.ratio() {
                None => unmet.push(format!("{name}: no ratio, since evenkeel and tokio did not both run")),
                Some(ratio) if ratio < *wanted => {
                    unmet.push(format!("{name}: {ratio:.2} times as fast as tokio, and {wanted} is wanted"));
                }
                Some(_) => {}
            }
        }
        unmet
    }

    /// Those whose workload is not in the report.
    pub fn unmeasured(&self, report: &Report) -> Vec<&str> {
        let measured = |name: &str| report.rows.iter().any(|row| row.workload == name);
        self.0.iter().map(|(name, _)| &**name).filter(|name| !measured(name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::findings::tests::sample;

    fn parse(text: &str) -> Result<Thresholds, BadLine> {
        Thresholds::parse(text, &["yield-1".to_owned(), "spawn".to_owned()])
    }

    #[test]
    fn lines_and_comments() {
        let read = parse("# a head\n\nyield-1  4.5 # a tail\n spawn 2\n");
        assert_eq!(read, Ok(Thresholds(vec![("yield-1".into(), 4.5), ("spawn".into(), 2.0)])));
    }

    #[test]
    fn faults_name_their_line() {
        let fault = |text: &str| parse(text).unwrap_err().to_string();
        assert_eq!(fault("yield-1"), "line 1: `yield-1` is not of the form `WORKLOAD RATIO`");
        assert_eq!(fault("\nyield-2 1"), "line 2: there is no workload `yield-2`; there are yield-1, spawn");
        assert_eq!(fault("spawn 1\nspawn 1"), "line 2: `spawn` has a threshold already");
        for number in ["many", "0", "-1", "NaN", "inf"] {
            assert_eq!(fault(&format!("spawn {number}")), format!("line 1: `{number}` is not a positive number"));
        }
    }

    #[test]
    fn what_falls_short_is_named() {
        // In the sample `yield-1` is ten times as fast, and `spawn` ran on evenkeel alone.
        let report = sample();
        assert_eq!(parse("yield-1 10").unwrap().unmet(&report), Vec::<String>::new());
        let unmet = parse("yield-1 10.5\nspawn 1").unwrap().unmet(&report);
        assert_eq!(
            unmet,
            [
                "yield-1: 10.00 times as fast as tokio, and 10.5 is wanted",
                "spawn: no ratio, since evenkeel and tokio did not both run"
            ]
        );
        let known = ["sleeps".to_owned()];
        assert_eq!(Thresholds::parse("sleeps 2", &known).unwrap().unmeasured(&report), ["sleeps"]);
    }
}
