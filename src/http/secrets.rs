//! What documents of replicators show to others than their owners and server admins: where data comes from and goes to, without
//! what lets somebody in there.

use serde_json::{Value, json};

use super::call::Call;
use super::edits::REPLICATOR;
use super::fields::Fields;
use crate::documents::Mask;

/// The members that are a URL, or an object with one.
const PLACES: [&str; 5] = ["source", "target", "proxy", "source_proxy", "target_proxy"];

/// What the sender of a request is shown of documents of its database; `None` where that is all of them.
pub fn mask(call: &Call) -> Option<Mask> {
    let is_replicator = call.name("db").rsplit('/').next() == Some(REPLICATOR);
    if !is_replicator || call.user.is_admin() {
        return None;
    }
    let name = call.user.name.clone();
    Some(Mask::new(move |body| shown(body, name.as_deref())))
}

fn shown(body: &str, name: Option<&str>) -> String {
    let Ok(mut fields) = Fields::parse(body) else { return "{}".to_owned() };
    if name.is_some() && fields.text("owner").as_deref() == name {
        return body.to_owned();
    }
    for place in PLACES {
        let Some(text) = fields.get(place) else { continue };
        let value = place_shown(&serde_json::from_str(text).unwrap_or_default());
        if fields.set(place, &value).is_err() {
            return "{}".to_owned();
        }
    }
    fields.to_json().unwrap_or_else(|_| "{}".to_owned())
}

/// Of an object only its URL is shown: headers and `auth` hold passwords, and so may what nobody knows yet.
fn place_shown(place: &Value) -> Value {
    match place {
        Value::String(url) => json!(url_shown(url)),
        Value::Object(members) => match members.get("url").and_then(Value::as_str) {
            Some(url) => json!({ "url": url_shown(url) }),
            None => json!({}),
        },
        _ => Value::Null,
    }
}

/// A URL without what stands before the last `@`, and without its query. A password may hold any character, `/` among them.
fn url_shown(url: &str) -> String {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, url),
    };
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    let place = place.split(['?', '#']).next().unwrap_or_default();
    scheme.map_or_else(|| place.to_owned(), |scheme| format!("{scheme}://{place}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_shown_without_what_lets_somebody_in() {
        for (place, expected) in [
            (json!("http://ann:secret@h:1/db"), json!("http://h:1/db")),
            (json!("https://ann:se/cr@e:t@h/db?k=secret#secret"), json!("https://h/db")),
            (json!("ann:secret@h/db"), json!("h/db")),
            (json!("plain"), json!("plain")),
            (
                json!({"url":"http://a:secret@h/db","headers":{"Authorization":"secret"}}),
                json!({"url":"http://h/db"}),
            ),
            (
                json!({"url":"http://h/db","auth":{"basic":{"password":"secret"}},"x":"secret"}),
                json!({"url":"http://h/db"}),
            ),
            (json!({"auth":"secret"}), json!({})),
            (json!(["secret"]), json!(null)),
        ] {
            assert_eq!(place_shown(&place), expected, "{place}");
        }
    }

    #[test]
    fn an_owner_is_shown_everything_and_others_keep_the_order_of_members() {
        let body = r#"{"target":"t","source":"http://a:secret@h/db","owner":"ann","n":1.50}"#;
        assert_eq!(shown(body, Some("ann")), body);
        let expected = r#"{"target":"t","source":"http://h/db","owner":"ann","n":1.50}"#;
        assert_eq!(shown(body, Some("bob")), expected);
        assert_eq!(shown(body, None), expected);
        let owner_null = r#"{"source":"http://a:secret@h/db","owner":null}"#;
        assert!(!shown(owner_null, None).contains("secret"));
    }
}
