//! What the two ends of a channel share.

use super::home::Home;
use crate::{
    outcome::{flat::report_destructor, panic::Panic, panics::Panics},
    threads::latch::{Latch, Latched},
    wake::call::drop_waker,
};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    task::Waker,
};

/// Room for so many items stays with a channel that is empty.
const KEPT: usize = 1024;

pub(super) struct Channel<T> {
    pub(super) items: VecDeque<T>,
    pub(super) capacity: usize,
    /// Senders that wait for room, by ticket.
    pub(super) line: BTreeMap<u64, Unsent<T>>,
    next_ticket: u64,
    /// Who waits for the end, by ticket.
    pub(super) closers: BTreeMap<u64, Option<Waker>>,
    pub(super) senders: usize,
    /// Wakes the receiver, which waits.
    pub(super) receiver: Option<Waker>,
    /// Where the receiver is at home, as far as that is known.
    pub(super) home: Home,
    /// Nothing is taken any more.
    pub(super) closed: bool,
}

pub(super) struct Unsent<T> {
    pub(super) item: T,
    /// `None` once it was called.
    pub(super) waker: Option<Waker>,
}

impl<T> Unsent<T> {
    /// The item, once the waker is dropped.
    pub(super) fn into_item(self) -> T {
        self.waker.into_iter().for_each(drop_waker);
        self.item
    }
}

/// Drops items. The first panic of a destructor goes on when all are dropped, others are reported.
pub(super) fn drop_each<T>(items: impl Iterator<Item = T>) {
    let mut panics = Panics::default();
    for item in items {
        panics.catch(|| drop(item), |payload| report_destructor(Panic::new(payload)));
    }
    panics.go_on();
}

impl<T> Channel<T> {
    /// With one sender and one receiver.
    pub(super) fn new(capacity: usize) -> Channel<T> {
        Channel {
            items: VecDeque::with_capacity(capacity.min(64)),
            capacity,
            line: BTreeMap::new(),
            next_ticket: 0,
            closers: BTreeMap::new(),
            senders: 1,
            receiver: None,
            home: Home::Unknown,
            closed: false,
        }
    }

    pub(super) fn next_ticket(&mut self) -> u64 {
        self.next_ticket += 1;
        self.next_ticket
    }

    /// For how many items there is room in all, if that is bounded.
    pub(super) fn bound(&self) -> Option<usize> {
        Some(self.capacity).filter(|capacity| *capacity != usize::MAX)
    }

    /// For how many items more there is room, if that is bounded.
    pub(super) fn free(&self) -> Option<usize> {
        self.bound().map(|capacity| capacity - self.items.len())
    }

    pub(super) fn is_full(&self) -> bool {
        self.items.len() >= self.capacity
    }

    pub(super) fn has_room(&self) -> bool {
        self.items.len() < self.capacity && self.line.is_empty()
    }

    /// Will nothing come any more?
    pub(super) fn is_over(&self) -> bool {
        self.senders == 0 || self.closed
    }

    /// Is there anything for the receiver to see, an item or the end?
    pub(super) fn is_there(&self) -> bool {
        !self.items.is_empty() || self.is_over()
    }

    /// There is no item. The room that a burst took goes back; it comes again by doubling, so that this adds little to each of so many items.
    #[cold]
    pub(super) fn give_back(items: &mut VecDeque<T>) {
        if items.capacity() > KEPT {
            *items = VecDeque::new();
        }
    }

    /// The oldest item, and the waker of the sender who gets its room.
    #[inline]
    pub(super) fn pop(&mut self, batch: &mut VecDeque<T>) -> Option<(T, Option<Waker>)> {
        if self.capacity == usize::MAX {
            std::mem::swap(&mut self.items, batch);
            return batch.pop_front().map(|item| (item, None));
        }
        let item = self.items.pop_front()?;
        if self.line.is_empty() || self.closed {
            return Some((item, None));
        }
        let next = self.line.pop_first().and_then(|(_, unsent)| {
            self.items.push_back(unsent.item);
            unsent.waker
        });
        Some((item, next))
    }
}

