//! The five fields of crontab(5), read: what each admits, and what is wrong with one and where.
//!
//! Vixie's dialect: numbers, names, ranges, steps after `*` or a range, lists; Sunday is 0 and 7. Whether a field *begins* with `*` counts
//! beside what it admits: for the union of the two day fields, and for the hours that a change of the clocks leaves out or doubles.

use std::fmt;

/// A mistake in a schedule: one line, with the field that it is in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct CronError {
    /// What is wrong and what was expected.
    pub problem: String,
    /// The field from 1 to 5; `None` when it is about all of it.
    pub field: Option<u8>,
    /// Where it begins in the text, in characters from 1.
    pub column: usize,
}

/// `hour 25 is over 23 (second field)`.
impl fmt::Display for CronError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)?;
        let place = self.field.and_then(|field| PLACES.get(usize::from(field) - 1));
        place.map_or(Ok(()), |place| write!(f, " ({place} field)"))
    }
}

const PLACES: [&str; 5] = ["first", "second", "third", "fourth", "fifth"];

/// One of the five: what it is called, and its numbers.
struct Kind {
    name: &'static str,
    min: u8,
    max: u8,
    names: &'static [&'static str],
}

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

const KINDS: [Kind; 5] = [
    Kind { name: "minute", min: 0, max: 59, names: &[] },
    Kind { name: "hour", min: 0, max: 23, names: &[] },
    Kind { name: "day of month", min: 1, max: 31, names: &[] },
    Kind { name: "month", min: 1, max: 12, names: &MONTHS },
    Kind { name: "day of week", min: 0, max: 7, names: &WEEKDAYS },
];

/// What crontab(5) calls its nicknames, and what they stand for.
const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// What a field admits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// Bit `n` stands for the number `n`.
    bits: u64,
    /// Whether it begins with `*`.
    pub star: bool,
}

impl Field {
    /// Whether it admits a number.
    pub fn admits(self, number: u8) -> bool {
        self.bits >> number & 1 == 1
    }

    /// What it admits, ascending.
    pub fn numbers(self) -> impl Iterator<Item = u8> {
        (0..64).filter(move |number| self.admits(*number))
    }

    fn add(&mut self, first: u8, last: u8, step: u8) {
        (first..=last).step_by(usize::from(step)).for_each(|number| self.bits |= 1 << number);
    }
}

/// The five fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// 0 to 59.
    pub minute: Field,
    /// 0 to 23.
    pub hour: Field,
    /// 1 to 31.
    pub day: Field,
    /// 1 to 12.
    pub month: Field,
    /// 0 to 6, Sunday first.
    pub weekday: Field,
}

impl Fields {
    /// Reads five fields, or a nickname such as `@hourly`.
    pub fn parse(text: &str) -> Result<Self, CronError> {
        let text = text.trim_end();
        if text.trim_start().starts_with('@') {
            return Self::parse(nickname(text.trim_start())?);
        }
        let words = words(text);
        let [minute, hour, day, month, weekday] = words[..] else {
            return Err(whole(format!(
                "{} where five are expected: minute, hour, day of month, month, day of week",
                match words.len() {
                    0 => "no fields".to_owned(),
                    1 => "one field".to_owned(),
                    number => format!("{number} fields"),
                }
            )));
        };
        let mut weekday = parse_field(4, weekday)?;
        if weekday.admits(7) {
            weekday.bits = weekday.bits & 0x7f | 1;
        }
        Ok(Self {
            minute: parse_field(0, minute)?,
            hour: parse_field(1, hour)?,
            day: parse_field(2, day)?,
            month: parse_field(3, month)?,
            weekday,
        })
    }
}

fn whole(problem: String) -> CronError {
    CronError { problem, field: None, column: 1 }
}

fn nickname(text: &str) -> Result<&'static str, CronError> {
    let known = NICKNAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    known.map(|(_, fields)| *fields).ok_or_else(|| {
        let names = "@yearly, @monthly, @weekly, @daily and @hourly";
        if text.eq_ignore_ascii_case("@reboot") {
            let other = "what is to be done at a start is no matter of time";
            return whole(format!("@reboot is not known ({names} are): {other}"));
        }
        whole(format!("{text} is not known; {names} are"))
    })
}

