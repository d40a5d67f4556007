//! The `_users` database: passwords are hashed before they are stored, and people see their own document only.

use serde_json::{Map, Value};

use super::app::App;
use super::call::Call;
use super::problem::Problem;
use crate::auth::users;
use crate::documents::{DatabaseError, DocumentError, Edit, OpenOptions, parse_document};

/// The name of the database.
pub const USERS: &str = "_users";

/// The body of a user's document; `None` when there is none.
pub fn stored(app: &App, id: &str) -> Result<Option<String>, Problem> {
    let database = match app.databases.get(USERS) {
        Ok(database) => database,
        Err(DatabaseError::NotFound) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    match database.open(id, &OpenOptions::default()) {
        Ok(document) => Ok(Some(document.body().to_owned())),
        Err(DocumentError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What others than admins may ask of the database: their own document.
pub fn permit(call: &Call) -> Result<(), Problem> {
    let Some(name) = &call.user.name else {
        return Err(Problem::not_member(false));
    };
    let asked = call.name("doc");
    if asked.is_empty() {
        return Err(Problem::not_member(true));
    }
    if asked != users::id(name) || !call.name("attachment").is_empty() {
        return Err(Problem::missing());
    }
    Ok(())
}

/// Checks an edit of the database and hashes the password in it.
pub fn prepare(call: &Call, edit: &mut Edit) -> Result<(), Problem> {
    if edit.id.starts_with("_design/") {
        return Ok(());
    }
    let mut members: Map<String, Value> =
        serde_json::from_str(edit.body.as_str()).map_err(|_| Problem::bad_json())?;
    let old = stored(&call.app, &edit.id)?;
    let old = old.and_then(|body| serde_json::from_str::<Map<String, Value>>(&body).ok());
    let old_roles = old.as_ref().and_then(|old| old.get("roles"));
    users::check(&edit.id, &members, edit.deleted, old_roles, &call.user)
        .map_err(|refused| Problem::forbidden(refused.to_string()))?;
    let salt = format!("{:032x}", call.app.clock.unique_id());
    if users::hash_password(&mut members, &salt, call.app.options.iterations) {
        let text = serde_json::to_string(&members).map_err(|_| Problem::bad_json())?;
        edit.body = parse_document(text.as_bytes())?.body;
    }
    Ok(())
}
