//! The engine by itself: an ordered map in one file, which compacts and comes back.
//!
//! `cargo run --example journal_store`

use std::error::Error;
use std::io::Write;

use pumice::journal::{
    CompactionControl, CompactionRequest, Durability, KeyRange, Snapshot, Store, StoreOptions,
    WriteBatch,
};

fn main() -> Result<(), Box<dyn Error>> {
    run(&mut std::io::stdout().lock())
}

/// The whole of it; a test runs it, too.
pub fn run(out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("readings");
    let store = Store::open_file(&file, StoreOptions::default())?;

    // A batch is there wholly or not at all.
    let mut batch = WriteBatch::new();
    for hour in 0..24_u8 {
        batch.put(format!("reading/{hour:02}").as_bytes(), &[hour; 100])?;
    }
    store.write(batch, Durability::Sync)?;

    // A transaction commits only if what it read is unchanged; a snapshot never changes.
    let morning = store.snapshot();
    for _ in 0..50 {
        let mut transaction = store.begin();
        let count = transaction.get(b"count")?.and_then(|value| value.first().copied());
        transaction.put(b"count", &[count.unwrap_or(0) + 1])?;
        transaction.commit(Durability::Buffered)?;
    }
    let mut transaction = store.begin();
    transaction.delete_range(&KeyRange::new(b"reading/12".to_vec()..))?;
    transaction.commit(Durability::Sync)?;

    let request = CompactionRequest::default();
    let report = store.compact(&request, &CompactionControl::new())?;
    let (start, end) = (report.record.size_start_bytes, report.record.size_end_bytes);
    writeln!(out, "compacted {start} to {end} bytes, {} entries", report.entries)?;
    writeln!(out, "the old snapshot still has {}", readings(&morning)?)?;
    store.close()?;
    drop((store, morning));

    let store = Store::open_file(&file, StoreOptions::default())?;
    let snapshot = store.snapshot();
    let count = snapshot.get(b"count")?.and_then(|value| value.first().copied());
    writeln!(out, "opened again: {}, count {}", readings(&snapshot)?, count.unwrap_or(0))?;
    let mut backwards = snapshot.scan_reverse(&KeyRange::prefix(b"reading/"));
    if let Some((key, _)) = backwards.next()? {
        writeln!(out, "the last is {}", String::from_utf8_lossy(key))?;
    }
    Ok(())
}

fn readings(snapshot: &Snapshot) -> Result<String, Box<dyn Error>> {
    let count = snapshot.count(&KeyRange::prefix(b"reading/"))?;
    Ok(format!("{} readings", count.entries))
}
