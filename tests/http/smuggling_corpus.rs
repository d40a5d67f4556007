//! The requests of `smuggling`, made from tables.

use crate::smuggling::Case;

const LINE: &str = "PUT /db/{} HTTP/1.1\r\n";
const CHUNKS: &str = "2\r\n{}\r\n0\r\n\r\n";

/// Lengths that are none.
const LENGTHS: &[&str] = &[
    "+2",
    "-2",
    "2 2",
    "2,2",
    "2, 2",
    "2, 3",
    "2;3",
    "2\t3",
    "0x2",
    "0b10",
    "2.0",
    "2e0",
    "2a",
    "a2",
    "1_0",
    "--2",
    "2-",
    "NaN",
    "inf",
    "\"2\"",
    "'2'",
    "(2)",
    "\u{ff12}",
    "2\u{a0}",
    "\u{b}2",
    "2\u{c}",
    "",
    " ",
    ",",
    "2,",
    ",2",
    "chunked",
    "18446744073709551616",
    "18446744073709551618",
    "99999999999999999999",
    "-0",
    "+0",
    "0 ,2",
    "0,0",
];

/// Encodings that are not `chunked` and nothing else.
const ENCODINGS: &[&str] = &[
    "identity",
    "chunked, identity",
    "identity, chunked",
    "chunked, chunked",
    "chunked,chunked",
    "gzip",
    "gzip, chunked",
    "chunked, gzip",
    "deflate, chunked",
    "compress",
    "trailers",
    "xchunked",
    "chunkedx",
    "x chunked",
    "chunked x",
    "chunked;q=1",
    "chunked ,",
    ", chunked",
    "chunked,",
    ",chunked",
    ",",
    "",
    "\"chunked\"",
    "'chunked'",
    "chunk ed",
    "chunke",
    "\u{b}chunked",
    "chunked\u{b}",
    "chunked\u{c}",
    "\u{a0}chunked",
    "chunked\u{0}",
    "c\u{0}hunked",
    "chun\u{212a}ed",
    "cow",
    "2",
    "chunked-",
];

/// Ways to spell a header so that some read it and some do not; `N` is its name, `V` its value.
const SPELLINGS: &[&str] = &[
    "N : V\r\n",
    "N\t: V\r\n",
    " N: V\r\n",
    "\tN: V\r\n",
    "N\u{0}: V\r\n",
    "N\u{b}: V\r\n",
    "\u{a0}N: V\r\n",
    "N;: V\r\n",
    "N\r: V\r\n",
    "N:\rV\r\n",
    "N:\nV\r\n",
    "N:\r\n V\r\n",
    "N: V\rA: b\r\n",
    "N: V\nA: b\r\n",
    "N: V\n",
    "N: V\r",
    "A: b\nN: V\r\n",
    "A: b\rN: V\r\n",
    "A: b\u{0}\r\nN: V\r\n",
    "A: b\r\n c\r\nN: V\r\n",
    "N V\r\n",
    "N\r\n",
    ": V\r\nN: V\r\n",
    "A\r\nN: V\r\n",
    "N: V\r\r\n",
    "\"N\": V\r\n",
    "(N): V\r\n",
    "A b: c\r\nN: V\r\n",
];

/// Bodies in chunks that end in more than one place.
const BAD_CHUNKS: &[&str] = &[
    "+2\r\n{}\r\n0\r\n\r\n",
    "-2\r\n{}\r\n0\r\n\r\n",
    "0x2\r\n{}\r\n0\r\n\r\n",
    " 2\r\n{}\r\n0\r\n\r\n",
    "2 \r\n{}\r\n0\r\n\r\n",
    "2\t\r\n{}\r\n0\r\n\r\n",
    "2\n{}\r\n0\r\n\r\n",
    "2\r{}\r\n0\r\n\r\n",
    "2\r\n{}\n0\r\n\r\n",
    "2\r\n{}\r0\r\n\r\n",
    "2\r\n{}0\r\n\r\n",
    "2\r\n{}\r\n0\n\n",
    "2\r\n{}\r\n0\n\r\n",
    "2\r\n{}\r\n\r\n0\r\n\r\n",
    "2\r\n{} \r\n0\r\n\r\n",
    "3\r\n{}\r\n0\r\n\r\n",
    "1\r\n{}\r\n0\r\n\r\n",
    "g\r\n{}\r\n0\r\n\r\n",
    "\r\n{}\r\n0\r\n\r\n",
    ";a\r\n{}\r\n0\r\n\r\n",
    "2;a\n=b\r\n{}\r\n0\r\n\r\n",
    "2;a\r=b\r\n{}\r\n0\r\n\r\n",
    "2;\u{0}\r\n{}\r\n0\r\n\r\n",
    "2\u{0}\r\n{}\r\n0\r\n\r\n",
    "2,2\r\n{}\r\n0\r\n\r\n",
    "2\r\r\n{}\r\n0\r\n\r\n",
    "\u{ff12}\r\n{}\r\n0\r\n\r\n",
    "10000000000000002\r\n{}\r\n0\r\n\r\n",
    "fffffffffffffffe\r\n{}\r\n0\r\n\r\n",
    "ffffffffffffffffffff\r\n{}\r\n0\r\n\r\n",
    "0000000000000002\r\n{}\r\n0\r\n\r\n",
    "2\r\n{}\r\n0 \r\n\r\n",
    "2\r\n{}\r\n-0\r\n\r\n",
    "2\r\n{}\r\n0\r\nA b\r\n\r\n",
    "2\r\n{}\r\n0\r\n A: b\r\n\r\n",
    "2\r\n{}\r\n0\r\nA: b\n\r\n",
    "2\r\n{}\r\n0\r\nA : b\r\n\r\n",
    "2\r\n{}\r\n0\r\n\n",
    "2\r\n{}\r\n0\r\n\r\r\n",
    "2.0\r\n{}\r\n0\r\n\r\n",
    "\"2\"\r\n{}\r\n0\r\n\r\n",
    "{}",
];

