//! Memory of pages that nobody needs any more, for the pages that are copied next.
//!
//! A commit copies the pages on its way, and what they were before goes as soon as it is published: as many pages are
//! given up as are wanted again. Handing them on spares two fifths of a load's time, which went into an allocator that merges and
//! splits blocks of a few kilobytes.

use super::packed::Buffers;

/// No more is kept, however large transactions are.
const KEPT_BYTES_MAX: usize = 4 << 20;

/// Memory for pages. A clone has none: it stays with the tree that changes.
#[derive(Debug, Default)]
pub struct Spare {
    buffers: Vec<Buffers>,
}

impl Clone for Spare {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Spare {
    /// Memory for a page, empty: of a former page if there is one.
    pub fn take(&mut self) -> Buffers {
        self.buffers.pop().unwrap_or_default()
    }

    /// Keeps memory for what comes: as much as the last transactions gave up, not all that any gave up.
    pub fn keep(&mut self, mut buffers: Vec<Buffers>) {
        let wanted = 2 * buffers.len();
        buffers.append(&mut self.buffers);
        buffers.truncate(wanted);
        let mut bytes = 0;
        let fits = buffers.iter().take_while(|each| {
            bytes += each.size_bytes();
            bytes <= KEPT_BYTES_MAX
        });
        let fits = fits.count();
        buffers.truncate(fits);
        self.buffers = buffers;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(count: usize, size_bytes: usize) -> Vec<Buffers> {
        (0..count).map(|_| Buffers::with_room(size_bytes, 0)).collect()
    }

    #[test]
    fn what_is_kept_follows_what_was_given_up_last_and_has_a_limit() {
        let mut spare = Spare::default();
        spare.keep(pages(100, 1000));
        assert_eq!(spare.buffers.len(), 100);
        spare.keep(pages(3, 1000));
        assert_eq!(spare.buffers.len(), 6);
        spare.keep(pages(100, KEPT_BYTES_MAX / 10));
        assert_eq!(spare.buffers.len(), 10);
        assert!(spare.clone().buffers.is_empty());
    }

    #[test]
    fn what_is_taken_has_the_room_of_a_former_page_while_there_is_one() {
        let mut spare = Spare::default();
        spare.keep(pages(1, 3000));
        assert!(spare.take().size_bytes() >= 3000);
        assert_eq!(spare.take().size_bytes(), 0);
    }
}
