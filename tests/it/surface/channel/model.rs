//! Random programs with places that are reserved, against a plain model.

use crate::{kit::hosts::Hand, sync::model::check};
use evenkeel::sync::{Closed, PutError, Receiver, Refused, SendPermits, Sender, TryGetError, channel};
use futures::{FutureExt, Sink, future::LocalBoxFuture};
use proptest::prelude::*;
use std::{
    cell::Cell,
    collections::{BTreeMap, VecDeque},
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

#[derive(Clone, Copy, Debug)]
enum Use {
    Send,
    SendUntil,
    /// The end of a send comes that is to give its item back then.
    EndSend(usize),
    PollSink,
    SendBySink,
    GiveUpSinksPlace,
    TrySend,
    ForceSend,
    Reserve(usize),
    TryReserve(usize),
    SendByPermit(usize),
    DropPermits(usize),
    Recv,
    TryRecv,
    RecvInto(usize),
    PollPutter(usize),
    PollGetter(usize),
    CancelPutter(usize),
    CancelGetter(usize),
    PollStream,
    TryRecvOfStream,
    Close,
}

/// How all ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// What is left is counted.
    Count,
    /// The last sender goes while receivers wait.
    DropSenders,
    /// The last receiver goes while senders wait.
    DropReceivers,
}

fn uses() -> impl Strategy<Value = (usize, Vec<Use>, End)> {
    let one = prop_oneof![
        5 => Just(Use::Send),
        3 => Just(Use::SendUntil),
        3 => any::<usize>().prop_map(Use::EndSend),
        3 => Just(Use::PollSink),
        3 => Just(Use::SendBySink),
        1 => Just(Use::GiveUpSinksPlace),
        2 => Just(Use::TrySend),
        1 => Just(Use::ForceSend),
        6 => (0..4_usize).prop_map(Use::Reserve),
        3 => (0..4_usize).prop_map(Use::TryReserve),
        6 => any::<usize>().prop_map(Use::SendByPermit),
        4 => any::<usize>().prop_map(Use::DropPermits),
        6 => Just(Use::Recv),
        3 => Just(Use::TryRecv),
        1 => (0..4_usize).prop_map(Use::RecvInto),
        10 => any::<usize>().prop_map(Use::PollPutter),
        8 => any::<usize>().prop_map(Use::PollGetter),
        4 => any::<usize>().prop_map(Use::CancelPutter),
        4 => any::<usize>().prop_map(Use::CancelGetter),
        3 => Just(Use::PollStream),
        2 => Just(Use::TryRecvOfStream),
    ];
    let program = (prop::collection::vec(one.clone(), 1..80), prop::collection::vec(one, 0..30), any::<bool>());
    let program = program.prop_map(|(mut program, after, closes)| {
        if closes {
            program.push(Use::Close);
            program.extend(after);
        }
        program
    });
    // The last capacity is none at all.
    let capacity = prop_oneof![4 => 0..4_usize, 1 => Just(usize::MAX)];
    let end = prop_oneof![Just(End::Count), Just(End::DropSenders), Just(End::DropReceivers)];
    (capacity, program, end)
}

/// What somebody in line comes with.
#[derive(Clone, Copy, PartialEq)]
enum Ask {
    Item,
    Places(usize),
}

/// How a putter's wait ended.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Told {
    Sent,
    Given(usize),
    Refused(Refused),
}

/// What a channel is to do, in the plainest way.
#[derive(Default)]
struct Model {
    capacity: usize,
    closed: bool,
    items: VecDeque<usize>,
    line: VecDeque<(usize, Ask)>,
    getters: VecDeque<usize>,
    /// Places that are held, and those that are kept for the first in line.
    reserved: usize,
    claimed: usize,
    /// What getters were handed, and have not seen yet. `None`: nothing more comes.
    handed: Vec<(usize, Option<usize>)>,
    told: Vec<(usize, Told)>,
    /// In which order items came in.
    numbers: BTreeMap<usize, usize>,
}

impl Model {
    fn free(&self) -> usize {
        self.capacity.saturating_sub(self.items.len() + self.reserved + self.claimed)
    }

    fn put(&mut self, item: usize) -> Option<Told> {
        if self.closed {
            return Some(Told::Refused(Refused::Closed));
        }
        if self.hand(item) {
            return Some(Told::Sent);
        }
        if self.free() == 0 || !self.line.is_empty() {
            self.line.push_back((item, Ask::Item));
            return None;
        }
        self.number(item);
        self.items.push_back(item);
        Some(Told::Sent)
    }

