//! Settings that act on what is open: limits of documents, rounds of passwords. Others are read by the request that needs them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use crate::auth::Verifier;
use crate::cdb::SubscriptionHandle;
use crate::documents::{Databases, Limits};
use crate::service::{Failure, InForce, Service};

/// Makes the settings act now, and after every commit that changes one. Ends when the handle is dropped.
pub fn follow(
    service: &Service,
    databases: &Arc<Databases>,
    verifier: &Arc<Verifier>,
    plus_is_space: &Arc<AtomicBool>,
) -> Result<SubscriptionHandle, Failure> {
    // The databases keep the service, and the service this subscription: a strong handle here would be a circle.
    let (databases, verifier) = (Arc::downgrade(databases), verifier.clone());
    let plus_is_space = plus_is_space.clone();
    service.follow_settings(move |settings| {
        act(settings, &databases, &verifier);
        let is_space = settings.text("chttpd", "decode_plus_to_space").as_deref() == Some("true");
        plus_is_space.store(is_space, Ordering::Relaxed);
    })
}

fn act(settings: &InForce, databases: &Weak<Databases>, verifier: &Verifier) {
    if let Some(databases) = databases.upgrade() {
        let limits = limits(settings, databases.limits());
        databases.set_limits(limits);
    }
    if let Some(rounds) = number(settings, "chttpd_auth", "iterations") {
        verifier.set_iterations(rounds);
    }
}

fn number<T: TryFrom<u64>>(settings: &InForce, section: &str, key: &str) -> Option<T> {
    settings.number(section, key).and_then(|number| T::try_from(number).ok())
}

/// The limits that are set; `old` where a setting has no value.
fn limits(settings: &InForce, old: Limits) -> Limits {
    let bytes = |key, old| settings.number("couchdb", key).unwrap_or(old);
    let security = settings.text("couchdb", "default_security");
    Limits {
        q: number(settings, "cluster", "q").unwrap_or(old.q),
        max_document_bytes: bytes("max_document_size", old.max_document_bytes),
        max_attachment_bytes: bytes("max_attachment_size", old.max_attachment_bytes),
        attachment_compression_level: number(settings, "attachments", "compression_level")
            .unwrap_or(old.attachment_compression_level),
        admin_only: security.map_or(old.admin_only, |security| security == "admin_only"),
    }
}
