//! The course of a subscription: which plan counts when, and what is billed as one.
//!
//! A period is a month or a year from the anchor on. A service period is a stretch of it on one version of one plan: all
//! of the period, or a part of it where the plan changed. Service periods follow one another without a gap.

use super::calendar::{Calendar, Period, days_after};
use crate::error::{Error, Result};
use crate::model::plan::Interval;

/// The number of the period that a trial is: the one before the first.
const TRIAL: i64 = -1;

/// One version of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanRef {
    /// Its key.
    pub key: String,
    /// Its version, from 1.
    pub version: i64,
}

/// What counts of a plan for the course of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Which version of which plan.
    pub plan: PlanRef,
    /// How long its periods are.
    pub interval: Interval,
    /// Days of trial that the tenant has left on it: all of them, or none.
    pub trial_days: u32,
}

/// How a subscription stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CourseStatus {
    /// In its trial: nothing is due yet.
    Trialing,
    /// In use.
    Active,
    /// A payment is overdue.
    PastDue,
    /// Over.
    Canceled,
}

impl CourseStatus {
    const ALL: [CourseStatus; 4] =
        [CourseStatus::Trialing, CourseStatus::Active, CourseStatus::PastDue, CourseStatus::Canceled];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            CourseStatus::Trialing => "trialing",
            CourseStatus::Active => "active",
            CourseStatus::PastDue => "past_due",
            CourseStatus::Canceled => "canceled",
        }
    }

    /// The status of that name.
    pub fn parse(name: &str) -> Option<CourseStatus> {
        CourseStatus::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// Where a subscription is. Moments are milliseconds since 1970 UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Course {
    /// The plan that counts.
    pub plan: PlanRef,
    /// How long its periods are.
    pub interval: Interval,
    /// How it stands.
    pub status: CourseStatus,
    /// The time zone that its periods go by.
    pub timezone: String,
    /// Where its periods are counted from.
    pub anchor: i64,
    /// Which of them it is in, from 0; -1 is the trial before.
    pub number: i64,
    /// The period that it is in.
    pub period: Period,
    /// When the trial ends or ended, if it began with one.
    pub trial_end: Option<i64>,
    /// What it changes to when the period ends.
    pub next: Option<PlanRef>,
}

/// A stretch of a period on one version of one plan: what is rated and billed as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePeriod {
    /// The plan.
    pub plan: PlanRef,
    /// Whether it is paid for.
    pub kind: ServiceKind,
    /// From when to when.
    pub part: Period,
    /// The period that it is a part of.
    pub whole: Period,
}

/// Whether a service period is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceKind {
    /// A trial: nothing is due.
    Trial,
    /// Fee and usage are due.
    Regular,
}

impl ServiceKind {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            ServiceKind::Trial => "trial",
            ServiceKind::Regular => "regular",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<ServiceKind> {
        [ServiceKind::Trial, ServiceKind::Regular].into_iter().find(|kind| kind.name() == name)
    }
}

impl Course {
    /// Begins at `now`, with the trial that is left.
    ///
    /// # Errors
    /// An unknown time zone, or a moment beyond the calendar.
    pub fn begin(terms: &Terms, timezone: &str, now: i64) -> Result<(Course, ServicePeriod)> {
        let is_trial = terms.trial_days > 0;
        let (anchor, number, period) = if is_trial {
            let end = days_after(now, timezone, terms.trial_days)?;
            (end, TRIAL, Period { from: now, to: end })
        } else {
            (now, 0, Calendar::new(now, timezone, terms.interval)?.period(0)?)
        };
        let course = Course {
            plan: terms.plan.clone(),
            interval: terms.interval,
            status: if is_trial { CourseStatus::Trialing } else { CourseStatus::Active },
            timezone: timezone.to_owned(),
            anchor,
            number,
            period,
            trial_end: is_trial.then_some(anchor),
            next: None,
        };
        Ok(course.serving(period))
    }

