//! Small codecs: variable-length integers and common prefixes.

/// Appends `number` in LEB128: seven bits a byte, least significant first, the top bit says that more follow.
pub(super) fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(u8::try_from(number & 0x7f).unwrap_or(0) | 0x80);
        number >>= 7;
    }
    out.push(u8::try_from(number).unwrap_or(0));
}

/// Reads a number at `at`; gives it with the position after it.
#[inline]
pub(super) fn varint(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let first = *bytes.get(at)?;
    if first < 0x80 {
        return Some((u64::from(first), at + 1));
    }
    let second = *bytes.get(at + 1)?;
    if second < 0x80 {
        return Some((u64::from(first & 0x7f) | (u64::from(second) << 7), at + 2));
    }
    long_varint(bytes, at)
}

fn long_varint(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut number = 0;
    for (index, byte) in bytes.get(at..)?.iter().take(10).enumerate() {
        let bits = u64::from(byte & 0x7f);
        let shift = 7 * u32::try_from(index).ok()?;
        if shift == 63 && bits > 1 {
            return None;
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Some((number, at + index + 1));
        }
    }
    None
}

/// As [`varint`], for a number that counts bytes in memory.
#[inline]
pub(super) fn length(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let (number, next) = varint(bytes, at)?;
    Some((usize::try_from(number).ok()?, next))
}

/// Bits of a pair of lengths that belong to the key.
const KEY_LEN_BITS: u32 = 5;
/// A key's length from which on it follows by itself.
const KEY_LEN_FOLLOWS: usize = (1 << KEY_LEN_BITS) - 1;

/// Appends the lengths of a key and a value: one number, whose lowest five bits are the key's length, or 31
/// and then another number for what it is longer.
pub(super) fn put_lengths(out: &mut Vec<u8>, key_len: usize, value_len: usize) {
    let low = key_len.min(KEY_LEN_FOLLOWS);
    put_varint(out, ((value_len as u64) << KEY_LEN_BITS) | low as u64);
    if low == KEY_LEN_FOLLOWS {
        put_varint(out, (key_len - low) as u64);
    }
}

/// Reads the lengths of a key and a value, and gives them with the position after them.
#[inline]
pub(super) fn lengths(bytes: &[u8], at: usize) -> Option<(usize, usize, usize)> {
    let (pair, at) = length(bytes, at)?;
    let (low, value_len) = (pair & KEY_LEN_FOLLOWS, pair >> KEY_LEN_BITS);
    if low < KEY_LEN_FOLLOWS {
        return Some((low, value_len, at));
    }
    let (more, at) = length(bytes, at)?;
    Some((low.checked_add(more)?, value_len, at))
}

/// How many leading bytes two keys share.
#[inline]
pub(in crate::journal) fn common_prefix(left: &[u8], right: &[u8]) -> usize {
    let (left_words, _) = left.as_chunks::<8>();
    let (right_words, _) = right.as_chunks::<8>();
    let mut done = 0;
    for (left, right) in left_words.iter().zip(right_words) {
        let difference = u64::from_le_bytes(*left) ^ u64::from_le_bytes(*right);
        if difference != 0 {
            return done + difference.trailing_zeros() as usize / 8;
        }
        done += 8;
    }
    let rest = |key| <[u8]>::get(key, done..).unwrap_or_default();
    done + rest(left).iter().zip(rest(right)).take_while(|(left, right)| left == right).count()
}

/// The shortest key that is greater than `before` and not greater than `first`; `before < first` holds.
pub(in crate::journal) fn separator<'a>(before: &[u8], first: &'a [u8]) -> &'a [u8] {
    first.get(..=common_prefix(before, first)).unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_number_reads_back_and_a_cut_one_is_refused(number: u64) {
            let mut bytes = vec![7];
            put_varint(&mut bytes, number);
            prop_assert_eq!(varint(&bytes, 1), Some((number, bytes.len())));
            bytes.pop();
            prop_assert_eq!(varint(&bytes, 1), None);
        }

        #[test]
        fn a_pair_of_lengths_reads_back(key_len in 0..70_000_usize, short in 0..40_usize, value_len in 0..1_usize << 28) {
            for key_len in [key_len, short] {
                let mut bytes = Vec::new();
                put_lengths(&mut bytes, key_len, value_len);
                prop_assert_eq!(lengths(&bytes, 0), Some((key_len, value_len, bytes.len())));
                bytes.pop();
                prop_assert_eq!(lengths(&bytes, 0), None);
            }
        }

        #[test]
        fn a_common_prefix_is_counted_bytewise(
            shared in proptest::collection::vec(any::<u8>(), 0..30),
            left in proptest::collection::vec(0..3_u8, 0..12),
            right in proptest::collection::vec(0..3_u8, 0..12),
        ) {
            let left = [shared.clone(), left].concat();
            let right = [shared, right].concat();
            let expected = left.iter().zip(&right).take_while(|(left, right)| left == right).count();
            prop_assert_eq!(common_prefix(&left, &right), expected);
        }

        #[test]
        fn a_separator_lies_between(mut keys: [Vec<u8>; 2]) {
            keys.sort();
            let [before, first] = &keys;
            prop_assume!(before != first);
            let between = separator(before, first);
            prop_assert!(before.as_slice() < between && between <= first.as_slice());
            if let Some((_, shorter)) = between.split_last() {
                prop_assert!(shorter <= before.as_slice());
            }
        }
    }

    #[test]
    fn a_number_of_more_than_64_bits_is_refused() {
        assert_eq!(varint(&[0xff; 11], 0), None);
        let mut bytes = vec![0xff; 9];
        bytes.push(2);
        assert_eq!(varint(&bytes, 0), None);
    }
}
