//! The documents of the `_users` database: a password in them is replaced by its hash before it is stored.

use serde_json::{Map, Value, json};

use super::context::UserContext;
use super::password::PasswordHash;

/// What ids of users begin with.
pub const PREFIX: &str = "org.couchdb.user:";

/// A user as a document tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The password's hash.
    pub hash: PasswordHash,
    /// The roles.
    pub roles: Vec<String>,
}

/// Why a document of `_users` is refused; the texts are those of CouchDB's validation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(&'static str);

/// The id of a user's document.
pub fn id(name: &str) -> String {
    format!("{PREFIX}{name}")
}

/// Reads a user from the body of its document; `None` when it is not one that can sign in.
pub fn parse(body: &str) -> Option<User> {
    let members: Map<String, Value> = serde_json::from_str(body).ok()?;
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    let scheme = text("password_scheme")?;
    let key = text(if scheme == "simple" { "password_sha" } else { "derived_key" })?;
    let iterations = members.get("iterations").and_then(Value::as_u64);
    let iterations = iterations.and_then(|iterations| u32::try_from(iterations).ok());
    let hash =
        PasswordHash::from_members(scheme, text("pbkdf2_prf"), iterations, key, text("salt")?)?;
    let roles = members.get("roles").and_then(Value::as_array)?;
    let roles = roles.iter().filter_map(|role| Some(role.as_str()?.to_owned())).collect();
    Some(User { hash, roles })
}

/// Checks a document that is about to be stored, as CouchDB's validation does: members, types, and who may change what.
pub fn check(
    id: &str,
    members: &Map<String, Value>,
    deleted: bool,
    old_roles: Option<&Value>,
    user: &UserContext,
) -> Result<(), Refused> {
    let named = id.strip_prefix(PREFIX);
    let own = named.is_some() && user.name.as_deref() == named;
    if deleted {
        return if own || user.is_admin() {
            Ok(())
        } else {
            Err(Refused("You may only delete your own user docs."))
        };
    }
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    if text("type") != Some("user") {
        return Err(Refused("doc.type must be user"));
    }
    let Some(name) = text("name").filter(|name| !name.is_empty()) else {
        return Err(Refused("doc.name is required"));
    };
    if named != Some(name) {
        return Err(Refused("Doc ID must be of the form org.couchdb.user:name"));
    }
    if name.contains(':') {
        return Err(Refused("Character `:` is not allowed in usernames."));
    }
    let roles = members.get("roles").and_then(Value::as_array);
    let Some(roles) = roles.filter(|roles| roles.iter().all(Value::is_string)) else {
        return Err(Refused("doc.roles must be an array of strings"));
    };
    if roles.iter().any(|role| role.as_str().is_some_and(|role| role.starts_with('_'))) {
        return Err(Refused("No system roles (starting with underscore) in users db."));
    }
    if user.is_admin() {
        return Ok(());
    }
    if user.name.is_some() && !own {
        return Err(Refused("You may only update your own user document."));
    }
    match old_roles {
        Some(old) if Some(old) != members.get("roles") => {
            Err(Refused("Only _admin may edit roles"))
        }
        None if !roles.is_empty() => Err(Refused("Only _admin may set roles")),
        _ => Ok(()),
    }
}

/// Replaces the member `password` by its hash. Answers whether there was one.
pub fn hash_password(members: &mut Map<String, Value>, salt: &str, iterations: u32) -> bool {
    let Some(password) = members.get("password").and_then(Value::as_str) else {
        return false;
    };
    let hash = PasswordHash::derive(password, salt.to_owned(), iterations);
    members.remove("password");
    members.remove("password_sha");
    members.insert("password_scheme".to_owned(), json!("pbkdf2"));
    members.insert("pbkdf2_prf".to_owned(), json!("sha256"));
    members.insert("salt".to_owned(), json!(hash.salt()));
    members.insert("iterations".to_owned(), json!(iterations));
    members.insert("derived_key".to_owned(), json!(hash.key_hex()));
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_stored_password_signs_in_and_is_not_kept() {
        let mut doc =
            members(&json!({"name":"ann","type":"user","roles":["dev"],"password":"secret"}));
        assert!(hash_password(&mut doc, "5a17", 2));
        let text = serde_json::to_string(&doc).unwrap();
        assert!(!text.contains("secret"));
        let user = parse(&text).unwrap();
        assert!(user.hash.matches("secret") && !user.hash.matches("Secret"));
        assert_eq!(user.roles, ["dev"]);
    }

    #[test]
    fn people_change_their_own_document_but_not_their_roles() {
        let ann = UserContext { name: Some("ann".to_owned()), roles: Vec::new() };
        let bob = UserContext { name: Some("bob".to_owned()), roles: Vec::new() };
        let doc = members(&json!({"name":"ann","type":"user","roles":["dev"]}));
        let old = json!(["dev"]);
        let id = id("ann");
        assert_eq!(check(&id, &doc, false, Some(&old), &ann), Ok(()));
        assert!(check(&id, &doc, false, Some(&json!([])), &ann).is_err());
        assert!(check(&id, &doc, false, None, &UserContext::anonymous()).is_err());
        assert!(check(&id, &doc, false, Some(&old), &bob).is_err());
        assert!(check(&id, &doc, true, Some(&old), &bob).is_err());
        assert_eq!(check(&id, &doc, false, None, &UserContext::admin("root")), Ok(()));
    }

    #[test]
    fn nobody_becomes_an_admin_by_a_document() {
        let doc = members(&json!({"name":"ann","type":"user","roles":["_admin"]}));
        assert!(check(&id("ann"), &doc, false, None, &UserContext::admin("root")).is_err());
    }
}
