//! Parking: how an executor that has nothing to do waits.

use crate::wake::{inbox::Signal, sleeper::Sleeper};
use std::{fmt, sync::Arc, time::Duration};

/// How an executor waits for something to do. An I/O driver takes the place of the default, which parks the thread.
///
/// With nothing to do the executor calls [`park`](Park::park), after it arranged that the next wake-up from elsewhere calls the function
/// that [`unparker`](Park::unparker) gave, once. Returning early is always allowed.
///
/// That call may come at any moment from then on, also while `park` does other things before it waits, and it is not repeated. So it
/// must leave a mark that nothing else takes away: a flag, a byte in a pipe. The token of [`std::thread::park`] is such a mark only if
/// nothing in `park` blocks this thread by other means (a channel of std's does, and so does another executor), since those
/// use the same token.
///
/// **Under load** the executor calls `park` with [`Duration::ZERO`]: a look, which must not wait. It does so between two turns when 64 polls have
/// gone by since the latest call, and each [`tick`](crate::Executor::tick) begins with one. So a task that is always ready starves no driver, and a
/// driver whose events are always ready starves no task: a turn of these lies between two looks. The unparker may be called between looks,
/// too; the mark that this leaves makes the next `park` return at once, which looks again.
///
/// **Wake-ups from within**: a waker that `park` itself calls makes its task ready without the unparker, and so does one that is called on
/// this thread while an outer `block_on` parks. Such a `park` must return after each wake-up, and not only when its unparker was called.
///
/// A driver of events that come from a channel:
///
/// ```
/// use evenkeel::{Executor, host::Park, yield_now};
/// use std::{future::poll_fn, sync::{Arc, mpsc}, task::{Poll, Waker}, time::Duration};
///
/// /// What wakes somebody, or (`None`) ends a park only.
/// type Event = Option<Waker>;
///
/// struct Events {
///     come: mpsc::Receiver<Event>,
///     sender: mpsc::Sender<Event>,
/// }
///
/// impl Park for Events {
///     fn park(&mut self, max: Option<Duration>) {
///         let first = match max {
///             None => self.come.recv().ok(),
///             Some(max) => self.come.recv_timeout(max).ok(), // zero: a look
///         };
///         // As many as have come by now, and no more: others may come for ever.
///         let rest: Vec<Event> = self.come.try_iter().take(64).collect();
///         for event in first.into_iter().chain(rest).flatten() {
///             event.wake();
///         }
///     }
///
///     fn unparker(&self) -> Arc<dyn Fn() + Send + Sync> {
///         let sender = self.sender.clone();
///         Arc::new(move || drop(sender.send(None))) // an item in the channel is a mark that stays
///     }
/// }
///
/// let (sender, come) = mpsc::channel();
/// let executor = Executor::builder().park(Events { come, sender: sender.clone() }).build();
/// executor.run(async {
///     let busy = evenkeel::spawn(async {
///         loop {
///             yield_now().await; // the loop is never idle
///         }
///     });
///     let mut asked = false;
///     poll_fn(|cx| match std::mem::replace(&mut asked, true) {
///         true => Poll::Ready(()),
///         false => {
///             sender.send(Some(cx.waker().clone())).unwrap();
///             Poll::Pending
///         }
///     })
///     .await;
///     busy.abort();
/// });
/// ```
pub trait Park {
    /// Waits until the unparker is called, at most for `max`. A call that came before `park` makes it return at once. With a `max` of zero it
    /// looks what has come, and does not wait.
    fn park(&mut self, max: Option<Duration>);

    /// The executor's host may wait now by means of its own, for [`on_wake`](crate::ExecutorBuilder::on_wake) or for what this park tells it: a tick has
    /// ended. `max` is the time until the next deadline, and zero if something is ready, or a tick is to find out what is left, as after a run. A driver that is itself waited for, by a descriptor say,
    /// makes that end then; others need nothing here.
    fn host_waits(&mut self, max: Option<Duration>) {
        let _ = max;
    }

    /// What ends the wait. It is called from any thread, must not block, and may outlive this value.
    fn unparker(&self) -> Arc<dyn Fn() + Send + Sync>;
}

/// Who sleeps for less does not linger before: he would be late.
const LONG: Duration = Duration::from_millis(1);

/// Parks the thread on which it was made.
pub(crate) struct ThreadPark(Arc<Sleeper>);

impl ThreadPark {
    pub(crate) fn new() -> ThreadPark {
        ThreadPark(Arc::new(Sleeper::new()))
    }
}

impl ThreadPark {
    /// Lingers first, which gives `None` if that was enough, and otherwise how long it took in vain.
    fn park_behind(&self, max: Option<Duration>, linger: impl FnOnce() -> Option<Duration>) {
        if max.is_some_and(|max| max < LONG) {
            return self.0.sleep(max);
        }
        let Some(in_vain) = linger() else { return };
        let left = max.map(|max| max.saturating_sub(in_vain));
        if left != Some(Duration::ZERO) {
            // A program may use this thread's token for things of its own. If it takes ours, we have looked into the inbox
            // before; if it leaves one, this returns early.
            self.0.sleep(left);
        }
    }
}

impl Park for ThreadPark {
    fn park(&mut self, max: Option<Duration>) {
        self.park_behind(max, || self.0.linger());
    }

    fn unparker(&self) -> Signal {
        let sleeper = self.0.clone();
        Arc::new(move || sleeper.call())
    }
}

impl fmt::Debug for ThreadPark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ThreadPark")
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_park_that_lingered_sleeps_for_what_is_left() {
        const HOUR: Duration = Duration::from_secs(3600);
        let park = ThreadPark::new();
        // The whole time would be an hour each.
        park.park_behind(Some(HOUR), || Some(HOUR - Duration::from_millis(1)));
        park.park_behind(Some(HOUR), || Some(HOUR));
        park.park_behind(Some(HOUR), || Some(HOUR * 2));
        park.park_behind(None, || None);
    }
}
