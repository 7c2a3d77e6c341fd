//! Subscriptions over their periods: trials, changes, zones; service periods without gaps.

use super::at;
use crate::model::plan::Interval;
use crate::rating::{Course, CourseStatus, Period, PlanRef, ServiceKind, ServicePeriod, Terms};
use proptest::prelude::*;

fn terms(key: &str, interval: Interval, trial_days: u32) -> Terms {
    Terms { plan: PlanRef { key: key.to_owned(), version: 1 }, interval, trial_days }
}

fn monthly(key: &str) -> Terms {
    terms(key, Interval::Month, 0)
}

fn period(from: &str, to: &str) -> Period {
    Period { from: at(from), to: at(to) }
}

#[test]
fn a_trial_ends_after_its_days_and_periods_are_counted_from_there() {
    let begun = at("2026-01-17T12:00:00Z");
    let (course, trial) = Course::begin(&terms("pro", Interval::Month, 14), "UTC", begun).unwrap();
    assert_eq!(course.status, CourseStatus::Trialing);
    assert_eq!(trial.kind, ServiceKind::Trial);
    assert_eq!(course.period, period("2026-01-17T12:00:00Z", "2026-01-31T12:00:00Z"));
    let (course, first) = course.advance(None, "UTC").unwrap();
    assert_eq!((course.status, course.number, first.kind), (CourseStatus::Active, 0, ServiceKind::Regular));
    assert_eq!(course.period, period("2026-01-31T12:00:00Z", "2026-02-28T12:00:00Z"));
    let (course, _) = course.advance(None, "UTC").unwrap();
    assert_eq!(course.period, period("2026-02-28T12:00:00Z", "2026-03-31T12:00:00Z"));
    assert_eq!(course.trial_end, Some(at("2026-01-31T12:00:00Z")));
}

#[test]
fn days_of_a_trial_are_days_on_the_wall() {
    let begun = at("2026-03-20T12:00:00Z");
    let (course, _) = Course::begin(&terms("pro", Interval::Month, 14), "Europe/Berlin", begun).unwrap();
    assert_eq!(course.period.to, at("2026-04-03T11:00:00Z"));
}

#[test]
fn a_change_within_a_period_ends_one_service_period_and_begins_another() {
    let (free, first) = Course::begin(&monthly("free"), "UTC", at("2026-03-01T00:00:00Z")).unwrap();
    assert_eq!((first.part, first.whole), (free.period, free.period));
    let now = at("2026-03-11T00:00:00Z");
    let (pro, second) = free.change(&monthly("pro"), "UTC", now).unwrap();
    assert_eq!(pro.period, free.period);
    assert_eq!(second.part, Period { from: now, to: free.period.to });
    assert_eq!(second.whole, free.period);
    let (pro, third) = pro.advance(None, "UTC").unwrap();
    assert_eq!((third.part, third.whole), (pro.period, pro.period));
    assert_eq!(pro.period, period("2026-04-01T00:00:00Z", "2026-05-01T00:00:00Z"));
}

#[test]
fn a_change_to_another_interval_or_into_and_out_of_a_trial_counts_from_now() {
    let (free, _) = Course::begin(&monthly("free"), "UTC", at("2026-03-01T00:00:00Z")).unwrap();
    let now = at("2026-03-11T00:00:00Z");
    let (yearly, service) = free.change(&terms("pro", Interval::Year, 0), "UTC", now).unwrap();
    assert_eq!(yearly.period, period("2026-03-11T00:00:00Z", "2027-03-11T00:00:00Z"));
    assert_eq!(service.part, service.whole);
    let (trial, _) = free.change(&terms("pro", Interval::Month, 30), "UTC", now).unwrap();
    assert_eq!(trial.status, CourseStatus::Trialing);
    let (out, _) = trial.change(&monthly("basic"), "UTC", at("2026-03-20T00:00:00Z")).unwrap();
    assert_eq!(out.status, CourseStatus::Active);
    assert_eq!(out.period, period("2026-03-20T00:00:00Z", "2026-04-20T00:00:00Z"));
}

#[test]
fn another_version_of_a_plan_goes_on_with_its_trial() {
    let pro = terms("pro", Interval::Month, 14);
    let (trial, _) = Course::begin(&pro, "UTC", at("2026-01-01T00:00:00Z")).unwrap();
    let newer = Terms { plan: PlanRef { version: 2, ..pro.plan.clone() }, trial_days: 0, ..pro };
    let now = at("2026-01-05T00:00:00Z");
    let (moved, service) = trial.change(&newer, "UTC", now).unwrap();
    assert_eq!((moved.status, moved.period, moved.plan.version), (CourseStatus::Trialing, trial.period, 2));
    assert_eq!((service.kind, service.part.from), (ServiceKind::Trial, now));
    let (after, _) = trial.advance(Some(&newer), "UTC").unwrap();
    assert_eq!((after.status, after.plan.version), (CourseStatus::Active, 2));
    assert_eq!(after.period, period("2026-01-15T00:00:00Z", "2026-02-15T00:00:00Z"));
}

