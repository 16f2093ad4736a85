//! The names of the facade: each stands where `docs/names.txt` says, and has one page of its own.

use super::{
    pages::{pages, read, root},
    rules::rust_files,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

const LIST: &str = "docs/names.txt";

/// The folders of the crates under the facade, and what they are called in a path.
pub(super) const MEMBERS: [(&str, &str); 5] = [
    ("executor/src", "evenkeel_executor"),
    ("sync/src", "evenkeel_sync"),
    ("io/src", "evenkeel_io"),
    ("taskgroup/src", "evenkeel_taskgroup"),
    ("coop/src", "evenkeel_coop"),
];

/// A `pub use` of the facade: how its documentation is shown, and the path of each name.
struct Reexport {
    attribute: String,
    paths: Vec<String>,
}

/// Code without comments, in which doc attributes are left.
pub(super) fn code_of(path: impl AsRef<Path>) -> String {
    let text = read(path.as_ref());
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default().trim());
    lines.collect::<Vec<_>>().join(" ")
}

/// The paths of a use tree.
fn leaves(prefix: &str, tree: &str, found: &mut Vec<String>) {
    let (mut depth, mut begin) = (0, 0);
    let mut branches = Vec::new();
    for (at, letter) in tree.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => branches.push(&tree[std::mem::replace(&mut begin, at + 1)..at]),
            _ => {}
        }
    }
    branches.push(&tree[begin..]);
    for branch in branches.into_iter().map(str::trim).filter(|branch| !branch.is_empty()) {
        match branch.split_once("::{") {
            Some((path, rest)) => leaves(&format!("{prefix}{path}::"), rest.trim_end_matches('}'), found),
            None => found.push(format!("{prefix}{branch}")),
        }
    }
}

fn reexports(code: &str) -> Vec<Reexport> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("pub use ") {
        let (tree, _) = code[at + "pub use ".len()..].split_once(';').expect("a use ends");
        let before = code[..at].trim_end();
        let attribute = before.rfind("#[").filter(|_| before.ends_with(']')).map_or("", |begin| &before[begin..]);
        let mut paths = Vec::new();
        leaves("", tree, &mut paths);
        found.push(Reexport { attribute: attribute.to_owned(), paths });
    }
    found
}

/// What a file declares for everybody.
fn declared(code: &str) -> Vec<String> {
    let kinds = ["struct", "enum", "trait", "type", "fn", "const", "static", "macro"];
    let mut names = Vec::new();
    let mut depth = 0;
    // Methods stand in braces.
    for (at, letter) in code.char_indices() {
        depth += i32::from(letter == '{') - i32::from(letter == '}');
        if depth != 0 || !code[at..].starts_with("pub ") {
            continue;
        }
        let mut rest = code[at + "pub ".len()..].split_whitespace();
        let (kind, name) = (rest.next().unwrap_or_default(), rest.next().unwrap_or_default());
        if kinds.contains(&kind) {
            names
                .push(name.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next().unwrap().to_owned());
        }
    }
    names
}

fn last(path: &str) -> &str {
    path.rsplit("::").next().unwrap()
}

/// The public modules of the members, by name: their files.
fn member_modules() -> BTreeMap<String, PathBuf> {
    let mut modules = BTreeMap::new();
    for (folder, _) in MEMBERS {
        let mut files = Vec::new();
        rust_files(Path::new(folder), &mut files);
        for file in files {
            let code = code_of(&file);
            for (at, _) in code.match_indices("pub mod ") {
                let rest = &code[at + "pub mod ".len()..];
                let (name, rest) = rest.split_at(rest.find([';', ' ', '{']).unwrap());
                if rest.starts_with(';') {
                    let folder = file.parent().unwrap();
                    let alone = folder.join(format!("{name}.rs"));
                    let path = if root().join(&alone).exists() { alone } else { folder.join(name).join("mod.rs") };
                    modules.insert(name.to_owned(), path);
                }
            }
        }
    }
    modules
}

