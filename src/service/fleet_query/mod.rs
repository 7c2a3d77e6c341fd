//! One SQL statement over many tenants, for operators: read only, within a budget, and in the audit log of each tenant
//! before its rows are answered.
//!
//! Each statement runs as one of the tenant's owner would, in a process of its own, and reads nothing that an owner could
//! not. Tenants are asked a few at a time, in a fixed order, so that where the budget ends the rest is what comes behind.

mod answer;
mod asking;
mod budget;
mod selection;

pub use budget::BudgetIn;
pub use selection::SelectionIn;

use super::Installation;
use super::sql::described;
use crate::catalog::By;
use crate::clock::monotonic;
use crate::error::{Error, Result};
use crate::tenancy::ConsoleQuery;
use answer::{Answer, EndedBy};
use asking::{Outcome, ask};
use budget::Budget;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;
use selection::{Selected, select};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Tenants that are asked at the same time.
const AT_ONCE: usize = 2;
/// After so many tenants in a row by which the statement itself is refused, it is told to be wrong.
const REFUSALS: usize = 3;
/// How much of a request's time is left for the answer.
const SPARE: Duration = Duration::from_secs(3);

/// One query after the other: each asks many tenants.
pub(super) struct Turns(Arc<Semaphore>);

impl Default for Turns {
    fn default() -> Turns {
        Turns(Arc::new(Semaphore::new(1)))
    }
}

/// A statement, the tenants to ask, and what it may take.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct QueryIn {
    /// The statement.
    pub sql: String,
    /// Its parameters, an array or an object.
    pub params: Option<Value>,
    /// The tenants.
    pub selection: SelectionIn,
    /// What it may take; what is not said is as usual.
    pub budget: BudgetIn,
}

/// Runs one statement over a selection of tenants and answers JSON: their rows, each with the tenant's slug before it,
/// and who was not asked or could not answer, and why.
///
/// # Errors
/// 422 for a selection or a budget that is none; 429 `too_many_queries` while another one runs; 400 `sql_error` or
/// `sql_params` and 403 `sql_not_allowed` where the statement itself is wrong; 503 `sql_unavailable`.
pub async fn run_query(installation: &Installation, input: QueryIn, by: By) -> Result<Vec<u8>> {
    let is_request = by.actor != crate::catalog::Actor::Console;
    let longest =
        is_request.then(|| Duration::from_secs(installation.config.request_seconds).saturating_sub(SPARE));
    let budget = Budget::of(&input.budget, longest)?;
    let query = ConsoleQuery::new(input.sql, input.params)?;
    let _turn = Arc::clone(&installation.fleet_queries.0).try_acquire_owned().map_err(|_| {
        let detail = "Another query over tenants runs. Wait until it has ended.";
        Error::too_many("too_many_queries", detail, 5)
    })?;
    let selected = select(installation, &input.selection).await?;
    let mut details = described(&query);
    details["tenants"] = selected.tenants.len().into();
    details["selection"] = serde_json::to_value(&input.selection)?;
    let entry = by.clone();
    installation
        .catalog
        .write("operator_query", move |tx| tx.audit(&entry, "operator.query", "", &details))
        .await?;
    walk(installation, query, selected, budget, &by).await?.into_json()
}

async fn walk(
    installation: &Installation,
    query: ConsoleQuery,
    selected: Selected,
    budget: Budget,
    by: &By,
) -> Result<Answer> {
    let begun = monotonic();
    let mut answer = Answer::new(budget, selected.tenants.len(), selected.unknown);
    let mut waiting = selected.tenants.into_iter().enumerate().peekable();
    let mut asked = FuturesOrdered::new();
    let mut last = None;
    let mut refusals = Vec::new();
    let ended_by = loop {
        // As long as no tenant has answered rows the statement may be a mistake, which one tenant is enough to tell.
        let at_once = if answer.has_rows() { AT_ONCE } else { 1 };
        let ended_by = answer.ended_by(begun.elapsed());
        while asked.len() < at_once && ended_by.is_none() {
            let Some((number, tenant)) = waiting.next_if(|(number, _)| *number < budget.tenants) else {
                break;
            };
            last = Some(tenant.id);
            let (query, bounds) = (query.clone(), answer.bounds(begun.elapsed()));
            tracing::debug!(tenant_id = %tenant.id, number, "asked by a query over tenants");
            asked.push_back(async move {
                let outcome = ask(installation, &tenant, query, bounds, by).await;
                (tenant, outcome)
            });
        }
        let Some((tenant, outcome)) = asked.next().await else { break ended_by };
        match outcome {
            Outcome::Rows(rows) => answer.take(&tenant, &rows)?,
            Outcome::Failed(error) => {
                if !answer.has_rows() && is_of_statement(&error) {
                    refusals.push(error.code().to_owned());
                    if refusals.len() == REFUSALS.min(answer.selected()) {
                        return Err(error);
                    }
                }
                answer.fail(&tenant, &error);
            }
            Outcome::Skipped(reason, detail) => answer.skip(&tenant, reason, detail),
            Outcome::Ends(error) => return Err(error),
        }
    };
    let rest: Vec<_> = waiting.map(|(_, tenant)| tenant).collect();
    let ended_by = ended_by.or_else(|| (!rest.is_empty()).then_some(EndedBy::Tenants));
    answer.end(ended_by, &rest, last.filter(|_| selected.is_in_order), begun.elapsed());
    Ok(answer)
}

/// Whether it is the statement that is wrong, and not the tenant.
fn is_of_statement(error: &Error) -> bool {
    matches!(error.code(), "sql_error" | "sql_params" | "sql_not_allowed")
}
