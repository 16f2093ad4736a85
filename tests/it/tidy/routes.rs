//! The routes in ARCHITECTURE.md: each function stands in its file, and is called by one before it.

use std::{collections::BTreeSet, fs, path::Path};

/// One step: a file and a function.
struct Step<'a> {
    file: &'a str,
    function: &'a str,
}

/// The text of all functions of that name in a source.
fn bodies(source: &str, name: &str) -> String {
    let lines: Vec<&str> = source.lines().collect();
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let declared = code.split("fn ").nth(1).is_some_and(|rest| {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            rest[..end] == *name
        });
        if !declared || code.starts_with("//") {
            continue;
        }
        let indent = &line[..line.len() - code.len()];
        let close = format!("{indent}}}");
        let end = lines[at..].iter().position(|line| **line == *close).map_or(at, |length| at + length);
        text += &lines[at + 1..=end.max(at + 1).min(lines.len() - 1)].join("\n");
    }
    text
}

/// Is that word in the text?
fn mentions(text: &str, word: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        !text[..at].chars().next_back().is_some_and(is_word)
            && !text[at + word.len()..].chars().next().is_some_and(is_word)
    })
}

#[test]
fn architecture_routes_lead_from_function_to_function() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    let (_, page) = page.split_once("### Routes").expect("ARCHITECTURE.md has a part `### Routes`");
    let table = page.split("\n## ").next().unwrap();
    let mut newcomer = BTreeSet::new();
    let mut count = 0;
    for row in table.lines().filter(|line| line.contains(".rs`: ")) {
        let cells: Vec<&str> = row.split(" | ").collect();
        let (name, functions) = (cells[0].trim_start_matches("| "), cells[1].trim_end_matches(" |"));
        let mut steps = Vec::new();
        for stretch in functions.split("; ") {
            let (file, functions) =
                stretch.split_once(": ").unwrap_or_else(|| panic!("not `file: functions`: {stretch}"));
            let file = file.trim_matches('`');
            steps.extend(functions.split(", ").map(|function| Step { file, function: function.trim_matches('`') }));
        }
        count += 1;
        if count <= 2 {
            newcomer.extend(steps.iter().map(|step| step.file.to_owned()));
        }
        let mut before = String::new();
        for Step { file, function } in steps {
            let source = fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{name}: {file}: {error}"));
            let body = bodies(&source, function);
            assert!(!body.is_empty(), "ARCHITECTURE.md, route \"{name}\": {file} has no function `{function}`");
            assert!(
                before.is_empty() || mentions(&before, function),
                "ARCHITECTURE.md, route \"{name}\": nothing before it calls `{function}` of {file}"
            );
            before += &body;
        }
    }
    assert!(count >= 8, "the routes are not found any more");
    assert!(newcomer.len() <= 10, "from run() to a woken task a newcomer needs {} files: {newcomer:?}", newcomer.len());
}
