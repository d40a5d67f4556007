//! The documents of databases of users: what may stand in them, and who may change what.

use serde_json::{Map, Value, json};

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

/// Who writes a document of a user.
#[derive(Clone, Copy, Debug)]
pub struct Editor<'a> {
    /// The name; `None` for somebody who did not say.
    pub name: Option<&'a str>,
    /// Whether it is an admin of the server or of the database.
    pub is_admin: bool,
    /// Rounds of a hash that others than admins may bring: with more of them one login would occupy a processor for long.
    pub iterations_max: u32,
}

/// The members of a document that make a user, as far as the checks of this module read them.
pub const MEMBERS: &[&str] = &[
    "type",
    "name",
    "roles",
    "password",
    "password_scheme",
    "pbkdf2_prf",
    "iterations",
    "derived_key",
    "password_sha",
    "salt",
];

type Members = Map<String, Value>;

/// Checks a document that is about to be stored, as CouchDB's validation does: members, types, and who may change what. `old` is
/// the document as it stands, when it is there and not deleted. A password that is no string is refused, and so is a hash that is
/// none: neither would be replaced by a hash, and both may be secrets.
pub fn check(
    id: &str,
    members: &Members,
    deleted: bool,
    old: Option<&Members>,
    editor: &Editor<'_>,
) -> Result<(), Refused> {
    check_password(members)?;
    let named = id.strip_prefix(PREFIX);
    let own = named.is_some() && editor.name == named;
    if deleted {
        return if own || editor.is_admin {
            Ok(())
        } else {
            Err(Refused("You may only delete your own user docs."))
        };
    }
    check_identity(id, members)?;
    let roles = check_roles(members)?;
    if editor.is_admin {
        return Ok(());
    }
    check_cost(members, old, editor.iterations_max)?;
    match old {
        Some(_) if !own => Err(Refused("You may only update your own user document.")),
        Some(old) if old.get("roles") != members.get("roles") => {
            Err(Refused("Only _admin may edit roles"))
        }
        None if !roles.is_empty() => Err(Refused("Only _admin may set roles")),
        _ => Ok(()),
    }
}

fn check_identity(id: &str, members: &Members) -> Result<(), Refused> {
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    if text("type") != Some("user") {
        return Err(Refused("doc.type must be user"));
    }
    let Some(name) = text("name").filter(|name| !name.is_empty()) else {
        return Err(Refused("doc.name is required"));
    };
    if id.strip_prefix(PREFIX) != Some(name) {
        return Err(Refused("Doc ID must be of the form org.couchdb.user:name"));
    }
    if name.contains(':') {
        return Err(Refused("Character `:` is not allowed in usernames."));
    }
    if name.starts_with('_') {
        return Err(Refused("Username may not start with underscore."));
    }
    Ok(())
}

fn check_roles(members: &Members) -> Result<&Vec<Value>, Refused> {
    let roles = members.get("roles").and_then(Value::as_array);
    let Some(roles) = roles.filter(|roles| roles.iter().all(Value::is_string)) else {
        return Err(Refused("doc.roles must be an array of strings"));
    };
    if roles.iter().any(|role| role.as_str().is_some_and(|role| role.starts_with('_'))) {
        return Err(Refused("No system roles (starting with underscore) in users db."));
    }
    Ok(roles)
}

/// What stands in the place of a password or a hash must be one.
fn check_password(members: &Members) -> Result<(), Refused> {
    if members.get("password").is_some_and(|value| !value.is_string() && !value.is_null()) {
        return Err(Refused("doc.password must be a string"));
    }
    let is_hash = |value: &Value| {
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
        value.as_str().is_some_and(|text| text.len() >= KEY_DIGITS_MIN && digits(text))
    };
    for (name, reason) in [
        ("derived_key", "doc.derived_key must be the hexadecimal digits of a key"),
        ("password_sha", "doc.password_sha must be the hexadecimal digits of a key"),
    ] {
        if members.get(name).is_some_and(|value| !value.is_null() && !is_hash(value)) {
            return Err(Refused(reason));
        }
    }
    if members.get("iterations").is_some_and(|value| !value.is_null() && !value.is_u64()) {
        return Err(Refused("doc.iterations must be a whole number"));
    }
    let is_text =
        |name: &str| members.get(name).is_none_or(|value| value.is_string() || value.is_null());
    if !["salt", "password_scheme", "pbkdf2_prf"].into_iter().all(is_text) {
        return Err(Refused("doc.salt, doc.password_scheme and doc.pbkdf2_prf must be strings"));
    }
    Ok(())
}

