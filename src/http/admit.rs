//! Who asks, and whether they may: by cookie, by password, or as somebody on this machine while no admin exists.

use std::net::IpAddr;

use hyper::header::{AUTHORIZATION, HOST, HeaderMap, ORIGIN};

use super::call::Call;
use super::databases::open;
use super::identity::check_password;
use super::problem::Problem;
use super::routes::{Verb, Who};
use super::{session, users};
use crate::auth::{self, UserContext};

/// A call that may be made, and the cookie that its answer renews.
pub struct Admitted {
    /// The call, its sender filled in.
    pub call: Call,
    /// The value of `Set-Cookie`.
    pub cookie: Option<String>,
}

/// Finds out who asks and whether they may. Blocks: passwords are derived, security objects read.
pub fn admit(mut call: Call, verb: &Verb, inside: bool) -> Result<Admitted, Problem> {
    let cookie = if inside { None } else { identify(&mut call)? };
    if !inside {
        require_user(&call)?;
    }
    permit(&call, verb.who)?;
    Ok(Admitted { call, cookie })
}

/// Fills in who asks; answers a cookie that is to be renewed.
fn identify(call: &mut Call) -> Result<Option<String>, Problem> {
    if let Some(value) = call.cookie("AuthSession").filter(|value| !value.is_empty()) {
        let claim = auth::cookie::parse(value)
            .map_err(|malformed| Problem::bad_request(malformed.to_string()))?;
        if let Some((user, cookie)) = session::resume(call, &claim)? {
            (call.user, call.authenticated) = (user, Some("cookie"));
            return Ok(cookie);
        }
    }
    let basic = call.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    if let Some(basic) = basic.and_then(auth::parse_basic) {
        let (name, password) = basic.map_err(|error| Problem::bad_request(error.to_string()))?;
        (call.user, call.authenticated) =
            (check_password(call, &name, &password)?, Some("default"));
    } else if is_local_operator(call)? {
        (call.user, call.authenticated) = (UserContext::local_operator(), Some("local"));
    }
    Ok(None)
}

/// Refuses somebody unknown where `require_valid_user` is set. Signing in stays possible, and so does `_up` by
/// `require_valid_user_except_for_up`.
fn require_user(call: &Call) -> Result<(), Problem> {
    let path: Vec<&str> = call.target.segments.iter().map(String::as_str).collect();
    let signs_in = call.method == "POST" && path == ["_session"];
    if call.user.name.is_some() || call.user.is_admin() || call.method == "OPTIONS" || signs_in {
        return Ok(());
    }
    let is_set = |section, key| call.app.service.is_set(section, key);
    let mut is_required = is_set("chttpd", "require_valid_user_except_for_up")? && path != ["_up"];
    for section in ["chttpd", "chttpd_auth", "couch_httpd_auth"] {
        is_required |= is_set(section, "require_valid_user")?;
    }
    if is_required { Err(Problem::unauthorized("Authentication required.")) } else { Ok(()) }
}

/// Whether this is somebody on this machine while there is no admin. What a browser sends for a foreign page is not: its
/// `Host` or `Origin` gives it away (and a name that was bound to this address by somebody else is no loopback name).
fn is_local_operator(call: &Call) -> Result<bool, Problem> {
    let is_near = call.app.options.loopback && call.from.is_loopback();
    Ok(is_near && !call.app.service.has_admins()? && is_from_here(&call.headers))
}

fn is_from_here(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).is_none_or(|host| host.to_str().is_ok_and(is_loopback_name));
    let origin = headers.get(ORIGIN).is_none_or(|origin| {
        let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
        origin.is_some_and(|(_, host)| is_loopback_name(host))
    });
    let site = headers.get("sec-fetch-site").is_none_or(|site| site != "cross-site");
    host && origin && site
}

/// `localhost`, `127.0.0.1:5984`, `[::1]:5984`.
fn is_loopback_name(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The one place that says no.
fn permit(call: &Call, who: Who) -> Result<(), Problem> {
    let (is_named, is_admin) = (call.user.name.is_some(), call.user.is_admin());
    let may = match who {
        Who::Anyone => true,
        Who::Known => is_named || is_admin,
        Who::Admin => is_admin,
        Who::NamedAdmin => is_admin && is_named,
        Who::Member | Who::DatabaseAdmin => return permit_in_database(call, who),
    };
    match who {
        _ if may => Ok(()),
        Who::Known => Err(Problem::unauthorized("You are not authorized to access this resource.")),
        Who::NamedAdmin if is_admin => {
            Err(Problem::forbidden("This needs an admin: pumice user add --admin NAME makes one."))
        }
        _ => Err(Problem::not_server_admin()),
    }
}

fn permit_in_database(call: &Call, who: Who) -> Result<(), Problem> {
    let name = call.name("db");
    let database = open(&call.app, name)?;
    if call.user.is_admin() {
        return Ok(());
    }
    let security = call.security(&database)?;
    if users::is_users(&call.app, name)? {
        return users::permit(call, &security);
    }
    if !security.is_member(&call.user) {
        return Err(Problem::not_member(call.user.name.is_some()));
    }
    if who == Who::DatabaseAdmin && !security.is_admin(&call.user) {
        return Err(Problem::unauthorized("You are not a db or server admin."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            (
                hyper::header::HeaderName::from_static(name),
                hyper::header::HeaderValue::from_static(value),
            )
        });
        pairs.collect()
    }

    #[test]
    fn a_foreign_page_is_not_from_here() {
        assert!(is_from_here(&headers(&[])));
        assert!(is_from_here(&headers(&[("host", "127.0.0.1:5984")])));
        assert!(is_from_here(&headers(&[
            ("host", "localhost:5984"),
            ("origin", "http://localhost:8080")
        ])));
        assert!(is_from_here(&headers(&[("host", "[::1]:5984")])));
        for foreign in [
            [("host", "evil.example:5984"), ("accept", "*/*")],
            [("host", "localhost.evil.example"), ("accept", "*/*")],
            [("host", "127.0.0.1:5984"), ("origin", "https://evil.example")],
            [("host", "127.0.0.1:5984"), ("origin", "null")],
            [("host", "127.0.0.1:5984"), ("sec-fetch-site", "cross-site")],
        ] {
            assert!(!is_from_here(&headers(&foreign)), "{foreign:?}");
        }
    }
}
