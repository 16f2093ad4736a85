//! How a queue ends: all that was put is done with, or nothing more can be put.

use super::{
    in_hand::InHand,
    order::Order,
    ordered::{Handed, Intake, OrderedQueue},
};
use crate::{
    wait::{Attempt, Line, Wait},
    wait_queue::WaitQueue,
};
use std::marker::PhantomData;

impl<T, O: Order<T>> OrderedQueue<T, O> {
    /// Waits until every item that was put is done with; does not wait if there is none. See [`Job`](crate::Job).
    ///
    /// Cancel-safe.
    pub async fn join(&self) {
        // It is never refused.
        let _ = Wait::<&Self, Joining<T, O>>::new(self, ()).await;
    }

    /// Waits until the queue is closed; does not wait if it is. What is queued then can still be taken.
    ///
    /// Cancel-safe.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let queue = evenkeel::sync::Queue::<u8>::new(1);
    /// futures::join!(queue.closed(), async { queue.close() });
    /// # });
    /// ```
    pub async fn closed(&self) {
        // It is never refused.
        let _ = Wait::<&Self, Closing<T, O>>::new(self, ()).await;
    }

    /// Ends the queue gently: puts fail, what is queued can still be taken. Those who wait for room get their items back, those who
    /// wait for items get [`Closed`](crate::Closed).
    pub fn close(&self) {
        if self.intake.get() == Intake::Open {
            self.intake.set(Intake::Closed);
        }
        drop(self.end_waits());
    }

    /// Ends the queue at once: as [`close`](Self::close), and what was queued comes back. It counts as done with for
    /// [`join`](Self::join); jobs that are out do not. If a waker panics, what was queued is queued again, so that it is not lost.
    pub fn close_now(&self) -> Vec<T> {
        let (in_hand, calls) = self.drain();
        drop(calls);
        in_hand.take().into_iter().map(|handed| handed.item).collect()
    }

    /// Takes out what was queued, with the calls to those who waited.
    pub(crate) fn drain(&self) -> (InHand<'_, T, O, Vec<Handed<T>>>, impl Sized) {
        if self.intake.replace(Intake::ClosedNow) != Intake::ClosedNow {
            self.unfinished.set(self.unfinished.get() - self.len());
        }
        let calls = self.end_waits();
        let mut in_hand = InHand::done(self, Vec::with_capacity(self.len()));
        while let Some((item, number)) = self.items.pop() {
            in_hand.items.push(Handed { item, number });
        }
        (in_hand, calls)
    }
}

/// The rules of the line for the end of all jobs.
struct Joining<T, O>(PhantomData<(T, O)>);

impl<T, O: Order<T>> Line for Joining<T, O> {
    type Owner = OrderedQueue<T, O>;
    type Request = ();
    type Grant = ();

    fn queue(queue: &Self::Owner) -> &WaitQueue {
        &queue.joiners
    }

    fn attempt(queue: &Self::Owner, request: ()) -> Attempt<(), ()> {
        if queue.unfinished.get() == 0 { Attempt::Granted(()) } else { Attempt::Wait(request) }
    }

    /// Gives nothing back: everyone was told.
    fn give_back(_: &Self::Owner, _: ()) {}
}

/// The rules of the line for the queue's end.
struct Closing<T, O>(PhantomData<(T, O)>);

impl<T, O: Order<T>> Line for Closing<T, O> {
    type Owner = OrderedQueue<T, O>;
    type Request = ();
    type Grant = ();

    fn queue(queue: &Self::Owner) -> &WaitQueue {
        &queue.closers
    }

    fn attempt(queue: &Self::Owner, request: ()) -> Attempt<(), ()> {
        if queue.is_closed() { Attempt::Granted(()) } else { Attempt::Wait(request) }
    }

    /// Gives nothing back: everyone was told.
    fn give_back(_: &Self::Owner, _: ()) {}
}
