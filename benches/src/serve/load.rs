//! The load: so many connections, of which each sends a request when it has its answer to the last.

use super::{client::Client, kind::Kind, latencies::Latencies};
use rustix::{
    buffer::spare_capacity,
    event::{Timespec, epoll},
    fd::OwnedFd,
    io::Errno,
};
use std::{
    io,
    time::{Duration, Instant},
};

/// So long may nothing come while answers are awaited.
const PATIENCE: Duration = Duration::from_secs(5);
/// So many requests has one run at most, however long it may take.
const MOST: usize = 10_000_000;
/// So many faults are told in words; the others are counted.
const TOLD: usize = 3;

/// When a run sends nothing any more. What was sent is awaited.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Limit {
    /// After so long.
    For(Duration),
    /// After so many requests.
    Requests(usize),
}

impl Limit {
    fn allows(self, sent: usize, elapsed: Duration) -> bool {
        match self {
            Limit::For(duration) => elapsed < duration && sent < MOST,
            Limit::Requests(requests) => sent < requests.min(MOST),
        }
    }
}

/// What came of a run.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// How many answers came that were right.
    pub(crate) answers: usize,
    /// How long it took until the last came.
    pub(crate) elapsed: Duration,
    /// How long each of them took.
    pub(crate) latencies: Latencies,
    /// How many requests had another answer, or none.
    pub(crate) faults: usize,
    /// What was wrong with the first of these.
    pub(crate) told: Vec<String>,
}

impl Outcome {
    fn fault(&mut self, fault: String) {
        self.faults += 1;
        if self.told.len() < TOLD {
            self.told.push(fault);
        }
    }
}

/// Connections to one server.
#[derive(Debug)]
pub(crate) struct Load {
    /// Those with which something was wrong are gone.
    clients: Vec<Option<Client>>,
    epoll: OwnedFd,
}

