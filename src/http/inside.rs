//! The replicator's way to databases of this server: the same requests, without a connection.

use std::sync::Arc;

use super::app::App;
use crate::auth::UserContext;
use crate::replication::{Request, Sending, Transport, TransportError};

/// Requests of this process to itself, as somebody.
pub struct Inside {
    app: Arc<App>,
    user: UserContext,
}

impl Inside {
    /// As `user`.
    pub fn new(app: Arc<App>, user: UserContext) -> Self {
        Self { app, user }
    }
}

impl Transport for Inside {
    fn send(&self, request: Request) -> Sending<'_> {
        match self.app.inside.get() {
            Some(inside) => inside(self.app.clone(), request, self.user.clone()),
            None => Box::pin(async { Err(TransportError::lasting("this server does not serve")) }),
        }
    }
}
