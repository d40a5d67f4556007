//! The server's name and scheme as the client sees them: behind a proxy they stand in headers that it adds. Only addresses in answers are
//! made with them; who asks, and whether as somebody on this machine, is never read from them.

use hyper::header::{HOST, HeaderMap};

use super::app::App;

/// `https://db.example`: where the client reached this server.
pub fn origin(app: &App, headers: &HeaderMap) -> String {
    let forwarded = header(app, headers, "x_forwarded_host");
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = forwarded.or(host).filter(|host| is_host(host));
    let scheme = if is_secure(app, headers) { "https" } else { "http" };
    format!("{scheme}://{}", host.unwrap_or("127.0.0.1:5984"))
}

fn is_secure(app: &App, headers: &HeaderMap) -> bool {
    let says = |setting, value| header(app, headers, setting) == Some(value);
    app.options.is_tls || says("x_forwarded_ssl", "on") || says("x_forwarded_proto", "https")
}

/// The value of the header that a setting names.
fn header<'a>(app: &App, headers: &'a HeaderMap, setting: &str) -> Option<&'a str> {
    // An address is made for an answer to what is done already: a setting that cannot be read must not undo that.
    let name = app.service.setting("chttpd", setting).ok().flatten()?;
    headers.get(name.as_str()).and_then(|value| value.to_str().ok())
}

/// Whether this can stand where a host stands in an address.
fn is_host(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_host_is_not_put_into_an_address() {
        for host in ["db.example", "127.0.0.1:5984", "[::1]:5984", "a_b"] {
            assert!(is_host(host), "{host}");
        }
        for text in ["", "a/b", "a b", "a@b", "a, b", "a?b"] {
            assert!(!is_host(text), "{text}");
        }
    }
}
