//! A place for one test: files and links, `checksum` and `sha256sum` run among them.

use std::{
    env,
    ffi::OsStr,
    fs, io,
    os::{
        fd::OwnedFd,
        unix::{fs::symlink, net::UnixStream},
    },
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::SystemTime,
};
use tempfile::TempDir;

/// A directory of its own for one test, which is the current directory of what runs in it.
pub(crate) struct Tree(TempDir);

impl Tree {
    pub(crate) fn new() -> Tree {
        Tree(TempDir::new().unwrap())
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(name)
    }

    /// Makes a file, and the directories above it.
    pub(crate) fn file(&self, name: impl AsRef<Path>, content: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Makes a symbolic link, and the directories above it.
    pub(crate) fn link(&self, target: &str, name: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
    }

    pub(crate) fn checksum<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Output {
        program_in(self).args(args).output().unwrap()
    }

    /// What `sha256sum` prints for these names, in this order.
    pub(crate) fn sha256sum(&self, args: &[impl AsRef<OsStr>]) -> Vec<u8> {
        let output = Command::new("sha256sum").args(args).current_dir(self.path(".")).output().unwrap_or_else(
            |error| match error.kind() {
                io::ErrorKind::NotFound => {
                    panic!("`sha256sum` is not there to compare with: install GNU coreutils and put it on the PATH")
                }
                _ => panic!("`sha256sum` did not start: {error}"),
            },
        );
        assert!(output.status.success(), "{}", text(&output.stderr));
        output.stdout
    }
}

pub(crate) fn program_in(tree: &Tree) -> Command {
    let mut command = Command::new(program());
    command.current_dir(tree.path("."));
    command
}

/// The built example. Cargo tells tests where binaries are, not where examples are: they lie in a folder beside the tests'.
pub(crate) fn program() -> PathBuf {
    let tests = env::current_exe().unwrap();
    let profile = tests.parent().and_then(Path::parent).unwrap();
    let program = profile.join("examples").join(format!("checksum{}", env::consts::EXE_SUFFIX));
    let built = fs::metadata(&program).and_then(|built| built.modified());
    let built = built.unwrap_or_else(|_| {
        panic!(
            "{} is not built: run `cargo build --example checksum` with the same options as the tests, \
             or a plain `cargo test`, which builds the examples first",
            program.display()
        )
    });
    assert!(
        built >= last_edit(),
        "{} is older than its source: build it again with `cargo build --example checksum`",
        program.display()
    );
    program
}

/// When the example's source was last written. Only a plain `cargo test` sees to it that the program is built from that.
fn last_edit() -> SystemTime {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/checksum");
    fs::read_dir(source).unwrap().map(|file| file.unwrap().metadata().unwrap().modified().unwrap()).max().unwrap()
}

/// A pipe's end for a child to write to, whose other end is closed already.
pub(crate) fn without_reader() -> Stdio {
    let (writer, reader) = UnixStream::pair().unwrap();
    drop(reader);
    Stdio::from(OwnedFd::from(writer))
}

/// Bytes without a short period, so that a chunk that was lost or doubled is seen.
pub(crate) fn content(size: usize) -> Vec<u8> {
    (0..size as u64).map(|place| (place.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect()
}

/// What the program wrote to stderr before its summary.
pub(crate) fn reports(output: &Output) -> Vec<String> {
    let mut lines: Vec<_> = text(&output.stderr).lines().map(str::to_owned).collect();
    lines.pop();
    lines
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
