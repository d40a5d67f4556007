//! redis: a server of its own over a Unix socket, append-only file with `appendfsync always`.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use redis::{Client, Commands, Connection, ConnectionInfo, IntoConnectionInfo};

use crate::store::{self, Key, Options, Outcome, Put, Reader, Scanned, Writer, touch};

/// How long a server may take to load its data.
const PATIENCE: Duration = Duration::from_secs(300);
const POLL: Duration = Duration::from_millis(1);
/// Entries asked for at once in a scan.
const SCAN_COUNT: usize = 1000;

pub struct Redis {
    server: Child,
    client: Client,
    asking: Mutex<Connection>,
}

impl Redis {
    pub fn open(dir: &Path, options: Options) -> Outcome<Self> {
        let dir = dir.canonicalize()?;
        let socket = dir.join("redis.sock");
        let mut server = start(&dir, &socket, options)?;
        let info: ConnectionInfo =
            format!("redis+unix://{}", socket.display()).into_connection_info()?;
        let client = Client::open(info)?;
        let asking = Mutex::new(wait_until_loaded(&client, &mut server)?);
        Ok(Self { server, client, asking })
    }

    fn ask<T>(&self, ask: impl FnOnce(&mut Connection) -> Outcome<T>) -> Outcome<T> {
        ask(&mut *self.asking.lock().map_err(|_| "a thread panicked")?)
    }
}

fn start(dir: &Path, socket: &Path, options: Options) -> Outcome<Child> {
    let mut command = Command::new("redis-server");
    command.args(["--port", "0", "--save", "", "--appendonly", "yes", "--unixsocket"]);
    command.arg(socket).arg("--dir").arg(dir);
    command.args(["--appendfsync", if options.bulk { "no" } else { "always" }]);
    if !options.automatic {
        command.args(["--auto-aof-rewrite-percentage", "0"]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null());
    // SAFETY: one system call, which is safe to make between fork and exec. The server is to end with us, even
    // when we are killed.
    unsafe {
        command.pre_exec(|| {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            Ok(())
        });
    }
    Ok(command.spawn().map_err(|error| format!("redis-server: {error}"))?)
}

fn wait_until_loaded(client: &Client, server: &mut Child) -> Outcome<Connection> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(status) = server.try_wait()? {
            return Err(format!("redis-server ended: {status}").into());
        }
        if let Ok(mut connection) = client.get_connection()
            && redis::cmd("PING").query::<String>(&mut connection).is_ok()
        {
            return Ok(connection);
        }
        std::thread::sleep(POLL);
    }
    Err("redis-server does not answer".into())
}

impl store::Store for Redis {
    fn writer(&self) -> Outcome<Box<dyn Writer + '_>> {
        Ok(Box::new(RedisSession(self.client.get_connection()?)))
    }

    fn reader(&self) -> Outcome<Box<dyn Reader + '_>> {
        Ok(Box::new(RedisSession(self.client.get_connection()?)))
    }

    /// With `always`, each command waits for the sync of the whole file.
    fn sync(&self) -> Outcome<()> {
        self.ask(|connection| {
            let set = ["SET", "appendfsync", "always"];
            redis::cmd("CONFIG").arg(&set[..]).query::<()>(connection)?;
            redis::cmd("DEL").arg("sync").query::<i64>(connection)?;
            redis::cmd("SET").arg("sync").arg("sync").query::<()>(connection)?;
            redis::cmd("DEL").arg("sync").query::<i64>(connection)?;
            Ok(())
        })
    }

    fn compact(&self) -> Outcome<()> {
        self.ask(|connection| {
            redis::cmd("BGREWRITEAOF").query::<String>(connection)?;
            loop {
                std::thread::sleep(POLL);
                let info: String = redis::cmd("INFO").arg("persistence").query(connection)?;
                let busy = ["aof_rewrite_in_progress:1", "aof_rewrite_scheduled:1"];
                if !busy.iter().any(|busy| info.contains(busy)) {
                    return Ok(());
                }
            }
        })
    }

    fn pid(&self) -> u32 {
        self.server.id()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It answers by closing the connection.
        let _ = self.ask(|connection| {
            redis::cmd("SHUTDOWN").query::<()>(connection)?;
            Ok(())
        });
        if let Err(error) = self.server.wait() {
            eprintln!("redis-server: {error}");
        }
    }
}

struct RedisSession(Connection);

impl Writer for RedisSession {
    fn commit(&mut self, puts: &[Put<'_>], _durable: bool) -> Outcome<()> {
        let mut command = redis::cmd(if puts.len() == 1 { "SET" } else { "MSET" });
        for (key, value) in puts {
            command.arg(&key[..]).arg(*value);
        }
        Ok(command.query::<()>(&mut self.0)?)
    }
}

impl Reader for RedisSession {
    fn get(&mut self, key: &Key) -> Outcome<Option<usize>> {
        let value: Option<Vec<u8>> = self.0.get(&key[..])?;
        Ok(value.map(|value| touch(&value)))
    }

    fn scan(&mut self) -> Outcome<Scanned> {
        let mut scanned = Scanned::default();
        let mut cursor = 0_u64;
        loop {
            let (next, keys): (u64, Vec<Vec<u8>>) =
                redis::cmd("SCAN").arg(cursor).arg("COUNT").arg(SCAN_COUNT).query(&mut self.0)?;
            if !keys.is_empty() {
                let values: Vec<Vec<u8>> = redis::cmd("MGET").arg(&keys).query(&mut self.0)?;
                keys.iter().zip(&values).for_each(|(key, value)| scanned.see(key, value));
            }
            if next == 0 {
                return Ok(scanned);
            }
            cursor = next;
        }
    }
}
