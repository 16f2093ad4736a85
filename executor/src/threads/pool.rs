//! The threads of one executor.
//!
//! There is none before the first job. A job finds an idle thread, or starts one more, or stands in line when there are as many as
//! there may be. A thread takes the oldest job; without one it waits for a while, and then ends.
//!
//! Why no job is left behind: jobs enter the line, and threads go idle or end, under one lock. A thread goes idle only when the line
//! is empty, and whoever fills it then counts one idle thread less and calls it (`idle`, `called`), unless one was called before for a job
//! that has left; that one thread, or one that was quicker, takes the job. (Hence no channel: who leaves takes his job out of the line, and line and threads are counted together.) If no
//! thread can be started, those that exist take it; if there is none, the job is refused.
//!
//! An idle thread first lingers awake, without the lock, and looks for a call under the lock before it sleeps. So a sleeper is woken only if
//! there are more calls than threads `awake`: each of these takes one, if others do not. So a job may wait for a thread that is awake and
//! has no core for the moment, while others sleep.
//!
//! A thread that waits for a loop is absent (`absence.rs`): it is one of the pool's still, but not one of the `max` that may be at work. It
//! leaves under the same lock, as if it pushed the line's jobs anew: if there are more than called threads are about to take, it starts
//! one more thread. So at any moment each job in the line has a thread that was called for it, or as many as there may be are at work
//! and look into the line when they are done, or the system gave no thread. What comes back from an absence goes on at once, and there
//! may be more at work than `max`: those who find themselves too many when they are done with a job end, and `max` others are
//! left to look into the line.

use crate::{
    outcome::unhandled::{Unhandled, UnhandledKind},
    raw::lent::Lent,
    raw::lent::OnThread,
    task::tasks::TASKS,
    threads::{
        job::{Permit, Refusal, Work},
        line::Line,
        settings::Settings,
        shortage::{Scarce, Shortage},
    },
    wake::{calls::Calls, linger::linger},
};
use slab::Slab;
use std::{
    cell::{Cell, OnceCell},
    panic::Location,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
    time::Instant,
};

thread_local! {
    /// The threads of the executor whose code runs on this thread.
    pub(crate) static THREADS: Lent<Threads> = const { Lent::none() };
}

thread_local! {
    /// The pool that this thread is one of, while it runs a job.
    pub(crate) static WORKER: Lent<Arc<Pool>> = const { Lent::none() };
}

/// An executor's pool, which is made when it is first needed.
pub(crate) struct Threads {
    settings: Settings,
    /// What the executor shares with them.
    pub(crate) calls: Arc<Calls>,
    pool: OnceCell<Arc<Pool>>,
    /// Jobs are refused, also by a pool that is made only then.
    closed: Cell<bool>,
}

impl Threads {
    pub(crate) fn new(settings: Settings, calls: Arc<Calls>) -> Threads {
        Threads { settings, calls, pool: OnceCell::new(), closed: Cell::new(false) }
    }

    pub(crate) fn pool(&self) -> &Arc<Pool> {
        self.pool.get_or_init(|| Arc::new(Pool::new(&self.settings, self.calls.clone(), self.closed.get())))
    }

    /// Is there a job that was asked for, has not come to its end, and does not wait for this loop? If so, the loop is called when one comes
    /// to its end or begins to wait.
    pub(crate) fn has_jobs_out(&self) -> bool {
        self.pool.get().is_some_and(|pool| pool.watch(|state| state.out.saturating_sub(state.wait_for_own)))
    }

    /// Is a job running? If so, the loop is called when one ends.
    pub(crate) fn is_running(&self) -> bool {
        self.pool.get().is_some_and(|pool| pool.watch(|state| state.running))
    }

    /// Does a job wait for a thread, while none comes free for longer than `after`? If so, that is told once. If it is to be told later,
    /// the loop asks again.
    pub(crate) fn shortage(&self, after: Duration) -> Shortage {
        let Some(pool) = self.pool.get() else { return Shortage::None };
        let mut state = pool.lock();
        let all_work = state.threads.iter().all(|(_, worker)| worker.job.is_some());
        if state.line.waiting() <= state.called || state.has_place() || !all_work || after == Duration::MAX {
            return Shortage::None;
        }
        match state.scarce.look(after) {
            None => Shortage::None,
            Some(left) if !left.is_zero() => Shortage::In(left),
            Some(_) => Shortage::Now(state.threads.iter().filter_map(|(_, worker)| worker.job).collect()),
        }
    }

