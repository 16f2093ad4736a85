//! Random programs over a connection, against a model of its bytes: what is read is what was written, in its order, and ends where that ended.

use super::kit::{Driver, bytes, cut_short, look, narrow_pair};
use evenkeel::{Task, io::TcpStream, spawn, yield_now};
use futures::AsyncWrite;
use proptest::{collection::vec, prelude::*};
use std::{
    cell::Cell,
    future::poll_fn,
    io,
    net::Shutdown,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

/// One step of one end.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Writes at most so many bytes, unless it would wait.
    Write(usize),
    /// Reads into a buffer of that length, unless it would wait.
    Read(usize),
    /// Reads without waiting.
    TryRead(usize),
    /// Looks at what comes next.
    Peek(usize),
    /// A task of its own writes so many bytes.
    Writer(usize),
    /// A task of its own reads with buffers of that length.
    Reader(usize),
    /// The tasks of this end are stopped where they are.
    Abort,
    /// Others have a turn.
    Yield,
    /// The driver looks.
    Look,
    /// It sends no more.
    ShutDown,
    /// The end is dropped.
    Drop,
}

fn step() -> impl Strategy<Value = Step> {
    let length = || prop_oneof![1..10_usize, 1..20_000_usize];
    prop_oneof![
        4 => length().prop_map(Step::Write),
        4 => length().prop_map(Step::Read),
        2 => length().prop_map(Step::TryRead),
        1 => length().prop_map(Step::Peek),
        2 => length().prop_map(Step::Writer),
        2 => length().prop_map(Step::Reader),
        1 => Just(Step::Abort),
        3 => Just(Step::Yield),
        1 => Just(Step::Look),
        1 => prop_oneof![9 => Just(Step::Look), 3 => Just(Step::ShutDown), 1 => Just(Step::Drop)],
    ]
}

/// What is known of one end's sending.
#[derive(Default)]
struct Sending {
    sent: Cell<usize>,
    received: Cell<usize>,
    /// Nothing comes behind what was sent.
    is_over: Cell<bool>,
    /// The receiver was dropped, so that what is sent may end in errors.
    is_unwanted: Cell<bool>,
    /// Bytes may be lost, and an error may come in their place: the sender was dropped with bytes that it had not read.
    may_break: Cell<bool>,
}

impl Sending {
    /// So many bytes came, or an end, or an error.
    fn receive(&self, came: io::Result<usize>, text: &[u8]) {
        match came {
            Ok(0) => {
                assert!(self.is_over.get(), "an end where there is none");
                assert!(self.may_break.get() || self.sent.get() == self.received.get(), "bytes were lost");
            }
            Ok(length) => {
                assert!(text[..length] == bytes(self.received.get(), length), "other bytes at {}", self.received.get());
                self.received.set(self.received.get() + length);
                assert!(self.received.get() <= self.sent.get());
            }
            Err(error) => assert!(self.may_break.get(), "{error}"),
        }
    }

    /// Writes at most so many bytes, and counts them.
    fn poll_send(&self, cx: &mut Context<'_>, mut stream: &TcpStream, most: usize) -> Poll<io::Result<usize>> {
        let text = bytes(self.sent.get(), most);
        let polled = Pin::new(&mut stream).poll_write(cx, &text);
        match &polled {
            Poll::Ready(Ok(length)) => self.sent.set(self.sent.get() + length),
            Poll::Ready(Err(error)) => {
                assert!(self.is_over.get() || self.is_unwanted.get() || self.may_break.get(), "{error}");
            }
            Poll::Pending => {}
        }
        polled
    }
}

struct End {
    stream: Option<Rc<TcpStream>>,
    sends: Rc<Sending>,
    receives: Rc<Sending>,
    writer: Option<Task<()>>,
    readers: Vec<Task<()>>,
}

