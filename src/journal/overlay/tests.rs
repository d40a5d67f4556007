//! The overlay against a plain map.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::slot::INLINE_MAX_BYTES;
use super::{Direction, Gathered, Overlay, Slot};
use crate::journal::KeyRange;
use crate::journal::record::Operation;

/// What is under each key: a value by its length, `None` for a tombstone.
type Map = BTreeMap<Vec<u8>, Option<u64>>;

fn walked(
    overlay: &Overlay,
    range: &KeyRange,
    direction: Direction,
) -> Vec<(Vec<u8>, Option<u64>)> {
    let mut found = Vec::new();
    let mut slots = overlay.range(range, direction);
    while let Some(slot) = slots.slot() {
        found.push((slots.key().to_vec(), slot.value_len()));
        slots.step();
    }
    found
}

fn expected(map: &Map, range: &KeyRange) -> Vec<(Vec<u8>, Option<u64>)> {
    map.iter()
        .filter(|(key, _)| range.contains(key))
        .map(|(key, len)| (key.clone(), *len))
        .collect()
}

#[derive(Clone, Debug)]
enum Step {
    Put(Vec<u8>, usize),
    Delete(Vec<u8>),
    DeleteRange(Vec<u8>, Vec<u8>),
    /// Keeps a clone, which later steps must not change.
    Snapshot,
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (0..400_u16).prop_map(|n| format!("/some/list/{n:05}").into_bytes()),
        2 => (0..90_u8, 0..4_usize).prop_map(|(n, len)| vec![n; len]),
        1 => (0..40_usize).prop_map(|len| vec![b'x'; len * 20]),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let len =
        prop_oneof![0..20_usize, INLINE_MAX_BYTES - 1..INLINE_MAX_BYTES + 2, 1000..1200_usize];
    prop_oneof![
        20 => (key(), len).prop_map(|(key, len)| Step::Put(key, len)),
        5 => key().prop_map(Step::Delete),
        1 => (key(), key()).prop_map(|(a, b)| Step::DeleteRange(a, b)),
        1 => Just(Step::Snapshot),
    ]
}

