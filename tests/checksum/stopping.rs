//! How `checksum` stops before it is done: at a failure, at a deadline, by Ctrl-C.

use crate::tree::{Tree, content, program_in, reports, text};
use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Takes minutes to hash, and no space.
fn endless(tree: &Tree, name: &str) {
    File::create(tree.path(name)).unwrap().set_len(64 << 30).unwrap();
}

#[test]
fn without_fail_fast_every_failure_is_reported_at_the_end() {
    let tree = Tree::new();
    tree.file("b", b"b");
    let output = tree.checksum(["a", "b", "c"]);
    assert_eq!(text(&output.stdout), text(&tree.sha256sum(&["b"])));
    let missing = "No such file or directory (os error 2)";
    assert_eq!(reports(&output), [format!("checksum: \"a\": {missing}"), format!("checksum: \"c\": {missing}")]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn with_fail_fast_one_failure_stops_all_and_the_tree_is_printed() {
    let tree = Tree::new();
    tree.file("a", b"a");
    endless(&tree, "endless");
    let started = Instant::now();
    let output = tree.checksum(["--fail-fast", "--limit=2", "a", "endless", "missing"]);
    assert!(started.elapsed() < Duration::from_secs(30), "the endless file was stopped");
    assert_eq!(text(&output.stdout), text(&tree.sha256sum(&["a"])));
    let lines: Vec<_> = text(&output.stderr).lines().map(str::to_owned).collect();
    assert_eq!(lines[0], "checksum: 1 error in a task group");
    assert!(lines[1].starts_with("└─ file 3 (examples/checksum/main.rs:"), "{lines:?}");
    assert!(lines[1].ends_with("): \"missing\": No such file or directory (os error 2)"), "{lines:?}");
    assert!(lines[2].starts_with("checksum: 1 file, 1 byte in ") && lines[2].ends_with(", stopped at a failure"));
    assert_eq!((lines.len(), output.status.code()), (3, Some(1)));
}

#[test]
fn with_fail_fast_nothing_changes_if_nothing_fails() {
    let tree = Tree::new();
    for number in 0..40 {
        tree.file(format!("{number:02}"), &content(number * 1000));
    }
    let (plain, fast) = (tree.checksum(["."]), tree.checksum(["--fail-fast", "--limit", "3", "--timeout", "60", "."]));
    assert_eq!((text(&fast.stdout), fast.status.code()), (text(&plain.stdout), Some(0)));
}

#[test]
fn a_file_that_takes_too_long_is_a_failure_and_the_others_are_done() {
    let tree = Tree::new();
    tree.file("a", b"a");
    endless(&tree, "endless");
    tree.file("z", b"z");
    let output = tree.checksum(["--timeout", "0.2", "."]);
    assert_eq!(text(&output.stdout), text(&tree.sha256sum(&["./a", "./z"])));
    assert_eq!(reports(&output), ["checksum: \"./endless\": the deadline has passed"]);
    assert_eq!(output.status.code(), Some(1));
    let output = tree.checksum(["--timeout=0.2", "--fail-fast", "--limit=1", "."]);
    assert_eq!(text(&output.stdout), text(&tree.sha256sum(&["./a"])));
    assert!(text(&output.stderr).contains("): \"./endless\": the deadline has passed\n"), "{}", text(&output.stderr));
}

#[test]
fn a_timeout_that_is_no_time_is_an_error_that_says_what_to_give() {
    for (timeout, says) in
        [("0", "give more than 0"), ("soon", "give seconds"), ("-1", "give seconds"), ("NaN", "give seconds")]
    {
        let output = Tree::new().checksum([format!("--timeout={timeout}"), ".".into()]);
        let error = text(&output.stderr);
        assert!(error.contains(says), "{timeout}: {error}");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    }
}

/// A running program that has printed its first line.
fn running(tree: &Tree) -> (Child, String) {
    let mut program =
        program_in(tree).args(["a", "endless"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(program.stdout.as_mut().unwrap()).read_line(&mut first).unwrap();
    (program, first)
}

fn interrupt(program: &Child) {
    let killed = Command::new("kill").args(["-INT", &program.id().to_string()]).status().expect("`kill` is there");
    assert!(killed.success());
}

#[test]
fn ctrl_c_ends_with_a_summary_of_what_was_done() {
    let tree = Tree::new();
    tree.file("a", b"123");
    endless(&tree, "endless");
    let (mut program, first) = running(&tree);
    assert_eq!(first, text(&tree.sha256sum(&["a"])));
    interrupt(&program);
    let status = program.wait().unwrap();
    let mut stderr = String::new();
    program.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert!(stderr.starts_with("checksum: 1 file, 3 bytes in ") && stderr.ends_with(", interrupted\n"), "{stderr:?}");
    assert_eq!((status.code(), stderr.lines().count()), (Some(130), 1));
}