    /// Begins at `from` where another than us says until when a trial lasts: to that moment, or without one.
    ///
    /// # Errors
    /// As [`Course::begin`].
    pub fn begin_until(
        terms: &Terms,
        timezone: &str,
        from: i64,
        trial_end: Option<i64>,
    ) -> Result<(Course, ServicePeriod)> {
        let begun = Course::begin(&Terms { trial_days: 0, ..terms.clone() }, timezone, from)?;
        let Some(end) = trial_end.filter(|end| *end > from) else { return Ok(begun) };
        let course = Course {
            status: CourseStatus::Trialing,
            anchor: end,
            number: TRIAL,
            period: Period { from, to: end },
            trial_end,
            ..begun.0
        };
        let period = course.period;
        Ok(course.serving(period))
    }

    /// Changes the plan at `now`, which lies within the period: the service period so far ends, another begins. The
    /// period stays as it is, unless the new plan has others, or a trial is entered or left: then periods are counted
    /// from now. Another version of the same plan goes on with the trial.
    ///
    /// # Errors
    /// As [`Course::begin`].
    pub fn change(&self, terms: &Terms, timezone: &str, now: i64) -> Result<(Course, ServicePeriod)> {
        if !self.continues(terms) {
            return self.begin_again(terms, timezone, now);
        }
        let changed = Course { plan: terms.plan.clone(), next: None, ..self.clone() };
        Ok(changed.serving(Period { from: now, to: self.period.to }))
    }

    /// The next period, which begins where this one ends: on the plan that was asked for, if any, whose terms are `next`.
    /// A time zone that is another than before counts from here on.
    ///
    /// # Errors
    /// As [`Course::begin`].
    pub fn advance(&self, next: Option<&Terms>, timezone: &str) -> Result<(Course, ServicePeriod)> {
        let now = self.period.to;
        if let Some(terms) = next.filter(|terms| !self.continues(terms)) {
            return self.begin_again(terms, timezone, now);
        }
        let mut course = Course { next: None, number: self.number + 1, ..self.clone() };
        if let Some(terms) = next {
            course.plan = terms.plan.clone();
        }
        if self.status == CourseStatus::Trialing {
            course.status = CourseStatus::Active;
            timezone.clone_into(&mut course.timezone);
        }
        let mut calendar = Calendar::new(self.anchor, &course.timezone, self.interval)?;
        if course.timezone != timezone {
            // The same day and hour as before, by the clock on another wall.
            calendar = calendar.in_zone(timezone)?;
            timezone.clone_into(&mut course.timezone);
            course.anchor = calendar.start_of(0)?;
        }
        let to = calendar.start_of(course.number + 1)?;
        if to <= now {
            return Err(Error::internal("a period would end before it begins"));
        }
        course.period = Period { from: now, to };
        let period = course.period;
        Ok(course.serving(period))
    }

    /// Whether a change to these terms leaves the count of periods as it is.
    fn continues(&self, terms: &Terms) -> bool {
        if self.status == CourseStatus::Canceled {
            return false;
        }
        let is_other_version = terms.plan.key == self.plan.key;
        let enters_trial = terms.trial_days > 0 && self.status != CourseStatus::PastDue;
        let changes_trial = self.status == CourseStatus::Trialing || enters_trial;
        terms.interval == self.interval && (is_other_version || !changes_trial)
    }

    fn begin_again(&self, terms: &Terms, timezone: &str, now: i64) -> Result<(Course, ServicePeriod)> {
        if self.status != CourseStatus::PastDue {
            return Course::begin(terms, timezone, now);
        }
        // Who owes something is given no trial, and owes it still.
        let (course, service) = Course::begin(&Terms { trial_days: 0, ..terms.clone() }, timezone, now)?;
        Ok((Course { status: CourseStatus::PastDue, ..course }, service))
    }

    fn serving(self, part: Period) -> (Course, ServicePeriod) {
        let kind =
            if self.status == CourseStatus::Trialing { ServiceKind::Trial } else { ServiceKind::Regular };
        let service = ServicePeriod { plan: self.plan.clone(), kind, part, whole: self.period };
        (self, service)
    }
}
