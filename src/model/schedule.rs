//! Schedules: what is to be done again and again, by the clock of a time zone.
//!
//! Expressions are those of cron, five fields down to the minute, with names of days and months, `L`, `W`, `#`, and `@daily` and
//! the like. Where clocks are put forward, what was due in the hour that is left out is done right after it; where they are
//! put back, what has a fixed time is done once, and what is done every so many minutes goes on doing that.

use crate::clock::{MINUTE, Timestamp};
use crate::id::{JobId, ScheduleId};
use croner::errors::CronError;
use croner::parser::{CronParser, Seconds, Year};
use croner::{CivilDate, CivilDateTime, CivilTime, Cron, CronDateTime, Resolution, Weekday};
use jiff::SignedDuration;
use jiff::tz::{AmbiguousOffset, TimeZone};
use std::cmp::Ordering;

/// Schedules that one tenant may have.
pub const MOST_SCHEDULES: i64 = 100;
/// Characters of an expression.
const MOST_CRON: usize = 100;
/// How late a run may be without having been missed, in milliseconds.
pub const GRACE: i64 = 5 * MINUTE;
/// How many years ahead a run is looked for: 29 February of one day of the week comes every 28 years, or 40 around a century.
const FAR: i16 = 60;

/// What becomes of runs that were missed, because the server was down or the tenant held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    /// They are left out.
    Skip,
    /// All of them together are made up for by one.
    Once,
}

impl Missed {
    /// Its name in the file and in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Missed::Skip => "skip",
            Missed::Once => "once",
        }
    }

    /// The one of that name.
    pub fn parse(name: &str) -> Option<Missed> {
        [Missed::Skip, Missed::Once].into_iter().find(|missed| missed.name() == name)
    }
}

/// A schedule as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Its id.
    pub id: ScheduleId,
    /// The expression.
    pub cron: String,
    /// IANA name of the time zone that it goes by.
    pub timezone: String,
    /// What is to be done.
    pub kind: String,
    /// With what, as JSON text.
    pub payload: String,
    /// What becomes of missed runs.
    pub missed: Missed,
    /// Whether nothing is done for now.
    pub paused: bool,
    /// When it is done next.
    pub next_run_at: Option<Timestamp>,
    /// When that was worked out.
    pub reckoned_at: Timestamp,
    /// When a job was last enqueued.
    pub last_run_at: Option<Timestamp>,
    /// That job.
    pub last_job_id: Option<JobId>,
    /// Why the last run enqueued nothing, if it did not.
    pub last_error: Option<String>,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// When somebody last changed it.
    pub updated_at: Timestamp,
}

/// An expression with the clock that it goes by.
pub struct Times {
    cron: Cron,
    zone: TimeZone,
}

impl Times {
    /// Reads both. The expression may be one that never comes: ask for the next time.
    ///
    /// # Errors
    /// The field at fault, and why.
    pub fn read(cron: &str, timezone: &str) -> Result<Times, (&'static str, String)> {
        let zone = TimeZone::get(timezone);
        let zone =
            zone.map_err(|_| ("timezone", "must be an IANA time zone like Europe/Berlin".to_owned()))?;
        let refused = |why: &str| ("cron", why.to_owned());
        if cron.len() > MOST_CRON {
            return Err(refused("must have at most 100 characters"));
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = parser.parse(cron);
        let cron = cron.map_err(|_| {
            refused("must be five fields, minute hour day month weekday, like 30 4 * * MON-FRI, or @daily")
        })?;
        Ok(Times { cron, zone })
    }

    /// The first time after that moment.
    pub fn after(&self, moment: Timestamp) -> Option<Timestamp> {
        let from = self.local(moment)?;
        let next = self.cron.find_next_occurrence(&from, false).ok()?;
        Some(Timestamp(next.at.as_millisecond())).filter(|next| *next > moment)
    }

    /// The last time up to that moment.
    pub fn up_to(&self, moment: Timestamp) -> Option<Timestamp> {
        let last = self.cron.find_previous_occurrence(&self.local(moment)?, true).ok()?;
        Some(Timestamp(last.at.as_millisecond())).filter(|last| *last <= moment)
    }

    /// So many times after that moment.
    pub fn following(&self, moment: Timestamp, count: usize) -> Vec<Timestamp> {
        std::iter::successors(self.after(moment), |time| self.after(*time)).take(count).collect()
    }

    fn local(&self, moment: Timestamp) -> Option<Local> {
        let at = jiff::Timestamp::from_millisecond(moment.0).ok()?;
        let year = self.zone.to_datetime(at).year();
        let years = (year.saturating_sub(FAR), year.saturating_add(FAR));
        Some(Local { at, zone: self.zone.clone(), years })
    }
}

/// A moment as croner looks at it.
#[derive(Clone)]
struct Local {
    at: jiff::Timestamp,
    zone: TimeZone,
    /// What lies beyond is not looked for.
    years: (i16, i16),
}

impl Local {
    fn with(&self, at: jiff::Timestamp) -> Local {
        Local { at, zone: self.zone.clone(), years: self.years }
    }
}

/// A part of a date or time, which is small and not negative.
fn part(value: i8) -> u32 {
    u32::from(value.unsigned_abs())
}

impl CronDateTime for Local {
    fn to_civil(&self) -> CivilDateTime {
        let at = self.zone.to_datetime(self.at);
        let date = CivilDate::from_parts_unchecked(i32::from(at.year()), part(at.month()), part(at.day()));
        let time = CivilTime::from_parts_unchecked(part(at.hour()), part(at.minute()), part(at.second()));
        CivilDateTime::new(date, time)
    }

