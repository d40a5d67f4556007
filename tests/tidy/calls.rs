//! What only some files may name, marks that must not be left, and the alphabet.

use crate::lex::{code_only, is_test_file, line_of, without_tests, words};
use crate::tree::Finding;

/// A name that only some files may use.
pub struct Ban {
    pub name: &'static str,
    pub allowed: &'static [&'static str],
    pub why: &'static str,
    pub in_tests: bool,
}

impl Ban {
    /// In all code, tests too.
    pub const fn everywhere(
        name: &'static str,
        allowed: &'static [&'static str],
        why: &'static str,
    ) -> Self {
        Self { name, allowed, why, in_tests: true }
    }

    /// In all code but tests.
    pub const fn in_code(
        name: &'static str,
        allowed: &'static [&'static str],
        why: &'static str,
    ) -> Self {
        Self { name, allowed, why, in_tests: false }
    }
}

/// Uses of a banned name, also where a group spells it: `use std::{fs, io}`.
pub fn check(path: &str, text: &str, bans: &[Ban]) -> Vec<Finding> {
    let all = code_only(text);
    let mut findings = Vec::new();
    for ban in bans.iter().filter(|ban| !ban.allowed.contains(&path)) {
        if !ban.in_tests && is_test_file(path) {
            continue;
        }
        let code = if ban.in_tests { all.clone() } else { without_tests(&all) };
        let places = words(&code, ban.name).chain(grouped(&code, ban.name));
        findings.extend(places.map(|at| {
            let message = format!("{} is not allowed here: {}", ban.name, ban.why);
            Finding::new(path, line_of(&code, at), message)
        }));
    }
    // `std::thread::sleep` holds `thread::sleep`: one place, one finding.
    findings.dedup_by_key(|finding| finding.line);
    findings
}

/// Where `head::{.., tail, ..}` stands for `head::tail`.
fn grouped<'a>(code: &'a str, name: &'a str) -> impl Iterator<Item = usize> + 'a {
    let (head, tail) = name.rsplit_once("::").unwrap_or(("", name));
    let open = format!("{head}::{{");
    let starts: Vec<_> = code.match_indices(&open).map(|(at, _)| at).collect();
    starts.into_iter().filter(move |at| {
        let group = &code[at + open.len()..];
        let group = &group[..group.find(';').unwrap_or(group.len())];
        !head.is_empty() && words(group, tail).next().is_some()
    })
}

/// Marks that must not be left: notes to oneself and macros that stand for missing code.
pub fn check_marks(path: &str, text: &str) -> Vec<Finding> {
    // Spelt in parts, so that this file does not find itself.
    let in_text = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let in_code = [
        concat!("to", "do!"),
        concat!("unimpl", "emented!"),
        concat!("db", "g!"),
        concat!("#[ig", "nore"),
    ];
    let code = code_only(text);
    let mut findings = Vec::new();
    for (marks, searched) in [(&in_text[..], text), (&in_code[..], code.as_str())] {
        for mark in marks {
            let places = words(searched, mark).map(|at| line_of(searched, at));
            findings
                .extend(places.map(|line| Finding::new(path, line, format!("{mark} was left"))));
        }
    }
    findings
}

/// Lines with a character that is not ASCII.
pub fn check_ascii(path: &str, text: &str) -> Vec<Finding> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.is_ascii());
    lines
        .map(|(index, line)| {
            let letter = line.chars().find(|letter| !letter.is_ascii()).unwrap_or(' ');
            let message = format!("U+{:04X} is not ASCII; write an escape", u32::from(letter));
            Finding::new(path, index + 1, message)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BANS: &[Ban] = &[
        Ban::everywhere("std::fs", &["src/vfs/os.rs"], "x"),
        Ban::everywhere("thread::sleep", &[], "x"),
        Ban::everywhere("unsafe", &[], "x"),
        Ban::in_code("env::var", &[], "x"),
    ];

    fn lines(path: &str, text: &str) -> Vec<usize> {
        check(path, text, BANS).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn a_banned_name_is_found_in_every_spelling() {
        assert_eq!(lines("src/a.rs", "\nstd::fs::read(p)"), [2]);
        assert_eq!(lines("src/a.rs", "\nuse std::fs;"), [2]);
        assert_eq!(lines("src/a.rs", "\nuse std::{fs, io};"), [2]);
        assert_eq!(lines("src/a.rs", "\nuse std::{io, fs::File};"), [2]);
        assert_eq!(lines("tests/a.rs", "\nstd::thread::sleep(d)"), [2]);
        assert_eq!(lines("src/a.rs", "unsafe { }"), [1]);
        assert_eq!(lines("src/a.rs", "std::env::var(\"A\")"), [1]);
    }

    #[test]
    fn allowed_places_and_what_only_looks_alike_are_let_through() {
        assert_eq!(lines("src/vfs/os.rs", "use std::fs;"), [0; 0]);
        assert_eq!(
            lines("src/a.rs", "// unsafe\n\"thread::sleep\"; #[expect(unsafe_code)]"),
            [0; 0]
        );
        assert_eq!(lines("src/a/tests.rs", "std::env::var(\"A\")"), [0; 0]);
        assert_eq!(lines("src/a.rs", "env!(\"A\"); use std::{fmt, io};"), [0; 0]);
    }

    #[test]
    fn left_marks_are_found_in_text_and_code() {
        let text = concat!(
            "// TO",
            "DO: later\nfn a() { to",
            "do!() }\n#[ig",
            "nore]\n// XX",
            "X\ndb",
            "g!(1)"
        );
        let lines: Vec<_> =
            check_marks("src/a.rs", text).iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [1, 4, 2, 5, 3]);
        let clean = "// the word todo is fine, XXXL and ignored too\n\"todo!\"";
        assert_eq!(check_marks("src/a.rs", clean), []);
    }

    #[test]
    fn a_letter_outside_ascii_is_found() {
        let found = check_ascii("src/a.rs", "a\n// caf\u{e9}");
        assert_eq!(found[0].to_string(), "src/a.rs:2: U+00E9 is not ASCII; write an escape");
        assert_eq!(check_ascii("src/a.rs", "plain"), []);
    }
}
