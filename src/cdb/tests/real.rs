//! Real trees: they run where `PUMICE_REAL_DATA` names a folder with `yang-library/*.xml`; a folder without them fails.

use std::path::PathBuf;
use std::sync::Arc;

use super::*;
use crate::cdb::*;
use crate::journal::CompactionControl;
use crate::vfs::Vfs;
use crate::vfs::mem::MemVfs;
use crate::vfs::os::OsVfs;

fn real_trees() -> Option<(Arc<dyn Vfs>, Vec<PathBuf>)> {
    let dir = PathBuf::from(std::env::var_os("PUMICE_REAL_DATA")?).join("yang-library");
    let vfs = OsVfs::shared();
    let names = vfs.list(&dir).unwrap();
    let files: Vec<PathBuf> =
        names.iter().filter(|name| name.contains(".xml")).map(|name| dir.join(name)).collect();
    assert!(!files.is_empty(), "no trees in {}", dir.display());
    Some((vfs, files))
}

fn options(mode: LoadMode) -> LoadOptions {
    let keys = [
        "/yang-library/module-set=name",
        "/yang-library/module-set/module=name",
        "/yang-library/module-set/module/submodule=name",
    ];
    LoadOptions {
        mode,
        on_duplicate: OnDuplicate::Merge,
        keys: keys.iter().map(|key| key.parse().unwrap()).collect(),
        ..LoadOptions::default()
    }
}

fn load(cdb: &Cdb, source: &dyn Source, mode: LoadMode) -> Loaded {
    cdb.load(Datastore::Config, source, &options(mode), &Author::default()).unwrap()
}

#[test]
fn successive_releases_replace_each_other_and_come_back_value_for_value() {
    let Some((vfs, files)) = real_trees() else {
        return;
    };
    let disk = MemVfs::new().shared();
    let open = || Cdb::options().vfs(disk.clone()).open("/db").unwrap();
    let cdb = open();
    let mut states = Vec::new();
    for file in &files {
        let source = FileSource::new(vfs.clone(), file);
        let loaded = load(&cdb, &source, LoadMode::Replace);
        assert!(loaded.named > 1_000, "{}", file.display());
        let view = config(&cdb);
        let fresh = self::cdb();
        load(&fresh, &source, LoadMode::Merge);
        assert_eq!(view.get_object("/").unwrap(), config(&fresh).get_object("/").unwrap());
        check(&cdb, Datastore::Config);
        states.push((cdb.transaction_id(Datastore::Config), view));
    }
    for pair in states.windows(2) {
        let [(old, before), (new, after)] = pair else {
            continue;
        };
        if old == new {
            continue;
        }
        let diff = cdb.diff_transactions(Datastore::Config, *old, *new).unwrap();
        let changes = |test: fn(&ChangeKind) -> bool| {
            i64::try_from(diff.into_iter().filter(|change| test(&change.kind)).count()).unwrap()
        };
        let created = changes(|kind| matches!(kind, ChangeKind::Created { .. }));
        let deleted = changes(|kind| matches!(kind, ChangeKind::Deleted { .. }));
        let count = |view: &ReadView| i64::try_from(view.node_count().unwrap()).unwrap();
        assert_eq!(created - deleted, count(after) - count(before));
    }
    let last = config(&cdb).get_object("/").unwrap();
    cdb.store(Datastore::Config).compact(&Default::default(), &CompactionControl::new()).unwrap();
    assert_eq!(config(&cdb).get_object("/").unwrap(), last);
    drop(cdb);
    let cdb = open();
    assert_eq!(config(&cdb).get_object("/").unwrap(), last);
    for format in [Format::Xml, Format::Json] {
        let mut out = Vec::new();
        config(&cdb).save("/", SaveOptions::new(format), &mut out).unwrap();
        let fresh = self::cdb();
        let mut options = options(LoadMode::Merge);
        options.format = Some(format);
        options.on_duplicate = OnDuplicate::Refuse;
        let source = BytesSource::new("saved", &out);
        fresh.load(Datastore::Config, &source, &options, &Author::default()).unwrap();
        assert_eq!(config(&fresh).get_object("/").unwrap(), last);
    }
}
