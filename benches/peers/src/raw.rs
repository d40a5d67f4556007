//! What the disk gives without a store: a log of records with a checksum each, written and synced in the ways that
//! there are, by one thread or by many that share syncs.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::store::{Outcome, Put};

/// The ways, by the names that the tables have for them.
pub const WAYS: &[&str] =
    &["raw: append+fdatasync", "raw: fdatasync", "raw: O_DSYNC", "raw: O_DIRECT"];

/// A written-on file is this long, and then written from its beginning again.
const FILE_BYTES: u64 = 128 << 20;
const BLOCK: usize = 4096;
/// The most that is written at once.
const BUFFER_BYTES: usize = 1 << 20;

/// Appends one record: lengths, key, value, and the checksum of all that.
pub fn encode(puts: &[Put<'_>], out: &mut Vec<u8>) {
    let start = out.len();
    for (key, value) in puts {
        out.extend_from_slice(&(value.len() as u32).to_le_bytes());
        out.extend_from_slice(key);
        out.extend_from_slice(value);
    }
    let checksum = crc32c::crc32c(&out[start..]);
    out.extend_from_slice(&checksum.to_le_bytes());
}

/// A log file. Nothing of it is read again.
pub struct Log {
    file: File,
    way: Way,
    position: u64,
    /// What the last, partly filled block holds, and room behind it; only with `Direct`.
    blocks: Aligned,
    filled: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Append,
    Fdatasync,
    Dsync,
    Direct,
}

impl Log {
    pub fn create(dir: &Path, way: &str) -> Outcome<Self> {
        let way = match WAYS.iter().position(|name| *name == way) {
            Some(0) => Way::Append,
            Some(1) => Way::Fdatasync,
            Some(2) => Way::Dsync,
            Some(3) => Way::Direct,
            _ => return Err(format!("no raw way is called {way}").into()),
        };
        std::fs::create_dir_all(dir)?;
        let path = dir.join("raw");
        let file = File::create(&path)?;
        if way != Way::Append {
            let zeros = vec![0; BUFFER_BYTES];
            for piece in 0..FILE_BYTES / zeros.len() as u64 {
                file.write_all_at(&zeros, piece * zeros.len() as u64)?;
            }
        }
        file.sync_all()?;
        let flags = match way {
            Way::Append | Way::Fdatasync => 0,
            Way::Dsync => libc::O_DSYNC,
            Way::Direct => libc::O_DSYNC | libc::O_DIRECT,
        };
        let file = OpenOptions::new().write(true).custom_flags(flags).open(&path)?;
        Ok(Self { file, way, position: 0, blocks: Aligned::new(BUFFER_BYTES), filled: 0 })
    }

    /// Writes records behind what is there, durably.
    pub fn append(&mut self, records: &[u8]) -> Outcome<()> {
        let end = self.position + (records.len() + 2 * BLOCK) as u64;
        if self.way != Way::Append && end > FILE_BYTES {
            self.position = 0;
            self.filled = 0;
        }
        match self.way {
            Way::Direct => return self.append_blocks(records),
            Way::Append | Way::Fdatasync => {
                self.file.write_all_at(records, self.position)?;
                self.file.sync_data()?;
            }
            Way::Dsync => self.file.write_all_at(records, self.position)?,
        }
        self.position += records.len() as u64;
        Ok(())
    }

    /// Whole blocks, the first of which begins with what it held before.
    fn append_blocks(&mut self, records: &[u8]) -> Outcome<()> {
        let end = self.filled + records.len();
        let len = end.next_multiple_of(BLOCK);
        let filled = self.filled;
        let blocks = self.blocks.get(len)?;
        blocks[filled..end].copy_from_slice(records);
        blocks[end..].fill(0);
        self.file.write_all_at(blocks, self.position)?;
        let whole = end / BLOCK * BLOCK;
        blocks.copy_within(whole..end, 0);
        self.position += whole as u64;
        self.filled = end - whole;
        Ok(())
    }
}

/// A buffer that begins at a block of memory, as `O_DIRECT` wants it.
struct Aligned {
    bytes: Vec<u8>,
    offset: usize,
}

impl Aligned {
    fn new(len: usize) -> Self {
        let bytes = vec![0; len + BLOCK];
        let offset = bytes.as_ptr().align_offset(BLOCK);
        Self { bytes, offset }
    }

    fn get(&mut self, len: usize) -> Outcome<&mut [u8]> {
        let end = self.offset + len;
        Ok(self.bytes.get_mut(self.offset..end).ok_or("more than a buffer at once")?)
    }
}

/// A log that threads share: whoever finds nobody writing writes what all have handed in. As little hand-over as
/// there can be: one short lock to hand in, one futex to wait for the sync.
pub struct Group {
    log: Mutex<Log>,
    pending: Mutex<Pending>,
    durable: AtomicU32,
}

#[derive(Default)]
struct Pending {
    records: Vec<u8>,
    last: u32,
}

impl Group {
    pub fn new(log: Log) -> Self {
        Self { log: Mutex::new(log), pending: Mutex::default(), durable: AtomicU32::new(0) }
    }

    pub fn commit(&self, puts: &[Put<'_>]) -> Outcome<()> {
        let mine = {
            let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
            encode(puts, &mut pending.records);
            pending.last = pending.last.wrapping_add(1);
            pending.last
        };
        loop {
            let durable = self.durable.load(Ordering::Acquire);
            if is_reached(mine, durable) {
                return Ok(());
            }
            let Ok(mut log) = self.log.try_lock() else {
                wait(&self.durable, durable);
                continue;
            };
            if is_reached(mine, self.durable.load(Ordering::Acquire)) {
                return Ok(());
            }
            let group = {
                let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
                let last = pending.last;
                Pending { records: std::mem::take(&mut pending.records), last }
            };
            log.append(&group.records)?;
            // The lock goes first: whoever is woken may write.
            drop(log);
            self.durable.fetch_max(group.last, Ordering::Release);
            wake_all(&self.durable);
        }
    }
}

fn is_reached(mine: u32, durable: u32) -> bool {
    mine <= durable
}

fn wait(word: &AtomicU32, seen: u32) {
    let none: *const libc::timespec = std::ptr::null();
    // SAFETY: the word outlives the call, which reads it and may come back early.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
            seen,
            none,
        );
    }
}

fn wake_all(word: &AtomicU32) {
    // SAFETY: only the address is used.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG,
            i32::MAX,
        );
    }
}
