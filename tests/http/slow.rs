//! As many slow clients as there is room for, and an honest one beside them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::Place;
use crate::client::{ADMIN, request};
use pumice::http::HttpOptions;

/// All the room that there is by default.
const SLOW: usize = 2_000;
/// What the server waits for each of them.
const SERVER_PATIENCE: Duration = Duration::from_secs(2);
/// Bytes that are dribbled until the server must have let go.
const BYTES_MAX: usize = 2_000;

/// Connections that are made without waiting for the server to accept them.
const AT_A_TIME: usize = 50;
/// Honest requests between two bytes.
const HONEST: usize = 4;

/// Connections, each with its beginning sent. As many as there are descriptors for, both ends being in this process.
fn open(place: &Place, beginnings: &[&[u8]]) -> Vec<TcpStream> {
    let mut slow = Vec::new();
    for number in 0..SLOW {
        if number % AT_A_TIME == 0 {
            // Answered when all before it were accepted: the system keeps only so many that were not.
            assert_eq!(place.ask("GET", "/", "").status, 200);
        }
        let Ok(mut stream) = TcpStream::connect(place.address()) else {
            println!(
                "{number} connections are all that can be opened here; a third of them is used"
            );
            slow.truncate(number / 3);
            break;
        };
        // Who is let go already has been let go.
        let _sent = stream.write_all(beginnings[number % beginnings.len()]);
        stream.set_nonblocking(true).unwrap();
        slow.push(stream);
    }
    slow
}

/// Whether the server has ended it.
fn is_over(stream: &mut TcpStream) -> bool {
    let mut space = [0; 256];
    match stream.read(&mut space) {
        Ok(count) => count == 0,
        Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
    }
}

#[test]
fn two_thousand_slow_clients_are_let_go_though_they_dribble_and_an_honest_one_is_served() {
    let options = HttpOptions {
        head_timeout: SERVER_PATIENCE,
        stall_timeout: SERVER_PATIENCE,
        ..HttpOptions::default()
    };
    let place = Place::with(true, options);
    place.done("PUT", "/db", "");
    let (name, value) = ADMIN;
    let body = format!(
        "POST /db/_bulk_docs HTTP/1.1\r\nHost: x\r\n{name}: {value}\r\nContent-Type: application/json\r\n\
         Content-Length: 1000000\r\n\r\n{{"
    );
    let chunks = body.replace("Content-Length: 1000000", "Transfer-Encoding: chunked");
    let chunks = chunks.replace('{', "fffff\r\n{");
    let head = b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: ";
    let slow = open(&place, &[b"", head, body.as_bytes(), chunks.as_bytes()]);
    let mut slow: Vec<_> = slow.into_iter().enumerate().collect();
    // The honest one waits for a place at most as long as the slow ones are waited for.
    assert_eq!(place.ask("PUT", "/db/honest", "{}").status, 201);
    let mut bytes = 0;
    while !slow.is_empty() {
        // Nobody sends to who is over; all others go on, but for those who never said anything.
        slow.retain_mut(|(_, stream)| !is_over(stream));
        for (_, stream) in slow.iter_mut().filter(|(number, _)| number % 4 != 0) {
            let _sent = stream.write_all(b" ");
        }
        // Between two bytes the honest one is served several times: they come by far slower than 1 KiB a second.
        for _ in 0..HONEST {
            assert_eq!(place.ask("GET", "/db/honest", "").status, 200);
        }
        bytes += 1;
        assert!(bytes < BYTES_MAX, "{} are not let go", slow.len());
    }
}

#[test]
fn hundreds_that_take_nothing_of_a_long_answer_are_let_go_and_an_honest_one_is_served() {
    let options = HttpOptions { stall_timeout: SERVER_PATIENCE, ..HttpOptions::default() };
    let place = Place::with(true, options);
    place.done("PUT", "/db", "");
    let headers = [ADMIN, ("Content-Type", "application/octet-stream")];
    assert_eq!(place.raw("PUT", "/db/x/a", &headers, &vec![7; 12 << 20]).status, 201);
    let greedy: Vec<_> = (0..200)
        .map(|_| {
            let mut stream = TcpStream::connect(place.address()).unwrap();
            stream.write_all(&request("GET", "/db/x/a", &[ADMIN], b"")).unwrap();
            stream
        })
        .collect();
    assert_eq!(place.ask("PUT", "/db/honest", "{}").status, 201);
    assert_eq!(place.ask("GET", "/db/_all_docs", "").json()["total_rows"], 2);
    // Ends only when all of them were let go, though they hold on.
    place.server.stop();
    drop(greedy);
}
