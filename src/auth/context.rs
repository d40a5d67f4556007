//! Who asks.

use serde::Serialize;

/// The role of a server admin.
const ADMIN: &str = "_admin";

/// Who asks: a name and roles. Serializes as `userCtx` of `_session`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UserContext {
    /// The name; `None` for somebody who did not say.
    pub name: Option<String>,
    /// The roles.
    pub roles: Vec<String>,
}

impl UserContext {
    /// Nobody in particular.
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// A server admin.
    pub fn admin(name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), roles: vec![ADMIN.to_owned()] }
    }

    /// Somebody on this machine while no admin exists: may do with databases what an admin may.
    pub fn local_operator() -> Self {
        Self { name: None, roles: vec![ADMIN.to_owned()] }
    }

    /// Whether this is a server admin.
    pub fn is_admin(&self) -> bool {
        self.has_role(ADMIN)
    }

    /// Whether a role is held.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|held| held == role)
    }
}
