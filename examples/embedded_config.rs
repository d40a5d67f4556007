//! A program that keeps its configuration in a database of its own: typed values, diffs, snapshots, rollback.
//!
//! `cargo run --example embedded_config`

use std::error::Error;
use std::io::Write;

use pumice::cdb::{Author, ChangeKind, Diff};
use pumice::{Cdb, Datastore, Value, ValueType};

fn main() -> Result<(), Box<dyn Error>> {
    run(&mut std::io::stdout().lock())
}

/// The whole of it; a test runs it, too.
pub fn run(out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let cdb = Cdb::open(dir.path().join("config"))?;

    // A first state. Each leaf keeps the type that it is set with.
    let ((), first) = cdb.write(Datastore::Config, |tx| {
        tx.set_comment("factory defaults");
        tx.set("/server/port", Value::Uint16(8080))?;
        tx.set("/server/tls", false)?;
        tx.set_typed("/server/timeout", ValueType::Decimal64 { fraction_digits: 2 }, "2.5")?;
        tx.set_text("/server/listener{main}/address", "127.0.0.1")
    })?;
    writeln!(out, "transaction {}: {} nodes", first.transaction_id, first.node_delta)?;

    // Text is read by the leaf's type, and refused when it does not fit.
    let refused = cdb.write(Datastore::Config, |tx| tx.set_text("/server/port", "eighty"));
    if let Err(error) = refused {
        writeln!(out, "refused: {error}")?;
    }

    // A named snapshot outlives every compaction.
    cdb.take_snapshot("factory", "/server", &Author::default())?;

    // Look at a change before it is made.
    let mut tx = cdb.begin_write(Datastore::Config)?;
    tx.set_user("anna");
    tx.set_text("/server/port", "443")?;
    tx.set_text("/server/tls", "true")?;
    tx.delete("/server/listener{main}")?;
    writeln!(out, "about to change:")?;
    print_diff(out, &tx.diff()?)?;
    tx.commit()?;

    let view = cdb.begin_read(Datastore::Config);
    if let Some(Value::Uint16(port)) = view.get("/server/port")? {
        writeln!(out, "the port is {port}")?;
    }

    // Back to an earlier transaction while the journal's tail has it, or to a snapshot at any time.
    cdb.rollback(Datastore::Config, first.transaction_id, &Author::default())?;
    writeln!(
        out,
        "after rollback: {} changes to the snapshot",
        cdb.diff_snapshot("factory")?.len()
    )?;

    for entry in cdb.log(Datastore::Config, 10)? {
        let who = entry.user.as_deref().unwrap_or("-");
        let why = entry.comment.as_deref().unwrap_or("-");
        writeln!(out, "log: {} by {who}: {why}", entry.transaction_id)?;
    }
    cdb.close()?;
    Ok(())
}

fn print_diff(out: &mut impl Write, diff: &Diff) -> std::io::Result<()> {
    for change in diff {
        match &change.kind {
            ChangeKind::Created { .. } => writeln!(out, "  + {}", change.path)?,
            ChangeKind::Deleted { .. } => writeln!(out, "  - {}", change.path)?,
            ChangeKind::Modified { old, new } => {
                writeln!(out, "  ~ {}: {old} -> {new}", change.path)?;
            }
            ChangeKind::Moved { .. } => writeln!(out, "  > {}", change.path)?,
            ChangeKind::Attribute { name, .. } => writeln!(out, "  ~ {} @{name}", change.path)?,
        }
    }
    Ok(())
}
