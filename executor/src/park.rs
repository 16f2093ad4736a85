//! Parking: how an executor that has nothing to do waits.

use crate::wake::{inbox::Signal, sleeper::Sleeper};
use std::{fmt, sync::Arc, time::Duration};

/// How an executor waits for something to do. An I/O driver takes the place of the default, which parks the thread.
///
/// The executor calls [`park`](Park::park) only when it has nothing to do, after it arranged that the next wake-up from
/// elsewhere calls the function that [`unparker`](Park::unparker) gave, once. Returning early is always allowed.
///
/// The call may come at any moment from then on, also while `park` does other things before it waits, and it is not repeated. So it
/// must leave a mark that nothing else takes away: a flag, a byte in a pipe. The token of [`std::thread::park`] is such a mark only if
/// nothing in `park` blocks this thread by other means (a channel of std's does, and so does another executor), since those
/// use the same token. A waker that `park` itself calls, an I/O driver's say, makes its task ready without the unparker: return then.
pub trait Park {
    /// Waits until the unparker is called, at most for `max`. A call that came before `park` makes it return at once.
    fn park(&mut self, max: Option<Duration>);

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

impl Park for ThreadPark {
    fn park(&mut self, max: Option<Duration>) {
        let is_long = max.is_none_or(|max| max >= LONG);
        if !(is_long && self.0.linger()) {
            // A program may use this thread's token for things of its own. If it takes ours, we have looked into the inbox
            // before; if it leaves one, this returns early.
            self.0.sleep(max);
        }
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
