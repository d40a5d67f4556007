//! One client: requests in, answers out.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, watch};

use crate::service::{Cancel, Class, Failure, Message, Request, Service};

/// The longest request that is read; only a text to load can come near it.
const REQUEST_BYTES_MAX: u64 = 256 << 20;

/// Messages that may wait for a slow client before the work waits for it.
const MESSAGES_MAX: usize = 16;

/// How long the end waits for a client that does not read what it asked for.
const READING_PATIENCE: Duration = Duration::from_secs(2);

/// Serves a client until it goes, or until `ending` is told and its request is done.
pub async fn serve(service: Arc<Service>, stream: UnixStream, mut ending: watch::Receiver<bool>) {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    loop {
        let line = tokio::select! {
            line = next_line(&mut read) => line,
            () = told(&mut ending) => return,
        };
        let request = match &line {
            Ok(None) => return,
            Ok(Some(line)) => serde_json::from_str::<Request>(line).map_err(|e| e.to_string()),
            Err(error) => Err(error.to_string()),
        };
        let going = match request {
            Ok(request) => answer(&service, request, &mut read, &mut write, &mut ending).await,
            Err(reason) => {
                let failure = Failure::usage(format!("not a request: {reason}"));
                send(&mut write, &Message::Failure(failure), &mut ending).await
            }
        };
        // After what is no line nobody knows where the next one begins.
        if !going || line.is_err() {
            return;
        }
    }
}

/// The next line; `None` at the end, where half a line is none.
///
/// # Errors
/// What is no line of text, and a line that is too long.
async fn next_line(read: &mut BufReader<OwnedReadHalf>) -> io::Result<Option<String>> {
    let mut line = String::new();
    let count = read.take(REQUEST_BYTES_MAX).read_line(&mut line).await?;
    if count as u64 == REQUEST_BYTES_MAX && !line.ends_with('\n') {
        return Err(io::Error::other(format!("longer than {REQUEST_BYTES_MAX} bytes")));
    }
    Ok(line.ends_with('\n').then_some(line))
}

/// Executes one request on the blocking pool; `false` when the client has gone.
async fn answer(
    service: &Arc<Service>,
    request: Request,
    read: &mut BufReader<OwnedReadHalf>,
    write: &mut OwnedWriteHalf,
    ending: &mut watch::Receiver<bool>,
) -> bool {
    let (sender, mut messages) = mpsc::channel(MESSAGES_MAX);
    let cancel = Arc::new(Cancel::new());
    let work = {
        let (service, cancel) = (service.clone(), cancel.clone());
        tokio::task::spawn_blocking(move || {
            let mut emit = |event| sender.blocking_send(Message::Event(event)).is_ok();
            let last = match service.execute(request, &cancel, &mut emit) {
                Ok(reply) => Message::Reply(reply),
                Err(failure) => Message::Failure(failure),
            };
            drop(sender.blocking_send(last));
        })
    };
    let mut told_ending = *ending.borrow();
    if told_ending {
        cancel.cancel();
    }
    let mut here = true;
    loop {
        tokio::select! {
            message = messages.recv() => match message {
                Some(message) => here = here && send(write, &message, ending).await,
                None => break,
            },
            // A client has nothing to say before its answer: an end of its side means that it is gone.
            () = gone(read), if here => here = false,
            () = told(ending), if !told_ending => {
                told_ending = true;
                cancel.cancel();
            }
        }
        if !here {
            cancel.cancel();
            messages.close();
        }
    }
    if work.await.is_err() {
        let failure = Failure::new(Class::Fault, "internal", "the request made the server panic");
        here = here && send(write, &Message::Failure(failure), ending).await;
    }
    here
}

/// Waits for the server to end.
async fn told(ending: &mut watch::Receiver<bool>) {
    drop(ending.wait_for(|ending| *ending).await);
}

/// Waits for the client to go.
async fn gone(read: &mut BufReader<OwnedReadHalf>) {
    match read.fill_buf().await {
        Ok([]) | Err(_) => {}
        // The next request, ahead of time: it is read later.
        Ok(_) => std::future::pending().await,
    }
}

/// Sends a message; `false` when the client has gone, or the server ends and the client does not read.
async fn send(
    write: &mut OwnedWriteHalf,
    message: &Message,
    ending: &mut watch::Receiver<bool>,
) -> bool {
    let Ok(mut line) = serde_json::to_vec(message) else {
        return false;
    };
    line.push(b'\n');
    let given_up = async {
        told(ending).await;
        tokio::time::sleep(READING_PATIENCE).await;
    };
    tokio::select! {
        written = write.write_all(&line) => written.is_ok(),
        () = given_up => false,
    }
}
