//! `/_node/{node}/_config`: settings by section and key, as they are in force. What they may be says `service/settings`. The section `admins` is the list of server admins.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::call::Call;
use super::node::check;
use super::problem::Problem;
use super::reply::{Answer, Reply};
use crate::auth::PasswordHash;
use crate::service::{check_admin_name, check_setting, has_effect, is_closed_section};

/// The section of server admins.
const ADMINS: &str = "admins";
/// What an answer warns of that stores a setting which changes nothing.
const NO_EFFECT: &str = "299 pumice \"this setting is stored, but has no effect in this server\"";

type Sections = BTreeMap<String, BTreeMap<String, String>>;

fn sections(call: &Call) -> Result<Sections, Problem> {
    check(call)?;
    let mut sections = call.app.service.settings()?.sections();
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
        _ => Ok(call.app.service.setting(section, key)?),
    }
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
        if let Some(new) = new {
            let refused = |reason| Problem::bad_request(format!("{section}/{key}: {reason}"));
            check_setting(section, key, new).map_err(refused)?;
            if !has_effect(section, key) {
                let _set = call.notes.warning.set(NO_EFFECT);
            }
        }
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
            PasswordHash::derive(new, salt, call.app.verifier.iterations()).line()
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
