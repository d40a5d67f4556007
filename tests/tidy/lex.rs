//! Rust text with what is not code blanked out. Lines keep their numbers.

use std::ops::Range;

/// The text with comments, strings and characters replaced by blanks.
pub fn code_only(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = not_code_end(&chars, at).unwrap_or(at);
        if end == at {
            out.push(chars[at]);
            at += 1;
            continue;
        }
        out.extend(chars[at..end].iter().map(|letter| if *letter == '\n' { '\n' } else { ' ' }));
        at = end;
    }
    out
}

/// Where the comment or literal that begins here ends; `None` when code begins here.
fn not_code_end(chars: &[char], at: usize) -> Option<usize> {
    let next = chars.get(at + 1).copied();
    match (chars[at], next) {
        ('/', Some('/')) => Some(find(chars, at, |rest| rest[0] == '\n')),
        ('/', Some('*')) => Some(block_comment_end(chars, at)),
        ('"', _) => Some(string_end(chars, at + 1)),
        ('r', Some('"' | '#')) if !follows_name(chars, at) => raw_string_end(chars, at + 1),
        ('\'', Some('\\')) => {
            Some((find(chars, at + 3, |rest| rest[0] == '\'') + 1).min(chars.len()))
        }
        ('\'', Some(_)) if chars.get(at + 2) == Some(&'\'') => Some(at + 3),
        _ => None,
    }
}

/// The `b` and `c` of `br"..."` and `cr"..."` are no names that an `r` could belong to.
fn follows_name(chars: &[char], at: usize) -> bool {
    let Some(before) = at.checked_sub(1) else {
        return false;
    };
    let prefix = matches!(chars[before], 'b' | 'c') && (before == 0 || !is_name(chars[before - 1]));
    is_name(chars[before]) && !prefix
}

fn find(chars: &[char], from: usize, found: impl Fn(&[char]) -> bool) -> usize {
    (from..chars.len()).find(|at| found(&chars[*at..])).unwrap_or(chars.len())
}

fn block_comment_end(chars: &[char], at: usize) -> usize {
    let (mut depth, mut at) = (0_usize, at);
    while at < chars.len() {
        match chars.get(at..at + 2) {
            Some(['/', '*']) => (depth, at) = (depth + 1, at + 2),
            Some(['*', '/']) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn string_end(chars: &[char], from: usize) -> usize {
    let mut at = from;
    while at < chars.len() {
        match chars[at] {
            '"' => return at + 1,
            '\\' => at += 2,
            _ => at += 1,
        }
    }
    chars.len()
}

fn raw_string_end(chars: &[char], from: usize) -> Option<usize> {
    let hashes = chars[from..].iter().take_while(|letter| **letter == '#').count();
    if chars.get(from + hashes) != Some(&'"') {
        return None;
    }
    let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let at = find(chars, from + hashes + 1, |rest| rest.starts_with(&end));
    Some((at + end.len()).min(chars.len()))
}

pub fn is_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Code with the items under `#[cfg(test)]` replaced by blanks.
pub fn without_tests(code: &str) -> String {
    let mut out = String::new();
    let mut at = 0;
    for range in test_items(code) {
        out.push_str(&code[at..range.start]);
        out.extend(
            code[range.clone()].chars().map(|letter| if letter == '\n' { '\n' } else { ' ' }),
        );
        at = range.end;
    }
    out.push_str(&code[at..]);
    out
}

/// The lines that the items under `#[cfg(test)]` take.
pub fn test_lines(code: &str) -> usize {
    test_items(code).iter().map(|range| code[range.clone()].matches('\n').count() + 1).sum()
}

fn test_items(code: &str) -> Vec<Range<usize>> {
    let mut items: Vec<Range<usize>> = Vec::new();
    for (start, _) in code.match_indices("#[cfg(test)]") {
        if items.last().is_none_or(|last| last.end <= start) {
            items.push(start..item_end(code, start));
        }
    }
    items
}

/// Where the item ends that begins here: behind its body, or its semicolon.
pub fn item_end(code: &str, start: usize) -> usize {
    let mut round = 0_i32;
    for (at, letter) in code[start..].char_indices() {
        match letter {
            '(' | '[' => round += 1,
            ')' | ']' => round -= 1,
            ';' if round == 0 => return start + at + 1,
            '{' if round == 0 => return block_end(code, start + at),
            _ => {}
        }
    }
    code.len()
}

/// Behind the brace that closes the one here.
fn block_end(code: &str, open: usize) -> usize {
    let mut depth = 0_i32;
    for (at, letter) in code[open..].char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return open + at + 1;
        }
    }
    code.len()
}

/// The line of a byte, from 1.
pub fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// Where a word stands that is not part of a longer name.
pub fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let before = code[..*at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        let joins = |here: Option<char>, edge: Option<char>| {
            edge.is_some_and(is_name) && here.is_some_and(is_name)
        };
        !joins(before, word.chars().next()) && !joins(after, word.chars().next_back())
    })
}

/// Whether a file is all test code.
pub fn is_test_file(path: &str) -> bool {
    !path.starts_with("src/") || path.ends_with("/tests.rs") || path.contains("/tests/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_and_lines_kept() {
        let text = "a // x\nb /* y /* z */ \n y */ c \"q\\\"q\" d r#\"e\"f\"# g '\"' h 'i j '\\'' k br\"l\" m";
        let code = code_only(text);
        let kept: String = code.split_whitespace().collect();
        assert_eq!(kept, "abcdgh'ijkbm");
        assert_eq!(code.lines().count(), text.lines().count());
    }

    #[test]
    fn a_name_that_ends_in_r_begins_no_raw_string() {
        assert_eq!(code_only("writer\"x\" r#type").split_whitespace().count(), 2);
    }

    #[test]
    fn test_modules_are_blanked() {
        let code = "fn a() {}\n#[cfg(test)]\nmod tests {\n fn b() { {} }\n}\nfn c() {}\n#[cfg(test)]\nmod t;\nfn d() {}";
        let left = without_tests(code);
        assert!(!left.contains('b') && !left.contains("mod"));
        assert!(left.contains("fn a") && left.contains("fn c") && left.contains("fn d"));
        assert_eq!(left.lines().count(), code.lines().count());
        assert_eq!(test_lines(code), 6);
    }

    #[test]
    fn words_are_whole() {
        assert_eq!(words("unsafe unsafe_code _unsafe (unsafe)", "unsafe").count(), 2);
    }
}
