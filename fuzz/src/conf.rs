//! `ncs.conf`: any text is read or refused with its problems in words, and every value shown is read again.

use std::path::Path;

use pumice::conf::{Conf, settings};
use pumice::vfs::mem::MemVfs;

const PATH: &str = "/etc/ncs.conf";

pub fn run(input: &[u8]) {
    let vfs = MemVfs::new();
    vfs.put(Path::new(PATH), input.to_vec());
    let lookup = |name: &str| match name {
        "HOME" => Some("/home/me".to_owned()),
        "SIZE" => Some("10 MB".to_owned()),
        _ => None,
    };
    match Conf::load(&vfs, Path::new(PATH), &lookup) {
        Err(problems) => assert!(!problems.to_string().is_empty()),
        Ok(loaded) => {
            for warning in &loaded.warnings {
                assert!(!warning.to_string().is_empty());
            }
            shown_is_read(&loaded.conf);
        }
    }
}

fn shown_is_read(conf: &Conf) {
    let mut again = Conf::default();
    for setting in settings() {
        for text in setting.show(conf) {
            setting
                .put(&mut again, &text)
                .unwrap_or_else(|error| panic!("{}: {text:?}: {error}", setting.path));
        }
        assert_eq!(setting.show(&again), setting.show(conf), "{}", setting.path);
    }
}