/// First lines that are none, or that name another server.
const LINES: &[&str] = &[
    "PUT /db/{} HTTP/1.1\n",
    "PUT /db/{} HTTP/1.1\r",
    "PUT /db/{} HTTP/1.1\r\r\n",
    "PUT /db/{} HTTP/1.1 \r\n",
    "PUT /db/{} HTTP/1.1\t\r\n",
    "PUT /db/{} HTTP/1.10\r\n",
    "PUT /db/{} HTTP/1\r\n",
    "PUT /db/{} HTTP/2.0\r\n",
    "PUT /db/{} HTTP/0.9\r\n",
    "PUT /db/{} HTTP/3.1\r\n",
    "PUT /db/{} HTTP/1.1x\r\n",
    "PUT /db/{} HTTP/+1.1\r\n",
    "PUT /db/{} http/1.1\r\n",
    "PUT /db/{} HTTP /1.1\r\n",
    "PUT /db/{} HTTP/ 1.1\r\n",
    "PUT /db/{} HTTQ/1.1\r\n",
    "PUT /db/{}\r\n",
    "PUT\t/db/{} HTTP/1.1\r\n",
    "PUT /db/{}\tHTTP/1.1\r\n",
    " PUT /db/{} HTTP/1.1\r\n",
    "PUT /db/{} x HTTP/1.1\r\n",
    "PUT /db/{}\u{0} HTTP/1.1\r\n",
    "PUT /db/\u{7f}{} HTTP/1.1\r\n",
    "PUT /db/{}\r HTTP/1.1\r\n",
    "PUT\u{0} /db/{} HTTP/1.1\r\n",
    "PU(T /db/{} HTTP/1.1\r\n",
    "\u{0}PUT /db/{} HTTP/1.1\r\n",
    "PUT: /db/{} HTTP/1.1\r\n",
    "PUT http://evil.example/db/{} HTTP/1.1\r\n",
    "PUT http://x:80/db/{} HTTP/1.1\r\n",
    "PUT http://y@x/db/{} HTTP/1.1\r\n",
    "PUT http://x@y/db/{} HTTP/1.1\r\n",
    "PUT https://y/db/{} HTTP/1.1\r\n",
    "PUT http:///db/{} HTTP/1.1\r\n",
    "PUT ftp://y/db/{} HTTP/1.1\r\n",
    "PUT x/db/{} HTTP/1.1\r\n",
    "PUT db/{} HTTP/1.1\r\n",
    "PUT x:80 HTTP/1.1\r\n",
    "CONNECT x:80 HTTP/1.1\r\n",
    "PRI * HTTP/2.0\r\n",
    "put /db/{} HTTP/1.1\r\n",
    "GARBAGE\r\n",
    "HTTP/1.1 200 OK\r\n",
    "\u{16}\u{3}\u{1}\r\n",
    "PUT http://x\u{0}/db/{} HTTP/1.1\r\n",
];

const HOSTS: &[&str] = &[
    "Host: x\r\nHost: x\r\n",
    "Host: x\r\nHost: y\r\n",
    "Host: x\r\nhost: y\r\n",
    "Host: x\r\nHost:\r\n",
];

fn length(value: &str) -> String {
    format!("Content-Length: {value}\r\n")
}

fn encoding(value: &str) -> String {
    format!("Transfer-Encoding: {value}\r\n")
}

/// With a `Host` in front.
fn named(fields: &str) -> String {
    format!("Host: x\r\n{fields}")
}

fn case(fields: &str, body: &str) -> Case {
    Case::new(LINE, &named(fields), body)
}

