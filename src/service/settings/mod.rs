//! The settings of the HTTP side: CouchDB's configuration by section and key.
//!
//! They are stored at `/http/setting{SECTION KEY}/value` of the configuration. [`table`] says which ones this server knows, what each
//! may be, its default and when it acts. [`check`] is the one guard: commits go through it, whichever way they come. A setting that is
//! in no row is kept, so that a configuration can be moved over, and has no effect: [`has_effect`] tells, and the log says so.

mod check;
mod in_force;
mod kind;
mod live;
mod rules;
mod table;

pub use check::{check, has_effect};
pub use in_force::InForce;
pub(super) use in_force::{Sections, as_number, in_force};
pub(super) use live::follow;
pub use rules::PasswordRules;
pub use table::{Acts, KnownSetting, SETTINGS};

#[cfg(test)]
mod tests;
