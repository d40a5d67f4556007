//! Requests whose end, name or server can be read in two ways, each with a whole request hidden behind it. Whatever stands between
//! a client and this server may have read it the other way, so: at most one answer, then the connection is over, and neither
//! request was done. What RFC 9112 allows in one way only is done, and so is the request behind it.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::Place;
use crate::client::ADMIN;
use crate::smuggling_corpus::{allowed, refused};
use pumice::http::HttpOptions;

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// What the server waits for a client: connections that are kept end by it.
const SERVER_PATIENCE: Duration = Duration::from_secs(2);

/// A request that makes a document, with what is wrong in it.
#[derive(Clone, Debug)]
pub struct Case {
    /// The first line, with its end; `{}` stands for the document.
    pub line: String,
    pub fields: String,
    pub body: String,
    /// Whether the connection is used for the request behind it.
    pub is_kept: bool,
}

impl Case {
    pub fn new(line: &str, fields: &str, body: &str) -> Self {
        let (line, fields) = (line.to_owned(), fields.to_owned());
        Self { line, fields, body: body.to_owned(), is_kept: true }
    }

    fn bytes(&self, id: &str) -> Vec<u8> {
        let Self { line, fields, body, .. } = self;
        let (line, (name, value)) = (line.replace("{}", id), ADMIN);
        format!("{line}{name}: {value}\r\n{fields}\r\n{body}").into_bytes()
    }
}

fn good(id: &str) -> Vec<u8> {
    Case::new("PUT /db/{} HTTP/1.1\r\n", "Host: x\r\nContent-Length: 2\r\n", "{}").bytes(id)
}

struct Sent {
    case: Case,
    stream: TcpStream,
}

fn send(place: &Place, case: Case, bytes: &[u8]) -> Sent {
    let mut stream = TcpStream::connect(place.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // A server that has answered already may not take the rest.
    let _sent = stream.write_all(bytes);
    Sent { case, stream }
}

impl Sent {
    /// The statuses of all answers until the connection ended.
    fn statuses(&mut self) -> Vec<u16> {
        let mut bytes = Vec::new();
        // A reset is an end too; silence is not.
        if let Err(error) = self.stream.read_to_end(&mut bytes) {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{:?}", self.case);
        }
        let mut rest = bytes.as_slice();
        let mut statuses = Vec::new();
        while !rest.is_empty() {
            let (status, behind) = answer(rest)
                .unwrap_or_else(|| panic!("{:?}: {}", self.case, String::from_utf8_lossy(rest)));
            statuses.push(status);
            rest = behind;
        }
        statuses
    }
}

/// One whole answer in front of `bytes`, and what is behind it.
fn answer(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?.to_ascii_lowercase();
    let status = head.strip_prefix("http/1.1 ").or(head.strip_prefix("http/1.0 "))?;
    let length = head.split("content-length: ").nth(1)?.lines().next()?.parse::<usize>().ok()?;
    Some((status.get(..3)?.parse().ok()?, bytes.get(end + 4 + length..)?))
}

fn place() -> Place {
    let place = Place::with(
        true,
        HttpOptions {
            head_timeout: SERVER_PATIENCE,
            stall_timeout: SERVER_PATIENCE,
            ..HttpOptions::default()
        },
    );
    place.done("PUT", "/db", "");
    place
}

fn documents(place: &Place) -> BTreeSet<String> {
    let rows = place.done("GET", "/db/_all_docs", "");
    let ids = rows["rows"].as_array().unwrap().iter();
    ids.map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

fn is_refusal(status: u16) -> bool {
    matches!(status, 400..=499 | 501 | 505)
}

#[test]
fn the_corpus_has_at_least_two_hundred_requests_that_can_be_read_in_two_ways() {
    let distinct: BTreeSet<_> = refused().iter().map(|case| case.bytes("x")).collect();
    println!("{} requests", distinct.len());
    assert!(distinct.len() >= 200, "{}", distinct.len());
    assert_eq!(distinct.len(), refused().len());
}

#[test]
fn what_can_be_read_in_two_ways_is_not_done_and_nothing_behind_it() {
    let place = place();
    let corpus = refused().into_iter().enumerate();
    let mut sent: Vec<_> = corpus
        .map(|(n, case)| {
            let bytes = [case.bytes(&format!("first{n}")), good(&format!("hidden{n}"))].concat();
            send(&place, case, &bytes)
        })
        .collect();
    assert_eq!(place.ask("PUT", "/db/honest", "{}").status, 201);
    let wrong: Vec<_> = sent
        .iter_mut()
        .map(|sent| (sent.statuses(), &sent.case))
        .filter(|(statuses, _)| {
            statuses.len() > 1 || !statuses.iter().all(|status| is_refusal(*status))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(documents(&place), BTreeSet::from(["honest".to_owned()]));
}

#[test]
fn nor_is_it_behind_a_good_request_on_the_same_connection() {
    let place = place();
    let corpus = refused().into_iter().enumerate();
    let mut sent: Vec<_> = corpus
        .map(|(n, case)| {
            let (first, hidden) = (case.bytes(&format!("first{n}")), good(&format!("hidden{n}")));
            let bytes = [good(&format!("good{n}")), first, hidden].concat();
            send(&place, case, &bytes)
        })
        .collect();
    let is_refused = |statuses: &[u16]| match statuses {
        [201] => true,
        [201, second] => is_refusal(*second),
        _ => false,
    };
    let answered = sent.iter_mut().map(|sent| (sent.statuses(), &sent.case));
    let wrong: Vec<_> = answered.filter(|(statuses, _)| !is_refused(statuses)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let expected = (0..sent.len()).map(|n| format!("good{n}")).collect();
    assert_eq!(documents(&place), expected);
}

#[test]
fn what_can_be_read_in_one_way_only_is_done_and_so_is_what_comes_behind_it() {
    let place = place();
    let mut expected = BTreeSet::new();
    let mut sent = Vec::new();
    for (n, case) in allowed().into_iter().enumerate() {
        let (first, behind) = (format!("first{n}"), format!("behind{n}"));
        let bytes = [case.bytes(&first), good(&behind)].concat();
        expected.insert(first);
        if case.is_kept {
            expected.insert(behind);
        }
        sent.push(send(&place, case, &bytes));
    }
    for sent in &mut sent {
        let answers = if sent.case.is_kept { 2 } else { 1 };
        assert_eq!(sent.statuses(), vec![201; answers], "{:?}", sent.case);
    }
    assert_eq!(documents(&place), expected);
}
