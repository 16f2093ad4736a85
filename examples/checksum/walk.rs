//! The walk: from the paths on the command line to a sorted list of files.

use crate::{args::Args, fault::Fault};
use std::{
    fs::{self, FileType},
    io,
    path::{Path, PathBuf},
};
use walkdir::{DirEntry, WalkDir};

/// A file to hash, or a path at which the walk could not go on. A fault has its place in the list like any file, so that
/// it is reported in its turn.
pub(crate) type Found = Result<PathBuf, Fault>;

/// Everything that the command line asks for, in the byte order of the names.
pub(crate) fn sorted(args: &Args) -> Vec<Found> {
    let mut found: Vec<Found> = if args.paths.is_empty() {
        // The program may have outlived the repository that it was built from, on another machine for example.
        let home = Path::new(env!("CARGO_MANIFEST_DIR"));
        let home = if home.is_dir() { home } else { Path::new(".") };
        below(home, |entry| !is_left_out_at_home(entry)).collect()
    } else {
        args.paths.iter().flat_map(|path| below(path, |_| true)).collect()
    };
    // Not `Path`'s own order, which compares directory by directory and puts "a/b" before "a-b": this is what `sort` does.
    found.sort_by(|a, b| name(a).as_os_str().cmp(name(b).as_os_str()));
    found
}

/// Is this the repository's VCS data or build output? Deeper down, these names may be anybody's.
fn is_left_out_at_home(entry: &DirEntry) -> bool {
    entry.depth() == 1 && (entry.file_name() == ".git" || entry.file_name() == "target")
}

/// The files at and below `root`, in no particular order.
fn below(root: &Path, keep: impl FnMut(&DirEntry) -> bool) -> impl Iterator<Item = Found> {
    // A root that is a link is followed by default; the links inside are looked at one by one in `judge`.
    let walk = WalkDir::new(root).follow_links(false).into_iter();
    walk.filter_entry(keep).filter_map(|entry| match entry {
        Ok(entry) => judge(entry),
        Err(error) => Some(Err(unreachable_at(root, error))),
    })
}

/// A regular file is taken; a directory is not, as its entries come by themselves.
fn judge(entry: DirEntry) -> Option<Found> {
    let is_root = entry.depth() == 0;
    let kind = match kind(&entry) {
        Ok(kind) => kind,
        Err(error) => return Some(Err(Fault::new(entry.into_path(), error))),
    };
    if kind.is_file() {
        Some(Ok(entry.into_path()))
    } else if kind.is_dir() || !is_root {
        None
    } else {
        // The user named it, so leaving it out in silence would be a lie. Reading it might never end.
        let cause = io::Error::other("neither a regular file nor a directory");
        Some(Err(Fault::new(entry.into_path(), cause)))
    }
}

/// What the entry is, or what it leads to if it is a link.
fn kind(entry: &DirEntry) -> io::Result<FileType> {
    if entry.file_type().is_symlink() {
        fs::metadata(entry.path()).map(|target| target.file_type())
    } else {
        Ok(entry.file_type())
    }
}

fn unreachable_at(root: &Path, error: walkdir::Error) -> Fault {
    let path = error.path().unwrap_or(root).to_owned();
    // Only the detection of cycles makes errors of another kind, and it is off while links are not followed.
    let cause = error.into_io_error().unwrap_or_else(|| io::Error::other("a cycle of links"));
    Fault::new(path, cause)
}

fn name(found: &Found) -> &Path {
    match found {
        Ok(path) => path,
        Err(fault) => fault.path(),
    }
}
