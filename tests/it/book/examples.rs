//! Examples that others talk to: a server with clients that are not its own, and a module in a JavaScript host.
#![cfg(not(miri))]

#[cfg(unix)]
use super::pages::example_binary;
use std::{env, path::PathBuf, process::Command};

/// `examples/http.rs`, served to clients that speak to it through plain sockets.
#[cfg(unix)]
mod http {
    use super::*;
    use std::{
        io::{BufRead, BufReader, Read, Write},
        net::{SocketAddr, TcpStream},
        process::{Child, ChildStdout, Stdio},
        time::{Duration, Instant},
    };

    struct Server {
        process: Child,
        says: BufReader<ChildStdout>,
        address: SocketAddr,
    }

    impl Server {
        fn start() -> Server {
            let program = example_binary("http");
            let mut process =
                Command::new(&program).args(["serve", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap_or_else(
                    |error| panic!("{}: {error}: `cargo build --examples` builds it", program.display()),
                );
            let mut says = BufReader::new(process.stdout.take().unwrap());
            let mut line = String::new();
            says.read_line(&mut line).unwrap();
            let address = line.trim_end().strip_prefix("listening on ").unwrap().parse().unwrap();
            Server { process, says, address }
        }

        fn connect(&self) -> Client {
            let stream = TcpStream::connect(self.address).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            Client(BufReader::new(stream))
        }

        fn press_ctrl_c(&self) {
            let status = Command::new("kill").args(["-INT", &self.process.id().to_string()]).status().unwrap();
            assert!(status.success());
        }

        /// What it says until its end, and whether that was a good one.
        fn end(&mut self) -> (String, bool) {
            let mut rest = String::new();
            self.says.read_to_string(&mut rest).unwrap();
            let succeeded = self.process.wait().unwrap().success();
            (rest, succeeded)
        }
    }

    /// A test that fails must not leave its server behind.
    impl Drop for Server {
        fn drop(&mut self) {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }

    struct Client(BufReader<TcpStream>);

    impl Client {
        fn write(&mut self, text: &str) {
            self.0.get_mut().write_all(text.as_bytes()).unwrap();
        }

        fn ask(&mut self, path: &str) {
            self.write(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        }

        /// The status line and the headers.
        fn head(&mut self) -> String {
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                assert!(self.0.read_line(&mut head).unwrap() > 0, "closed after {head:?}");
            }
            head
        }

        /// Status and text.
        fn answer(&mut self) -> (u16, String) {
            let head = self.head().to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            let mut text = vec![0; length.parse().unwrap()];
            self.0.read_exact(&mut text).unwrap();
            let status = head.split(' ').nth(1).unwrap().parse().unwrap();
            (status, String::from_utf8(text).unwrap().trim_end().to_owned())
        }

        fn is_closed(&mut self) -> bool {
            self.0.read(&mut [0]).is_ok_and(|read| read == 0)
        }
    }

    fn ok(text: &str) -> (u16, String) {
        (200, text.to_owned())
    }

    #[test]
    fn example_http_answers_one_request_after_the_other_on_a_connection() {
        let server = Server::start();
        let mut client = server.connect();
        for _ in 0..3 {
            client.ask("/");
            assert_eq!(client.answer(), ok("even keel"));
        }
        client.write("POST /count HTTP/1.1\r\nHost: localhost\r\nContent-Length: 17\r\n\r\nsteady as she goe");
        assert_eq!(client.answer(), ok("4 words"));
        client.ask("/elsewhere");
        assert_eq!(client.answer().0, 404);
    }

    #[test]
    fn example_http_speaks_http2_with_who_begins_so_also_byte_by_byte() {
        let server = Server::start();
        let mut client = server.connect();
        client.0.get_ref().set_nodelay(true).unwrap();
        for byte in b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" {
            client.0.get_mut().write_all(&[*byte]).unwrap();
            std::thread::yield_now();
        }
        // Settings of the client's, none of them; and then the server's, frame 4.
        client.0.get_mut().write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).unwrap();
        let mut frame = [0; 9];
        client.0.read_exact(&mut frame).unwrap();
        assert_eq!(frame[3], 4, "{frame:?}");
        // What only begins so is HTTP/1.
        let mut client = server.connect();
        client.write("PROPFIND / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert_eq!(client.answer().0, 404);
    }

    #[test]
    fn example_http_goes_on_when_a_client_resets_before_it_has_said_anything_or_says_nothing_and_leaves() {
        let server = Server::start();
        let client = server.connect();
        rustix::net::sockopt::set_socket_linger(client.0.get_ref(), Some(Duration::ZERO)).unwrap();
        drop(client);
        drop(server.connect());
        // Behind both of them in the line.
        let mut client = server.connect();
        client.ask("/");
        assert_eq!(client.answer().0, 200);
    }

    #[test]
    fn example_http_bounds_how_long_a_request_takes_and_how_large_it_is() {
        let server = Server::start();
        let mut client = server.connect();
        let begin = Instant::now();
        client.ask("/never");
        assert_eq!(client.answer().0, 504);
        assert!(begin.elapsed() >= Duration::from_millis(300));
        // The connection has outlived it.
        client.ask("/");
        assert_eq!(client.answer().0, 200);
        let large = "word ".repeat(20_000);
        let length = large.len();
        client.write(&format!("POST /count HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"));
        // It may hang up before it has read all of it.
        let _ = client.0.get_mut().write_all(large.as_bytes());
        assert_eq!(client.answer().0, 400);
    }

    #[test]
    fn example_http_takes_no_more_connections_than_it_has_room_for() {
        let server = Server::start();
        let mut clients: Vec<Client> = (0..4).map(|_| server.connect()).collect();
        for client in &mut clients {
            client.ask("/");
            assert_eq!(client.answer().0, 200);
        }
        let mut late = server.connect();
        late.ask("/");
        late.0.get_ref().set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        assert!(late.0.fill_buf().is_err(), "there is no room for it");
        late.0.get_ref().set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        drop(clients.pop());
        assert_eq!(late.answer(), ok("even keel"));
    }

    #[test]
    fn example_http_answers_what_is_in_flight_when_it_is_told_to_stop() {
        let mut server = Server::start();
        let mut idle = server.connect();
        idle.ask("/");
        assert_eq!(idle.answer().0, 200);
        let mut busy = server.connect();
        busy.write("POST /count HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n");
        // The request is in the middle of its work when it asks for more.
        assert!(busy.head().starts_with("HTTP/1.1 100 "));
        server.press_ctrl_c();
        assert!(idle.is_closed());
        busy.write("all hands");
        assert_eq!(busy.answer(), ok("2 words"));
        assert!(busy.is_closed());
        assert_eq!(server.end(), ("everything in flight was answered\n".to_owned(), true));
    }
}

/// What `examples/wasm_host.rs` logs under `examples/wasm_host.mjs`.
const WASM_SAYS: &str = "the text is here
the image is here
loaded 3 things
waiting for a click
clicked at 1
waiting for a click
clicked at 2
an advertisement did not come in time
goodbye
nothing is left to do
";

/// An example, built for wasm. `None` if it could not be run.
fn built_for_wasm(example: &str) -> Option<PathBuf> {
    const TARGET: &str = "wasm32-unknown-unknown";
    let skip = |why: &str| eprintln!("skipped: {why}");
    let works = |program: &str, arguments: &[&str]| {
        Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
    };
    if !works("node", &["--version"]) {
        skip("there is no `node` to run it");
        return None;
    }
    let libraries = || {
        let output = Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]).output().ok()?;
        Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim_end())).filter(|folder| folder.is_dir())
    };
    if libraries().is_none() && !(works("rustup", &["target", "add", TARGET]) && libraries().is_some()) {
        skip("the target wasm32-unknown-unknown is not installed, and `rustup target add` could not do it");
        return None;
    }
    // A folder of its own, so that it waits for no other build.
    let tests = env::current_exe().unwrap();
    let target = tests.ancestors().nth(3).unwrap().join("wasm");
    let build = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--example", example, "--target", TARGET, "--target-dir"])
        .arg(&target)
        .env_remove("RUSTFLAGS")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .unwrap();
    assert!(build.success());
    Some(target.join(TARGET).join("debug/examples").join(example).with_extension("wasm"))
}

#[test]
fn example_wasm_host_runs_under_node() {
    let Some(module) = built_for_wasm("wasm_host") else { return };
    let host = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/wasm_host.mjs");
    let output = Command::new("node").arg(host).arg(module).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), WASM_SAYS);
}

/// What `tests/wasm/no_clock.rs` asks of a target that has neither a clock nor threads.
#[test]
fn fault_37_without_a_clock_the_hosts_is_enough() {
    const RUN: &str = "require('fs').promises.readFile(process.argv[1])
        .then(bytes => WebAssembly.instantiate(bytes))
        .then(({ instance }) => instance.exports.main(0, 0))";
    let Some(module) = built_for_wasm("no_clock") else { return };
    let output = Command::new("node").args(["-e", RUN]).arg(module).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
