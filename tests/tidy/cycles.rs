//! Circles between modules.
//!
//! A module depends on another when its code (tests aside) names something of it: through `super::`, `self::`,
//! `crate::`, or the name of a child. A name that a `mod.rs` only imports or hands on counts for the module that
//! it comes from, and handing on is no dependency of the `mod.rs`, unless its own code uses the name as well.

use std::collections::{BTreeMap, BTreeSet};

use crate::lex::{code_only, is_name, is_test_file, line_of, without_tests, words};
use crate::tree::Finding;

type Path = Vec<String>;

#[derive(Default)]
struct Modules {
    /// The file and the code of every module.
    code: BTreeMap<Path, (String, String)>,
    /// What a module imports or hands on: module and name to the whole path.
    handed_on: BTreeMap<(Path, String), Path>,
}

/// The circles of a source tree, each once, at the first file of it.
pub fn check(files: &[(String, String)]) -> Vec<Finding> {
    let mut modules = Modules::default();
    for (path, text) in files {
        if let Some(module) = module_of(path).filter(|_| !is_test_file(path)) {
            let code = without_tests(&code_only(text));
            modules.code.insert(module, (path.clone(), code));
        }
    }
    modules.collect_handed_on();
    let edges = modules.edges();
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    for start in modules.code.keys() {
        let Some(circle) = circle_through(start, &edges) else {
            continue;
        };
        let is_new = circle.iter().all(|module| !seen.contains(*module));
        seen.extend(circle.iter().map(|module| (*module).clone()));
        if is_new {
            let (path, line) = modules.place(start, circle[1], &edges);
            let names: Vec<_> = circle.iter().map(|module| module.join("::")).collect();
            findings.push(Finding::new(&path, line, format!("a circle: {}", names.join(" -> "))));
        }
    }
    findings
}

/// Whether a finding is the circle that begins with a module.
pub fn starts_at(finding: &Finding, module: &str) -> bool {
    finding.message.starts_with(&format!("a circle: {module} -> "))
}

/// `src/vfs/os.rs` is `vfs::os`, `src/vfs/mod.rs` is `vfs`. The crate's own root is no module of a room.
fn module_of(path: &str) -> Option<Path> {
    let inside = path.strip_prefix("src/")?.strip_suffix(".rs")?;
    let inside = inside.strip_suffix("/mod").unwrap_or(inside);
    (inside != "lib" && inside != "main").then(|| inside.split('/').map(str::to_owned).collect())
}

/// A dependency with the byte of the code where it stands.
type Edges = BTreeMap<Path, BTreeMap<Path, usize>>;

impl Modules {
    fn collect_handed_on(&mut self) {
        let mut handed_on = BTreeMap::new();
        for (module, (_, code)) in &self.code {
            for used in uses(code) {
                if let (Some(path), Some(name)) = (self.absolute(module, &used.path), used.name) {
                    handed_on.insert((module.clone(), name), path);
                }
            }
        }
        self.handed_on = handed_on;
    }

    fn edges(&self) -> Edges {
        let mut edges = Edges::new();
        for (module, (_, code)) in &self.code {
            let body = without_uses(code);
            let named = |used: &Use| {
                used.name.as_ref().is_some_and(|name| words(&body, name).next().is_some())
            };
            let imported = uses(code)
                .into_iter()
                .filter(|used| !used.is_public || named(used))
                .map(|used| (used.path, used.at));
            for (path, at) in imported.chain(paths(&body)) {
                let target = self.absolute(module, &path).and_then(|path| self.resolve(&path, 8));
                if let Some(target) = target.filter(|target| target != module) {
                    edges.entry(module.clone()).or_default().entry(target).or_insert(at);
                }
            }
        }
        edges
    }

    /// A path from the root of the crate; `None` for one that leads out of it.
    fn absolute(&self, module: &[String], path: &[String]) -> Option<Path> {
        let (first, rest) = path.split_first()?;
        let mut base = match first.as_str() {
            "crate" => Vec::new(),
            "self" => module.to_vec(),
            "super" => {
                let parent = module.split_last()?.1.to_vec();
                if rest.first().is_some_and(|next| next == "super") {
                    return self.absolute(&parent, rest);
                }
                parent
            }
            name => {
                let child: Path = module.iter().cloned().chain([name.to_owned()]).collect();
                return self.code.contains_key(&child).then(|| [&child, rest].concat());
            }
        };
        base.extend_from_slice(rest);
        Some(base)
    }

