//! Who asks, and what they may do: passwords, users, sessions, the security object of a database.
//!
//! - [`PasswordHash`]: `PBKDF2` in the line form that CouchDB keeps its admins in, so that admins can be moved over.
//! - [`Verifier`]: tries passwords in bounded number, remembers the ones that were right, locks out who guesses.
//! - [`cookie`]: the `AuthSession` cookie.
//! - [`UserContext`]: a name and roles; [`Security`]: whom a database lets in.
//! - [`users`]: the documents of databases of users.
//!
//! Nothing here does I/O: where users are kept is the caller's.

mod basic;
mod context;
pub mod cookie;
mod lockout;
mod password;
mod security;
pub mod users;
mod verifier;

pub use basic::{BasicError, parse_basic};
pub use context::UserContext;
pub use password::{ITERATIONS_DEFAULT, PasswordHash};
pub use security::Security;
pub use verifier::{Refused, Verifier};
