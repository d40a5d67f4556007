//! What the HTTP side keeps in the configuration: server admins at `/admins/admin{NAME}/password`, and the settings behind
//! `/_node/_local/_config` at `/http/setting{SECTION KEY}/value`.

use super::failure::{Class, Failure};
use super::guards::check_admin_name;
use super::open::Service;
use super::settings::{InForce, Sections, as_number, check, follow, in_force};
use crate::auth::{ITERATIONS_DEFAULT, PasswordHash};
use crate::cdb::{Datastore, Error, KeyText, Path, ReadView, Selector, SubscriptionHandle};
use crate::vfs::read_file;

/// The list of server admins.
const ADMINS: &str = "/admins/admin";
/// The list of settings.
const SETTINGS: &str = "/http/setting";
/// A file that a setting names is not larger.
const SETTING_FILE_BYTES_MAX: u64 = 16 << 20;

fn list(path: &str) -> Path {
    path.parse().unwrap_or_else(|_| Path::root())
}

/// Where the password's line of a server admin is.
pub fn admin_path(name: &str) -> Path {
    list(ADMINS).with_keys([name]).child("password")
}

/// The keys of every entry of a list.
fn entries(view: &ReadView, path: &str) -> Result<Vec<Vec<String>>, Error> {
    let children = view.children(list(path))?;
    let keys = children.into_iter().filter_map(|child| match child.path.steps().last()?.selector {
        Some(Selector::Keys(ref keys)) => Some(keys.iter().map(key_text).collect()),
        _ => None,
    });
    Ok(keys.collect())
}

fn key_text(key: &KeyText) -> String {
    match key {
        KeyText::Text(text) => text.clone(),
        KeyText::Any => "*".to_owned(),
    }
}

fn text(view: &ReadView, path: &Path) -> Result<Option<String>, Error> {
    Ok(view.get(path)?.map(|value| value.to_string()))
}

/// All settings that are stored.
fn stored(view: &ReadView) -> Result<Sections, Error> {
    let mut sections = Sections::new();
    for keys in entries(view, SETTINGS)? {
        if let [section, key] = keys.as_slice()
            && let Some(value) = text(view, &setting_path(section, key))?
        {
            sections.entry(section.clone()).or_default().insert(key.clone(), value);
        }
    }
    Ok(sections)
}

impl Service {
    fn configuration(&self) -> ReadView {
        self.cdb.begin_read(Datastore::Config)
    }

    /// The names of the server admins.
    pub fn admins(&self) -> Result<Vec<String>, Failure> {
        Ok(entries(&self.configuration(), ADMINS)?.into_iter().flatten().collect())
    }

    /// Whether there is a server admin. One lookup.
    pub fn has_admins(&self) -> Result<bool, Failure> {
        Ok(self.configuration().next_entry(list(ADMINS))?.is_some())
    }

    /// The line with the password's hash of a server admin.
    pub fn admin_line(&self, name: &str) -> Result<Option<String>, Failure> {
        Ok(text(&self.configuration(), &admin_path(name))?)
    }

    /// Adds a server admin or replaces the password's line; `None` removes. Answers the line before.
    pub fn set_admin(&self, name: &str, line: Option<&str>) -> Result<Option<String>, Failure> {
        self.replace(&admin_path(name), line)
    }

    /// Replaces the password's line of a server admin, unless it is another one by now.
    pub fn replace_admin(&self, name: &str, old: &str, new: &str) -> Result<(), Failure> {
        let path = admin_path(name);
        self.cdb.write(Datastore::Config, |tx| {
            if tx.get(&path)?.is_some_and(|line| line.to_string() == old) {
                tx.set_text(&path, new)?;
            }
            Ok(())
        })?;
        Ok(())
    }

    /// Replaces passwords of admins that stand in clear by their hashes. A guard keeps them out; a file that was written before
    /// there was one, or without it, may have some.
    pub fn hash_clear_admins(&self) -> Result<(), Failure> {
        for name in self.admins()? {
            let Some(line) = self.admin_line(&name)?.filter(|line| !line.is_empty()) else {
                continue;
            };
            if PasswordHash::parse_line(&line).is_some() {
                continue;
            }
            if let Err(reason) = check_admin_name(&name) {
                tracing::error!(
                    admin = name,
                    reason,
                    "a password stands in clear: remove the admin"
                );
                continue;
            }
            let salt = format!("{:032x}", self.around.clock.unique_id());
            let hash = PasswordHash::derive(&line, salt, ITERATIONS_DEFAULT).line();
            self.set_admin(&name, Some(&hash))?;
            tracing::warn!(admin = name, "a password stood in clear; its hash replaces it");
        }
        Ok(())
    }

    /// The settings in force.
    pub fn settings(&self) -> Result<InForce, Failure> {
        Ok(InForce::of(stored(&self.configuration())?))
    }

    /// Hands the settings over now, and after every commit that changes one, before it is answered. Ends when the handle is dropped.
    pub fn follow_settings(
        &self,
        act: impl Fn(&InForce) + Send + Sync + 'static,
    ) -> Result<SubscriptionHandle, Failure> {
        Ok(follow(&self.cdb, stored, act)?)
    }

    /// The value in force of one setting: what is set, or else the default where there is one.
    pub fn setting(&self, section: &str, key: &str) -> Result<Option<String>, Failure> {
        let view = self.configuration();
        in_force(section, key, |section, key| {
            let value = text(&view, &setting_path(section, key))?;
            Ok(value.filter(|value| check(section, key, value).is_ok()))
        })
    }

