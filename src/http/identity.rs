//! Who has a name and a password: a server admin, or a user of `_users`.

use super::call::Call;
use super::config::in_force;
use super::problem::Problem;
use crate::auth::{self, PasswordHash, UserContext};

/// The user with this name and password.
pub fn check_password(call: &Call, name: &str, password: &str) -> Result<UserContext, Problem> {
    let known = find_user(call, name)?;
    let hash = known.as_ref().map(|(hash, _)| hash);
    let checked = call.app.verifier.check(name, hash, password, call.from);
    match (checked, known) {
        (Ok(()), Some((hash, user))) => {
            upgrade(call, &user, &hash, password);
            Ok(user)
        }
        (Err(auth::Refused::Locked), _) => {
            Err(Problem::forbidden(auth::Refused::Locked.to_string()))
        }
        (Err(auth::Refused::Busy), _) => {
            let problem = Problem::new(503, "service_unavailable", auth::Refused::Busy.to_string());
            Err(problem.header("Retry-After", "1"))
        }
        _ => Err(Problem::unauthorized(auth::Refused::Wrong.to_string())),
    }
}

/// Replaces a hash of old rounds by one of today's, now that its password is known. The salt stays, so that sessions go on. It is no
/// reason to refuse somebody when it cannot be done.
fn upgrade(call: &Call, user: &UserContext, old: &PasswordHash, password: &str) {
    let iterations = call.app.options.iterations;
    if !old.is_weaker_than(iterations) {
        return;
    }
    let replaced = in_force(&call.app, "chttpd_auth", "upgrade_hash_on_auth").and_then(|is_on| {
        if is_on.as_deref() == Some("false") {
            return Ok(());
        }
        let new = PasswordHash::derive(password, old.salt().to_owned(), iterations);
        if user.is_admin() {
            let name = user.name.as_deref().unwrap_or_default();
            return Ok(call.app.service.replace_admin(name, &old.line(), &new.line())?);
        }
        super::users::upgrade(&call.app, user, old, &new)
    });
    if let Err(problem) = replaced {
        tracing::warn!(user = user.name, reason = %problem.reason, "an old hash of a password stays");
    }
}

/// A server admin, or a user of the database of users.
pub fn find_user(call: &Call, name: &str) -> Result<Option<(PasswordHash, UserContext)>, Problem> {
    if let Some(line) = call.app.service.admin_line(name)? {
        return Ok(PasswordHash::parse_line(&line).map(|hash| (hash, UserContext::admin(name))));
    }
    let user = super::users::find(&call.app, name)?;
    Ok(user.map(|user| (user.hash, UserContext { name: Some(name.to_owned()), roles: user.roles })))
}
