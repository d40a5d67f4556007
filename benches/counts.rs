//! What single operations of the engine cost in instructions and in allocations, which do not depend on what else
//! the machine does: `cargo bench --bench counts` compares them with `benches/counts.txt`, and fails when one is more
//! than a twentieth over. `cargo bench --bench counts -- --write` writes the table anew, after a change that means to.
//!
//! A number is the difference between a run of N operations and one of 2 N, divided by N, so that starting, opening
//! and ending weigh nothing. Instructions are counted by callgrind, in a process of its own. Where there is no
//! valgrind, or the table was written with another compiler, only allocations are compared, and it says so.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use pumice::journal::{
    CompactionControl, CompactionRequest, Durability, KeyRange, Store, StoreOptions, WriteBatch,
};
use pumice::vfs::os::OsVfs;
use pumice::vfs::{Vfs, read_file, write_file};

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/counts.txt");
const TABLE_BYTES_MAX: u64 = 1 << 16;
/// How much more than in the table is a regression: a twentieth.
const TOLERANCE: f64 = 1.05;
/// Operations of a run; the other run has twice as many.
const TIMES: u64 = 1000;
/// Entries of the stores that are read.
const ENTRIES: u64 = 20_000;
/// A number below this many may be one of chance: a count of allocations that is not quite 0.
const NOISE: f64 = 0.5;

/// An operation: what is made before it is counted, and what is counted.
struct Work {
    name: &'static str,
    prepare: fn(&Path, u64) -> Outcome<()>,
    run: fn(&Path, u64) -> Outcome<()>,
}

const WORKS: [Work; 9] = [
    Work {
        name: "commit of 1 put",
        prepare: |_, _| Ok(()),
        run: |dir, times| commits(dir, times, 1),
    },
    Work {
        name: "commit of 100 puts",
        prepare: |_, _| Ok(()),
        run: |dir, times| commits(dir, times, 100),
    },
    Work { name: "get from the image", prepare: compacted, run: gets },
    Work { name: "get from the tail", prepare: in_tail, run: gets },
    Work { name: "scan step in the image", prepare: compacted, run: scan },
    Work { name: "scan step in the tail", prepare: in_tail, run: scan },
    Work { name: "replay of 1 transaction", prepare: tail_of_ones, run: open_only },
    Work { name: "replay of 1 put of 1000", prepare: tail_of_many, run: open_only },
    Work { name: "compaction of 1 entry", prepare: tail_of_many_compacted, run: compact },
];

/// What an operation costs.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cost {
    allocations: f64,
    instructions: Option<f64>,
}

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, name, dir, times] = words.get(..4).unwrap_or_default()
        && flag == "--work"
    {
        return (work(name)?.run)(Path::new(dir), times.parse()?);
    }
    if !words.iter().any(|word| word == "--bench") {
        return Ok(());
    }
    let compiler = compiler();
    let valgrind = Command::new("valgrind").arg("--version").output().is_ok();
    let dir = tempfile::tempdir()?;
    let mut costs = Vec::new();
    for work in &WORKS {
        let allocations = per_operation(work, dir.path(), allocations)?;
        let instructions =
            valgrind.then(|| per_operation(work, dir.path(), instructions)).transpose()?;
        costs.push((work.name, Cost { allocations, instructions }));
    }
    if words.iter().any(|word| word == "--write") {
        return write_table(&compiler, &costs);
    }
    compare(&compiler, valgrind, &costs)
}

fn say(line: &str) -> Outcome<()> {
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}

fn work(name: &str) -> Outcome<&'static Work> {
    Ok(WORKS.iter().find(|work| work.name == name).ok_or("no such work")?)
}

fn compiler() -> String {
    let rustc = Command::new("rustc").arg("--version").output();
    let text = rustc.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_default()
}