/// The words of a line, each with the character that it begins at, from 1.
fn words(text: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let (mut column, mut rest) = (1, text);
    loop {
        let trimmed = rest.trim_start();
        column += rest.chars().count() - trimmed.chars().count();
        let word = trimmed.split(char::is_whitespace).next().unwrap_or_default();
        if word.is_empty() {
            return words;
        }
        words.push((column, word));
        column += word.chars().count();
        rest = trimmed.strip_prefix(word).unwrap_or_default();
    }
}

/// A field while it is read: knows where mistakes are.
struct Reading {
    index: u8,
    kind: &'static Kind,
    column: usize,
}

fn parse_field(index: u8, (column, text): (usize, &str)) -> Result<Field, CronError> {
    let kind = KINDS.get(usize::from(index)).unwrap_or(&KINDS[0]);
    let mut reading = Reading { index, kind, column };
    let mut field = Field { bits: 0, star: text.starts_with('*') };
    for part in text.split(',') {
        let (first, last, step) = reading.part(part)?;
        field.add(first, last, step);
        reading.column += part.chars().count() + 1;
    }
    Ok(field)
}

impl Reading {
    fn wrong(&self, problem: impl Into<String>) -> CronError {
        CronError { problem: problem.into(), field: Some(self.index + 1), column: self.column }
    }

    /// `*`, `5`, `1-5`, each but the second with `/2`.
    fn part(&self, part: &str) -> Result<(u8, u8, u8), CronError> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(self.step(step)?)),
            None => (part, None),
        };
        let (first, last) = match range.split_once('-') {
            // 7 is Sunday once more.
            _ if range == "*" => (self.kind.min, if self.index == 4 { 6 } else { self.kind.max }),
            Some((first, last)) => self.range(first, last)?,
            None if step.is_some() => {
                let max = self.kind.max;
                let problem = format!("a step follows * or a range: {range}-{max}/...");
                return Err(self.wrong(problem));
            }
            None => {
                let number = self.number(range)?;
                (number, number)
            }
        };
        Ok((first, last, step.unwrap_or(1)))
    }

    fn range(&self, first: &str, last: &str) -> Result<(u8, u8), CronError> {
        let (from, mut to) = (self.number(first)?, self.number(last)?);
        if self.index == 4 && to == 0 && from > 0 {
            // SAT-SUN is 6-7.
            to = 7;
        }
        if from > to {
            let name = self.kind.name;
            let problem = format!("the range {first}-{last} of the {name} runs backwards");
            return Err(self.wrong(problem));
        }
        Ok((from, to))
    }

    fn step(&self, text: &str) -> Result<u8, CronError> {
        // A step beyond the last number leaves the first alone, whatever it is.
        let step = digits(text).map(|step| u8::try_from(step.min(100)).unwrap_or(100));
        match step {
            Some(step @ 1..) => Ok(step),
            Some(0) => Err(self.wrong(format!("the step of the {} is 0", self.kind.name))),
            None => Err(self.wrong(format!("a step is a number, not \"{text}\""))),
        }
    }

    fn number(&self, text: &str) -> Result<u8, CronError> {
        let Kind { name, min, max, names } = self.kind;
        if let Some(index) = names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
            let first = u8::from(self.index == 3);
            return Ok(u8::try_from(index).unwrap_or_default() + first);
        }
        let Some(number) = digits(text) else {
            let named = names.first().zip(names.last());
            let named = named.map(|(first, last)| format!(" or a name from {first} to {last}"));
            let named = named.unwrap_or_default();
            let problem = match text {
                "" => format!("a {name} is missing: expected {min} to {max}{named}"),
                _ => format!("{name} \"{text}\" is not a number from {min} to {max}{named}"),
            };
            return Err(self.wrong(problem));
        };
        if number > u64::from(*max) {
            return Err(self.wrong(format!("{name} {number} is over {max}")));
        }
        if number < u64::from(*min) {
            return Err(self.wrong(format!("{name} {number} is under {min}")));
        }
        Ok(u8::try_from(number).unwrap_or(*max))
    }
}

