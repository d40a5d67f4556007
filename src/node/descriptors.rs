//! How descriptors are shared among connections and shards, so that neither leaves the other without.

/// Descriptors that are neither connections nor shards: the datastores, locks, sockets, side files of compactions, the
/// socket of the command line and its clients, connections of the replicator.
const RESERVED: u64 = 256;
/// Fewer are not worth starting with.
const SHARE_MIN: u64 = 16;

/// How many there may be of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DescriptorShares {
    /// HTTP connections at the same time.
    pub connections: usize,
    /// Open shards, while idle ones can be closed.
    pub shards: usize,
}

/// Shares out the descriptors that a process may have; `None` is no limit. Where there are not enough for what is
/// wanted, connections and shards get half of them each.
pub fn share(limit: Option<u64>, wanted: DescriptorShares) -> DescriptorShares {
    let free = limit.map_or(u64::MAX, |limit| limit.saturating_sub(RESERVED));
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let (connections, shards) = (count(wanted.connections), count(wanted.shards));
    if connections.saturating_add(shards) <= free {
        return wanted;
    }
    let half = (free / 2).max(SHARE_MIN);
    let left = |other: u64| free.saturating_sub(other).max(half);
    let size =
        |wanted: u64, other: u64| usize::try_from(wanted.min(left(other))).unwrap_or(usize::MAX);
    DescriptorShares { connections: size(connections, shards), shards: size(shards, connections) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(connections: usize, shards: usize) -> DescriptorShares {
        DescriptorShares { connections, shards }
    }

    #[test]
    fn what_is_wanted_is_given_where_there_is_enough() {
        assert_eq!(share(None, shares(2000, 500)), shares(2000, 500));
        assert_eq!(share(Some(2756), shares(2000, 500)), shares(2000, 500));
    }

    #[test]
    fn where_there_is_too_little_both_fit_and_neither_is_without() {
        for limit in [300, 1024, 2000, 2755] {
            let given = share(Some(limit), shares(2000, 500));
            let both = (given.connections + given.shards) as u64;
            assert!(both <= (limit - RESERVED).max(2 * SHARE_MIN), "{limit}: {given:?}");
            assert!(given.connections >= 16 && given.shards >= 16, "{limit}: {given:?}");
        }
        assert_eq!(share(Some(2056), shares(2000, 500)), shares(1300, 500));
    }
}
