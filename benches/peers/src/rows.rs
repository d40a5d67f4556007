//! The rows of the table, and the goals.

/// The process that stands for the raw limit in rows where there is one way only.
pub const LIMIT: &str = "raw: limit";

/// A row: one number for each contestant.
pub struct Row {
    pub name: &'static str,
    pub title: &'static str,
    pub metric: &'static str,
    pub unit: &'static str,
    /// Which way is ahead.
    pub more_is_better: bool,
}

const fn more(
    name: &'static str,
    title: &'static str,
    metric: &'static str,
    unit: &'static str,
) -> Row {
    Row { name, title, metric, unit, more_is_better: true }
}

const fn less(
    name: &'static str,
    title: &'static str,
    metric: &'static str,
    unit: &'static str,
) -> Row {
    Row { name, title, metric, unit, more_is_better: false }
}

pub const ROWS: &[Row] = &[
    more("W1", "durable commits of 1 put, 1 writer", "rate", "/s"),
    more("W2-8", "durable commits of 1 put, 8 writers", "rate", "/s"),
    more("W2-64", "durable commits of 1 put, 64 writers", "rate", "/s"),
    more("W3", "durable commits of 100 puts, 1 writer", "rate", "/s"),
    more("W4", "load in batches of 1,000, one sync at the end", "rate", "/s"),
    more("W5a-1", "random gets after compaction, 1 thread", "rate", "/s"),
    more("W5a-2", "random gets after compaction, 2 threads", "rate", "/s"),
    more("W5a-1-tail", "random gets, half the keys in the tail, 1 thread", "rate", "/s"),
    more("W5a-2-tail", "random gets, half the keys in the tail, 2 threads", "rate", "/s"),
    more("W5b", "scan of everything after compaction, entries", "rate", "/s"),
    more("W5b-tail", "scan of everything, half the keys in the tail, entries", "rate", "/s"),
    less("W5c", "anonymous memory meanwhile", "anon_bytes", "B"),
    less("W5c-tail", "anonymous memory, half the keys in the tail", "anon_bytes", "B"),
    less("W6a-first", "reopen after a clean close: first read", "ms", "ms"),
    less("W6a-all", "reopen after a clean close: everything read", "ms", "ms"),
    less("W6b-first", "reopen after SIGKILL, default thresholds: first read", "ms", "ms"),
    less("W6b-all", "reopen after SIGKILL, default thresholds: everything read", "ms", "ms"),
    less("W6c-first", "replay of a long tail without compaction: first read", "ms", "ms"),
    more("W7a", "compaction of 20-fold overwritten data under a writer, live MB", "rate", "/s"),
    less("W7b", "longest durable commit meanwhile", "ms", "ms"),
    less("W7c", "bytes in use afterwards, of live bytes", "ratio", ""),
    more("W7d", "commits per second while compacting, of those before", "ratio", ""),
    less("W7e", "bytes that a compaction wrote, of live bytes", "ratio", ""),
];

/// What a goal measures pumice against.
#[derive(Clone, Copy)]
pub enum Against {
    /// The best of the other stores.
    Best,
    /// The best of the raw ways.
    Limit,
    /// One contestant in one row.
    Peer(&'static str, &'static str),
    /// A number.
    Number,
}

/// pumice's number divided by another is at least, or at most, a factor.
pub struct Goal {
    pub row: &'static str,
    pub metric: &'static str,
    pub against: Against,
    pub at_least: bool,
    pub factor: f64,
    pub unit: &'static str,
}

const fn at_least(row: &'static str, factor: f64, against: Against) -> Goal {
    Goal { row, metric: "rate", against, at_least: true, factor, unit: "x" }
}

const fn at_most(
    row: &'static str,
    metric: &'static str,
    factor: f64,
    against: Against,
    unit: &'static str,
) -> Goal {
    Goal { row, metric, against, at_least: false, factor, unit }
}

pub const GOALS: &[Goal] = &[
    at_least("W1", 1.25, Against::Peer("raft-engine", "W1")),
    at_least("W1", 0.95, Against::Limit),
    at_most("W1", "p99_us", 0.7, Against::Peer("raft-engine", "W1"), "x"),
    at_least("W2-8", 1.4, Against::Best),
    at_least("W2-8", 0.9, Against::Limit),
    at_least("W2-64", 1.5, Against::Best),
    at_least("W2-64", 0.9, Against::Limit),
    at_most("W2-64", "p99_us", 2500.0, Against::Number, "us"),
    at_least("W3", 3.0, Against::Best),
    at_least("W3", 0.9, Against::Limit),
    at_least("W4", 2.5, Against::Best),
    at_least("W5a-1", 1.3, Against::Peer("lmdb", "W5a-1")),
    at_least("W5a-2", 1.3, Against::Peer("lmdb", "W5a-2")),
    at_least("W5a-1-tail", 0.9, Against::Peer("lmdb", "W5a-1")),
    at_least("W5a-2-tail", 0.9, Against::Peer("lmdb", "W5a-2")),
    at_least("W5b", 1.4, Against::Peer("lmdb", "W5b")),
    at_most("W5c", "anon_bytes", 64e6, Against::Number, "B"),
    at_most("W6a-first", "ms", 5.0, Against::Number, "ms"),
    at_most("W6a-all", "ms", 1.5, Against::Peer("lmdb", "W6a-all"), "x"),
    at_most("W6b-first", "ms", 50.0, Against::Number, "ms"),
    at_most("W6b-all", "ms", 150.0, Against::Number, "ms"),
    at_most("W6c-first", "ms", 350.0, Against::Number, "ms"),
    Goal {
        row: "W6c-first",
        metric: "records_per_s",
        against: Against::Number,
        at_least: true,
        factor: 4e6,
        unit: "/s",
    },
    at_least("W7a", 5.0, Against::Peer("raft-engine", "W7a")),
    at_least("W7a", 1.0, Against::Peer("lmdb", "W7a")),
    at_most("W7b", "ms", 0.5, Against::Peer("redis", "W7b"), "x"),
    at_most("W7c", "ratio", 1.03, Against::Number, ""),
    Goal {
        row: "W7d",
        metric: "ratio",
        against: Against::Number,
        at_least: true,
        factor: 0.92,
        unit: "",
    },
    at_most("W7e", "ratio", 1.1, Against::Number, ""),
];