#[test]
fn who_owes_something_is_given_no_trial_and_owes_it_still() {
    let (free, _) = Course::begin(&monthly("free"), "UTC", 0).unwrap();
    let owing = Course { status: CourseStatus::PastDue, ..free };
    for interval in [Interval::Month, Interval::Year] {
        let (changed, service) = owing.change(&terms("pro", interval, 30), "UTC", 1_000).unwrap();
        assert_eq!(changed.status, CourseStatus::PastDue);
        assert_eq!(service.kind, ServiceKind::Regular);
    }
}

#[test]
fn a_change_that_was_asked_for_comes_with_the_end_of_the_period() {
    let (free, _) = Course::begin(&monthly("free"), "UTC", at("2026-01-31T00:00:00Z")).unwrap();
    let (pro, service) = free.advance(Some(&monthly("pro")), "UTC").unwrap();
    assert_eq!(pro.plan.key, "pro");
    assert_eq!(service.part, period("2026-02-28T00:00:00Z", "2026-03-31T00:00:00Z"));
    let (yearly, _) = free.advance(Some(&terms("big", Interval::Year, 0)), "UTC").unwrap();
    assert_eq!(yearly.period, period("2026-02-28T00:00:00Z", "2027-02-28T00:00:00Z"));
}

#[test]
fn another_time_zone_counts_from_the_next_period_on_by_the_same_clock() {
    let (course, _) = Course::begin(&monthly("free"), "UTC", at("2026-01-31T09:00:00Z")).unwrap();
    let (moved, service) = course.advance(None, "Pacific/Kiritimati").unwrap();
    // It begins where the other ended, and ends at nine on the 31st over there.
    assert_eq!(service.part, period("2026-02-28T09:00:00Z", "2026-03-30T19:00:00Z"));
    let (next, _) = moved.advance(None, "Pacific/Kiritimati").unwrap();
    assert_eq!(next.period, period("2026-03-30T19:00:00Z", "2026-04-29T19:00:00Z"));
    let (back, _) = next.advance(None, "UTC").unwrap();
    assert_eq!(back.period, period("2026-04-29T19:00:00Z", "2026-05-31T09:00:00Z"));
}

#[derive(Clone, Debug)]
enum Act {
    Advance(Option<usize>, usize),
    /// So many thousandths into the period.
    Change(usize, i64, usize),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (proptest::option::of(0..4_usize), 0..3_usize).prop_map(|(next, zone)| Act::Advance(next, zone)),
        (0..4_usize, 0..1_000_i64, 0..3_usize).prop_map(|(to, at, zone)| Act::Change(to, at, zone)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Whatever happens, every moment belongs to one service period, and each lies within the period it is a part of.
    #[test]
    fn service_periods_leave_no_gap_and_do_not_overlap(
        begun in 0..4_000_000_000_000_i64,
        acts in proptest::collection::vec(act(), 0..20),
    ) {
        let plans = [
            monthly("free"),
            terms("pro", Interval::Month, 14),
            terms("yearly", Interval::Year, 0),
            monthly("other"),
        ];
        let zones = ["UTC", "Europe/Berlin", "Pacific/Kiritimati"];
        let (mut course, first) = Course::begin(&plans[1], zones[0], begun).unwrap();
        let mut services: Vec<ServicePeriod> = vec![first];
        for act in acts {
            let (next, service) = match act {
                Act::Advance(to, zone) => course.advance(to.map(|to| &plans[to]), zones[zone]).unwrap(),
                Act::Change(to, thousandths, zone) => {
                    let last = services.last_mut().unwrap();
                    let now = last.part.from + (last.part.to - last.part.from) * thousandths / 1_000;
                    last.part.to = now;
                    course.change(&plans[to], zones[zone], now).unwrap()
                }
            };
            course = next;
            services.push(service);
        }
        prop_assert_eq!(services[0].part.from, begun);
        prop_assert_eq!(services.last().unwrap().part.to, course.period.to);
        for pair in services.windows(2) {
            prop_assert_eq!(pair[0].part.to, pair[1].part.from);
        }
        for service in &services {
            prop_assert!(service.part.from <= service.part.to);
            prop_assert!(service.whole.from <= service.part.from && service.part.to <= service.whole.to);
        }
    }
}