    /// Where the jobs were asked for that run now.
    pub(crate) fn jobs_at_work(&self) -> Vec<&'static Location<'static>> {
        let Some(pool) = self.pool.get() else { return Vec::new() };
        pool.lock().threads.iter().filter_map(|(_, worker)| worker.job).collect()
    }

    /// From now on jobs are refused, and threads without one end.
    pub(crate) fn take_no_more(&self) {
        self.closed.set(true);
        if let Some(pool) = self.pool.get() {
            pool.take_no_more();
        }
    }

    /// Ends the threads and waits for them, but not for those that run a job. Returns where those were asked for.
    pub(crate) fn close(&self) -> Vec<&'static Location<'static>> {
        self.take_no_more();
        let Some(pool) = self.pool.get() else { return Vec::new() };
        let (handles, left) = pool.part();
        for handle in handles {
            // A thread catches what its jobs throw. What else it may throw (in a thread-local's destructor) was printed.
            let _ = handle.join();
        }
        left
    }

    /// Ends the threads, without waiting.
    pub(crate) fn end(&self) {
        self.take_no_more();
        if let Some(pool) = self.pool.get() {
            pool.part();
        }
    }
}

pub(crate) struct Pool {
    calls: Arc<Calls>,
    state: Mutex<PoolState>,
    /// There is a job for an idle thread, or the end has come.
    call: Condvar,
    /// The same, for those who wait awake: a hint, which is read without the lock.
    is_calling: AtomicBool,
}

struct PoolState {
    settings: Settings,
    max: usize,
    line: Line<Arc<dyn Work>>,
    /// Jobs that were asked for and have not come to their end: in a line, or running.
    out: usize,
    running: usize,
    /// Threads in the middle of a job that wait for a loop, and how many of those for the pool's own.
    absent: usize,
    wait_for_own: usize,
    /// Threads that wait for a job and were not called.
    idle: usize,
    /// Calls that no thread has answered.
    called: usize,
    /// Threads that wait awake: each looks for a call before it sleeps.
    awake: usize,
    threads: Slab<Worker>,
    /// A thread that has ended, or is about to: the next one to end joins it.
    leaving: Option<JoinHandle<()>>,
    /// The loop is to be called when a job ends.
    watched: bool,
    closed: bool,
    scarce: Scarce,
}

struct Worker {
    /// `None` once somebody waits for it, or nobody will.
    handle: Option<JoinHandle<()>>,
    /// Where the job was asked for that it runs.
    job: Option<&'static Location<'static>>,
}

impl PoolState {
    /// Threads that are not absent.
    fn present(&self) -> usize {
        self.threads.len() - self.absent
    }

    /// May there be one more thread?
    fn has_place(&self) -> bool {
        self.present() < self.max
    }
}

impl Pool {
    fn new(settings: &Settings, calls: Arc<Calls>, closed: bool) -> Pool {
        let state = PoolState {
            settings: settings.clone(),
            max: settings.max(),
            line: Line::new(),
            out: 0,
            running: 0,
            absent: 0,
            wait_for_own: 0,
            idle: 0,
            called: 0,
            awake: 0,
            threads: Slab::new(),
            leaving: None,
            watched: false,
            closed,
            scarce: Scarce::default(),
        };
        Pool { calls, state: Mutex::new(state), call: Condvar::new(), is_calling: AtomicBool::new(false) }
    }

    /// Takes a job that was asked for just now.
    pub(crate) fn admit(self: &Arc<Self>, job: Arc<dyn Work>) {
        let mut state = self.lock();
        state.out += 1;
        if let Err(refusal) = self.push_locked(state, job.clone()) {
            self.refuse(&job, refusal);
        }
    }

    /// A job was asked for just now, and waits elsewhere.
    pub(crate) fn expect(&self) {
        self.lock().out += 1;
    }

    /// Takes a job that was expected. If it cannot, the job still waits, in no line.
    pub(crate) fn push(self: &Arc<Self>, job: Arc<dyn Work>) -> Result<(), Refusal> {
        self.push_locked(self.lock(), job)
    }

    fn push_locked(self: &Arc<Self>, mut state: MutexGuard<'_, PoolState>, job: Arc<dyn Work>) -> Result<(), Refusal> {
        if state.closed {
            return Err(Refusal::Ended);
        }
        state.line.push(job);
        if state.line.len() <= state.called {
            // A thread was called for one that has left the line since.
            return Ok(());
        }
        if state.idle > 0 {
            self.call_one(state);
            return Ok(());
        }
        if state.has_place() {
            if let Err(error) = self.grow(&mut state) {
                if state.threads.is_empty() {
                    // It is the only one: the line is empty when the last thread ends.
                    state.line.pop_newest();
                    return Err(Refusal::NoThread(Arc::new(error)));
                }
            }
        }
        state.scarce.begin();
        Ok(())
    }

