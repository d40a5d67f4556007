use proptest::prelude::*;

use super::*;

fn size(text: &str) -> Option<u64> {
    text.parse::<ByteSize>().ok().map(ByteSize::bytes)
}

fn duration(text: &str) -> Option<u64> {
    text.parse::<Duration>().ok().map(Duration::micros)
}

fn help<T: FromStr<Err = ParseError>>(text: &str) -> String {
    text.parse::<T>().err().and_then(|error| error.help).unwrap_or_default()
}

#[test]
fn tailf_sizes_follow_the_grammar_of_tailf_common() {
    assert_eq!(size("S1G8M7K956B"), Some(1_082_138_556));
    assert_eq!(size("S1K1B"), Some(1025));
    assert_eq!(size("S0B"), Some(0));
    assert_eq!(size("S2048M"), Some(1 << 31));
    for wrong in ["S1B56G", "S", "S5", "S1T", "s1M", "S1M1M", "S-1B", "S1.5M", "1G8M", "S 1M", ""] {
        assert_eq!(size(wrong), None, "{wrong}");
    }
}

#[test]
fn sizes_are_also_read_as_people_type_them() {
    for (text, bytes) in [
        ("52428800", 52_428_800),
        ("50 MB", 50 << 20),
        ("50mib", 50 << 20),
        ("64K", 65536),
        ("1.5 GB", 3 << 29),
        ("0", 0),
        ("7 B", 7),
        (" 2T ", 2 << 40),
    ] {
        assert_eq!(size(text), Some(bytes), "{text}");
    }
    for wrong in ["50 XB", "1.", ".5G", "1,000", "-1", "1 2", "1e3", "0x10"] {
        assert_eq!(size(wrong), None, "{wrong}");
    }
}

#[test]
fn a_size_over_64_bits_is_refused() {
    assert_eq!(size("18446744073709551615"), Some(u64::MAX));
    for wrong in ["18446744073709551616", "S17179869184G", "S17179869183G1024M", "16777216T"] {
        assert_eq!(size(wrong), None, "{wrong}");
    }
}

#[test]
fn sizes_for_people_have_one_decimal_and_never_1024_of_a_unit() {
    for (bytes, shown) in [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KB"),
        (121_037, "118.2 KB"),
        (1_048_575, "1.0 MB"),
        (u64::MAX, "16.0 EB"),
    ] {
        assert_eq!(ByteSize::from_bytes(bytes).to_string(), shown);
    }
}

#[test]
fn durations_follow_xs_duration() {
    for (text, micros) in [
        ("PT5S", 5 * SECOND),
        ("PT0S", 0),
        ("P1DT2H", DAY + 2 * HOUR),
        ("PT10M", 10 * MINUTE),
        ("PT0.5S", 500_000),
        ("PT0.000001S", 1),
        ("P0Y0M0DT5S", 5 * SECOND),
        ("PT90M", 90 * MINUTE),
    ] {
        assert_eq!(duration(text), Some(micros), "{text}");
    }
    for wrong in
        ["P", "PT", "P15S", "P1DT", "PT5", "PT1S2M", "P1Y", "P2M", "-PT5S", "PT1.5M", "PT.5S"]
    {
        assert_eq!(duration(wrong), None, "{wrong}");
    }
}

#[test]
fn durations_are_also_read_as_people_type_them() {
    for (text, micros) in [
        ("5s", 5 * SECOND),
        ("10m", 10 * MINUTE),
        ("1h 30m", 90 * MINUTE),
        ("1h30m", 90 * MINUTE),
        ("500 ms", 500_000),
        ("2d", 2 * DAY),
    ] {
        assert_eq!(duration(text), Some(micros), "{text}");
    }
    for wrong in ["5", "", "s", "5 parsecs", "1m 1h", "1s 1s", "5S", "1.5s"] {
        assert_eq!(duration(wrong), None, "{wrong}");
    }
}

#[test]
fn a_duration_over_64_bits_is_refused() {
    for wrong in ["PT18446744073710S", "P999999999999D", "99999999999999999999s", "213503983d"] {
        assert_eq!(duration(wrong), None, "{wrong}");
    }
}

#[test]
fn infinity_is_a_timeout_and_not_a_duration() {
    assert_eq!("infinity".parse(), Ok(Timeout::Infinity));
    assert_eq!("30s".parse(), Ok(Timeout::After(Duration::from_secs(30))));
    assert_eq!(duration("infinity"), None);
    assert!("Infinity".parse::<Timeout>().is_err());
    assert_eq!(Timeout::Infinity.to_xs(), "infinity");
}

