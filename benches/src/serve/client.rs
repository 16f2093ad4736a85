//! One connection of the load.

use super::{http_answer, kind::Kind, servers::BODY};
use rustix::net::sockopt::set_socket_linger;
use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Ipv4Addr, TcpStream},
    time::{Duration, Instant},
};

/// How long a message is that is to come back.
const MESSAGE: usize = 128;
/// What asks for an answer.
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";
/// Room for an answer.
const ROOM: usize = 1024;

/// One connection: it sends a request, and when its answer has come, another.
#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
    kind: Kind,
    /// What is sent.
    request: Vec<u8>,
    /// How many requests there were.
    number: u64,
    /// When the last of them was sent.
    sent_at: Instant,
    /// What has come of the answer.
    answer: Box<[u8; ROOM]>,
    /// How many bytes that are.
    got: usize,
}

impl Client {
    /// Connects to a server on this machine. `index` goes into each message, so that none is mistaken for another's.
    pub(crate) fn connect(port: u16, kind: Kind, index: usize) -> io::Result<Client> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        // It ends at once then, and leaves no port behind that has to rest.
        set_socket_linger(&stream, Some(Duration::ZERO))?;
        let request = match kind {
            Kind::Echo => (0..MESSAGE).map(|byte| (index + byte) as u8).collect(),
            Kind::Http => REQUEST.to_vec(),
        };
        let (number, sent_at, answer) = (0, Instant::now(), Box::new([0; ROOM]));
        let mut client = Client { stream, kind, request, number, sent_at, answer, got: 0 };
        client.mark(0, index as u64);
        Ok(client)
    }

    /// The socket, to be waited for.
    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sends the next request.
    pub(crate) fn send(&mut self, now: Instant) -> Result<(), String> {
        self.number += 1;
        self.mark(8, self.number);
        (self.got, self.sent_at) = (0, now);
        match self.stream.write(&self.request) {
            Ok(sent) if sent == self.request.len() => Ok(()),
            Ok(sent) => Err(format!("only {sent} bytes of a request could be sent")),
            Err(error) => Err(format!("a request could not be sent: {error}")),
        }
    }

    /// Takes what has come; yields when the request was sent whose answer is complete with it.
    pub(crate) fn receive(&mut self) -> Result<Option<Instant>, String> {
        match self.stream.read(&mut self.answer[self.got..]) {
            Ok(0) => return Err("the server closed a connection".to_owned()),
            Ok(got) => self.got += got,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Ok(None),
            Err(error) => return Err(format!("an answer could not be received: {error}")),
        }
        let answer = &self.answer[..self.got];
        let complete = match self.kind {
            Kind::Echo if answer.len() < MESSAGE => None,
            Kind::Echo if answer.starts_with(&self.request) => Some(MESSAGE),
            Kind::Echo => return Err("other bytes came back than were sent".to_owned()),
            Kind::Http => http_answer::read(answer, BODY)?,
        };
        match complete {
            None if self.got == ROOM => Err(format!("an answer has more than {ROOM} bytes")),
            None => Ok(None),
            Some(length) if length < self.got => Err("more came than an answer".to_owned()),
            Some(_) => Ok(Some(self.sent_at)),
        }
    }

    /// Writes a number into a message.
    fn mark(&mut self, at: usize, number: u64) {
        if self.kind == Kind::Echo {
            self.request[at..at + 8].copy_from_slice(&number.to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// A client, and the server's end of its connection.
    fn pair(kind: Kind) -> (Client, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let client = Client::connect(listener.local_addr().unwrap().port(), kind, 7).unwrap();
        (client, listener.accept().unwrap().0)
    }

    /// Receives until something is complete or wrong.
    fn outcome(client: &mut Client) -> Result<Instant, String> {
        loop {
            if let Some(sent_at) = client.receive()? {
                return Ok(sent_at);
            }
        }
    }

    #[test]
    fn an_echo_in_two_parts_is_an_answer_and_each_message_differs() {
        let (mut client, mut server) = pair(Kind::Echo);
        let mut messages = [[0; MESSAGE]; 2];
        for message in &mut messages {
            let now = Instant::now();
            client.send(now).unwrap();
            server.read_exact(message).unwrap();
            server.write_all(&message[..5]).unwrap();
            while client.got < 5 {
                assert_eq!(client.receive(), Ok(None), "it is not complete");
            }
            server.write_all(&message[5..]).unwrap();
            assert_eq!(outcome(&mut client), Ok(now));
        }
        assert_ne!(messages[0], messages[1]);
    }

    #[test]
    fn an_echo_that_is_the_message_before_is_a_fault() {
        let (mut client, mut server) = pair(Kind::Echo);
        let mut message = [0; MESSAGE];
        client.send(Instant::now()).unwrap();
        server.read_exact(&mut message).unwrap();
        client.send(Instant::now()).unwrap();
        server.write_all(&message).unwrap();
        assert_eq!(outcome(&mut client), Err("other bytes came back than were sent".to_owned()));
    }

    #[test]
    fn bytes_behind_an_answer_are_a_fault_and_so_is_an_answer_without_end() {
        let (mut client, mut server) = pair(Kind::Http);
        client.send(Instant::now()).unwrap();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", BODY.len());
        server.write_all(&[head.as_bytes(), BODY, b"!"].concat()).unwrap();
        assert_eq!(outcome(&mut client), Err("more came than an answer".to_owned()));
        client.send(Instant::now()).unwrap();
        server.write_all(&[b'x'; ROOM]).unwrap();
        assert_eq!(outcome(&mut client), Err("an answer has more than 1024 bytes".to_owned()));
    }

    #[test]
    fn a_server_that_hangs_up_is_a_fault() {
        let (mut client, server) = pair(Kind::Http);
        drop(server);
        assert_eq!(outcome(&mut client), Err("the server closed a connection".to_owned()));
    }
}
