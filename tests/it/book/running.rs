//! Examples that run while a test talks to them.

use super::pages::example_binary;
use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Read},
    process::{Child, ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Nobody waits for longer, so that a test that fails ends.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// An example that runs. It is killed when it is dropped, so that a test that fails leaves nothing behind.
pub(super) struct Running {
    process: Child,
    says: BufReader<ChildStdout>,
}

impl Running {
    pub(super) fn start<A: AsRef<OsStr>>(example: &str, args: impl IntoIterator<Item = A>) -> Running {
        let program = example_binary(example);
        let mut process = Command::new(&program)
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}: `cargo build --examples` builds it", program.display()));
        let says = BufReader::new(process.stdout.take().unwrap());
        Running { process, says }
    }

    /// The next line that it prints.
    pub(super) fn line(&mut self) -> String {
        let mut line = String::new();
        self.says.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Sends it a signal, `TERM` or `INT`.
    pub(super) fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([&format!("-{signal}"), &self.process.id().to_string()]).status();
        assert!(status.expect("`kill` is there").success());
    }

    /// What it prints until its end, and its exit status. What it prints until then fits into a pipe.
    pub(super) fn end(&mut self) -> (String, Option<i32>) {
        let begin = Instant::now();
        let status = loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                break status;
            }
            assert!(begin.elapsed() < PATIENCE, "it does not end");
            thread::sleep(Duration::from_millis(1));
        };
        let mut rest = String::new();
        self.says.read_to_string(&mut rest).unwrap();
        (rest, status.code())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