    fn hand(&mut self, item: usize) -> bool {
        let Some(getter) = self.getters.pop_front() else { return false };
        self.number(item);
        self.handed.push((getter, Some(item)));
        true
    }

    fn reserve(&mut self, id: usize, places: usize) -> Option<Told> {
        if self.closed {
            return Some(Told::Refused(Refused::Closed));
        }
        if places > self.capacity.max(1) {
            return Some(Told::Refused(Refused::TooMany));
        }
        let free = if self.capacity == 0 { self.getters.len().saturating_sub(self.reserved) } else { self.free() };
        if places == 0 || (self.line.is_empty() && places <= free) {
            self.reserved += places;
            return Some(Told::Given(places));
        }
        self.line.push_back((id, Ask::Places(places)));
        self.serve(self.getters.len());
        None
    }

    /// Lets those in who wait, while so many ask for an item.
    fn serve(&mut self, asking: usize) {
        while let Some((id, ask)) = self.line.front().copied() {
            match ask {
                Ask::Places(_) if self.capacity == 0 => {
                    if self.reserved >= asking {
                        return;
                    }
                    self.reserved += 1;
                    self.told.push((id, Told::Given(1)));
                }
                Ask::Places(places) => {
                    self.claimed += self.free().min(places - self.claimed);
                    if self.claimed < places {
                        return;
                    }
                    self.claimed = 0;
                    self.reserved += places;
                    self.told.push((id, Told::Given(places)));
                }
                Ask::Item if self.free() == 0 => return,
                Ask::Item => {
                    self.number(id);
                    self.items.push_back(id);
                    self.told.push((id, Told::Sent));
                }
            }
            self.line.pop_front();
        }
    }

    /// An item that is there, or with somebody in line.
    fn take_along(&mut self) -> Option<usize> {
        if let Some(item) = self.items.pop_front() {
            if self.capacity > 0 {
                self.serve(self.getters.len());
            }
            return Some(item);
        }
        let place = self.line.iter().position(|(_, ask)| *ask == Ask::Item)?;
        let (item, _) = self.line.remove(place).unwrap();
        self.number(item);
        self.told.push((item, Told::Sent));
        Some(item)
    }

    fn get(&mut self) -> Option<Option<usize>> {
        if let Some(item) = self.take_along() {
            return Some(Some(item));
        }
        if self.capacity == 0 {
            self.serve(self.getters.len() + 1);
        }
        (self.closed && self.reserved == 0).then_some(None)
    }

    fn use_place(&mut self, item: usize) {
        self.reserved -= 1;
        if !self.hand(item) {
            self.number(item);
            self.items.push_back(item);
        }
        self.look_for_the_end();
        self.serve(self.getters.len());
    }

    fn give_back(&mut self, places: usize) {
        self.reserved -= places;
        self.look_for_the_end();
        self.serve(self.getters.len());
    }

    fn look_for_the_end(&mut self) {
        if self.closed && self.reserved == 0 {
            self.handed.extend(self.getters.drain(..).map(|getter| (getter, None)));
        }
    }

    fn number(&mut self, item: usize) {
        self.numbers.insert(item, self.numbers.len());
    }

    fn cancel_putter(&mut self, id: usize) {
        if let Some(Told::Given(places)) = take(&mut self.told, id) {
            self.give_back(places);
        }
        if let Some(place) = self.line.iter().position(|(other, _)| *other == id) {
            self.line.remove(place);
            if place == 0 {
                self.claimed = 0;
                self.serve(self.getters.len());
            }
        }
    }

    fn cancel_getter(&mut self, id: usize) {
        self.getters.retain(|other| *other != id);
        if let Some(Some(item)) = take(&mut self.handed, id) {
            match self.getters.pop_front() {
                Some(getter) => self.handed.push((getter, Some(item))),
                None => {
                    let place = self.items.iter().position(|other| self.numbers[other] > self.numbers[&item]);
                    self.items.insert(place.unwrap_or(self.items.len()), item);
                }
            }
        }
    }

    fn close(&mut self) {
        self.closed = true;
        self.claimed = 0;
        self.told.extend(self.line.drain(..).map(|(id, _)| (id, Told::Refused(Refused::Closed))));
        self.look_for_the_end();
    }

    /// A poll of a getter that stands in line or comes: what it gets.
    fn poll_getter(&mut self, id: usize, begun: bool) -> Option<Option<usize>> {
        if begun {
            return take(&mut self.handed, id);
        }
        let got = self.get();
        if got.is_none() {
            self.getters.push_back(id);
        }
        got
    }
}

fn take<T>(list: &mut Vec<(usize, T)>, id: usize) -> Option<T> {
    let place = list.iter().position(|(other, _)| *other == id)?;
    Some(list.remove(place).1)
}

