//! What is checked of a design document before it is stored: the types of its members, as CouchDB checks them. Functions are not compiled.

use super::fields::Fields;
use super::problem::Problem;
use crate::documents::Database;

/// Reductions that need no function; CouchDB looks at the beginning of the name.
const REDUCTIONS: &[&str] =
    &["_sum", "_count", "_stats", "_approx_count_distinct", "_first", "_last", "_top_", "_bottom_"];
/// The language whose maps are objects.
const QUERY: &str = "\"query\"";

/// Refuses a design document that CouchDB would refuse (400 `invalid_design_doc`).
pub fn check(database: &Database, id: &str, body: &str) -> Result<(), Problem> {
    if !id.starts_with("_design/") {
        return Ok(());
    }
    // The body is an object: it was read as one.
    let Ok(members) = Fields::parse(body) else { return Ok(()) };
    typed(&members, "language", "", &["string"])?;
    typed(&members, "rewrites", "", &["array", "string"])?;
    if members.get("validate_doc_update") != Some("null") {
        typed(&members, "validate_doc_update", "", &["string"])?;
    }
    for kind in ["filters", "lists", "shows", "updates"] {
        let Some(functions) = object(&members, kind, "")? else { continue };
        let place = format!("{kind}.");
        for name in functions.names() {
            typed(&functions, name, &place, &["string", "object"])?;
        }
    }
    options(database, &members)?;
    views(&members)
}

fn options(database: &Database, members: &Fields) -> Result<(), Problem> {
    let Some(options) = object(members, "options", "")? else { return Ok(()) };
    for name in ["include_design", "local_seq", "partitioned"] {
        typed(&options, name, "options.", &["boolean"])?;
    }
    match options.get("partitioned") == Some("true") && !database.is_partitioned() {
        true => Err(invalid("partitioned option cannot be true in a non-partitioned database.")),
        false => Ok(()),
    }
}

fn views(members: &Fields) -> Result<(), Problem> {
    let Some(views) = object(members, "views", "")? else { return Ok(()) };
    let map = if members.get("language") == Some(QUERY) { "object" } else { "string" };
    for name in views.names() {
        let view = object(&views, name, "views.")?.unwrap_or_default();
        if name == "lib" {
            continue;
        }
        let place = format!("views.{name}.");
        typed(&view, "map", &place, &[map])?;
        typed(&view, "reduce", &place, &["string"])?;
        if view.get("map").is_none() {
            return Err(invalid(format!("View `{name}` must contain map function")));
        }
        if let Some(reduce) = view.text("reduce").filter(|reduce| reduce.starts_with('_'))
            && !REDUCTIONS.iter().any(|known| reduce.starts_with(known))
        {
            return Err(invalid(format!("`{reduce}` is not a supported reduce function.")));
        }
    }
    Ok(())
}

/// A member that is an object, when it is there.
fn object(members: &Fields, name: &str, place: &str) -> Result<Option<Fields>, Problem> {
    typed(members, name, place, &["object"])?;
    Ok(members.get(name).and_then(|text| Fields::parse(text).ok()))
}

fn typed(members: &Fields, name: &str, place: &str, types: &[&str]) -> Result<(), Problem> {
    match members.get(name) {
        Some(text) if !types.contains(&type_of(text)) => {
            let types = types.join(" or ");
            Err(invalid(format!("`{place}{name}` field must have {types} type")))
        }
        _ => Ok(()),
    }
}

/// The type of a value's text.
fn type_of(text: &str) -> &'static str {
    match text.bytes().next() {
        Some(b'{') => "object",
        Some(b'[') => "array",
        Some(b'"') => "string",
        Some(b't' | b'f') => "boolean",
        Some(b'n') => "null",
        _ => "number",
    }
}

fn invalid(reason: impl Into<std::borrow::Cow<'static, str>>) -> Problem {
    Problem::new(400, "invalid_design_doc", reason)
}
