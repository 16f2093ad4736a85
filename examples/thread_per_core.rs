//! One executor per core, and work handed over by `Handle`: the way to outgrow one thread without giving up what one thread gives.

use evenkeel::{CancelReason, Executor, Handle, JoinError, threads::RemoteTask};
use std::{
    cell::RefCell,
    collections::HashMap,
    future::pending,
    sync::mpsc,
    thread::{self, JoinHandle},
};

thread_local! {
    /// This core's part of the accounts. No lock: nobody else can reach it.
    static ACCOUNTS: RefCell<HashMap<u32, i64>> = RefCell::new(HashMap::new());
}

/// A thread with an executor.
struct Core {
    handle: Handle,
    thread: JoinHandle<()>,
}

impl Core {
    fn start(number: usize) -> Core {
        let (sender, receiver) = mpsc::channel();
        let serve = move || {
            let executor = Executor::new();
            sender.send(executor.handle()).expect("the starter waits for it");
            // It lives from what others hand over, until it is told to stop.
            let outcome = executor.run_outcome(pending::<()>());
            assert!(matches!(outcome, Err(JoinError::Cancelled(CancelReason::Shutdown))));
        };
        let thread = thread::Builder::new().name(format!("core-{number}")).spawn(serve).expect("a thread per core");
        Core { handle: receiver.recv().expect("the executor is made first"), thread }
    }

    fn stop(self) {
        self.handle.cancel_main(CancelReason::Shutdown).expect("nobody has stopped it before");
        self.thread.join().expect("its tasks do not panic");
    }
}

/// Whose accounts lie on which core. The same account always lies on the same one, so its entries need no lock and keep their order.
struct Cores(Vec<Core>);

impl Cores {
    fn of(&self, account: u32) -> &Handle {
        &self.0[account as usize % self.0.len()].handle
    }

    fn add(&self, account: u32, amount: i64) -> RemoteTask<i64> {
        let task = self.of(account).spawn(move || async move {
            evenkeel::yield_now().await; // it may await whatever there is
            ACCOUNTS.with_borrow_mut(|accounts| {
                let balance = accounts.entry(account).or_default();
                *balance += amount;
                *balance
            })
        });
        task.expect("the core runs")
    }
}

fn main() {
    let count = thread::available_parallelism().map_or(1, Into::into).clamp(2, 8);
    let cores = Cores((0..count).map(Core::start).collect());
    // Work from outside: a thousand entries, handed over to where their accounts lie.
    let entries: Vec<_> = (0..1_000).map(|n| cores.add(n % 10, i64::from(n))).collect();
    let last: Vec<i64> = entries.into_iter().map(|mut entry| entry.wait().expect("no entry fails")).collect();
    println!("account 0 holds {}", last[990]);
    println!("account 9 holds {}", last[999]);
    let sums =
        cores.0.iter().map(|core| core.handle.call(|| ACCOUNTS.with_borrow(|accounts| accounts.values().sum::<i64>())));
    let total: i64 = sums.map(|sum| sum.expect("the core runs")).sum();
    println!("all accounts hold {total}");
    cores.0.into_iter().for_each(Core::stop);
}
