//! The raw room is sealed: it knows `core`, `alloc` and its own files only (and of `std` the one thing that `core` has not, a thread's
//! own place), and whoever uses it writes no unsafe code. That of the sockets knows `std`, whose errors and descriptors they are, and the
//! libraries whose functions are unsafe, but nothing of its crate either.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The rooms, and the one line elsewhere: a scope's children borrow from its body.
const UNSAFE: [&str; 4] = ["executor/src/raw/", "sync/src/raw/", "io/src/raw/", "taskgroup/src/scope/brood.rs"];

/// Those of them that are rooms.
const ROOMS: &[&str] = UNSAFE.split_at(3).0;

/// As many blocks as there may be in what is published. Fewer are better.
const MOST: usize = 94;

pub(crate) fn sources() -> Vec<(String, String)> {
    fn enter(root: &Path, dir: &Path, into: &mut Vec<(String, String)>) {
        let entries = fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            if path.is_dir() {
                enter(root, &path, into);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().display().to_string().replace('\\', "/");
                into.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    for dir in ["executor/src", "taskgroup/src", "sync/src", "io/src", "coop/src", "src"] {
        enter(root, &root.join(dir), &mut sources);
    }
    sources
}

/// The lines of code of a source text, without comments.
pub(crate) fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(|line| line.split("//").next().unwrap_or(""))
}

#[test]
fn the_raw_room_knows_only_core_alloc_and_its_own_files() {
    for (file, text) in sources().iter().filter(|(file, _)| ROOMS.iter().any(|room| file.starts_with(room))) {
        let may_know_std = file.starts_with("io/");
        for line in code(text) {
            let foreign = ["crate::", "super::super", "std::"].into_iter().find(|word| line.contains(word));
            let foreign = foreign.filter(|word| *word != "std::" || !may_know_std);
            let is_fine = line.contains("pub(in crate::raw)") || line == "use std::thread::LocalKey;";
            assert!(
                foreign.is_none() || is_fine,
                "{file} says `{}`: the raw room knows `core`, `alloc` and `super` only, so hand in what it needs",
                line.trim()
            );
        }
    }
}

#[test]
fn unsafe_code_stands_in_the_raw_room_and_there_is_little_of_it() {
    let mut blocks = Vec::new();
    for (file, text) in sources() {
        let count = code(&text).map(|line| line.matches("unsafe {").count()).sum::<usize>();
        if count == 0 {
            continue;
        }
        assert!(
            UNSAFE.iter().any(|allowed| file.starts_with(allowed)),
            "{file} has unsafe code: put it into the raw room, behind a function that cannot be misused"
        );
        blocks.push((file, count));
    }
    let sum: usize = blocks.iter().map(|(_, count)| count).sum();
    assert!(sum > 0, "no source was found");
    assert!(sum <= MOST, "{sum} unsafe blocks, of which {MOST} are enough: {blocks:?}");
}
