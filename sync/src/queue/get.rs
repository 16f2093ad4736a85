//! Getting items out of a queue.

use super::{Job, Order, OrderedQueue, OwnedJob, QueueItems, State, TryGetError};
use crate::{
    closed::Closed,
    wait::{Attempt, Line, Wait},
    wait_queue::WaitQueue,
};
use std::{marker::PhantomData, rc::Rc};

/// An item that was handed to someone who waited for it.
pub(crate) struct Handed<T> {
    pub(crate) item: T,
    /// So that it goes back to where it was, if it comes to that.
    pub(super) number: u64,
}

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
            Ok(handed) => Ok(queue.finished(handed.item)),
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
            Attempt::Granted(handed) => Ok(self.finished(handed.item)),
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
    /// let queue = evenkeel_sync::Queue::new(10);
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
            return Ok(Vec::new());
        }
        let mut items = vec![self.get().await?];
        while items.len() < count {
            match self.try_get() {
                Ok(item) => items.push(item),
                Err(_) => break,
            }
        }
        Ok(items)
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
    /// use evenkeel_sync::Queue;
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

    /// As [`get_job`](Self::get_job), for a guard that outlives the borrow: it can move into `'static` tasks.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the queue is closed and empty.
    pub async fn get_job_owned(self: &Rc<Self>) -> Result<OwnedJob<T, O>, Closed> {
        match self.wait_for_item().await {
            Ok(handed) => Ok(OwnedJob::new(handed.item, self.clone())),
            Err(()) => Err(Closed),
        }
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

    /// The items as a stream, which ends when the queue is closed and empty.
    ///
    /// ```
    /// use evenkeel_sync::Queue;
    /// use futures::StreamExt;
    ///
    /// let queue = Queue::new(4);
    /// queue.try_put(1).unwrap();
    /// queue.try_put(2).unwrap();
    /// queue.close();
    /// let all: Vec<_> = futures::executor::block_on(queue.items().collect());
    /// assert_eq!(all, [1, 2]);
    /// ```
    pub fn items(&self) -> QueueItems<'_, T, O> {
        QueueItems::new(self)
    }

    #[inline]
    pub(crate) fn wait_for_item(&self) -> Wait<&Self, Getting<T, O>> {
        Wait::new(self, ())
    }

    /// An item that leaves the queue, and that nobody asks about any more.
    #[inline(always)]
    pub(crate) fn finished(&self, item: T) -> T {
        self.finish();
        item
    }

    /// The next item of those that are stored.
    #[inline(always)]
    fn pop(&self) -> Option<T> {
        if self.len.get() == 0 {
            return None;
        }
        let item = self.items.borrow_mut().pop()?;
        self.len.set(self.len.get() - 1);
        if self.state.get() == State::ClosedNow {
            // In there it was not counted any more.
            self.unfinished.set(self.unfinished.get() + 1);
        }
        Some(item)
    }

    /// A get that finds nothing stored, but somebody who waits for room: of a queue without any room. The item goes from hand to
    /// hand.
    #[cold]
    fn meet(&self, request: ()) -> Attempt<(), Handed<T>> {
        let Ok(item) = self.putters.grant(()) else { return Attempt::Wait(request) };
        self.unfinished.set(self.unfinished.get() + 1);
        Attempt::Granted(let_in(self, Handed { item, number: 0 }))
    }

    /// An item comes back that had been handed to somebody.
    fn put_back(&self, Handed { item, number }: Handed<T>) {
        if self.getters.is_empty() {
            self.items.borrow_mut().put_back(item, number);
            self.len.set(self.len.get() + 1);
            if self.state.get() == State::ClosedNow {
                self.unfinished.set(self.unfinished.get() - 1);
                self.end_waits();
            }
        } else {
            let _ = self.getters.grant(Handed { item, number });
            self.getters.wake();
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
        if let Some(item) = queue.pop() {
            // Its number is only of use while it waits for whom it was handed to.
            let handed = Handed { item, number: 0 };
            return Attempt::Granted(if queue.putters.is_empty() { handed } else { let_in(queue, handed) });
        }
        if !queue.putters.is_empty() {
            return queue.meet(request);
        }
        if queue.is_closed() { Attempt::Refused(request) } else { Attempt::Wait(request) }
    }

    fn give_back(queue: &Self::Owner, handed: Handed<T>) {
        queue.put_back(handed);
    }
}

/// Lets a putter in where an item has left, and calls it. If that panics, the item is not lost.
#[inline(never)]
fn let_in<T, O: Order<T>>(queue: &OrderedQueue<T, O>, handed: Handed<T>) -> Handed<T> {
    queue.admit();
    let mut in_hand = InHand { queue, handed: Some(handed) };
    queue.putters.wake();
    in_hand.handed.take().expect("nobody else takes it")
}

struct InHand<'a, T, O: Order<T>> {
    queue: &'a OrderedQueue<T, O>,
    handed: Option<Handed<T>>,
}

impl<T, O: Order<T>> Drop for InHand<'_, T, O> {
    fn drop(&mut self) {
        if let Some(handed) = self.handed.take() {
            self.queue.put_back(handed);
        }
    }
}
