//! Loading in steps.

use std::num::NonZeroU64;

use super::super::{
    Author, BytesSource, Cause, Cdb, CompactionOptions, Datastore, Format, JournalCompaction,
    LoadFailure, LoadOptions, Thresholds, TransactionId,
};
use super::{cdb, check, config};
use crate::vfs::mem::MemVfs;

fn step(nodes: u64) -> NonZeroU64 {
    NonZeroU64::new(nodes).unwrap()
}

fn xml(entries: u32) -> String {
    let entry = |n| format!("<device><name>d{n}</name><port>{n}</port></device>");
    format!("<devices>{}</devices>", (0..entries).map(entry).collect::<String>())
}

fn load(cdb: &Cdb, text: &str, nodes: u64) -> Result<u64, LoadFailure> {
    let options = LoadOptions { format: Some(Format::Xml), ..LoadOptions::default() };
    let source = BytesSource::new("devices.xml", text.as_bytes());
    let author = Author::default();
    let loaded = cdb.load_in_steps(Datastore::Config, &source, &options, &author, step(nodes))?;
    Ok(loaded.read.nodes)
}

#[test]
fn a_source_in_steps_gives_the_tree_that_one_transaction_gives() {
    let text = xml(100);
    let whole = cdb();
    load(&whole, &text, 1_000_000).unwrap();
    assert_eq!(whole.transaction_id(Datastore::Config), TransactionId::new(1));
    for nodes in [1, 7, 64] {
        let stepped = cdb();
        assert_eq!(load(&stepped, &text, nodes).unwrap(), 200);
        assert!(stepped.transaction_id(Datastore::Config).get() >= 200 / nodes);
        let tree = |cdb: &Cdb| config(cdb).get_object("/").unwrap();
        assert_eq!(tree(&stepped), tree(&whole));
        check(&stepped, Datastore::Config);
    }
}

#[test]
fn what_was_committed_before_a_failure_stays() {
    let cdb = cdb();
    cdb.add_validator(Datastore::Config, |after, _| {
        let full = after.num_instances("/devices/device").unwrap() > 50;
        if full { Err("no more than 50".to_owned()) } else { Ok(()) }
    });
    let failure = load(&cdb, &xml(100), 20).unwrap_err();
    assert!(matches!(failure, LoadFailure::Commit(_)), "{failure}");
    assert!(failure.to_string().contains("no more than 50"));
    assert_eq!(config(&cdb).num_instances("/devices/device").unwrap(), 50);
    check(&cdb, Datastore::Config);
}

/// 70 leaves of a megabyte, loaded with every threshold off; the causes of the compactions that came.
fn causes_of_large_load(journal_compaction: JournalCompaction) -> Vec<Cause> {
    let thresholds =
        Thresholds { file_size_relative: 0, num_node_relative: 0, ..Thresholds::default() };
    let compaction =
        CompactionOptions { journal_compaction, thresholds, ..CompactionOptions::default() };
    let options = Cdb::options().vfs(MemVfs::new().shared()).compaction(compaction);
    let cdb = options.open("/large").unwrap();
    let value = "x".repeat(1 << 20);
    let entry = |n| format!("<file><name>{n}</name><text>{value}</text></file>");
    let text = format!("<files>{}</files>", (0..70).map(entry).collect::<String>());
    assert_eq!(load(&cdb, &text, 8).unwrap(), 140);
    assert_eq!(config(&cdb).num_instances("/files/file").unwrap(), 70);
    check(&cdb, Datastore::Config);
    cdb.compaction_history(9).unwrap().into_iter().map(|past| past.entry.cause).collect()
}

#[test]
fn a_file_that_has_grown_far_is_compacted_between_steps_though_every_threshold_is_off() {
    assert_eq!(causes_of_large_load(JournalCompaction::Automatic), [Cause::Load]);
    assert_eq!(causes_of_large_load(JournalCompaction::Manual), []);
}
