//! Saving a view.

use std::io::Write;

use super::options::{SaveError, SaveOptions};
use super::{json, xml};
use crate::cdb::error::Error;
use crate::cdb::load::Format;
use crate::cdb::path::IntoPath;
use crate::cdb::view::{ReadView, find};
use crate::cdb::walk::{WalkEvent, walk};

impl ReadView {
    /// Writes the node at `path` with everything below it, and the containers and entries around it; returns how many
    /// nodes were written.
    ///
    /// ```
    /// use pumice::cdb::{Cdb, Datastore, Format, SaveOptions};
    ///
    /// let cdb = Cdb::in_memory()?;
    /// cdb.write(Datastore::Config, |tx| tx.set_text("/device{ce0}/address", "10.0.0.1"))?;
    /// let mut out = Vec::new();
    /// let view = cdb.begin_read(Datastore::Config);
    /// view.save("/device", SaveOptions::new(Format::Json), &mut out)?;
    /// assert_eq!(
    ///     String::from_utf8(out)?,
    ///     "{\n  \"device\": [\n    {\n      \"name\": \"ce0\",\n      \"address\": \"10.0.0.1\"\n    }\n  ]\n}\n"
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn save(
        &self,
        path: impl IntoPath,
        options: SaveOptions,
        out: &mut dyn Write,
    ) -> Result<u64, SaveError> {
        let tree = self.tree();
        let path = path.into_path().map_err(Error::from)?;
        let Some(key) = find(&tree, &path)? else {
            return Err(Error::NotFound { path }.into());
        };
        if !key.is_root() && tree.first(&key)?.is_none() {
            return Err(Error::NotFound { path }.into());
        }
        let mut nodes = 0;
        match options.format {
            Format::Xml => {
                let mut writer = xml::Writer::new(tree, options.types, out);
                writer.begin()?;
                walk(&tree, &key, &mut |at, event| {
                    nodes += u64::from(is_node(&event));
                    writer.event(at, &event)
                })?;
                writer.end()?;
            }
            Format::Json => {
                let mut writer = json::Writer::new(tree, options.types, out);
                writer.begin()?;
                walk(&tree, &key, &mut |at, event| {
                    nodes += u64::from(is_node(&event));
                    writer.event(at, &event)
                })?;
                writer.end()?;
            }
        }
        out.flush()?;
        Ok(nodes)
    }
}

fn is_node(event: &WalkEvent<'_>) -> bool {
    !matches!(event, WalkEvent::Leave | WalkEvent::Container { presence: false, .. })
}
