//! Ctrl-C: the first cancels the main futures that asked for it, the second ends the process.

use crate::{outcome::reason::CancelReason, wake::calls::Calls};
use std::sync::{
    Arc, Mutex, OnceLock, PoisonError,
    atomic::{AtomicBool, Ordering},
};

/// What a shell reports for a program that SIGINT has ended: 128 and the signal's number.
const INTERRUPTED: i32 = 130;

/// The main futures that are running and are to be cancelled.
static MAINS: Mutex<Vec<Arc<Main>>> = Mutex::new(Vec::new());

struct Main {
    executor: Arc<Calls>,
    was_interrupted: AtomicBool,
}

/// While this lives, Ctrl-C cancels a main future.
pub(crate) struct CancelOnCtrlC(Arc<Main>);

/// Catches the signal from now on, for the rest of the process, on a thread of its own.
pub(crate) fn install() {
    static INSTALLED: OnceLock<Result<(), String>> = OnceLock::new();
    let installed = INSTALLED.get_or_init(|| ctrlc::try_set_handler(on_signal).map_err(|error| error.to_string()));
    if let Err(error) = installed {
        panic!(
            "ExecutorBuilder::cancel_on_ctrl_c cannot catch the signal ({error}): remove the program's other handler for it"
        );
    }
}

impl CancelOnCtrlC {
    pub(crate) fn new(executor: Arc<Calls>) -> CancelOnCtrlC {
        let main = Arc::new(Main { executor, was_interrupted: AtomicBool::new(false) });
        mains(|mains| mains.push(main.clone()));
        CancelOnCtrlC(main)
    }
}

impl Drop for CancelOnCtrlC {
    fn drop(&mut self) {
        mains(|mains| mains.retain(|main| !Arc::ptr_eq(main, &self.0)));
    }
}

fn on_signal() {
    let mains = mains(|mains| mains.clone());
    let mut is_first = false;
    for main in mains {
        if !main.was_interrupted.swap(true, Ordering::AcqRel) {
            is_first = true;
            // May call a host's on_wake, so nothing is locked.
            let _ = main.executor.cancel_main(CancelReason::Interrupted);
        }
    }
    if !is_first {
        std::process::exit(INTERRUPTED);
    }
}

fn mains<R>(f: impl FnOnce(&mut Vec<Arc<Main>>) -> R) -> R {
    f(&mut MAINS.lock().unwrap_or_else(PoisonError::into_inner))
}
