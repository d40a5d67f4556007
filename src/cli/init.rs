//! `pumice init`

use std::path::{Path, PathBuf};

use clap::Args;

use super::context::Context;
use super::find_conf::FILE;
use super::stop::Stop;
use crate::cdb::Datastore;
use crate::conf::{self, Conf};
use crate::service::{Class, Failure};
use crate::{node, vfs};

/// Make a data directory: a commented ncs.conf and empty datastores
#[derive(Debug, Args)]
pub struct Init {
    /// The directory; made when it is missing
    dir: PathBuf,
}

impl Init {
    pub fn run(self, context: &mut Context) -> Result<(), Stop> {
        context.start_log();
        let dir = self.dir.as_path();
        let files = &context.vfs;
        for name in Datastore::ALL.map(Datastore::file_name) {
            if files.exists(&dir.join(name))? {
                let reason = format!("{} has a database already", dir.display());
                return Err(Failure::new(Class::Conflict, "exists", reason).into());
            }
        }
        node::survive_file_size_limit()?;
        vfs::create_dirs(&**files, dir)?;
        let conf_file = dir.join(FILE);
        let keeps_conf = files.exists(&conf_file)?;
        if !keeps_conf {
            vfs::write_file(&**files, &conf_file, configuration(dir)?.as_bytes())?;
        }
        let loaded = super::find_conf::read(&**files, Some(&conf_file))?;
        node::open(&loaded.conf, dir)?.close()?;
        let shown = dir.display();
        context.output.note(if keeps_conf {
            format!("kept    {shown}/{FILE}")
        } else {
            format!("created {shown}/{FILE} (commented, every value at its default)")
        })?;
        context.output.note(format_args!("created {shown}/A.cdb  {shown}/O.cdb  {shown}/S.cdb"))?;
        context.output.note(format_args!(
            "next: pumice start --dir {shown}     or: pumice --dir {shown} set '/device{{ce0}}/address' 10.0.0.1"
        ))?;
        if context.output.is_json() {
            context.output.object(&serde_json::json!({ "directory": dir }))?;
        }
        Ok(())
    }
}

/// The example with the directory in it, so that the file says where the data is from wherever it is read.
fn configuration(dir: &Path) -> Result<String, Stop> {
    let absolute = std::path::absolute(dir)?;
    let text = absolute.to_str().filter(|text| !text.contains(['$', '<', '&', '>']));
    let text = text.ok_or_else(|| {
        let reason = format!("{} cannot stand in a configuration file", absolute.display());
        Failure::usage(reason).hint("choose a name without $ < > & that is UTF-8")
    })?;
    let default = Conf::default().cdb.db_dir;
    let (old, new) = (format!("<db-dir>{}<", default.display()), format!("<db-dir>{text}<"));
    Ok(conf::example().replace(&old, &new))
}
