//! Limits of a plan: how much of one meter may be used, and where a notice is due.

use super::KnownMeters;
use super::reader::Reader;
use crate::model::plan::Decimal;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Over what time usage is counted against a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// A full hour.
    Hour,
    /// A day in the tenant's time zone.
    Day,
    /// A month in the tenant's time zone.
    Month,
    /// No window: what it is now, or, of what is summed, what it ever was.
    None,
}

impl Window {
    const ALL: [Window; 4] = [Window::Hour, Window::Day, Window::Month, Window::None];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Window::Hour => "hour",
            Window::Day => "day",
            Window::Month => "month",
            Window::None => "none",
        }
    }
}

/// How much of one meter may be used. At least one of the two is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Where notices are due, at 80 % of it and at all of it.
    pub soft: Option<Decimal>,
    /// What is not exceeded.
    pub hard: Option<Decimal>,
    /// Over what time.
    pub window: Window,
}

pub(super) fn read(reader: &mut Reader<'_>, meters: &KnownMeters, most: usize) -> BTreeMap<String, Limit> {
    let mut limits = BTreeMap::new();
    for (meter, value) in reader.entries("limits", most) {
        let place = format!("limits.{meter}");
        let facts = meters.require(reader, &place, &meter);
        let limit = reader.entry(&place, value, |limit| {
            let scale = facts.map(|facts| facts.scale);
            let (soft, hard) = (limit.quantity("soft", scale), limit.quantity("hard", scale));
            let is_said = soft.is_some() || hard.is_some();
            if !is_said && !limit.is_at_fault("soft") && !limit.is_at_fault("hard") {
                limit.fault("hard", "required", "is required, or soft: how much may be used");
            }
            if let (Some(soft), Some(hard)) = (soft, hard)
                && soft > hard
            {
                limit.fault("soft", "order", "must not be more than hard: nobody would get there");
            }
            if hard.is_some() && facts.is_some_and(|facts| !facts.takes_hard_limit) {
                let message =
                    "must be a soft limit: only what is summed or counted can be held without overshooting";
                limit.fault("hard", "not_summed", message);
            }
            let window = limit.text("window", 10).map_or(Some(Window::None), |name| {
                let window = Window::ALL.into_iter().find(|window| window.name() == name);
                if window.is_none() {
                    limit.fault("window", "unknown", "must be hour, day, month or none");
                }
                window
            });
            Some(Limit { soft, hard, window: window? })
        });
        if let Some(limit) = limit {
            limits.insert(meter, limit);
        }
    }
    limits
}

pub(super) fn write(limits: &BTreeMap<String, Limit>) -> Value {
    let each = limits.iter().map(|(meter, limit)| {
        let mut out = Map::new();
        for (name, quantity) in [("soft", limit.soft), ("hard", limit.hard)] {
            if let Some(quantity) = quantity {
                out.insert(name.to_owned(), quantity.to_string().into());
            }
        }
        if limit.window != Window::None {
            out.insert("window".to_owned(), limit.window.name().into());
        }
        (meter.clone(), Value::Object(out))
    });
    Value::Object(each.collect())
}
