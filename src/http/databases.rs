//! Databases as requests name them.

use std::sync::Arc;

use super::app::App;
use super::call::Call;
use super::problem::Problem;
use super::users;
use crate::auth::Security;
use crate::documents::{CreateOptions, Database, DatabaseError};

/// Databases that the server itself keeps things in.
const SYSTEM: [&str; 2] = ["_users", "_replicator"];

/// The database of a name.
pub fn open(app: &App, name: &str) -> Result<Arc<Database>, Problem> {
    if app.service.setting("couchdb", "maintenance_mode")?.as_deref() == Some("true") {
        return Err(Problem::internal("No DB shards could be opened.").referenced());
    }
    match app.databases.get(name) {
        Err(DatabaseError::NotFound) if SYSTEM.contains(&name) => create_system(app, name),
        found => Ok(found?),
    }
}

/// A database of the server's own is there when it is first asked for.
fn create_system(app: &App, name: &str) -> Result<Arc<Database>, Problem> {
    match app.databases.create(name, &CreateOptions::with_shards(1)) {
        Err(DatabaseError::Exists) => Ok(app.databases.get(name)?),
        created => Ok(created?),
    }
}

impl Call {
    /// The database of the route's `{db}`.
    pub fn database(&self) -> Result<Arc<Database>, Problem> {
        open(&self.app, self.name("db"))
    }

    /// Whom a database lets in, as it is in force.
    pub fn security(&self, database: &Database) -> Result<Security, Problem> {
        if users::is_security_fixed(&self.app, database.name())? {
            return Ok(Security::closed());
        }
        let text = database.security()?;
        // One that cannot be read lets nobody in but server admins.
        Ok(Security::parse(&text).unwrap_or_else(|error| {
            tracing::error!(database = database.name(), %error, "a security object cannot be read");
            Security::closed()
        }))
    }

    /// Whether the sender may change design documents here.
    pub fn is_database_admin(&self, database: &Database) -> Result<bool, Problem> {
        Ok(self.user.is_admin() || self.security(database)?.is_admin(&self.user))
    }
}
