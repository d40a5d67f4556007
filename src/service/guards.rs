//! What the HTTP side's configuration may hold, whatever wrote it: a command, a file, a rollback, HTTP. A server admin is a name that
//! can sign in with the hash of a password; a setting is none of a section that is closed.

use super::settings::check;
use crate::auth::PasswordHash;
use crate::cdb::{
    Cdb, CdbOptions, Change, ChangeKind, Datastore, Diff, KeyText, Path, ReadView, Selector, Value,
};

/// What is below it belongs to server admins.
const ADMINS: &str = "admins";
/// The list of settings is below it.
const HTTP: &str = "http";
/// Sections that CouchDB does not let anybody change over HTTP: what they name is run or loaded by the server.
const CLOSED_SECTIONS: [&str; 8] = [
    "daemons",
    "external",
    "httpd_db_handlers",
    "httpd_design_handlers",
    "httpd_global_handlers",
    "native_query_servers",
    "os_daemons",
    "query_servers",
];

/// Why a server admin cannot have this name.
///
/// # Errors
/// One line, without the name: it is empty, has a colon (which ends the name in `Authorization: Basic`), or begins with an
/// underscore (as names and roles of the server do).
pub fn check_admin_name(name: &str) -> Result<(), &'static str> {
    match name {
        "" => Err("the name of an admin is not empty"),
        _ if name.contains(':') => Err("the name of an admin has no colon"),
        _ if name.starts_with('_') => Err("the name of an admin does not begin with an underscore"),
        _ => Ok(()),
    }
}

/// Whether settings of this section are never taken.
pub fn is_closed_section(section: &str) -> bool {
    CLOSED_SECTIONS.contains(&section)
}

/// Options whose database refuses what the HTTP side cannot use, in its init files too.
#[must_use]
pub fn guard(options: CdbOptions) -> CdbOptions {
    let options = options.validator_below(Datastore::Config, &below(ADMINS), check_admins);
    options.validator_below(Datastore::Config, &below(HTTP), check_settings)
}

/// The same for a database that is open.
pub(super) fn guard_open(cdb: &Cdb) {
    cdb.add_validator_below(Datastore::Config, &below(ADMINS), check_admins);
    cdb.add_validator_below(Datastore::Config, &below(HTTP), check_settings);
}

fn below(name: &str) -> Path {
    Path::root().child(name)
}

/// The value that a change leaves in a leaf; `None` for what is no leaf, or is gone.
fn left(change: &Change) -> Option<&Value> {
    match &change.kind {
        ChangeKind::Created { value } => value.as_ref(),
        ChangeKind::Modified { new, .. } => Some(new),
        ChangeKind::Deleted { .. } | ChangeKind::Moved { .. } | ChangeKind::Attribute { .. } => {
            None
        }
    }
}

/// The names of a path's steps, and the keys of its list.
fn parts(path: &Path) -> (Vec<&str>, Vec<&str>) {
    let names = path.steps().iter().map(|step| step.name.as_str());
    let keys = path.steps().iter().filter_map(|step| match &step.selector {
        Some(Selector::Keys(keys)) => Some(keys),
        _ => None,
    });
    let text = |key: &'_ KeyText| matches!(key, KeyText::Text(_));
    let texts = keys.flatten().filter(|key| text(key)).filter_map(|key| match key {
        KeyText::Text(text) => Some(text.as_str()),
        KeyText::Any => None,
    });
    (names.collect(), texts.collect())
}

/// The value is in no message: it may be a password.
fn check_admins(_: &ReadView, diff: &Diff) -> Result<(), String> {
    for change in &diff.below(&below(ADMINS)) {
        let path = &change.path;
        let (names, keys) = parts(path);
        if let (true, [name, ..]) = (is_there(change), keys.as_slice()) {
            check_admin_name(name).map_err(|reason| format!("{path}: {reason}"))?;
        }
        let Some(value) = left(change) else { continue };
        if names != [ADMINS, "admin", "password"] || keys.len() != 1 {
            return Err(format!(
                "{path}: of an admin there is /admins/admin{{NAME}}/password and nothing else"
            ));
        }
        if PasswordHash::parse_line(&value.to_string()).is_none() {
            return Err(format!(
                "{path}: not the line of a password's hash (-pbkdf2:sha256-...); \
                 pumice user add --admin NAME --password-stdin makes one"
            ));
        }
    }
    Ok(())
}

fn is_there(change: &Change) -> bool {
    !matches!(change.kind, ChangeKind::Deleted { .. })
}