    /// Calls one of the idle threads.
    fn call_one(&self, mut state: MutexGuard<'_, PoolState>) {
        state.idle -= 1;
        state.called += 1;
        self.is_calling.store(true, Ordering::Relaxed);
        let are_awake = state.called <= state.awake;
        drop(state);
        if !are_awake {
            self.call.notify_one();
        }
    }

    /// Starts a thread, which waits for the lock.
    fn grow(self: &Arc<Self>, state: &mut PoolState) -> std::io::Result<()> {
        let entry = state.threads.vacant_entry();
        let key = entry.key();
        let mut builder = thread::Builder::new().name(format!("{}-{}", state.settings.name, key + 1));
        if let Some(size) = state.settings.stack_size {
            builder = builder.stack_size(size);
        }
        let pool = self.clone();
        let handle = builder.spawn(move || pool.serve(key))?;
        entry.insert(Worker { handle: Some(handle), job: None });
        Ok(())
    }

    /// A job's end before it began.
    pub(crate) fn refuse(&self, job: &Arc<dyn Work>, refusal: Refusal) -> Option<Permit> {
        let permit = job.refuse(refusal, self);
        if permit.is_some() {
            self.came_back();
        }
        permit
    }

    /// A job that stood in this line waits no more.
    pub(crate) fn one_left(&self) {
        self.lock().line.one_left();
    }

    /// A job came to its end without running.
    pub(crate) fn came_back(&self) {
        self.lock().out -= 1;
    }

    /// Reports what nobody is left to receive, on the executor's own thread.
    pub(crate) fn report(&self, kind: UnhandledKind, location: &'static Location<'static>) {
        self.calls.report(Unhandled::at(location, kind));
    }

    /// [`Pool::report`]; where the executor's thread is known to be this one, its hook hears it at once, also while the executor ends.
    pub(crate) fn report_here(&self, kind: UnhandledKind, location: &'static Location<'static>) {
        let unhandled = Unhandled::at(location, kind);
        let is_here = THREADS.look(|threads| threads.is_some_and(|threads| Arc::ptr_eq(&threads.calls, &self.calls)));
        match TASKS
            .look(|tasks| tasks.filter(|_| is_here).map(|tasks| tasks.whole.clone()))
            .and_then(|whole| whole.upgrade())
        {
            Some(whole) => whole.tasks().unhandler.report(unhandled),
            None => self.calls.report(unhandled),
        }
    }

    /// Is that number more than zero? If so, the loop is called when a job ends.
    fn watch(&self, number: impl FnOnce(&PoolState) -> usize) -> bool {
        let mut state = self.lock();
        let found = number(&state) > 0;
        state.watched |= found;
        found
    }

    /// From now on jobs are refused, and threads end when they have none.
    fn take_no_more(&self) {
        let refused = {
            let mut state = self.lock();
            state.closed = true;
            self.is_calling.store(true, Ordering::Relaxed);
            state.line.take_all()
        };
        self.call.notify_all();
        for job in refused {
            // Others, of other executors perhaps, wait for its permit.
            if let Some(Some(limiter)) = self.refuse(&job, Refusal::Ended) {
                limiter.release();
            }
        }
    }

    /// The threads that run no job, and the jobs that run. Nobody else will wait for any of them.
    fn part(&self) -> (Vec<JoinHandle<()>>, Vec<&'static Location<'static>>) {
        let mut state = self.lock();
        let mut handles = Vec::from_iter(state.leaving.take());
        let mut left = Vec::new();
        for (_, worker) in &mut state.threads {
            let handle = worker.handle.take();
            match worker.job {
                Some(location) => left.push(location),
                None => handles.extend(handle),
            }
        }
        (handles, left)
    }

    /// Is this the pool of that executor?
    pub(crate) fn is_of(&self, executor: &Calls) -> bool {
        std::ptr::eq(&*self.calls, executor)
    }

