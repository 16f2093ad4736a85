//! Compares servers: raw echo and HTTP, under one executor after another, each in a process of its own.

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    use clap::Parser;
    use evenkeel_benches::serve::{Arguments, run};

    match run(Arguments::parse()) {
        Ok(faults) if faults.is_empty() => ExitCode::SUCCESS,
        Ok(faults) => {
            eprintln!("These answers were wrong:");
            faults.iter().for_each(|line| eprintln!("  {line}"));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!("error: it needs Linux, whose epoll and whose figures of CPU time it uses");
    ExitCode::from(2)
}
