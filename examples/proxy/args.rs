//! The command line.

use clap::Parser;
use std::{num::NonZeroUsize, time::Duration};

/// Pass TCP connections on.
///
/// Every client of LISTEN gets a connection to UPSTREAM, and what either sends goes to the other, the end of what it sends, too. If one side breaks its
/// connection off, so does the proxy the other's: nobody takes a part for the whole.
///
/// SIGTERM and Ctrl-C close the listener. The clients that are there may finish, for as long as --grace says; then the others are cut off. A
/// second signal ends the program at once, with status 130. The last line on standard output counts what was done. The exit status is 0 after that,
/// 1 if the proxy cannot listen, and 2 if the command line is wrong.
#[derive(Debug, Parser)]
#[command(name = "proxy")]
pub(crate) struct Args {
    /// Where to listen, 127.0.0.1:8080 say; with port 0 the system chooses one, which the first line on standard output tells
    #[arg(value_name = "LISTEN", value_parser = address)]
    pub(crate) listen: String,

    /// Where clients are connected to, example.org:80 say; a name is looked up for each of them
    #[arg(value_name = "UPSTREAM", value_parser = address)]
    pub(crate) upstream: String,

    /// How many clients there may be at once; who comes then is accepted and reset at once
    #[arg(long, value_name = "CLIENTS", default_value = "1000", value_parser = limit)]
    pub(crate) limit: NonZeroUsize,

    /// How long it may take to connect to UPSTREAM
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = limit_of_time)]
    pub(crate) connect_timeout: Duration,

    /// How long a client may be there without a byte in either direction
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = limit_of_time)]
    pub(crate) idle_timeout: Duration,

    /// How long the clients that are there at the end may go on; with 0 they are cut off at once
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(crate) grace: Duration,
}

fn address(text: &str) -> Result<String, &'static str> {
    match text.rsplit_once(':').map(|(host, port)| (host, port.parse::<u16>())) {
        Some((host, Ok(_))) if !host.is_empty() => Ok(text.to_owned()),
        Some((_, Err(_))) => Err("the port is no number from 0 to 65535: give host:port, as in 127.0.0.1:8080"),
        _ => Err("not an address: give host:port, as in 127.0.0.1:8080"),
    }
}

fn limit(text: &str) -> Result<NonZeroUsize, &'static str> {
    match text.parse::<usize>() {
        Ok(limit) => NonZeroUsize::new(limit).ok_or("no client would ever be served: give at least 1"),
        Err(_) => Err("not a count of clients: give a whole number, as in --limit 200"),
    }
}

fn limit_of_time(text: &str) -> Result<Duration, &'static str> {
    match seconds(text)? {
        Duration::ZERO => Err("nothing can be done in no time: give more than 0"),
        limit => Ok(limit),
    }
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or("not a time: give seconds, as in 2.5")
}
