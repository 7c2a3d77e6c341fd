//! What a query over tenants answers.

use super::asking::Bounds;
use super::budget::Budget;
use super::selection::Target;
use crate::error::{Error, Kind, Result};
use crate::id::TenantId;
use crate::tenancy::{ConsoleRows, StatementBounds};
use serde::Serialize;
use serde_json::{Value, json};
use std::time::Duration;

/// Tenants of each kind that are named; of the others it is told how many they are.
const MOST_NAMED: usize = 100;
/// Time below which no tenant is begun with.
const LEAST_TIME: Duration = Duration::from_millis(50);

/// Which part of the budget ended a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum EndedBy {
    Seconds,
    Rows,
    Bytes,
    Tenants,
}

/// The first of a list, and how many there are.
#[derive(Default)]
struct Named {
    count: usize,
    first: Vec<Value>,
}

impl Named {
    fn add(&mut self, one: impl FnOnce() -> Value) {
        self.count += 1;
        if self.first.len() < MOST_NAMED {
            self.first.push(one());
        }
    }
}

/// An answer under construction.
pub(super) struct Answer {
    budget: Budget,
    selected: usize,
    columns: Option<Vec<String>>,
    /// Rows as JSON, with commas between.
    rows: Vec<u8>,
    row_count: u64,
    /// Whether a row had no room.
    is_full: bool,
    answered: usize,
    cut: Named,
    failed: Named,
    skipped: Named,
    /// What is told behind the rows.
    end: Value,
}

impl Answer {
    pub(super) fn new(budget: Budget, selected: usize, unknown: Vec<String>) -> Answer {
        let mut skipped = Named::default();
        for name in unknown {
            skipped.add(|| {
                json!({ "tenant": { "id": null, "slug": name }, "reason": "unknown", "detail": "There is no such tenant." })
            });
        }
        Answer {
            budget,
            selected: selected + skipped.count,
            columns: None,
            rows: Vec::new(),
            row_count: 0,
            is_full: false,
            answered: 0,
            cut: Named::default(),
            failed: Named::default(),
            skipped,
            end: Value::Null,
        }
    }

    /// How many tenants can be asked at most.
    pub(super) fn selected(&self) -> usize {
        self.selected - self.skipped.count
    }

    /// Whether a tenant has answered.
    pub(super) fn has_rows(&self) -> bool {
        self.columns.is_some()
    }

    /// What of the budget is used up, once so much time is.
    pub(super) fn ended_by(&self, elapsed: Duration) -> Option<EndedBy> {
        if self.budget.time.saturating_sub(elapsed) < LEAST_TIME {
            Some(EndedBy::Seconds)
        } else if self.row_count >= self.budget.rows {
            Some(EndedBy::Rows)
        } else if self.is_full || self.rows.len() >= self.budget.bytes {
            Some(EndedBy::Bytes)
        } else {
            None
        }
    }

    /// What the next tenant may take.
    pub(super) fn bounds(&self, elapsed: Duration) -> Bounds {
        let left = self.budget.time.saturating_sub(elapsed);
        let rows = self.budget.tenant_rows.min(self.budget.rows.saturating_sub(self.row_count));
        let bytes = self.budget.bytes.saturating_sub(self.rows.len());
        Bounds { statement: StatementBounds::at_most(self.budget.tenant_time.min(left), rows, bytes), left }
    }

    /// Takes a tenant's rows, as many as there is room for.
    ///
    /// # Errors
    /// 500 for what is no answer.
    pub(super) fn take(&mut self, tenant: &Target, answered: &ConsoleRows) -> Result<()> {
        let (columns, rows) = answered.parts()?;
        let known = self.columns.get_or_insert_with(|| columns.clone());
        if *known != columns {
            let detail =
                "It answers other columns than the tenants before it: its tables are of another version.";
            self.fail(tenant, &Error::new(Kind::Conflict, "other_columns", detail));
            return Ok(());
        }
        self.answered += 1;
        let lead = format!("[{},", json!(tenant.slug));
        let (mut is_cut, before) = (answered.truncated, self.row_count);
        for row in rows {
            let rest = row.strip_prefix('[').ok_or_else(|| Error::internal("a row that is none"))?;
            if self.row_count == self.budget.rows
                || self.rows.len() + lead.len() + rest.len() + 2 > self.budget.bytes
            {
                is_cut = true;
                break;
            }
            self.rows.extend_from_slice(if self.row_count == 0 { b"" } else { b",\n" });
            self.rows.extend_from_slice(lead.as_bytes());
            self.rows.extend_from_slice(rest.as_bytes());
            self.row_count += 1;
        }
        if is_cut {
            // Fewer than it might have had: it was their size that ended them.
            self.is_full |=
                self.row_count < self.budget.rows && self.row_count - before < self.budget.tenant_rows;
            self.cut.add(|| tenant_out(tenant));
        }
        Ok(())
    }

    /// A tenant was asked and could not answer.
    pub(super) fn fail(&mut self, tenant: &Target, error: &Error) {
        self.failed
            .add(|| json!({ "tenant": tenant_out(tenant), "code": error.code(), "detail": error.detail() }));
    }

