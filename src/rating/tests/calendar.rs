//! Where periods begin: the 31st, leap days, clocks that go forward and back, zones at the edge.

use super::at;
use crate::model::plan::Interval;
use crate::rating::Calendar;
use proptest::prelude::*;

fn calendar(anchor: &str, zone: &str, interval: Interval) -> Calendar {
    Calendar::new(at(anchor), zone, interval).unwrap()
}

#[track_caller]
fn assert_starts(calendar: &Calendar, starts: &[(i64, &str)]) {
    for (number, expected) in starts {
        let start = jiff::Timestamp::from_millisecond(calendar.start_of(*number).unwrap()).unwrap();
        assert_eq!(start.to_string(), *expected, "period {number}");
    }
}

#[test]
fn the_31st_comes_back_after_a_shorter_month() {
    assert_starts(
        &calendar("2026-01-31T10:30:00Z", "UTC", Interval::Month),
        &[
            (0, "2026-01-31T10:30:00Z"),
            (1, "2026-02-28T10:30:00Z"),
            (2, "2026-03-31T10:30:00Z"),
            (3, "2026-04-30T10:30:00Z"),
            (4, "2026-05-31T10:30:00Z"),
            (25, "2028-02-29T10:30:00Z"),
            (-1, "2025-12-31T10:30:00Z"),
        ],
    );
}

#[test]
fn a_year_from_a_leap_day_ends_on_the_28th_until_the_next_leap_year() {
    assert_starts(
        &calendar("2024-02-29T00:00:00Z", "UTC", Interval::Year),
        &[
            (1, "2025-02-28T00:00:00Z"),
            (3, "2027-02-28T00:00:00Z"),
            (4, "2028-02-29T00:00:00Z"),
            (76, "2100-02-28T00:00:00Z"),
        ],
    );
}

#[test]
fn clocks_that_go_forward_or_back_do_not_move_the_hour_on_the_wall() {
    // 02:30 in Berlin: skipped on 29 March 2026, there twice on 25 October.
    assert_starts(
        &calendar("2026-01-29T01:30:00Z", "Europe/Berlin", Interval::Month),
        &[(1, "2026-02-28T01:30:00Z"), (2, "2026-03-29T01:30:00Z"), (3, "2026-04-29T00:30:00Z")],
    );
    assert_starts(
        &calendar("2026-08-25T00:30:00Z", "Europe/Berlin", Interval::Month),
        &[(2, "2026-10-25T00:30:00Z"), (3, "2026-11-25T01:30:00Z")],
    );
    // Begun in the second of the two hours: it is not put back into the first.
    assert_starts(
        &calendar("2026-10-25T01:30:00Z", "Europe/Berlin", Interval::Month),
        &[(0, "2026-10-25T01:30:00Z"), (1, "2026-11-25T01:30:00Z")],
    );
}

#[test]
fn zones_at_the_edges_go_by_their_own_days() {
    // The 31st of January on Kiritimati, UTC+14, is still the 30th in Greenwich.
    assert_starts(
        &calendar("2026-01-30T10:00:00Z", "Pacific/Kiritimati", Interval::Month),
        &[(1, "2026-02-27T10:00:00Z"), (2, "2026-03-30T10:00:00Z")],
    );
    assert_starts(
        &calendar("2026-01-31T12:00:00Z", "Etc/GMT+12", Interval::Month),
        &[(1, "2026-02-28T12:00:00Z"), (2, "2026-03-31T12:00:00Z")],
    );
    // Samoa had no 30 December 2011 at all.
    assert_starts(
        &calendar("2011-11-30T20:00:00Z", "Pacific/Apia", Interval::Month),
        &[(1, "2011-12-30T20:00:00Z"), (2, "2012-01-29T20:00:00Z")],
    );
}

#[test]
fn a_zone_that_does_not_exist_is_an_error() {
    assert!(Calendar::new(0, "Mars/Olympus", Interval::Month).is_err());
    assert!(Calendar::new(i64::MAX, "UTC", Interval::Month).is_err());
}

const ZONES: &[&str] = &[
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Kiritimati",
    "Pacific/Apia",
    "America/St_Johns",
    "Africa/Casablanca",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn periods_follow_one_another_and_never_drift(
        anchor in 0..4_000_000_000_000_i64,
        zone in proptest::sample::select(ZONES),
        is_yearly in any::<bool>(),
    ) {
        let interval = if is_yearly { Interval::Year } else { Interval::Month };
        let calendar = Calendar::new(anchor, zone, interval).unwrap();
        let day = 86_400_000;
        let (least, most) = if is_yearly { (364, 368) } else { (26, 33) };
        prop_assert_eq!(calendar.start_of(0).unwrap(), anchor);
        for number in -3..60 {
            let (this, next) = (calendar.period(number).unwrap(), calendar.period(number + 1).unwrap());
            prop_assert_eq!(this.to, next.from);
            let days = (this.to - this.from) / day;
            prop_assert!((least..=most).contains(&days), "period {} has {} days", number, days);
        }
    }
}
