//! Getting items out of a queue.

use super::{
    errors::TryGetError,
    in_hand::{InHand, Settle},
    job::{Job, OwnedJob},
    order::Order,
    ordered::{Handed, Intake, OrderedQueue},
};
use crate::{
    closed::Closed,
    wait::{Attempt, Line, Wait},
    wait_queue::WaitQueue,
};
use evenkeel_coop::consume_budget;
use std::{marker::PhantomData, rc::Rc};

impl<T, O: Order<T>> OrderedQueue<T, O> {
    /// Takes the next item, as soon as there is one and it is this one's turn. It is done with then, for
    /// [`join`](Self::join).
    ///
    /// Cancel-safe: dropped in line it leaves the line; an item that it had been handed goes back to where it was, or to
    /// the next in line.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the queue is closed and empty.
    #[inline]
    pub fn get(&self) -> impl Future<Output = Result<T, Closed>> + Unpin {
        self.wait_for_item().then(|queue, outcome| match outcome {
            Ok(handed) => Ok(queue.finished(handed)),
            Err(()) => Err(Closed),
        })
    }

    /// Takes the next item if there is one: asyncio's `get_nowait`.
    ///
    /// # Errors
    ///
    /// [`TryGetError::Empty`] or [`TryGetError::Closed`].
    #[inline]
    pub fn try_get(&self) -> Result<T, TryGetError> {
        match Getting::<T, O>::attempt(self, ()) {
            Attempt::Granted(handed) => Ok(self.finished(handed)),
            Attempt::Refused(()) => Err(TryGetError::Closed),
            Attempt::Wait(()) => Err(TryGetError::Empty),
        }
    }

    /// Takes up to `count` items: waits for one, and takes with it those that are there. With zero it does not wait.
    ///
    /// Cancel-safe as [`get`](Self::get).
    ///
    /// # Errors
    ///
    /// [`Closed`] when the queue is closed and empty.
    ///
    /// ```
    /// let queue = evenkeel::sync::Queue::new(10);
    /// for n in 0..5 {
    ///     queue.try_put(n).unwrap();
    /// }
    /// # futures::executor::block_on(async {
    /// assert_eq!(queue.get_many(3).await, Ok(vec![0, 1, 2]));
    /// assert_eq!(queue.get_many(3).await, Ok(vec![3, 4]));
    /// # });
    /// ```
    pub async fn get_many(&self, count: usize) -> Result<Vec<T>, Closed> {
        if count == 0 {
            consume_budget().await;
            return Ok(Vec::new());
        }
        let first = self.wait_for_item().await.map_err(|()| Closed)?;
        let mut in_hand = InHand::new(self, vec![first]);
        while in_hand.items.len() < count {
            let Some(handed) = self.take_along() else { break };
            in_hand.items.push(handed);
        }
        in_hand.done = true;
        if self.count_down(in_hand.items.len()) {
            self.end_joins();
        }
        Ok(in_hand.take().into_iter().map(|handed| handed.item).collect())
    }

    /// Appends up to `limit` items to `buffer`: waits for one, and takes with it those that are there. How many these were is the result: 0
    /// if the queue is closed and empty, or if `limit` is 0, with which it does not wait. tokio's `recv_many`.
    ///
    /// Cancel-safe as [`get`](Self::get): nothing was appended then.
    ///
    /// ```
    /// let queue = evenkeel::sync::Queue::new(10);
    /// for n in 0..5 {
    ///     queue.try_put(n).unwrap();
    /// }
    /// queue.close();
    /// # futures::executor::block_on(async {
    /// let mut buffer = Vec::with_capacity(3);
    /// assert_eq!(queue.get_into(&mut buffer, 3).await, 3);
    /// assert_eq!(queue.get_into(&mut buffer, 3).await, 2);
    /// assert_eq!(queue.get_into(&mut buffer, 3).await, 0);
    /// assert_eq!(buffer, [0, 1, 2, 3, 4]);
    /// # });
    /// ```
    pub async fn get_into(&self, buffer: &mut Vec<T>, limit: usize) -> usize {
        if limit == 0 {
            consume_budget().await;
            return 0;
        }
        let Ok(first) = self.wait_for_item().await else { return 0 };
        // A waker that panics in here leaves those in the buffer that were taken.
        buffer.push(self.finished(first));
        let mut taken = 1;
        while taken < limit {
            let Some(handed) = self.take_along() else { break };
            buffer.push(self.finished(handed));
            taken += 1;
        }
        taken
    }