fn check_settings(_: &ReadView, diff: &Diff) -> Result<(), String> {
    for change in diff.below(&below(HTTP)).iter().filter(|change| is_there(change)) {
        let (_, keys) = parts(&change.path);
        let Some(section) = keys.first() else { continue };
        if *section == ADMINS {
            let path = &change.path;
            return Err(format!("{path}: admins are at /admins/admin{{NAME}}/password"));
        }
        if is_closed_section(section) {
            return Err(format!(
                "{}: settings of the section {section} are not taken",
                change.path
            ));
        }
        if let (Some(key), Some(value)) = (keys.get(1), left(change)) {
            check(section, key, &value.to_string())
                .map_err(|reason| format!("{}: {reason}", change.path))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path as FilePath;

    use super::*;
    use crate::cdb::{BytesSource, LoadOptions};
    use crate::vfs::mem::MemVfs;

    const SECRET: &str = "stone-in-clear";

    fn line() -> String {
        PasswordHash::derive("stone", "5a17".to_owned(), 1).line()
    }

    fn set(cdb: &Cdb, path: &str, text: &str) -> Result<(), String> {
        let set = cdb.write(Datastore::Config, |tx| tx.set_text(path, text));
        set.map(drop).map_err(|error| error.to_string())
    }

    #[test]
    fn an_admin_has_a_hash_and_a_name_that_can_sign_in_by_every_door() {
        let cdb = Cdb::in_memory().unwrap();
        guard_open(&cdb);
        for (path, text) in [
            ("/admins/admin{bob}/password", SECRET),
            ("/admins/admin{bob}/password", ""),
            ("/admins/admin{bob}/secret", SECRET),
            ("/admins/bob", SECRET),
            ("/admins/admin{x:y}/password", &line()),
            ("/admins/admin{_x}/password", &line()),
            ("/admins/admin{bob}/password/more", SECRET),
        ] {
            let refused = set(&cdb, path, text).unwrap_err();
            assert!(refused.contains("/admins/") && !refused.contains(SECRET), "{refused}");
        }
        let xml = format!(
            "<admins><admin><name>bob</name><password>{SECRET}</password></admin></admins>"
        );
        let load = |xml: &str| {
            let source = BytesSource::new("admins.xml", xml.as_bytes());
            cdb.load(Datastore::Config, &source, &LoadOptions::default(), &Default::default())
        };
        assert!(!load(&xml).unwrap_err().to_string().contains(SECRET));
        assert_eq!(
            cdb.begin_read(Datastore::Config).num_instances("/admins/admin").unwrap_or(0),
            0
        );
        set(&cdb, "/admins/admin{bob}/password", &line()).unwrap();
        set(&cdb, "/elsewhere/admin{x:y}/password", SECRET).unwrap();
    }

    #[test]
    fn an_init_file_with_a_clear_password_is_refused() {
        let vfs = MemVfs::new();
        let xml =
            format!("<admins><admin><name>a</name><password>{SECRET}</password></admin></admins>");
        vfs.put(FilePath::new("/memory/admins.xml"), xml.into_bytes());
        let refused = guard(Cdb::options().vfs(vfs.shared())).open("/memory").unwrap_err();
        assert!(!refused.to_string().contains(SECRET), "{refused}");
        assert!(refused.to_string().contains("/admins"), "{refused}");
    }

    #[test]
    fn settings_of_closed_sections_are_refused() {
        let cdb = Cdb::in_memory().unwrap();
        guard_open(&cdb);
        for section in CLOSED_SECTIONS.iter().chain([&ADMINS]) {
            let path = format!("/http/setting{{{section} x}}/value");
            assert!(set(&cdb, &path, SECRET).is_err(), "{section}");
        }
        set(&cdb, "/http/setting{cors origins}/value", "*").unwrap();
    }

    #[test]
    fn every_known_setting_is_guarded_in_the_database_itself() {
        let cdb = Cdb::in_memory().unwrap();
        guard_open(&cdb);
        for row in super::super::settings::SETTINGS {
            let path = format!("/http/setting{{{} {}}}/value", row.section, row.key);
            let wrong = if row.takes_any_text() { "two\nlines" } else { "\u{e9} no such value" };
            let refused = set(&cdb, &path, wrong).unwrap_err();
            assert!(refused.contains(&path) && refused.contains("expected"), "{refused}");
            if let Some(default) = row.default {
                set(&cdb, &path, default).unwrap();
            }
        }
        let elsewhere = set(&cdb, "/http/setting{chttpd port}/value", "80").unwrap_err();
        assert!(elsewhere.contains("daemon/bind"), "{elsewhere}");
        set(&cdb, "/http/setting{my_section my_key}/value", "anything").unwrap();
    }

    #[test]
    fn the_bounds_of_a_number_are_values_and_no_more() {
        let cdb = Cdb::in_memory().unwrap();
        guard_open(&cdb);
        for (name, good, wrong) in [
            ("couchdb max_document_size", ["1", "134217728"], ["0", "134217729"]),
            ("couchdb max_attachment_size", ["1", "infinity"], ["0", "-1"]),
            ("cluster q", ["1", "256"], ["0", "257"]),
            ("attachments compression_level", ["0", "9"], ["10", "+5"]),
            ("chttpd_auth timeout", ["1", "31536000"], ["0", "1.5"]),
            ("chttpd_auth iterations", ["1", "10000000"], ["", "10000001"]),
        ] {
            let path = format!("/http/setting{{{name}}}/value");
            good.iter().for_each(|good| set(&cdb, &path, good).unwrap());
            wrong
                .iter()
                .for_each(|wrong| assert!(set(&cdb, &path, wrong).is_err(), "{path} {wrong}"));
        }
    }
}
