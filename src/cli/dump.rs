//! `pumice dump`

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::context::Context;
use super::output::Output;
use super::stop::Stop;
use super::text::{count, moment, size};
use crate::cdb::{describe_key, describe_value};
use crate::journal::Operation;
use crate::journal::check::{Piece, walk};
use crate::service::Failure;
use crate::units::grouped;
use crate::vfs::OpenMode;

/// Print the records of a journal file, also of a damaged one
#[derive(Debug, Args)]
pub struct Dump {
    /// The file, such as pumice-data/A.cdb
    file: PathBuf,
    /// Begin with the record at or after this byte
    #[arg(long, value_name = "BYTE", default_value_t = 0)]
    offset: u64,
}

impl Dump {
    pub fn run(self, context: &mut Context) -> Result<(), Stop> {
        context.start_log();
        let file = context.vfs.open(&self.file, OpenMode::Read)?;
        let (output, from) = (&mut context.output, self.offset);
        let mut printed = Ok(());
        let walked = walk(&file, &mut |piece| {
            if position(&piece) >= from {
                printed = if output.is_json() {
                    output.object(&object(&piece))
                } else {
                    print(output, &piece)
                };
            }
            printed.is_ok()
        });
        printed?;
        Ok(walked.map_err(Failure::from)?)
    }
}

fn position(piece: &Piece<'_>) -> u64 {
    match piece {
        Piece::Header { position, .. }
        | Piece::Entry { position, .. }
        | Piece::Transaction { position, .. }
        | Piece::Witness { position, .. }
        | Piece::Damaged { position, .. } => *position,
    }
}

fn print(output: &mut Output, piece: &Piece<'_>) -> Result<(), Stop> {
    let at = grouped(position(piece));
    match piece {
        Piece::Header { created_micros, generation, base_sequence, image_entries, tail_start, .. } => output
            .line(format_args!(
                "{at}  header  made {}, compactions {generation}, image of tx {base_sequence} with {} keys, \
                 tail at {}",
                moment(*created_micros),
                grouped(*image_entries),
                grouped(*tail_start),
            )),
        Piece::Entry { key, value, .. } => {
            output.line(format_args!("{at}  image  {}", pair(key, value)))
        }
        Piece::Transaction { size_bytes, sequence, operations, .. } => {
            let number = count(operations.len() as u64, "operation");
            output.line(format_args!("{at}  tx {sequence}  {}, {number}", size(*size_bytes)))?;
            operations.iter().try_for_each(|operation| output.line(told(operation)))
        }
        Piece::Witness { synced_position, .. } => output
            .line(format_args!("{at}  witness  durable up to byte {}", grouped(*synced_position))),
        Piece::Damaged { size_bytes, what, .. } => {
            output.line(format_args!("{at}  damaged  {}: {what}", count(*size_bytes, "byte")))
        }
    }
}

fn told(operation: &Operation<'_>) -> String {
    match operation {
        Operation::Put { key, value, .. } => format!("    put {}", pair(key, value)),
        Operation::Delete { key } => format!("    delete {}", name(key)),
        Operation::DeleteRange { start, end } => {
            let end = end.as_ref().map_or_else(|| "the end".to_owned(), |end| bytes(end));
            format!("    delete {} ({} up to {end})", name(start), bytes(start))
        }
    }
}

fn object(piece: &Piece<'_>) -> Value {
    match piece {
        Piece::Header {
            position,
            created_micros,
            generation,
            base_sequence,
            image_entries,
            tail_start,
        } => {
            json!({ "record": "header", "position": position, "created_micros": created_micros,
                    "generation": generation, "base_sequence": base_sequence,
                    "image_entries": image_entries, "tail_start": tail_start })
        }
        Piece::Entry { position, key, value } => {
            json!({ "record": "image", "position": position, "key": bytes(key), "value": bytes(value), "node": describe_key(key), "says": describe_value(key, value) })
        }
        Piece::Transaction { position, size_bytes, sequence, operations, .. } => {
            let operations: Vec<_> = operations.iter().map(operation).collect();
            json!({ "record": "transaction", "position": position, "size_bytes": size_bytes,
                    "sequence": sequence, "operations": operations })
        }
        Piece::Witness { position, synced_position } => {
            json!({ "record": "witness", "position": position, "synced_position": synced_position })
        }
        Piece::Damaged { position, size_bytes, what } => {
            json!({ "record": "damaged", "position": position, "size_bytes": size_bytes, "what": what })
        }
    }
}

fn operation(operation: &Operation<'_>) -> Value {
    match operation {
        Operation::Put { key, value, .. } => {
            json!({ "put": bytes(key), "value": bytes(value), "node": describe_key(key), "says": describe_value(key, value) })
        }
        Operation::Delete { key } => json!({ "delete": bytes(key), "node": describe_key(key) }),
        Operation::DeleteRange { start, end } => {
            json!({ "node": describe_key(start), "delete_from": bytes(start), "up_to": end.as_ref().map(|end| bytes(end)) })
        }
    }
}

/// A key with its value: as the node that they are, or as bytes in a journal of another kind.
fn pair(key: &[u8], value: &[u8]) -> String {
    let value = describe_value(key, value).unwrap_or_else(|| bytes(value));
    format!("{} = {value}", name(key))
}

fn name(key: &[u8]) -> String {
    describe_key(key).unwrap_or_else(|| bytes(key))
}

/// Letters as they are, everything else as `\xNN`.
fn bytes(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