impl End {
    async fn take(&mut self, step: Step) {
        let Some(stream) = self.stream.clone() else { return };
        match step {
            Step::Write(most) if self.writer.is_none() => {
                let send = poll_fn(|cx| self.sends.poll_send(cx, &stream, most));
                let _ = cut_short(1, send).await;
            }
            Step::Read(room) => {
                let mut text = vec![0; room];
                if let Some(came) = cut_short(1, stream.read(&mut text)).await {
                    self.receives.receive(came, &text);
                }
            }
            Step::TryRead(room) => {
                let mut text = vec![0; room];
                match stream.try_read(&mut text) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    came => self.receives.receive(came, &text),
                }
            }
            Step::Peek(room) => {
                let mut text = vec![0; room];
                if let Some(Ok(length)) = cut_short(1, stream.peek(&mut text)).await {
                    assert!(text[..length] == bytes(self.receives.received.get(), length));
                }
            }
            Step::Writer(length) => {
                let sends = self.sends.clone();
                self.writer.get_or_insert_with(|| {
                    spawn(async move {
                        let mut left = length;
                        while left > 0 {
                            match poll_fn(|cx| sends.poll_send(cx, &stream, left)).await {
                                Ok(sent) => left -= sent,
                                Err(_) => break,
                            }
                        }
                    })
                });
            }
            Step::Reader(room) if self.readers.len() < 3 => {
                let receives = self.receives.clone();
                self.readers.push(spawn(async move {
                    let mut text = vec![0; room];
                    loop {
                        let came = stream.read(&mut text).await;
                        let is_end = !matches!(came, Ok(1..));
                        receives.receive(came, &text);
                        if is_end {
                            return;
                        }
                    }
                }));
            }
            Step::Abort => {
                drop(stream);
                self.stop().await;
            }
            Step::Yield => yield_now().await,
            Step::Look => look().await,
            Step::ShutDown => {
                if stream.shutdown(Shutdown::Write).is_ok() {
                    self.sends.is_over.set(true);
                }
            }
            Step::Drop => {
                drop(stream);
                self.drop().await;
            }
            Step::Write(_) | Step::Reader(_) => {}
        }
    }

    /// Stops its tasks. What they wait for is left to others.
    async fn stop(&mut self) {
        for task in self.writer.take().into_iter().chain(self.readers.drain(..)) {
            match task.is_finished() {
                true => task.await.unwrap(),
                false => {
                    task.abort();
                    let _ = task.await;
                }
            }
        }
    }

    async fn drop(&mut self) {
        self.stop().await;
        self.sends.is_over.set(true);
        self.receives.is_unwanted.set(true);
        let is_clean = self.receives.is_over.get() && self.receives.sent.get() == self.receives.received.get();
        if !is_clean {
            self.sends.may_break.set(true);
        }
        assert!(Rc::into_inner(self.stream.take().unwrap()).is_some());
    }

    /// All that was sent must come.
    async fn finish(&mut self) {
        self.stop().await;
        let Some(stream) = &self.stream else { return };
        let mut text = [0; 5_000];
        loop {
            let came = stream.read(&mut text).await;
            let is_end = !matches!(came, Ok(1..));
            self.receives.receive(came, &text);
            if is_end {
                return;
            }
        }
    }
}

async fn play(steps: Vec<(usize, Step)>) {
    let (one, other) = narrow_pair().await;
    let sendings: [Rc<Sending>; 2] = Default::default();
    let mut ends: Vec<End> = (0..)
        .zip([one, other])
        .map(|(at, stream)| End {
            stream: Some(Rc::new(stream)),
            sends: sendings[at].clone(),
            receives: sendings[1 - at].clone(),
            writer: None,
            readers: Vec::new(),
        })
        .collect();
    for (end, step) in steps {
        ends[end].take(step).await;
    }
    for end in &mut ends {
        end.stop().await;
        end.take(Step::ShutDown).await;
        // A connection that is broken cannot be shut down, and is over.
        end.sends.is_over.set(true);
    }
    for end in &mut ends {
        end.finish().await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_program_does_with_a_connection_no_byte_is_lost_doubled_or_moved(
        steps in vec((0..2_usize, step()), 1..60),
    ) {
        for driver in Driver::ALL {
            driver.run(play(steps.clone()));
        }
    }
}
