//! Loading JSON.

pub fn run(input: &[u8]) {
    crate::tree::round_trip(pumice::cdb::Format::Json, input);
}
