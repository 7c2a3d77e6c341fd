//! The windows that limits count in.

use super::Period;
use crate::error::{Error, Result};
use crate::model::plan::Window;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// In milliseconds.
const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600 * SECOND;
/// The window of all time.
const EVER: Period = Period { from: 0, to: i64::MAX };

/// The window in which a moment lies, by the clock on the wall of a time zone.
///
/// # Errors
/// A moment beyond the calendar.
pub fn window_in(zone: &TimeZone, window: Window, moment: i64) -> Result<Period> {
    let at = Timestamp::from_millisecond(moment).map_err(Error::internal)?.to_zoned_datetime(zone.clone());
    let (from, to) = match window {
        Window::None => return Ok(EVER),
        Window::Hour => {
            // An hour is one of 60 minutes, also where clocks are put on or back.
            let offset = i64::from(at.offset().seconds()) * SECOND;
            let from = (moment + offset).div_euclid(HOUR) * HOUR - offset;
            return Ok(Period { from, to: from + HOUR });
        }
        Window::Day => {
            let from = at.start_of_day().map_err(Error::internal)?;
            let to = from.tomorrow().and_then(|next| next.start_of_day()).map_err(Error::internal)?;
            (from, to)
        }
        Window::Month => {
            let from = at.first_of_month().and_then(|day| day.start_of_day()).map_err(Error::internal)?;
            let to = at.last_of_month().and_then(|day| day.tomorrow()).and_then(|day| day.start_of_day());
            (from, to.map_err(Error::internal)?)
        }
    };
    Ok(Period { from: from.timestamp().as_millisecond(), to: to.timestamp().as_millisecond() })
}

/// The same in the time zone of that name.
///
/// # Errors
/// An unknown time zone, or a moment beyond the calendar.
pub fn window_of(timezone: &str, window: Window, moment: i64) -> Result<Period> {
    window_in(&TimeZone::get(timezone).map_err(Error::internal)?, window, moment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::usage::quarter;

    fn window(zone: &str, window: Window, moment: &str) -> (String, String) {
        let zone = TimeZone::get(zone).unwrap();
        let moment: Timestamp = moment.parse().unwrap();
        let period = window_in(&zone, window, moment.as_millisecond()).unwrap();
        let text = |ms: i64| Timestamp::from_millisecond(ms).unwrap().to_string();
        (text(period.from), text(period.to))
    }

    fn pair(from: &str, to: &str) -> (String, String) {
        (from.to_owned(), to.to_owned())
    }

    #[test]
    fn windows_go_by_the_clock_on_the_tenants_wall() {
        let day = |zone: &str, moment: &str| window(zone, Window::Day, moment);
        assert_eq!(day("UTC", "2026-03-29T12:00:00Z"), pair("2026-03-29T00:00:00Z", "2026-03-30T00:00:00Z"));
        // Clocks go forward: a day of 23 hours. And back: one of 25.
        let berlin = "Europe/Berlin";
        assert_eq!(day(berlin, "2026-03-29T12:00:00Z"), pair("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"));
        assert_eq!(day(berlin, "2026-10-25T12:00:00Z"), pair("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"));
        let kiritimati = day("Pacific/Kiritimati", "2026-01-01T09:59:59.999Z");
        assert_eq!(kiritimati, pair("2025-12-31T10:00:00Z", "2026-01-01T10:00:00Z"));
        let month = window("Asia/Kathmandu", Window::Month, "2024-02-10T00:00:00Z");
        assert_eq!(month, pair("2024-01-31T18:15:00Z", "2024-02-29T18:15:00Z"));
        let hour = window("Asia/Kathmandu", Window::Hour, "2026-01-01T00:00:00Z");
        assert_eq!(hour, pair("2025-12-31T23:15:00Z", "2026-01-01T00:15:00Z"));
        // Of an hour that comes twice each is one.
        let (first, second) = ("2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z");
        assert_eq!(window(berlin, Window::Hour, first), pair("2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"));
        assert_eq!(
            window(berlin, Window::Hour, second),
            pair("2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z")
        );
    }

    #[test]
    fn every_moment_lies_in_its_window_and_windows_begin_with_a_quarter() {
        for zone in [
            "UTC",
            "Europe/Berlin",
            "Asia/Kathmandu",
            "Pacific/Chatham",
            "America/St_Johns",
            "Australia/Lord_Howe",
        ] {
            let zone = TimeZone::get(zone).unwrap();
            for step in 0..9_000_i64 {
                let moment = 1_767_225_600_000 + step * 3_541_000;
                for window in [Window::Hour, Window::Day, Window::Month] {
                    let period = window_in(&zone, window, moment).unwrap();
                    assert!(
                        period.from <= moment && moment < period.to,
                        "{zone:?} {moment} {window:?} {period:?}"
                    );
                    assert_eq!(quarter(period.from), period.from);
                }
            }
        }
    }
}
