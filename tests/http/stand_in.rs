//! A stand-in for a CouchDB: answers a replicator from what a CouchDB answered, and keeps what is written.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::client::Answer;
use crate::recorded::{Pair, bulk_documents, documents_in_parts, first_document};

/// What was asked of it.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub target: String,
    pub content_type: String,
    pub body: Vec<u8>,
}

/// The stand-in. Its thread ends with the process.
pub struct StandIn {
    pub address: SocketAddr,
    state: Arc<State>,
}

struct State {
    pairs: Vec<Pair>,
    asked: Mutex<Vec<Asked>>,
    /// Revisions that were written: id and revision.
    written: Mutex<Vec<(String, String)>>,
}

impl StandIn {
    pub fn start(pairs: Vec<Pair>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, written) = (Mutex::default(), Mutex::default());
        let state = Arc::new(State { pairs, asked, written });
        let serving = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = serving.clone();
                std::thread::spawn(move || state.serve(stream));
            }
        });
        Self { address, state }
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.state.asked.lock().unwrap().clone()
    }

    pub fn written(&self) -> Vec<(String, String)> {
        self.state.written.lock().unwrap().clone()
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let header = |name: &str| {
        let pairs = lines.iter().filter_map(|line| line.split_once(": "));
        pairs.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    };
    let mut body = Vec::new();
    if header("transfer-encoding").is_some() {
        loop {
            let mut size = String::new();
            reader.read_line(&mut size).ok()?;
            let size = u64::from_str_radix(size.trim(), 16).ok()?;
            reader.take(size).read_to_end(&mut body).ok()?;
            reader.read_line(&mut String::new()).ok()?;
            if size == 0 {
                break;
            }
        }
    } else if let Some(length) = header("content-length") {
        reader.take(length.parse().ok()?).read_to_end(&mut body).ok()?;
    }
    let mut words = lines.first()?.split(' ');
    Some(Asked {
        method: words.next()?.to_owned(),
        target: words.next()?.to_owned(),
        content_type: header("content-type").unwrap_or_default().to_owned(),
        body,
    })
}

fn of(status: u16, value: &Value) -> Answer {
    let headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
    Answer { status, phrase: String::new(), headers, body: value.to_string().into_bytes() }
}

impl State {
    fn serve(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        while let Some(asked) = read(&mut reader) {
            self.asked.lock().unwrap().push(asked.clone());
            let answer = self.answer(&asked);
            let content_type = answer.header("content-type").unwrap_or("application/json");
            let head = format!(
                "HTTP/1.1 {} X\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
                answer.status,
                answer.body.len()
            );
            if stream.write_all(&[head.as_bytes(), &answer.body].concat()).is_err() {
                return;
            }
        }
    }

    fn answer(&self, asked: &Asked) -> Answer {
        let below = asked.target.splitn(3, '/').nth(2).unwrap_or_default();
        let name = below.split('?').next().unwrap();
        match (asked.method.as_str(), name) {
            ("GET", "") => of(200, &json!({})),
            ("GET", _) if name.starts_with("_local/") => of(404, &json!({ "error": "not_found" })),
            ("PUT", _) if name.starts_with("_local/") => {
                of(201, &json!({ "ok": true, "rev": "0-1" }))
            }
            ("POST", "_ensure_full_commit") => of(201, &json!({ "ok": true })),
            (_, "_changes") => self.changes(),
            ("POST", "_bulk_get") => of(200, &self.bulk_get(asked)),
            ("POST", "_revs_diff") => of(200, &self.revs_diff(asked)),
            ("POST", "_bulk_docs") => {
                let body: Value = serde_json::from_slice(&asked.body).unwrap();
                assert_eq!(body["new_edits"], false);
                body["docs"].as_array().unwrap().iter().for_each(|document| self.write(document));
                of(201, &json!([]))
            }
            ("PUT", _) => {
                self.write(&first_document(&asked.body));
                of(201, &json!({ "ok": true }))
            }
            ("GET", _) => self.document(asked),
            _ => of(405, &json!({})),
        }
    }

    fn write(&self, document: &Value) {
        let text = |name: &str| document[name].as_str().unwrap().to_owned();
        self.written.lock().unwrap().push((text("_id"), text("_rev")));
    }

    /// The whole list: the last one that was asked for.
    fn changes(&self) -> Answer {
        let lists = self.pairs.iter().rev().filter(|pair| pair.below().contains("since=0"));
        lists.filter(|pair| pair.method == "GET").map(|pair| pair.answer.clone()).next().unwrap()
    }

    fn bulk_get(&self, asked: &Asked) -> Value {
        let body: Value = serde_json::from_slice(&asked.body).unwrap();
        let known = bulk_documents(&self.pairs);
        let item = |wanted: &Value| {
            let found = known.iter().find(|document| {
                document["_id"] == wanted["id"] && document["_rev"] == wanted["rev"]
            });
            json!({ "id": wanted["id"], "docs": [{ "ok": found.unwrap() }] })
        };
        let items: Vec<_> = body["docs"].as_array().unwrap().iter().map(item).collect();
        json!({ "results": items })
    }

    fn revs_diff(&self, asked: &Asked) -> Value {
        let body: Value = serde_json::from_slice(&asked.body).unwrap();
        let written = self.written.lock().unwrap();
        let mut diff = serde_json::Map::new();
        for (id, revs) in body.as_object().unwrap() {
            let is_missing =
                |rev: &&Value| !written.contains(&(id.clone(), rev.as_str().unwrap().to_owned()));
            let missing: Vec<_> = revs.as_array().unwrap().iter().filter(is_missing).collect();
            if !missing.is_empty() {
                diff.insert(id.clone(), json!({ "missing": missing }));
            }
        }
        Value::Object(diff)
    }

    /// A document in parts. By `rev` with `latest` a CouchDB answers the winner, whatever the revision.
    fn document(&self, asked: &Asked) -> Answer {
        let documents = documents_in_parts(&self.pairs);
        let below = asked.target.splitn(3, '/').nth(2).unwrap();
        let id = below.split('?').next().unwrap().replace("%2F", "/");
        let of_id = documents.iter().filter(|(named, _)| named["_id"] == id.as_str());
        let wanted = asked.target.split("open_revs=%5B%22").nth(1);
        let Some(rev) = wanted.and_then(|wanted| wanted.split("%22").next()) else {
            let winner = of_id.max_by_key(|(named, _)| named["_rev"].as_str().unwrap()).unwrap();
            return winner.1.clone();
        };
        let mut found = of_id.filter(|(named, _)| named["_rev"] == rev);
        found.next().map_or_else(|| of(404, &json!({})), |(_, answer)| answer.clone())
    }
}
