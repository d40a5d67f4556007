//! The configuration, read again while the daemon runs.

use super::logging::LevelHandle;
use super::options;
use crate::cdb::ByItself;
use crate::conf::{Applies, Loaded, Problems};
use crate::service::Service;

/// How the configuration is read again, options of the command line included.
pub type Reread = Box<dyn Fn() -> Result<Loaded, Problems> + Send>;

/// Reads the configuration again and applies what can be applied. What has problems changes nothing.
pub fn reload(
    reread: &Reread,
    current: &mut Loaded,
    service: &Service,
    level: Option<&LevelHandle>,
) {
    let loaded = match reread() {
        Ok(loaded) => loaded,
        Err(problems) => {
            for problem in problems.list() {
                let place = problem.place.as_ref().map(ToString::to_string);
                tracing::error!(place, "{}", problem.message);
            }
            tracing::error!("the configuration has problems; the old one stays in force");
            return;
        }
    };
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let changed = current.changed(&loaded);
    for setting in &changed {
        let value = setting.show(&loaded.conf).join(" ");
        match setting.applies {
            Applies::OnReload => {
                tracing::info!(setting = setting.path, value, "takes effect now");
            }
            Applies::OnRestart => {
                tracing::warn!(setting = setting.path, value, "takes effect at the next start");
            }
        }
    }
    let mut compaction = options::compaction_options(&loaded.conf);
    compaction.by_itself = ByItself::NotAtStart;
    service.compactions().set_options(compaction);
    service.set_rollback_limits(options::rollback_limits(&loaded.conf));
    if let Some(level) = level {
        level.set(loaded.conf.logs.log_level);
    }
    tracing::info!(changed = changed.len(), "the configuration was read again");
    *current = loaded;
}
