//! `run`: all rows, contestant after contestant within each round, and the tables.

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::args::Args;
use crate::child::{Job, Measured};
use crate::raw;
use crate::report::{Form, tables};
use crate::results::Results;
use crate::rows::LIMIT;
use crate::store::{CONTESTANTS, Outcome, is_built};

/// The groups of rows that can be asked for.
const GROUPS: &[&str] = &["W1", "W2-8", "W2-64", "W3", "W4", "W5", "W6a", "W6b", "W6c", "W7"];
/// Who can be asked for single entries, and has them in an order.
const READERS: &[&str] = &["pumice", "raft-engine", "fjall", "rocksdb", "redb", "lmdb", "sqlite"];
/// Who replays a log when it opens, however long it is.
const REPLAYERS: &[&str] = &["pumice", "raft-engine", "redis"];

/// How much work there is.
struct Scale {
    seconds: f64,
    load: u64,
    reopen: u64,
    replay: u64,
    overwrite: u64,
}

const FULL: Scale =
    Scale { seconds: 1.0, load: 2_000_000, reopen: 500_000, replay: 1_500_000, overwrite: 200_000 };
const SMALL: Scale =
    Scale { seconds: 0.5, load: 200_000, reopen: 100_000, replay: 300_000, overwrite: 50_000 };

struct Run {
    dir: PathBuf,
    contestants: Vec<String>,
    groups: Vec<String>,
    scale: Scale,
    results: Results,
}

/// `--rows --contestants --rounds --heavy-rounds --scale --dir`. The heavy rows are W4 and what follows. The others
/// have many short rounds: a disk's moods last for seconds, and a median over rounds forgets them.
pub fn run(args: &Args) -> Outcome<()> {
    let scale = if args.text("scale", "full") == "small" { SMALL } else { FULL };
    let mut contestants = args.list("contestants", CONTESTANTS);
    contestants.retain(|contestant| is_built(contestant));
    let mut run = Run {
        dir: args.dir(),
        contestants,
        groups: args.list("rows", GROUPS),
        scale,
        results: Results::default(),
    };
    if let Some(unknown) = run.groups.iter().find(|group| !GROUPS.contains(&group.as_str())) {
        return Err(format!("{unknown}: not one of {}", GROUPS.join(", ")).into());
    }
    let rounds = args.get("rounds", 7)?;
    let start = Instant::now();
    for round in 0..rounds {
        run.commit_rows(round);
    }
    for round in 0..args.get("heavy-rounds", 1)? {
        run.heavy_rows(round);
    }
    for form in [Form::Text, Form::Markdown] {
        println!("{}", tables(&run.results, form));
    }
    println!("{:.0} minutes", start.elapsed().as_secs_f64() / 60.0);
    Ok(())
}

impl Run {
    fn has(&self, group: &str) -> bool {
        self.groups.iter().any(|asked| asked == group)
    }

    /// The contestants and what else is measured beside them, each round beginning with another one.
    fn turn(&self, round: usize, among: &[&str], raw: &[&str]) -> Vec<String> {
        let asked = self.contestants.iter().filter(|name| among.contains(&name.as_str()));
        let raw = raw.iter().map(|&name| name.to_owned());
        let mut names: Vec<_> = asked.cloned().chain(raw).collect();
        let count = names.len().max(1);
        names.rotate_left(round * 5 % count);
        names
    }

    fn dir_of(&self, contestant: &str) -> PathBuf {
        self.dir.join(contestant.replace([':', ' ', '+'], "-"))
    }

    /// Runs a job; one that fails is said and left out.
    fn measure(&mut self, contestant: &str, job: Job) {
        let dir = self.dir_of(contestant);
        let job = job.with("contestant", contestant).with("dir", dir.display());
        let measured = job.run();
        self.note(contestant, measured);
    }

    fn note(&mut self, contestant: &str, measured: Outcome<Measured>) {
        match measured {
            Ok(measured) => {
                for (row, metric, value) in &measured {
                    eprintln!("{row} {contestant} {metric} {value:.3}");
                }
                self.results.add(contestant, measured);
            }
            Err(error) => eprintln!("{contestant}: {error}"),
        }
    }

    fn remove(&self, contestant: &str) {
        remove(&self.dir_of(contestant));
    }