fn per_operation(
    work: &Work,
    dir: &Path,
    count: fn(&Work, &Path, u64) -> Outcome<f64>,
) -> Outcome<f64> {
    let mut counts = [0.0; 2];
    for (times, counted) in [TIMES, 2 * TIMES].into_iter().zip(&mut counts) {
        clear(dir)?;
        (work.prepare)(dir, times)?;
        *counted = count(work, dir, times)?;
    }
    let [once, twice] = counts;
    Ok((twice - once) / TIMES as f64)
}

fn clear(dir: &Path) -> Outcome<()> {
    for name in OsVfs.list(dir)? {
        OsVfs.remove(&dir.join(name))?;
    }
    Ok(())
}

fn allocations(work: &Work, dir: &Path, times: u64) -> Outcome<f64> {
    let mut result = Ok(());
    let counted = allocation_counter::measure(|| result = (work.run)(dir, times));
    result.map(|()| counted.count_total as f64)
}

fn instructions(work: &Work, dir: &Path, times: u64) -> Outcome<f64> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    valgrind.arg(std::env::current_exe()?).args(["--work", work.name]).arg(dir);
    let output = valgrind.arg(times.to_string()).output()?;
    let text = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("valgrind: {text}").into());
    }
    let line = text.lines().find(|line| line.contains("Collected :")).ok_or("no count")?;
    Ok(line.rsplit(' ').next().ok_or("no count")?.parse()?)
}

fn write_table(compiler: &str, costs: &[(&str, Cost)]) -> Outcome<()> {
    let mut text = format!(
        "# What one operation costs; written by `cargo bench --bench counts -- --write`.\n\
         # Instructions hold for the compiler of the next line.\n{compiler}\n\
         {:<26}{:>14}{:>14}\n",
        "operation", "allocations", "instructions"
    );
    for (name, cost) in costs {
        let instructions = cost.instructions.map_or("-".to_owned(), |count| format!("{count:.0}"));
        writeln!(text, "{name:<26}{:>14.2}{instructions:>14}", cost.allocations)?;
    }
    write_file(&OsVfs, &PathBuf::from(TABLE), text.as_bytes())?;
    say(&text)
}

/// The compiler that the table was written with, and its lines.
fn read_table() -> Outcome<(String, BTreeMap<String, Cost>)> {
    let text = String::from_utf8(read_file(&OsVfs, Path::new(TABLE), TABLE_BYTES_MAX)?)?;
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let compiler = lines.next().unwrap_or_default().to_owned();
    let mut table = BTreeMap::new();
    for line in lines.skip(1) {
        let mut words = line.split_whitespace().rev();
        let instructions = words.next().and_then(|word| word.parse().ok());
        let allocations = words.next().ok_or_else(|| format!("{line}: no count"))?.parse()?;
        let name: Vec<_> = words.rev().collect();
        table.insert(name.join(" "), Cost { allocations, instructions });
    }
    Ok((compiler, table))
}

fn compare(compiler: &str, valgrind: bool, costs: &[(&str, Cost)]) -> Outcome<()> {
    let (written_with, table) = read_table()?;
    let same = written_with == compiler;
    if !valgrind {
        say("valgrind is not there: instructions are not compared")?;
    } else if !same {
        say(&format!("the table is of {written_with}: instructions are not compared"))?;
    }
    let mut worse = Vec::new();
    say(&format!("{:<26}{:>24}{:>24}", "operation", "allocations, table", "instructions, table"))?;
    for (name, now) in costs {
        let before =
            table.get(*name).copied().ok_or_else(|| format!("{name}: not in the table"))?;
        let pair = |now: Option<f64>, before: Option<f64>| {
            let text = |count: Option<f64>| count.map_or("-".to_owned(), |c| format!("{c:.2}"));
            format!("{}, {}", text(now), text(before))
        };
        let allocations = (Some(now.allocations), Some(before.allocations));
        let instructions = (now.instructions, before.instructions);
        let (left, right) =
            (pair(allocations.0, allocations.1), pair(instructions.0, instructions.1));
        say(&format!("{name:<26}{left:>24}{right:>24}"))?;
        worse.extend(is_worse(allocations).then(|| format!("{name}: allocations")));
        worse.extend((same && is_worse(instructions)).then(|| format!("{name}: instructions")));
    }
    if worse.is_empty() {
        return say("nothing costs more than it did");
    }
    let how = "find out why, or write the table anew with -- --write";
    Err(format!("more than 5 % over the table: {}; {how}", worse.join(", ")).into())
}

