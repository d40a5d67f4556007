//! Keys by 128 bits: for sets of many, where a key itself would cost several times as much memory.

use std::hash::{BuildHasher, RandomState};

/// Makes fingerprints. Two keys with one fingerprint are taken for one: among 10^12 keys that has a chance of 10^-15, and
/// whoever writes the keys does not know the seeds, which are made anew each time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fingerprints {
    seeds: (RandomState, RandomState),
}

impl Fingerprints {
    pub fn of(&self, key: &[u8]) -> u128 {
        let (high, low) = (self.seeds.0.hash_one(key), self.seeds.1.hash_one(key));
        u128::from(high) << 64 | u128::from(low)
    }
}
