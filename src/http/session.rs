//! `/_session`: signing in and out.

use serde::Deserialize;
use serde_json::json;

use super::call::Call;
use super::identity::{check_password, find_user};
use super::problem::Problem;
use super::reply::{Answer, Reply};
use super::target::parse_query;
use crate::auth::UserContext;
use crate::auth::cookie::{self, Claim, Session};
use crate::dates::cookie_date;

/// The setting that holds what sessions are signed with.
const SECRET: (&str, &str) = ("chttpd_auth", "secret");

/// `GET`: who asks.
pub fn show(call: &Call) -> Answer {
    let mut info = json!({ "authentication_handlers": ["cookie", "default"] });
    if let (Some(how), Some(info)) = (call.authenticated, info.as_object_mut()) {
        info.insert("authenticated".to_owned(), json!(how));
    }
    let body = json!({ "ok": true, "userCtx": call.user, "info": info });
    Ok(Reply::json(200, &body))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Credentials {
    name: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

/// `POST`: signs in with a name and a password, as a form or as JSON.
pub fn sign_in(call: &Call) -> Answer {
    let credentials = credentials(call)?;
    let name = credentials.name.or(credentials.username).unwrap_or_default();
    let password = credentials.password.unwrap_or_default();
    match check_password(call, &name, &password) {
        Ok(user) => signed_in(call, &user),
        Err(problem) if problem.status != 401 => Err(problem),
        Err(problem) => Ok(Reply::from(problem).header("Set-Cookie", &set_cookie(call, "")?)),
    }
}

fn credentials(call: &Call) -> Result<Credentials, Problem> {
    if call.content_type() == Some("application/json") {
        return call.json();
    }
    let text = std::str::from_utf8(&call.body).unwrap_or_default();
    let pairs = parse_query(text).map_err(|_| Problem::bad_request("the form cannot be read"))?;
    let mut credentials = Credentials::default();
    for (key, value) in pairs {
        match key.as_str() {
            "name" => credentials.name = Some(value),
            "username" => credentials.username = Some(value),
            "password" => credentials.password = Some(value),
            _ => {}
        }
    }
    Ok(credentials)
}

fn signed_in(call: &Call, user: &UserContext) -> Answer {
    let name = user.name.as_deref().unwrap_or_default();
    let salt = find_user(call, name)?.map(|(hash, _)| hash.salt().to_owned());
    let value = cookie::issue(name, call.app.now_s(), &secret(call)?, &salt.unwrap_or_default());
    let body = json!({ "ok": true, "name": user.name, "roles": user.roles });
    Ok(Reply::json(200, &body).header("Set-Cookie", &set_cookie(call, &value)?))
}

/// `DELETE`: signs out.
pub fn sign_out(call: &Call) -> Answer {
    Ok(Reply::ok(200).header("Set-Cookie", &set_cookie(call, "")?))
}

/// Goes on with the session of a cookie: the user, and a new cookie when one is due. `None` when it is forged or over.
pub fn resume(
    call: &Call,
    claim: &Claim,
) -> Result<Option<(UserContext, Option<String>)>, Problem> {
    let Some((hash, user)) = find_user(call, &claim.name)? else { return Ok(None) };
    let (now_s, secret) = (call.app.now_s(), secret(call)?);
    match claim.check(now_s, timeout_s(call)?, &secret, hash.salt()) {
        None => Ok(None),
        Some(Session::Good) => Ok(Some((user, None))),
        Some(Session::Aging) => {
            let value = cookie::issue(&claim.name, now_s, &secret, hash.salt());
            Ok(Some((user, Some(set_cookie(call, &value)?))))
        }
    }
}

/// How long a session lasts without use, in seconds.
fn timeout_s(call: &Call) -> Result<u64, Problem> {
    Ok(call.app.service.number("chttpd_auth", "timeout")?)
}

fn set_cookie(call: &Call, value: &str) -> Result<String, Problem> {
    let timeout_s = timeout_s(call)?;
    let expires = cookie_date(call.app.now_s() + if value.is_empty() { 0 } else { timeout_s });
    Ok(format!(
        "AuthSession={value}; Version=1; Expires={expires}; Max-Age={timeout_s}; Path=/; HttpOnly; SameSite=Lax"
    ))
}

/// What sessions are signed with; made when it is first needed.
fn secret(call: &Call) -> Result<Vec<u8>, Problem> {
    let (section, key) = SECRET;
    let half = || call.app.clock.unique_id();
    let make = || format!("{:032x}{:032x}", half(), half());
    Ok(call.app.service.setting_or(section, key, make)?.into_bytes())
}
