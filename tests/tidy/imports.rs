//! Who imports whom.

use crate::lex::{code_only, is_name, is_test_file, line_of, without_tests, words};
use crate::tree::Finding;

type Table = [(&'static str, &'static [&'static str])];

/// The room of a source file: `src/journal/frame.rs` is of `journal`, `src/clock.rs` of `clock`.
pub fn room(path: &str) -> Option<&str> {
    let below = path.strip_prefix("src/")?;
    Some(below.split('/').next()?.trim_end_matches(".rs"))
}

/// Names of rooms behind `crate::` (and `pumice::`) that the table does not allow, and ways out of a room by `super`.
pub fn check(path: &str, text: &str, table: &Table) -> Vec<Finding> {
    let Some(room) = room(path).filter(|room| *room != "lib") else {
        return Vec::new();
    };
    if is_test_file(path) {
        return Vec::new();
    }
    let Some((_, allowed)) = table.iter().find(|(name, _)| *name == room) else {
        let message = format!("the room {room} is not in the table of who may import whom");
        return vec![Finding::new(path, 1, message)];
    };
    let code = without_tests(&code_only(text));
    let mut findings = Vec::new();
    for root in ["crate::", "pumice::"] {
        for at in words(&code, root) {
            for name in first_names(&code[at + root.len()..]) {
                if name != room && !allowed.contains(&name.as_str()) {
                    let message = format!("{room} may not import {name}");
                    findings.push(Finding::new(path, line_of(&code, at), message));
                }
            }
        }
    }
    findings.extend(ways_out(path, &code));
    findings
}

/// The first names of what follows a root: of `a::b` it is a, of `{a::b, c}` a and c.
fn first_names(rest: &str) -> Vec<String> {
    let Some(group) = rest.strip_prefix('{') else {
        return vec![rest.chars().take_while(|letter| is_name(*letter)).collect()];
    };
    let (mut depth, mut name, mut names) = (0, String::new(), Vec::new());
    let mut reading = true;
    for letter in group.chars() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(std::mem::take(&mut name));
                reading = true;
            }
            letter if depth == 0 && reading && is_name(letter) => name.push(letter),
            letter if letter.is_whitespace() && name.is_empty() => {}
            _ => reading = false,
        }
    }
    names.push(name);
    names.retain(|name| !name.is_empty());
    names
}

/// Runs of `super::` that leave the room.
fn ways_out(path: &str, code: &str) -> Vec<Finding> {
    let inside = path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
    let depth = inside.split('/').count();
    let run = "super::".repeat(depth);
    let message = "super leaves the room; write crate:: and the room's name";
    words(code, &run).map(|at| Finding::new(path, line_of(code, at), message)).collect()
}

/// Rooms of the table that can be reached from themselves, and names that have no row.
pub fn check_table(table: &Table) -> Vec<Finding> {
    let mut findings = Vec::new();
    // Rows stand below the rows that they may import, so a circle cannot be written without a name from further down.
    for (row, (room, allowed)) in table.iter().enumerate() {
        for name in *allowed {
            if table.iter().take(row).all(|(above, _)| above != name) {
                let message = format!("{room} may import {name}, which has no row above it");
                findings.push(Finding::new("tests/tidy.rs", row + 1, message));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &Table = &[("vfs", &[]), ("clock", &[]), ("journal", &["vfs", "clock"])];

    fn lines(path: &str, text: &str) -> Vec<(usize, String)> {
        let findings = check(path, text, TABLE);
        findings.into_iter().map(|finding| (finding.line, finding.message)).collect()
    }

    #[test]
    fn an_import_against_the_table_is_found_wherever_it_stands() {
        let found = [(2, "vfs may not import journal".to_owned())];
        assert_eq!(lines("src/vfs/os.rs", "\nuse crate::journal::Store;"), found);
        assert_eq!(lines("src/vfs/os.rs", "\nfn a() { crate::journal::b() }"), found);
        assert_eq!(lines("src/vfs/os.rs", "\nuse crate::{vfs::Vfs, journal::{a, b}};"), found);
        assert_eq!(lines("src/vfs/os.rs", "\nuse pumice::journal::Store;"), found);
    }

    #[test]
    fn what_the_table_allows_and_tests_and_comments_are_let_through() {
        let text = "//! [`crate::cdb`]\nuse crate::{vfs::{File, Vfs}, clock::Clock};\nuse crate::journal::x;\n\
                    #[cfg(test)]\nmod tests { use crate::cdb::Cdb; }";
        assert_eq!(lines("src/journal/a.rs", text), []);
        assert_eq!(lines("src/journal/tests.rs", "use crate::cdb::Cdb;"), []);
    }

    #[test]
    fn a_room_without_a_row_is_found() {
        assert_eq!(lines("src/drawer.rs", "").len(), 1);
    }

    #[test]
    fn super_that_leaves_the_room_is_found() {
        assert_eq!(lines("src/vfs/os.rs", "use super::super::journal::Store;").len(), 1);
        assert_eq!(lines("src/clock.rs", "use super::journal::Store;").len(), 1);
        assert_eq!(lines("src/vfs/mod.rs", "use super::journal::Store;").len(), 1);
        assert_eq!(lines("src/journal/image/block.rs", "use super::super::limits::MAX;"), []);
        assert_eq!(lines("src/vfs/os.rs", "use super::File;"), []);
    }

    #[test]
    fn a_circle_in_the_table_is_found() {
        assert_eq!(check_table(TABLE), []);
        let table: &Table = &[("a", &["b"]), ("b", &["a"])];
        assert_eq!(check_table(table).len(), 1);
    }
}