    /// The module that a path leads to.
    fn resolve(&self, path: &[String], hops: usize) -> Option<Path> {
        let end = (1..=path.len()).rev().find(|end| self.code.contains_key(&path[..*end]))?;
        let module = path[..end].to_vec();
        let Some(name) = path.get(end) else {
            return Some(module);
        };
        match self.handed_on.get(&(module.clone(), name.clone())) {
            Some(target) if hops > 0 => self.resolve(target, hops - 1).or(Some(module)),
            _ => Some(module),
        }
    }

    fn place(&self, from: &Path, to: &Path, edges: &Edges) -> (String, usize) {
        let (file, code) = &self.code[from];
        let at = edges.get(from).and_then(|targets| targets.get(to)).copied().unwrap_or(0);
        (file.clone(), line_of(code, at))
    }
}

/// The shortest way from a module back to itself, with the module at both ends.
fn circle_through<'a>(start: &'a Path, edges: &'a Edges) -> Option<Vec<&'a Path>> {
    let mut came_from: BTreeMap<&Path, &Path> = BTreeMap::new();
    let mut waiting = std::collections::VecDeque::from([start]);
    while let Some(module) = waiting.pop_front() {
        for target in edges.get(module).into_iter().flat_map(BTreeMap::keys) {
            if target == start {
                let back =
                    std::iter::successors(Some(module), |here| came_from.get(*here).copied());
                let mut circle: Vec<_> = std::iter::once(start).chain(back).collect();
                circle.reverse();
                return Some(circle);
            }
            if !came_from.contains_key(target) {
                came_from.insert(target, module);
                waiting.push_back(target);
            }
        }
    }
    None
}

struct Use {
    path: Path,
    /// The name that it brings in; `None` for `*` and `_`.
    name: Option<String>,
    is_public: bool,
    at: usize,
}

/// The names that the `use` declarations of some code bring in.
fn uses(code: &str) -> Vec<Use> {
    let mut all = Vec::new();
    for (at, end) in use_ranges(code) {
        let before = code[..at].trim_end();
        let is_public = before.ends_with("pub")
            || (before.ends_with(')') && before.contains("pub("))
                && before
                    .rsplit("pub(")
                    .next()
                    .is_some_and(|inside| !inside.contains(['{', '}', ';']));
        let tokens = tokens(&code[at + "use".len()..end]);
        let mut found = Vec::new();
        expand(&tokens, &mut 0, &[], &mut found);
        all.extend(found.into_iter().map(|(path, name)| Use { path, name, is_public, at }));
    }
    all
}

fn use_ranges(code: &str) -> Vec<(usize, usize)> {
    let starts = words(code, "use").filter(|at| {
        let line = code[..*at].rsplit('\n').next().unwrap_or("").trim();
        line.is_empty() || line.starts_with("pub")
    });
    starts.map(|at| (at, code[at..].find(';').map_or(code.len(), |end| at + end))).collect()
}

fn without_uses(code: &str) -> String {
    let (mut out, mut last) = (String::new(), 0);
    for (at, end) in use_ranges(code) {
        out.push_str(&code[last..at]);
        out.extend(code[at..end].chars().map(|letter| if letter == '\n' { '\n' } else { ' ' }));
        last = end;
    }
    out.push_str(&code[last..]);
    out
}

/// Names, and the signs of a use tree: `:` (for `::`), `{`, `}`, `,`, `*`.
fn tokens(text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut name = String::new();
    for letter in text.chars() {
        if is_name(letter) {
            name.push(letter);
            continue;
        }
        if !name.is_empty() {
            out.push(std::mem::take(&mut name));
        }
        if "{},*".contains(letter) {
            out.push(letter.to_string());
        }
    }
    if !name.is_empty() {
        out.push(name);
    }
    out
}

/// One tree of a `use`: its paths, each with the name that it brings in.
fn expand(
    tokens: &[String],
    at: &mut usize,
    before: &[String],
    out: &mut Vec<(Path, Option<String>)>,
) {
    let mut path = before.to_vec();
    while let Some(token) = tokens.get(*at) {
        match token.as_str() {
            "," | "}" => break,
            "{" => {
                *at += 1;
                while tokens.get(*at).is_some_and(|token| token != "}") {
                    expand(tokens, at, &path, out);
                    if tokens.get(*at).is_some_and(|token| token == ",") {
                        *at += 1;
                    }
                }
                *at += 1;
                return;
            }
            "*" => {
                *at += 1;
                out.push((path, None));
                return;
            }
            "as" => {
                let name = tokens.get(*at + 1).filter(|name| *name != "_").cloned();
                *at += 2;
                out.push((path, name));
                return;
            }
            "self" if !path.is_empty() => *at += 1,
            name => {
                path.push(name.to_owned());
                *at += 1;
            }
        }
    }
    let name = path.last().cloned();
    out.push((path, name));
}