    /// A tenant was not asked.
    pub(super) fn skip(&mut self, tenant: &Target, reason: String, detail: String) {
        self.skipped.add(|| json!({ "tenant": tenant_out(tenant), "reason": reason, "detail": detail }));
    }

    /// No more tenants are asked: `rest` is left over, behind `last`.
    pub(super) fn end(
        &mut self,
        ended_by: Option<EndedBy>,
        rest: &[Target],
        last: Option<TenantId>,
        took: Duration,
    ) {
        for tenant in rest {
            let (reason, detail) = ("over_budget", "The budget of the query had ended before its turn.");
            self.skip(tenant, reason.to_owned(), detail.to_owned());
        }
        let is_cut = !rest.is_empty() || self.cut.count > 0;
        self.end = json!({
            "truncated": is_cut,
            "ended_by": ended_by.filter(|_| is_cut),
            "next_after": last.filter(|_| !rest.is_empty()),
            "tenants": {
                "selected": self.selected,
                "answered": self.answered,
                "cut": self.cut.count,
                "failed": self.failed.count,
                "skipped": self.skipped.count,
            },
            "cut": self.cut.first,
            "failed": self.failed.first,
            "skipped": self.skipped.first,
            "duration_ms": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        });
    }

    /// The whole of it.
    ///
    /// # Errors
    /// As the encoding of JSON says.
    pub(super) fn into_json(self) -> Result<Vec<u8>> {
        let mut columns = vec!["tenant".to_owned()];
        columns.extend(self.columns.unwrap_or_default());
        let end = self.end.to_string();
        let mut out = br#"{"columns":"#.to_vec();
        serde_json::to_writer(&mut out, &columns)?;
        out.extend_from_slice(b",\"rows\":[");
        out.extend_from_slice(&self.rows);
        out.extend_from_slice(b"],");
        out.extend_from_slice(end.strip_prefix('{').unwrap_or("}").as_bytes());
        Ok(out)
    }
}

fn tenant_out(tenant: &Target) -> Value {
    json!({ "id": tenant.id, "slug": tenant.slug })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::service::fleet_query::BudgetIn;

    fn target(slug: &str) -> Target {
        Target { id: TenantId::new(Timestamp(1)), slug: slug.to_owned() }
    }

    fn answer(budget: &BudgetIn) -> Answer {
        Answer::new(Budget::of(budget, None).unwrap(), 3, Vec::new())
    }

    fn told(mut answer: Answer) -> Value {
        answer.end(None, &[], None, Duration::ZERO);
        serde_json::from_slice(&answer.into_json().unwrap()).unwrap()
    }

    #[test]
    fn a_tenant_that_answers_other_columns_has_failed() {
        let mut answer = answer(&BudgetIn::default());
        answer.take(&target("acme"), &ConsoleRows::of(r#"["a"]"#, &["[1]"], false)).unwrap();
        answer.take(&target("bolt"), &ConsoleRows::of(r#"["a","b"]"#, &["[1,2]"], false)).unwrap();
        let told = told(answer);
        assert_eq!(told["rows"], json!([["acme", 1]]));
        assert_eq!(
            (&told["failed"][0]["code"], &told["tenants"]["answered"]),
            (&json!("other_columns"), &json!(1))
        );
    }

    #[test]
    fn no_more_rows_are_taken_than_there_is_room_for() {
        let mut few = answer(&BudgetIn { rows: Some(2), ..BudgetIn::default() });
        few.take(&target("acme"), &ConsoleRows::of(r#"["a"]"#, &["[1]", "[2]", "[3]"], false)).unwrap();
        assert_eq!(few.ended_by(Duration::ZERO), Some(EndedBy::Rows));
        assert_eq!(told(few)["rows"], json!([["acme", 1], ["acme", 2]]));
        let mut short = answer(&BudgetIn { bytes: Some(1_024), ..BudgetIn::default() });
        let long = format!("[\"{}\"]", "x".repeat(600));
        short.take(&target("acme"), &ConsoleRows::of(r#"["a"]"#, &[&long, &long], false)).unwrap();
        assert_eq!(short.ended_by(Duration::ZERO), Some(EndedBy::Bytes));
        let told = told(short);
        assert_eq!((told["rows"].as_array().unwrap().len(), &told["cut"][0]["slug"]), (1, &json!("acme")));
    }

    #[test]
    fn lists_name_the_first_and_count_all() {
        let mut answer = answer(&BudgetIn::default());
        let rest: Vec<Target> = (0..500).map(|number| target(&format!("t-{number}"))).collect();
        answer.end(Some(EndedBy::Seconds), &rest, Some(rest[0].id), Duration::ZERO);
        let told: Value = serde_json::from_slice(&answer.into_json().unwrap()).unwrap();
        assert_eq!(
            (told["skipped"].as_array().unwrap().len(), &told["tenants"]["skipped"]),
            (100, &json!(500))
        );
        assert_eq!((&told["ended_by"], &told["next_after"]), (&json!("seconds"), &json!(rest[0].id)));
    }
}
