//! A database as a whole: made, told about, compacted, removed.

use super::app::App;
use super::call::Call;
use super::problem::Problem;
use super::reply::{Answer, Reply};
use crate::documents::{CreateOptions, DatabaseInfo};

/// The setting that holds the server's uuid.
const UUID: (&str, &str) = ("couchdb", "uuid");

/// What tells this server from others; all zeros until there is a database, which is when it is made: to be asked writes nothing
/// into the configuration.
pub fn server_uuid(app: &App) -> Result<String, Problem> {
    let (section, key) = UUID;
    Ok(app.service.setting(section, key)?.unwrap_or_else(|| "0".repeat(32)))
}

/// Makes the server's uuid, if that was not done.
fn make_uuid(app: &App) -> Result<(), Problem> {
    let (section, key) = UUID;
    app.service.setting_or(section, key, || format!("{:032x}", app.clock.unique_id()))?;
    Ok(())
}

/// What `GET /{db}` tells, as JSON text.
pub fn info_json(info: &DatabaseInfo) -> String {
    let (name, sizes) = (serde_json::json!(info.name), info.sizes);
    let props = if info.partitioned { "{\"partitioned\":true}" } else { "{}" };
    format!(
        "{{\"instance_start_time\":\"{}\",\"db_name\":{name},\"purge_seq\":\"{}\",\"update_seq\":\"{}\",\
         \"sizes\":{{\"file\":{},\"external\":{},\"active\":{}}},\"props\":{props},\"doc_del_count\":{},\
         \"doc_count\":{},\"disk_format_version\":{},\"compact_running\":{},\
         \"cluster\":{{\"q\":{},\"n\":1,\"w\":1,\"r\":1}}}}",
        info.instance_start_time,
        info.purge_seq,
        info.update_seq,
        sizes.file,
        sizes.external,
        sizes.active,
        info.doc_del_count,
        info.doc_count,
        info.disk_format_version,
        info.compact_running,
        info.q,
    )
}

/// `GET`: counts, sizes, sequences.
pub fn info(call: &Call) -> Answer {
    let info = call.database()?.info();
    Ok(Reply::text(200, info_json(&info) + "\n"))
}

/// `PUT`: makes it.
pub fn create(call: &Call) -> Answer {
    let name = call.name("db");
    let q = positive(call, "q")?;
    positive(call, "n")?;
    if call.parameter("engine").is_some() {
        return Err(Problem::bad_request("invalid_engine_extension"));
    }
    let partitioned = match call.parameter("partitioned") {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(Problem::bad_request("Invalid `partitioned` parameter")),
    };
    call.app.databases.create(name, &CreateOptions { q, partitioned })?;
    make_uuid(&call.app)?;
    Ok(Reply::ok(201).header("Location", &call.location(&[name])))
}

fn positive(call: &Call, name: &str) -> Result<Option<u32>, Problem> {
    let wrong =
        || Problem::bad_request(format!("The `{name}` value should be a positive integer."));
    let Some(text) = call.parameter(name) else { return Ok(None) };
    let number = text.parse().ok().filter(|number| *number > 0).ok_or_else(wrong)?;
    Ok(Some(number))
}

/// `DELETE`: removes it with everything in it.
pub fn remove(call: &Call) -> Answer {
    if call.parameter("rev").is_some() {
        return Err(Problem::bad_request(
            "You tried to DELETE a database with a ?=rev parameter. Did you mean to DELETE a document instead?",
        ));
    }
    call.app.databases.remove(call.name("db"))?;
    Ok(Reply::ok(200))
}

/// `POST _compact`: asks for a compaction.
pub fn compact(call: &Call) -> Answer {
    call.database()?.compact();
    Ok(Reply::ok(202))
}

/// `POST _ensure_full_commit`: what was answered with `batch=ok` becomes durable; everything else was.
pub fn ensure_full_commit(call: &Call) -> Answer {
    let database = call.database()?;
    database.sync()?;
    let start = database.info().instance_start_time;
    Ok(Reply::text(201, format!("{{\"ok\":true,\"instance_start_time\":\"{start}\"}}\n")))
}
