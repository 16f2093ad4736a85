//! Ctrl-C in a process that was started with the signal ignored, as a shell without job control starts what runs in the background.
#![cfg(all(unix, not(miri)))]

use evenkeel::{Executor, to_thread};
use std::{
    env,
    io::{BufRead, BufReader, Read, Write, stdin},
    process::{Command, Stdio},
};

const ERRAND: &str = "EVENKEEL_IGNORED_CTRL_C_ERRAND";

/// Not a test of its own: what the child does. It goes on when it is told to, and says how it ended.
#[test]
fn errand() {
    if env::var_os(ERRAND).is_none() {
        return;
    }
    let outcome = Executor::builder().cancel_on_ctrl_c().build().run_outcome(async {
        eprintln!("waits");
        to_thread(|| stdin().read_line(&mut String::new())).await.unwrap()
    });
    eprintln!("{outcome:?}");
}

#[test]
fn met_c3_interrupt_07_where_the_signal_is_ignored_it_stays_ignored() {
    let mut child = Command::new("/bin/sh")
        .args(["-c", r#"trap '' INT; exec "$0" "$@""#])
        .arg(env::current_exe().unwrap())
        .args(["--exact", "met::interrupted::errand", "--nocapture"])
        .env(ERRAND, "")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut says = BufReader::new(child.stderr.take().unwrap());
    let mut heard = String::new();
    while !heard.ends_with("waits\n") {
        assert_ne!(says.read_line(&mut heard).unwrap(), 0, "it ended: {heard}");
    }
    for _ in 0..3 {
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    }
    child.stdin.take().unwrap().write_all(b"go on\n").unwrap();
    let status = child.wait().unwrap();
    says.read_to_string(&mut heard).unwrap();
    assert!(status.success() && heard.ends_with("Ok(6)\n"), "{status}: {heard}");
}
