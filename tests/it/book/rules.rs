//! Every number in the name of a test stands on a page of the book, and every rule on these pages has a test.
//!
//! A name is `cancel_08_…`: a word, a number, perhaps `_and_` and more numbers, then what the test asserts. `loom_` may stand before it,
//! `asyncio_` before a fact, and `met_a1_`, or another letter and number, for what users met. Rules are rows of `docs/src/rules.md`, `fact_8` is one of `docs/src/facts.md`, `fault_08` one of
//! `docs/src/faults.md`.

use super::pages::{read, root};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// What has a number: the word and the number.
type Rule = (String, u32);

const RULES: &str = "docs/src/rules.md";
const FACTS: &str = "docs/src/facts.md";
const FAULTS: &str = "docs/src/faults.md";

/// The page on which rules of that word stand.
fn page_of(word: &str) -> &'static str {
    match word {
        "fact" => FACTS,
        "fault" => FAULTS,
        _ => RULES,
    }
}

/// As it stands at the beginning of a test's name. Facts have no leading zero.
fn written((word, number): &Rule) -> String {
    if word == "fact" { format!("{word}_{number}") } else { format!("{word}_{number:02}") }
}

pub(super) fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = folder.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

struct Test {
    file: String,
    name: String,
}

/// All tests of the workspace's shipped crates.
fn tests() -> Vec<Test> {
    let mut files = Vec::new();
    for folder in [
        "tests",
        "src",
        "executor/src",
        "executor/tests",
        "coop/src",
        "sync/src",
        "io/src",
        "taskgroup/src",
        "taskgroup/tests",
    ] {
        rust_files(Path::new(folder), &mut files);
    }
    let mut tests = Vec::new();
    for path in files {
        let mut is_test = false;
        for line in read(&path).lines().map(str::trim) {
            is_test |= line == "#[test]";
            let Some((name, _)) = line.strip_prefix("fn ").and_then(|line| line.split_once(['(', '<'])) else {
                continue;
            };
            if std::mem::take(&mut is_test) {
                tests.push(Test { file: path.display().to_string(), name: name.to_owned() });
            }
        }
    }
    assert!(tests.len() > 1000, "tests are not found any more: {}", tests.len());
    tests
}

/// The rules that a test is named after, and whether their numbers are written as they should be.
fn rules_in(name: &str) -> Vec<(Rule, bool)> {
    // The version after which CPython has these.
    if name.starts_with("asyncio_3_15_") {
        return Vec::new();
    }
    let name = name.strip_prefix("loom_").or_else(|| name.strip_prefix("asyncio_")).unwrap_or(name);
    // What users met has a name of its own before the rule: `met_a1_loop_01_…`.
    let name = name.strip_prefix("met_").and_then(|rest| rest.split_once('_')).map_or(name, |(_, rest)| rest);
    let mut words = name.split('_');
    let subject = words.next().unwrap_or_default().to_owned();
    let mut rules = Vec::new();
    let is_number = |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    while let Some(digits) = words.next().filter(is_number) {
        let rule = (subject.clone(), digits.parse().unwrap());
        let is_well_written = written(&rule) == format!("{subject}_{digits}");
        rules.push((rule, is_well_written));
        if words.next() != Some("and") {
            break;
        }
    }
    rules
}

/// The rows of a page in which each begins with an anchor and the same in bold, with their texts.
fn listed(page: &str) -> Vec<(Rule, String)> {
    let mut rows: Vec<(Rule, String)> = Vec::new();
    let mut is_row = false;
    for (number, line) in read(page).lines().enumerate() {
        if let Some((id, rest)) = line.strip_prefix("- <a id=\"").and_then(|line| line.split_once("\"></a>**`")) {
            let at = format!("{page}:{}", number + 1);
            let (label, text) = rest.split_once("`** ").unwrap_or_else(|| panic!("{at}: the rule has no text"));
            assert_eq!(id, label, "{at}: the anchor is another rule's");
            let [(rule, true)] = &rules_in(id)[..] else { panic!("{at}: `{id}` is no word and number") };
            assert!(page_of(&rule.0) == page, "{at}: {id} belongs on {}", page_of(&rule.0));
            rows.push((rule.clone(), text.to_owned()));
            is_row = true;
        } else if is_row && line.starts_with("  ") {
            let (_, text) = rows.last_mut().unwrap();
            text.push_str(line);
        } else {
            is_row = false;
        }
    }
    assert!(rows.len() > 50, "the rows of {page} are not found any more");
    rows
}

