//! `verify-durability`: how many system calls that make data durable each contestant makes for a commit, counted by
//! strace from outside.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::args::Args;
use crate::child::Job;
use crate::report::{Form, table};
use crate::run::remove;
use crate::store::{self, CONTESTANTS, Options, Outcome, is_built};

/// Commits that are traced.
const COMMITS: u64 = 200;
/// What is looked at. Writes count when the file was opened so that they are durable when they return.
const CALLS: &str = "fsync,fdatasync,sync_file_range,msync,openat,open,write,pwrite64,writev,pwritev,pwritev2,fcntl,io_submit";

pub fn run(args: &Args) -> Outcome<()> {
    let mut lines = Vec::new();
    for contestant in args.list("contestants", CONTESTANTS) {
        if !is_built(&contestant) {
            continue;
        }
        let dir = args.dir().join(&contestant);
        let line = count(&contestant, &dir);
        remove(&dir);
        lines.push(line.unwrap_or_else(|error| vec![contestant, error.to_string()]));
    }
    let head =
        ["contestant", "fsync", "fdatasync", "sync_file_range", "msync", "durable writes", "each"];
    println!("system calls for {COMMITS} commits of one put by one writer, counted by strace");
    print!("{}", table(&head, &lines, Form::Text));
    Ok(())
}

fn count(contestant: &str, dir: &Path) -> Outcome<Vec<String>> {
    let base = trace(contestant, dir, 0)?;
    let all = trace(contestant, dir, COMMITS)?;
    let counts: Vec<u64> =
        all.iter().zip(&base).map(|(all, base)| all.saturating_sub(*base)).collect();
    let sum: u64 = counts.iter().sum();
    let mut line = vec![contestant.to_owned()];
    line.extend(counts.iter().map(u64::to_string));
    line.push(format!("{:.2}", sum as f64 / COMMITS as f64));
    Ok(line)
}

/// The calls of a run with so many commits: fsync, fdatasync, sync_file_range, msync, writes to files opened with
/// `O_DSYNC` or `O_SYNC`.
fn trace(contestant: &str, dir: &Path, commits: u64) -> Outcome<[u64; 5]> {
    remove(dir);
    std::fs::create_dir_all(dir)?;
    let log = dir.with_extension("strace");
    let job = Job::new("some-commits").with("contestant", contestant).with("dir", dir.display());
    let traced = job.with("commits", commits).command()?;
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-qq", "-e", &format!("trace={CALLS}"), "-o"]).arg(&log).arg("--");
    strace.arg(traced.get_program()).args(traced.get_args());
    let status = strace.stdout(Stdio::null()).status().map_err(|e| format!("strace: {e}"))?;
    let text = String::from_utf8_lossy(&std::fs::read(&log)?).into_owned();
    std::fs::remove_file(&log)?;
    if !status.success() {
        return Err(format!("it ended with {status}").into());
    }
    Ok(tally(&text))
}

/// Counts calls in strace's lines: `pid call(fd<path>, ...) = result`.
fn tally(text: &str) -> [u64; 5] {
    let mut counts = [0; 5];
    let mut durable_files = Vec::new();
    for line in text.lines() {
        let call = line.split_once(' ').map_or(line, |(_, call)| call.trim_start());
        let name = call.split('(').next().unwrap_or_default();
        let opened = call.rsplit_once("= ").and_then(|(_, result)| file_of(result));
        match name {
            "fsync" => counts[0] += 1,
            "fdatasync" => counts[1] += 1,
            "sync_file_range" => counts[2] += 1,
            "msync" => counts[3] += 1,
            "open" | "openat" => {
                let is_durable = call.contains("O_DSYNC") || call.contains("O_SYNC");
                durable_files.extend(opened.filter(|_| is_durable));
            }
            "write" | "pwrite64" | "writev" | "pwritev" | "pwritev2" | "io_submit" => {
                let file = file_of(call);
                let is_durable = file.is_some_and(|file| durable_files.contains(&file));
                counts[4] += u64::from(is_durable || call.contains("RWF_DSYNC"));
            }
            _ => {}
        }
    }
    counts
}

/// The first `fd<path>`: a file may be opened twice, and be durable through one of them.
fn file_of(text: &str) -> Option<&str> {
    let text = text.split_once('(').map_or(text, |(_, rest)| rest);
    text.split_once('>').map(|(file, _)| file.trim())
}

/// The traced child's work.
pub fn some_commits(args: &Args) -> Outcome<()> {
    let values = crate::data::Values::new(150);
    let store = store::open(&args.text("contestant", ""), &args.dir(), Options::default())?;
    let mut writer = store.writer()?;
    for number in 0..args.get("commits", COMMITS)? {
        writer.commit(&[(crate::data::key(number), values.get(number))], true)?;
    }
    Ok(())
}