/// The files of the facade, and the modules that they are.
fn facade() -> Vec<(String, String)> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(root().join("src")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let module = |path: &Path| match path.file_stem().unwrap().to_str().unwrap() {
        "lib" => "evenkeel".to_owned(),
        name => format!("evenkeel::{name}"),
    };
    files.iter().map(|path| (module(path), code_of(path))).collect()
}

/// Every name with its module; a name that has its page elsewhere, with that path.
fn names() -> BTreeSet<String> {
    let modules = member_modules();
    let mut names = BTreeSet::new();
    for (module, code) in facade() {
        names.extend(declared(&code).into_iter().map(|name| format!("{module}::{name}")));
        for reexport in reexports(&code) {
            for path in &reexport.paths {
                let name = last(path);
                if let Some(elsewhere) = path.strip_prefix("crate::") {
                    names.insert(format!("{module}::{name} = evenkeel::{elsewhere}"));
                    continue;
                }
                let Some(file) = modules.get(name) else {
                    names.insert(format!("{module}::{name}"));
                    continue;
                };
                let code = code_of(file);
                let inner = reexports(&code).into_iter().flat_map(|reexport| reexport.paths);
                let inner = inner.map(|path| last(&path).to_owned()).chain(declared(&code));
                names.extend(inner.map(|inner| format!("{module}::{name}::{inner}")));
            }
        }
    }
    names
}

#[test]
fn public_names_are_those_of_the_list() {
    let text = read(LIST);
    let listed: Vec<&str> = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let names = names();
    assert!(names.len() > 150, "names are not found any more: {}", names.len());
    let listed_once: BTreeSet<String> = listed.iter().map(|&line| line.to_owned()).collect();
    let new: Vec<&String> = names.difference(&listed_once).collect();
    let gone: Vec<&String> = listed_once.difference(&names).collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "a public name is a decision: if it is one, write it into {LIST}\n  new: {new:#?}\n  gone: {gone:#?}"
    );
    assert!(listed.iter().is_sorted() && listed.len() == listed_once.len(), "{LIST}: sort it, one name a line");
}

#[test]
fn public_names_have_one_page_each() {
    let mut pages = BTreeSet::new();
    for (module, code) in facade() {
        for Reexport { attribute, paths } in reexports(&code) {
            for path in paths {
                assert!(!path.ends_with('*'), "{module}: list the names of {path} by hand");
                let wanted = if path.starts_with("crate::") { "#[doc(no_inline)]" } else { "#[doc(inline)]" };
                assert_eq!(attribute, wanted, "{module}: where {path} has its page is to be said");
                let is_first = path.starts_with("crate::") || pages.insert(path.clone());
                assert!(is_first, "{module}: {path} has a page elsewhere: take it from there, by `crate::`");
            }
        }
    }
    assert!(pages.len() > 100, "re-exports are not found any more: {}", pages.len());
}

/// A reader has the facade: what an example takes from a member, he cannot build.
#[test]
fn public_names_in_examples_are_those_of_the_facade() {
    let mut files = Vec::new();
    for folder in
        ["src", "executor/src", "sync/src", "io/src", "taskgroup/src", "coop/src", "examples", "tests/programs"]
    {
        rust_files(Path::new(folder), &mut files);
    }
    let (mut uses, is_code) = (0, |path: &Path| path.starts_with("examples") || path.starts_with("tests"));
    let pages = pages().into_iter().map(|page| (page, true));
    for (file, is_whole) in files.into_iter().map(|file| (file.clone(), is_code(&file))).chain(pages) {
        for (number, line) in read(&file).lines().enumerate().map(|(number, line)| (number + 1, line.trim_start())) {
            if is_whole || line.starts_with("///") || line.starts_with("//!") {
                uses += usize::from(line.contains("use evenkeel::"));
                for (_, member) in MEMBERS {
                    let place = file.display();
                    // The target of a link is not what he reads, and leads to the page of the facade.
                    let read = line.replace(&format!("]({member}::"), "](");
                    assert!(
                        !read.contains(member),
                        "{place}:{number}: a reader has evenkeel, and not {member}: {line}"
                    );
                }
            }
        }
    }
    assert!(uses > 100, "examples are not found any more: {uses}");
}
