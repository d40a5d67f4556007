//! The id of a new revision: the MD5 of an Erlang term, so that the same edit gives the same id on any CouchDB.

use md5::{Digest, Md5};

use super::body::Body;
use super::json::{Invalid, finish_list, put_binary, put_integer, start_list};
use super::revision::{Revision, RevisionHash};

/// What counts of an attachment: name, type, MD5 of the stored bytes.
pub(super) type AttachmentTerm<'a> = (&'a str, &'a str, [u8; 16]);

const VERSION: u8 = 131;
const LIST_OF_FIVE: [u8; 5] = [108, 0, 0, 0, 5];
const TRUE: &[u8] = b"\x64\x00\x04true";
const FALSE: &[u8] = b"\x64\x00\x05false";
const NIL: u8 = 106;

/// The revision that follows `parent`. Attachments are given in the order of the document.
pub(super) fn next_revision(
    parent: Option<&Revision>,
    deleted: bool,
    body: &Body,
    attachments: &[AttachmentTerm<'_>],
) -> Result<Revision, Invalid> {
    let depth = parent.map_or(0, |parent| parent.depth);
    let mut head = vec![VERSION];
    head.extend_from_slice(&LIST_OF_FIVE);
    head.extend_from_slice(if deleted { TRUE } else { FALSE });
    put_integer(&mut head, depth);
    match parent {
        None => put_integer(&mut head, 0),
        Some(parent) => put_binary(&mut head, parent.hash.as_bytes())?,
    }
    let mut tail = Vec::new();
    put_attachments(&mut tail, attachments)?;
    tail.push(NIL);
    let digest = Md5::new().chain_update(&head).chain_update(body.term()).chain_update(&tail);
    let hash = RevisionHash::md5(digest.finalize().into());
    Ok(Revision { depth: depth.saturating_add(1), hash })
}

/// In reverse order, as CouchDB collects them.
fn put_attachments(out: &mut Vec<u8>, attachments: &[AttachmentTerm<'_>]) -> Result<(), Invalid> {
    let list = start_list(out);
    for (name, content_type, md5) in attachments.iter().rev() {
        out.extend_from_slice(&[104, 3]);
        put_binary(out, name.as_bytes())?;
        put_binary(out, content_type.as_bytes())?;
        put_binary(out, md5)?;
    }
    finish_list(out, list, attachments.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rev(parent: Option<&str>, deleted: bool, body: &str, atts: &[AttachmentTerm<'_>]) -> String {
        let parent = parent.map(|text| text.parse().unwrap());
        let body = Body::parse(body.as_bytes()).unwrap();
        next_revision(parent.as_ref(), deleted, &body, atts).unwrap().to_string()
    }

    /// Section 5.2 of the reference, and answers recorded from Apache CouchDB 3.5.
    #[test]
    fn ids_are_those_of_couchdb() {
        let vectors = [
            ("{}", "1-967a00dff5e02add41819138abb3284d"),
            (r#"{"foo":"bar"}"#, "1-4c6114c65e295552ab1019e2b046b10e"),
            (r#"{"a":1}"#, "1-23202479633c2b380f79507a776743d5"),
            (r#"{"value":[1,2,3]}"#, "1-7fc7a3d87b21b37de8a5b26af990e3ff"),
            (
                r#"{"x":1.5,"n":null,"t":true,"big":3000000000,"neg":-1,"nest":{"k":["v"]}}"#,
                "1-ff4e40c86f49a5dda67b423ee980f3d8",
            ),
            (r#"{"loves":"cats"}"#, "1-cc240d66a894a7ee7ad3160e69f9051f"),
            (r#"{"loves":"dogs"}"#, "1-4032b428c7574a85bc04f1f271be446e"),
            (r#"{"name":"one","n":1}"#, "1-5a7a54fc03cbd62cfb5d751c57ecd4df"),
            (r#"{"a":1,"a":2}"#, "1-3975759ccff3842adf690a5c10caee42"),
            (
                r#"{"a":1.0,"b":1e3,"c":12345678901234567890123,"e":0.1,"f":-0.0,"u":"\u00e9\ud83d\ude00\u0000"}"#,
                "1-dc88b84f062d2f454659fbda76bfc3c9",
            ),
        ];
        for (body, expected) in vectors {
            assert_eq!(rev(None, false, body, &[]), expected, "{body}");
        }
    }

    #[test]
    fn later_revisions_depend_on_their_parent() {
        let parent = Some("1-5a7a54fc03cbd62cfb5d751c57ecd4df");
        let second = rev(parent, false, r#"{"n":2,"name":"one"}"#, &[]);
        assert_eq!(second, "2-a71f6dd21dc7d8b7bbd9466adba5ed73");
        let tombstone = rev(Some("1-967a00dff5e02add41819138abb3284d"), true, "{}", &[]);
        assert_eq!(tombstone, "2-eec205a9d413992850a6e32678485900");
        let recreated = rev(Some("4-ceb249420fd3e44e7df26f5dd3f121c9"), false, r#"{"n":10}"#, &[]);
        assert_eq!(recreated, "5-5b56ea15f076d6fc558b54075779afc0");
        let born_dead = rev(None, true, r#"{"why":"kept body"}"#, &[]);
        assert_eq!(born_dead, "1-0f67cfabb47f1c4eb868dba5f071ad23");
    }

    /// The digest is that of `hello` as gzip, level 8.
    #[test]
    fn attachments_count_by_name_type_and_digest() {
        let md5 = [
            0x88, 0xc6, 0xa2, 0x0b, 0xcc, 0x2a, 0x88, 0x59, 0x43, 0xd8, 0xd8, 0xcb, 0x4d, 0xe9,
            0xaf, 0x09,
        ];
        let a = rev(None, false, "{}", &[("a.txt", "text/plain", md5)]);
        assert_eq!(a, "1-2c13af7bc89e7804203dd6bc778549ac");
        let f = rev(None, false, "{}", &[("f", "text/plain", md5)]);
        assert_eq!(f, "1-29e7ef48cefd8fd46bc4f3a5767e2434");
    }
}
