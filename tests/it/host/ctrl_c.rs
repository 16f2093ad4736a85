//! Ctrl-C: real signals, sent to a child process, which is this test program again with an errand in its environment.
#![cfg(all(unix, not(miri)))]

use evenkeel::{CancelScope, Executor, current_task, finally, host::ExecutorBuilder, shield, sleep, spawn};
use std::{
    env,
    future::{pending, poll_fn},
    io::{BufRead, BufReader},
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
    task::Poll,
    thread,
    time::Duration,
};

const ERRAND: &str = "EVENKEEL_CTRL_C_ERRAND";

/// What a shell reports for a program that SIGINT has ended.
const INTERRUPTED: i32 = 130;

/// A child process that runs one of the errands below, and says on stderr what it does.
struct Interrupted {
    child: Child,
    says: BufReader<ChildStderr>,
}

impl Interrupted {
    fn start(errand: &str) -> Interrupted {
        let mut child = this_program()
            .args(["--exact", "host::ctrl_c::errand", "--nocapture"])
            .env(ERRAND, errand)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let says = BufReader::new(child.stderr.take().unwrap());
        Interrupted { child, says }
    }

    /// Waits until it says so.
    fn wait_for(&mut self, what: &str) {
        let mut heard = String::new();
        loop {
            let length = heard.len();
            if self.says.read_line(&mut heard).unwrap() == 0 {
                panic!("the child never said {what:?}, but:\n{heard}");
            }
            if heard[length..].trim_end() == what {
                return;
            }
        }
    }

