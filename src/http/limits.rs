//! What is set for a database: whom it lets in, how much history it keeps.

use super::call::Call;
use super::problem::Problem;
use super::reply::{Answer, Reply};
use super::users;
use crate::auth::Security;

/// `GET _security`.
pub fn security(call: &Call) -> Answer {
    Ok(Reply::text(200, call.database()?.security()? + "\n"))
}

/// `PUT _security`.
pub fn set_security(call: &Call) -> Answer {
    if users::is_security_fixed(&call.app, call.name("db"))? {
        let reason = "You can't edit the security object of the user database.";
        return Err(Problem::forbidden(reason));
    }
    let text = std::str::from_utf8(&call.body).map_err(|_| Problem::bad_json())?;
    serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|_| Problem::bad_json())?;
    Security::parse(text).map_err(|_| Problem::no_majority())?;
    call.database()?.set_security(text.trim())?;
    Ok(Reply::ok(200))
}

/// `GET _revs_limit`.
pub fn revs_limit(call: &Call) -> Answer {
    Ok(Reply::text(200, format!("{}\n", call.database()?.revs_limit())))
}

/// `PUT _revs_limit`.
pub fn set_revs_limit(call: &Call) -> Answer {
    let limit = positive(call)?.ok_or_else(|| Problem::fault("function_clause"))?;
    call.database()?.set_revs_limit(limit)?;
    Ok(Reply::ok(200))
}

/// `GET _purged_infos_limit`.
pub fn purged_infos_limit(call: &Call) -> Answer {
    Ok(Reply::text(200, format!("{}\n", call.database()?.purged_infos_limit())))
}

/// `PUT _purged_infos_limit`.
pub fn set_purged_infos_limit(call: &Call) -> Answer {
    let limit = positive(call)?
        .ok_or_else(|| Problem::bad_request("`purge_infos_limit` must be positive integer"))?;
    call.database()?.set_purged_infos_limit(limit)?;
    Ok(Reply::ok(200))
}

fn positive(call: &Call) -> Result<Option<u64>, Problem> {
    let value: serde_json::Value = call.json()?;
    Ok(value.as_u64().filter(|number| *number > 0))
}
