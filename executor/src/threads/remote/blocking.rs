//! Threads that block in a channel.

use super::{
    receiver::Receiver,
    refused::{Refused, SendError, TryRecvError},
    sender::Sender,
};
use crate::{
    raw::lent::OnThread,
    threads::{absence::Absence, pool::THREADS},
    wake::sleeper::Sleeper,
};
use evenkeel_coop::without_budget;
use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread,
    time::{Duration, Instant},
};

impl<T: Send> Sender<T> {
    /// Sends an item, and blocks this thread until there is room. Senders get room in the order in which they came. A thread of
    /// [`to_thread`](crate::to_thread())'s whose own loop is to receive does not count as busy meanwhile, so the receiver may await other
    /// jobs; a [`ThreadLimiter`](crate::ThreadLimiter) bounds how many jobs block there. tokio's `blocking_send`.
    ///
    /// # Errors
    ///
    /// With the item, if the receiver is gone; and if there is no room and this is the receiver's own thread, which could never make
    /// any. That is known of a receiver that was last used in an executor of this thread that has not ended, or that waits on this
    /// thread in an executor of another kind. It is not known of a receiver that was never used, or only outside executors: then
    /// this blocks, for ever if the receiver is here. A receiver that has moved to another thread counts as being there from its
    /// first use there.
    pub fn send_blocking(&self, item: T) -> Result<(), SendError<T>> {
        self.block(item, None)
    }

    /// Sends an item as [`send_blocking`](Self::send_blocking) does, and blocks for so long at most, of real time: std's `send_timeout`.
    ///
    /// # Errors
    ///
    /// With the item: [`Refused::TooLate`] if there was no room in time, otherwise as [`send_blocking`](Self::send_blocking).
    ///
    /// ```
    /// use evenkeel::threads::remote::{self, Refused, SendError};
    /// use std::time::Duration;
    ///
    /// let (sender, mut receiver) = remote::channel(1);
    /// let limit = Duration::from_millis(5);
    /// assert_eq!(sender.send_blocking_timeout("a", limit), Ok(()));
    /// assert_eq!(sender.send_blocking_timeout("b", limit), Err(SendError("b", Refused::TooLate)));
    /// assert_eq!(receiver.try_recv(), Ok("a"));
    /// ```
    pub fn send_blocking_timeout(&self, item: T, limit: Duration) -> Result<(), SendError<T>> {
        self.block(item, Some(limit))
    }

    fn block(&self, item: T, limit: Option<Duration>) -> Result<(), SendError<T>> {
        let item = match self.push(item) {
            Ok(()) => return Ok(()),
            Err((item, Refused::Full)) => item,
            Err((item, refused)) => return Err(SendError(item, refused)),
        };
        let (executor, foreign) = self.home();
        if foreign == Some(thread::current().id()) || executor.as_ref().is_some_and(|executor| executor.lives_here()) {
            return Err(SendError(item, Refused::OwnThread));
        }
        // A pool's thread that waits for its own loop is not busy meanwhile.
        let absence = if foreign.is_some() { None } else { Absence::for_receiver(executor.as_deref()) };
        let mut send = self.send(item);
        match block_on(pin!(&mut send), absence, limit) {
            Some(outcome) => outcome,
            None => send.give_up(),
        }
    }
}