    /// One of the threads waits for a loop: for the pool's own, or another. Returns whether the loop is to be [nudged](Pool::nudge): the
    /// time may jump now. What the job has asked of the loop it has asked before, so who sees it wait sees that, too.
    pub(crate) fn leave(self: &Arc<Self>, for_own: bool) -> bool {
        let mut state = self.lock();
        state.absent += 1;
        state.wait_for_own += usize::from(for_own);
        if state.line.len() > state.called && state.has_place() {
            // If the system gives no thread, those that exist do the work.
            let _ = self.grow(&mut state);
        }
        std::mem::take(&mut state.watched)
    }

    /// One of them has what it waited for, and goes on.
    pub(crate) fn come_back(&self, for_own: bool) {
        let mut state = self.lock();
        state.absent -= 1;
        state.wait_for_own -= usize::from(for_own);
    }

    /// The loop is to look again whether there is something to do.
    pub(crate) fn nudge(&self) {
        self.calls.nudge();
    }

    // What follows runs on the pool's threads.

    fn serve(self: Arc<Self>, key: usize) {
        let mut state = self.lock();
        // Who is one too many ends.
        while state.present() <= state.max {
            if let Some(job) = state.line.pop() {
                state = self.work(state, key, job);
                continue;
            }
            let stays;
            (state, stays) = self.wait(state);
            if !stays {
                break;
            }
        }
        let own = state.threads.remove(key).handle;
        // It may have been called, or a busy one, and one too many all the same: then an idle one looks into the line.
        let before = match own {
            Some(own) => state.leaving.replace(own),
            None => None,
        };
        if state.line.len() <= state.called {
            drop(state);
        } else if state.idle > 0 {
            self.call_one(state);
        } else {
            // Those at work look into it when they are done.
            state.scarce.begin();
            drop(state);
        }
        if let Some(before) = before {
            let _ = before.join();
        }
    }

    fn work<'a>(
        self: &'a Arc<Self>,
        mut state: MutexGuard<'a, PoolState>,
        key: usize,
        job: Arc<dyn Work>,
    ) -> MutexGuard<'a, PoolState> {
        state.threads[key].job = Some(job.location());
        state.running += 1;
        let others_wait = state.line.len() > state.called;
        state.scarce.go_on(others_wait);
        drop(state);
        // It wakes its caller before it counts as back, so that whoever sees no job out sees the wake-up.
        let ran = WORKER.enter(self, || job.run(self));
        drop(job);
        let mut state = self.lock();
        state.threads[key].job = None;
        state.running -= 1;
        state.out -= usize::from(ran);
        if std::mem::take(&mut state.watched) {
            drop(state);
            self.nudge();
            state = self.lock();
        }
        state
    }

    /// Waits for a call. `false` if the thread is to end.
    fn wait<'a>(&'a self, mut state: MutexGuard<'a, PoolState>) -> (MutexGuard<'a, PoolState>, bool) {
        if state.closed {
            return (state, false);
        }
        state.idle += 1;
        state.awake += 1;
        drop(state);
        linger(|| self.is_calling.load(Ordering::Relaxed));
        state = self.lock();
        state.awake -= 1;
        let until = Instant::now().checked_add(state.settings.keep_alive);
        let mut is_over = false;
        loop {
            if state.called > 0 {
                state.called -= 1;
                self.is_calling.store(state.called > 0 || state.closed, Ordering::Relaxed);
                return (state, true);
            }
            if state.closed || is_over {
                state.idle -= 1;
                return (state, false);
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            is_over = left.is_some_and(|left| left.is_zero());
            state = match left {
                None => self.call.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(left) => self.call.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }

    fn lock(&self) -> MutexGuard<'_, PoolState> {
        // Nothing foreign runs in a critical section.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::{threads::job::Job, wake::inbox::Inbox};
    use std::sync::LazyLock;

    fn job() -> Arc<dyn Work> {
        Arc::new(Job::new(|| {}, |_: &()| None, Location::caller()))
    }

    #[test]
    fn threads_06_a_thread_that_was_called_for_a_job_that_has_left_takes_the_next_one() {
        static INBOX: LazyLock<Inbox> = LazyLock::new(Inbox::new);
        let pool = Arc::new(Pool::new(&Settings::default(), Arc::new(Calls::new(&INBOX)), false));
        // One is called, and on its way.
        pool.lock().called = 1;
        pool.admit(job());
        assert_eq!(pool.lock().threads.len(), 0, "it takes this one");
        pool.admit(job());
        assert_eq!(pool.lock().threads.len(), 1, "nobody is called for this one");
        pool.take_no_more();
        for thread in pool.part().0 {
            thread.join().unwrap();
        }
    }
}
