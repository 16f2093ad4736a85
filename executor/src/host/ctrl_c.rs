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

/// Catches the signal from now on, for the rest of the process, on a thread of its own. Where it is ignored it stays so: whoever started the
/// program in the background, as a shell without job control does with `program &`, does not want it to hear a Ctrl-C that is meant for
/// others.
#[track_caller]
pub(crate) fn install() {
    static INSTALLED: OnceLock<Result<(), String>> = OnceLock::new();
    let installed = INSTALLED.get_or_init(|| match ctrlc::try_set_handler(on_signal) {
        // To `ctrlc` an ignored signal is a handler like any other.
        Err(ctrlc::Error::MultipleHandlers) if ignored::is_ignored() => Ok(()),
        installed => installed.map_err(|error| error.to_string()),
    });
    if let Err(error) = installed {
        panic!(
            "ExecutorBuilder::cancel_on_ctrl_c cannot catch the signal ({error}): remove the program's other handler for it"
        );
    }
}

/// Whether this process ignores SIGINT. The system call that tells is unsafe; what is here is asked once, where the signal cannot be
/// caught.
#[cfg(unix)]
mod ignored {
    use std::{
        fs,
        process::{Command, Stdio},
    };

    pub(super) fn is_ignored() -> bool {
        by_proc().unwrap_or_else(by_child)
    }

    /// What Linux writes of the process: a mask in which the signal with the number 1 has the lowest bit.
    pub(super) fn by_proc() -> Option<bool> {
        const SIGINT: u64 = 1 << 1;
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
        Some(u64::from_str_radix(mask.trim(), 16).ok()? & SIGINT != 0)
    }

    /// A child inherits that a signal is ignored, but no handler. One that interrupts itself lives on only then.
    pub(super) fn by_child() -> bool {
        let mut child = Command::new("/bin/sh");
        child.args(["-c", "kill -INT $$"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        child.status().is_ok_and(|status| status.success())
    }
}

#[cfg(not(unix))]
mod ignored {
    pub(super) fn is_ignored() -> bool {
        false
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

#[cfg(all(test, unix, not(miri), not(loom)))]
mod tests {
    use super::ignored::{by_child, by_proc};
    use std::{env, process::Command};

    const ASKED: &str = "EVENKEEL_IS_SIGINT_IGNORED";

    /// Not a test of its own: what the children below do.
    #[test]
    fn errand() {
        if env::var_os(ASKED).is_some() {
            println!("by proc {:?}, by child {}.", by_proc(), by_child());
        }
    }

    fn told_by_child(before: &str) -> String {
        let mut child = Command::new("/bin/sh");
        child.args(["-c", &format!("{before} exec \"$0\" \"$@\"")]).arg(env::current_exe().unwrap());
        child.args(["--exact", "host::ctrl_c::tests::errand", "--nocapture"]).env(ASKED, "");
        String::from_utf8(child.output().unwrap().stdout).unwrap()
    }

    #[test]
    fn met_c3_interrupt_07_a_process_finds_out_that_it_ignores_the_signal() {
        let told = told_by_child("trap '' INT;");
        assert!(told.contains("by child true."), "{told}");
        assert!(!told.contains("Some(false)"), "{told}");
    }

    #[test]
    fn met_c3_interrupt_07_both_ways_to_find_out_agree() {
        let told = told_by_child("");
        assert!(
            ["None, by", "Some(true), by child true.", "Some(false), by child false."]
                .iter()
                .any(|pair| told.contains(pair)),
            "{told}"
        );
    }
}
