//! What is read off while a store works: latencies, memory, files, bytes written.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::store::Outcome;

/// Latencies in nanoseconds.
pub struct Latencies(Histogram<u64>);

impl Latencies {
    pub fn new() -> Outcome<Self> {
        Ok(Self(Histogram::new(3)?))
    }

    pub fn record(&mut self, took: Duration) -> Outcome<()> {
        Ok(self.0.record(u64::try_from(took.as_nanos())?)?)
    }

    pub fn add(&mut self, other: &Self) -> Outcome<()> {
        Ok(self.0.add(&other.0)?)
    }

    pub fn count(&self) -> u64 {
        self.0.len()
    }

    pub fn micros(&self, quantile: f64) -> f64 {
        self.0.value_at_quantile(quantile) as f64 / 1e3
    }

    pub fn max_micros(&self) -> f64 {
        self.0.max() as f64 / 1e3
    }
}

/// Anonymous memory of a process, in bytes.
pub fn anonymous_bytes(pid: u32) -> Outcome<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    Ok(field(&status, "RssAnon:")? * 1024)
}

/// Processor time that a process took so far, in seconds. It does not depend on what else the machine does, or
/// not by much, and so tells more than time where a machine is not idle.
pub fn cpu_seconds(pid: u32) -> Outcome<f64> {
    let (mut clock, mut time) = (0, libc::timespec { tv_sec: 0, tv_nsec: 0 });
    // SAFETY: both calls write into the variables that they are given.
    let failed = unsafe {
        libc::clock_getcpuclockid(libc::pid_t::try_from(pid)?, &mut clock) != 0
            || libc::clock_gettime(clock, &mut time) != 0
    };
    if failed {
        return Err(format!("no processor time of process {pid}").into());
    }
    Ok(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
}

/// Bytes that a process caused to be sent to the disk so far.
pub fn written_bytes(pid: u32) -> Outcome<u64> {
    field(&fs::read_to_string(format!("/proc/{pid}/io"))?, "write_bytes:")
}

fn field(text: &str, name: &str) -> Outcome<u64> {
    let line = text.lines().find(|line| line.starts_with(name)).ok_or("no such field")?;
    Ok(line.split_whitespace().nth(1).ok_or("no value")?.parse()?)
}

/// Bytes that the files below a directory take on the disk.
pub fn disk_bytes(dir: &Path) -> Outcome<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        // A store may remove a file while we look.
        let Ok(metadata) = entry.metadata() else { continue };
        bytes +=
            if metadata.is_dir() { disk_bytes(&entry.path())? } else { metadata.blocks() * 512 };
    }
    Ok(bytes)
}
