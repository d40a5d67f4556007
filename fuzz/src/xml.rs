//! Loading XML.

pub fn run(input: &[u8]) {
    crate::tree::round_trip(pumice::cdb::Format::Xml, input);
}
