//! What the example `checksum` promises its users, tried on the built program: above all that its output is that of
//! coreutils' `sha256sum`, byte for byte.
#![cfg(unix)]

mod tree;
mod stopping;

use crate::tree::{Tree, content, program, program_in, reports, text, without_reader};
use std::{
    ffi::OsStr,
    fs, io,
    os::unix::{ffi::OsStrExt, net::UnixListener},
    path::Path,
    process::Command,
};
use tempfile::TempDir;

/// How much the program reads of a file before another has its turn.
const CHUNK: usize = 128 * 1024;

#[test]
fn output_is_that_of_sha256sum_for_files_of_every_size() {
    let tree = Tree::new();
    let sizes = [0, 1, 64, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 17];
    let names: Vec<_> = sizes.iter().map(|size| format!("./{size:06}")).collect();
    for (name, size) in names.iter().zip(sizes) {
        tree.file(name, &content(size));
    }
    let output = tree.checksum(["."]);
    assert_eq!(text(&output.stdout), text(&tree.sha256sum(&names)));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_path_is_walked_to_the_bottom_and_nothing_in_it_is_left_out() {
    let tree = Tree::new();
    let names = ["d/.git/config", "d/.hidden", "d/a/b/c/deep", "d/target/out"];
    for name in names {
        tree.file(name, name.as_bytes());
    }
    let output = tree.checksum(["d"]);
    assert_eq!(text(&output.stdout), text(&tree.sha256sum(&names)));
}

#[test]
fn lines_are_sorted_by_the_bytes_of_the_names_across_all_paths() {
    let tree = Tree::new();
    // The order of `LC_ALL=C sort`: capitals first, and "-" and "." before "/".
    let names = ["B", "a-b", "a.b", "a/c/x", "a/c0", "a0", "b/z", "z", "\u{e9}"];
    for name in names {
        tree.file(name, name.as_bytes());
    }
    let output = tree.checksum(["\u{e9}", "z", "b", "a", "a0", "a.b", "a-b", "B"]);
    assert_eq!(text(&output.stdout), text(&tree.sha256sum(&names)));
}

/// Carriage returns are escaped since coreutils 9.0.
#[test]
fn names_that_would_break_a_line_are_escaped_as_sha256sum_does() {
    let tree = Tree::new();
    let names = ["./\t tab and space ", "./\n", "./\r", "./\\", "./\\n", "./a\nb\rc\\d\\\\e", "./quote'\"$`*"];
    for name in names {
        tree.file(name, name.as_bytes());
    }
    let output = tree.checksum(["."]);
    assert_eq!(text(&output.stdout), text(&tree.sha256sum(&names)));
}

/// On Linux, where a name is any bytes; some other systems refuse such names.
#[cfg(target_os = "linux")]
#[test]
fn names_that_are_not_utf8_are_printed_byte_for_byte() {
    let tree = Tree::new();
    let names = [&b"./caf\xe9"[..], b"./\xff\xfe\\\n"].map(OsStr::from_bytes);
    for name in names {
        tree.file(name, name.as_bytes());
    }
    let output = tree.checksum(["."]);
    assert_eq!(output.stdout, tree.sha256sum(&names));
    assert!(output.stdout.windows(5).any(|window| window == b"caf\xe9\n"));
}

#[test]
fn sha256sum_check_accepts_the_output() {
    let tree = Tree::new();
    for name in ["plain", "back\\slash", "line\nbreak"] {
        tree.file(name, name.as_bytes());
    }
    let sums = TempDir::new().unwrap();
    let list = sums.path().join("sums");
    fs::write(&list, tree.checksum(["."]).stdout).unwrap();
    tree.sha256sum(&[OsStr::new("--check"), OsStr::new("--strict"), list.as_os_str()]);
}

#[test]
fn a_path_that_does_not_exist_is_reported_and_the_others_are_done() {
    let tree = Tree::new();
    tree.file("a", b"a");
    tree.file("z", b"z");
    let output = tree.checksum(["z", "missing", "a"]);
    assert_eq!(text(&output.stdout), text(&tree.sha256sum(&["a", "z"])));
    assert_eq!(reports(&output), ["checksum: \"missing\": No such file or directory (os error 2)"]);
    assert_eq!(output.status.code(), Some(1));
}

/// A regular file that opens but does not read, for root as well, whom no permission bits stop.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_fails_while_it_is_read_is_reported_and_the_others_are_done() {
    let tree = Tree::new();
    tree.file("a", b"a");
    let output = tree.checksum(["/proc/self/mem", "a"]);
    assert_eq!(text(&output.stdout), text(&tree.sha256sum(&["a"])));
    // The system's own words for EIO, which the C libraries do not agree on.
    let cause = io::Error::from_raw_os_error(5);
    assert_eq!(reports(&output), [format!("checksum: \"/proc/self/mem\": {cause}")]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn reports_come_in_sorted_order_and_escape_the_name() {
    let tree = Tree::new();
    let output = tree.checksum(["y", "line\nbreak", "x"]);
    let missing = "No such file or directory (os error 2)";
    assert_eq!(
        reports(&output),
        [
            format!("checksum: \"line\\nbreak\": {missing}"),
            format!("checksum: \"x\": {missing}"),
            format!("checksum: \"y\": {missing}"),
        ]
    );
}

#[test]
fn a_link_to_a_file_has_the_sum_of_that_file_and_a_dangling_one_is_reported() {
    let tree = Tree::new();
    tree.file("real", b"content");
    tree.link("real", "d/to_file");
    tree.link("nowhere", "d/to_nothing");
    // The target is looked up from the link's own directory.
    tree.file("d/real", b"other content");
    let output = tree.checksum(["d"]);
    let sums = tree.sha256sum(&["d/real", "d/to_file"]);
    assert_eq!(text(&output.stdout), text(&sums));
    assert_eq!(reports(&output), ["checksum: \"d/to_nothing\": No such file or directory (os error 2)"]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_link_to_a_directory_is_followed_as_a_path_and_left_out_on_the_walk() {
    let tree = Tree::new();
    tree.file("d/file", b"content");
    // Followed, this one would lead round in circles.
    tree.link(".", "d/circle");
    tree.link("d", "link");
    let output = tree.checksum(["link"]);
    assert_eq!(text(&output.stdout), text(&tree.sha256sum(&["link/file"])));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn what_is_no_regular_file_is_left_out_on_the_walk_and_refused_as_a_path() {
    let tree = Tree::new();
    tree.file("d/file", b"content");
    let _socket = UnixListener::bind(tree.path("d/socket")).unwrap();

    let output = tree.checksum(["d"]);
    assert_eq!(text(&output.stdout), text(&tree.sha256sum(&["d/file"])));
    assert_eq!(output.status.code(), Some(0));

    let output = tree.checksum(["d/socket", "d/file"]);
    assert_eq!(text(&output.stdout), text(&tree.sha256sum(&["d/file"])));
    assert_eq!(reports(&output), ["checksum: \"d/socket\": neither a regular file nor a directory"]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn the_limit_does_not_change_the_output() {
    let tree = Tree::new();
    // Large files come first and finish last, so that with many workers the small ones have to wait for their turn.
    for number in 0..40 {
        let size = if number % 4 == 0 { 5 * CHUNK } else { number };
        tree.file(format!("{number:02}"), &content(size));
    }
    let one = tree.checksum(["--limit", "1", ".", "missing"]);
    for limit in ["2", "7", "64", "1000000"] {
        let many = tree.checksum(["--limit", limit, ".", "missing"]);
        assert_eq!(text(&many.stdout), text(&one.stdout), "--limit {limit}");
        assert_eq!(reports(&many), reports(&one), "--limit {limit}");
    }
    assert_eq!(text(&one.stdout).lines().count(), 40);
}

/// Counted from outside: each file that is open takes a descriptor, and the system refuses more than it was told to give.
#[test]
fn as_many_files_are_open_at_once_as_the_limit_says_and_no_more() {
    let one = Tree::new();
    one.file("file", &content(3 * CHUNK));
    let many = Tree::new();
    for number in 0..12 {
        many.file(format!("{number:02}"), &content(3 * CHUNK));
    }
    let for_one_file = descriptors_needed(&one, 1);
    for limit in [1, 2, 5] {
        let above = descriptors_needed(&many, limit) - for_one_file;
        assert_eq!(above, limit - 1, "--limit {limit}");
    }
}

/// The fewest descriptors with which the program can read the whole tree.
fn descriptors_needed(tree: &Tree, limit: usize) -> usize {
    let is_enough = |descriptors: &usize| {
        let output = Command::new("sh")
            .arg("-c")
            .arg(r#"ulimit -n "$1" && exec "$0" --limit "$2" ."#)
            .arg(program())
            .args([descriptors.to_string(), limit.to_string()])
            .current_dir(tree.path("."))
            .output()
            .expect("`sh` is there");
        output.status.success()
    };
    (3..64).find(is_enough).expect("64 descriptors are enough for a few files")
}

#[test]
fn a_limit_of_zero_is_an_error_that_says_what_to_give() {
    let output = Tree::new().checksum(["--limit", "0", "."]);
    let error = text(&output.stderr);
    assert!(error.contains("no file would ever be read: give at least 1, or leave --limit out"), "{error}");
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
}

#[test]
fn a_limit_that_is_no_number_is_an_error_that_says_what_to_give() {
    for limit in ["many", "-1", "1.5", ""] {
        let output = Tree::new().checksum([&format!("--limit={limit}"), "."]);
        let error = text(&output.stderr);
        assert!(error.contains("--limit"), "{error}");
        assert_eq!(output.status.code(), Some(2));
    }
}

#[test]
fn without_a_path_the_repository_is_summed_but_not_its_vcs_data_and_build_output() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    // From somewhere else: what is walked does not depend on the current directory.
    let tree = Tree::new();
    let output = tree.checksum::<&str>([]);
    let stdout = text(&output.stdout);

    let manifest = text(&tree.sha256sum(&[repository.join("Cargo.toml")]));
    assert!(stdout.contains(&manifest), "{manifest} is not in {stdout}");
    for left_out in [".git", "target"] {
        let inside = format!("  {}/", repository.join(left_out).display());
        assert!(!stdout.contains(&inside), "{inside} is in {stdout}");
    }
}

#[test]
fn the_last_line_on_stderr_counts_files_and_bytes() {
    let tree = Tree::new();
    tree.file("a", b"12345");
    tree.file("b", b"678");
    let summary = |paths: &[&str]| text(&tree.checksum(paths).stderr).lines().last().map(str::to_owned);
    let both = summary(&["a", "b", "missing"]).unwrap();
    assert!(both.starts_with("checksum: 2 files, 8 bytes in "), "{both}");
    assert!(both.ends_with(", 1 path not read"), "{both}");
    let one = summary(&["a"]).unwrap();
    assert!(one.starts_with("checksum: 1 file, 5 bytes in "), "{one}");
    assert!(one.ends_with('s'), "it ends with the time: {one}");
}

#[test]
fn an_empty_directory_is_no_output_and_no_failure() {
    let output = Tree::new().checksum(["."]);
    assert_eq!(text(&output.stdout), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_reader_that_leaves_early_ends_the_program_without_a_word() {
    let tree = Tree::new();
    for number in 0..100 {
        tree.file(format!("{number:02}"), &content(CHUNK));
    }
    let output = program_in(&tree).arg(".").stdout(without_reader()).output().unwrap();
    assert_eq!(text(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_reader_of_stderr_that_leaves_early_does_not_harm_the_output() {
    let tree = Tree::new();
    tree.file("a", b"a");
    let output = program_in(&tree).args(["a", "missing"]).stderr(without_reader()).output().unwrap();
    assert_eq!(text(&output.stdout), text(&tree.sha256sum(&["a"])));
    assert_eq!(output.status.code(), Some(1));
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_reported() {
    let tree = Tree::new();
    tree.file("a", b"a");
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = program_in(&tree).arg("a").stdout(full).output().unwrap();
    assert_eq!(text(&output.stderr), "checksum: cannot write to stdout: No space left on device (os error 28)\n");
    assert_eq!(output.status.code(), Some(1));
}
