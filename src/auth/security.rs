//! The security object of a database: who its members and admins are.

use serde::Deserialize;

use super::context::UserContext;

/// What a new database has: server admins only.
const ADMIN_ONLY: &str = r#"{"members":{"roles":["_admin"]},"admins":{"roles":["_admin"]}}"#;

/// Who may read and who may administer a database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Security {
    admins: Names,
    members: Names,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Names {
    names: Vec<String>,
    roles: Vec<String>,
}

impl Names {
    fn is_empty(&self) -> bool {
        self.names.is_empty() && self.roles.is_empty()
    }

    fn hold(&self, user: &UserContext) -> bool {
        user.name.as_ref().is_some_and(|name| self.names.contains(name))
            || self.roles.iter().any(|role| user.has_role(role))
    }
}

impl Security {
    /// The text of a new database's security object.
    pub const fn admin_only() -> &'static str {
        ADMIN_ONLY
    }

    /// What a database has that is for server admins only.
    pub fn closed() -> Self {
        let admin = || Names { names: Vec::new(), roles: vec!["_admin".to_owned()] };
        Self { admins: admin(), members: admin() }
    }

    /// Reads a security object. Fails when it is not an object, or when names or roles are not lists of strings.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        // An array would be read member by member.
        if !text.trim_start().starts_with('{') {
            return Err(serde::de::Error::custom("a security object is a JSON object"));
        }
        serde_json::from_str(text)
    }

    /// Whether `user` may change design documents and the security object.
    pub fn is_admin(&self, user: &UserContext) -> bool {
        user.is_admin() || self.admins.hold(user)
    }

    /// Whether `user` may read and write documents. Without members, everybody may.
    pub fn is_member(&self, user: &UserContext) -> bool {
        self.is_admin(user) || self.members.is_empty() || self.members.hold(user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str, roles: &[&str]) -> UserContext {
        let roles = roles.iter().map(|role| (*role).to_owned()).collect();
        UserContext { name: Some(name.to_owned()), roles }
    }

    #[test]
    fn a_new_database_is_for_server_admins() {
        let security = Security::parse(Security::admin_only()).unwrap();
        assert_eq!(security, Security::closed());
        assert!(security.is_member(&UserContext::admin("root")));
        assert!(!security.is_member(&user("ann", &["dev"])));
        assert!(!security.is_member(&UserContext::anonymous()));
    }

    #[test]
    fn without_members_everybody_reads_and_only_admins_administer() {
        let security = Security::parse(r#"{"admins":{"names":["ann"],"roles":["ops"]}}"#).unwrap();
        assert!(security.is_member(&UserContext::anonymous()));
        assert!(!security.is_admin(&UserContext::anonymous()));
        assert!(security.is_admin(&user("ann", &[])));
        assert!(security.is_admin(&user("bob", &["ops"])));
        assert!(!security.is_admin(&user("bob", &["dev"])));
    }

    #[test]
    fn admins_are_members_and_members_are_not_admins() {
        let text = r#"{"admins":{"names":["ann"]},"members":{"names":["bob"],"roles":["dev"]}}"#;
        let security = Security::parse(text).unwrap();
        assert!(security.is_member(&user("ann", &[])));
        assert!(security.is_member(&user("bob", &[])));
        assert!(security.is_member(&user("eve", &["dev"])));
        assert!(!security.is_member(&user("eve", &[])));
        assert!(!security.is_admin(&user("bob", &["dev"])));
    }

    #[test]
    fn other_shapes_are_refused() {
        for text in
            ["[1]", "1", r#"{"admins":{"names":"x"}}"#, r#"{"members":{"roles":[1]}}"#, "[]"]
        {
            assert!(Security::parse(text).is_err(), "{text}");
        }
    }
}
