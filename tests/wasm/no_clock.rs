//! What needs no clock but the one that the host brings works where the system has none. `tests/it` builds
//! and runs this for `wasm32-unknown-unknown`; elsewhere it is run as it is.

use evenkeel::{Executor, Instant, finally, host::Park, sleep, spawn, testing::VirtualClock, time::Clock, yield_now};
use std::{cell::Cell, future::pending, rc::Rc, sync::Arc, time::Duration};

const STEP: Duration = Duration::from_millis(1);

/// Goes on whenever it is looked at.
#[derive(Default)]
struct Steps(Cell<Duration>);

impl Clock for Steps {
    fn now(&self) -> Instant {
        self.0.set(self.0.get() + STEP);
        Instant::from_origin(self.0.get())
    }
}

/// A driver that counts how often it is looked at.
#[derive(Clone, Default)]
struct Looks(Rc<Cell<usize>>);

impl Park for Looks {
    fn park(&mut self, _: Option<Duration>) {
        self.0.set(self.0.get() + 1);
    }

    fn unparker(&self) -> Arc<dyn Fn() + Send + Sync> {
        Arc::new(|| ())
    }
}

fn executor() -> Executor {
    Executor::builder().clock(Steps::default()).build()
}

fn main() {
    // A park lingers before a long sleep.
    executor().park(5 * STEP);
    executor().run(sleep(5 * STEP));

    // How long the end takes is told of.
    let executor = executor();
    let cleaned = Rc::new(Cell::new(false));
    let clean = cleaned.clone();
    let task = finally(pending::<()>(), async move |_: Option<&()>| {
        sleep(3 * STEP).await;
        clean.set(true);
    });
    executor.spawn(task).detach();
    executor.run_until_stalled();
    assert!(executor.close(1_000 * STEP).stuck().is_empty() && cleaned.get());

    // A run that can never go on ends.
    let stalls = Executor::builder().clock(VirtualClock::new()).build();
    assert!(stalls.run_outcome(pending::<()>()).is_err());

    // Who has no timers needs no clock, also with a driver: that is looked at after so many polls.
    let looks = Looks::default();
    let driven = Executor::builder().park(looks.clone()).build();
    driven.run(async {
        let busy = spawn(async {
            for _ in 0..500 {
                yield_now().await;
            }
        });
        busy.await.unwrap();
    });
    assert!(looks.0.get() >= 7);
    driven.spawn(async {}).detach();
    driven.run_until_stalled();
}
