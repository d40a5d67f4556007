//! Databases of users: passwords are hashed before they are stored, and people see their own document only. One guard holds for
//! every way to write a document: [`guard`].

use serde_json::{Map, Value};

use super::app::App;
use super::call::Call;
use super::fields::Fields;
use super::keeping::{keeping, standing_on};
use super::problem::Problem;
use crate::auth::users::{self, Editor, User};
use crate::auth::{PasswordHash, Security, UserContext};
use crate::documents::{
    Database, DatabaseError, Document, DocumentError, Edit, EditMode, OpenOptions, parse_document,
};
use crate::service::PasswordRules;

/// The name of the database, unless another is set.
const USERS: &str = "_users";
/// Bytes of one of the members that a user is made of.
const MEMBER_BYTES_MAX: usize = 64 << 10;

/// The databases that people sign in with, the one in force first.
fn named(app: &App) -> Result<Vec<String>, Problem> {
    let mut names = Vec::new();
    names.extend(app.service.setting("chttpd_auth", "authentication_db")?);
    names.push(USERS.to_owned());
    Ok(names)
}

/// Whether a database holds users: the one that people sign in with, `_users`, and any whose name ends in `/_users`.
pub fn is_users(app: &App, name: &str) -> Result<bool, Problem> {
    Ok(name.rsplit('/').next() == Some(USERS) || named(app)?.iter().any(|named| named == name))
}

/// Whether the security object of this database stays as it is made: CouchDB's `users_db_security_editable`.
pub fn is_security_fixed(app: &App, name: &str) -> Result<bool, Problem> {
    let is_editable = app.service.is_set("couchdb", "users_db_security_editable")?;
    Ok(!is_editable && named(app)?.iter().any(|named| named == name))
}

/// The user of this name; `None` when there is none who can sign in. One with conflicts cannot, until they are resolved: which
/// of the documents is the user's nobody knows.
pub fn find(app: &App, name: &str) -> Result<Option<User>, Problem> {
    let Some((_, document)) = open(app, name)? else { return Ok(None) };
    if !document.conflicts()?.is_empty() {
        tracing::warn!(
            user = name,
            "signs in no more until the conflicts of the user document are resolved"
        );
        return Ok(None);
    }
    Ok(users::parse(document.body()))
}

type Opened = (std::sync::Arc<Database>, Document);