    fn commit_rows(&mut self, round: usize) {
        for (row, writers, puts) in [("W1", 1, 1), ("W2-8", 8, 1), ("W2-64", 64, 1), ("W3", 1, 100)]
        {
            if !self.has(row) {
                continue;
            }
            for contestant in self.turn(round, CONTESTANTS, raw::WAYS) {
                let job = Job::new("commits").with("row", row).with("writers", writers);
                let job = job.with("puts", puts).with("seconds", self.scale.seconds);
                self.measure(&contestant, job);
                self.remove(&contestant);
            }
        }
    }

    fn heavy_rows(&mut self, round: usize) {
        if self.has("W4") || self.has("W5") {
            self.load_and_read(round);
        }
        if self.has("W6a") {
            self.reopen_clean(round);
        }
        if self.has("W6b") {
            self.reopen_killed(round);
        }
        if self.has("W6c") {
            self.replay(round);
        }
        if self.has("W7") {
            self.compact(round);
        }
    }

    fn load_and_read(&mut self, round: usize) {
        let entries = self.scale.load;
        let reads = self.has("W5");
        for contestant in self.turn(round, CONTESTANTS, &[LIMIT]) {
            if contestant == LIMIT {
                self.measure(LIMIT, Job::new("load-limit").with("entries", entries));
                if reads {
                    self.measure(LIMIT, Job::new("read-limit").with("entries", entries));
                }
            } else {
                let compact = if reads { "after" } else { "none" };
                let job = Job::new("load").with("entries", entries).with("compact", compact);
                self.measure(&contestant, job);
            }
            if reads && READERS.contains(&contestant.as_str()) {
                self.measure(&contestant, Job::new("read").with("entries", entries));
            }
            if reads && contestant == "pumice" {
                let job = Job::new("load").with("entries", entries).with("compact", "half");
                self.measure(&contestant, job.with("row", "W4-half"));
                let job = Job::new("read").with("entries", entries).with("suffix", "-tail");
                self.measure(&contestant, job);
            }
            self.remove(&contestant);
        }
    }

    fn reopen_clean(&mut self, round: usize) {
        let entries = self.scale.reopen;
        for contestant in self.turn(round, CONTESTANTS, &[]) {
            let job = Job::new("load").with("entries", entries).with("compact", "after");
            self.measure(&contestant, job.with("row", "W6a-load"));
            let job = Job::new("reopen").with("entries", entries).with("row", "W6a");
            self.measure(&contestant, job);
            self.remove(&contestant);
        }
    }

    fn reopen_killed(&mut self, round: usize) {
        let entries = self.scale.reopen;
        for contestant in self.turn(round, CONTESTANTS, &[]) {
            let dir = self.dir_of(&contestant);
            let churn = Job::new("churn").with("entries", entries).with("updates", entries / 5);
            let churn = churn.with("until", "killed").with("automatic", true);
            let churn = churn.with("contestant", &contestant).with("dir", dir.display());
            if let Err(error) = churn.run_and_kill() {
                eprintln!("{contestant}: {error}");
                continue;
            }
            let job = Job::new("reopen").with("entries", entries).with("row", "W6b");
            self.measure(&contestant, job.with("automatic", true));
            self.remove(&contestant);
        }
    }

    fn replay(&mut self, round: usize) {
        let records = self.scale.replay;
        let entries = records / 3;
        for contestant in self.turn(round, REPLAYERS, &[LIMIT]) {
            if contestant == LIMIT {
                self.measure(LIMIT, Job::new("replay-limit").with("records", records));
            } else {
                let churn = Job::new("churn").with("entries", entries);
                let churn = churn.with("updates", records - entries).with("automatic", false);
                self.measure(&contestant, churn);
                let job = Job::new("reopen").with("entries", entries).with("row", "W6c");
                self.measure(&contestant, job.with("records", records));
            }
            self.remove(&contestant);
        }
    }

    fn compact(&mut self, round: usize) {
        let entries = self.scale.overwrite;
        for contestant in self.turn(round, CONTESTANTS, &[LIMIT]) {
            let job = if contestant == LIMIT { "compaction-limit" } else { "compaction" };
            self.measure(&contestant, Job::new(job).with("entries", entries));
            self.remove(&contestant);
        }
    }
}

/// What a contestant left is not needed any more.
pub fn remove(dir: &Path) {
    if dir.exists()
        && let Err(error) = std::fs::remove_dir_all(dir)
    {
        eprintln!("{}: {error}", dir.display());
    }
}
