//! Scripts of operations: one a line.

use std::io::{self, Read};
use std::path::Path;

use super::text;
use crate::service::{Action, Class, Failure, Operation, Place};
use crate::vfs::{self, Vfs};

/// The largest script that is read.
const SCRIPT_BYTES_MAX: u64 = 128 << 20;

/// The text of a file, or of standard input when there is none (or it is `-`).
pub fn read(vfs: &dyn Vfs, file: Option<&Path>) -> Result<String, Failure> {
    let bytes = match file.filter(|file| *file != Path::new("-")) {
        Some(file) => vfs::read_file(vfs, file, SCRIPT_BYTES_MAX)?,
        None => read_stdin()?,
    };
    let mut text = String::from_utf8(bytes).map_err(|_| Failure::usage("the text is not UTF-8"))?;
    // A byte order mark says how the text is encoded, and is no part of it.
    if text.starts_with('\u{feff}') {
        text.remove(0);
    }
    Ok(text)
}

fn read_stdin() -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = io::stdin().lock().take(SCRIPT_BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| {
        Failure::new(Class::Disk, "io", format!("cannot read standard input: {error}"))
    })?;
    if bytes.len() as u64 > SCRIPT_BYTES_MAX {
        let reason = format!("standard input has more than {}", text::size(SCRIPT_BYTES_MAX));
        return Err(Failure::usage(reason).hint("give a file by its name"));
    }
    Ok(bytes)
}

/// Its operations, with their lines.
pub fn parse(text: &str) -> Result<Vec<Operation>, Failure> {
    let mut operations = Vec::new();
    for (number, line) in (1_u64..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let action = action(line).map_err(|problem| {
            Failure::usage(format!("line {number}: {problem}")).hint(
                "one a line: set [--type TYPE] PATH VALUE, create PATH, del PATH, move PATH first|last|before PATH|after PATH",
            )
        })?;
        operations.push(Operation { line: Some(number), action });
    }
    Ok(operations)
}

fn action(line: &str) -> Result<Action, String> {
    let (verb, rest) = word(line);
    match verb {
        "set" => set(rest),
        "create" => one_path(verb, rest).map(|path| Action::Create { path }),
        "del" | "delete" => one_path(verb, rest).map(|path| Action::Delete { path }),
        "move" => move_entry(rest),
        other => Err(format!("\"{other}\" is no operation")),
    }
}

fn set(rest: &str) -> Result<Action, String> {
    let (value_type, rest) = match rest.strip_prefix("--type ") {
        Some(rest) => {
            let (name, rest) = word(rest.trim_start());
            (Some(name.to_owned()), rest)
        }
        None => (None, rest),
    };
    let (path, rest) = word(rest);
    if path.is_empty() || (rest.is_empty() && value_type.as_deref() != Some("empty")) {
        return Err("set needs a path and a value".to_owned());
    }
    Ok(Action::Set { path: path.to_owned(), value: value(rest)?, value_type })
}

fn one_path(verb: &str, rest: &str) -> Result<String, String> {
    match word(rest) {
        (path, "") if !path.is_empty() => Ok(path.to_owned()),
        _ => Err(format!("{verb} needs one path")),
    }
}

fn move_entry(rest: &str) -> Result<Action, String> {
    let (path, rest) = word(rest);
    let (place, other) = word(rest);
    let to = match (place, other) {
        ("first", "") => Place::First,
        ("last", "") => Place::Last,
        ("before", other) if !other.is_empty() => Place::Before(other.to_owned()),
        ("after", other) if !other.is_empty() => Place::After(other.to_owned()),
        _ => return Err("move needs a path and first, last, before PATH or after PATH".to_owned()),
    };
    Ok(Action::Move { path: path.to_owned(), to })
}

/// The first word and what follows it. Blanks inside braces or quotes do not end a word.
fn word(text: &str) -> (&str, &str) {
    let (mut depth, mut quoted, mut escaped) = (0_u32, false, false);
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '{' if !quoted => depth += 1,
            '}' if !quoted => depth = depth.saturating_sub(1),
            letter if letter.is_whitespace() && depth == 0 && !quoted => {
                let (word, rest) = text.split_at_checked(at).unwrap_or((text, ""));
                return (word, rest.trim_start());
            }
            _ => {}
        }
    }
    (text, "")
}

/// The rest of a line as a value: as it stands, or in quotes with `\n`, `\t`, `\"` and `\\`.
fn value(text: &str) -> Result<String, String> {
    let Some(inside) = text.strip_prefix('"') else {
        return Ok(text.to_owned());
    };
    let inside = inside.strip_suffix('"').ok_or("the quotes are not closed")?;
    let mut out = String::with_capacity(inside.len());
    let mut letters = inside.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => return Err("a quote inside of quotes is written \\\"".to_owned()),
            '\\' => out.push(match letters.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some(same @ ('"' | '\\')) => same,
                _ => return Err("after \\ comes n, t, \" or \\".to_owned()),
            }),
            letter => out.push(letter),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actions(text: &str) -> Vec<Action> {
        parse(text).unwrap().into_iter().map(|operation| operation.action).collect()
    }

    fn set(path: &str, value: &str, value_type: Option<&str>) -> Action {
        let value_type = value_type.map(str::to_owned);
        Action::Set { path: path.to_owned(), value: value.to_owned(), value_type }
    }

    #[test]
    fn a_script_is_read_line_by_line() {
        let text = "# two devices\n\n set /device{a b}/x hello world \nset --type uint16 /p 830\n\
                    set /q \"a\\n\\\"b\\\"\"\ndel /device{\"x } y\"}\nmove /l{a} before /l{b}";
        let expected = [
            set("/device{a b}/x", "hello world", None),
            set("/p", "830", Some("uint16")),
            set("/q", "a\n\"b\"", None),
            Action::Delete { path: "/device{\"x } y\"}".to_owned() },
            Action::Move { path: "/l{a}".to_owned(), to: Place::Before("/l{b}".to_owned()) },
        ];
        assert_eq!(actions(text), expected);
        assert_eq!(parse("\n\nset /a 1").unwrap()[0].line, Some(3));
    }

    #[test]
    fn a_line_that_is_no_operation_is_named() {
        for (text, reason) in [
            ("set /a 1\nput /b", "line 2: \"put\" is no operation"),
            ("set /a", "line 1: set needs a path and a value"),
            ("del", "line 1: del needs one path"),
            ("set /a \"b", "line 1: the quotes are not closed"),
        ] {
            assert_eq!(parse(text).unwrap_err().reason, reason);
        }
    }
}
