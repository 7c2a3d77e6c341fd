//! Asking one tenant.

use super::selection::Target;
use crate::catalog::By;
use crate::error::{Error, Kind, Result};
use crate::model::tenant::Act;
use crate::service::Installation;
use crate::service::sql::run_audited;
use crate::tenancy::{ConsoleQuery, ConsoleRows, StatementBounds, TenantScope};
use std::time::Duration;

/// How long it may take beyond the statement itself until a tenant's file is open, and the audit log written.
const AROUND: Duration = Duration::from_secs(2);

/// What came of one tenant.
pub(super) enum Outcome {
    Rows(ConsoleRows),
    /// It was asked, and could not answer.
    Failed(Error),
    /// It was not asked, or its answer is withheld: the word for it, and why.
    Skipped(String, String),
    /// No tenant can be asked.
    Ends(Error),
}

/// What a tenant may take, and until when the whole query lasts.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    pub(super) statement: StatementBounds,
    pub(super) left: Duration,
}

pub(super) async fn ask(
    installation: &Installation,
    tenant: &Target,
    query: ConsoleQuery,
    bounds: Bounds,
    by: &By,
) -> Outcome {
    let patience = (bounds.statement.time() + AROUND).min(bounds.left);
    let attempt = attempt(installation, tenant, query.within(bounds.statement), by);
    match tokio::time::timeout(patience, attempt).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => left_out(&error),
        Err(_) => Outcome::Failed(Error::new(
            Kind::DeadlinePassed,
            "deadline_passed",
            "It took longer than the budget allows.",
        )),
    }
}

/// An error is why it was not asked.
async fn attempt(
    installation: &Installation,
    tenant: &Target,
    query: ConsoleQuery,
    by: &By,
) -> Result<Outcome> {
    let (tenancy, selector) = (&installation.tenancy, tenant.id.to_string());
    let scope = TenantScope::for_operator(tenancy, by.clone(), &selector, Act::Read, "query").await;
    let mut scope = match scope {
        Ok(scope) => scope,
        Err(error) if error.kind() == Kind::NotFound => return Err(error),
        Err(error) => return Ok(unwritten(&error)),
    };
    scope.glance();
    let console = match scope.console().await {
        Err(error) if error.code() == "sql_unavailable" => return Ok(Outcome::Ends(error)),
        other => other?,
    };
    let sql = query.sql.clone();
    let (answer, written) = run_audited(&scope, console, query, "operator.query").await;
    match written {
        Err(error) if error.kind() == Kind::NotFound => return Err(error),
        Err(error) => return Ok(unwritten(&error)),
        Ok(()) => {}
    }
    Ok(match answer?.into_rows(&sql) {
        Ok(rows) => Outcome::Rows(rows),
        Err(error) if error.kind() == Kind::Unavailable => return Err(error),
        Err(error) => Outcome::Failed(error),
    })
}

fn left_out(error: &Error) -> Outcome {
    if error.kind() == Kind::Internal {
        tracing::error!(error = ?error, "a tenant could not be asked by a query over tenants");
    }
    if error.kind() == Kind::NotFound {
        return Outcome::Skipped("gone".to_owned(), "There is no such tenant any more.".to_owned());
    }
    Outcome::Skipped(error.code().to_owned(), error.detail().to_owned())
}

fn unwritten(error: &Error) -> Outcome {
    tracing::warn!(error = ?error, "a tenant is left out of a query, as its audit log cannot be written");
    let detail = "Its audit log could not be written, so nothing of it is told.";
    Outcome::Skipped("not_audited".to_owned(), detail.to_owned())
}
