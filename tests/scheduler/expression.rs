//! Random expressions of crontab(5), each with the numbers that its fields admit: made together, so that nothing is read.

use crate::random::Random;

/// What a field admits.
#[derive(Clone, Debug)]
pub struct Field {
    pub text: String,
    pub numbers: Vec<bool>,
    pub star: bool,
}

/// Minute, hour, day of month, month, day of week (0 is Sunday).
#[derive(Clone, Debug)]
pub struct Expression {
    pub fields: [Field; 5],
}

const RANGES: [(usize, usize); 5] = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 6)];
const NAMES: [&[&str]; 5] = [
    &[],
    &[],
    &[],
    &["", "JAN", "feb", "MAR", "APR", "May", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
    &["SUN", "MON", "tue", "WED", "THU", "Fri", "SAT"],
];

impl Expression {
    pub fn text(&self) -> String {
        self.fields.each_ref().map(|field| field.text.as_str()).join(" ")
    }

    /// Whether a local time is in it. `date` is (month, day, day of week).
    pub fn day_fits(&self, (month, day, weekday): (usize, usize, usize)) -> bool {
        let [_, _, days, months, weekdays] = &self.fields;
        let (by_day, by_weekday) = (days.numbers[day], weekdays.numbers[weekday]);
        let either = !days.star && !weekdays.star;
        months.numbers[month] && if either { by_day || by_weekday } else { by_day && by_weekday }
    }

    pub fn minute_fits(&self, minute_of_day: usize) -> bool {
        self.fields[0].numbers[minute_of_day % 60] && self.fields[1].numbers[minute_of_day / 60]
    }

    /// Neither minute nor hour begins with a star.
    pub fn is_fixed(&self) -> bool {
        !self.fields[0].star && !self.fields[1].star
    }

    /// `stars`: of ten, how often minute and hour begin with a star.
    pub fn random(random: &mut Random, stars: usize) -> Self {
        let fields = std::array::from_fn(|index| {
            let often = match index {
                0 | 1 => stars,
                _ => 5,
            };
            if random.below(10) < often { starred(random, index) } else { listed(random, index) }
        });
        Self { fields }
    }
}

fn empty() -> Vec<bool> {
    vec![false; 64]
}

fn number(index: usize, value: usize, random: &mut Random) -> String {
    match NAMES[index].get(value) {
        Some(name) if random.below(3) == 0 => (*name).to_owned(),
        _ if index == 4 && value == 0 && random.below(2) == 0 => "7".to_owned(),
        _ if random.below(8) == 0 => format!("{value:02}"),
        _ => value.to_string(),
    }
}

fn starred(random: &mut Random, index: usize) -> Field {
    let (min, max) = RANGES[index];
    let step = if random.below(2) == 0 { 1 } else { random.below(max) + 1 };
    let mut numbers = empty();
    (min..=max).step_by(step).for_each(|value| numbers[value] = true);
    let text = if step == 1 { "*".to_owned() } else { format!("*/{step}") };
    Field { text, numbers, star: true }
}

fn listed(random: &mut Random, index: usize) -> Field {
    let (min, max) = RANGES[index];
    let mut numbers = empty();
    let mut parts = Vec::new();
    for _ in 0..=random.below(3) {
        let value = min + random.below(max - min + 1);
        // Minutes are few, so that ten years of them can be looked at.
        if index == 0 || random.below(3) > 0 {
            numbers[value] = true;
            parts.push(number(index, value, random));
            continue;
        }
        let last = value + random.below(max - value + 1);
        let step = 1 + random.below(4);
        (value..=last).step_by(step).for_each(|value| numbers[value] = true);
        let step = if step == 1 { String::new() } else { format!("/{step}") };
        parts.push(format!("{value}-{last}{step}"));
    }
    Field { text: parts.join(","), numbers, star: false }
}
