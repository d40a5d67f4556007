//! The two passes over a source.

use std::collections::HashMap;

use super::apply::Apply;
use super::distinct::Sets;
use super::edit::Target;
use super::event::Sink;
use super::infer::Gather;
use super::options::{Format, LoadOptions};
use super::plan::Plan;
use super::problem::{LoadError, Problem};
use super::source::{Source, guess_format};
use super::summary::Read;
use super::{json, xml};

/// Reads `source` into `target`.
pub(crate) fn read(
    source: &dyn Source,
    options: &LoadOptions,
    target: &mut dyn Target,
) -> Result<Read, LoadError> {
    let format = options.format.map_or_else(|| guess_format(source.name()), Ok)?;
    let sets = Sets::new(target.scratch());
    let named = |error: LoadError| error.in_source(source.name());
    let known = target.namespaces().map_err(|error| named(LoadError::nowhere(error.into())))?;
    let mut gather = Gather::new(sets.clone());
    stream(source, format, options, &known, &mut gather)?;
    let seen = gather.finish().map_err(named)?;
    let plan = Plan::decide(seen, options, &known, target).map_err(named)?;
    let mut apply = Apply::new(&plan, options, sets, target);
    stream(source, format, options, &known, &mut apply)?;
    apply.finish().map_err(named)
}

fn stream(
    source: &dyn Source,
    format: Format,
    options: &LoadOptions,
    known: &HashMap<String, String>,
    sink: &mut dyn Sink,
) -> Result<(), LoadError> {
    let reader =
        source.open().map_err(|error| LoadError::nowhere(Problem::Read(error.to_string())));
    let reader = reader.and_then(|reader| {
        without_bom(reader).map_err(|error| LoadError::nowhere(Problem::Read(error.to_string())))
    });
    let result = reader.and_then(|reader| match format {
        Format::Xml => xml::stream(reader, options.max_size_bytes, sink),
        Format::Json => json::stream(reader, options.max_size_bytes, known, sink),
    });
    result.map_err(|error| error.in_source(source.name()))
}

/// The input behind a byte order mark, when it begins with one.
fn without_bom<'a>(
    mut input: Box<dyn std::io::Read + 'a>,
) -> std::io::Result<Box<dyn std::io::Read + 'a>> {
    use std::io::Read as _;
    const BOM: &[u8] = b"\xEF\xBB\xBF";
    let mut start = Vec::new();
    input.by_ref().take(BOM.len() as u64).read_to_end(&mut start)?;
    if start == BOM {
        return Ok(input);
    }
    Ok(Box::new(std::io::Cursor::new(start).chain(input)))
}
