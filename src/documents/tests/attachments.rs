//! Attachments: what is stored once, what is shared, what goes.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;

fn read(document: &Document, name: &str, accept: Encoding) -> Vec<u8> {
    let mut bytes = Vec::new();
    document.attachment(name, accept).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

fn noise(len: usize, seed: u32) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..len).map(|_| next()).collect()
}

fn upload(db: &Database, id: &str, content_type: &str, bytes: &[u8]) -> StoredAttachment {
    let options = UploadOptions {
        name: "file".to_owned(),
        content_type: content_type.to_owned(),
        expected_length: Some(bytes.len() as u64),
        encoding: Encoding::Identity,
    };
    let mut upload = db.upload(id, options).unwrap();
    bytes.chunks(10_000).for_each(|piece| upload.write(piece).unwrap());
    upload.finish().unwrap()
}

fn with_stored(json: &str, stored: StoredAttachment) -> Edit {
    let mut edit = edit(json);
    edit.attachments.push(AttachmentEdit {
        name: "file".to_owned(),
        content_type: Some("image/png".to_owned()),
        revpos: None,
        digest: None,
        source: AttachmentSource::Stored(stored),
    });
    edit
}

#[test]
fn an_inline_attachment_is_stored_as_couchdb_stores_it() {
    let (_open, db) = database();
    let json =
        r#"{"_id":"att","_attachments":{"a.txt":{"content_type":"text/plain","data":"aGVsbG8="}}}"#;
    assert_eq!(put(&db, json), "1-2c13af7bc89e7804203dd6bc778549ac");
    let head = r#"{"_id":"att","_rev":"1-2c13af7bc89e7804203dd6bc778549ac","_attachments":{"a.txt":{"content_type":"text/plain","revpos":1,"digest":"md5-iMaiC8wqiFlD2NjLTemvCQ==","#;
    assert_eq!(get(&db, "att").unwrap(), format!(r#"{head}"length":5,"stub":true}}}}}}"#));
    let as_is = OpenOptions::default();
    let inline = Members { attachments: AttachmentMembers::Inline, ..Members::default() };
    assert_eq!(
        get_with(&db, "att", &as_is, &inline).unwrap(),
        format!(r#"{head}"data":"aGVsbG8="}}}}}}"#)
    );
    let encoding = Members { att_encoding_info: true, ..Members::default() };
    let expected =
        format!(r#"{head}"length":5,"stub":true,"encoding":"gzip","encoded_length":25}}}}}}"#);
    assert_eq!(get_with(&db, "att", &as_is, &encoding).unwrap(), expected);
    let document = db.open("att", &as_is).unwrap();
    assert_eq!(read(&document, "a.txt", Encoding::Identity), b"hello");
    assert_eq!(read(&document, "a.txt", Encoding::Gzip).len(), 25);
    assert!(matches!(document.attachment("b", Encoding::Gzip), Err(DocumentError::NoAttachment)));
    assert_eq!(db.info().sizes.external, 2 + 5);
}

#[test]
fn deleting_an_attachment_gives_couchdbs_revision() {
    let (_open, db) = database();
    put(
        &db,
        r#"{"_id":"att","_attachments":{"a.txt":{"content_type":"text/plain","data":"aGVsbG8="}}}"#,
    );
    let rev = put(&db, r#"{"_id":"att","_rev":"1-2c13af7bc89e7804203dd6bc778549ac"}"#);
    assert_eq!(rev, "2-bf86d55219a065b482b7c2820631e29d");
}

#[test]
fn a_large_attachment_goes_through_in_pieces_and_is_read_from_any_place() {
    let (_open, db) = database();
    let bytes = noise(1_000_000, 1);
    let stored = upload(&db, "big", "image/png", &bytes);
    db.update_one(with_stored(r#"{"_id":"big"}"#, stored)).unwrap();
    let document = db.open("big", &OpenOptions::default()).unwrap();
    assert_eq!(read(&document, "file", Encoding::Identity), bytes);
    let place = |position: u64| usize::try_from(position).unwrap();
    for range in [0..1, 65_535..65_537, 999_999..1_000_000, 131_072..400_000, 5..5] {
        let reader = document.attachment("file", Encoding::Identity).unwrap().range(range.clone());
        assert_eq!(reader.len(), range.end - range.start);
        let mut part = Vec::new();
        { reader }.read_to_end(&mut part).unwrap();
        assert_eq!(part, bytes[place(range.start)..place(range.end)]);
    }
    let info = &document.attachments()[0];
    assert_eq!(
        (info.length, info.stored_length, info.encoding),
        (1_000_000, 1_000_000, Encoding::Identity)
    );
}

#[test]
fn ranges_of_compressed_content_are_decoded() {
    let (_open, db) = database();
    let text: String = (0..50_000).map(|n| format!("line {n}\n")).collect();
    let data = STANDARD.encode(&text);
    put(
        &db,
        &format!(
            r#"{{"_id":"t","_attachments":{{"t":{{"content_type":"text/plain","data":"{data}"}}}}}}"#
        ),
    );
    let document = db.open("t", &OpenOptions::default()).unwrap();
    let info = &document.attachments()[0];
    assert!(info.stored_length * 2 < info.length && info.length == text.len() as u64);
    let reader = document.attachment("t", Encoding::Identity).unwrap().range(100_000..300_000);
    let mut part = Vec::new();
    { reader }.read_to_end(&mut part).unwrap();
    assert!(part == text.as_bytes()[100_000..300_000]);
    let mut decoded = Vec::new();
    let stored = read(&document, "t", Encoding::Gzip);
    flate2::read::GzDecoder::new(&stored[..]).read_to_end(&mut decoded).unwrap();
    assert!(decoded == text.as_bytes());
}

#[test]
fn gzip_that_comes_encoded_is_stored_as_it_comes() {
    let (_open, db) = database();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut encoder, b"hello hello hello").unwrap();
    let bytes = encoder.finish().unwrap();
    let options = UploadOptions {
        content_type: "text/plain".to_owned(),
        encoding: Encoding::Gzip,
        ..UploadOptions::default()
    };
    let mut upload = db.upload("x", options.clone()).unwrap();
    upload.write(&bytes).unwrap();
    let stored = upload.finish().unwrap();
    assert_eq!(stored.length(), 17);
    db.update_one(with_stored(r#"{"_id":"x"}"#, stored)).unwrap();
    let document = db.open("x", &OpenOptions::default()).unwrap();
    assert_eq!(read(&document, "file", Encoding::Gzip), bytes);
    assert_eq!(read(&document, "file", Encoding::Identity), b"hello hello hello");
    let mut broken = db.upload("x", options).unwrap();
    let outcome = broken.write(b"not gzip at all").and_then(|()| broken.finish().map(|_| ()));
    assert!(matches!(outcome, Err(DocumentError::BadAttachment { .. })), "{outcome:?}");
}

#[test]
fn the_same_content_is_stored_once_and_goes_with_its_last_name() {
    let (_open, db) = database();
    let bytes = noise(300_000, 7);
    let live = || db.shards()[0].sizes.active;
    let empty = live();
    let mut revs = Vec::new();
    for n in 0..3 {
        let stored = upload(&db, "x", "image/png", &bytes);
        revs.push(db.update_one(with_stored(&format!(r#"{{"_id":"d{n}"}}"#), stored)).unwrap().rev);
    }
    let once = live() - empty;
    assert!((300_000..310_000).contains(&once), "{once}");
    // A stub keeps it.
    let stub = r#""_attachments":{"file":{"stub":true,"revpos":1}}"#;
    let kept = put(&db, &format!(r#"{{"_id":"d0","_rev":"{}",{stub},"v":2}}"#, revs[0]));
    assert_eq!(db.open("d0", &OpenOptions::default()).unwrap().attachments()[0].revpos, 1);
    for (n, rev) in [(0, kept), (1, revs[1].to_string())] {
        put(&db, &format!(r#"{{"_id":"d{n}","_rev":"{rev}"}}"#));
    }
    db.compact_now().unwrap();
    assert!(live() - empty > 300_000);
    let document = db.open("d2", &OpenOptions::default()).unwrap();
    assert!(read(&document, "file", Encoding::Identity) == bytes);
    let last = put(&db, &format!(r#"{{"_id":"d2","_rev":"{}"}}"#, revs[2]));
    assert!(live() - empty < 3000, "not active any more");
    assert!(
        read(
            &db.open("d2", &OpenOptions { rev: Some(revs[2].clone()), ..OpenOptions::default() })
                .unwrap(),
            "file",
            Encoding::Identity
        ) == bytes
    );
    db.compact_now().unwrap();
    assert!(db.info().sizes.file < 20_000, "{:?}", db.info().sizes);
    assert!(get_rev(&db, "d2", &revs[2].to_string()).is_err());
    assert!(get_rev(&db, "d2", &last).is_ok());
}

#[test]
fn stubs_without_a_base_are_refused_and_nothing_stays() {
    let (_open, db) = database();
    let before = db.shards()[0].sizes.active;
    let stub = r#"{"_id":"att4","_attachments":{"g":{"data":"aGk="},"f":{"stub":true}}}"#;
    let refused = try_put(&db, stub).unwrap_err();
    assert_eq!(refused.to_string(), "Invalid attachment stub in att4 for f");
    assert_eq!(db.shards()[0].sizes.active, before);
    let rev = put(&db, r#"{"_id":"att4","_attachments":{"f":{"data":"aGk="}}}"#);
    let wrong = format!(
        r#"{{"_id":"att4","_rev":"{rev}","_attachments":{{"f":{{"stub":true,"revpos":9}}}}}}"#
    );
    assert!(matches!(try_put(&db, &wrong), Err(DocumentError::MissingStub { .. })));
}

#[test]
fn an_upload_that_no_document_takes_leaves_nothing() {
    let (_open, db) = database();
    let before = db.shards()[0].sizes.active;
    drop(upload(&db, "x", "image/png", &noise(700_000, 3)));
    assert_eq!(db.shards()[0].sizes.active, before);
    let mut half = db.upload("x", UploadOptions::default()).unwrap();
    half.write(&noise(700_000, 4)).unwrap();
    drop(half);
    assert_eq!(db.shards()[0].sizes.active, before);
}

#[test]
fn an_upload_that_the_power_cut_is_gone_after_the_next_open() {
    let world = World::new();
    let databases = world.open();
    let db = databases.create("db", &CreateOptions::with_shards(1)).unwrap();
    let before = db.shards()[0].sizes.active;
    let mut half = db.upload("x", UploadOptions::default()).unwrap();
    half.write(&noise(700_000, 4)).unwrap();
    db.sync().unwrap();
    assert!(db.shards()[0].sizes.active > before + 500_000);
    let after = world.crash();
    drop((half, db, databases));
    let databases = after.open();
    let db = databases.get("db").unwrap();
    assert_eq!(db.shards()[0].sizes.active, before);
    let bytes = noise(100_000, 5);
    let stored = upload(&db, "x", "image/png", &bytes);
    db.update_one(with_stored(r#"{"_id":"x"}"#, stored)).unwrap();
    assert!(
        read(&db.open("x", &OpenOptions::default()).unwrap(), "file", Encoding::Identity) == bytes
    );
}

#[test]
fn wrong_lengths_and_digests_are_refused() {
    let (_open, db) = database();
    let options =
        |expected| UploadOptions { expected_length: Some(expected), ..UploadOptions::default() };
    let mut long = db.upload("x", options(3)).unwrap();
    assert!(matches!(long.write(b"four"), Err(DocumentError::AttachmentLength { .. })));
    let short = db.upload("x", options(3)).unwrap().finish();
    assert!(matches!(
        short,
        Err(DocumentError::AttachmentLength { expected_bytes: 3, actual_bytes: 0 })
    ));
    let mut with_digest = with_stored(r#"{"_id":"x"}"#, upload(&db, "x", "image/png", b"abc"));
    with_digest.attachments[0].digest = Some("md5-AAAAAAAAAAAAAAAAAAAAAA==".to_owned());
    assert!(matches!(db.update_one(with_digest.clone()), Err(DocumentError::DigestMismatch)));
    with_digest.attachments[0].digest = Some("md5-kAFQmDzST7DWlj99KOF/cg==".to_owned());
    db.update_one(with_digest).unwrap();
    let follows = r#"{"_id":"y","_attachments":{"f":{"follows":true,"length":5}}}"#;
    assert!(matches!(try_put(&db, follows), Err(DocumentError::BadRequest { .. })));
}

#[test]
fn replicated_attachments_keep_their_depth() {
    let (_open, db) = database();
    let json = r#"{"_id":"r","_revisions":{"start":7,"ids":["c","b"]},"_attachments":{"f":{"data":"aGk=","revpos":3}}}"#;
    replicate(&db, json);
    assert_eq!(db.open("r", &OpenOptions::default()).unwrap().attachments()[0].revpos, 3);
    let json = r#"{"_id":"r","_revisions":{"start":8,"ids":["d","c"]},"_attachments":{"f":{"stub":true,"revpos":3}}}"#;
    replicate(&db, json);
    let document = db.open("r", &OpenOptions::default()).unwrap();
    assert_eq!(document.revision().depth, 8);
    assert_eq!(read(&document, "f", Encoding::Identity), b"hi");
}

#[test]
fn empty_content_keeps_its_number_over_a_restart() {
    let world = World::new();
    let databases = world.open();
    let db = databases.create("db", &CreateOptions::with_shards(1)).unwrap();
    let rev = put(&db, r#"{"_id":"empty","_attachments":{"f":{"data":""}}}"#);
    drop((db, databases));
    let databases = world.open();
    let db = databases.get("db").unwrap();
    put(&db, r#"{"_id":"full","_attachments":{"f":{"data":"aGVsbG8="}}}"#);
    assert!(
        read(&db.open("empty", &OpenOptions::default()).unwrap(), "f", Encoding::Identity)
            .is_empty()
    );
    put(&db, &format!(r#"{{"_id":"empty","_rev":"{rev}"}}"#));
    db.compact_now().unwrap();
    assert_eq!(
        read(&db.open("full", &OpenOptions::default()).unwrap(), "f", Encoding::Identity),
        b"hello"
    );
}

/// Words that zlib finds again here and there.
fn words(seed: u32, count: usize) -> Vec<u8> {
    const TEXT: &[u8] = b"stone rock flint ore clay sand ";
    let mut state = seed;
    let mut out = Vec::new();
    for _ in 0..count {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345) & 0x7fff_ffff;
        let digit = |shift: u32, base: u32| ((state >> shift) % base) as usize;
        let word = &TEXT[digit(16, 25)..];
        out.extend_from_slice(&word[..(1 + digit(8, 6)).min(word.len())]);
        let letter = b'a' + u8::try_from(digit(20, 26)).unwrap();
        out.push(if state & 64 == 0 { letter } else { b' ' });
    }
    out
}

/// Stored length and digest of a text, written in pieces.
fn stored(db: &Database, bytes: &[u8], piece: usize) -> (u64, String) {
    let options =
        UploadOptions { content_type: "text/plain".to_owned(), ..UploadOptions::default() };
    let mut upload = db.upload("x", options).unwrap();
    bytes.chunks(piece).for_each(|bytes| upload.write(bytes).unwrap());
    let stored = upload.finish().unwrap();
    let kept = &stored.pending.stored;
    (kept.size_bytes, super::super::attachment_info::digest_text(&kept.md5))
}

/// Python's `zlib.compressobj(level, zlib.DEFLATED, 31, 8)` with zlib 1.2.13, and what CouchDB says of its own test.
#[test]
fn gzip_has_the_bytes_of_zlib_however_it_comes() {
    let (_open, db) = database();
    let text = b"This is a base64 encoded text";
    assert_eq!(stored(&db, text, 100), (47, "md5-qUUYqS41RhwF0TrCsTAxFg==".to_owned()));
    for (seed, count, length, digest) in [
        (1, 0, 20, "md5-cCkGbCesb17xjWYNV0GXmg=="),
        (1, 1, 24, "md5-jn+Hg7NGlZLaNg6Lu/R/Gw=="),
        (2, 10, 58, "md5-EjgD45eMlseOjgtlfR1cXg=="),
        (3, 300, 596, "md5-PP7xhytNwdLrr/8SWPQA0w=="),
        (4, 5_000, 8_853, "md5-ADtoSO3ZOutSbqOMgJDHQQ=="),
        (5, 20_000, 34_303, "md5-9tR+2ky8mSNZfDXldf72YQ=="),
        (6, 80_000, 134_850, "md5-J99SYDV0KxiXpZ8Hmvm8Bg=="),
        (7, 400_000, 670_860, "md5-tUnd/Fu1QGlAcskI+j8CQw=="),
    ] {
        for piece in [1 << 20, 4_096, 1_009] {
            let found = stored(&db, &words(seed, count), piece);
            assert_eq!(found, (length, digest.to_owned()), "{seed} {piece}");
        }
    }
}

#[test]
fn gzip_of_other_levels_has_the_bytes_of_zlib() {
    for (level, length, digest) in [
        (1, 626, "md5-Ugte/kgjrdzLU3oCiHLAWQ=="),
        (2, 614, "md5-ORYYVP7Eb0VdrWWxZCM/HQ=="),
        (6, 596, "md5-PP7xhytNwdLrr/8SWPQA0w=="),
        (9, 596, "md5-tZ6MO8xLXOFUJwjiTyYlYQ=="),
    ] {
        let mut world = World::new();
        world.options.limits.attachment_compression_level = level;
        let databases = world.open();
        let db = databases.create("db", &CreateOptions::with_shards(1)).unwrap();
        assert_eq!(stored(&db, &words(3, 300), 100), (length, digest.to_owned()), "{level}");
    }
}