/// Drops what sends have left in line that were forgotten. All else is gone by then.
impl<T> Drop for Channel<T> {
    fn drop(&mut self) {
        std::mem::take(&mut self.closers).into_values().flatten().for_each(drop_waker);
        drop_each(std::mem::take(&mut self.line).into_values().map(Unsent::into_item));
    }
}

pub(super) type Shared<T> = Arc<Latch<Channel<T>>>;

/// Nothing foreign runs while it is held.
#[inline(always)]
pub(super) fn lock<T>(shared: &Shared<T>) -> Latched<'_, Channel<T>> {
    shared.lock()
}

/// `RUSTFLAGS="--cfg loom" cargo test -p evenkeel-executor --release --lib loom`
#[cfg(all(test, loom))]
mod loom_tests {
    use super::super::channel;
    use loom::{sync::Notify, thread};
    use std::{
        pin::pin,
        sync::Arc,
        task::{Context, Poll, Wake, Waker},
    };

    /// Wakes a thread of the model's.
    struct Unpark(Notify);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.notify();
        }
    }

    /// A lost wake-up is a deadlock here, which loom reports.
    fn wait_for<T>(future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let unpark = Arc::new(Unpark(Notify::new()));
        let waker = Waker::from(unpark.clone());
        loop {
            match future.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(value) => return value,
                Poll::Pending => unpark.0.wait(),
            }
        }
    }

    /// So many threads send two items each, and wait for room; this one receives, and gets each thread's in order, and then the end.
    fn model(capacity: usize, senders: u32) {
        let mut model = loom::model::Builder::new();
        // All of its interleavings take minutes; faults of this kind need fewer than three untimely switches.
        model.preemption_bound = Some(if senders > 1 { 2 } else { 3 });
        model.check(move || {
            let (sender, mut receiver) = channel(capacity);
            let threads: Vec<_> = (0..senders)
                .map(|from| {
                    let sender = sender.clone();
                    thread::spawn(move || (0..2).for_each(|n| wait_for(sender.send((from, n))).unwrap()))
                })
                .collect();
            drop(sender);
            let mut next = vec![0; senders as usize];
            while let Some((from, n)) = wait_for(receiver.recv()) {
                assert_eq!(n, next[from as usize]);
                next[from as usize] += 1;
            }
            assert!(next.iter().all(|&n| n == 2));
            for thread in threads {
                thread.join().unwrap();
            }
        });
    }

    #[test]
    fn loom_threads_14_a_sender_and_a_receiver_that_wait_for_each_other_lose_nothing() {
        model(1, 1);
        model(usize::MAX, 1);
    }

    #[test]
    fn loom_threads_14_two_senders_that_wait_for_room_lose_nothing() {
        model(1, 2);
    }

    #[test]
    fn loom_threads_14_the_end_is_not_missed_by_who_waits_for_it() {
        loom::model(|| {
            let (sender, receiver) = channel::<u8>(1);
            let thread = thread::spawn(move || drop(receiver));
            wait_for(sender.closed());
            thread.join().unwrap();
        });
    }

    #[test]
    fn loom_threads_14_a_sender_that_was_upgraded_in_time_is_heard_and_others_are_none() {
        loom::model(|| {
            let (sender, mut receiver) = channel(1);
            let weak = sender.downgrade();
            let thread = thread::spawn(move || drop(sender));
            let sent = weak.upgrade().is_some_and(|sender| sender.try_send(1).is_ok());
            let got = wait_for(receiver.recv());
            assert_eq!(got.is_some(), sent);
            assert!(!sent || wait_for(receiver.recv()).is_none());
            assert!(weak.upgrade().is_none());
            thread.join().unwrap();
        });
    }
}
