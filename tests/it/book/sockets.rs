//! Examples with sockets: an echo server, a proxy, a host's epoll loop.
#![cfg(all(unix, not(miri)))]

use super::{
    pages::example_binary,
    running::{PATIENCE, Running},
};
use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    process::Command,
    time::{Duration, Instant},
};

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// The next bytes, as many as in the text.
fn reads(mut stream: &TcpStream, text: &str) {
    let mut bytes = vec![0; text.len()];
    stream.read_exact(&mut bytes).unwrap();
    assert_eq!(String::from_utf8_lossy(&bytes), text);
}

/// What the next read gives. One with a timeout ends early when some process of ours does.
fn next(mut stream: &TcpStream) -> io::Result<usize> {
    loop {
        match stream.read(&mut [0]) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

/// Waits for a byte, and leaves it there.
fn something_comes(stream: &TcpStream) {
    while matches!(stream.peek(&mut [0]), Err(error) if error.kind() == ErrorKind::Interrupted) {}
}

fn reads_the_end(stream: &TcpStream) {
    assert_eq!(next(stream).unwrap(), 0);
}

fn is_reset(stream: &TcpStream) {
    assert_eq!(next(stream).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

fn writes(mut stream: &TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).unwrap();
}

mod echo {
    use super::*;

    fn start() -> (Running, SocketAddr) {
        let mut server = Running::start("echo", ["127.0.0.1:0"]);
        let address = server.line().strip_prefix("listening on ").unwrap().parse().unwrap();
        (server, address)
    }

    #[test]
    fn example_echo_sends_back_what_comes_and_the_end_of_it() {
        let (_server, address) = start();
        let [one, two] = [connect(address), connect(address)];
        writes(&one, "ahoy");
        writes(&two, "avast");
        reads(&two, "avast");
        reads(&one, "ahoy");
        one.shutdown(Shutdown::Write).unwrap();
        reads_the_end(&one);
    }

    #[test]
    fn example_echo_goes_on_when_a_client_breaks_off() {
        let (_server, address) = start();
        let client = connect(address);
        writes(&client, "ahoy");
        something_comes(&client);
        // What nobody has read makes the system reset the connection.
        drop(client);
        let next = connect(address);
        writes(&next, "avast");
        reads(&next, "avast");
    }
}

mod proxy {
    use super::*;

    /// A proxy, and the upstream's listener.
    struct Proxy {
        program: Running,
        address: SocketAddr,
        upstream: TcpListener,
    }

    fn start(options: &[&str]) -> Proxy {
        let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
        let (program, address) = start_for(&upstream.local_addr().unwrap().to_string(), options);
        Proxy { program, address, upstream }
    }

    fn start_for(upstream: &str, options: &[&str]) -> (Running, SocketAddr) {
        let mut program = Running::start("proxy", ["127.0.0.1:0", upstream].iter().chain(options));
        let line = program.line();
        let address = line.strip_prefix("proxy: ").and_then(|line| line.strip_suffix(&format!(" -> {upstream}")));
        let address = address.unwrap_or_else(|| panic!("{line}")).parse().unwrap();
        (program, address)
    }

    fn last_line(program: &mut Running) -> (String, Option<i32>) {
        let (says, status) = program.end();
        (says.lines().last().unwrap_or_default().to_owned(), status)
    }

    impl Proxy {
        /// A client, and its connection as the upstream has it. Bytes have gone both ways.
        fn pair(&self) -> (TcpStream, TcpStream) {
            let client = connect(self.address);
            let (upstream, _) = self.upstream.accept().unwrap();
            upstream.set_read_timeout(Some(PATIENCE)).unwrap();
            writes(&client, "ping");
            reads(&upstream, "ping");
            writes(&upstream, "pong");
            reads(&client, "pong");
            (client, upstream)
        }

        /// Has it end by a signal: it has closed its listener, and so many clients are there.
        fn stop(&mut self, clients: usize) {
            self.program.signal("TERM");
            assert_eq!(self.program.line(), format!("proxy: takes no more clients, {clients} may finish"));
            assert_eq!(TcpStream::connect(self.address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        }

        /// Its last line, with its exit status.
        fn end(&mut self) -> (String, Option<i32>) {
            last_line(&mut self.program)
        }
    }

    #[test]
    fn example_proxy_passes_bytes_on_in_both_directions_and_each_end_alone() {
        let mut proxy = start(&[]);
        let (client, upstream) = proxy.pair();
        client.shutdown(Shutdown::Write).unwrap();
        reads_the_end(&upstream);
        // Larger than all buffers on the way.
        let large = "even keel ".repeat(1 << 20);
        let writer = std::thread::spawn({
            let large = large.clone();
            move || {
                writes(&upstream, &large);
                upstream.shutdown(Shutdown::Write).unwrap();
            }
        });
        reads(&client, &large);
        reads_the_end(&client);
        writer.join().unwrap();
        proxy.program.signal("TERM");
        let (says, status) = proxy.end();
        let bytes = large.len() + 4;
        let counts = "1 taken (0 without upstream, 0 broken, 0 idle, 0 cut off), 0 refused";
        assert_eq!(says, format!("proxy: {counts}; bytes: 4 up, {bytes} down"));
        assert_eq!(status, Some(0));
    }

    #[test]
    fn example_proxy_resets_a_client_whose_upstream_cannot_be_reached() {
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (mut program, address) = start_for(&nobody.to_string(), &[]);
        is_reset(&connect(address));
        program.signal("INT");
        let (says, status) = last_line(&mut program);
        assert!(says.starts_with("proxy: 1 taken (1 without upstream, 0 broken, "), "{says}");
        assert_eq!(status, Some(0));
    }

    /// A full line of connections that nobody accepts takes no more, and says nothing.
    #[cfg(target_os = "linux")]
    #[test]
    fn example_proxy_resets_a_client_whose_upstream_takes_too_long() {
        use rustix::net::{AddressFamily, SocketType, bind, listen, socket};
        let silent = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        bind(&silent, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        listen(&silent, 0).unwrap();
        let silent = TcpListener::from(silent);
        let upstream = silent.local_addr().unwrap();
        let _first = connect(upstream);
        let (mut program, address) = start_for(&upstream.to_string(), &["--connect-timeout", "0.2"]);
        is_reset(&connect(address));
        program.signal("INT");
        let (says, _) = last_line(&mut program);
        assert!(says.starts_with("proxy: 1 taken (1 without upstream, 0 broken, "), "{says}");
    }

    #[test]
    fn example_proxy_breaks_off_the_other_side_when_one_breaks_off() {
        let mut proxy = start(&[]);
        let (client, upstream) = proxy.pair();
        writes(&upstream, "unread");
        something_comes(&client);
        drop(client);
        is_reset(&upstream);
        proxy.stop(0);
        let (says, _) = proxy.end();
        assert!(says.contains("(0 without upstream, 1 broken, 0 idle, "), "{says}");
    }

    #[test]
    fn example_proxy_refuses_who_comes_when_there_is_no_room() {
        let mut proxy = start(&["--limit", "1"]);
        let (client, upstream) = proxy.pair();
        for _ in 0..3 {
            is_reset(&connect(proxy.address));
        }
        drop(upstream);
        reads_the_end(&client);
        drop(client);
        // There is room again as soon as the proxy knows that both have gone.
        let begin = Instant::now();
        let mut tries = 0;
        let served = loop {
            tries += 1;
            let next = connect(proxy.address);
            proxy.upstream.set_nonblocking(true).unwrap();
            // It may be refused by now.
            let _ = (&next).write_all(b"ping");
            let mut is_refused = false;
            let upstream = loop {
                match proxy.upstream.accept() {
                    Ok((upstream, _)) => break Some(upstream),
                    Err(_) if is_refused => break None,
                    Err(_) => {
                        next.set_nonblocking(true).unwrap();
                        is_refused = matches!(next.peek(&mut [0]), Err(error) if error.kind() != ErrorKind::WouldBlock);
                    }
                }
                assert!(begin.elapsed() < PATIENCE, "neither served nor refused");
            };
            match upstream {
                Some(upstream) => break upstream,
                None => assert!(begin.elapsed() < PATIENCE, "there is no room any more"),
            }
        };
        served.set_nonblocking(false).unwrap();
        reads(&served, "ping");
        drop(served);
        proxy.program.signal("TERM");
        let (says, _) = proxy.end();
        assert!(says.starts_with("proxy: 2 taken "), "{says}");
        assert!(says.contains(&format!(", {} refused; ", 3 + tries - 1)), "{says}");
    }

    #[test]
    fn example_proxy_breaks_off_a_client_that_is_idle_and_each_byte_gives_it_more_time() {
        let mut proxy = start(&["--idle-timeout", "1"]);
        let (client, upstream) = proxy.pair();
        std::thread::sleep(Duration::from_millis(500));
        let begin = Instant::now();
        writes(&client, "!");
        reads(&upstream, "!");
        is_reset(&client);
        assert!(begin.elapsed() >= Duration::from_secs(1));
        is_reset(&upstream);
        proxy.stop(0);
        let (says, _) = proxy.end();
        assert!(says.contains(" 0 broken, 1 idle, 0 cut off)"), "{says}");
    }

    #[test]
    fn example_proxy_lets_its_clients_finish_when_it_is_to_end() {
        let mut proxy = start(&["--grace", "60"]);
        let (client, upstream) = proxy.pair();
        proxy.stop(1);
        writes(&client, "one more thing");
        reads(&upstream, "one more thing");
        drop(client);
        reads_the_end(&upstream);
        drop(upstream);
        let (says, status) = proxy.end();
        assert!(says.contains(" 0 idle, 0 cut off)"), "{says}");
        assert_eq!(status, Some(0));
    }

    #[test]
    fn example_proxy_cuts_off_who_is_there_when_the_grace_is_over() {
        for grace in ["0", "0.2"] {
            let mut proxy = start(&["--grace", grace]);
            let (client, upstream) = proxy.pair();
            proxy.program.signal("TERM");
            is_reset(&client);
            is_reset(&upstream);
            let (says, status) = proxy.end();
            assert!(says.contains(" 0 idle, 1 cut off)"), "{says}");
            assert_eq!(status, Some(0));
        }
    }

    #[test]
    fn example_proxy_ends_at_once_by_a_second_signal() {
        let mut proxy = start(&["--grace", "3600"]);
        let (_client, _upstream) = proxy.pair();
        proxy.stop(1);
        proxy.program.signal("INT");
        assert_eq!(proxy.end(), (String::new(), Some(130)));
    }

    #[test]
    fn example_proxy_says_what_to_give_instead_of_an_argument_that_is_wrong() {
        let cases: [(&[&str], &str); 11] = [
            (&[], "<LISTEN> <UPSTREAM>"),
            (&["127.0.0.1:0"], "<UPSTREAM>"),
            (&["8080", "localhost:80"], "not an address: give host:port, as in 127.0.0.1:8080"),
            (&[":8080", "localhost:80"], "not an address: give host:port"),
            (&["127.0.0.1:0", "localhost:http"], "the port is no number from 0 to 65535"),
            (&["127.0.0.1:0", "localhost:80", "--limit", "0"], "no client would ever be served: give at least 1"),
            (&["127.0.0.1:0", "localhost:80", "--limit", "many"], "not a count of clients"),
            (&["127.0.0.1:0", "localhost:80", "--connect-timeout", "0"], "nothing can be done in no time"),
            (&["127.0.0.1:0", "localhost:80", "--idle-timeout", "soon"], "not a time: give seconds, as in 2.5"),
            (&["127.0.0.1:0", "localhost:80", "--grace=-1"], "not a time: give seconds, as in 2.5"),
            (&["127.0.0.1:0", "localhost:80", "more"], "unexpected argument 'more'"),
        ];
        for (args, says) in cases {
            let output = Command::new(example_binary("proxy")).args(args).output().unwrap();
            let error = String::from_utf8(output.stderr).unwrap();
            assert!(error.contains(says), "{args:?}: {error}");
            assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{args:?}");
        }
        let taken = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let _listens = TcpListener::bind(taken).unwrap();
        let output = Command::new(example_binary("proxy")).args([&taken.to_string(), "localhost:80"]).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.starts_with(&format!("proxy: cannot listen on {taken}: ")), "{error}");
        assert_eq!(output.status.code(), Some(1));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn example_host_epoll_does_its_work_and_ends() {
    let output = Command::new(example_binary("host_epoll")).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let says = "over a socket: ahoy\na nap of 30 ms is over\nmeanwhile the host's heart went on\n";
    assert_eq!(String::from_utf8_lossy(&output.stdout), says);
}
