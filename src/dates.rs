//! Moments as text, in UTC. All take whole seconds since the Unix epoch; what lies behind the calendar of chrono is its last
//! moment.

use chrono::{DateTime, Utc};

fn utc(seconds: u64) -> DateTime<Utc> {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// `Fri, 20 Nov 2026 14:25:40 GMT`: of HTTP (RFC 9110).
pub fn http_date(seconds: u64) -> String {
    utc(seconds).format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// `Fri, 20-Nov-2026 14:35:33 GMT`: of cookies, as CouchDB writes them.
pub fn cookie_date(seconds: u64) -> String {
    utc(seconds).format("%a, %d-%b-%Y %H:%M:%S GMT").to_string()
}

/// `2026-11-20T14:25:36Z`: of data (RFC 3339).
pub fn iso_date(seconds: u64) -> String {
    utc(seconds).format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `2026-11-20 14:25:36Z`: for people.
pub fn shown_date(seconds: u64) -> String {
    utc(seconds).format("%Y-%m-%d %H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(http_date(951_827_696), "Tue, 29 Feb 2000 12:34:56 GMT");
        assert_eq!(cookie_date(1_795_184_733), "Fri, 20-Nov-2026 14:25:33 GMT");
        assert_eq!(iso_date(4_107_542_399), "2100-02-28T23:59:59Z");
        assert_eq!(iso_date(4_107_542_400), "2100-03-01T00:00:00Z");
        assert_eq!(shown_date(1_795_183_331), "2026-11-20 14:02:11Z");
    }

    #[test]
    fn no_number_of_seconds_is_too_many() {
        assert!(iso_date(u64::MAX).starts_with("+262142-12-31"));
    }
}