impl Load {
    /// Connects so often.
    pub(crate) fn connect(port: u16, kind: Kind, connections: usize) -> io::Result<Load> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut clients = Vec::with_capacity(connections);
        for index in 0..connections {
            let client = Client::connect(port, kind, index)?;
            let data = epoll::EventData::new_u64(index as u64);
            epoll::add(&epoll, client.stream(), data, epoll::EventFlags::IN)?;
            clients.push(Some(client));
        }
        Ok(Load { clients, epoll })
    }

    /// Sends requests and checks answers, until nothing is to be sent and no answer is awaited.
    pub(crate) fn run(&mut self, limit: Limit) -> io::Result<Outcome> {
        self.run_patiently(limit, PATIENCE)
    }

    fn run_patiently(&mut self, limit: Limit, patience: Duration) -> io::Result<Outcome> {
        let mut outcome = Outcome::default();
        let start = Instant::now();
        let (mut sent, mut awaited) = (0, vec![false; self.clients.len()]);
        for (client, awaited) in self.clients.iter_mut().zip(&mut awaited) {
            let now = Instant::now();
            let Some(sender) = client.as_mut().filter(|_| limit.allows(sent, now - start)) else { continue };
            sent += 1;
            match sender.send(now) {
                Ok(()) => *awaited = true,
                Err(fault) => {
                    outcome.fault(fault);
                    *client = None;
                }
            }
        }
        let mut waiting = awaited.iter().filter(|awaited| **awaited).count();
        let mut events = Vec::with_capacity(256);
        let patience = Timespec::try_from(patience).expect("it is short");
        while waiting > 0 {
            match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&patience)) {
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            if events.is_empty() {
                for (client, awaited) in self.clients.iter_mut().zip(&awaited) {
                    if *awaited && client.take().is_some() {
                        outcome.fault(format!("no answer came within {} s", patience.tv_sec));
                    }
                }
                break;
            }
            for event in events.drain(..) {
                let index = event.data.u64() as usize;
                let Some(client) = &mut self.clients[index] else { continue };
                let went_on = match client.receive() {
                    Ok(None) => continue,
                    Ok(Some(_)) if !awaited[index] => Err("an answer came to no request".to_owned()),
                    Ok(Some(sent_at)) => {
                        let now = Instant::now();
                        outcome.answers += 1;
                        outcome.latencies.note(now - sent_at);
                        outcome.elapsed = now - start;
                        if limit.allows(sent, outcome.elapsed) {
                            sent += 1;
                            client.send(now).map(|()| true)
                        } else {
                            Ok(false)
                        }
                    }
                    Err(fault) => Err(fault),
                };
                match went_on {
                    Ok(true) => continue,
                    Ok(false) => {}
                    Err(fault) => {
                        outcome.fault(fault);
                        self.clients[index] = None;
                    }
                }
                if std::mem::take(&mut awaited[index]) {
                    waiting -= 1;
                }
            }
        }
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::{Read, Write},
        net::{Ipv4Addr, TcpListener},
        thread,
    };

    /// Serves so many connections, each with a thread, which gets the number of its connection, of the request and its bytes.
    fn with_server<T>(
        connections: usize,
        answer: impl Fn(usize, usize, &mut Vec<u8>) + Clone + Send + 'static,
        body: impl FnOnce(&mut Load) -> T,
    ) -> T {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let acceptor = thread::spawn(move || {
            for connection in 0..connections {
                let (mut stream, _) = listener.accept().unwrap();
                let answer = answer.clone();
                thread::spawn(move || {
                    let mut buffer = [0; 1024];
                    for request in 0.. {
                        match stream.read(&mut buffer) {
                            Ok(0) | Err(_) => return,
                            Ok(got) => {
                                let mut bytes = buffer[..got].to_vec();
                                answer(connection, request, &mut bytes);
                                let _ = stream.write_all(&bytes);
                            }
                        }
                    }
                });
            }
        });
        let mut load = Load::connect(port, Kind::Echo, connections).unwrap();
        let outcome = body(&mut load);
        drop(load);
        acceptor.join().unwrap();
        outcome
    }

    #[test]
    fn so_many_requests_are_sent_and_all_are_answered() {
        for requests in [2, 3, 100] {
            let outcome = with_server(3, |_, _, _| {}, |load| load.run(Limit::Requests(requests)).unwrap());
            assert_eq!((outcome.answers, outcome.faults), (requests, 0), "{:?}", outcome.told);
            let [shortest] = outcome.latencies.percentiles([0]);
            assert!(shortest > 0.0 && outcome.elapsed > Duration::ZERO);
        }
    }

    #[test]
    fn a_run_can_follow_another_on_the_same_connections() {
        let answers = with_server(
            2,
            |_, _, _| {},
            |load| [10, 20].map(|requests| load.run(Limit::Requests(requests)).unwrap().answers),
        );
        assert_eq!(answers, [10, 20]);
    }

    #[test]
    fn a_run_without_a_number_ends_when_its_time_is_over() {
        let long = Duration::from_millis(20);
        let outcome = with_server(2, |_, _, _| {}, |load| load.run(Limit::For(long)).unwrap());
        assert!(outcome.answers > 0 && outcome.elapsed >= long, "{outcome:?}");
    }

    #[test]
    fn a_wrong_answer_is_a_fault_that_ends_its_connection_alone() {
        let spoil = |connection: usize, request: usize, bytes: &mut Vec<u8>| {
            if (connection, request) == (1, 2) {
                bytes[127] ^= 1;
            }
        };
        let outcome = with_server(2, spoil, |load| load.run(Limit::Requests(50)).unwrap());
        assert_eq!((outcome.answers, outcome.faults), (49, 1));
        assert_eq!(outcome.told, ["other bytes came back than were sent"]);
    }

    #[test]
    fn what_is_not_answered_is_a_fault() {
        let swallow = |connection: usize, _: usize, bytes: &mut Vec<u8>| {
            if connection == 0 {
                bytes.clear();
            }
        };
        let outcome =
            with_server(2, swallow, |load| load.run_patiently(Limit::Requests(10), Duration::from_secs(1)).unwrap());
        assert_eq!((outcome.answers, outcome.faults), (9, 1));
        assert_eq!(outcome.told, ["no answer came within 1 s"]);
    }

    #[test]
    fn a_request_too_many_is_never_allowed() {
        assert!(Limit::Requests(3).allows(2, Duration::MAX) && !Limit::Requests(3).allows(3, Duration::ZERO));
        let second = Limit::For(Duration::from_secs(1));
        assert!(second.allows(5, Duration::from_millis(999)) && !second.allows(5, Duration::from_secs(1)));
        assert!(!second.allows(MOST, Duration::ZERO) && !Limit::Requests(usize::MAX).allows(MOST, Duration::ZERO));
    }
}
