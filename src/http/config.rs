//! `/_node/{node}/_config`: settings by section and key. They are kept in the configuration database; those that nobody has set
//! have the values of [`DEFAULTS`]. The section `admins` is the list of server admins.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::app::App;
use super::call::Call;
use super::node::check;
use super::problem::Problem;
use super::reply::{Answer, Reply};
use crate::auth::PasswordHash;
use crate::service::{check_admin_name, is_closed_section};

/// What is in force when nobody has set it.
const DEFAULTS: &[(&str, &str, &str)] = &[
    ("chttpd", "enable_cors", "false"),
    ("cluster", "n", "1"),
    ("cluster", "q", "2"),
    ("cors", "credentials", "false"),
    ("cors", "max_age", "600"),
    ("couchdb", "default_security", "admin_only"),
    ("couchdb", "max_attachment_size", "1073741824"),
    ("couchdb", "max_document_size", "8000000"),
    ("couchdb", "max_bulk_docs_count", "10000"),
    ("couchdb", "max_bulk_get_count", "10000"),
    ("couchdb", "users_db_security_editable", "false"),
    ("couchdb", "validate_doc_update", "warn"),
    ("chttpd_auth", "authentication_db", "_users"),
    ("chttpd_auth", "timeout", "600"),
    ("chttpd_auth", "upgrade_hash_on_auth", "true"),
    ("replicator", "retries_per_request", "5"),
    // CouchDB's is false: it believes any certificate unless told otherwise.
    ("replicator", "verify_ssl_certificates", "true"),
];
/// The section of server admins.
const ADMINS: &str = "admins";

type Sections = BTreeMap<String, BTreeMap<String, String>>;

fn sections(call: &Call) -> Result<Sections, Problem> {
    check(call)?;
    let mut sections = Sections::new();
    for (section, key, value) in DEFAULTS {
        let section = sections.entry((*section).to_owned()).or_default();
        section.insert((*key).to_owned(), (*value).to_owned());
    }
    for (name, keys) in call.app.service.settings()? {
        sections.entry(name).or_default().extend(keys);
    }
    for name in call.app.service.admins()? {
        let line = call.app.service.admin_line(&name)?.unwrap_or_default();
        sections.entry(ADMINS.to_owned()).or_default().insert(name, line);
    }
    Ok(sections)
}

/// `GET _config`.
pub fn all(call: &Call) -> Answer {
    Ok(Reply::json(200, &sections(call)?))
}

/// `GET _config/{section}`.
pub fn section(call: &Call) -> Answer {
    Ok(Reply::json(200, &sections(call)?.remove(call.name("section")).unwrap_or_default()))
}

fn value(call: &Call) -> Result<Option<String>, Problem> {
    let (section, key) = (call.name("section"), call.name("key"));
    match section {
        ADMINS => Ok(call.app.service.admin_line(key)?),
        _ => in_force(&call.app, section, key),
    }
}

/// What is set, or else the default where there is one.
pub fn in_force(app: &App, section: &str, key: &str) -> Result<Option<String>, Problem> {
    let default = || DEFAULTS.iter().find(|(s, k, _)| *s == section && *k == key);
    let set = app.service.setting(section, key)?;
    Ok(set.or_else(|| default().map(|(_, _, value)| (*value).to_owned())))
}

/// A setting that is a number; the guard of the configuration lets nothing else in.
pub fn number(app: &App, section: &str, key: &str) -> Result<usize, Problem> {
    let text = in_force(app, section, key)?.unwrap_or_default();
    text.parse().map_err(|_| Problem::internal(format!("the setting {section}/{key} is no number")))
}

fn unknown() -> Problem {
    Problem::not_found("unknown_config_value")
}

/// `GET _config/{section}/{key}`.
pub fn get(call: &Call) -> Answer {
    check(call)?;
    Ok(Reply::json(200, &value(call)?.ok_or_else(unknown)?))
}

/// `PUT _config/{section}/{key}`: answers the value before.
pub fn put(call: &Call) -> Answer {
    check(call)?;
    let Value::String(new) = call.json::<Value>()? else {
        return Err(Problem::bad_request("a JSON string expected"));
    };
    let old = value(call)?.unwrap_or_default();
    set(call, Some(&new))?;
    Ok(Reply::json(200, &json!(old)))
}

/// `DELETE _config/{section}/{key}`: answers the value before.
pub fn delete(call: &Call) -> Answer {
    check(call)?;
    let old = value(call)?.ok_or_else(unknown)?;
    set(call, None)?;
    Ok(Reply::json(200, &json!(old)))
}

fn set(call: &Call, new: Option<&str>) -> Result<(), Problem> {
    let (section, key) = (call.name("section"), call.name("key"));
    let service = &call.app.service;
    if is_closed_section(section) {
        let reason = "Config section blacklisted for modification over HTTP API.";
        return Err(Problem::forbidden(reason));
    }
    if section != ADMINS {
        service.set_setting(section, key, new)?;
        return Ok(());
    }
    if new.is_some() {
        check_admin_name(key).map_err(Problem::bad_request)?;
    }
    if new.is_some_and(str::is_empty) {
        return Err(Problem::bad_request("the password of an admin is not empty"));
    }
    let line = new.map(|new| match PasswordHash::parse_line(new) {
        Some(_) => new.to_owned(),
        None => {
            let salt = format!("{:032x}", call.app.clock.unique_id());
            PasswordHash::derive(new, salt, call.app.options.iterations).line()
        }
    });
    if line.is_none() && service.admins()? == [key] {
        return Err(Problem::forbidden("The last admin stays: without one, nobody could sign in."));
    }
    service.set_admin(key, line.as_deref())?;
    Ok(())
}

/// `POST _config/_reload`: settings are in force when they are set.
pub fn reload(call: &Call) -> Answer {
    check(call)?;
    Ok(Reply::ok(200))
}
