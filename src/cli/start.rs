//! `pumice start`

use std::net::SocketAddr;
use std::path::Path;

use clap::Args;

use super::context::Context;
use super::find_conf::{self, Overrides};
use super::stop::Stop;
use crate::conf::Loaded;
use crate::node::{Daemon, Setup, logging};

/// Serve a data directory, in the foreground, until SIGTERM or SIGINT
#[derive(Debug, Args)]
pub struct Start {
    /// Where HTTP listens [default: daemon/bind of the configuration, 127.0.0.1:5984]
    #[arg(long, value_name = "ADDR:PORT")]
    bind: Option<SocketAddr>,
    /// Do not compact at start what the thresholds say is due
    #[arg(long)]
    disable_compaction_on_start: bool,
}

impl Start {
    fn overrides(&self, context: &Context) -> Overrides {
        let mut overrides = find_conf::overrides(&context.global);
        if let Some(bind) = self.bind {
            overrides.push(("daemon/bind", bind.to_string(), "--bind"));
        }
        if self.disable_compaction_on_start {
            let option = "--disable-compaction-on-start";
            overrides.push(("compaction/compact-on-start", "false".to_owned(), option));
        }
        overrides
    }

    pub fn run(self, context: &mut Context) -> Result<(), Stop> {
        let overrides = self.overrides(context);
        let file = find_conf::file(&*context.vfs, &context.global);
        let mut loaded = find_conf::read(&*context.vfs, file.as_deref())?;
        find_conf::set(&mut loaded, &overrides)?;
        let logs = &loaded.conf.logs;
        let level = logging::start(logs.log_level, logs.log_format, context.output.is_coloured());
        for warning in &loaded.warnings {
            tracing::warn!("{warning}");
        }
        let directory = loaded.conf.cdb.db_dir.clone();
        let files = context.vfs.clone();
        let reread = move || {
            let mut again = find_conf::read(&*files, file.as_deref())?;
            // They were set once already, when the program started.
            drop(find_conf::set(&mut again, &overrides));
            Ok(again)
        };
        let is_default = is_default(&loaded);
        let setup = Setup {
            loaded,
            directory: directory.clone(),
            reread: Box::new(reread),
            level: Some(level),
        };
        let daemon = Daemon::start(setup)?;
        tell(context, &daemon, &directory, is_default)?;
        Ok(daemon.run()?)
    }
}

fn is_default(loaded: &Loaded) -> bool {
    loaded.conf.cdb.db_dir == crate::conf::Conf::default().cdb.db_dir
}

/// Where it listens and what to type next. Somebody may wait for the line, so it goes out at once.
fn tell(
    context: &mut Context,
    daemon: &Daemon,
    directory: &Path,
    is_default: bool,
) -> Result<(), Stop> {
    let (http, pid) = (daemon.listening().http, std::process::id());
    let (output, dir) = (&mut context.output, directory.display());
    if output.is_json() {
        output.object(&serde_json::json!({
            "listening": format!("http://{http}"), "socket": daemon.listening().socket,
            "directory": directory, "pid": pid, "version": env!("CARGO_PKG_VERSION"),
        }))?;
        return output.flush();
    }
    let version = env!("CARGO_PKG_VERSION");
    output.note(format_args!(
        "pumice {version}  listening on http://{http}  data in {dir}  pid {pid}"
    ))?;
    let option = if is_default { String::new() } else { format!("--dir {dir} ") };
    output.note(format_args!("next, in another terminal:"))?;
    output.note(format_args!("  pumice {option}set '/device{{ce0}}/address' 10.0.0.1"))?;
    output.note(format_args!("  pumice {option}load FILE.xml"))?;
    output.note(format_args!("  curl http://{http}/_status.json"))?;
    output.flush()
}
