//! Settings of the replicator: the section `replicator` of `_config`. Read when a replication begins.

use std::str::FromStr;

use super::app::App;
use super::problem::Problem;
use crate::replication::{Pause, Retries, Trust};

/// The section.
const SECTION: &str = "replicator";
/// Where certificates of further authorities are, in PEM.
const TRUSTED: &str = "ssl_trusted_certificates_file";

fn value<T: FromStr>(app: &App, key: &str) -> Result<Option<T>, Problem> {
    let Some(text) = app.service.setting(SECTION, key)? else { return Ok(None) };
    let wrong = || Problem::internal(format!("the setting {SECTION}/{key} cannot be {text:?}"));
    text.parse().map(Some).map_err(|_| wrong())
}

/// How often a request is made again.
pub fn retries(app: &App, pause: Pause) -> Result<Retries, Problem> {
    Ok(Retries { count: value(app, "retries_per_request")?.unwrap_or(0), pause })
}

/// Whom to trust over TLS.
pub fn trust(app: &App) -> Result<Trust, Problem> {
    let trust = if value(app, "verify_ssl_certificates")? == Some(false) {
        tracing::warn!("replicator/verify_ssl_certificates is false: any certificate is believed");
        Trust::everybody()
    } else {
        let file = app.service.setting(SECTION, TRUSTED)?.filter(|file| !file.is_empty());
        let extra = file.map(|file| app.service.file(&file)).transpose();
        let unread =
            |failure| Problem::internal(format!("the setting {SECTION}/{TRUSTED}: {failure}"));
        Trust::authorities(&extra.map_err(unread)?.unwrap_or_default())
    };
    trust.map_err(|error| Problem::internal(error.to_string()))
}
