//! What is forgotten warns, and says that `let _ = …` forgets it, too.

use crate::tidy::raw_room::sources;

#[test]
fn met_b5_what_is_forgotten_does_not_compile_where_warnings_are_errors() {
    // The program itself is compiled with the others of that folder.
    let said = include_str!("../../ui/forgotten.stderr");
    for (line, names) in [(5, "`let _ = spawn(…)`"), (6, "`let _ = …`"), (7, "`let _ = …`"), (8, "non-binding let")]
    {
        let place = format!("tests/ui/forgotten.rs:{line}:");
        let (before, after) = said.split_once(&place).unwrap_or_else(|| panic!("nothing is said of line {line}"));
        let about = before.lines().last().into_iter().chain(before.lines().rev().nth(1)).chain(after.lines());
        let about: Vec<&str> = about.take_while(|line| !line.is_empty()).collect();
        assert!(about.iter().any(|line| line.contains(names)), "line {line}: {about:?}");
    }
}

#[test]
fn met_b5_whatever_ends_something_when_it_is_dropped_names_let_underscore() {
    let mut told = 0;
    for (file, text) in sources() {
        for line in text.lines().filter(|line| line.trim_start().starts_with("#[must_use = ")) {
            let ends = ["drop", "as long as this lives"].iter().any(|word| line.contains(word));
            told += usize::from(ends);
            assert!(!ends || line.contains("`let _ = "), "{file}: say that `let _ = …` drops it, too: {line}");
        }
    }
    assert!(told >= 16, "{told}");
}
