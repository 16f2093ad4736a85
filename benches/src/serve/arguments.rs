//! What the program is told.

use super::{kind::Kind, server_name::ServerName};
use clap::Parser;
use std::{path::PathBuf, time::Duration};

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "serve",
    about = "Compares servers, echo and HTTP, under one executor after another: CPU time and system calls per request, latency"
)]
pub struct Arguments {
    /// Only these servers, separated by commas.
    #[arg(long, value_enum, value_delimiter = ',')]
    servers: Vec<ServerName>,
    /// Only what these do, separated by commas.
    #[arg(long, value_enum, value_delimiter = ',')]
    kind: Vec<Kind>,
    /// How many connections there are at a time, separated by commas [default: 1,64,1000; with `--check` 1,64].
    #[arg(long, value_delimiter = ',')]
    connections: Vec<usize>,
    /// How long one round measures, in seconds.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// How often each server is measured; the rounds of all alternate.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// The folder for the report.
    #[arg(long, default_value = "target/serve")]
    out: PathBuf,
    /// Counts no system calls.
    #[arg(long)]
    no_strace: bool,
    /// Measures nothing: runs each server once for some hundred requests, and checks the answers.
    #[arg(long, conflicts_with_all = ["seconds", "rounds", "out", "no_strace"])]
    check: bool,
    /// Is the server of this name, of one `--kind`: how the program starts itself again.
    #[arg(long, value_enum, hide = true, requires = "kind")]
    as_server: Option<ServerName>,
    /// On which core that runs.
    #[arg(long, hide = true, requires = "as_server")]
    core: Option<usize>,
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub enum Plan {
    /// To be a server, on a core of its own if there is one.
    Serve(ServerName, Kind, Option<usize>),
    /// To check the answers of these.
    Check(Field),
    /// To measure these.
    Measure {
        /// Who, what and how many.
        field: Field,
        /// How long one round is.
        long: Duration,
        /// How many rounds there are.
        rounds: usize,
        /// The folder for the report.
        out: PathBuf,
        /// Whether system calls are counted, where there is something to count them with.
        strace: bool,
    },
}

/// Which servers run, and under which loads.
#[derive(Debug, PartialEq)]
pub struct Field {
    /// The servers.
    pub servers: Vec<ServerName>,
    /// What they do.
    pub kinds: Vec<Kind>,
    /// How many connections there are at a time.
    pub connections: Vec<usize>,
}

impl Arguments {
    /// The most connections that are taken: the system has about 28 000 ports for them.
    const MOST: usize = 20_000;

    /// What is to be done, or what is wrong with the command, and how to mend it.
    pub fn plan(self) -> Result<Plan, String> {
        if let (Some(server), [kind]) = (self.as_server, &self.kind[..]) {
            return Ok(Plan::Serve(server, *kind, self.core));
        }
        let usual: &[usize] = if self.check { &[1, 64] } else { &[1, 64, 1000] };
        let field = Field {
            servers: or_all(self.servers, &ServerName::ALL),
            kinds: or_all(self.kind, &Kind::ALL),
            connections: or_all(self.connections, usual),
        };
        if let Some(count) = field.connections.iter().find(|count| !(1..=Self::MOST).contains(*count)) {
            return Err(format!("`--connections {count}` cannot be: it takes numbers from 1 to {}", Self::MOST));
        }
        if self.check {
            return Ok(Plan::Check(field));
        }
        if !(0.01..=600.0).contains(&self.seconds) {
            return Err(format!("`--seconds {}` cannot be: it takes a number from 0.01 to 600", self.seconds));
        }
        if self.rounds == 0 {
            return Err(
                "`--rounds 0` measures nothing: it takes numbers from 1 on, and `--check` measures nothing".into()
            );
        }
        Ok(Plan::Measure {
            field,
            long: Duration::from_secs_f64(self.seconds),
            rounds: self.rounds,
            out: self.out,
            strace: !self.no_strace,
        })
    }
}

/// What was named, each once, in the order of the command line; everything if nothing was.
fn or_all<T: Copy + PartialEq>(named: Vec<T>, all: &[T]) -> Vec<T> {
    let named = if named.is_empty() { all.to_vec() } else { named };
    let mut once = Vec::new();
    for item in named {
        if !once.contains(&item) {
            once.push(item);
        }
    }
    once
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(line: &str) -> Result<Plan, String> {
        let words = std::iter::once("serve").chain(line.split_whitespace());
        Arguments::try_parse_from(words).map_err(|error| error.to_string())?.plan()
    }

    #[test]
    fn without_arguments_everything_is_measured() {
        let field = Field {
            servers: ServerName::ALL.to_vec(),
            kinds: vec![Kind::Echo, Kind::Http],
            connections: vec![1, 64, 1000],
        };
        let out = PathBuf::from("target/serve");
        let long = Duration::from_secs(1);
        assert_eq!(plan(""), Ok(Plan::Measure { field, long, rounds: 5, out, strace: true }));
    }

    #[test]
    fn lists_keep_their_order_and_name_each_once() {
        let field = Field {
            servers: vec![ServerName::Tokio, ServerName::EvenkeelAsyncIo],
            kinds: vec![Kind::Http],
            connections: vec![64, 1],
        };
        let line = "--servers tokio,evenkeel-async-io,tokio --kind http --connections 64,1,64 --seconds 0.5 --rounds 2 --out o \
                    --no-strace";
        let (long, out) = (Duration::from_millis(500), PathBuf::from("o"));
        assert_eq!(plan(line), Ok(Plan::Measure { field, long, rounds: 2, out, strace: false }));
    }

    #[test]
    fn a_check_has_few_connections_and_takes_no_figures_for_rounds() {
        let Ok(Plan::Check(field)) = plan("--check --kind echo") else { panic!("it is a check") };
        assert_eq!((field.connections, field.kinds), (vec![1, 64], vec![Kind::Echo]));
        let error = plan("--check --rounds 3").unwrap_err();
        assert!(
            error.contains("--check") && error.contains("cannot be used with") && error.contains("--rounds"),
            "{error}"
        );
    }

    #[test]
    fn bad_figures_name_what_is_taken_instead() {
        let none = "`--connections 0` cannot be: it takes numbers from 1 to 20000";
        assert_eq!(plan("--connections 1,0").unwrap_err(), none);
        assert_eq!(plan("--check --connections 0").unwrap_err(), none);
        let seconds = |text: &str| plan(&format!("--seconds {text}")).unwrap_err();
        for text in ["0", "601", "NaN", "inf"] {
            assert_eq!(seconds(text), format!("`--seconds {text}` cannot be: it takes a number from 0.01 to 600"));
        }
        assert!(
            plan("--rounds 0").unwrap_err().starts_with("`--rounds 0` measures nothing: it takes numbers from 1 on")
        );
        let unknown = plan("--servers tokyo").unwrap_err();
        assert!(unknown.contains("tokio") && unknown.contains("glommio"), "it lists what there is: {unknown}");
    }

    #[test]
    fn the_program_starts_itself_again_with_arguments_that_help_does_not_show() {
        assert_eq!(plan("--as-server smol --kind http"), Ok(Plan::Serve(ServerName::Smol, Kind::Http, None)));
        assert_eq!(
            plan("--as-server smol --kind http --core 3"),
            Ok(Plan::Serve(ServerName::Smol, Kind::Http, Some(3)))
        );
        assert!(plan("--as-server smol").unwrap_err().contains("--kind"));
        assert!(!plan("--help").unwrap_err().contains("as-server"));
    }
}
