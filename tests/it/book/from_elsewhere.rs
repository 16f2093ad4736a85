//! The pages for those who come from elsewhere: each name of a peer stands there once, and each name of ours in them exists.
//!
//! A row of their tables is `| names of the peer | names of ours | a remark |`. The second cell is `–`, or paths as a user writes
//! them behind `evenkeel::`, separated by commas.

use super::{
    pages::read,
    public_names::{MEMBERS, code_of},
    rules::rust_files,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// What stands first in the heads of a page's tables, and how many names of the peer there are at least.
const PAGES: [(&str, &[&str], usize); 4] = [
    ("docs/src/from-tokio.md", &["tokio", "tokio-util", "tokio-stream", "smol"], 800),
    ("docs/src/from-trio.md", &["Trio"], 240),
    ("docs/src/from-asyncio.md", &["asyncio"], 400),
    ("docs/src/from-kotlin.md", &["Kotlin"], 130),
];

/// The facade's modules in modules, whose names stand there for themselves: `sync::oneshot::Sender` is another than `sync::Sender`.
const ROOMS: [&str; 4] = ["broadcast", "oneshot", "remote", "watch"];

/// An item of the source at whose members users get: what is in its braces, and which kind it is.
struct Item<'a> {
    kind: &'static str,
    name: &'a str,
    body: &'a str,
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// The word at the beginning.
fn word(text: &str) -> &str {
    let text = text.trim_start();
    &text[..text.find(|letter| !is_word(letter)).unwrap_or(text.len())]
}

/// What stands behind a pair of brackets at the beginning, if there is one.
fn behind_angles(text: &str) -> &str {
    let text = text.trim_start();
    let mut depth = 0;
    for (at, letter) in text.char_indices() {
        match letter {
            '<' => depth += 1,
            // An arrow is none.
            '>' if !text[..at].ends_with('-') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return text[at + usize::from(letter == '>')..].trim_start();
        }
    }
    ""
}

/// What is in the braces at the beginning.
fn braces(text: &str) -> &str {
    let mut depth = 0;
    for (at, letter) in text.char_indices() {
        depth += i32::from(letter == '{') - i32::from(letter == '}');
        if depth == 0 {
            return &text[1..at];
        }
    }
    ""
}

/// The type that an `impl` is about, if it is not about a trait.
fn subject(header: &str) -> Option<&str> {
    let mut rest = behind_angles(header);
    let mut name = word(rest);
    while let Some(inner) = rest[name.len()..].strip_prefix("::") {
        rest = inner;
        name = word(rest);
    }
    (!name.is_empty() && word(behind_angles(&rest[name.len()..])) != "for").then_some(name)
}

/// The public types and traits of a file, and its `impl`s.
fn items(code: &str) -> Vec<Item<'_>> {
    let mut items = Vec::new();
    for (kind, begin) in [
        ("impl", "impl"),
        ("struct", "pub struct "),
        ("enum", "pub enum "),
        ("trait", "pub trait "),
        ("trait", "pub unsafe trait "),
    ] {
        for (at, _) in code.match_indices(begin) {
            let before = code[..at].trim_end().trim_end_matches("unsafe").trim_end();
            let rest = &code[at + begin.len()..];
            let is_item = before.is_empty() || before.ends_with(['}', '{', ';', ']']);
            // A tuple struct ends before the next brace.
            let end = rest.find(['{', ';']).filter(|&end| rest[end..].starts_with('{'));
            let (true, Some(end)) = (is_item, end) else { continue };
            let name = if kind == "impl" {
                let is_impl = rest.starts_with([' ', '<']);
                subject(&rest[..end]).filter(|_| is_impl)
            } else {
                Some(word(rest))
            };
            items.extend(name.map(|name| Item { kind, name, body: braces(&rest[end..]) }));
        }
    }
    items
}

