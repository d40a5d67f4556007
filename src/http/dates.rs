//! Dates as HTTP and CouchDB write them.

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

struct Date {
    weekday: &'static str,
    day: u64,
    month: u64,
    year: u64,
    time: String,
}

impl Date {
    /// Of seconds since the Unix epoch; the algorithm is Howard Hinnant's `civil_from_days`.
    fn of(seconds: u64) -> Self {
        let (days, second) = (seconds / 86_400, seconds % 86_400);
        let shifted = days + 719_468;
        let (era, of_era) = (shifted / 146_097, shifted % 146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        let weekday = usize::try_from(days % 7).ok().and_then(|day| DAYS.get(day));
        let time = format!("{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60);
        Self { weekday: weekday.copied().unwrap_or_default(), day, month, year, time }
    }

    fn month_name(&self) -> &'static str {
        let index = usize::try_from(self.month).unwrap_or_default().saturating_sub(1);
        MONTHS.get(index).copied().unwrap_or_default()
    }
}

/// `Fri, 20 Nov 2026 14:25:40 GMT`.
pub fn http_date(seconds: u64) -> String {
    let date = Date::of(seconds);
    let (month, time) = (date.month_name(), &date.time);
    format!("{}, {:02} {month} {} {time} GMT", date.weekday, date.day, date.year)
}

/// `Fri, 20-Nov-2026 14:35:33 GMT`, as in CouchDB's cookies.
pub fn cookie_date(seconds: u64) -> String {
    let date = Date::of(seconds);
    let (month, time) = (date.month_name(), &date.time);
    format!("{}, {:02}-{month}-{} {time} GMT", date.weekday, date.day, date.year)
}

/// `2026-11-20T14:25:36Z`.
pub fn iso_date(seconds: u64) -> String {
    let date = Date::of(seconds);
    format!("{:04}-{:02}-{:02}T{}Z", date.year, date.month, date.day, date.time)
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
    }
}
