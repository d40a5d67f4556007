//! The two passes over a source.

use super::apply::Apply;
use super::distinct::Sets;
use super::edit::Target;
use super::event::Sink;
use super::infer::Gather;
use super::options::{Format, LoadOptions};
use super::problem::{LoadError, Problem};
use super::source::{Source, guess_format};
use super::{json, xml};

/// Reads `source` into `target`; returns the number of edits.
pub(crate) fn read(
    source: &dyn Source,
    options: &LoadOptions,
    target: &mut dyn Target,
) -> Result<u64, LoadError> {
    let format = options.format.map_or_else(|| guess_format(source.name()), Ok)?;
    let sets = Sets::new(target.scratch());
    let named = |error: LoadError| error.in_source(source.name());
    let mut gather = Gather::new(sets.clone());
    stream(source, format, options, &mut gather)?;
    let plan = gather.finish(options, target).map_err(named)?;
    let mut apply = Apply::new(&plan, options, sets, target);
    stream(source, format, options, &mut apply)?;
    apply.finish().map_err(named)
}

fn stream(
    source: &dyn Source,
    format: Format,
    options: &LoadOptions,
    sink: &mut dyn Sink,
) -> Result<(), LoadError> {
    let reader =
        source.open().map_err(|error| LoadError::nowhere(Problem::Read(error.to_string())));
    let result = reader.and_then(|reader| match format {
        Format::Xml => xml::stream(reader, options.max_size_bytes, sink),
        Format::Json => json::stream(reader, options.max_size_bytes, sink),
    });
    result.map_err(|error| error.in_source(source.name()))
}
