//! What the tests of threads look with: gates that jobs wait at, counted values, and the threads that the system has.

use evenkeel::{Task, spawn, to_thread, yield_now};
use std::{
    collections::BTreeSet,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

/// Jobs wait at it until it is opened. It opens once.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub(crate) fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    pub(crate) fn pass(&self) {
        drop(self.0.1.wait_while(self.0.0.lock().unwrap(), |open| !*open).unwrap());
    }
}

/// Counts the values that are alive, on any thread.
#[derive(Clone, Debug, Default)]
pub(crate) struct Alive(Arc<AtomicUsize>);

#[derive(Debug)]
pub(crate) struct Value(Alive);

impl Alive {
    pub(crate) fn value(&self) -> Value {
        self.0.fetch_add(1, SeqCst);
        Value(self.clone())
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(SeqCst)
    }

    /// Waits until another thread has dropped the last one. A test that waits for ever has failed.
    pub(crate) fn wait_for_none(&self) {
        until(|| self.count() == 0);
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, SeqCst);
    }
}

/// Starts a job that waits at the gate, and returns when it runs.
pub(crate) async fn start_job(gate: &Gate, alive: &Alive) -> Task<Value> {
    let begun = Gate::default();
    let (pass, tell, value) = (gate.clone(), begun.clone(), alive.value());
    let task = spawn(to_thread(move || {
        tell.open();
        pass.pass();
        value
    }));
    yield_now().await;
    begun.pass();
    task
}

/// Waits for something that other threads are certain to do.
pub(crate) fn until(done: impl Fn() -> bool) {
    let limit = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < limit, "it never came");
        thread::yield_now();
    }
}

/// How many threads of this process have names that begin so. `None` where the system does not tell.
pub(crate) fn threads_named(prefix: &str) -> Option<usize> {
    let tasks = std::fs::read_dir("/proc/self/task").ok()?;
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    Some(names.filter(|name| name.starts_with(prefix)).count())
}

/// Waits until the system has taken the last of these threads away.
pub(crate) fn wait_for_no_threads_named(prefix: &str) {
    until(|| threads_named(prefix).is_none_or(|count| count == 0));
}

/// The threads on which jobs ran.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<BTreeSet<String>>>);

impl Seen {
    pub(crate) fn here(&self) {
        self.0.lock().unwrap().insert(format!("{:?}", thread::current().id()));
    }

    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}