fn check(overlay: &Overlay, map: &Map, ranges: &[KeyRange]) {
    for (key, len) in map {
        assert_eq!(overlay.get(key).map(|slot| slot.value_len()), Some(*len), "{key:?}");
    }
    for range in ranges {
        let forward = expected(map, range);
        assert_eq!(walked(overlay, range, Direction::Forward), forward, "{range:?}");
        let reverse: Vec<_> = forward.into_iter().rev().collect();
        assert_eq!(walked(overlay, range, Direction::Reverse), reverse, "{range:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn an_overlay_is_what_a_map_is_however_it_was_filled(
        steps in proptest::collection::vec(step(), 1..700),
        bounds in proptest::collection::vec((key(), key()), 1..12),
        has_place: bool,
    ) {
        let mut ranges: Vec<_> = bounds.into_iter().map(|(a, b)| KeyRange::new(a.min(b.clone())..b)).collect();
        ranges.push(KeyRange::all());
        let (mut overlay, mut gathering, mut gathered) = (Overlay::default(), Overlay::default(), Gathered::up_to(1 << 20));
        let mut map = Map::new();
        let mut kept = Vec::new();
        for step in &steps {
            let value = vec![7; if let Step::Put(_, len) = step { *len } else { 0 }];
            let operation = match step {
                Step::Put(key, len) => {
                    map.insert(key.clone(), Some(*len as u64));
                    Operation::Put { key, value: &value, value_offset: 0 }
                }
                Step::Delete(key) => {
                    map.insert(key.clone(), None);
                    Operation::Delete { key }
                }
                Step::DeleteRange(a, b) => {
                    let (start, end) = (a.min(b), a.max(b));
                    map.retain(|key, _| key < start || key >= end);
                    if start == end {
                        continue;
                    }
                    Operation::DeleteRange { start, end: Some(end) }
                }
                Step::Snapshot => {
                    kept.push((overlay.clone(), map.clone()));
                    continue;
                }
            };
            let position = has_place.then_some(10);
            overlay.apply(operation, position);
            if let Operation::DeleteRange { .. } = operation {
                gathered.release(|items| gathering.insert_sorted(items, |_| ()));
                gathering.apply(operation, None);
            } else {
                gathered.push(operation, 10);
            }
        }
        gathered.release(|items| gathering.insert_sorted(items, |_| ()));
        check(&overlay, &map, &ranges);
        check(&gathering, &map, &ranges);
        for (overlay, map) in kept {
            check(&overlay, &map, &ranges);
        }
    }
}

#[test]
fn of_many_operations_on_a_key_the_last_one_counts_also_when_all_come_at_once() {
    let (mut overlay, mut gathered) = (Overlay::default(), Gathered::up_to(1 << 20));
    gathered.push(Operation::Put { key: b"", value: b"", value_offset: 0 }, 0);
    gathered.push(Operation::Delete { key: b"" }, 0);
    for len in 0..100_usize {
        let value = vec![1; len];
        let operation = Operation::Put { key: b"key", value: &value, value_offset: 0 };
        gathered.push(operation, 0);
    }
    gathered.release(|items| overlay.insert_sorted(items, |_| ()));
    assert_eq!(overlay.get(b"key").unwrap().value_len(), Some(99));
    assert!(matches!(overlay.get(b""), Some(Slot::Tombstone)));
}

#[test]
fn a_tree_of_many_keys_holds_them_all_in_either_order_of_arrival() {
    for (what, order) in [("ascending", 1_u32), ("scattered", 7919)] {
        let mut overlay = Overlay::default();
        for n in 0..20_000_u32 {
            let key = (n * order % 20_000).to_be_bytes();
            let operation = Operation::Put { key: &key, value: &key, value_offset: 0 };
            assert_eq!(overlay.apply(operation, None), None, "{what}: {n} is new");
        }
        let keys = walked(&overlay, &KeyRange::all(), Direction::Forward);
        assert_eq!(keys.len(), 20_000, "{what}");
        assert!(keys.is_sorted(), "{what}");
        for n in 0..20_000_u32 {
            let Some(Slot::Inline(value)) = overlay.get(&n.to_be_bytes()) else { panic!("{n}") };
            assert_eq!(value, n.to_be_bytes());
        }
    }
}

#[test]
fn batches_do_what_single_operations_do_and_tell_what_was_there() {
    let mut overlay = Overlay::default();
    let mut map = Map::new();
    let mut kept = Vec::new();
    let mut random = 1_u32;
    let mut next = |below: u32| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 8) % below
    };
    for round in 0..200 {
        // Few keys all over, or a run of neighbours.
        let (count, start, step) = match round % 3 {
            0 => (1 + next(12), 0, 20_000),
            1 => (1 + next(400), next(20_000), 3),
            _ => (700, next(20_000), 1),
        };
        let mut gathered = Gathered::up_to(1 << 20);
        let mut expected = std::collections::BTreeMap::new();
        for number in 0..count {
            let key =
                (start + if step == 20_000 { next(step) } else { number * step }).to_be_bytes();
            let value = vec![9; next(40) as usize];
            gathered.push(Operation::Put { key: &key, value: &value, value_offset: 0 }, 0);
            expected.entry(key.to_vec()).or_insert_with(|| map.get(&key[..]).copied());
            map.insert(key.to_vec(), Some(value.len() as u64));
        }
        let mut told = Vec::new();
        gathered.release(|items| overlay.insert_sorted(items, |before| told.push(before)));
        assert_eq!(told, expected.into_values().collect::<Vec<_>>(), "round {round}");
        if round % 20 == 0 {
            kept.push((overlay.clone(), map.clone()));
        }
    }
    kept.push((overlay, map));
    for (overlay, map) in &kept {
        check(overlay, map, &[KeyRange::all()]);
    }
}