fn open(app: &App, name: &str) -> Result<Option<Opened>, Problem> {
    let Some(in_use) = named(app)?.into_iter().next() else { return Ok(None) };
    let database = match app.databases.get(&in_use) {
        Ok(database) => database,
        Err(DatabaseError::NotFound | DatabaseError::IllegalName { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    match database.open(&users::id(name), &OpenOptions::default()) {
        Ok(document) => Ok(Some((database, document))),
        Err(DocumentError::NotFound { .. } | DocumentError::IllegalId { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What others than admins may ask of a database of users: their own document; and where its security object lets them in, to make
/// a new one.
pub fn permit(call: &Call, security: &Security) -> Result<(), Problem> {
    if security.is_admin(&call.user) {
        return Ok(());
    }
    let asked = call.name("doc");
    let is_document = !asked.is_empty() && call.name("attachment").is_empty();
    let is_own = call.user.name.as_ref().is_some_and(|name| asked == users::id(name));
    let signs_up = call.method == "PUT" && security.is_member(&call.user);
    match (&call.user.name, asked) {
        _ if is_document && (is_own || signs_up) => Ok(()),
        (None, _) => Err(Problem::not_member(false)),
        (Some(_), "") => Err(Problem::not_member(true)),
        (Some(_), _) => Err(Problem::missing()),
    }
}

fn forbidden(refused: &users::Refused) -> Problem {
    Problem::forbidden(refused.to_string())
}

/// Checks an edit that is about to be written to a database of users, and hashes the password in it.
pub fn guard(
    call: &Call,
    database: &Database,
    edit: &mut Edit,
    mode: EditMode,
) -> Result<(), Problem> {
    if edit.id.starts_with("_design/") {
        return Ok(());
    }
    let is_admin = call.is_database_admin(database)?;
    let current = current(database, &edit.id)?;
    if !is_admin {
        check_branch(current.as_ref(), edit, mode)?;
    }
    let mut fields = Fields::parse(edit.body.as_str()).map_err(|_| Problem::bad_json())?;
    let members = select(&fields)?;
    let old = current.filter(|current| !current.deleted());
    let old = old.map(|old| Fields::parse(old.body())).transpose();
    let old = old.map_err(|_| Problem::bad_json())?.as_ref().map(select).transpose()?;
    let editor = Editor {
        name: call.user.name.as_deref(),
        is_admin,
        iterations_max: call.app.verifier.iterations(),
    };
    users::check(&edit.id, &members, edit.deleted, old.as_ref(), &editor)
        .map_err(|refused| forbidden(&refused))?;
    if let Some(password) = members.get("password").and_then(Value::as_str) {
        check_new_password(&call.app, password)?;
        let salt = format!("{:032x}", call.app.clock.unique_id());
        let hash = call.app.verifier.derive(&edit.id, password, salt, call.from)?;
        put_hash(&mut fields, &hash)?;
        edit.body = body(&fields)?;
    }
    Ok(())
}

/// Holds a new password against `password_regexp`; CouchDB answers 400 too.
fn check_new_password(app: &App, password: &str) -> Result<(), Problem> {
    let rules = app.service.setting("chttpd_auth", "password_regexp")?.unwrap_or_default();
    let rules = PasswordRules::parse(&rules).map_err(Problem::internal)?;
    rules.check(password).map_err(Problem::bad_request)
}

fn current(database: &Database, id: &str) -> Result<Option<Document>, Problem> {
    match database.open(id, &OpenOptions { deleted: true, ..OpenOptions::default() }) {
        Ok(document) => Ok(Some(document)),
        Err(DocumentError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Others than admins make no branches: one that loses today wins when the other is deleted, with the roles that it had.
fn check_branch(current: Option<&Document>, edit: &Edit, mode: EditMode) -> Result<(), Problem> {
    if mode == EditMode::Replicated {
        let reason = "Only an admin may write user documents with new_edits=false.";
        return Err(Problem::forbidden(reason));
    }
    let Some(current) = current else { return Ok(()) };
    if !current.conflicts()?.is_empty() {
        let reason = "The conflicts of this user document must be resolved by an admin.";
        return Err(Problem::forbidden(reason));
    }
    let stands_elsewhere = edit.revisions.newest().is_some_and(|base| base != *current.revision());
    if stands_elsewhere { Err(Problem::conflict()) } else { Ok(()) }
}

/// The members that make a user, as values.
fn select(fields: &Fields) -> Result<Map<String, Value>, Problem> {
    let mut members = Map::new();
    for name in users::MEMBERS {
        let Some(text) = fields.get(name) else { continue };
        if text.len() > MEMBER_BYTES_MAX {
            return Err(Problem::forbidden(format!("doc.{name} is too long")));
        }
        let value = serde_json::from_str(text).map_err(|_| Problem::bad_json())?;
        members.insert((*name).to_owned(), value);
    }
    Ok(members)
}

fn put_hash(fields: &mut Fields, hash: &PasswordHash) -> Result<(), Problem> {
    for (name, value) in users::hash_members(hash) {
        fields.set(name, &value).map_err(|_| Problem::bad_json())?;
    }
    fields.remove("password");
    fields.remove("password_sha");
    Ok(())
}

fn body(fields: &Fields) -> Result<crate::documents::Body, Problem> {
    let text = fields.to_json().map_err(|_| Problem::bad_json())?;
    Ok(parse_document(text.as_bytes())?.body)
}

/// Replaces a hash that is weaker than new ones by a new one of the same password; nothing happens when the document was changed
/// meanwhile.
pub fn upgrade(
    app: &App,
    user: &UserContext,
    old: &PasswordHash,
    new: &PasswordHash,
) -> Result<(), Problem> {
    let name = user.name.as_deref().unwrap_or_default();
    let Some((database, document)) = open(app, name)? else { return Ok(()) };
    if users::parse(document.body()).is_none_or(|user| user.hash != *old) {
        return Ok(());
    }
    let mut fields = Fields::parse(document.body()).map_err(|_| Problem::bad_json())?;
    put_hash(&mut fields, new)?;
    let (_, attachments) = keeping(&document)?;
    let edit = Edit {
        id: document.id().to_owned(),
        revisions: standing_on(&document),
        deleted: false,
        body: body(&fields)?,
        attachments,
    };
    for written in database.update(vec![edit], EditMode::Interactive) {
        match written {
            Ok(_) | Err(DocumentError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
