use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::cdb::{Cdb, OpenError};
use crate::vfs::mem::MemVfs;
use crate::vfs::{Vfs, write_file};

fn with_files(files: &[(&str, &str)]) -> Arc<dyn Vfs> {
    let vfs = MemVfs::new().shared();
    for (path, text) in files {
        let path = Path::new(path);
        vfs.create_dir(path.parent().unwrap()).unwrap();
        write_file(&*vfs, path, text.as_bytes()).unwrap();
    }
    vfs
}

#[test]
fn an_empty_database_starts_with_its_init_files_in_one_transaction() {
    let vfs = with_files(&[
        (
            "/init/b.xml",
            "<config xmlns=\"http://tail-f.com/ns/config/1.0\"><a><x>1</x></a><b>2</b></config>",
        ),
        ("/init/a.json", "{\"a\": {\"y\": true}}"),
        ("/init/readme.txt", "not me"),
        ("/db/own.xml", "<c>3</c>"),
    ]);
    let open = || {
        Cdb::options().vfs(vfs.clone()).init_dir("/init").init_dir("/missing").open("/db").unwrap()
    };
    let cdb = open();
    assert_eq!(cdb.transaction_id(Datastore::Config).get(), 1);
    assert_eq!(children(&config(&cdb), "/"), ["/a", "/b", "/c"]);
    assert_eq!(text(&config(&cdb), "/a/y").unwrap(), "true");
    cdb.write(Datastore::Config, |tx| tx.delete("/b")).unwrap();
    drop(cdb);
    let cdb = open();
    assert_eq!(cdb.transaction_id(Datastore::Config).get(), 2);
    assert!(!config(&cdb).exists("/b").unwrap());
}

#[test]
fn a_faulty_init_file_is_named_and_nothing_is_loaded() {
    let vfs = with_files(&[("/db/a.xml", "<a>1</a>"), ("/db/b.xml", "<b>\n<c></b>")]);
    let open = || Cdb::options().vfs(vfs.clone()).open("/db");
    let error = open().unwrap_err();
    assert!(matches!(error, OpenError::InitFile(_)));
    assert!(error.to_string().starts_with("init file /db/b.xml:2:"), "{error}");
    vfs.remove(Path::new("/db/b.xml")).unwrap();
    assert_eq!(text(&config(&open().unwrap()), "/a").unwrap(), "1");
}
