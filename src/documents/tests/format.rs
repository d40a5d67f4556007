//! The bytes of a shard, against docs/format.md read by hand.

use super::*;
use crate::journal::{Directory, KeyRange, Store};

/// The entries of a shard, without the uuid, in the order of their keys.
fn entries(world: &World) -> Vec<(Vec<u8>, Vec<u8>)> {
    let dir = Path::new("/data/shards/00000000-ffffffff");
    let directory = Directory::open(world.vfs.shared(), world.clock.clone(), dir).unwrap();
    let store = Store::open(&directory, "db.1700000000.pumice", StoreOptions::default()).unwrap();
    let all = store.snapshot().scan(&KeyRange::all()).collect(usize::MAX).unwrap();
    let all = all.into_iter().map(|(key, value)| (key, value.to_vec()));
    all.filter(|(key, _)| key != b"\x01uuid").collect()
}

fn number(space: u8, number: u8) -> Vec<u8> {
    vec![space, 0, 0, 0, 0, 0, 0, 0, number]
}

fn hex(text: &str) -> Vec<u8> {
    let digits = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digits).collect()
}

fn cat(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

#[test]
fn a_shard_holds_what_the_format_page_says() {
    let mut world = World::new();
    world.options.limits.admin_only = false;
    let databases = world.open();
    let db = databases.create("db", &CreateOptions::with_shards(1)).unwrap();
    let first = put(&db, r#"{"_id":"stone","a":1}"#);
    let second = put(
        &db,
        &format!(
            r#"{{"_id":"stone","_rev":"{first}","_attachments":{{"f":{{"data":"aGVsbG8="}}}}}}"#
        ),
    );
    replicate(&db, r#"{"_id":"stone","_rev":"1-other","_deleted":true}"#);
    db.local_put("_local/l", None, &Body::empty()).unwrap();
    let gone = put(&db, r#"{"_id":"gone"}"#);
    db.purge(&[("gone".to_owned(), revs(&[&gone]))]).unwrap();
    put(&db, r#"{"_id":"dead","_deleted":true}"#);
    drop((db, databases));

    let md5 = hex("5d41402abc4b2a76b9719d911017c592");
    let (first, second) = (hex(&first[2..]), hex(&second[2..]));
    let dead =
        entries(&world).iter().find(|(key, _)| key == b"\x11dead").unwrap().1[6..22].to_vec();
    let text = |text: &str| text.as_bytes().to_vec();
    let content = cat(&[&[0x41], &md5, &[0, 0, 0, 0, 0, 0, 0, 5], &[0, 0, 0, 0, 0, 0, 0, 1]]);
    let stone = cat(&[
        &[2, 3],    // several leaves; its last change
        &[2, 2, 0], // the winner is at depth 2, with one ancestor, without more
        &[8 | 2],
        &second,
        &[2, 60, 7], // attachments; body 2 of 60 bytes, 7 external
        &[2],
        &first,
        &[1], // body 1
        &[1, 1, 0],
        &[4 | 2 | 1, 5],
        b"other",
        &[3, 12, 2], // deleted, hash as text, body 3
    ]);
    let attachment =
        cat(&[&[1, 1], b"f", &[24], b"application/octet-stream", &[2], &md5, &[5, 0, 5, 1], b"{}"]);
    let purge = entries(&world).iter().find(|(key, _)| key[0] == 0x60).unwrap().1.clone();
    assert_eq!(purge[16..], cat(&[&[4], b"gone", &[1, 1, 16], &hex(&gone[2..])]));
    let counters = cat(&[&[1, 1, 6, 5, 1, 7 + 2 + 2], &[17 + 9 + 2 + 12 + 9 + 2], &[0]]);
    let expected = [
        (text("\x01counters"), counters),
        (text("\x01format"), text("1")),
        (text("\x10stone"), stone),
        (text("\x11dead"), cat(&[&[1, 6], &[1, 1, 0], &[2 | 1], &dead, &[5, 12, 2]])),
        (number(0x20, 3), cat(&[&[2, 2], &second, b"stone"])),
        (number(0x20, 6), cat(&[&[1, 1], &dead, b"dead"])),
        (number(0x30, 1), text("\0{\"a\":1}")),
        (number(0x30, 2), attachment),
        (number(0x30, 3), text("\0{}")),
        (number(0x30, 4), text("\0{}")),
        (number(0x30, 5), text("\0{}")),
        (number(0x38, 1), vec![0, 17]),
        (number(0x38, 4), vec![0, 12]),
        (cat(&[&number(0x40, 1), &[0, 0, 0, 0]]), text("hello")),
        (content, vec![1, 1, 18]),
        (text("\x50l"), text("\x01{}")),
        (number(0x60, 1), purge),
    ];
    for (found, expected) in entries(&world).iter().zip(&expected) {
        assert_eq!(found, expected, "{}", found.0.escape_ascii());
    }
    assert_eq!(entries(&world).len(), expected.len());
}
