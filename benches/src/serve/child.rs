//! A server in a process of its own.

use super::{kind::Kind, server_name::ServerName};
use std::{
    env,
    error::Error,
    io::{BufRead, BufReader},
    path::Path,
    process::{self, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// So long may a server take to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server in a process of its own. It ends when its standard input is closed.
#[derive(Debug)]
pub(crate) struct Child {
    process: process::Child,
    /// Where it listens, on loopback.
    pub(crate) port: u16,
    /// How it waits for its sockets.
    pub(crate) driver: String,
}

impl Child {
    /// Starts this program again as a server, on a core of its own if there is one, and waits until it listens. With `summary`,
    /// its system calls are counted into that file.
    pub(crate) fn start(
        server: ServerName,
        kind: Kind,
        core: Option<usize>,
        summary: Option<&Path>,
    ) -> Result<Child, Box<dyn Error>> {
        let program = env::current_exe()?;
        let mut command = match summary {
            None => Command::new(program),
            Some(file) => {
                let mut command = Command::new("strace");
                command.args(["-f", "-c", "-qq", "-o"]).arg(file).arg(program);
                command
            }
        };
        command.args(["--as-server", server.name(), "--kind", kind.name()]);
        if let Some(core) = core {
            command.args(["--core", &core.to_string()]);
        }
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdout = process.stdout.take().expect("it is piped");
        let mut child = Child { process, port: 0, driver: String::new() };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let Some((port, driver)) = announced(&line) else {
            return Err(format!("the server {server} ended before it listened").into());
        };
        (child.port, child.driver) = (port, driver.to_owned());
        Ok(child)
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Ends it, and waits until it has ended.
    pub(crate) fn stop(mut self) -> Result<(), Box<dyn Error>> {
        drop(self.process.stdin.take());
        let start = Instant::now();
        loop {
            match self.process.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("the server ended with {status}").into()),
                None if start.elapsed() > PATIENCE => return Err("the server does not end".into()),
                None => thread::sleep(Duration::from_millis(1)),
            }
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        // It has ended already, unless something went wrong.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What a server says when it listens: `PORT DRIVER`.
fn announced(line: &str) -> Option<(u16, &str)> {
    let (port, driver) = line.trim_end().split_once(' ')?;
    Some((port.parse().ok()?, driver))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_says_its_port_and_its_driver_or_nothing() {
        assert_eq!(announced("8080 io_uring\n"), Some((8080, "io_uring")));
        assert_eq!((announced(""), announced("8080\n"), announced("x epoll\n")), (None, None, None));
    }
}
