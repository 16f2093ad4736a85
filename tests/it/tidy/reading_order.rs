//! Reading order is dependency order: each crate's `mod` lines lead from the way in to the ground, and a file names only what
//! stands below it.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs,
    path::{Path, PathBuf},
};

/// Sources of the crates that are published.
const CRATES: [&str; 6] = ["executor/src", "taskgroup/src", "sync/src", "io/src", "coop/src", "src"];

/// Who may name what stands above: the crate, the file, what it names, and why.
const EXCEPTIONS: [(&str, &str, &str, &str); 4] = [
    ("executor/src", "threads::job", "threads::pool", "a job that ends tells the pool whose line it stood in"),
    ("executor/src", "threads::job", "threads::limiter", "a job gives its permit back, to the next job in that line"),
    ("executor/src", "outcome::flat", "outcome::panic", "a panic's payload is dropped flat, and may panic"),
    ("executor/src", "outcome::flat", "outcome::unhandled", "which is reported then"),
];

/// One file of a crate, which is one module.
struct File {
    /// From the crate's root: `raw::table`; the root's is empty.
    module: String,
    /// Names that this file takes from elsewhere, with the path that it takes each from.
    imports: Vec<(String, String)>,
    /// Names that it takes from other crates.
    foreign: BTreeSet<String>,
    /// What it names, as paths from the crate's root.
    names: BTreeSet<String>,
}

/// The files of a crate in reading order.
struct House {
    files: Vec<File>,
}

impl House {
    fn read(root: &Path) -> House {
        let mut house = House { files: Vec::new() };
        house.enter(root, "", &root.join("lib.rs"));
        house
    }

    /// Reads a file, and then those of its `mod` lines.
    fn enter(&mut self, dir: &Path, module: &str, path: &Path) {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let tokens = without_tests(tokens(&text));
        let children = mod_lines(&tokens);
        let Paths { imports, foreign, names } = named_paths(&tokens, module, &children);
        self.files.push(File { module: module.to_owned(), imports, foreign, names });
        for child in children {
            let file = dir.join(format!("{child}.rs"));
            let file = if file.exists() { file } else { dir.join(&child).join("mod.rs") };
            self.enter(&dir.join(&child), &join(module, &child), &file);
        }
    }

    fn find(&self, module: &str) -> Option<usize> {
        self.files.iter().position(|file| file.module == module)
    }

    /// The file in which that path's last item stands, through re-exports. `None`: it is of another crate.
    fn resolve(&self, path: &str, depth: usize) -> Option<usize> {
        let mut at = self.find("")?;
        let segments: Vec<&str> = path.split("::").filter(|segment| !segment.is_empty()).collect();
        for (n, segment) in segments.iter().enumerate() {
            let file = &self.files[at];
            if let Some(child) = self.find(&join(&file.module, segment)) {
                at = child;
                continue;
            }
            if file.foreign.contains(*segment) {
                return None;
            }
            if depth > 20 {
                return Some(at);
            }
            let rest = |target: &str| {
                let rest = segments[n + 1..].iter();
                rest.fold(target.to_owned(), |path, segment| join(&path, segment))
            };
            let of_name = file.imports.iter().find(|(name, _)| name == segment);
            if let Some((_, target)) = of_name {
                return self.resolve(&rest(target), depth + 1);
            }
            for (_, target) in file.imports.iter().filter(|(name, _)| name == "*") {
                let Some(glob) = self.resolve(target, depth + 1) else { continue };
                let named = self.resolve(&rest(&join(&self.files[glob].module, segment)), depth + 1);
                if named.is_some_and(|named| named != glob) {
                    return named;
                }
            }
            return Some(at);
        }
        Some(at)
    }

    /// For each file those that it names.
    fn arrows(&self) -> Vec<BTreeSet<usize>> {
        let targets = |(at, file): (usize, &File)| {
            let targets = file.names.iter().filter_map(|name| self.resolve(name, 0));
            targets.filter(|target| *target != at).collect()
        };
        self.files.iter().enumerate().map(targets).collect()
    }

