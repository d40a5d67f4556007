//! Requests that read the newest state.

use std::io::{self, Write};

use super::failure::{Class, Failure};
use super::open::{Emit, Service};
use super::protocol::{ChildRow, Event, Existence, Format, LeafValue, Node, Reply, Save};
use crate::cdb::{self, Child, NodeKind, ReadView, SaveOptions};

/// How much of a saved text goes into one event.
const TEXT_BYTES: usize = 64 << 10;

fn nothing_at(path: &str) -> Failure {
    Failure::new(Class::NotFound, "not_found", format!("{path} does not exist")).about(path)
}

pub fn get(service: &Service, node: &Node) -> Result<Reply, Failure> {
    let view = service.cdb.begin_read(node.datastore);
    let value = match view.get(&node.path) {
        Err(error @ cdb::Error::WrongKind { .. }) => {
            let hint = format!("pumice ls {} lists what is in it", node.path);
            return Err(Failure::from(error).hint(hint));
        }
        value => value?.ok_or_else(|| nothing_at(&node.path))?,
    };
    let value_type = value.value_type().to_string();
    Ok(Reply::Value(LeafValue { path: node.path.clone(), value_type, value: value.to_string() }))
}

pub fn exists(service: &Service, node: &Node) -> Result<Reply, Failure> {
    let exists = service.cdb.begin_read(node.datastore).exists(&node.path)?;
    Ok(Reply::Exists(Existence { path: node.path.clone(), exists }))
}

pub fn list(service: &Service, node: &Node) -> Result<Reply, Failure> {
    let view = service.cdb.begin_read(node.datastore);
    let children = view.children(&node.path)?;
    if children.is_empty() && node.path != "/" && !view.exists(&node.path)? {
        return Err(nothing_at(&node.path));
    }
    let rows: Result<_, _> = children.iter().map(|child| row(&view, child)).collect();
    Ok(Reply::Children(rows?))
}

fn row(view: &ReadView, child: &Child) -> Result<ChildRow, cdb::Error> {
    let path = &child.path;
    let value = match child.kind {
        NodeKind::Leaf => view.get(path)?.map(|value| value.to_string()),
        _ => None,
    };
    let entries = match child.kind {
        NodeKind::List | NodeKind::LeafList => Some(view.num_instances(path)?),
        _ => None,
    };
    Ok(ChildRow { path: path.to_string(), kind: kind_name(child.kind).to_owned(), value, entries })
}

fn kind_name(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Container => "container",
        NodeKind::PresenceContainer => "presence-container",
        NodeKind::List => "list",
        NodeKind::ListEntry => "list-entry",
        NodeKind::LeafList => "leaf-list",
        NodeKind::LeafListEntry => "leaf-list-entry",
        NodeKind::Leaf => "leaf",
    }
}

pub fn save(service: &Service, save: &Save, emit: Emit<'_>) -> Result<Reply, Failure> {
    let view = service.cdb.begin_read(save.node.datastore);
    let options = SaveOptions { format: format(save.format), types: save.types };
    let mut text = Text { buffer: Vec::with_capacity(TEXT_BYTES), emit };
    view.save(&save.node.path, options, &mut text)?;
    Ok(Reply::Done)
}

pub fn format(format: Format) -> cdb::Format {
    match format {
        Format::Xml => cdb::Format::Xml,
        Format::Json => cdb::Format::Json,
    }
}

/// Collects text into events, cut between characters.
struct Text<'a> {
    buffer: Vec<u8>,
    emit: Emit<'a>,
}

impl Text<'_> {
    fn send(&mut self) -> io::Result<()> {
        let whole = match std::str::from_utf8(&self.buffer) {
            Ok(text) => text.len(),
            Err(error) => error.valid_up_to(),
        };
        let rest = self.buffer.split_off(whole);
        let text = String::from_utf8(std::mem::replace(&mut self.buffer, rest));
        let text = text.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        if text.is_empty() || (self.emit)(Event::Text(text)) {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::BrokenPipe, "nobody listens any more"))
    }
}

impl Write for Text<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= TEXT_BYTES {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}