    fn press_ctrl_c(&self) {
        let status = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Presses it again and again: the child has no way to say that it has noticed the first time.
    fn exit_of_impatience(mut self) -> ExitStatus {
        loop {
            thread::sleep(Duration::from_millis(50));
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            self.press_ctrl_c();
        }
    }

    fn exit(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

/// Starts with the signal's default also where the tests themselves run in a shell's background, which ignores it.
fn this_program() -> Command {
    const SIGINT: u64 = 1 << 1;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).map(str::trim).unwrap_or("0");
    let program = env::current_exe().unwrap();
    if u64::from_str_radix(ignored, 16).is_ok_and(|ignored| ignored & SIGINT == 0) {
        return Command::new(program);
    }
    let mut env = Command::new("env");
    env.arg("--default-signal=INT").arg(program);
    env
}

fn say(what: &str) {
    eprintln!("{what}");
}

/// Not a test of its own: what the children do.
#[test]
fn errand() {
    let Ok(errand) = env::var(ERRAND) else { return };
    thread::spawn(|| {
        thread::sleep(Duration::from_secs(60));
        say("nobody ends this child: it gives up");
        std::process::abort();
    });
    match &*errand {
        "clean up" => clean_up(),
        "hang in clean-up" => hang_in_clean_up(),
        "be busy" => be_busy(),
        "finish in spite of it" => finish_in_spite_of_it(),
        "run and panic" => run_and_panic(),
        "idle before main" => idle_before_main(),
        "idle after main" => idle_after_main(),
        "two mains" => two_mains(),
        "two threads" => two_threads(),
        "cancelled before" => cancelled_before(),
        "be ready all the time" => be_ready_all_the_time(),
        "cancelled by other means" => cancelled_by_other_means(),
        "hang at the end" => hang_at_the_end(),
        _ => unreachable!("no such errand: {errand}"),
    }
}

fn builder() -> ExecutorBuilder {
    Executor::builder().cancel_on_ctrl_c()
}

fn sleep_for_ever() -> ! {
    loop {
        thread::park();
    }
}

/// Ready as soon as the task is cancelled.
async fn until_cancelled() {
    shield(poll_fn(|_| if current_task().cancel_reason().is_some() { Poll::Ready(()) } else { Poll::Pending })).await;
}

fn clean_up() {
    let outcome = builder().build().run_outcome(async {
        let body = async {
            say("waits");
            pending::<()>().await;
            say("never");
        };
        finally(body, async |_: Option<&()>| {
            say("cleans up");
            sleep(Duration::from_millis(20)).await;
            spawn(async { say("with the help of a task") }).await.unwrap();
        })
        .await;
        say("never");
    });
    say(&format!("{outcome:?}"));
}

#[test]
fn interrupt_01_the_first_cancels_main_and_lets_clean_up_run_that_awaits() {
    let mut child = Interrupted::start("clean up");
    child.wait_for("waits");
    child.press_ctrl_c();
    child.wait_for("cleans up");
    child.wait_for("with the help of a task");
    child.wait_for("Err(Cancelled(Interrupted))");
    assert!(child.exit().success());
}

fn hang_in_clean_up() {
    builder().run(finally(async {}, async |_: Option<&()>| {
        say("cleans up");
        let me = current_task();
        poll_fn(|_| if me.cancel_reason().is_some() { Poll::Ready(()) } else { Poll::Pending }).await;
        say("hangs, though interrupted");
        pending::<()>().await;
    }));
}

#[test]
fn interrupt_02_the_second_ends_the_process_while_clean_up_hangs() {
    let mut child = Interrupted::start("hang in clean-up");
    child.wait_for("cleans up");
    child.press_ctrl_c();
    child.wait_for("hangs, though interrupted");
    child.press_ctrl_c();
    assert_eq!(child.exit().code(), Some(INTERRUPTED));
}

#[test]
fn interrupt_02_the_second_ends_the_process_when_the_first_has_begun_clean_up_that_hangs() {
    let mut child = Interrupted::start("hang at the end");
    child.wait_for("waits");
    child.press_ctrl_c();
    child.wait_for("hangs");
    child.press_ctrl_c();
    assert_eq!(child.exit().code(), Some(INTERRUPTED));
}

/// The main future is interrupted, and then the clean-up of a detached task, for which `run` waits, hangs.
fn hang_at_the_end() {
    builder().run(async {
        let hangs = finally(pending::<()>(), async |_: Option<&()>| {
            say("hangs");
            pending::<()>().await;
        });
        spawn(hangs).detach();
        evenkeel::yield_now().await;
        say("waits");
        until_cancelled().await;
    });
}

fn be_busy() {
    builder().run(async {
        say("is busy");
        sleep_for_ever();
    });
}

#[test]
fn interrupt_02_the_second_ends_the_process_while_main_is_busy_and_awaits_nothing() {
    let mut child = Interrupted::start("be busy");
    child.wait_for("is busy");
    child.press_ctrl_c();
    assert_eq!(child.exit_of_impatience().code(), Some(INTERRUPTED));
}

fn finish_in_spite_of_it() {
    let value = builder().run(async {
        say("waits");
        until_cancelled().await;
        assert_eq!(current_task().cancel_reason(), Some(evenkeel::CancelReason::Interrupted));
        7
    });
    say(&format!("has {value}"));
}

#[test]
fn interrupt_03_main_that_finishes_in_spite_of_it_has_its_value() {
    let mut child = Interrupted::start("finish in spite of it");
    child.wait_for("waits");
    child.press_ctrl_c();
    child.wait_for("has 7");
    assert!(child.exit().success());
}

fn run_and_panic() {
    builder().run(async {
        say("waits");
        pending::<()>().await;
    });
}

#[test]
fn interrupt_03_a_run_whose_main_was_interrupted_panics_and_names_the_repair() {
    let mut child = Interrupted::start("run and panic");
    child.wait_for("waits");
    child.press_ctrl_c();
    child.wait_for(
        "the main future was cancelled (the program was interrupted): Executor::run_outcome gives that as a value",
    );
    assert!(!child.exit().success());
}

fn idle_before_main() {
    let _executor = builder().build();
    say("is idle");
    sleep_for_ever();
}

fn idle_after_main() {
    let executor = builder().build();
    executor.run(async {});
    builder().run(async {});
    let _other = Executor::new();
    say("is idle");
    sleep_for_ever();
}

#[test]
fn interrupt_04_while_no_main_future_runs_it_ends_the_process() {
    for errand in ["idle before main", "idle after main"] {
        let mut child = Interrupted::start(errand);
        child.wait_for("is idle");
        child.press_ctrl_c();
        assert_eq!(child.exit().code(), Some(INTERRUPTED));
    }
}

fn two_mains() {
    let executor = builder().build();
    for _ in 0..2 {
        let outcome = executor.run_outcome(async {
            say("waits");
            pending::<()>().await;
        });
        say(&format!("{outcome:?}"));
    }
}

#[test]
fn interrupt_05_each_main_future_has_a_first_time() {
    let mut child = Interrupted::start("two mains");
    for _ in 0..2 {
        child.wait_for("waits");
        child.press_ctrl_c();
        child.wait_for("Err(Cancelled(Interrupted))");
    }
    assert!(child.exit().success());
}

fn two_threads() {
    let barrier = std::sync::Barrier::new(2);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let outcome = builder().build().run_outcome(async {
                    if barrier.wait().is_leader() {
                        say("both wait");
                    }
                    pending::<()>().await;
                });
                say(&format!("{outcome:?}"));
            });
        }
    });
}