/// The digits of the shortest key that there is: SHA-1.
const KEY_DIGITS_MIN: usize = 40;

/// Nobody makes the own logins more costly; what an admin wrote may stay.
fn check_cost(members: &Members, old: Option<&Members>, max: u32) -> Result<(), Refused> {
    let rounds = |members: &Members| members.get("iterations").and_then(Value::as_u64);
    let kept = old.and_then(rounds).unwrap_or(0);
    if rounds(members).is_some_and(|new| new > kept.max(u64::from(max))) {
        return Err(Refused("doc.iterations is larger than this server's own"));
    }
    Ok(())
}

/// The members that a hash becomes, in CouchDB's order.
pub fn hash_members(hash: &PasswordHash) -> [(&'static str, Value); 5] {
    [
        ("password_scheme", json!("pbkdf2")),
        ("pbkdf2_prf", json!("sha256")),
        ("salt", json!(hash.salt())),
        ("iterations", json!(hash.iterations())),
        ("derived_key", json!(hash.key_hex())),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn editor(name: Option<&str>, is_admin: bool) -> Editor<'_> {
        Editor { name, is_admin, iterations_max: 100 }
    }

    #[test]
    fn what_a_hash_becomes_signs_in() {
        let hash = PasswordHash::derive("secret", "5a17".to_owned(), 2);
        let mut doc = members(&json!({"name":"ann","type":"user","roles":["dev"]}));
        doc.extend(hash_members(&hash).map(|(name, value)| (name.to_owned(), value)));
        let user = parse(&serde_json::to_string(&doc).unwrap()).unwrap();
        assert!(user.hash.matches("secret") && !user.hash.matches("Secret"));
        assert_eq!(user.roles, ["dev"]);
    }

    #[test]
    fn people_change_their_own_document_but_not_their_roles() {
        let (ann, bob) = (editor(Some("ann"), false), editor(Some("bob"), false));
        let (nobody, root) = (editor(None, false), editor(Some("root"), true));
        let doc = members(&json!({"name":"ann","type":"user","roles":["dev"]}));
        let none = members(&json!({"name":"ann","type":"user","roles":[]}));
        let id = id("ann");
        assert_eq!(check(&id, &doc, false, Some(&doc), &ann), Ok(()));
        assert!(check(&id, &doc, false, Some(&none), &ann).is_err());
        assert!(check(&id, &doc, false, None, &nobody).is_err());
        assert_eq!(check(&id, &none, false, None, &nobody), Ok(()));
        assert!(check(&id, &none, false, Some(&none), &nobody).is_err());
        assert!(check(&id, &doc, false, Some(&doc), &bob).is_err());
        assert!(check(&id, &doc, true, Some(&doc), &bob).is_err());
        assert_eq!(check(&id, &doc, false, None, &root), Ok(()));
    }

    #[test]
    fn nobody_becomes_an_admin_by_a_document() {
        let doc = members(&json!({"name":"ann","type":"user","roles":["_admin"]}));
        assert!(check(&id("ann"), &doc, false, None, &editor(Some("root"), true)).is_err());
    }

    #[test]
    fn a_password_or_hash_of_another_shape_is_refused_from_everybody() {
        let root = editor(Some("root"), true);
        for (name, value) in [
            ("password", json!(5)),
            ("password", json!(true)),
            ("password", json!(["x"])),
            ("password", json!({"a": "x"})),
            ("derived_key", json!("secret")),
            ("derived_key", json!(5)),
            ("password_sha", json!("secret")),
            ("salt", json!(["secret"])),
            ("password_scheme", json!(1)),
            ("iterations", json!("secret")),
            ("iterations", json!(1.5)),
        ] {
            let mut doc = members(&json!({"name":"ann","type":"user","roles":[]}));
            doc.insert(name.to_owned(), value);
            for deleted in [false, true] {
                assert!(check(&id("ann"), &doc, deleted, None, &root).is_err(), "{doc:?}");
            }
        }
    }

    #[test]
    fn only_an_admin_makes_logins_more_costly() {
        let cost = |rounds: u32| {
            members(&json!({"name":"ann","type":"user","roles":[],"iterations":rounds}))
        };
        let (ann, id) = (editor(Some("ann"), false), id("ann"));
        assert!(check(&id, &cost(101), false, Some(&cost(100)), &ann).is_err());
        assert_eq!(check(&id, &cost(100), false, Some(&cost(1)), &ann), Ok(()));
        assert_eq!(check(&id, &cost(500), false, Some(&cost(500)), &ann), Ok(()));
        assert_eq!(check(&id, &cost(500), false, None, &editor(None, true)), Ok(()));
    }
}
