//! `growth`: pumice from 100,000 to 50,000,000 entries, and with values from 1 KiB to 16 MiB; a table, and a plot of
//! each number.

use std::fs;
use std::path::Path;

use crate::args::Args;
use crate::child::Job;
use crate::plot::{Plot, Point};
use crate::report::{Form, number, table};
use crate::results::Results;
use crate::run::remove;
use crate::store::Outcome;

const ENTRIES: &[u64] = &[100_000, 1_000_000, 10_000_000, 50_000_000];
/// Length of a value, and how many there are of it.
const VALUES: &[(u64, u64)] = &[(1 << 10, 1_000_000), (64 << 10, 32_768), (16 << 20, 128)];
const VALUE_BYTES: u64 = 150;
const KEY_BYTES: f64 = 16.0;

/// A number of the table: its metric, its name, and what it is divided by.
struct Number {
    metric: &'static str,
    name: &'static str,
    per: Per,
    /// The name of its plot, when it has one.
    plot: Option<&'static str>,
}

#[derive(Clone, Copy)]
enum Per {
    One,
    Thousand,
    Million,
    TailEntry,
    Live,
}

const NUMBERS: &[Number] = &[
    Number { metric: "load_s", name: "load s", per: Per::One, plot: None },
    Number {
        metric: "disk_bytes",
        name: "disk bytes, of live",
        per: Per::Live,
        plot: Some("disk"),
    },
    Number {
        metric: "tail_anon_bytes",
        name: "anon bytes an entry of the tail",
        per: Per::TailEntry,
        plot: None,
    },
    Number { metric: "anon_bytes", name: "anon MB, read", per: Per::Million, plot: Some("memory") },
    Number { metric: "open_ms", name: "open ms", per: Per::One, plot: Some("open") },
    Number { metric: "first_read_ms", name: "first read ms", per: Per::One, plot: None },
    Number {
        metric: "get_1_per_s",
        name: "get k/s, 1 thread",
        per: Per::Thousand,
        plot: Some("get-1"),
    },
    Number {
        metric: "get_2_per_s",
        name: "get k/s, 2 threads",
        per: Per::Thousand,
        plot: Some("get-2"),
    },
    Number { metric: "scan_first_per_s", name: "first scan M/s", per: Per::Million, plot: None },
    Number { metric: "scan_per_s", name: "scan M/s", per: Per::Million, plot: Some("scan") },
    Number { metric: "scan_mb_per_s", name: "scan MB/s", per: Per::One, plot: None },
    Number {
        metric: "compaction_mb_per_s",
        name: "compaction MB/s",
        per: Per::One,
        plot: Some("compaction"),
    },
];

/// `--max N` leaves out what is larger; `--plots DIR` is where the plots go; `--axis entries|values`.
pub fn run(args: &Args) -> Outcome<()> {
    let max: u64 = args.get("max", 50_000_000)?;
    let axis = args.text("axis", "both");
    let plots = args.text("plots", "");
    let steps = |entries: &[(u64, u64)]| {
        entries.iter().copied().filter(|(_, count)| *count <= max).collect::<Vec<_>>()
    };
    let by_entries: Vec<_> = ENTRIES.iter().map(|count| (VALUE_BYTES, *count)).collect();
    if axis != "values" {
        let (lines, plotted) = measure(&args.dir(), &steps(&by_entries), false)?;
        print_tables("entries", &lines);
        draw(&plots, "entries", "entries of 16 + 150 bytes", &plotted)?;
    }
    if axis != "entries" {
        let (lines, plotted) = measure(&args.dir(), &steps(VALUES), true)?;
        print_tables("value bytes", &lines);
        draw(&plots, "values", "bytes of a value", &plotted)?;
    }
    Ok(())
}

/// The lines of the table, and the curve of each number.
type Measured = (Vec<Vec<String>>, Vec<(&'static Number, Vec<Point>)>);

fn measure(dir: &Path, steps: &[(u64, u64)], by_value: bool) -> Outcome<Measured> {
    let mut lines = Vec::new();
    let mut curves: Vec<(&Number, Vec<Point>)> =
        NUMBERS.iter().map(|number| (number, Vec::new())).collect();
    for (value_bytes, entries) in steps {
        let dir = dir.join("growth");
        let mut results = Results::default();
        for job in ["growth-load", "growth-read"] {
            let job = Job::new(job).with("dir", dir.display()).with("entries", entries);
            let job = job.with("value-bytes", value_bytes);
            results.add(
                "pumice",
                job.with("gets", if *value_bytes > 150 { 20_000 } else { 1_000_000 }).run()?,
            );
        }
        remove(&dir);
        let x = if by_value { *value_bytes } else { *entries } as f64;
        let value = |metric| results.median("growth", "pumice", metric);
        let mut line = vec![number(x), number(*entries as f64)];
        for (number_of, curve) in &mut curves {
            let by = match number_of.per {
                Per::One => 1.0,
                Per::Thousand => 1e3,
                Per::Million => 1e6,
                Per::TailEntry => value("tail_entries").unwrap_or(f64::NAN),
                Per::Live => *entries as f64 * (*value_bytes as f64 + KEY_BYTES),
            };
            let y = value(number_of.metric).map(|value| value / by);
            line.push(y.map_or_else(String::new, number));
            curve.extend(y.map(|y| Point { x, y }));
        }
        eprintln!("{}", line.join(" | "));
        lines.push(line);
    }
    Ok((lines, curves))
}

fn print_tables(axis: &str, lines: &[Vec<String>]) {
    let head: Vec<_> =
        [axis, "entries"].into_iter().chain(NUMBERS.iter().map(|number| number.name)).collect();
    println!("{}", table(&head, lines, Form::Markdown));
}

fn draw(dir: &str, axis: &str, x: &str, curves: &[(&Number, Vec<Point>)]) -> Outcome<()> {
    if dir.is_empty() {
        return Ok(());
    }
    fs::create_dir_all(dir)?;
    for (number, points) in curves {
        if let Some(file) = number.plot {
            let plot = Plot { title: number.name, x, points };
            fs::write(Path::new(dir).join(format!("{axis}-{file}.svg")), plot.svg())?;
        }
    }
    Ok(())
}