/// The paths of at least two names in some code, and where they stand.
fn paths(code: &str) -> Vec<(Path, usize)> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(start) = code[at..].find(is_name).map(|found| at + found) {
        let end = code[start..]
            .find(|letter: char| !is_name(letter) && letter != ':')
            .map_or(code.len(), |found| start + found);
        let text = &code[start..end];
        if text.contains("::") && !code[..start].ends_with("::") {
            let names = text.split("::").map(|name| name.trim_matches(':').to_owned());
            out.push((names.filter(|name| !name.is_empty()).collect(), start));
        }
        at = end;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<_> =
            files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        check(&files).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn two_siblings_that_use_each_other_are_found() {
        let found = circles(&[
            ("src/room/mod.rs", "mod a;\nmod b;"),
            ("src/room/a.rs", "use super::b::B;\npub struct A;"),
            ("src/room/b.rs", "\nfn f(a: super::a::A) {}\npub struct B;"),
        ]);
        assert_eq!(found, ["src/room/a.rs:1: a circle: room::a -> room::b -> room::a"]);
    }

    #[test]
    fn a_circle_over_three_files_and_a_handed_on_name_is_found() {
        let found = circles(&[
            ("src/room/mod.rs", "mod a;\nmod b;\nmod c;\npub use c::{self, C as D};"),
            ("src/room/a.rs", "use crate::room::b;\n"),
            ("src/room/b.rs", "use super::D;\n"),
            ("src/room/c.rs", "use super::a::A;\n"),
        ]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("room::a -> room::b -> room::c -> room::a"), "{found:?}");
    }

    #[test]
    fn a_child_that_uses_what_its_mod_works_with_is_found() {
        let found = circles(&[
            ("src/room/mod.rs", "mod a;\npub struct Top;\nfn f() { a::g() }"),
            ("src/room/a.rs", "use super::Top;\npub fn g() {}"),
        ]);
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn handing_on_is_no_dependency_but_using_what_is_handed_on_is() {
        let trait_above =
            "pub mod os;\nmod error;\npub use error::Error;\npub trait Vfs { fn f() -> Error; }";
        let files = [
            ("src/vfs/mod.rs", trait_above),
            ("src/vfs/os.rs", "use super::{Error, Vfs};"),
            ("src/vfs/error.rs", "pub struct Error;"),
        ];
        assert_eq!(circles(&files), [""; 0]);
        let found = circles(&[files[0], files[1], ("src/vfs/error.rs", "use super::Vfs;")]);
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn a_name_that_the_parent_only_imports_counts_for_where_it_comes_from() {
        let found = circles(&[
            ("src/room/range.rs", "pub struct Range;"),
            ("src/room/inner/mod.rs", "mod leaf;\nuse leaf::f;\nuse crate::room::range::Range;"),
            ("src/room/inner/leaf.rs", "use super::Range;\npub fn f(r: Range) {}"),
        ]);
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn tests_may_use_what_they_test() {
        let found = circles(&[
            ("src/room/mod.rs", "mod a;\nmod b;\n#[cfg(test)]\nmod tests;"),
            ("src/room/a.rs", "use super::b::B;\n#[cfg(test)]\nmod tests { use super::*; }"),
            ("src/room/b.rs", "#[cfg(test)]\nmod tests { use super::super::a::A; }"),
            ("src/room/tests.rs", "use super::*;"),
        ]);
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn a_folder_below_and_its_parents_leaf_are_no_circle() {
        let found = circles(&[
            ("src/room/mod.rs", "mod limits;\nmod inner;\npub use inner::X;"),
            ("src/room/limits.rs", "pub const MAX: usize = 1;"),
            ("src/room/inner/mod.rs", "mod leaf;\npub use leaf::X;"),
            ("src/room/inner/leaf.rs", "use super::super::limits::MAX;\npub struct X;"),
        ]);
        assert_eq!(found, [""; 0]);
    }
}