    /// Takes the next item as a [`Job`]: it is done with when the guard is dropped, asyncio's `task_done()`.
    ///
    /// Cancel-safe as [`get`](Self::get).
    ///
    /// # Errors
    ///
    /// [`Closed`] when the queue is closed and empty.
    ///
    /// ```
    /// use evenkeel::sync::Queue;
    ///
    /// # futures::executor::block_on(async {
    /// let queue = Queue::new(10);
    /// queue.put("a").await.unwrap();
    /// let job = queue.get_job().await.unwrap();
    /// assert_eq!((*job, queue.unfinished()), ("a", 1));
    /// drop(job);
    /// queue.join().await; // everything is done
    /// # });
    /// ```
    #[inline]
    pub fn get_job(&self) -> impl Future<Output = Result<Job<'_, T, O>, Closed>> + Unpin {
        self.wait_for_item().then(|queue, outcome| match outcome {
            Ok(handed) => Ok(Job::new(handed.item, queue)),
            Err(()) => Err(Closed),
        })
    }

    /// Takes the next item as [`get_job`](Self::get_job) does, for a guard that outlives the borrow: it can move into `'static` tasks. The future has
    /// a share of the queue, too.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the queue is closed and empty.
    pub fn get_job_owned(self: &Rc<Self>) -> impl Future<Output = Result<OwnedJob<T, O>, Closed>> + Unpin + use<T, O> {
        Wait::<Rc<Self>, Getting<T, O>>::new(self.clone(), ()).then(|queue, outcome| match outcome {
            Ok(handed) => Ok(OwnedJob::new(handed.item, queue)),
            Err(()) => Err(Closed),
        })
    }

    /// The next item as a [`Job`], if there is one.
    ///
    /// # Errors
    ///
    /// [`TryGetError::Empty`] or [`TryGetError::Closed`].
    pub fn try_get_job(&self) -> Result<Job<'_, T, O>, TryGetError> {
        match Getting::<T, O>::attempt(self, ()) {
            Attempt::Granted(handed) => Ok(Job::new(handed.item, self)),
            Attempt::Refused(()) => Err(TryGetError::Closed),
            Attempt::Wait(()) => Err(TryGetError::Empty),
        }
    }

    #[inline]
    pub(crate) fn wait_for_item(&self) -> Wait<&Self, Getting<T, O>> {
        Wait::new(self, ())
    }

    /// Counts an item as done with that leaves the queue, and that nobody asks about any more.
    #[inline(always)]
    pub(crate) fn finished(&self, handed: Handed<T>) -> T {
        if self.count_down(1) { self.finished_last(handed) } else { handed.item }
    }

    /// Counts the last item as done with. If telling so panics, the item is not lost.
    #[cold]
    fn finished_last(&self, handed: Handed<T>) -> T {
        let in_hand = InHand::done(self, Some(handed));
        self.end_joins();
        in_hand.take().expect("nobody else takes it").item
    }

    /// The next item of those that are stored.
    #[inline(always)]
    fn pop(&self) -> Option<Handed<T>> {
        let (item, number) = self.items.pop()?;
        if self.intake.get() == Intake::ClosedNow {
            // In there it was not counted any more.
            self.count_up();
        }
        Some(Handed { item, number })
    }

    /// Lets a putter in where an item has left, if one waits.
    #[inline(always)]
    fn let_in_for(&self, handed: Handed<T>) -> Handed<T> {
        if self.putters.is_empty() { handed } else { let_in(self, handed) }
    }

    /// One more item that is there, for somebody who has one already and does not wait: so no place is lent for his sake.
    fn take_along(&self) -> Option<Handed<T>> {
        match self.pop() {
            Some(handed) => Some(self.let_in_for(handed)),
            None => self.take_from_line(),
        }
    }

    /// The item of the first one in line who brings one, from hand to hand.
    fn take_from_line(&self) -> Option<Handed<T>> {
        if self.putters.len() == self.wishes.get() {
            return None;
        }
        let item = self.putters.take_first_item(0)?;
        self.count_up();
        Some(let_in(self, Handed { item, number: self.items.pass() }))
    }

    /// Attempts a get that finds nothing stored, but somebody who waits for room: of a queue without any room, or one whose room is kept for
    /// others. The item goes from hand to hand. Where there is none, those who want places in a queue without room are given one.
    #[cold]
    fn meet(&self, request: ()) -> Attempt<(), Handed<T>> {
        loop {
            if let Some(handed) = self.take_from_line() {
                return Attempt::Granted(handed);
            }
            if !self.lend(self.getters.len() + 1) {
                return if self.is_over() { Attempt::Refused(request) } else { Attempt::Wait(request) };
            }
            // Wakers ran: somebody may have put something.
            if let Some(handed) = self.pop() {
                return Attempt::Granted(let_in(self, handed));
            }
        }
    }
}

/// The rules of the line for items. The grant is the item.
pub(crate) struct Getting<T, O>(PhantomData<(T, O)>);

impl<T, O: Order<T>> Line for Getting<T, O> {
    type Owner = OrderedQueue<T, O>;
    type Request = ();
    type Grant = Handed<T>;

    #[inline]
    fn queue(queue: &Self::Owner) -> &WaitQueue<(), Handed<T>> {
        &queue.getters
    }

    #[inline(always)]
    fn attempt(queue: &Self::Owner, request: ()) -> Attempt<(), Handed<T>> {
        if let Some(handed) = queue.pop() {
            return Attempt::Granted(queue.let_in_for(handed));
        }
        if !queue.putters.is_empty() {
            return queue.meet(request);
        }
        if queue.is_over() { Attempt::Refused(request) } else { Attempt::Wait(request) }
    }

    fn give_back(queue: &Self::Owner, handed: Handed<T>) {
        queue.put_back(handed);
    }
}

/// Lets a putter in where an item has left, and calls it. If that panics, the item is not lost.
#[inline(never)]
fn let_in<T, O: Order<T>>(queue: &OrderedQueue<T, O>, handed: Handed<T>) -> Handed<T> {
    let settle = Settle(queue);
    let in_hand = InHand::new(queue, Some(handed));
    queue.admit();
    let handed = in_hand.take();
    std::mem::forget(settle);
    handed.expect("nobody else takes it")
}
