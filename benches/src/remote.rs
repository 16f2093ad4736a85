//! Channels from other threads to a task.

use crate::{
    peer::Peer,
    peers::{Evenkeel, Tokio},
};
use std::{future::Future, marker::PhantomData};

/// A channel whose sender blocks its thread, and whose receiver waits in a task.
pub trait Remote: 'static {
    /// The executor of that task.
    type Home: Peer;
    /// The end for another thread.
    type Sender: Send + 'static;
    /// The end for the task.
    type Receiver: 'static;

    /// Room for so many; `usize::MAX` asks for an unbounded one.
    fn new(capacity: usize) -> (Self::Sender, Self::Receiver);

    /// Sends, and blocks while there is no room.
    fn send(sender: &Self::Sender, item: u64);

    /// Receives the next one; `None` when the sender is gone.
    fn receive(receiver: &mut Self::Receiver) -> impl Future<Output = Option<u64>>;
}

/// `evenkeel::threads::remote::channel`.
impl Remote for Evenkeel {
    type Home = Evenkeel;
    type Sender = evenkeel::threads::remote::Sender<u64>;
    type Receiver = evenkeel::threads::remote::Receiver<u64>;

    fn new(capacity: usize) -> (Self::Sender, Self::Receiver) {
        evenkeel::threads::remote::channel(capacity)
    }

    fn send(sender: &Self::Sender, item: u64) {
        sender.send_blocking(item).expect("the receiver takes them all");
    }

    fn receive(receiver: &mut Self::Receiver) -> impl Future<Output = Option<u64>> {
        receiver.recv()
    }
}

/// `tokio::sync::mpsc`, bounded.
#[derive(Debug)]
pub struct TokioRemote<P = Tokio>(PhantomData<P>);

impl<P: Peer> Remote for TokioRemote<P> {
    type Home = P;
    type Sender = tokio::sync::mpsc::Sender<u64>;
    type Receiver = tokio::sync::mpsc::Receiver<u64>;

    fn new(capacity: usize) -> (Self::Sender, Self::Receiver) {
        tokio::sync::mpsc::channel(capacity)
    }

    fn send(sender: &Self::Sender, item: u64) {
        sender.blocking_send(item).expect("the receiver takes them all");
    }

    fn receive(receiver: &mut Self::Receiver) -> impl Future<Output = Option<u64>> {
        receiver.recv()
    }
}

/// `tokio::sync::mpsc` without a bound.
#[derive(Debug)]
pub struct TokioUnboundedRemote<P = Tokio>(PhantomData<P>);

impl<P: Peer> Remote for TokioUnboundedRemote<P> {
    type Home = P;
    type Sender = tokio::sync::mpsc::UnboundedSender<u64>;
    type Receiver = tokio::sync::mpsc::UnboundedReceiver<u64>;

    fn new(_: usize) -> (Self::Sender, Self::Receiver) {
        tokio::sync::mpsc::unbounded_channel()
    }

    fn send(sender: &Self::Sender, item: u64) {
        sender.send(item).expect("the receiver takes them all");
    }

    fn receive(receiver: &mut Self::Receiver) -> impl Future<Output = Option<u64>> {
        receiver.recv()
    }
}

/// kanal, of which one end is for threads and the other for tasks.
#[derive(Debug)]
pub struct Kanal;

impl Remote for Kanal {
    type Home = Evenkeel;
    type Sender = kanal::Sender<u64>;
    type Receiver = kanal::AsyncReceiver<u64>;

    fn new(capacity: usize) -> (Self::Sender, Self::Receiver) {
        let (sender, receiver) = if capacity == usize::MAX { kanal::unbounded() } else { kanal::bounded(capacity) };
        (sender, receiver.to_async())
    }

    fn send(sender: &Self::Sender, item: u64) {
        sender.send(item).expect("the receiver takes them all");
    }

    async fn receive(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.recv().await.ok()
    }
}

/// flume.
#[derive(Debug)]
pub struct Flume;

impl Remote for Flume {
    type Home = Evenkeel;
    type Sender = flume::Sender<u64>;
    type Receiver = flume::Receiver<u64>;

    fn new(capacity: usize) -> (Self::Sender, Self::Receiver) {
        if capacity == usize::MAX { flume::unbounded() } else { flume::bounded(capacity) }
    }

    fn send(sender: &Self::Sender, item: u64) {
        sender.send(item).expect("the receiver takes them all");
    }

    async fn receive(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.recv_async().await.ok()
    }
}