    /// The shortest way along arrows.
    fn way(&self, arrows: &[BTreeSet<usize>], from: usize, to: usize) -> Option<Vec<usize>> {
        let mut before = BTreeMap::from([(from, from)]);
        let mut queue = VecDeque::from([from]);
        while let Some(at) = queue.pop_front() {
            for &next in &arrows[at] {
                if before.contains_key(&next) {
                    continue;
                }
                before.insert(next, at);
                queue.push_back(next);
            }
        }
        before.get(&to)?;
        let mut way = vec![to];
        while way[way.len() - 1] != from {
            way.push(before[&way[way.len() - 1]]);
        }
        way.reverse();
        Some(way)
    }

    fn name(&self, at: usize) -> &str {
        let module = &self.files[at].module;
        if module.is_empty() { "lib" } else { module }
    }
}

/// A path one step longer.
fn join(path: &str, segment: &str) -> String {
    if path.is_empty() { segment.to_owned() } else { format!("{path}::{segment}") }
}

/// Words and single signs of a source text, without comments, texts and characters.
fn tokens(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    let starts = |at: usize, what: &str| what.chars().enumerate().all(|(n, c)| chars.get(at + n) == Some(&c));
    while at < chars.len() {
        let c = chars[at];
        if starts(at, "//") {
            at += chars[at..].iter().take_while(|c| **c != '\n').count();
        } else if c == '"' {
            at += 1;
            while chars.get(at).is_some_and(|c| *c != '"') {
                at += if chars[at] == '\\' { 2 } else { 1 };
            }
            at += 1;
        } else if c == '\'' && (chars.get(at + 1) == Some(&'\\') || chars.get(at + 2) == Some(&'\'')) {
            at += if chars[at + 1] == '\\' { 3 } else { 2 };
            while chars.get(at).is_some_and(|c| *c != '\'') {
                at += 1;
            }
            at += 1;
        } else if c.is_alphanumeric() || c == '_' {
            let word: String = chars[at..].iter().take_while(|c| c.is_alphanumeric() || **c == '_').collect();
            at += word.chars().count();
            tokens.push(word);
        } else {
            if !c.is_whitespace() {
                tokens.push(c.to_string());
            }
            at += 1;
        }
    }
    tokens
}