/// A permit for each place, or how it ended otherwise.
type Putting<'a> = Hand<LocalBoxFuture<'a, (Told, Option<SendPermits<'a, usize>>)>>;
type Getting<'a> = Hand<LocalBoxFuture<'a, Option<usize>>>;

async fn send(sender: &Sender<usize>, item: usize) -> (Told, Option<SendPermits<'_, usize>>) {
    match sender.send(item).await {
        Ok(()) => (Told::Sent, None),
        Err(error) => {
            assert_eq!(error.0, item);
            (Told::Refused(error.1), None)
        }
    }
}

async fn reserve(sender: &Sender<usize>, places: usize) -> (Told, Option<SendPermits<'_, usize>>) {
    match sender.reserve_many(places).await {
        Ok(permits) => (Told::Given(permits.len()), Some(permits)),
        Err(refused) => (Told::Refused(refused), None),
    }
}

async fn send_until(
    sender: &Sender<usize>,
    item: usize,
    end: Rc<Cell<bool>>,
) -> (Told, Option<SendPermits<'_, usize>>) {
    let end = poll_fn(|_| if end.get() { Poll::Ready(()) } else { Poll::Pending });
    match sender.send_until(item, end).await {
        Ok(()) => (Told::Sent, None),
        Err(error) => {
            assert_eq!(error.0, item);
            (Told::Refused(error.1), None)
        }
    }
}

/// The one getter that is a stream.
const STREAM: usize = usize::MAX;

/// The one putter that is a sink.
const SINK: usize = usize::MAX - 1;

fn run_channel((capacity, program, end): (usize, Vec<Use>, End)) -> usize {
    let (sender, receiver): (Sender<usize>, Receiver<usize>) = channel(capacity);
    let mut stream = receiver.clone();
    let (wakes, stream_waker) = crate::kit::probe::Wakes::new();
    let mut stream_stands = false;
    // How often it had been woken when it began to wait.
    let mut stream_noted = 0;
    let mut sink = sender.clone().into_sink();
    let (sink_wakes, sink_waker) = crate::kit::probe::Wakes::new();
    let (mut sink_stands, mut sink_has_place, mut sink_noted) = (false, false, 0);
    let mut ends: BTreeMap<usize, Rc<Cell<bool>>> = BTreeMap::new();
    let mut model = Model { capacity, ..Default::default() };
    let mut putters: Vec<(usize, bool, Ask, Putting<'_>)> = Vec::new();
    let mut getters: Vec<(usize, bool, Getting<'_>)> = Vec::new();
    let mut permits: Vec<SendPermits<'_, usize>> = Vec::new();
    for (id, one) in program.iter().enumerate() {
        match *one {
            Use::Send => putters.push((id, false, Ask::Item, Hand::new(send(&sender, id).boxed_local()))),
            Use::SendUntil => {
                let end = ends.entry(id).or_default().clone();
                putters.push((id, false, Ask::Item, Hand::new(send_until(&sender, id, end).boxed_local())));
            }
            Use::EndSend(which) if !ends.is_empty() => {
                let which = which % ends.len();
                ends.values().nth(which).unwrap().set(true);
            }
            Use::PollSink => {
                let expected = match (sink_has_place, sink_stands) {
                    (true, _) => Some(Told::Given(1)),
                    (_, true) => take(&mut model.told, SINK),
                    _ => model.reserve(SINK, 1),
                };
                let polled = Pin::new(&mut sink).poll_ready(&mut Context::from_waker(&sink_waker));
                match expected {
                    Some(Told::Given(_)) => assert_eq!(polled, Poll::Ready(Ok(()))),
                    Some(_) => assert_eq!(polled, Poll::Ready(Err(Closed))),
                    None => assert_eq!(polled, Poll::Pending),
                }
                sink_has_place = matches!(expected, Some(Told::Given(_)));
                sink_stands = expected.is_none();
                sink_noted = sink_wakes.count();
            }
            Use::SendBySink if sink_has_place => {
                sink_has_place = false;
                model.use_place(id);
                Pin::new(&mut sink).start_send(id).unwrap();
            }
            Use::GiveUpSinksPlace => {
                if std::mem::take(&mut sink_has_place) {
                    model.give_back(1);
                }
                if std::mem::take(&mut sink_stands) {
                    model.cancel_putter(SINK);
                }
                sink.abort_send();
            }
            Use::Reserve(places) => {
                let hand = Hand::new(reserve(&sender, places).boxed_local());
                putters.push((id, false, Ask::Places(places), hand));
            }
            Use::TrySend => {
                let expected = model.put(id);
                model.line.retain(|(other, _)| *other != id);
                match sender.try_send(id) {
                    Ok(()) => assert_eq!(expected, Some(Told::Sent)),
                    Err(error) if error.is_full() => assert_eq!(expected, None),
                    Err(error) => assert_eq!(expected, Some(Told::Refused(error.1))),
                }
            }
            Use::ForceSend => {
                let full = model.getters.is_empty() && model.free() == 0;
                let expected = if model.closed || (full && (capacity == 0 || model.items.is_empty())) {
                    Err(())
                } else if full {
                    let evicted = model.items.pop_front();
                    model.number(id);
                    model.items.push_back(id);
                    Ok(evicted)
                } else {
                    model.put(id);
                    Ok(None)
                };
                assert_eq!(sender.force_send(id).map_err(drop), expected);
            }
            Use::TryReserve(places) => {
                let waits = !model.line.is_empty();
                let free =
                    if capacity == 0 { model.getters.len().saturating_sub(model.reserved) } else { model.free() };
                let expected = if model.closed {
                    Err(Refused::Closed)
                } else if places > capacity.max(1) {
                    Err(Refused::TooMany)
                } else if places > 0 && (waits || places > free) {
                    Err(Refused::Full)
                } else {
                    model.reserved += places;
                    Ok(places)
                };
                let got = sender.try_reserve_many(places);
                assert_eq!(got.as_ref().map(SendPermits::len).map_err(|refused| *refused), expected);
                permits.extend(got.ok().filter(|permits| !permits.is_empty()));
            }
            Use::SendByPermit(which) if !permits.is_empty() => {
                let which = which % permits.len();
                let permit = permits[which].next().unwrap();
                if permits[which].is_empty() {
                    drop(permits.remove(which));
                }
                model.use_place(id);
                permit.send(id).unwrap();
            }
            Use::DropPermits(which) if !permits.is_empty() => {
                let gone = permits.remove(which % permits.len());
                model.give_back(gone.len());
                drop(gone);
            }
            Use::Recv => getters.push((id, false, Hand::new(receiver.recv().boxed_local()))),
            Use::TryRecv => {
                let expected = model.get();
                match receiver.try_recv() {
                    Ok(item) => assert_eq!(expected, Some(Some(item))),
                    Err(TryGetError::Empty) => assert_eq!(expected, None),
                    Err(_) => assert_eq!(expected, Some(None)),
                }
            }
            Use::RecvInto(limit) => {
                // Dropped where it would wait.
                let mut expected = Vec::new();
                let first = if limit == 0 { None } else { model.poll_getter(id, false) };
                let waits = limit > 0 && first.is_none();
                expected.extend(first.flatten());
                while !expected.is_empty() && expected.len() < limit {
                    let Some(item) = model.take_along() else { break };
                    expected.push(item);
                }
                let mut buffer = vec![7];
                let got = receiver.recv_into(&mut buffer, limit).now_or_never();
                assert_eq!(got, (!waits).then_some(expected.len()));
                assert_eq!(buffer[1..], expected);
                model.cancel_getter(id);
            }
            Use::PollPutter(which) if !putters.is_empty() => {
                let which = which % putters.len();
                let (id, begun, ask, hand) = &mut putters[which];
                let mut expected = match (std::mem::replace(begun, true), *ask) {
                    (true, _) => take(&mut model.told, *id),
                    (false, Ask::Item) => model.put(*id),
                    (false, Ask::Places(places)) => model.reserve(*id, places),
                };
                if expected.is_none() && ends.get(id).is_some_and(|end| end.get()) {
                    model.cancel_putter(*id);
                    expected = Some(Told::Refused(Refused::TooLate));
                }
                match hand.poll() {
                    Poll::Pending => assert_eq!(expected, None),
                    Poll::Ready((told, given)) => {
                        assert_eq!(expected, Some(told));
                        permits.extend(given.filter(|permits| !permits.is_empty()));
                        putters.remove(which);
                    }
                }
            }
            Use::PollGetter(which) if !getters.is_empty() => {
                let which = which % getters.len();
                let (id, begun, hand) = &mut getters[which];
                let expected = model.poll_getter(*id, std::mem::replace(begun, true));
                match hand.poll() {
                    Poll::Pending => assert_eq!(expected, None),
                    Poll::Ready(item) => {
                        assert_eq!(expected, Some(item));
                        getters.remove(which);
                    }
                }
            }
            Use::CancelPutter(which) if !putters.is_empty() => {
                let (id, ..) = putters.remove(which % putters.len());
                model.cancel_putter(id);
            }
            Use::CancelGetter(which) if !getters.is_empty() => {
                let (id, ..) = getters.remove(which % getters.len());
                model.cancel_getter(id);
            }
            Use::PollStream => {
                let expected = model.poll_getter(STREAM, stream_stands);
                match stream.poll_recv(&mut Context::from_waker(&stream_waker)) {
                    Poll::Pending => assert_eq!(expected, None),
                    Poll::Ready(item) => assert_eq!(expected, Some(item)),
                }
                stream_stands = expected.is_none();
                stream_noted = wakes.count();
            }
            Use::TryRecvOfStream => {
                // It leaves the line, and what it was handed there is not lost.
                model.cancel_getter(STREAM);
                stream_stands = false;
                let expected = model.get();
                assert_eq!(stream.try_recv().ok(), expected.flatten());
            }
            Use::Close => {
                model.close();
                receiver.close();
            }
            _ => {}
        }
        let handed = model.handed.iter().any(|(id, item)| *id == STREAM && item.is_some());
        assert_eq!((sender.len(), stream.len()), (model.items.len(), model.items.len() + usize::from(handed)));
        assert_eq!(sender.free_capacity(), (capacity < usize::MAX).then(|| model.free()));
        assert_eq!(receiver.is_full(), model.free() == 0);
        for (id, _, _, hand) in &putters {
            assert!(!model.told.iter().any(|(other, _)| other == id) || hand.is_woken(), "putter {id} was not woken");
        }
        for (id, _, hand) in &getters {
            assert!(!model.handed.iter().any(|(other, _)| other == id) || hand.is_woken(), "getter {id} was not woken");
        }
        assert!(
            !model.handed.iter().any(|(other, _)| *other == STREAM) || wakes.count() > stream_noted,
            "the stream was not woken"
        );
        assert!(
            !model.told.iter().any(|(other, _)| *other == SINK) || sink_wakes.count() > sink_noted,
            "the sink was not woken"
        );
    }
    // What the sink has is free.
    if sink_has_place {
        model.give_back(1);
    }
    model.cancel_putter(SINK);
    drop(sink);
    if let End::DropReceivers = end {
        for (id, ..) in getters.drain(..) {
            model.cancel_getter(id);
        }
        drop(getters);
        model.cancel_getter(STREAM);
        drop((stream, receiver));
        model.close();
        // Those who were let in, or have places, are told so; the others are refused. Nothing can be sent, whatever one has.
        for (id, begun, ask, mut hand) in putters.drain(..) {
            let expected = if begun { take(&mut model.told, id) } else { Some(Told::Refused(Refused::Closed)) };
            let (told, given) = hand.ready();
            let too_many = matches!(ask, Ask::Places(places) if places > capacity.max(1));
            assert!(Some(told) == expected || (too_many && !begun), "{told:?} {expected:?}");
            permits.extend(given);
        }
        for permit in permits.drain(..).flatten() {
            assert_eq!(permit.send(0), Err(PutError(0, Refused::Closed)));
        }
        return program.len();
    }
    if let End::DropSenders = end {
        for (id, ..) in putters.drain(..) {
            model.cancel_putter(id);
        }
        for gone in permits.drain(..) {
            model.give_back(gone.len());
        }
        drop((putters, permits));
        drop(sender);
        model.close();
        for (id, begun, mut hand) in getters.drain(..) {
            let expected = model.poll_getter(id, begun);
            assert_eq!(Some(hand.ready()), expected);
        }
        let expected = model.poll_getter(STREAM, stream_stands);
        assert_eq!(stream.poll_recv(&mut Context::from_waker(&stream_waker)), Poll::Ready(expected.unwrap()));
        while let Some(item) = model.get().unwrap() {
            assert_eq!(receiver.try_recv(), Ok(item));
        }
        assert_eq!(receiver.try_recv(), Err(TryGetError::Closed));
        return program.len();
    }
    // All leave: everything is there once, in order, and all places are free.
    for (id, ..) in getters.drain(..) {
        model.cancel_getter(id);
    }
    model.cancel_getter(STREAM);
    drop(stream);
    for (id, ..) in putters.drain(..) {
        model.cancel_putter(id);
    }
    for gone in permits.drain(..) {
        model.give_back(gone.len());
    }
    let rest: Vec<_> = std::iter::from_fn(|| receiver.try_recv().ok()).collect();
    assert_eq!(rest, Vec::from(model.items));
    assert_eq!(sender.free_capacity(), Some(capacity).filter(|capacity| *capacity < usize::MAX));
    program.len()
}

#[test]
fn random_programs_with_reserved_places_agree_with_a_plain_model() {
    check("channel", uses(), run_channel);
}
