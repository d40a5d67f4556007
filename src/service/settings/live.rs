//! Follows the settings: who acts on them gets them now, and after every commit that changes one.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use super::in_force::{InForce, Sections};
use crate::cdb::{Cdb, Datastore, Error, ReadView, SubscriptionHandle, SubscriptionPoint};

/// Where settings are.
const ROOT: &str = "/http";

/// Hands the settings over now, and after every commit that changes one: on the committer's thread, before the commit is answered, one
/// at a time. Each setting without effect, and each value that is not in force, has one line in the log. Ends when the handle is
/// dropped.
pub fn follow(
    cdb: &Cdb,
    read: impl Fn(&ReadView) -> Result<Sections, Error> + Send + Sync + 'static,
    act: impl Fn(&InForce) + Send + Sync + 'static,
) -> Result<SubscriptionHandle, Error> {
    let logged: Mutex<BTreeSet<String>> = Mutex::default();
    let hand_over = std::sync::Arc::new(move |view: &dyn Fn() -> ReadView| {
        // The lock is taken first, so that the newest settings are handed over last.
        let mut logged = logged.lock().unwrap_or_else(PoisonError::into_inner);
        let settings = InForce::of(read(&view())?);
        log(&settings, &mut logged);
        act(&settings);
        Ok(())
    });
    let (later, point) = (hand_over.clone(), SubscriptionPoint::new(ROOT)?.named("settings"));
    let handle = cdb.subscribe_callback(Datastore::Config, point, move |notification| {
        let handed: Result<(), Error> = later(&|| notification.after.clone());
        if let Err(error) = handed {
            tracing::error!(%error, "settings cannot be read; the old ones stay in force");
        }
    });
    hand_over(&|| cdb.begin_read(Datastore::Config))?;
    Ok(handle)
}

fn log(settings: &InForce, logged: &mut BTreeSet<String>) {
    let idle =
        settings.without_effect().map(|name| (name, "this setting has no effect in this server"));
    let ill = settings
        .ill()
        .iter()
        .map(|name| (name.clone(), "this value is not in force; the default is"));
    let mut now = BTreeSet::new();
    for (setting, line) in idle.chain(ill) {
        if !logged.contains(&setting) {
            tracing::warn!(setting, "{line}");
        }
        now.insert(setting);
    }
    *logged = now;
}