/// A number in decimal digits; a very long one is a very large one.
fn digits(text: &str) -> Option<u64> {
    let all_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        Fields::parse(text).unwrap_err().to_string()
    }

    fn numbers(field: Field) -> Vec<u8> {
        field.numbers().collect()
    }

    #[test]
    fn a_mistake_is_pointed_at_its_field() {
        for (text, message) in [
            ("0 25 * * *", "hour 25 is over 23 (second field)"),
            ("60 2 * * *", "minute 60 is over 59 (first field)"),
            ("0 2 0 * *", "day of month 0 is under 1 (third field)"),
            ("0 2 * 13 *", "month 13 is over 12 (fourth field)"),
            ("0 2 * * 8", "day of week 8 is over 7 (fifth field)"),
            ("0 2 * * 5-1", "the range 5-1 of the day of week runs backwards (fifth field)"),
            (
                "0 2 * Jon *",
                "month \"Jon\" is not a number from 1 to 12 or a name from JAN to DEC (fourth field)",
            ),
            ("0 2 L * *", "day of month \"L\" is not a number from 1 to 31 (third field)"),
            (
                "0 2 * * 5#2",
                "day of week \"5#2\" is not a number from 0 to 7 or a name from SUN to SAT (fifth field)",
            ),
            ("*/0 * * * *", "the step of the minute is 0 (first field)"),
            ("5/15 * * * *", "a step follows * or a range: 5-59/... (first field)"),
            ("1,,2 * * * *", "a minute is missing: expected 0 to 59 (first field)"),
            ("-5 * * * *", "a minute is missing: expected 0 to 59 (first field)"),
            (
                "* * 99999999999999999999 * *",
                "day of month 18446744073709551615 is over 31 (third field)",
            ),
            (
                "0 2 * *",
                "4 fields where five are expected: minute, hour, day of month, month, day of week",
            ),
            (
                "0 0 2 * * 1",
                "6 fields where five are expected: minute, hour, day of month, month, day of week",
            ),
            (
                "",
                "no fields where five are expected: minute, hour, day of month, month, day of week",
            ),
            (
                "@fortnightly",
                "@fortnightly is not known; @yearly, @monthly, @weekly, @daily and @hourly are",
            ),
        ] {
            assert_eq!(wrong(text), message, "{text}");
        }
        assert_eq!(Fields::parse("0  2,25 * * *").unwrap_err().column, 6);
    }

    #[test]
    fn every_shape_of_a_field_is_read() {
        let fields = Fields::parse("*/20 8-18/5 1,15 jan-MAR,12 MON-FRI").unwrap();
        assert_eq!(numbers(fields.minute), [0, 20, 40]);
        assert_eq!(numbers(fields.hour), [8, 13, 18]);
        assert_eq!(numbers(fields.day), [1, 15]);
        assert_eq!(numbers(fields.month), [1, 2, 3, 12]);
        assert_eq!(numbers(fields.weekday), [1, 2, 3, 4, 5]);
        assert!(fields.minute.star && !fields.hour.star);
    }

    #[test]
    fn sunday_is_0_and_7() {
        for (text, days) in [
            ("7", &[0][..]),
            ("0", &[0]),
            ("5-7", &[0, 5, 6]),
            ("sat-sun", &[0, 6]),
            ("0-7", &[0, 1, 2, 3, 4, 5, 6]),
            ("*/3", &[0, 3, 6]),
            ("*", &[0, 1, 2, 3, 4, 5, 6]),
        ] {
            let fields = Fields::parse(&format!("0 0 * * {text}")).unwrap();
            assert_eq!(numbers(fields.weekday), days, "{text}");
        }
    }

    #[test]
    fn a_nickname_stands_for_its_fields() {
        assert_eq!(Fields::parse("@Hourly"), Fields::parse("0 * * * *"));
        assert_eq!(Fields::parse(" @weekly "), Fields::parse("0 0 * * sun"));
    }

    proptest::proptest! {
        #[test]
        fn junk_never_panics(text in "[ -~\\PC]{0,40}", spaced in "([*0-9,/A-Za-z#-]{1,6} ){4}[*0-9,/-]{1,6}") {
            for text in [text, spaced] {
                if let Err(error) = Fields::parse(&text) {
                    assert!(!error.to_string().contains('\n') && error.column > 0);
                }
            }
        }
    }
}
