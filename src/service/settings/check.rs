//! The one guard of settings: what may be stored, and whether it acts.

use super::table::{ELSEWHERE, find};

/// The longest value, in bytes.
const VALUE_BYTES_MAX: usize = 64 << 10;

/// Why a setting cannot have this value. The value is in no message: it may be a secret.
///
/// # Errors
/// One clause, without the path: `expected ...`, or why the setting is set elsewhere.
pub fn check(section: &str, key: &str, value: &str) -> Result<(), String> {
    if section.is_empty() || key.is_empty() {
        return Err("expected a section and a key that are not empty".to_owned());
    }
    if value.chars().any(|character| character.is_control() && character != '\t') {
        return Err("expected a value without control characters and line breaks".to_owned());
    }
    if value.len() > VALUE_BYTES_MAX {
        return Err(format!("expected a value of at most {VALUE_BYTES_MAX} bytes"));
    }
    if let Some((_, reason)) = ELSEWHERE.iter().find(|(names, _)| *names == (section, key)) {
        return Err((*reason).to_owned());
    }
    let Some(row) = find(section, key) else { return Ok(()) };
    row.kind.check(value).map_err(|expected| format!("expected {expected}"))
}

/// Whether a setting of this name changes what the server does. `admins` are no settings; they have a list of their own.
pub fn has_effect(section: &str, key: &str) -> bool {
    find(section, key).is_some()
}