    fn civil_weekday(&self) -> Weekday {
        Weekday::from_days_from_sunday(part(self.zone.to_datetime(self.at).weekday().to_sunday_zero_offset()))
    }

    fn resolve_civil(&self, civil: CivilDateTime) -> Result<Resolution<Local>, CronError> {
        let small = |value: u32| i8::try_from(value).map_err(|_| CronError::InvalidDate);
        let year = i16::try_from(civil.year()).map_err(|_| CronError::InvalidDate)?;
        if !(self.years.0..=self.years.1).contains(&year) {
            return Err(CronError::TimeSearchLimitExceeded);
        }
        let datetime = jiff::civil::DateTime::new(
            year,
            small(civil.month())?,
            small(civil.day())?,
            small(civil.hour())?,
            small(civil.minute())?,
            small(civil.second())?,
            0,
        );
        let datetime = datetime.map_err(|_| CronError::InvalidDate)?;
        let ambiguous = self.zone.to_ambiguous_timestamp(datetime);
        let invalid = |_| CronError::InvalidTime;
        Ok(match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { .. } => {
                Resolution::Single(self.with(ambiguous.unambiguous().map_err(invalid)?))
            }
            AmbiguousOffset::Fold { .. } => {
                let earlier = ambiguous.earlier().map_err(invalid)?;
                let later = ambiguous.later().map_err(invalid)?;
                Resolution::Ambiguous(self.with(earlier), self.with(later))
            }
            AmbiguousOffset::Gap { .. } => Resolution::Gap,
        })
    }

    fn checked_add_seconds(&self, seconds: i64) -> Option<Local> {
        Some(self.with(self.at.checked_add(SignedDuration::from_secs(seconds)).ok()?))
    }

    fn cmp_instant(&self, other: &Local) -> Ordering {
        self.at.cmp(&other.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(cron: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
        let times = Times::read(cron, zone).map_err(|fault| format!("{fault:?}")).unwrap();
        let found = times.following(from.parse().unwrap(), count);
        found.into_iter().map(|time| time.to_string().replace(":00.000Z", "")).collect()
    }

    #[test]
    fn runs_go_by_the_clock_on_the_wall_through_both_changes_of_it() {
        // Berlin: 02:00 to 03:00 is left out on 29 March 2026, and comes twice on 25 October.
        let berlin = |cron, from, count| runs(cron, "Europe/Berlin", from, count);
        for (cron, from, expected) in [
            (
                "30 2 * * *",
                "2026-03-28T00:00:00Z",
                ["2026-03-28T01:30", "2026-03-29T01:00", "2026-03-30T00:30"],
            ),
            (
                "30 2 * * *",
                "2026-10-24T00:00:00Z",
                ["2026-10-24T00:30", "2026-10-25T00:30", "2026-10-26T01:30"],
            ),
            (
                "*/30 * * * *",
                "2026-10-25T00:15:00Z",
                ["2026-10-25T00:30", "2026-10-25T01:00", "2026-10-25T01:30"],
            ),
            (
                "*/30 * * * *",
                "2026-03-29T00:40:00Z",
                ["2026-03-29T01:00", "2026-03-29T01:30", "2026-03-29T02:00"],
            ),
            (
                "0 0 29 2 *",
                "2026-01-01T00:00:00Z",
                ["2028-02-28T23:00", "2032-02-28T23:00", "2036-02-28T23:00"],
            ),
            (
                "@monthly",
                "2026-01-31T23:30:00Z",
                ["2026-02-28T23:00", "2026-03-31T22:00", "2026-04-30T22:00"],
            ),
        ] {
            assert_eq!(berlin(cron, from, 3), expected, "{cron} from {from}");
        }
        let mondays = runs("0 0 29 2 +MON", "UTC", "2026-01-01T00:00:00Z", 2);
        assert_eq!(mondays, ["2044-02-29T00:00", "2072-02-29T00:00"]);
    }

    #[test]
    fn the_last_run_up_to_a_moment_is_the_one_that_was_missed_last() {
        let times = Times::read("0 9 * * MON-FRI", "America/New_York").map_err(|fault| fault.1).unwrap();
        let sunday: Timestamp = "2026-06-07T12:00:00Z".parse().unwrap();
        assert_eq!(times.up_to(sunday).unwrap().to_string(), "2026-06-05T13:00:00.000Z");
        let on_time: Timestamp = "2026-06-05T13:00:00Z".parse().unwrap();
        assert_eq!(times.up_to(on_time), Some(on_time));
    }

    #[test]
    fn what_cannot_be_read_is_named_and_what_never_comes_has_no_next() {
        let fault = |cron: &str, zone| Times::read(cron, zone).err().map(|fault| fault.0);
        let long = format!("{} * * * *", "1,".repeat(60));
        for cron in ["", "* * * *", "0 * * * * *", "60 * * * *", "a b c d e", "@reboot", &long] {
            assert_eq!(fault(cron, "UTC"), Some("cron"), "{cron}");
        }
        assert_eq!(fault("* * * * *", "Mars/Base"), Some("timezone"));
        for never in ["0 0 31 2 *", "0 0 30 2 *", "0 0 31 4,6,9,11 *"] {
            let times = Times::read(never, "Europe/Berlin").map_err(|fault| fault.1).unwrap();
            assert_eq!(times.after(Timestamp(1_773_576_000_000)), None, "{never}");
        }
    }
}