/// The rows of the table of faults, with their texts.
fn faults() -> Vec<(Rule, String)> {
    let page = read(FAULTS);
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
    let rows = rows.filter_map(|(number, text)| Some((("fault".to_owned(), number.parse().ok()?), text.to_owned())));
    let rows: Vec<_> = rows.collect();
    assert!(rows.len() > 30, "the rows of {FAULTS} are not found any more");
    rows
}

/// How many tests each rule has.
fn tested(tests: &[Test]) -> BTreeMap<Rule, usize> {
    let mut counts = BTreeMap::new();
    for (rule, _) in tests.iter().flat_map(|test| rules_in(&test.name)) {
        *counts.entry(rule).or_default() += 1;
    }
    counts
}

#[test]
fn rules_each_number_in_the_name_of_a_test_stands_on_a_page() {
    let rows = listed(RULES).into_iter().chain(listed(FACTS)).chain(faults());
    let rows: BTreeSet<Rule> = rows.map(|(rule, _)| rule).collect();
    let mut wrong = Vec::new();
    for test in tests() {
        for (rule, is_well_written) in rules_in(&test.name) {
            let (number, page) = (written(&rule), page_of(&rule.0));
            if !is_well_written {
                wrong.push(format!("{}: `{}`: write `{number}_…`", test.file, test.name));
            } else if !rows.contains(&rule) {
                wrong.push(format!(
                    "{}: `{}`: no `{number}` stands in {page}: state that rule there, or name the test after the one that it holds",
                    test.file, test.name
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn rules_each_rule_stands_once_has_a_reason_and_a_test() {
    let counts = tested(&tests());
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for (rule, text) in listed(RULES) {
        let number = written(&rule);
        if !text.contains(" *Why:* ") {
            wrong.push(format!("{RULES}: `{number}` has no reason: add `*Why:* …`"));
        }
        if !counts.contains_key(&rule) {
            wrong.push(format!("{RULES}: `{number}` has no test: write one, `fn {number}_…`, or take the rule away"));
        }
        if !seen.insert(rule) {
            wrong.push(format!("{RULES}: `{number}` stands there twice: give one of them another number"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Facts 59 to 75 are named by number in the first column of the page about synchronisation.
#[test]
fn rules_each_fact_about_asyncio_has_a_test_or_a_row_in_the_tables_of_differences() {
    let counts = tested(&tests());
    let differences = read("docs/src/differences.md");
    let synchronisation = read("docs/src/differences-sync.md");
    let firsts = synchronisation.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | ")).map(|row| row.0);
    let numbers: BTreeSet<u32> = firsts
        .flat_map(|first| first.split(|letter: char| !letter.is_ascii_digit()))
        .filter_map(|digits| digits.parse().ok())
        .collect();
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for (rule, _) in listed(FACTS) {
        let fact = written(&rule);
        let is_explained = differences.contains(&format!("`{fact}`")) || numbers.contains(&rule.1);
        if !counts.contains_key(&rule) && !is_explained {
            wrong.push(format!(
                "{FACTS}: `{fact}` is neither tested (`fn {fact}_…`) nor a row of the tables of differences"
            ));
        }
        if !seen.insert(rule) {
            wrong.push(format!("{FACTS}: `{fact}` stands there twice"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A row names the tests that keep its fault away, by how their names begin: `fault_10_…`. One that names none gives a reason.
#[test]
fn rules_each_row_of_faults_names_tests_that_exist_and_its_own() {
    let tests = tests();
    let counts = tested(&tests);
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for (rule, text) in faults() {
        let own = written(&rule);
        let named: Vec<&str> = text.split('`').skip(1).step_by(2).filter_map(|name| name.strip_suffix('…')).collect();
        for start in &named {
            if !tests.iter().any(|test| test.name.starts_with(start)) {
                wrong.push(format!("{FAULTS}: row {}: no test is called `{start}…`", rule.1));
            }
        }
        let is_named = named.iter().any(|start| rules_in(start).iter().any(|(named, _)| *named == rule));
        if counts.contains_key(&rule) && !is_named {
            wrong.push(format!("{FAULTS}: row {} does not name its tests: write `{own}_…`", rule.1));
        }
        if !seen.insert(rule) {
            wrong.push(format!("{FAULTS}: `{own}` stands there twice"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
