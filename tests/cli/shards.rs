//! check: the shards of document databases.

use pumice::vfs::os::OsVfs;
use pumice::vfs::{OpenMode, Vfs};
use serde_json::Value;

use crate::program::{Place, names};

/// A directory with a database of two shards and a document in each; where the shards are.
fn with_shards() -> (Place, Vec<String>) {
    let place = Place::with_database();
    let mut daemon = place.daemon(&[]);
    assert!(daemon.request("PUT", "/db", "").starts_with("HTTP/1.1 201"));
    for id in ["doc1", "robert"] {
        let body = format!("{{\"text\":\"content of {id}\"}}");
        assert!(daemon.request("PUT", &format!("/db/{id}"), &body).starts_with("HTTP/1.1 201"));
    }
    assert_eq!(daemon.stop(), 0);
    let shards = ["00000000-7fffffff", "80000000-ffffffff"].map(|range| {
        let file = names(&place.path(&format!("demo/shards/{range}")));
        let file = file.iter().find(|name| name.ends_with(".pumice")).unwrap();
        format!("shards/{range}/{file}")
    });
    (place, shards.to_vec())
}

fn damage(place: &Place, file: &str, words: &str) -> u64 {
    let bytes = place.read(file);
    let at = bytes.windows(words.len()).position(|window| window == words.as_bytes()).unwrap();
    let file = OsVfs.open(&place.path(file), OpenMode::ReadWrite).unwrap();
    file.write_all_at(b"#", at as u64).unwrap();
    at as u64
}

fn rows(place: &Place) -> Vec<Value> {
    let ran = place.demo(&["--json", "check"]);
    assert!(ran.code <= 1, "{ran:?}");
    ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn of<'a>(rows: &'a [Value], shard: &str) -> &'a Value {
    rows.iter().find(|row| row["file"].as_str().unwrap().ends_with(shard)).unwrap()
}

#[test]
fn shards_are_checked_with_the_datastores_and_their_damage_is_named() {
    let (place, shards) = with_shards();
    let sound = place.demo_ok(&["check"]);
    for shard in &shards {
        assert!(sound.contains(&format!("{shard}  sound")), "{sound}");
    }
    let at = damage(&place, &format!("demo/{}", shards[1]), "content of doc1");
    let ran = place.demo(&["check"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains(&format!("{}  1 damaged place", shards[1])), "{}", ran.out);
    assert!(ran.out.contains(&format!("{}  sound", shards[0])), "{}", ran.out);
    let rows = rows(&place);
    let position = of(&rows, &shards[1])["problems"][0]["position"].as_u64().unwrap();
    assert!(position <= at && at - position < 512, "{rows:?}");
}

#[test]
fn a_daemon_checks_shards_that_it_reads_and_writes_and_ones_that_do_not_open() {
    let (place, shards) = with_shards();
    let mut daemon = place.daemon(&[]);
    assert!(rows(&place).iter().all(|row| row["sound"] == true));
    damage(&place, &format!("demo/{}", shards[0]), "content of robert");
    let ran = place.demo(&["check"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains(&format!("{}  1 damaged place", shards[0])), "{}", ran.out);
    assert!(ran.out.contains(&format!("{}  sound", shards[1])), "{}", ran.out);
    assert_eq!(daemon.stop(), 0);

    OsVfs.remove(&place.path(&format!("demo/{}", shards[1]))).unwrap();
    let mut daemon = place.daemon(&[]);
    let rows = rows(&place);
    assert_eq!(
        (&of(&rows, &shards[0])["sound"], &of(&rows, &shards[1])["sound"]),
        (&false.into(), &false.into())
    );
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn a_shard_that_is_missing_is_named() {
    let (place, shards) = with_shards();
    OsVfs.remove(&place.path(&format!("demo/{}", shards[0]))).unwrap();
    let ran = place.demo(&["check"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains("the shard of a database is missing"), "{}", ran.out);
    assert_eq!(of(&rows(&place), &shards[0])["sound"], false);
}
