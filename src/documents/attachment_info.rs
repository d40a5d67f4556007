//! What is known of an attachment.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// How bytes of an attachment are encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// Not at all.
    #[default]
    Identity,
    /// gzip.
    Gzip,
}

/// What a document says of an attachment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachmentInfo {
    /// Its name.
    pub name: String,
    /// Its type.
    pub content_type: String,
    /// The depth of the revision that set it.
    pub revpos: u64,
    /// The MD5 of the bytes as they are stored.
    pub md5: [u8; 16],
    /// Bytes of the content, not encoded.
    pub length: u64,
    /// How it is stored.
    pub encoding: Encoding,
    /// Bytes as they are stored; `length` when they are not encoded.
    pub stored_length: u64,
    /// Which content of the shard it is.
    pub(super) content: u64,
}

impl AttachmentInfo {
    /// `md5-` and base64 of the digest.
    pub fn digest(&self) -> String {
        digest_text(&self.md5)
    }
}

/// `md5-` and base64.
pub(super) fn digest_text(md5: &[u8; 16]) -> String {
    format!("md5-{}", STANDARD.encode(md5))
}

/// Whether content of this type is kept as gzip (`[attachments] compressible_types`).
pub(super) fn is_compressible(content_type: &str) -> bool {
    let bare = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    bare.starts_with("text/")
        || matches!(
            bare.as_str(),
            "application/javascript" | "application/json" | "application/xml"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_the_like_is_compressible() {
        for yes in ["text/plain", "Text/HTML; charset=utf-8", "application/json"] {
            assert!(is_compressible(yes), "{yes}");
        }
        for no in ["image/png", "application/octet-stream", "", "application/jsonx"] {
            assert!(!is_compressible(no), "{no}");
        }
    }
}
