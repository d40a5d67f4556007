//! The results as two tables, in text or Markdown: every row with every contestant, and every goal.

use crate::results::Results;
use crate::rows::{Against, GOALS, Goal, ROWS, Row};

/// How a table is written down.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Text,
    Markdown,
}

const US: &str = "pumice";

/// Both tables.
pub fn tables(results: &Results, form: Form) -> String {
    let rows: Vec<_> = ROWS.iter().flat_map(|row| row_lines(results, row)).collect();
    let head = [
        "row",
        "contestant",
        "median",
        "least to largest",
        "cpu us",
        "p50 us",
        "p99 us",
        "max us",
        "disk MB",
        "anon MB",
        "of best peer",
        "of limit",
    ];
    let goals: Vec<_> = GOALS.iter().filter_map(|goal| goal_line(results, goal)).collect();
    let goal_head = ["row", "goal", "reached", "met"];
    let titles: Vec<_> = ROWS.iter().filter(|row| is_measured(results, row)).map(title).collect();
    format!(
        "{}\n{}\n{}",
        titles.concat(),
        table(&head, &rows, form),
        table(&goal_head, &goals, form)
    )
}

fn is_measured(results: &Results, row: &Row) -> bool {
    !results.contestants(row.name, row.metric).is_empty()
}

fn title(row: &Row) -> String {
    format!("- {}: {}\n", row.name, row.title)
}

/// The contestants of a row, the best first, the raw ways behind them.
fn row_lines(results: &Results, row: &Row) -> Vec<Vec<String>> {
    let mut names = results.contestants(row.name, row.metric);
    let value = |name: &str| results.median(row.name, name, row.metric).unwrap_or(f64::NAN);
    names.sort_by(|a, b| {
        let order = value(a).total_cmp(&value(b));
        let order = if row.more_is_better { order.reverse() } else { order };
        is_raw(a).cmp(&is_raw(b)).then(order)
    });
    let (best, limit) = (best_peer(results, row), best_raw(results, row));
    let line = |name: &str| {
        let metric = |metric, scale: f64| {
            let value = results.median(row.name, name, metric);
            value.map_or_else(String::new, |value| number(value / scale))
        };
        let spread = results.spread(row.name, name, row.metric);
        let spread = spread.filter(|spread| spread.2 > 1);
        let of = |other: Option<f64>| other.map_or_else(String::new, |o| ratio(value(name) / o));
        vec![
            row.name.to_owned(),
            name.to_owned(),
            quantity(value(name), row.unit),
            spread.map_or_else(String::new, |(least, largest, _)| {
                format!("{} to {}", quantity(least, row.unit), quantity(largest, row.unit))
            }),
            metric("cpu_us", 1.0),
            metric("p50_us", 1.0),
            metric("p99_us", 1.0),
            metric("max_us", 1.0),
            metric("disk_bytes", 1e6),
            metric("anon_bytes", 1e6),
            of(best),
            of(limit),
        ]
    };
    names.into_iter().map(line).collect()
}

fn is_raw(name: &str) -> bool {
    name.starts_with("raw")
}

fn best_peer(results: &Results, row: &Row) -> Option<f64> {
    best(results, row, |name| name != US && !is_raw(name))
}

fn best_raw(results: &Results, row: &Row) -> Option<f64> {
    best(results, row, is_raw)
}

fn best(results: &Results, row: &Row, is_asked: impl Fn(&str) -> bool) -> Option<f64> {
    let names = results.contestants(row.name, row.metric);
    let asked = names.into_iter().filter(|name| is_asked(name));
    let values = asked.filter_map(|name| results.median(row.name, name, row.metric));
    values.reduce(|a, b| if row.more_is_better { a.max(b) } else { a.min(b) })
}

fn goal_line(results: &Results, goal: &Goal) -> Option<Vec<String>> {
    let ours = results.median(goal.row, US, goal.metric)?;
    let row = ROWS.iter().find(|row| row.name == goal.row)?;
    let (against, words) = match goal.against {
        Against::Best => (best_peer(results, row)?, " the best peer"),
        Against::Limit => (best_raw(results, row)?, " the limit"),
        Against::Peer(name, of) => (results.median(of, name, goal.metric)?, name),
        Against::Number => (1.0, ""),
    };
    let reached = ours / against;
    let met = if goal.at_least { reached >= goal.factor } else { reached <= goal.factor };
    let space = if words.is_empty() || words.starts_with(' ') { "" } else { " " };
    let sign = if goal.at_least { "at least" } else { "at most" };
    let metric =
        if goal.metric == row.metric { String::new() } else { format!("{} ", goal.metric) };
    let unit = goal.unit;
    Some(vec![
        goal.row.to_owned(),
        format!("{metric}{sign} {}{space}{words}", goal_number(goal.factor, unit)),
        goal_number(reached, unit),
        if met { "yes" } else { "NO" }.to_owned(),
    ])
}

fn goal_number(value: f64, unit: &str) -> String {
    match unit {
        "x" => format!("{value:.2} x"),
        "" => format!("{value:.3}"),
        unit => quantity(value, unit),
    }
}

fn quantity(value: f64, unit: &str) -> String {
    match unit {
        "B" => format!("{} MB", number(value / 1e6)),
        "" => format!("{value:.3}"),
        "/s" => format!("{}/s", number(value)),
        unit => format!("{} {unit}", number(value)),
    }
}

fn ratio(value: f64) -> String {
    format!("{value:.2}")
}

/// Three digits that count, and commas between thousands.
pub fn number(value: f64) -> String {
    if value < 9.995 {
        return format!("{value:.2}");
    }
    if value < 99.95 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Lines in columns of one width.
pub fn table(head: &[&str], lines: &[Vec<String>], form: Form) -> String {
    let head: Vec<_> = head.iter().map(|&word| word.to_owned()).collect();
    let width = |column| {
        let cells = lines.iter().chain([&head]).filter_map(|line| line.get(column));
        cells.map(|cell: &String| cell.len()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..head.len()).map(width).collect();
    let bars = form == Form::Markdown;
    let mut text = write_line(&head, &widths, bars);
    if bars {
        let rule: Vec<_> = widths.iter().map(|_| "---".to_owned()).collect();
        text += &write_line(&rule, &[], true);
    }
    let mut last = "";
    for line in lines {
        let group = line.first().map_or("", String::as_str);
        if !bars && group != last && head.first().is_some_and(|word| word == "row") {
            text.push('\n');
        }
        last = group;
        text += &write_line(line, if bars { &[] } else { &widths }, bars);
    }
    text
}

fn write_line(cells: &[String], widths: &[usize], bars: bool) -> String {
    if bars {
        return format!("| {} |\n", cells.join(" | "));
    }
    let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
    format!("{}\n", padded.collect::<Vec<_>>().join("  ").trim_end())
}
