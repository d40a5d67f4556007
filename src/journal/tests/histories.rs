//! Strict serialisability, from histories: what every transaction read is what the one-after-the-other execution in the order
//! of their sequences gives, and who began after another was answered comes after it.
//!
//! With the sequences known the check is linear in the history; nothing has to be searched.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::{CommitError, Durability, KeyRange, Sequence, Store};
use super::entries;

type Map = BTreeMap<Vec<u8>, Vec<u8>>;
/// A key with what was read or written there.
type Place = (Vec<u8>, Option<Vec<u8>>);
type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// One transaction, or one look at a snapshot.
#[derive(Debug)]
struct Event {
    began: u64,
    ended: u64,
    /// The transaction's place in the order; a look stands behind the transaction of this number.
    sequence: Sequence,
    /// What it saw, before its own writes: keys, or all there was in a range.
    reads: Vec<Place>,
    ranges: Vec<(KeyRange, Entries)>,
    /// `None` for a look.
    writes: Option<Vec<Place>>,
}

/// Writes down what happens, in the order of one clock.
#[derive(Debug, Default)]
pub struct History {
    clock: AtomicU64,
    events: Mutex<Vec<Event>>,
}

impl History {
    fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    /// A transaction that reads two keys and a range, and writes; what becomes of it follows from `random`.
    pub fn transaction(&self, store: &Store, id: &str, random: u64) -> Result<(), CommitError> {
        let began = self.now();
        let mut tx = store.begin();
        let key = |n: u64| vec![b'k', b'0' + u8::try_from(n % 4).unwrap()];
        let (one, other) = (key(random), key(random >> 8));
        let mut reads = Vec::new();
        for key in [&one, &other] {
            reads.push((key.clone(), tx.get(key).unwrap().map(|value| value.to_vec())));
        }
        let range = KeyRange::new(key(random >> 16)..key((random >> 16) + 2));
        let mut ranges = Vec::new();
        if random & (1 << 30) != 0 {
            let mut scan = tx.scan(&range);
            let mut seen = Vec::new();
            while let Some((key, value)) = scan.next().unwrap() {
                seen.push((key.to_vec(), value.to_vec()));
            }
            ranges.push((range, seen));
        }
        let mut writes = Vec::new();
        if random & (1 << 31) == 0 {
            tx.put(&one, id.as_bytes()).unwrap();
            writes.push((one, Some(id.as_bytes().to_vec())));
        } else {
            tx.delete(&other).unwrap();
            writes.push((other, None));
        }
        let own = [b"id/", id.as_bytes()].concat();
        tx.put(&own, b"committed").unwrap();
        writes.push((own, Some(b"committed".to_vec())));
        let sequence = tx.commit(Durability::Sync)?.sequence;
        let event =
            Event { began, ended: self.now(), sequence, reads, ranges, writes: Some(writes) };
        self.events.lock().unwrap().push(event);
        Ok(())
    }

    /// A look at everything that is visible.
    pub fn look(&self, store: &Store) {
        let began = self.now();
        let snapshot = store.snapshot();
        let ranges = vec![(KeyRange::all(), entries(&snapshot))];
        let (ended, sequence) = (self.now(), snapshot.sequence());
        let event = Event { began, ended, sequence, reads: Vec::new(), ranges, writes: None };
        self.events.lock().unwrap().push(event);
    }

    /// Panics unless one execution, one after the other, explains all of it. Answers the state at its end.
    pub fn check(&self) -> Map {
        let mut events = self.events.lock().unwrap();
        events.sort_by_key(|event| (event.sequence, event.writes.is_none(), event.began));
        let mut map = Map::new();
        let mut last = Sequence::ZERO;
        let mut latest_began = 0;
        for event in &*events {
            // Whoever comes before in the order did not begin after this one was answered.
            assert!(
                latest_began < event.ended,
                "{event:?} was answered before one that it follows began"
            );
            latest_began = latest_began.max(event.began);
            for (key, seen) in &event.reads {
                assert_eq!(map.get(key), seen.as_ref(), "{event:?}");
            }
            for (range, seen) in &event.ranges {
                let there = map.iter().filter(|(key, _)| range.contains(key));
                let there: Vec<_> =
                    there.map(|(key, value)| (key.clone(), value.clone())).collect();
                assert_eq!(&there, seen, "{event:?}");
            }
            let Some(writes) = &event.writes else { continue };
            assert_eq!(event.sequence, last.next(), "a gap, or a number given twice");
            last = event.sequence;
            for (key, value) in writes {
                match value {
                    Some(value) => drop(map.insert(key.clone(), value.clone())),
                    None => drop(map.remove(key)),
                }
            }
        }
        map
    }

    /// How many transactions were answered.
    #[cfg(not(shuttle))]
    pub fn len(&self) -> usize {
        self.events.lock().unwrap().iter().filter(|event| event.writes.is_some()).count()
    }
}

#[cfg(not(shuttle))]
mod threads {
    use super::super::super::{CompactionControl, CompactionRequest, WritePolicy};
    use super::super::open;
    use super::*;
    use crate::vfs::mem::MemVfs;

    const WRITERS: u64 = 8;
    const TRANSACTIONS: u64 = 60;

    fn random(seed: u64) -> u64 {
        let mut z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Threads that write, look and compact; then a power failure. The history explains what each saw, and what is left.
    #[test]
    fn what_threads_saw_is_explained_by_one_order() {
        for round in 0..6 {
            let vfs = MemVfs::new();
            let store = open(&vfs);
            let history = History::default();
            std::thread::scope(|scope| {
                for writer in 0..WRITERS {
                    let (store, history) = (&store, &history);
                    scope.spawn(move || {
                        for number in 0..TRANSACTIONS {
                            let seed = random((round * WRITERS + writer) * TRANSACTIONS + number);
                            let id = format!("{writer}-{number}");
                            while let Err(error) = history.transaction(store, &id, seed) {
                                assert!(error.is_retriable(), "{error}");
                                store.settle();
                            }
                        }
                    });
                }
                scope.spawn(|| (0..100).for_each(|_| history.look(&store)));
                scope.spawn(|| {
                    for policy in [WritePolicy::Background, WritePolicy::Blocking].repeat(4) {
                        let request = CompactionRequest { policy, ..CompactionRequest::default() };
                        store.compact(&request, &CompactionControl::new()).unwrap();
                    }
                });
            });
            history.look(&store);
            assert_eq!(history.len() as u64, WRITERS * TRANSACTIONS);
            let expected: Vec<_> = history.check().into_iter().collect();
            assert_eq!(entries(&open(&vfs.crash()).snapshot()), expected);
        }
    }
}