/// The names of the members that a user may use.
fn members(item: &Item<'_>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut depth = 0;
    let mut is_begin = true;
    for (at, letter) in item.body.char_indices() {
        let rest = &item.body[at..];
        if depth == 0 && !item.body[..at].ends_with(is_word) {
            let public = rest.strip_prefix("pub ");
            let mut words = public.unwrap_or(rest).split_whitespace();
            let kind = words.by_ref().find(|word| !["async", "unsafe"].contains(word)).unwrap_or_default();
            let next = words.next().unwrap_or_default();
            let name = match item.kind {
                "impl" if public.is_some() && kind == "const" && next != "fn" => next,
                "impl" if public.is_some() && kind == "const" => words.next().unwrap_or_default(),
                "impl" if public.is_some() && kind == "fn" => next,
                "trait" if rest.starts_with("fn ") => next,
                "struct" if public.is_some() && kind.ends_with(':') => kind,
                "enum" if is_begin && letter.is_uppercase() => rest,
                _ => "",
            };
            names.extend(Some(word(name).to_owned()).filter(|name| !name.is_empty()));
        }
        depth += i32::from("({[".contains(letter)) - i32::from(")}]".contains(letter));
        is_begin = depth == 0 && (letter == ',' || letter == ']' || is_begin && letter.is_whitespace());
    }
    names
}

/// The room of a name in the facade, or of a file.
fn room<'a>(mut parts: impl Iterator<Item = &'a str>) -> &'static str {
    let found = parts.find_map(|part| ROOMS.into_iter().find(|room| part.trim_end_matches(".rs") == *room));
    found.unwrap_or_default()
}

/// What a user can write behind `evenkeel::`.
struct Names {
    /// Those of the list, each with the path of its page.
    listed: BTreeMap<String, String>,
    /// What a type has, by room and name.
    members: BTreeMap<(&'static str, String), BTreeSet<String>>,
    /// Types that are another by a second name.
    aliases: BTreeMap<String, String>,
}

impl Names {
    fn read() -> Names {
        let list = read("docs/names.txt");
        let rows = list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let rows = rows.map(|row| row.split_once(" = ").unwrap_or((row, row)));
        let short = |path: &str| path.trim_start_matches("evenkeel::").to_owned();
        let listed = rows.map(|(name, page)| (short(name), short(page))).collect();
        let mut files = Vec::new();
        for folder in MEMBERS.into_iter().map(|(folder, _)| folder).chain(["src"]) {
            rust_files(Path::new(folder), &mut files);
        }
        let mut names = Names { listed, members: BTreeMap::new(), aliases: BTreeMap::new() };
        for file in files {
            names.add(room(file.iter().filter_map(|part| part.to_str())), &code_of(&file));
        }
        assert!(names.members.len() > 100, "types are not found any more: {}", names.members.len());
        names
    }

    fn add(&mut self, room: &'static str, code: &str) {
        for item in items(code) {
            self.members.entry((room, item.name.to_owned())).or_default().extend(members(&item));
        }
        for (at, begin) in code.match_indices("pub type ") {
            let rest = &code[at + begin.len()..];
            let name = word(rest);
            let of = rest[name.len()..].split_once('=').map_or("", |(_, of)| of.trim_start());
            let of = of[..of.find(['<', ';']).unwrap_or(of.len())].rsplit("::").next().unwrap_or_default();
            self.aliases.insert(name.to_owned(), of.to_owned());
        }
    }