/// Leaves out `mod tests { … }` and other modules in braces that only tests see.
fn without_tests(tokens: Vec<String>) -> Vec<String> {
    let mut kept = Vec::new();
    let mut at = 0;
    let is =
        |at: usize, what: &[&str]| what.iter().enumerate().all(|(n, w)| tokens.get(at + n).is_some_and(|t| t == w));
    while at < tokens.len() {
        let is_of_tests = |name: &String| name.contains("test") || name.contains("loom");
        if is(at, &["mod"])
            && tokens.get(at + 1).is_some_and(is_of_tests)
            && tokens.get(at + 2).is_some_and(|t| t == "{")
        {
            let mut depth = 0;
            at += 2;
            loop {
                match tokens[at].as_str() {
                    "{" => depth += 1,
                    "}" => depth -= 1,
                    _ => {}
                }
                at += 1;
                if depth == 0 {
                    break;
                }
            }
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

fn mod_lines(tokens: &[String]) -> Vec<String> {
    let lines = tokens.windows(3).filter(|line| line[0] == "mod" && line[2] == ";");
    lines.map(|line| line[1].clone()).collect()
}

/// See [`File`].
#[derive(Default)]
struct Paths {
    imports: Vec<(String, String)>,
    foreign: BTreeSet<String>,
    names: BTreeSet<String>,
}

/// What a file imports, name by name, and all paths of its own crate that it writes, from the crate's root on.
fn named_paths(tokens: &[String], module: &str, children: &[String]) -> Paths {
    let Paths { mut imports, mut foreign, mut names } = Paths::default();
    let mut at = 0;
    while at < tokens.len() {
        let is_use = tokens[at] == "use" && at.checked_sub(1).is_none_or(|before| tokens[before] != "+");
        let is_path = matches!(tokens[at].as_str(), "crate" | "super")
            && tokens.get(at + 1).is_some_and(|next| next == ":")
            && at.checked_sub(1).is_none_or(|before| tokens[before] != ":" && tokens[before] != "in");
        if is_use {
            let end = at + tokens[at..].iter().position(|token| token == ";").unwrap_or(0);
            for (name, path) in tree(&tokens[at + 1..end], "") {
                if let Some(path) = absolute(&path, module, children) {
                    names.insert(path.clone());
                    imports.push((name, path));
                } else {
                    foreign.insert(name);
                }
            }
            at = end;
        } else if is_path {
            let mut path = tokens[at].clone();
            while tokens.get(at + 1).is_some_and(|sign| sign == ":")
                && tokens.get(at + 2).is_some_and(|sign| sign == ":")
            {
                let Some(word) =
                    tokens.get(at + 3).filter(|word| word.chars().all(|c| c.is_alphanumeric() || c == '_'))
                else {
                    break;
                };
                path = join(&path, word);
                at += 3;
            }
            names.extend(absolute(&path, module, children));
        }
        at += 1;
    }
    Paths { imports, foreign, names }
}

/// The names of a `use` line's tree, each with its path.
fn tree(tokens: &[String], path: &str) -> Vec<(String, String)> {
    if tokens.is_empty() {
        return Vec::new();
    }
    let mut path = path.to_owned();
    let mut at = 0;
    while at < tokens.len() {
        match tokens[at].as_str() {
            ":" => {}
            "{" => {
                let (mut depth, mut start, mut found) = (0, at + 1, Vec::new());
                for n in at..tokens.len() {
                    match tokens[n].as_str() {
                        "{" => depth += 1,
                        "}" => depth -= 1,
                        _ => {}
                    }
                    if (depth == 1 && tokens[n] == ",") || depth == 0 {
                        found.extend(tree(&tokens[start..n], &path));
                        start = n + 1;
                    }
                    if depth == 0 {
                        break;
                    }
                }
                return found;
            }
            "*" => return vec![("*".to_owned(), path)],
            "as" => return vec![(tokens[at + 1].clone(), path)],
            "self" if !path.is_empty() => {}
            word => path = join(&path, word),
        }
        at += 1;
    }
    match path.rsplit("::").next() {
        Some(name) if !path.is_empty() => vec![(name.to_owned(), path.clone())],
        _ => Vec::new(),
    }
}

/// A path as it stands in a module, from the crate's root on.
fn absolute(path: &str, module: &str, children: &[String]) -> Option<String> {
    let mut base = module.to_owned();
    let mut rest = path;
    let mut is_ours = false;
    loop {
        let (first, behind) = rest.split_once("::").unwrap_or((rest, ""));
        match first {
            "crate" => base.clear(),
            "self" => {}
            "super" => base.truncate(base.rfind("::").unwrap_or(0)),
            _ => break,
        }
        is_ours = true;
        rest = behind;
    }
    let first = rest.split("::").next().unwrap_or("");
    if !is_ours && !children.iter().any(|child| child == first) {
        return None;
    }
    Some(rest.split("::").filter(|segment| !segment.is_empty()).fold(base, |path, segment| join(&path, segment)))
}

/// What stands wrongly in a crate, one line each.
fn faults(root: &Path, name: &str) -> (Vec<String>, BTreeSet<usize>) {
    let house = House::read(root);
    let arrows = house.arrows();
    assert!(house.files.len() > 2, "{name} has {} files: is all of it read?", house.files.len());
    let mut faults = Vec::new();
    let mut used = BTreeSet::new();
    for (from, targets) in arrows.iter().enumerate() {
        for &to in targets.range(..from) {
            let (from_name, to_name) = (house.name(from), house.name(to));
            let exception =
                EXCEPTIONS.iter().position(|(of, file, above, _)| (*of, *file, *above) == (name, from_name, to_name));
            if let Some(exception) = exception {
                used.insert(exception);
                continue;
            }
            let circle = house.way(&arrows, to, from).map(|way| {
                let way: Vec<&str> = way.into_iter().map(|at| house.name(at)).collect();
                format!("; a circle, since {}", way.join(" names "))
            });
            faults.push(format!(
                "{name}: {from_name} names {to_name}, which stands above it{}",
                circle.unwrap_or_default()
            ));
        }
    }
    (faults, used)
}

fn workspace() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from)
}

#[test]
fn each_file_names_only_what_stands_below_it() {
    let mut all = Vec::new();
    let mut used = BTreeSet::new();
    for name in CRATES {
        let (faults, exceptions) = faults(&workspace().join(name), name);
        all.extend(faults);
        used.extend(exceptions);
    }
    assert!(
        all.is_empty(),
        "{} arrows point up:\n{}\nMove the `mod` line, or what is named, or list it here with its reason.",
        all.len(),
        all.join("\n")
    );
    assert_eq!(used.len(), EXCEPTIONS.len(), "an exception that nothing needs any more is to go");
}
