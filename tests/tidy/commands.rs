//! Settings and commands that the operations page must name.

use std::collections::BTreeSet;

use crate::lex::{code_only, is_name, item_end, words};
use crate::tree::Finding;

/// Settings (paths such as `cdb/db-dir`) that a page does not name in a code span.
pub fn missing_settings(page: &str, text: &str, paths: &[&str]) -> Vec<Finding> {
    let missing = paths.iter().filter(|path| !text.contains(&format!("`{path}`")));
    missing.map(|path| Finding::new(page, 1, format!("the setting {path} is missing"))).collect()
}

/// Commands that no line of a page shows behind the program's name, as in `pumice compact A`.
pub fn missing_commands(page: &str, text: &str, names: &[String]) -> Vec<Finding> {
    let joins = |letter: char| is_name(letter) || letter == '-';
    let shown: BTreeSet<&str> = text
        .lines()
        .flat_map(|line| line.split("pumice ").skip(1))
        .filter_map(|rest| rest.split('`').next())
        .flat_map(|call| call.split(|letter: char| !joins(letter)))
        .collect();
    let missing = names.iter().filter(|name| !shown.contains(name.as_str()));
    missing.map(|name| Finding::new(page, 1, format!("the command {name} is missing"))).collect()
}

/// The commands that some source defines: the variants of enums that derive `Subcommand` (by clap's rule in
/// kebab-case, or by `#[command(name = "..")]`) and the names in `Command::new("..")`.
pub fn names(text: &str) -> Vec<String> {
    let code = code_only(text);
    let mut names = Vec::new();
    for at in words(&code, "Subcommand") {
        // In a list of derives, and not in a `use` or a bound.
        let derives =
            code[..at].rfind('#').is_some_and(|start| code[start..at].starts_with("#[derive("));
        if let Some(start) = code[at..].find("enum").filter(|_| derives).map(|found| at + found) {
            let end = item_end(&code, start);
            names.extend(variants(&text[start..end], &code[start..end]));
        }
    }
    let built = text.match_indices("Command::new(\"").filter_map(|(at, found)| {
        let rest = &text[at + found.len()..];
        Some(rest[..rest.find('"')?].to_owned())
    });
    names.extend(built.filter(|name| name != "pumice"));
    names
}

/// The variants of an enum; `text` and `code` are the same but for blanks in `code`.
fn variants(text: &str, code: &str) -> Vec<String> {
    let Some(open) = code.find('{') else {
        return Vec::new();
    };
    let (mut depth, mut at_start, mut given) = (0_i32, true, None);
    let mut names = Vec::new();
    for (at, letter) in code.char_indices().skip_while(|(at, _)| *at <= open) {
        match letter {
            '#' if depth == 0 => {
                let attribute = &text[at..at + code[at..].find(']').unwrap_or(0)];
                given = attribute
                    .split_once("name = \"")
                    .and_then(|(_, rest)| rest.split('"').next().map(str::to_owned))
                    .or(given);
            }
            '(' | '{' | '[' | '<' => depth += 1,
            ')' | '}' | ']' | '>' => depth -= 1,
            ',' if depth == 0 => at_start = true,
            letter if depth == 0 && at_start && letter.is_ascii_uppercase() => {
                let name: String =
                    code[at..].chars().take_while(|letter| is_name(*letter)).collect();
                names.push(given.take().unwrap_or_else(|| kebab(&name)));
                at_start = false;
            }
            _ => {}
        }
    }
    names
}

fn kebab(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !out.is_empty() {
            out.push('-');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

/// The first line of a code block between two marks.
pub fn marked(text: &str, begin: &str, end: &str) -> Option<String> {
    let (_, rest) = text.split_once(begin)?;
    let (inside, _) = rest.split_once(end)?;
    let mut lines =
        inside.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("```"));
    lines.next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_that_the_page_does_not_name_is_found() {
        let found = missing_settings("p.md", "| `cdb/db-dir` |", &["cdb/db-dir", "daemon/bind"]);
        assert_eq!(found, [Finding::new("p.md", 1, "the setting daemon/bind is missing")]);
    }

    #[test]
    fn commands_are_found_as_clap_names_them() {
        let text = "use clap::Subcommand;\n#[derive(Debug, Subcommand)]\nenum Command {\n    /// Opens, then (maybe) {starts}.\n    \
                    Start(Start),\n    #[command(name = \"ls\", about)]\n    List { path: String },\n    DryRun,\n}\n\
                    #[derive(Debug)]\nenum Other { No }\nCommand::new(\"man\")";
        assert_eq!(names(text), ["start", "ls", "dry-run", "man"]);
    }

    #[test]
    fn a_command_that_the_page_does_not_show_is_found() {
        let commands = ["start".to_owned(), "compact".to_owned(), "ls".to_owned()];
        let found = missing_commands(
            "p.md",
            "Run `pumice start` or `pumice ls PATH`; compact it.",
            &commands,
        );
        assert_eq!(found, [Finding::new("p.md", 1, "the command compact is missing")]);
    }

    #[test]
    fn a_marked_command_is_read_from_its_code_block() {
        let text = "x\n<!-- a -->\n\n```sh\ncargo test\n```\n<!-- b -->";
        assert_eq!(marked(text, "<!-- a -->", "<!-- b -->").as_deref(), Some("cargo test"));
        assert_eq!(marked(text, "<!-- c -->", "<!-- b -->"), None);
    }
}
