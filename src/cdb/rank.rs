//! Places in a user-ordered list: byte strings between which there is always room.
//!
//! A rank is a fraction in base 256 without trailing zeros, so that ranks sort as bytes. Appending and prepending
//! step by 2^16 in a 48-bit number, so that long runs of either keep ranks short.

const WIDTH: usize = 6;
const STEP: u64 = 1 << 16;
const MIDDLE: u64 = 1 << 47;

/// A rank after `before` and ahead of `after`; `None` is the end of the list on that side.
///
/// `before` must sort ahead of `after`, and both must be ranks of this module.
pub(crate) fn between(before: Option<&[u8]>, after: Option<&[u8]>) -> Vec<u8> {
    let near = match (before, after) {
        (None, None) => Some(MIDDLE),
        (Some(last), None) => leading(last).checked_add(STEP).filter(|next| next >> 48 == 0),
        (None, Some(first)) => leading(first).checked_sub(STEP).filter(|next| *next > 0),
        (Some(_), Some(_)) => None,
    };
    near.map_or_else(|| middle(before.unwrap_or_default(), after), trimmed)
}

/// The first 48 bits of a rank.
fn leading(rank: &[u8]) -> u64 {
    let digits = rank.iter().copied().chain(std::iter::repeat(0)).take(WIDTH);
    digits.fold(0, |number, digit| (number << 8) | u64::from(digit))
}

fn trimmed(number: u64) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let digits = bytes.get(8 - WIDTH..).unwrap_or_default();
    let len = digits.iter().rposition(|digit| *digit != 0).map_or(0, |last| last + 1);
    digits.get(..len).unwrap_or_default().to_vec()
}

/// The shortest fraction near the middle of the gap; `None` is one.
fn middle(low: &[u8], high: Option<&[u8]>) -> Vec<u8> {
    let mut rank = Vec::new();
    let mut bounded = high;
    for index in 0.. {
        let from = low.get(index).copied().map_or(0, u16::from);
        let to = bounded.map_or(256, |high| high.get(index).copied().map_or(0, u16::from));
        // The digits agree so far, so `from <= to`; a gap of two or more has room for a digit of its own.
        let digit = u16::midpoint(from, to);
        if to > from + 1 {
            rank.push(u8::try_from(digit).unwrap_or(u8::MAX));
            break;
        }
        rank.push(u8::try_from(from).unwrap_or(u8::MAX));
        if to > from {
            // From here on everything is ahead of `high`.
            bounded = None;
        }
    }
    rank
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn there_is_always_room(places in proptest::collection::vec(any::<prop::sample::Index>(), 1..200)) {
            let mut ranks: Vec<Vec<u8>> = Vec::new();
            for place in places {
                let at = place.index(ranks.len() + 1);
                let before = at.checked_sub(1).map(|i| ranks[i].as_slice());
                let rank = between(before, ranks.get(at).map(Vec::as_slice));
                prop_assert!(rank.last().is_some_and(|digit| *digit != 0));
                ranks.insert(at, rank);
            }
            prop_assert!(ranks.is_sorted_by(|a, b| a < b));
        }
    }

    #[test]
    fn long_runs_keep_ranks_short() {
        let (mut last, mut first) = (between(None, None), between(None, None));
        for _ in 0..100_000 {
            let (next, previous) = (between(Some(&last), None), between(None, Some(&first)));
            assert!(next > last && previous < first);
            (last, first) = (next, previous);
        }
        assert!(last.len() <= WIDTH && first.len() <= WIDTH);
    }

    #[test]
    fn the_ends_of_the_numbers_still_have_room() {
        let top = [0xFF; WIDTH];
        assert!(between(Some(&top), None).as_slice() > &top[..]);
        let bottom = [0, 0, 0, 0, 0, 1];
        let below = between(None, Some(&bottom));
        assert!(below.as_slice() < &bottom[..] && !below.is_empty());
    }
}