impl<T: Send> Receiver<T> {
    /// The next item, as [`recv`](Self::recv) gives it; blocks this thread until it comes: tokio's `blocking_recv`. A thread of
    /// [`to_thread`](crate::to_thread())'s does not count as busy meanwhile, so that the senders may be other jobs: but not jobs that wait for
    /// the permit of a [`ThreadLimiter`](crate::ThreadLimiter) which the jobs that block here hold.
    ///
    /// Nor does it keep a virtual clock from jumping to the next deadline: time stands still for a loop whose jobs are at work, and a job
    /// that blocks here is not. If the senders are threads outside the pool, a test's timers may fire before these have sent: let them
    /// hold the clock ([`VirtualClock::hold`](crate::testing::VirtualClock::hold)) until then.
    ///
    /// # Panics
    ///
    /// In an executor's task or another function of its loop, which would stand still: `recv().await` there.
    ///
    /// ```
    /// use evenkeel::{run, spawn, threads::remote, to_thread};
    ///
    /// run(async {
    ///     let (sender, mut receiver) = remote::channel(2);
    ///     let sum = spawn(to_thread(move || std::iter::from_fn(|| receiver.recv_blocking()).sum::<u32>()));
    ///     for n in 1..=3 {
    ///         sender.send(n).await.unwrap();
    ///     }
    ///     drop(sender);
    ///     assert_eq!(sum.await.unwrap(), 6);
    /// });
    /// ```
    #[track_caller]
    pub fn recv_blocking(&mut self) -> Option<T> {
        self.block(None).unwrap_or_default()
    }

    /// The next item, as [`recv_blocking`](Self::recv_blocking) gives it; blocks for so long at most, of real time: std's `recv_timeout`.
    ///
    /// # Errors
    ///
    /// [`TryRecvError::Empty`] if none came in time, [`TryRecvError::Closed`] if none will come.
    ///
    /// # Panics
    ///
    /// As [`recv_blocking`](Self::recv_blocking).
    ///
    /// ```
    /// use evenkeel::threads::remote::{self, TryRecvError};
    /// use std::time::Duration;
    ///
    /// let (sender, mut receiver) = remote::channel(1);
    /// let limit = Duration::from_millis(5);
    /// assert_eq!(receiver.recv_blocking_timeout(limit), Err(TryRecvError::Empty));
    /// sender.try_send(1).unwrap();
    /// assert_eq!(receiver.recv_blocking_timeout(limit), Ok(1));
    /// drop(sender);
    /// assert_eq!(receiver.recv_blocking_timeout(limit), Err(TryRecvError::Closed));
    /// ```
    #[track_caller]
    pub fn recv_blocking_timeout(&mut self, limit: Duration) -> Result<T, TryRecvError> {
        match self.block(Some(limit)) {
            Some(Some(item)) => Ok(item),
            Some(None) => Err(TryRecvError::Closed),
            None => Err(TryRecvError::Empty),
        }
    }

    #[track_caller]
    fn block(&mut self, limit: Option<Duration>) -> Option<Option<T>> {
        assert!(
            THREADS.look(|threads| threads.is_none()),
            "a receiver was to block the thread of an executor, whose loop would stand still: recv().await there"
        );
        block_on(pin!(self.recv()), Absence::for_senders(), limit)
    }
}

/// Blocks this thread until the future ends, for so long at most. `None` if it has not ended then.
fn block_on<F: Future>(
    mut future: std::pin::Pin<&mut F>,
    absence: Option<Arc<Absence>>,
    limit: Option<Duration>,
) -> Option<F::Output> {
    // A limit that is out of all bounds is none.
    let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
    let unpark = Arc::new(Unpark { sleeper: Sleeper::new(), absence });
    let waker = Waker::from(unpark.clone());
    let mut cx = Context::from_waker(&waker);
    loop {
        // The thread blocks: to give way would be in vain.
        let outcome = without_budget(|| future.as_mut().poll(&mut cx));
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if outcome.is_ready() || left == Some(Duration::ZERO) {
            unpark.absence.iter().for_each(|absence| absence.end());
            return match outcome {
                Poll::Ready(output) => Some(output),
                Poll::Pending => None,
            };
        }
        // The other end is mostly at work, and comes soon.
        if unpark.sleeper.linger().is_some() {
            // What ends it stands in line now.
            unpark.absence.iter().for_each(|absence| absence.begin(None));
            // A token that is left from something else makes one more poll.
            unpark.sleeper.sleep(left);
        }
    }
}

/// Wakes a thread that blocks, and ends its absence before.
struct Unpark {
    sleeper: Sleeper,
    absence: Option<Arc<Absence>>,
}

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.absence.iter().for_each(|absence| absence.end());
        self.sleeper.call();
    }
}
