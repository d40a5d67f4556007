//! Who has a name and a password: a server admin, or a user of `_users`.

use super::call::Call;
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
        (Err(refused), _) => Err(refused.into()),
        (Ok(()), None) => Err(auth::Refused::Wrong.into()),
    }
}

/// A shorter salt is replaced together with an old hash.
const SALT_BYTES_MIN: usize = 16;

/// Replaces a hash of old rounds by one of today's, now that its password is known. Its salt stays, so that sessions go on. It is no
/// reason to refuse somebody when it cannot be done.
fn upgrade(call: &Call, user: &UserContext, old: &PasswordHash, password: &str) {
    if !old.is_weaker_than(call.app.verifier.iterations()) {
        return;
    }
    if let Err(problem) = replace(call, user, old, password) {
        tracing::warn!(user = user.name, reason = %problem.reason, "an old hash of a password stays");
    }
}

fn replace(
    call: &Call,
    user: &UserContext,
    old: &PasswordHash,
    password: &str,
) -> Result<(), Problem> {
    let app = &call.app;
    let name = user.name.as_deref().unwrap_or_default();
    let is_on = app.service.is_set("chttpd_auth", "upgrade_hash_on_auth")?;
    // Another connection with the same password may have done it.
    let is_as_before = find_user(call, name)?.is_some_and(|(hash, _)| hash == *old);
    if !is_on || !is_as_before {
        return Ok(());
    }
    let salt = match old.salt().len() {
        ..SALT_BYTES_MIN => format!("{:032x}", app.clock.unique_id()),
        _ => old.salt().to_owned(),
    };
    let new = app.verifier.derive(name, password, salt, call.from)?;
    if user.is_admin() {
        return Ok(app.service.replace_admin(name, &old.line(), &new.line())?);
    }
    super::users::upgrade(app, user, old, &new)
}

/// A server admin, or a user of the database of users.
pub fn find_user(call: &Call, name: &str) -> Result<Option<(PasswordHash, UserContext)>, Problem> {
    if let Some(line) = call.app.service.admin_line(name)? {
        return Ok(PasswordHash::parse_line(&line).map(|hash| (hash, UserContext::admin(name))));
    }
    let user = super::users::find(&call.app, name)?;
    Ok(user.map(|user| (user.hash, UserContext { name: Some(name.to_owned()), roles: user.roles })))
}