/// All that must not be done.
pub fn refused() -> Vec<Case> {
    let mut cases: Vec<Case> = LENGTHS.iter().map(|value| case(&length(value), "{}")).collect();
    cases.extend(ENCODINGS.iter().map(|value| case(&encoding(value), CHUNKS)));
    cases.extend(BAD_CHUNKS.iter().map(|body| case(&encoding("chunked"), body)));
    cases.extend(LINES.iter().map(|line| Case::new(line, &named(&length("2")), "{}")));
    cases.extend(
        HOSTS.iter().map(|hosts| Case::new(LINE, &(hosts.to_string() + &length("2")), "{}")),
    );
    cases.extend(doubles());
    cases.extend(spellings());
    cases.push(Case::new("PUT /db/{} HTTP/1.0\r\n", &encoding("chunked"), CHUNKS));
    cases.push(Case::new("PUT http://x/db/{} HTTP/1.1\r\n", &length("2"), "{}"));
    cases.push(Case::new(LINE, &length("2"), "{}"));
    cases
}

/// Two that say where a body ends.
fn doubles() -> Vec<Case> {
    let mut cases = Vec::new();
    for (first, second) in [
        ("2", "2"),
        ("2", "3"),
        ("3", "2"),
        ("0", "2"),
        ("2", "0"),
        ("2", ""),
        ("", "2"),
        ("2", "x"),
    ] {
        cases.push(case(&(length(first) + &length(second)), "{}"));
        cases
            .push(case(&(length(first) + "A: b\r\n" + &length(second).to_ascii_lowercase()), "{}"));
    }
    for (first, second) in
        [("chunked", "chunked"), ("chunked", "identity"), ("identity", "chunked"), ("", "chunked")]
    {
        cases.push(case(&(encoding(first) + &encoding(second)), CHUNKS));
    }
    for bytes in ["0", "2", "12", "100", "x"] {
        for value in ["chunked", "Chunked", "identity", "gzip, chunked"] {
            cases.push(case(&(length(bytes) + &encoding(value)), CHUNKS));
            cases.push(case(&(encoding(value) + &length(bytes)), CHUNKS));
        }
    }
    cases
}

fn spellings() -> Vec<Case> {
    let mut cases = Vec::new();
    for spelling in SPELLINGS {
        let spelled = |name: &str, value: &str| spelling.replace('N', name).replace('V', value);
        cases.push(case(&spelled("Content-Length", "2"), "{}"));
        cases.push(case(&spelled("Transfer-Encoding", "chunked"), CHUNKS));
        cases.push(Case::new(LINE, &(spelled("Host", "x") + &length("2")), "{}"));
        cases.push(case(&(length("2") + &spelled("X-Other", "y")), "{}"));
    }
    cases
}

/// What is unusual and means one thing.
pub fn allowed() -> Vec<Case> {
    let mut cases = Vec::new();
    for fields in [
        "Content-Length: 02",
        "content-length:2",
        "CONTENT-LENGTH: \t 2 \t",
        "Content-Length: 0000000000000000000002",
    ] {
        cases.push(case(&format!("{fields}\r\n"), "{}"));
    }
    for fields in [
        "transfer-encoding:chunked",
        "Transfer-Encoding: CHUNKED",
        "TRANSFER-ENCODING: \tchunKed\t ",
    ] {
        cases.push(case(&format!("{fields}\r\n"), CHUNKS));
    }
    for body in [
        "02\r\n{}\r\n0\r\n\r\n",
        "1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
        "2;a=b\r\n{}\r\n0;c\r\n\r\n",
        "2\r\n{}\r\n000\r\n\r\n",
        "a\r\n{        }\r\n0\r\n\r\n",
        "A\r\n{        }\r\n0\r\n\r\n",
        "2\r\n{}\r\n0\r\nA: b\r\nContent-Length: 9\r\n\r\n",
    ] {
        cases.push(case(&encoding("chunked"), body));
    }
    for fields in [
        "A:\r\n",
        "A: \u{e9}\r\n",
        "!#$%&'*+-.^_`|~: b\r\n",
        "Upgrade: h2c\r\nConnection: Upgrade\r\n",
        "A: b:c\r\n",
    ] {
        cases.push(case(&(length("2") + fields), "{}"));
    }
    for line in [
        "\r\nPUT /db/{} HTTP/1.1\r\n",
        "\r\n\r\nPUT /db/{} HTTP/1.1\r\n",
        "PUT http://x/db/{} HTTP/1.1\r\n",
        "PUT //db/{} HTTP/1.1\r\n",
        "PUT HTTP://X/db/{} HTTP/1.1\r\n",
    ] {
        cases.push(Case::new(line, &named(&length("2")), "{}"));
    }
    let ended = [
        Case::new("PUT /db/{} HTTP/1.0\r\n", &length("2"), "{}"),
        case(&("Connection: close\r\n".to_owned() + &length("2")), "{}"),
    ];
    cases.extend(ended.map(|case| Case { is_kept: false, ..case }));
    cases
}
