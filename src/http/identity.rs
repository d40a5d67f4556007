//! Who has a name and a password: a server admin, or a user of `_users`.

use super::call::Call;
use super::problem::Problem;
use crate::auth::{self, PasswordHash, UserContext, users};

/// The user with this name and password.
pub fn check_password(call: &Call, name: &str, password: &str) -> Result<UserContext, Problem> {
    let known = find_user(call, name)?;
    let hash = known.as_ref().map(|(hash, _)| hash);
    let checked = call.app.verifier.check(name, hash, password, call.from);
    match (checked, known) {
        (Ok(()), Some((_, user))) => Ok(user),
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

/// A server admin, or a user of `_users`.
pub fn find_user(call: &Call, name: &str) -> Result<Option<(PasswordHash, UserContext)>, Problem> {
    if let Some(line) = call.app.service.admin_line(name)? {
        return Ok(PasswordHash::parse_line(&line).map(|hash| (hash, UserContext::admin(name))));
    }
    let Some(body) = super::users::stored(&call.app, &users::id(name))? else { return Ok(None) };
    let user = users::parse(&body);
    Ok(user.map(|user| (user.hash, UserContext { name: Some(name.to_owned()), roles: user.roles })))
}
