//! Where trees come from: anything that can be read twice.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use super::options::Format;
use super::problem::{LoadError, Problem};
use crate::vfs::{FileReader, OpenMode, Vfs};

/// Something that can be read from its start, more than once.
pub trait Source {
    /// Its name for messages; its ending tells the format.
    fn name(&self) -> &str;

    /// Starts reading at the first byte.
    fn open(&self) -> io::Result<Box<dyn Read + '_>>;
}

/// Bytes in memory.
///
/// ```
/// use pumice::cdb::{BytesSource, Source};
///
/// let source = BytesSource::new("devices.xml", b"<devices/>");
/// assert_eq!(source.name(), "devices.xml");
/// ```
#[derive(Clone, Debug)]
pub struct BytesSource<'a> {
    name: &'a str,
    bytes: &'a [u8],
}

impl<'a> BytesSource<'a> {
    /// Calls these bytes `name`.
    pub fn new(name: &'a str, bytes: &'a [u8]) -> Self {
        Self { name, bytes }
    }
}

impl Source for BytesSource<'_> {
    fn name(&self) -> &str {
        self.name
    }

    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(self.bytes))
    }
}

/// A file.
#[derive(Clone, Debug)]
pub struct FileSource {
    vfs: Arc<dyn Vfs>,
    path: PathBuf,
    name: String,
}

impl FileSource {
    /// The file at `path`.
    pub fn new(vfs: Arc<dyn Vfs>, path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let name = path.display().to_string();
        Self { vfs, path, name }
    }
}

impl Source for FileSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        let file = self.vfs.open(&self.path, OpenMode::Read).map_err(io::Error::other)?;
        Ok(Box::new(FileReader::new(file)))
    }
}

pub(super) fn guess_format(name: &str) -> Result<Format, LoadError> {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    match ending.as_deref() {
        Some("xml") => Ok(Format::Xml),
        Some("json") => Ok(Format::Json),
        _ => Err(LoadError::nowhere(Problem::Format).in_source(name)),
    }
}
