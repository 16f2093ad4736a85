//! An executor that is current where none runs.

use crate::{
    entered::{Entries, Serial},
    host::executor::Executor,
    task::tasks::{ENTERED, Whole},
    time::time::{CLOCKS, Timekeeper},
};
use std::{
    fmt,
    marker::PhantomData,
    rc::{Rc, Weak},
};

impl Executor {
    /// Makes this the current executor of the thread while the guard lives, for code that no executor runs: [`spawn`](crate::spawn()),
    /// [`spawner`](crate::spawner), [`Handle::current`](crate::Handle::current) and [`Instant::now`](crate::Instant::now) are this one's there. It
    /// runs nothing: [`run`](Executor::run) and [`tick`](Executor::tick) do. (tokio's `Runtime::enter`.)
    ///
    /// Sleeps, intervals and timeouts need none of this: they can be made anywhere, and begin to count where they are polled.
    ///
    /// Of several guards, of this executor or others, the one that was made last counts, whatever the order in which they go. What an
    /// executor runs has that one as the current one, whatever was entered; so a guard in a task changes nothing for it.
    ///
    /// ```
    /// use evenkeel::{Executor, spawn};
    ///
    /// /// A library's function, which spawns.
    /// fn start() -> evenkeel::Task<u8> {
    ///     spawn(async { 7 })
    /// }
    ///
    /// let executor = Executor::new();
    /// let task = {
    ///     let _entered = executor.enter();
    ///     start()
    /// };
    /// assert_eq!(executor.run(task).unwrap(), 7);
    /// ```
    pub fn enter(&self) -> Entered<'_> {
        let serial = Serial::next();
        let clock: Weak<dyn Timekeeper> = Rc::<_>::downgrade(&self.core) as _;
        let tasks: Weak<dyn Whole> = self.core.tasks.whole.clone();
        CLOCKS.with(|clocks| clocks.add(serial, clock));
        ENTERED.with(|entered| entered.add(serial, tasks));
        Entered { serial, _of: PhantomData }
    }
}

/// Keeps an executor the current one outside of its runs: the guard of [`Executor::enter`]. It stays on its thread.
#[must_use = "an executor is entered for as long as this lives, and `let _ = …` drops it: bind it to a name, as in `let _entered = …`"]
pub struct Entered<'a> {
    serial: Serial,
    _of: PhantomData<(&'a Executor, Rc<()>)>,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        CLOCKS.with(|clocks: &Entries<_>| clocks.remove(self.serial));
        ENTERED.with(|entered| entered.remove(self.serial));
    }
}

impl fmt::Debug for Entered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entered")
    }
}
