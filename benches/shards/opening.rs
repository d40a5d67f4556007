//! How long it takes to open a large shard: after it was closed, and after its process was killed and left garbage at the end.
//!
//! Each step is a process of its own, so that the memory that is seen is that of opening, and a kill is one.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use pumice::clock::{Clock, SystemClock};
use pumice::documents::{
    AutomaticCompaction, Catalog, CreateOptions, DatabaseRecord, Databases, DocumentsOptions,
    EditMode, MemoryCatalog, OpenOptions,
};
use pumice::vfs::os::OsVfs;
use pumice::vfs::{OpenMode, Vfs};

use super::{BULK, Outcome, edit, id, say};

/// Garbage behind the last transaction.
const GARBAGE_BYTES: u64 = 64 << 20;
/// Where the one shard is.
const RANGE: &str = "shards/00000000-ffffffff";

/// What a step of the row is called on the command line: this word, the step, the directory, bytes.
pub const STEP: &str = "--open-step";

/// The row: makes a shard of `bytes` below `dir` and opens it.
pub fn row(dir: &Path, bytes: u64) -> Outcome<()> {
    let made = step("make", dir, bytes)?;
    say(&format!("open a shard                       {made}"))?;
    for round in 1..=2 {
        let opened = step("open", dir, 0)?;
        say(&format!("    after a clean close, round {round}     {opened}"))?;
    }
    let end: u64 = step("die", dir, 0)?.parse()?;
    spoil(dir, end)?;
    let opened = step("open", dir, 0)?;
    say(&format!("    after a kill, {} MiB garbage   {opened}", GARBAGE_BYTES >> 20))
}

fn step(name: &str, dir: &Path, bytes: u64) -> Outcome<String> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([STEP, name]).arg(dir).arg(bytes.to_string());
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    let text = String::from_utf8(output.stdout)?.trim().to_owned();
    if !output.status.success() && name != "die" {
        return Err(format!("the step {name} failed: {text}").into());
    }
    Ok(text)
}

/// Does one step in this process.
pub fn run_step(words: &[String]) -> Outcome<()> {
    let [name, dir, bytes] = words else { return Err("step, directory and bytes".into()) };
    let dir = Path::new(dir);
    match name.as_str() {
        "make" => make(dir, bytes.parse()?),
        "open" => open(dir),
        "die" => die(dir),
        other => Err(format!("there is no step {other}").into()),
    }
}

fn databases(dir: &Path, catalog: MemoryCatalog) -> Outcome<Databases> {
    let compaction = AutomaticCompaction { enabled: false, ..AutomaticCompaction::default() };
    let options = DocumentsOptions { compaction, ..DocumentsOptions::default() };
    let clock = Arc::new(SystemClock::new());
    Ok(Databases::open(dir, OsVfs::shared(), clock, Arc::new(catalog), options)?)
}

fn make(dir: &Path, bytes: u64) -> Outcome<()> {
    let databases = databases(dir, MemoryCatalog::new())?;
    let database = databases.create("bench", &CreateOptions::with_shards(1))?;
    let mut first = 0;
    while database.info().sizes.active < bytes {
        let edits: Outcome<Vec<_>> = (first..first + BULK).map(|n| edit(n, 1, "")).collect();
        for outcome in database.update(edits?, EditMode::Interactive) {
            outcome?;
        }
        first += BULK;
    }
    database.compact_now()?;
    let file = database.info().sizes.file;
    databases.close()?;
    say(&format!("{first} documents, {} MB", file / 1_000_000))
}

/// The shard's file.
fn file(dir: &Path) -> Outcome<PathBuf> {
    let dir = dir.join(RANGE);
    let names = OsVfs.list(&dir)?;
    let name = names.iter().find(|name| name.ends_with(".pumice")).ok_or("there is no shard")?;
    Ok(dir.join(name))
}

/// Databases with the one that `make` made, not open yet: its record is told by the name of its file.
fn reopen(dir: &Path) -> Outcome<Databases> {
    let file = file(dir)?;
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let seconds = name.split('.').nth(1).ok_or("the file has no time")?.parse()?;
    let catalog = MemoryCatalog::new();
    let (name, uuid) = ("bench".to_owned(), String::new());
    let record = DatabaseRecord {
        name,
        q: 1,
        partitioned: false,
        created_s: seconds,
        uuid,
        split_ranges: Vec::new(),
    };
    catalog.put(&record)?;
    databases(dir, catalog)
}

fn open(dir: &Path) -> Outcome<()> {
    let clock = SystemClock::new();
    let before = memory_kb()?;
    let begin = clock.monotonic();
    let databases = reopen(dir)?;
    let ready = clock.monotonic();
    let database = databases.get("bench")?;
    let opened = clock.monotonic();
    database.open(&id(7), &OpenOptions::default())?;
    let read = clock.monotonic();
    let ms = |from: Duration, to: Duration| to.saturating_sub(from).as_secs_f64() * 1e3;
    let after = memory_kb()?;
    say(&format!(
        "{:.1} ms ({:.1} with the journal of events, {:.1} to the first document); memory {} to {} kB, at most {} kB",
        ms(ready, opened),
        ms(begin, opened),
        ms(begin, read),
        before.0,
        after.0,
        after.1
    ))?;
    Ok(databases.close()?)
}

/// Writes one more document, says where the file ends, and is gone.
fn die(dir: &Path) -> Outcome<()> {
    let databases = reopen(dir)?;
    let database = databases.get("bench")?;
    database.update_one(edit(1 << 40, 1, "")?)?;
    say(&database.info().sizes.file.to_string())?;
    std::process::abort()
}

fn spoil(dir: &Path, end: u64) -> Outcome<()> {
    let file = OsVfs.open(&file(dir)?, OpenMode::ReadWrite)?;
    let mut state = 1_u64;
    let mut chunk = vec![0; 1 << 20];
    for at in (0..GARBAGE_BYTES).step_by(1 << 20) {
        for bytes in chunk.chunks_exact_mut(8) {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            bytes.copy_from_slice(&state.to_le_bytes());
        }
        file.write_all_at(&chunk, end + at)?;
    }
    Ok(file.sync_all()?)
}

/// Anonymous memory now, and all memory at its most.
fn memory_kb() -> Outcome<(u64, u64)> {
    let file = OsVfs.open(Path::new("/proc/self/status"), OpenMode::Read)?;
    let mut buffer = vec![0; 1 << 14];
    let length = file.read_at(&mut buffer, 0)?;
    let text = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()).into_owned();
    let value = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    Ok((value("RssAnon").unwrap_or(0), value("VmHWM").unwrap_or(0)))
}