#[test]
fn interrupt_05_it_cancels_the_main_futures_of_all_threads() {
    let mut child = Interrupted::start("two threads");
    child.wait_for("both wait");
    child.press_ctrl_c();
    child.wait_for("Err(Cancelled(Interrupted))");
    child.wait_for("Err(Cancelled(Interrupted))");
    assert!(child.exit().success());
}

fn cancelled_before() {
    let outcome = builder().build().run_outcome(async {
        let body = async {
            current_task().cancel("by other means");
            pending::<()>().await;
        };
        finally(body, async |_: Option<&()>| {
            say("cleans up");
            pending::<()>().await;
        })
        .await;
    });
    unreachable!("{outcome:?}");
}

#[test]
fn interrupt_06_the_second_counts_also_for_a_main_that_was_cancelled_by_other_means() {
    let mut child = Interrupted::start("cancelled before");
    child.wait_for("cleans up");
    child.press_ctrl_c();
    assert_eq!(child.exit_of_impatience().code(), Some(INTERRUPTED));
}

// ---- asyncio

fn be_ready_all_the_time() {
    let outcome = builder().build().run_outcome(async {
        say("is ready all the time");
        loop {
            evenkeel::yield_now().await;
        }
    });
    say(&format!("{:?}", outcome.map(|never: ()| never)));
}

/// Before main's clean-up ends, a second main future on another thread makes sure that the signal was seen: it is asked after
/// the first one.
fn cancelled_by_other_means() {
    let outcome = builder().build().run_outcome(async {
        let body = async {
            current_task().cancel("by other means");
            pending::<()>().await;
        };
        finally(body, async |_: Option<&()>| {
            let seen = CancelScope::new();
            let remote = seen.token().remote();
            thread::spawn(move || {
                let outcome = builder().build().run_outcome(async {
                    say("cleans up");
                    pending::<()>().await;
                });
                remote.cancel(format!("{outcome:?}"));
            });
            seen.token().cancelled().await;
        })
        .await;
    });
    say(&format!("{outcome:?}"));
}

/// asyncio raises `KeyboardInterrupt` in the end, where the outcome says `Interrupted` here; and its second one raises where the
/// program stands, which ends the process here.
#[test]
fn asyncio_fact_82_an_interrupt_cancels_main_and_the_next_one_ends_the_program() {
    interrupt_01_the_first_cancels_main_and_lets_clean_up_run_that_awaits();
    interrupt_02_the_second_ends_the_process_while_clean_up_hangs();
    interrupt_03_main_that_finishes_in_spite_of_it_has_its_value();
}

/// Main never waits, it is always ready.
#[test]
fn test_runners_interrupt_call_soon() {
    let mut child = Interrupted::start("be ready all the time");
    child.wait_for("is ready all the time");
    child.press_ctrl_c();
    child.wait_for("Err(Cancelled(Interrupted))");
    assert!(child.exit().success());
}

#[test]
fn test_runners_interrupt_wait() {
    let mut child = Interrupted::start("two mains");
    child.wait_for("waits");
    child.press_ctrl_c();
    child.wait_for("Err(Cancelled(Interrupted))");
    child.wait_for("waits");
    child.press_ctrl_c();
    assert!(child.exit().success());
}

#[test]
fn test_runners_interrupt_cancelled_task() {
    let mut child = Interrupted::start("cancelled by other means");
    child.wait_for("cleans up");
    child.press_ctrl_c();
    child.wait_for(r#"Err(Cancelled(Requested("by other means")))"#);
    assert!(child.exit().success());
}
