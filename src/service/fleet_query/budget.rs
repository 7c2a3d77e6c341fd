//! What a query over tenants may take.

use crate::error::{Error, FieldError, Result};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Longest time of all where nobody waits at the other end of a request, in seconds.
const LONGEST: i64 = 600;

/// What a query may take, as it is asked for; what is left out is as usual.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct BudgetIn {
    /// Seconds of all.
    pub seconds: Option<i64>,
    /// Milliseconds of one tenant's statement.
    pub tenant_ms: Option<i64>,
    /// Rows of all.
    pub rows: Option<i64>,
    /// Rows of one tenant.
    pub tenant_rows: Option<i64>,
    /// Bytes of all rows, as JSON.
    pub bytes: Option<i64>,
    /// Tenants that are asked.
    pub tenants: Option<i64>,
}

/// What a query may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Budget {
    pub(super) time: Duration,
    pub(super) tenant_time: Duration,
    pub(super) rows: u64,
    pub(super) tenant_rows: u64,
    pub(super) bytes: usize,
    pub(super) tenants: usize,
}

impl Budget {
    /// `longest` is what a request has, if it is for one.
    ///
    /// # Errors
    /// 422 with every number that is out of its range.
    pub(super) fn of(input: &BudgetIn, longest: Option<Duration>) -> Result<Budget> {
        let most = longest
            .map_or(LONGEST, |longest| i64::try_from(longest.as_secs()).unwrap_or(LONGEST).clamp(1, LONGEST));
        let mut faults = Vec::new();
        let mut number = |name: &str, given: Option<i64>, usual: i64, least: i64, most: i64| {
            let number = given.unwrap_or_else(|| usual.min(most));
            if !(least..=most).contains(&number) {
                let message = format!("must be from {least} to {most}");
                faults.push(FieldError::new(format!("budget.{name}"), "range", message));
            }
            number.unsigned_abs()
        };
        let seconds = number("seconds", input.seconds, if longest.is_some() { 20 } else { 60 }, 1, most);
        let tenant_ms = number("tenant_ms", input.tenant_ms, 2_000, 10, 5_000);
        let rows = number("rows", input.rows, 10_000, 1, 50_000);
        let tenant_rows = number("tenant_rows", input.tenant_rows, 1_000, 1, 10_000);
        let bytes = number("bytes", input.bytes, 4 << 20, 1_024, 8 << 20);
        let tenants = number("tenants", input.tenants, 1_000, 1, 10_000);
        if !faults.is_empty() {
            return Err(Error::invalid(faults));
        }
        Ok(Budget {
            time: Duration::from_secs(seconds),
            tenant_time: Duration::from_millis(tenant_ms),
            rows,
            tenant_rows,
            bytes: usize::try_from(bytes).unwrap_or(usize::MAX),
            tenants: usize::try_from(tenants).unwrap_or(usize::MAX),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_as_usual_and_never_larger_than_what_a_request_has() {
        let usual = Budget::of(&BudgetIn::default(), Some(Duration::from_secs(27))).unwrap();
        assert_eq!((usual.time, usual.rows, usual.tenants), (Duration::from_secs(20), 10_000, 1_000));
        let short = Budget::of(&BudgetIn::default(), Some(Duration::ZERO)).unwrap();
        assert_eq!(short.time, Duration::from_secs(1));
        assert_eq!(Budget::of(&BudgetIn::default(), None).unwrap().time, Duration::from_secs(60));
    }

    #[test]
    fn every_number_out_of_its_range_is_named() {
        let too_much = Some(i64::MAX);
        let input = BudgetIn {
            seconds: Some(28),
            tenant_ms: Some(9),
            rows: Some(0),
            tenant_rows: Some(-1),
            bytes: too_much,
            tenants: too_much,
        };
        let error = Budget::of(&input, Some(Duration::from_secs(27))).unwrap_err();
        let fields: Vec<&str> = error.fields().iter().map(|field| field.field.as_str()).collect();
        let names = ["seconds", "tenant_ms", "rows", "tenant_rows", "bytes", "tenants"];
        assert_eq!(fields, names.map(|name| format!("budget.{name}")));
        assert!(error.fields()[0].message.contains("27"), "{:?}", error.fields());
    }
}
