//! `pumice version`

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::stop::Stop;

/// Print the version
#[derive(Debug, Args)]
pub struct Version {}

impl Version {
    pub fn run(context: &mut Context) -> Result<(), Stop> {
        let version = env!("CARGO_PKG_VERSION");
        let object = json!({
            "version": version, "os": std::env::consts::OS, "architecture": std::env::consts::ARCH,
        });
        context.output.answer(&object, |output| {
            let (os, architecture) = (std::env::consts::OS, std::env::consts::ARCH);
            output.line(format_args!("pumice {version} ({os}, {architecture})"))
        })
    }
}
