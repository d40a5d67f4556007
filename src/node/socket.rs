//! The name of the socket in the data directory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::UnixListener;

use crate::service::{Class, Failure};
use crate::vfs::{Vfs, os};

/// The socket of a daemon, in its data directory.
const SOCKET: &str = "pumice.sock";

/// What the address of a socket has room for, on the narrowest of our systems (macOS: 104 with the final zero).
const PATH_BYTES_MAX: usize = 103;

/// Where the daemon of a directory listens.
pub fn path(directory: &Path) -> PathBuf {
    directory.join(SOCKET)
}

/// The socket's name while it lasts; it is removed with this.
#[derive(Debug)]
pub struct SocketName {
    vfs: Arc<dyn Vfs>,
    path: PathBuf,
}

impl Drop for SocketName {
    fn drop(&mut self) {
        if let Err(error) = self.vfs.remove(&self.path) {
            tracing::warn!(%error, "the socket could not be removed");
        }
    }
}

/// Listens. The caller has the directory's lock, so a socket that is there is a dead daemon's.
///
/// It is made under another name and gets its own when its mode is right, so that nobody else can connect in between.
pub fn listen(vfs: &Arc<dyn Vfs>, directory: &Path) -> Result<(UnixListener, SocketName), Failure> {
    let path = path(directory);
    let made = path.with_extension("new");
    if path.as_os_str().len() > PATH_BYTES_MAX {
        let reason = format!("the path of the socket is too long: {}", path.display());
        let hint = format!(
            "at most {PATH_BYTES_MAX} bytes; name the directory by a shorter or a relative path"
        );
        return Err(Failure::usage(reason).hint(hint));
    }
    for left_over in [&path, &made] {
        if vfs.exists(left_over)? {
            vfs.remove(left_over)?;
        }
    }
    let listener = UnixListener::bind(&made).map_err(|error| {
        let reason = format!("cannot listen on {}: {error}", path.display());
        Failure::new(Class::Disk, "io", reason)
    })?;
    os::make_private(&made)?;
    vfs.rename(&made, &path)?;
    Ok((listener, SocketName { vfs: vfs.clone(), path }))
}
