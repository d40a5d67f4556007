//! Strings to JSON text.

/// A string in quotes, escaped as CouchDB escapes: quote, backslash and control characters.
pub(crate) fn put_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut run = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(text.as_bytes().get(run..at).unwrap_or_default());
        put_escape(out, byte);
        run = at + 1;
    }
    out.extend_from_slice(text.as_bytes().get(run..).unwrap_or_default());
    out.push(b'"');
}

fn put_escape(out: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        0x0c => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => return out.extend_from_slice(format!("\\u{byte:04X}").as_bytes()),
    };
    out.extend_from_slice(&[b'\\', short]);
}
