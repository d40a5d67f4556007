//! CouchDB's rules for new passwords: `[{".{10,}", "min 10"}]`, patterns with the reason that is given when one does not match.

use regex::Regex;

/// What a list of rules looks like.
pub const EXPECTED: &str =
    "a list of patterns with reasons, [{\"PATTERN\", \"REASON\"}] (no lookaround), or []";

/// One rule.
#[derive(Clone, Debug)]
pub struct PasswordRule {
    pattern: Regex,
    reason: String,
}

/// Rules for new passwords. A password must match every pattern somewhere.
#[derive(Clone, Debug, Default)]
pub struct PasswordRules(Vec<PasswordRule>);

impl PasswordRules {
    /// Reads a list as CouchDB's configuration has it: an Erlang term of tuples of one or two strings. The reason may be missing.
    ///
    /// # Errors
    /// What was expected, as a noun.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = || EXPECTED.to_owned();
        let mut rest = text.trim();
        if rest.is_empty() {
            return Ok(Self::default());
        }
        rest = rest.strip_suffix('.').unwrap_or(rest).trim();
        let inner = rest.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let mut rest = inner.ok_or_else(expected)?.trim();
        let mut rules = Vec::new();
        while !rest.is_empty() {
            let (rule, behind) = rule(rest).ok_or_else(expected)?;
            rules.push(rule);
            rest = behind.trim_start();
            match rest.strip_prefix(',') {
                Some(next) if !next.trim_start().is_empty() => rest = next.trim_start(),
                None if rest.is_empty() => {}
                _ => return Err(expected()),
            }
        }
        Ok(Self(rules))
    }

    /// Holds a new password against all rules.
    ///
    /// # Errors
    /// CouchDB's sentence, with the reason of the first rule that is not met.
    pub fn check(&self, password: &str) -> Result<(), String> {
        let unmet = self.0.iter().find(|rule| !rule.pattern.is_match(password));
        match unmet {
            None => Ok(()),
            Some(rule) if rule.reason.is_empty() => {
                Err("Password does not conform to requirements.".to_owned())
            }
            Some(rule) => {
                Err(format!("Password does not conform to requirements. {}", rule.reason))
            }
        }
    }
}

/// `{"PATTERN"}` or `{"PATTERN", "REASON"}`, and what stands behind it.
fn rule(text: &str) -> Option<(PasswordRule, &str)> {
    let rest = text.strip_prefix('{')?.trim_start();
    let (pattern, rest) = string(rest)?;
    let rest = rest.trim_start();
    let (reason, rest) = match rest.strip_prefix(',') {
        Some(rest) => string(rest.trim_start())?,
        None => (String::new(), rest),
    };
    let rest = rest.trim_start().strip_prefix('}')?;
    let pattern = Regex::new(&pattern).ok()?;
    Some((PasswordRule { pattern, reason }, rest))
}

/// An Erlang string, `"..."` or `<<"...">>`, with `\` before a quote and before itself.
fn string(text: &str) -> Option<(String, &str)> {
    let (text, is_binary) = match text.strip_prefix("<<") {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let text = text.strip_prefix('"')?;
    let (mut out, mut is_escaped) = (String::new(), false);
    for (at, character) in text.char_indices() {
        match character {
            _ if is_escaped => {
                // Erlang drops the backslash; patterns like \d lose nothing that way when it is kept.
                if !matches!(character, '"' | '\\') {
                    out.push('\\');
                }
                out.push(character);
                is_escaped = false;
            }
            '\\' => is_escaped = true,
            '"' => {
                let rest = text.get(at + 1..)?;
                let rest = if is_binary { rest.strip_prefix(">>")? } else { rest };
                return Some((out, rest));
            }
            character => out.push(character),
        }
    }
    None
}
