use super::super::{CompactionControl, CompactionRequest, KeyRange, Sequence};
use super::{open, put};
use crate::vfs::mem::MemVfs;

#[test]
fn a_scan_collects_as_many_as_are_wanted_and_goes_on_behind_them() {
    let store = open(&MemVfs::new());
    for key in ["a", "b", "c"] {
        put(&store, key, key);
    }
    let snapshot = store.snapshot();
    let texts = |scan: &mut super::super::Scan<'_>, limit| -> Vec<String> {
        let entries = scan.collect(limit).unwrap();
        entries.iter().map(|(_, value)| String::from_utf8(value.to_vec()).unwrap()).collect()
    };
    let mut scan = snapshot.scan(&KeyRange::all());
    assert_eq!(texts(&mut scan, 2), ["a", "b"]);
    assert_eq!(texts(&mut scan, 2), ["c"]);
    let mut scan = snapshot.scan_reverse(&KeyRange::all());
    assert_eq!(texts(&mut scan, usize::MAX), ["c", "b", "a"]);
}

#[test]
fn a_new_store_tells_of_no_compaction_and_a_compacted_one_of_its_last() {
    let store = open(&MemVfs::new());
    let new = store.stats();
    assert_eq!((new.generation, new.last_compaction, new.sequence), (0, None, Sequence::ZERO));
    assert_eq!((new.entries, new.tail_bytes, new.image_bytes), (0, 0, 0));
    assert_eq!(new.baseline_bytes, new.file_bytes);
    put(&store, "key", "value");
    let report = store.compact(&CompactionRequest::default(), &CompactionControl::new()).unwrap();
    let compacted = store.stats();
    assert_eq!((compacted.generation, compacted.last_compaction), (1, Some(report.record)));
    assert_eq!(compacted.baseline_bytes, report.record.size_end_bytes);
    assert_eq!((compacted.entries, compacted.transactions_since_compaction), (1, 0));
    assert_eq!(report.record.transactions, 1);
}
