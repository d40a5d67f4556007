use super::*;

#[test]
fn every_default_is_a_value_that_its_row_takes() {
    for row in SETTINGS {
        let default = row.default.unwrap_or("");
        let checked = check(row.section, row.key, default);
        assert!(row.default.is_none() || checked.is_ok(), "{}/{}", row.section, row.key);
    }
}
