//! What XML and JSON have in common: a source is loaded, saved, and loaded again.

use std::sync::OnceLock;

use pumice::cdb::{
    BytesSource, Cdb, Datastore, Format, LoadMode, LoadOptions, OnDuplicate, ReadView, SaveError,
    SaveOptions, WriteTransaction,
};

fn cdb() -> &'static Cdb {
    static CDB: OnceLock<Cdb> = OnceLock::new();
    CDB.get_or_init(|| Cdb::in_memory().unwrap())
}

fn begin() -> WriteTransaction {
    cdb().begin_write(Datastore::Config).unwrap()
}

fn options(format: Format, flags: u8) -> LoadOptions {
    LoadOptions {
        format: Some(format),
        mode: if flags & 1 == 0 { LoadMode::Merge } else { LoadMode::Replace },
        on_duplicate: if flags & 2 == 0 { OnDuplicate::Refuse } else { OnDuplicate::Merge },
        keys: Vec::new(),
        known_keys: match flags & 4 {
            0 => Vec::new(),
            _ => vec!["/l=k".parse().unwrap(), "/c/m=a,b:uint8".parse().unwrap()],
        },
        kinds: Vec::new(),
        single: flags & 16 != 0,
        sort: flags & 8 != 0,
        max_size_bytes: 1 << 20,
        preserved: Vec::new(),
    }
}

/// The tree with its types as text; `None` where XML has no way to say it.
fn saved(view: &ReadView, format: Format) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    match view.save("/", SaveOptions::new(format).with_types(), &mut out) {
        Ok(_) => Some(out),
        Err(SaveError::Character { .. }) if format == Format::Xml => None,
        Err(error) => panic!("what was loaded cannot be saved: {error}"),
    }
}

pub fn round_trip(format: Format, input: &[u8]) {
    let Some((flags, text)) = input.split_first() else { return };
    let mut tx = begin();
    let source = BytesSource::new("input", text);
    if tx.load(&source, &options(format, *flags)).is_err() {
        return;
    }
    let view = tx.view();
    let json = saved(&view, Format::Json).expect("JSON can say everything");
    for format in [Format::Xml, Format::Json] {
        let Some(text) = saved(&view, format) else { continue };
        let mut again = begin();
        let source = BytesSource::new("saved", &text);
        let options = LoadOptions { format: Some(format), ..LoadOptions::default() };
        if let Err(error) = again.load(&source, &options) {
            panic!("what was saved does not load: {error}\n{}", String::from_utf8_lossy(&text));
        }
        let found = saved(&again.view(), Format::Json).expect("JSON can say everything");
        assert_eq!(
            String::from_utf8_lossy(&found),
            String::from_utf8_lossy(&json),
            "another tree came back through\n{}",
            String::from_utf8_lossy(&text)
        );
    }
}
