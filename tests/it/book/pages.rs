//! The book and the README show only code that is compiled, and only output that was printed.
//!
//! A comment before a block says where it comes from: `listing` is a whole file without its module comment, `excerpt` is a run
//! of lines of a file, `output` is what an example prints.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

struct Block {
    page: String,
    line: usize,
    language: String,
    /// The comment before it: kind and argument.
    origin: Option<(String, String)>,
    text: String,
}

pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(super) fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(super) fn pages() -> Vec<PathBuf> {
    let chapters = fs::read_dir(root().join("docs/src")).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<PathBuf> = chapters.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    pages.push(root().join("README.md"));
    pages.sort();
    pages
}

fn blocks() -> Vec<Block> {
    let mut blocks = Vec::new();
    for page in pages() {
        let text = read(&page);
        let mut lines = text.lines().enumerate();
        let mut origin = None;
        while let Some((number, line)) = lines.next() {
            if let Some(comment) = line.strip_prefix("<!-- ").and_then(|line| line.strip_suffix(" -->")) {
                origin = comment.split_once(": ").map(|(kind, what)| (kind.to_owned(), what.to_owned()));
            } else if let Some(language) = line.strip_prefix("```") {
                let body = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```");
                let text = body.map(|line| format!("{line}\n")).collect();
                let page = page.strip_prefix(root()).unwrap().display().to_string();
                let (language, origin) = (language.to_owned(), origin.take());
                blocks.push(Block { page, line: number + 1, language, origin, text });
            } else if !line.is_empty() {
                origin = None;
            }
        }
    }
    blocks
}

/// The blocks of one kind, with the argument of their comment. There must be some, so that no check runs dry.
fn of_kind(kind: &str) -> Vec<(Block, String)> {
    let found: Vec<_> = blocks()
        .into_iter()
        .filter_map(|block| match &block.origin {
            Some((found, what)) if found == kind => Some(what.clone()).map(|what| (block, what)),
            _ => None,
        })
        .collect();
    assert!(!found.is_empty(), "no block of kind `{kind}` is left in the book: is its comment misspelt?");
    found
}

#[test]
fn book_rust_code_says_which_file_it_comes_from() {
    for block in blocks().iter().filter(|block| block.language.starts_with("rust")) {
        let known = matches!(&block.origin, Some((kind, _)) if kind == "listing" || kind == "excerpt");
        assert!(known, "{}:{}: put `<!-- listing: FILE -->` or an excerpt before it", block.page, block.line);
    }
}

#[test]
fn book_listings_are_the_compiled_files() {
    for (block, file) in of_kind("listing") {
        let source = read(&file);
        let body: String = source.split_inclusive('\n').skip_while(|line| line.starts_with("//!")).collect();
        assert_eq!(block.text, body.trim_start_matches('\n'), "{}:{}: copy {file} anew", block.page, block.line);
    }
}

#[test]
fn book_excerpts_stand_in_their_files() {
    fn flat(text: &str) -> String {
        text.lines().map(|line| format!("{}\n", line.trim())).collect()
    }
    for (block, file) in of_kind("excerpt") {
        let found = flat(&read(&file)).contains(&flat(&block.text));
        assert!(found, "{}:{}: {file} reads differently now: copy the lines anew", block.page, block.line);
    }
}

#[test]
fn book_output_is_what_the_examples_print() {
    for (block, example) in of_kind("output") {
        let program = example_binary(&example);
        let output = Command::new(&program).output().unwrap_or_else(|error| {
            panic!("{}: {error}: build it first, `cargo test` or `cargo build --examples` does", program.display())
        });
        assert!(output.status.success(), "{example} failed");
        let printed = String::from_utf8(output.stdout).unwrap();
        assert_eq!(block.text, printed, "{}:{}: copy the output of {example} anew", block.page, block.line);
    }
}

/// Cargo builds examples for `cargo test` and puts them beside the folder of the test programs.
pub(crate) fn example_binary(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let target = tests.parent().and_then(Path::parent).unwrap();
    target.join("examples").join(name).with_extension(std::env::consts::EXE_EXTENSION)
}

#[test]
fn book_lists_the_chapters_that_exist_and_no_others() {
    let summary = read("docs/src/SUMMARY.md");
    let mut listed: Vec<&str> = summary.lines().filter_map(|line| line.split_once("](")?.1.strip_suffix(')')).collect();
    listed.sort_unstable();
    let mut chapters: Vec<String> = fs::read_dir(root().join("docs/src"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".md") && name != "SUMMARY.md")
        .collect();
    chapters.sort_unstable();
    assert_eq!(listed, chapters);
}