fn is_worse((now, before): (Option<f64>, Option<f64>)) -> bool {
    now.zip(before).is_some_and(|(now, before)| now > before * TOLERANCE + NOISE)
}

fn key(number: u64) -> [u8; 16] {
    let mixed = (number ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mut key = [0; 16];
    let (high, low) = key.split_at_mut(8);
    high.copy_from_slice(&(mixed ^ (mixed >> 31)).to_be_bytes());
    low.copy_from_slice(&number.to_be_bytes());
    key
}

fn open(dir: &Path) -> Outcome<Store> {
    Ok(Store::open_file(&dir.join("store"), StoreOptions::default())?)
}

fn put(store: &Store, numbers: std::ops::Range<u64>, durability: Durability) -> Outcome<()> {
    let mut batch = WriteBatch::new();
    for number in numbers {
        batch.put(&key(number), &[7; 150])?;
    }
    store.write(batch, durability)?;
    Ok(())
}

/// So many entries, in transactions of `each`.
fn fill(dir: &Path, entries: u64, each: u64) -> Outcome<Store> {
    let store = open(dir)?;
    for start in (0..entries).step_by(usize::try_from(each)?) {
        put(&store, start..(start + each).min(entries), Durability::Buffered)?;
    }
    store.sync()?;
    Ok(store)
}

fn compacted(dir: &Path, _: u64) -> Outcome<()> {
    let store = fill(dir, ENTRIES, 1000)?;
    store.compact(&CompactionRequest::default(), &CompactionControl::new())?;
    Ok(store.close()?)
}

fn in_tail(dir: &Path, _: u64) -> Outcome<()> {
    Ok(fill(dir, ENTRIES, 1000)?.close()?)
}

fn tail_of_ones(dir: &Path, times: u64) -> Outcome<()> {
    Ok(fill(dir, times, 1)?.close()?)
}

fn tail_of_many(dir: &Path, times: u64) -> Outcome<()> {
    Ok(fill(dir, times, 1000)?.close()?)
}

fn tail_of_many_compacted(dir: &Path, times: u64) -> Outcome<()> {
    let store = fill(dir, times, 1000)?;
    store.compact(&CompactionRequest::default(), &CompactionControl::new())?;
    Ok(store.close()?)
}

fn commits(dir: &Path, times: u64, each: u64) -> Outcome<()> {
    let store = open(dir)?;
    (0..times)
        .try_for_each(|number| put(&store, number * each..(number + 1) * each, Durability::Sync))
}

/// Opened, and everything looked at once: the first use of a block is its check.
fn warm(dir: &Path) -> Outcome<Store> {
    let store = open(dir)?;
    let snapshot = store.snapshot();
    let mut scan = snapshot.scan(&KeyRange::all());
    while scan.next()?.is_some() {}
    Ok(store)
}

fn gets(dir: &Path, times: u64) -> Outcome<()> {
    let store = warm(dir)?;
    let snapshot = store.snapshot();
    for number in 0..times {
        let wanted = key(number.wrapping_mul(7919) % ENTRIES);
        snapshot.get(&wanted)?.ok_or("a key is not there")?;
    }
    Ok(())
}

fn scan(dir: &Path, times: u64) -> Outcome<()> {
    let store = warm(dir)?;
    let snapshot = store.snapshot();
    let mut scan = snapshot.scan(&KeyRange::all());
    for _ in 0..times {
        scan.next()?.ok_or("an entry is not there")?;
    }
    Ok(())
}

fn open_only(dir: &Path, _: u64) -> Outcome<()> {
    open(dir).map(drop)
}

fn compact(dir: &Path, _: u64) -> Outcome<()> {
    let store = open(dir)?;
    store.compact(&CompactionRequest::default(), &CompactionControl::new())?;
    Ok(())
}