    /// Whether a setting is `true`.
    pub fn is_set(&self, section: &str, key: &str) -> Result<bool, Failure> {
        Ok(self.setting(section, key)?.as_deref() == Some("true"))
    }

    /// A setting that is a number; `infinity` is the largest there is.
    pub fn number(&self, section: &str, key: &str) -> Result<u64, Failure> {
        let value = self.setting(section, key)?;
        let missing = || {
            let reason = format!("the setting {section}/{key} has no number");
            Failure::new(Class::Fault, "internal", reason)
        };
        value.as_deref().and_then(as_number).ok_or_else(missing)
    }

    /// One setting; where it is not there, the first who asks makes it.
    pub fn setting_or(
        &self,
        section: &str,
        key: &str,
        make: impl Fn() -> String,
    ) -> Result<String, Failure> {
        if let Some(known) = self.setting(section, key)? {
            return Ok(known);
        }
        let path = setting_path(section, key);
        let (value, _) = self.cdb.write(Datastore::Config, |tx| {
            if let Some(known) = tx.get(&path)? {
                return Ok(known.to_string());
            }
            let made = make();
            tx.set_text(&path, &made)?;
            Ok(made)
        })?;
        Ok(value)
    }

    /// Sets a setting; `None` removes it. Answers the value before.
    pub fn set_setting(
        &self,
        section: &str,
        key: &str,
        value: Option<&str>,
    ) -> Result<Option<String>, Failure> {
        self.replace(&setting_path(section, key), value)
    }

    /// The bytes of a file that a setting names.
    pub fn file(&self, name: &str) -> Result<Vec<u8>, Failure> {
        Ok(read_file(&*self.around.vfs, std::path::Path::new(name), SETTING_FILE_BYTES_MAX)?)
    }

    fn replace(&self, path: &Path, value: Option<&str>) -> Result<Option<String>, Failure> {
        let (old, _) = self.cdb.write(Datastore::Config, |tx| {
            let old = tx.get(path)?;
            if let Some(value) = value {
                tx.set_text(path, value)?;
            } else {
                tx.remove(path.parent().unwrap_or_else(Path::root))?;
            }
            Ok(old)
        })?;
        Ok(old.map(|value| value.to_string()))
    }
}

fn setting_path(section: &str, key: &str) -> Path {
    list(SETTINGS).with_keys([section, key]).child("value")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use super::*;
    use crate::cdb::Cdb;
    use crate::clock::ManualClock;
    use crate::scheduler::{Actions, Scheduler};
    use crate::service::Surroundings;
    use crate::vfs::os::OsVfs;

    fn service() -> Service {
        let clock = Arc::new(ManualClock::starting_at(0));
        let around = Surroundings { vfs: OsVfs::shared(), clock, directory: PathBuf::from("/") };
        let cdb = Cdb::in_memory().unwrap();
        let scheduler = Scheduler::attach(&cdb, Actions::builtin());
        Service::new(cdb, scheduler, around)
    }

    #[test]
    fn what_is_made_once_is_the_same_for_all_who_ask_at_the_same_time() {
        let (service, made) = (service(), std::sync::atomic::AtomicU64::new(0));
        let make = || made.fetch_add(1, std::sync::atomic::Ordering::SeqCst).to_string();
        let ask = || service.setting_or("section", "key", make).unwrap();
        let answers: Vec<String> = std::thread::scope(|scope| {
            let asking: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
            asking.into_iter().map(|one| one.join().unwrap()).collect()
        });
        let kept = service.setting("section", "key").unwrap().unwrap();
        assert_eq!(answers, vec![kept; 8]);
    }

    #[test]
    fn admins_come_and_go() {
        let service = service();
        assert!(!service.has_admins().unwrap());
        let line = |salt: &str| PasswordHash::derive("stone", salt.to_owned(), 1).line();
        assert_eq!(service.set_admin("ann", Some(&line("x"))).unwrap(), None);
        assert_eq!(service.set_admin("ann", Some(&line("y"))).unwrap(), Some(line("x")));
        assert!(service.has_admins().unwrap());
        assert_eq!(service.admins().unwrap(), ["ann"]);
        assert_eq!(service.admin_line("ann").unwrap(), Some(line("y")));
        assert_eq!(service.admin_line("bob").unwrap(), None);
        service.set_admin("ann", None).unwrap();
        assert!(!service.has_admins().unwrap());
    }

    #[test]
    fn settings_are_kept_by_section_and_key_whatever_they_are_called() {
        let service = service();
        for (section, key) in [("smoosh.ratio_dbs", "min_priority"), ("a b", "*"), ("{}", "\"")] {
            assert_eq!(service.set_setting(section, key, Some("2.0")).unwrap(), None, "{section}");
            let old = service.set_setting(section, key, Some("2.5")).unwrap();
            assert_eq!(old.as_deref(), Some("2.0"));
            assert_eq!(service.settings().unwrap().text(section, key).as_deref(), Some("2.5"));
        }
        service.set_setting("a b", "*", None).unwrap();
        assert_eq!(service.setting("a b", "*").unwrap(), None);
        assert_eq!(service.settings().unwrap().without_effect().count(), 2);
    }
}
