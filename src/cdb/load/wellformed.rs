//! What the XML reader lets pass and XML does not.

/// A character that no XML document can hold, as itself or by reference, in a text.
pub(super) fn forbidden(text: &str) -> Option<char> {
    text.chars().find(|c| !is_char(*c))
}

/// XML 1.0, production 2.
pub(super) fn is_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// What is wrong with the attributes of a start tag, from behind its name to before its end.
pub(super) fn attributes(raw: &str) -> Result<(), &'static str> {
    let mut rest = raw;
    loop {
        let trimmed = rest.trim_start_matches(is_space);
        if trimmed.is_empty() {
            return Ok(());
        }
        if trimmed.len() == rest.len() {
            return Err("no white space before an attribute");
        }
        rest = attribute(trimmed)?;
    }
}

/// What stands behind the attribute at the front.
fn attribute(text: &str) -> Result<&str, &'static str> {
    let (_, value) = text.split_once('=').ok_or("an attribute without a value")?;
    let value = value.trim_start_matches(is_space);
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
    let quote = quote.ok_or("the value of an attribute is not in quotes")?;
    let inside = value.get(1..).unwrap_or_default();
    let (inside, rest) = inside.split_once(quote).ok_or("the value of an attribute has no end")?;
    if inside.contains('<') {
        return Err("< in the value of an attribute: expected &lt;");
    }
    Ok(rest)
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// What is wrong with an XML declaration, from behind `<?xml` to before `?>`.
pub(super) fn declaration(raw: &str) -> Result<(), String> {
    attributes(raw).map_err(str::to_owned)?;
    let mut expected = ["version", "encoding", "standalone"].iter();
    let mut rest = raw.trim_matches(is_space);
    let mut is_first = true;
    while !rest.is_empty() {
        let (name, value) = rest.split_once('=').unwrap_or((rest, ""));
        let name = name.trim_end_matches(is_space);
        let value = value.trim_start_matches(is_space);
        let quote = value.chars().next().unwrap_or('"');
        let (value, behind) =
            value.get(1..).and_then(|v| v.split_once(quote)).unwrap_or((value, ""));
        if (is_first && name != "version") || !expected.any(|known| *known == name) {
            return Err(format!("\"{}\" in the XML declaration", name.escape_debug()));
        }
        is_first = false;
        let is_fit = match name {
            "version" => value.strip_prefix("1.").is_some_and(|minor| {
                !minor.is_empty() && minor.bytes().all(|byte| byte.is_ascii_digit())
            }),
            "encoding" => ["utf-8", "us-ascii"].iter().any(|fit| value.eq_ignore_ascii_case(fit)),
            _ => matches!(value, "yes" | "no"),
        };
        if !is_fit {
            let value = value.escape_debug();
            return Err(format!("the {name} \"{value}\" is not read: expected {}", fitting(name)));
        }
        rest = behind.trim_start_matches(is_space);
    }
    if is_first { Err("an XML declaration without a version".to_owned()) } else { Ok(()) }
}

fn fitting(name: &str) -> &'static str {
    match name {
        "version" => "1.0",
        "encoding" => "UTF-8",
        _ => "yes or no",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_apart_quoted_and_without_a_start() {
        for fit in ["", " ", " a=\"1\"", "\n a = '1'\tb=\"'\" "] {
            assert_eq!(attributes(fit), Ok(()), "{fit}");
        }
        for unfit in ["a=\"1\"", " a=\"1\"b=\"2\"", " a", " a=1", " a=\"1", " a=\"<\"", " a='1'/"] {
            assert!(attributes(unfit).is_err(), "{unfit}");
        }
    }

    #[test]
    fn a_declaration_names_what_can_be_read() {
        for fit in [" version=\"1.0\"", " version='1.0' encoding='UTF-8' standalone='yes'"] {
            assert_eq!(declaration(fit), Ok(()), "{fit}");
        }
        for unfit in [
            "",
            " encoding=\"UTF-8\"",
            " version=\"2.0\"",
            " version=\"1.0\" encoding=\"ISO-8859-1\"",
            " version=\"1.0\" standalone=\"maybe\"",
            " version=\"1.0\" standalone=\"yes\" encoding=\"UTF-8\"",
            " version=\"1.0\" x=\"y\"",
        ] {
            assert!(declaration(unfit).is_err(), "{unfit}");
        }
    }
}
