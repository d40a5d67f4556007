//! Keys and values: 16 bytes that look random, and slices of a pool of random bytes, so that neither compresses
//! and making them costs nothing beside the stores.

use crate::store::Key;

const POOL_BYTES: usize = 1 << 22;

/// The key of a number, the same in every run.
pub fn key(number: u64) -> Key {
    let high = mix(number.wrapping_add(0x9e37_79b9_7f4a_7c15));
    let low = mix(!number);
    ((u128::from(high) << 64) | u128::from(low)).to_be_bytes()
}

fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 31)).wrapping_mul(0x7fb5_d329_728e_a185);
    let number = (number ^ (number >> 27)).wrapping_mul(0x81da_def4_bc2d_d44d);
    number ^ (number >> 33)
}

/// Random numbers, the same in every run.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(mix(seed ^ 0x5851_f42d_4c95_7f2d) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }
}

/// Values of one length.
pub struct Values {
    pool: Vec<u8>,
    len: usize,
}

impl Values {
    pub fn new(len: usize) -> Self {
        let mut random = Random::new(7);
        let words = (POOL_BYTES.max(4 * len)) / 8;
        let pool = (0..words).flat_map(|_| random.next().to_le_bytes()).collect();
        Self { pool, len }
    }

    /// A value for a number.
    pub fn get(&self, number: u64) -> &[u8] {
        let starts = self.pool.len() - self.len;
        let start = usize::try_from(mix(number) % starts as u64).unwrap_or(0);
        &self.pool[start..start + self.len]
    }
}