#[test]
fn a_percentage_ends_at_255() {
    assert_eq!("255".parse(), Ok(Percent::new(255)));
    for wrong in ["256", "-1", "50%", "", "5.0"] {
        assert!(wrong.parse::<Percent>().is_err(), "{wrong}");
    }
    let error = "150%".parse::<Percent>().unwrap_err();
    assert_eq!(error.to_string(), "\"150%\" is not a number from 0 to 255");
    assert_eq!(error.help.as_deref(), Some("write 150"));
}

#[test]
fn common_slips_are_told_what_to_write() {
    assert_eq!(
        help::<Duration>("P15S"),
        "hours, minutes and seconds stand behind a T: write PT15S"
    );
    assert_eq!(help::<Duration>("5"), "a unit is missing: write PT5S or 5s for seconds");
    assert_eq!(help::<Duration>("pt5s"), "write PT5S");
    assert!(help::<Duration>("P1M").ends_with("write PT1M"));
    assert!(help::<Duration>("P1Y").ends_with("P30D"));
    assert_eq!(help::<ByteSize>("s64M"), "write S64M");
    assert_eq!(help::<ByteSize>("S1B56G"), "the units stand in the order G, M, K, B: S56G1B");
}

#[test]
fn an_error_shows_no_control_characters_and_no_page_of_text() {
    let text = format!("\u{1b}[2J{}", "x".repeat(500));
    let shown = text.parse::<Percent>().unwrap_err().to_string();
    assert!(shown.starts_with("\"?[2Jxxx"), "{shown}");
    assert!(shown.len() < 120, "{shown}");
}

#[test]
fn thousands_are_set_apart() {
    for (number, shown) in [(0, "0"), (999, "999"), (1000, "1,000"), (118_204, "118,204")] {
        assert_eq!(grouped(number), shown);
    }
    assert_eq!(grouped(u64::MAX), "18,446,744,073,709,551,615");
}

proptest! {
    #[test]
    fn every_size_survives_its_canonical_form(bytes: u64) {
        let size = ByteSize::from_bytes(bytes);
        prop_assert_eq!(size.to_tailf().parse(), Ok(size));
        prop_assert_eq!(bytes.to_string().parse(), Ok(size));
    }

    #[test]
    fn every_duration_survives_both_of_its_forms(micros: u64) {
        let duration = Duration::from_micros(micros);
        prop_assert_eq!(duration.to_xs().parse(), Ok(duration));
        prop_assert_eq!(duration.to_string().parse(), Ok(duration));
    }

    #[test]
    fn canonical_forms_are_fixed_points(micros: u64, bytes: u64) {
        let xs = Duration::from_micros(micros).to_xs();
        prop_assert_eq!(xs.parse::<Duration>().map(Duration::to_xs), Ok(xs));
        let tailf = ByteSize::from_bytes(bytes).to_tailf();
        prop_assert_eq!(tailf.parse::<ByteSize>().map(ByteSize::to_tailf), Ok(tailf));
    }

    #[test]
    fn a_sum_of_units_is_what_the_words_say(g in 0_u64..4000, m in 0_u64..5000, k: u16, b: u16) {
        let text = format!("S{g}G{m}M{k}K{b}B");
        let bytes = (g << 30) + (m << 20) + (u64::from(k) << 10) + u64::from(b);
        prop_assert_eq!(size(&text), Some(bytes));
    }

    #[test]
    fn the_size_for_people_is_within_a_twentieth_of_its_unit(bytes in 1024_u64..) {
        let shown = ByteSize::from_bytes(bytes).to_string();
        let (number, unit) = shown.split_once(' ').unwrap();
        let power = ["KB", "MB", "GB", "TB", "PB", "EB"].iter().position(|name| *name == unit).unwrap();
        let scale = 1024_f64.powi(i32::try_from(power).unwrap() + 1);
        let error = (number.parse::<f64>().unwrap() * scale - bytes as f64).abs();
        prop_assert!(error <= 0.0501 * scale, "{shown} for {bytes}");
    }

    #[test]
    fn grouping_only_adds_commas(number: u64) {
        prop_assert_eq!(grouped(number).replace(',', ""), number.to_string());
    }

    #[test]
    fn junk_never_panics(text in "[PTSYMDHsmhdGKB0-9. -]{0,24}|\\PC{0,24}") {
        let size = text.parse::<ByteSize>().map_err(|error| error.to_string());
        let timeout = text.parse::<Timeout>().map_err(|error| error.to_string());
        let percent = text.parse::<Percent>().map_err(|error| error.to_string());
        // What was read must print and read back as itself.
        if let Ok(size) = size {
            prop_assert_eq!(size.to_tailf().parse(), Ok(size));
        }
        if let Ok(timeout) = timeout {
            prop_assert_eq!(timeout.to_xs().parse(), Ok(timeout));
        }
        if let Ok(percent) = percent {
            prop_assert_eq!(percent.value().to_string().parse(), Ok(percent));
        }
    }
}
