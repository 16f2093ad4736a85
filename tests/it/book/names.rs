//! What the pages name exists: files, functions, and the words of the glossary.

use super::{
    pages::{pages, read, root},
    rules::rust_files,
};
use std::{collections::BTreeSet, path::Path};

/// The lines of the book, the README, and the page about the architecture, each with its place.
fn lines() -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for page in pages().into_iter().chain([root().join("ARCHITECTURE.md")]) {
        let name = page.strip_prefix(root()).unwrap().display();
        let text = read(&page);
        lines
            .extend(text.lines().enumerate().map(|(number, line)| (format!("{name}:{}", number + 1), line.to_owned())));
    }
    lines
}

/// The words of the members' code, each line's without its comment.
fn code_words() -> Vec<String> {
    let mut files = Vec::new();
    for folder in ["executor/src", "sync/src", "io/src", "taskgroup/src", "coop/src", "src"] {
        rust_files(Path::new(folder), &mut files);
    }
    let code: String = files.iter().map(read).collect();
    let code = code.lines().map(|line| line.split("//").next().unwrap_or_default());
    let words = code.flat_map(|line| line.split(|letter: char| !letter.is_alphanumeric() && letter != '_'));
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// What stands behind one of these words.
fn declared(code: &[String], by: &[&str]) -> BTreeSet<String> {
    code.windows(2).filter(|pair| by.contains(&&*pair[0])).map(|pair| pair[1].clone()).collect()
}

const TYPES: [&str; 5] = ["struct", "enum", "trait", "type", "union"];

/// The words of the glossary are found where it says.
#[test]
fn names_in_the_glossary_are_declared_in_the_source() {
    let code = code_words();
    let mut known = declared(&code, &TYPES);
    known.extend(declared(&code, &["fn", "const"]));
    let page = read("docs/src/glossary.md");
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| **")).collect();
    assert!(rows.len() > 30, "the rows of the glossary are not found any more");
    for row in rows {
        let Some((word, [_, place])) = row.strip_prefix("| **").and_then(|row| {
            let (word, rest) = row.split_once("** | ")?;
            Some((word, <[&str; 2]>::try_from(rest.split(" | ").collect::<Vec<_>>()).ok()?))
        }) else {
            panic!("docs/src/glossary.md: not word, meaning and place: {row}");
        };
        for name in place.split('`').skip(1).step_by(2) {
            assert!(
                known.contains(name),
                "docs/src/glossary.md: {word}: nothing in the source is called `{name}` any more"
            );
        }
    }
}

/// Top folders, at which a path in a text is known.
const FOLDERS: [&str; 9] =
    ["executor/", "sync/", "io/", "taskgroup/", "tests/", "examples/", "docs/", "benches/", ".ci/"];

#[test]
fn names_of_files_on_the_pages_exist() {
    let mut named = 0;
    for (at, line) in lines() {
        let paths = line.split('`').skip(1).step_by(2).filter(|path| !path.contains([' ', '*', '…', '{']));
        for path in paths.filter(|path| FOLDERS.iter().any(|folder| path.starts_with(folder))) {
            named += 1;
            assert!(root().join(path).exists(), "{at}: there is no {path}: say where it is now");
        }
    }
    assert!(named > 20, "paths are not found any more: {named}");
}

/// `Tasks::request`, say: a type of ours, and a function or a variant behind it.
#[test]
fn names_of_functions_on_the_pages_exist() {
    let code = code_words();
    let (types, functions) = (declared(&code, &TYPES), declared(&code, &["fn"]));
    let words: BTreeSet<&str> = code.iter().map(String::as_str).collect();
    let mut named = 0;
    for (at, line) in lines() {
        let names = line.split(|letter: char| !letter.is_alphanumeric() && !['_', ':'].contains(&letter));
        for (owner, name) in names.filter_map(|name| name.trim_end_matches(':').split_once("::")) {
            if types.contains(owner) && !name.contains(':') {
                named += 1;
                let is_variant = name.starts_with(|letter: char| letter.is_uppercase());
                let exists = if is_variant { words.contains(name) } else { functions.contains(name) };
                assert!(exists, "{at}: there is no {owner}::{name}: say what it is called now");
            }
        }
    }
    assert!(named > 50, "names are not found any more: {named}");
}