    /// Is there such a module, item, or member of an item?
    fn has(&self, path: &str) -> bool {
        let inside = format!("{path}::");
        if self.listed.contains_key(path) || self.listed.keys().any(|name| name.starts_with(&inside)) {
            return true;
        }
        let Some((owner, member)) = path.rsplit_once("::") else { return false };
        let Some(page) = self.listed.get(owner) else { return false };
        let name = page.rsplit("::").next().unwrap_or_default();
        let room = room(page.split("::"));
        let name = self.aliases.get(name).map_or(name, String::as_str);
        self.members.get(&(room, name.to_owned())).is_some_and(|members| members.contains(member))
    }
}

/// What stands in backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// What is left of a cell without what stands in backticks.
fn unquoted(cell: &str) -> String {
    cell.split('`').step_by(2).collect()
}

fn is_path(text: &str) -> bool {
    let mut parts = text.split("::");
    !text.is_empty() && parts.all(|part| !part.is_empty() && part.chars().all(is_word))
}

/// What is wrong with the tables of a page, and the names of the peer in them.
fn look_through(page: &str, heads: &[&str], names: &Names) -> (Vec<String>, BTreeSet<String>) {
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for (number, line) in page.lines().enumerate().map(|(number, line)| (number + 1, line)) {
        let mut say = |what: String| wrong.push(format!("{number}: {what}"));
        let Some(row) = line.strip_prefix('|') else { continue };
        let cells: Vec<&str> = row.trim_end().trim_end_matches('|').split('|').map(str::trim).collect();
        let &[theirs, ours, remark] = &cells[..] else {
            say(format!("a row has three cells, and not {}: {line}", cells.len()));
            continue;
        };
        let is_rule = cells.iter().all(|cell| cell.chars().all(|letter| letter == '-') && !cell.is_empty());
        if is_rule || heads.contains(&theirs) && (ours, remark) == ("here", "remark") {
            continue;
        }
        if cells.iter().any(|cell| cell.is_empty()) {
            say(format!("a cell is empty: {line}"));
        }
        if quoted(theirs).next().is_none() || unquoted(theirs).contains(|letter: char| ![',', ' '].contains(&letter)) {
            say(format!("names of the peer stand in backticks, with commas between them: {theirs}"));
        }
        for name in quoted(theirs) {
            if !seen.insert(name.to_owned()) {
                say(format!("{name} stands there twice"));
            }
        }
        let is_none = ours == "–";
        if !is_none
            && (quoted(ours).next().is_none() || unquoted(ours).contains(|letter| ![',', ' '].contains(&letter)))
        {
            say(format!("names of ours stand in backticks, with commas between them: {ours}"));
        }
        if is_none && remark.split_whitespace().count() < 2 {
            say(format!("{theirs}: why is it not here, and what is written instead?"));
        }
        for name in quoted(ours) {
            if !is_path(name) || !names.has(name) {
                say(format!("{theirs}: there is no evenkeel::{name}"));
            }
        }
        // In a remark our names stand between words, and others, std's say. Ours begin with a name of the facade.
        for name in quoted(remark).filter(|name| name.contains("::") && is_path(name)) {
            let first = name.split("::").next().unwrap_or_default();
            if names.has(first) && !names.has(name) {
                say(format!("{theirs}: there is no evenkeel::{name}"));
            }
        }
    }
    (wrong, seen)
}

#[test]
fn from_elsewhere_every_name_in_the_tables_exists_and_stands_once() {
    let names = Names::read();
    let mut wrong = Vec::new();
    for (page, heads, least) in PAGES {
        let (found, seen) = look_through(&read(page), heads, &names);
        wrong.extend(found.into_iter().map(|what| format!("{page}:{what}")));
        if seen.len() < least {
            wrong.push(format!("{page}: rows are not found any more: {}", seen.len()));
        }
    }
    assert!(wrong.is_empty(), "{} rows are wrong\n{}", wrong.len(), wrong.join("\n"));
}

/// The look through the source finds what users can reach, and nothing else.
#[test]
fn from_elsewhere_a_name_that_users_cannot_reach_is_refused() {
    let names = Names::read();
    let there = [
        "sync",
        "sync::oneshot",
        "sync::Sender",
        "sync::Sender::try_send",
        "sync::oneshot::Sender::send",
        "sync::watch::Sender::send_modify",
        "sync::Queue::try_put",
        "sync::RateLimiter::burst",
        "sync::TryGetError::Empty",
        "sync::PutError::into_inner",
        "sync::WaitQueue::grant_all",
        "threads::remote::Sender::send_blocking",
        "host::Park::park",
        "host::Progress::next_wait",
        "Task::outcome",
        "task::Task::outcome",
        "TaskGroup::spawn",
        "group::TaskGroup::builder",
        "Instant::NEVER",
        "CancelReason::SiblingFailed",
        "testing::VirtualClock::advance",
        "time::Interval::tick",
        "gather",
    ];
    let not_there = [
        // Nothing is called so.
        "snyc",
        "sync::Sander",
        "sync::Sender::sned",
        // It is elsewhere.
        "Sender",
        "sync::spawn",
        "sync::remote::Sender",
        // A method of another type, also of one with the same name.
        "sync::Sender::lock",
        "sync::Sender::send_modify",
        "sync::oneshot::Sender::try_send",
        "Task::spawn",
        // It is private, or the crate's own.
        "sync::Semaphore::release",
        "sync::RwLock::read_now",
        "host::Progress::polls_left",
        // A type has no members of members.
        "sync::Sender::send::now",
        // It is in the members, but not in the facade.
        "coop::without_budget",
        "",
    ];
    let refused: Vec<&str> = there.into_iter().filter(|name| !names.has(name)).collect();
    let taken: Vec<&str> = not_there.into_iter().filter(|name| names.has(name)).collect();
    assert!(refused.is_empty() && taken.is_empty(), "refused: {refused:?}, taken: {taken:?}");
}

#[test]
fn from_elsewhere_members_are_those_that_are_public() {
    let code = "pub struct One<'a, F: Fn() -> u8> where F: Copy { pub first: u8, second: u8, pub(crate) third: u8 } \
        impl<'a, F: Fn() -> u8> One<'a, F> where F: Copy { pub const ALL: u8 = 1; const NONE: u8 = 0; \
        pub fn four(&self) -> impl Sized { pub fn inner() { } } pub const fn five() { } pub async fn six<T>() { } fn seven() { } \
        pub(crate) fn eight() { } } impl<'a, F> super::Trait<F> for One<'a, F> { fn nine() { } } \
        pub enum Two { #[error(\"a, B\")] First, Second(Third), Fourth { fifth: Sixth } } \
        pub trait Seven { fn eight(); } trait Nine { fn ten(); } pub struct Tuple(u8); impl Tuple { pub fn eleven() { } }";
    let mut names = Names { listed: BTreeMap::new(), members: BTreeMap::new(), aliases: BTreeMap::new() };
    names.add("", code);
    let found: Vec<String> = names.members.iter().map(|((_, name), members)| format!("{name}: {members:?}")).collect();
    let wanted = [
        r#"One: {"ALL", "first", "five", "four", "six"}"#,
        r#"Seven: {"eight"}"#,
        r#"Tuple: {"eleven"}"#,
        r#"Two: {"First", "Fourth", "Second"}"#,
    ];
    assert_eq!(found, wanted);
}

#[test]
fn from_elsewhere_a_row_that_is_no_good_is_told() {
    let names = Names::read();
    let said = |row: &str| {
        let page = format!("| peer | here | remark |\n|---|---|---|\n{row}\n");
        look_through(&page, &["peer"], &names).0.join("; ")
    };
    let good = "| `one`, `two` | `spawn`, `sync::Sender::send` | as `sync::Sender::try_send`, and `std::pin::pin` |";
    assert_eq!(said(good), "");
    assert_eq!(said("| `one` | – | not here: write `spawn` |"), "");
    for (row, what) in [
        ("| `one` | `spwan` | the same |", "there is no evenkeel::spwan"),
        ("| `one` | `spawn()` | the same |", "there is no evenkeel::spawn()"),
        ("| `one` | `spawn` | as `sync::Sender::lock` |", "there is no evenkeel::sync::Sender::lock"),
        ("| `one` | `spawn` | |", "a cell is empty"),
        ("| `one` | | the same |", "a cell is empty"),
        ("| | `spawn` | the same |", "a cell is empty"),
        ("| `one` | `spawn` |", "three cells"),
        ("| `one`, `two`, `one` | `spawn` | the same |", "one stands there twice"),
        ("| `one` | `spawn` | the same |\n| `one` | `run` | the same |", "one stands there twice"),
        ("| one | `spawn` | the same |", "names of the peer stand in backticks"),
        ("| `one` | spawn | the same |", "names of ours stand in backticks"),
        ("| `one` | – | no |", "why is it not here"),
    ] {
        assert!(said(row).contains(what), "{row}: {:?} does not say {what:?}", said(row));
    }
}

/// The programs that stand on the pages. Each ends with an assertion about what it has done.
macro_rules! programs {
    ($($peer:ident: $file:literal),*) => {$(
        mod $peer {
            include!($file);

            #[test]
            fn from_elsewhere_the_program_does_what_its_peer_does() {
                main();
            }
        }
    )*};
}
programs!(
    tokio: "from_elsewhere/tokio.rs",
    trio: "from_elsewhere/trio.rs",
    asyncio: "from_elsewhere/asyncio.rs",
    kotlin: "from_elsewhere/kotlin.rs"
);
