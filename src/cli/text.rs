//! Numbers, sizes and times for people.

use crate::dates::shown_date;
use crate::units::{ByteSize, Duration, grouped};

/// `3,002 nodes`, `1 node`.
pub fn count(number: u64, one: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {one}{plural}", grouped(number))
}

/// `118.2 KB`.
pub fn size(bytes: u64) -> String {
    ByteSize::from_bytes(bytes).to_string()
}

/// `6 ms`, `1.2 s`, `3m 5s`.
pub fn took(micros: u64) -> String {
    match micros {
        0..1_000 => "<1 ms".to_owned(),
        1_000..1_000_000 => format!("{} ms", micros / 1_000),
        1_000_000..60_000_000 => {
            format!("{}.{} s", micros / 1_000_000, micros / 100_000 % 10)
        }
        _ => Duration::from_secs(micros / 1_000_000).to_string(),
    }
}

/// A wait, in whole seconds when it is one or more: `5s`.
pub fn wait(ms: u64) -> String {
    let ms = if ms < 1_000 { ms } else { ms.div_ceil(1_000) * 1_000 };
    Duration::from_micros(ms.saturating_mul(1_000)).to_string()
}

/// What a compaction would win, by the engine's generous estimate of the file after it.
pub fn estimate(before: u64, after: u64) -> (String, String) {
    if after >= before {
        return (size(before), "little to win".to_owned());
    }
    (format!("{} -> about {}", size(before), size(after)), change(before, after))
}

/// `2026-11-20 14:02:11Z`; `-` for no time.
pub fn moment(micros: u64) -> String {
    if micros == 0 {
        return "-".to_owned();
    }
    shown_date(micros / 1_000_000)
}

/// `A.cdb 118.5 KB -> 96.1 KB`, without the file.
pub fn from_to(before: u64, after: u64) -> String {
    format!("{} -> {}", size(before), size(after))
}

/// `(19 % less)`, `(3 % more)`, `(same)`.
pub fn change(before: u64, after: u64) -> String {
    let percent =
        |part: u64| (u128::from(part) * 200 + u128::from(before)) / (u128::from(before) * 2).max(1);
    match (before.checked_sub(after), after.checked_sub(before)) {
        (Some(0), _) => "(same)".to_owned(),
        _ if before == 0 => "(new)".to_owned(),
        (Some(less), _) => format!("({} % less)", percent(less)),
        (None, more) => format!("({} % more)", percent(more.unwrap_or(0))),
    }
}

/// Text on one line, so that it can be told where it ends: in quotes when it is empty or has blanks at its ends or inside.
pub fn quoted(text: &str) -> String {
    let plain = !text.is_empty()
        && text.chars().all(|letter| !letter.is_whitespace() && !letter.is_control())
        && !text.starts_with(['"', '{', '}']);
    if plain { text.to_owned() } else { format!("\"{}\"", escaped(text)) }
}

/// Text without line ends, tabs and other invisible characters.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            letter if letter.is_control() => out.extend(letter.escape_default()),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_utc_in_the_gregorian_calendar() {
        assert_eq!(moment(1), "1970-01-01 00:00:00Z");
        assert_eq!(moment(1_795_183_331_000_000), "2026-11-20 14:02:11Z");
        assert_eq!(moment(951_782_400_000_000), "2000-02-29 00:00:00Z");
        assert_eq!(moment(4_107_542_399_000_000), "2100-02-28 23:59:59Z");
    }

    #[test]
    fn a_change_is_told_in_percent_of_what_was_before() {
        assert_eq!(change(121_344, 98_406), "(19 % less)");
        assert_eq!(change(100, 103), "(3 % more)");
        assert_eq!(change(0, 5), "(new)");
        assert_eq!(change(7, 7), "(same)");
    }

    #[test]
    fn what_cannot_be_seen_is_escaped() {
        assert_eq!(quoted("10.0.0.1"), "10.0.0.1");
        assert_eq!(quoted(""), "\"\"");
        assert_eq!(quoted("a b\n\"c\""), "\"a b\\n\\\"c\\\"\"");
    }

    #[test]
    fn times_have_the_unit_that_suits_them() {
        assert_eq!(took(12), "<1 ms");
        assert_eq!(took(41_900), "41 ms");
        assert_eq!(took(1_250_000), "1.2 s");
        assert_eq!(took(185_000_000), "3m 5s");
    }
}
