//! evenkeel inside JavaScript: the host's `queueMicrotask` and `setTimeout` drive it, and no thread is started.
//!
//! `wasm_host.mjs` beside this file is the host. To see it run:
//!
//! ```text
//! rustup target add wasm32-unknown-unknown
//! cargo build --example wasm_host --target wasm32-unknown-unknown
//! node examples/wasm_host.mjs target/wasm32-unknown-unknown/debug/examples/wasm_host.wasm
//! ```
#![cfg_attr(
    target_family = "wasm",
    expect(unsafe_code, reason = "names that JavaScript sees; no block of unsafe code")
)]
#![cfg(target_family = "wasm")]

use evenkeel::{Executor, Instant, TaskGroup, host::Readiness, sleep, sync::Queue, time::Clock, timeout};
use std::{cell::RefCell, rc::Rc, time::Duration};

mod js {
    #[link(wasm_import_module = "host")]
    unsafe extern "C" {
        /// Milliseconds since the page was opened: `performance.now`.
        pub(super) safe fn now() -> f64;
        /// Calls `tick` when the code that runs now is done: `queueMicrotask`.
        pub(super) safe fn tick_soon();
        /// Calls `tick` in so many milliseconds, and not at an earlier time that was asked for before: `setTimeout`.
        pub(super) safe fn tick_in(milliseconds: f64);
        /// There is nothing left to do.
        pub(super) safe fn finished();
        /// `console.log`, of so many bytes from there on.
        pub(super) safe fn log(text: *const u8, length: usize);
    }
}

fn log(text: &str) {
    js::log(text.as_ptr(), text.len());
}

/// wasm has no clock of its own.
struct HostClock;

impl Clock for HostClock {
    fn now(&self) -> Instant {
        Instant::from_origin(Duration::from_secs_f64(js::now() / 1000.0))
    }
}

/// What lives between two calls of the host's.
struct Program {
    executor: Executor,
    clicks: Rc<Queue<u32>>,
}

thread_local! {
    static PROGRAM: RefCell<Option<Rc<Program>>> = const { RefCell::new(None) };
}

fn program() -> Option<Rc<Program>> {
    PROGRAM.with_borrow(Clone::clone)
}

/// Called by the host, once.
#[unsafe(no_mangle)]
pub extern "C" fn start() {
    // Wake-ups come from this one thread, so the callback may be any closure. It must not tick, only ask for it.
    let executor = Executor::builder().clock(HostClock).on_wake_local(|| js::tick_soon()).build();
    let clicks = Rc::new(Queue::new(8));
    executor.spawn(page(clicks.clone())).detach();
    PROGRAM.set(Some(Rc::new(Program { executor, clicks })));
    tick();
}

/// Called by the host when it was asked to.
#[unsafe(no_mangle)]
pub extern "C" fn tick() {
    let Some(program) = program() else { return };
    // So much of a frame may go to tasks.
    let progress = program.executor.tick(Duration::from_millis(4));
    match progress.readiness {
        Readiness::MoreReady => js::tick_in(0.0),
        Readiness::Idle => progress.next_wait.into_iter().for_each(|wait| js::tick_in(wait.as_secs_f64() * 1000.0)),
        Readiness::Finished => {
            PROGRAM.take();
            js::finished();
        }
    }
}

/// Called by the host for an event of its own. It runs between two ticks: what it wakes is ticked in a microtask.
#[unsafe(no_mangle)]
pub extern "C" fn click(place: u32) {
    if let Some(program) = program() {
        let _ = program.clicks.try_put(place);
    }
}

async fn page(clicks: Rc<Queue<u32>>) {
    let loaded = TaskGroup::<&str>::run(async |group| {
        let image = group.spawn(async {
            sleep(Duration::from_millis(30)).await;
            log("the image is here");
            Ok(2)
        });
        let text = group.spawn(async {
            sleep(Duration::from_millis(10)).await;
            log("the text is here");
            Ok(1)
        });
        Ok(image.await + text.await)
    });
    log(&format!("loaded {} things", loaded.await.unwrap_or(0)));
    for _ in 0..2 {
        log("waiting for a click");
        if let Ok(place) = clicks.get().await {
            log(&format!("clicked at {place}"));
        }
    }
    let advertisement = timeout(Duration::from_millis(5), std::future::pending::<()>());
    if advertisement.await.is_err() {
        log("an advertisement did not come in time");
    }
    log("goodbye");
}
